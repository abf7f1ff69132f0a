/* tests/unit/crypto/test_envelope.c — DSSE: its vectors, and signatures that count or do not.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/base64.h"
#include "common/crypto/digest.h"
#include "common/crypto/envelope.h"
#include "common/crypto/refusal.h"
#include "common/wire/records.h"

#define TYPE "application/vnd.example+json"
#define BODY "{\"a\": 1}"
#define KEYS 3

struct fixture {
    struct hm_arena arena;
    struct hm_key_pair pairs[KEYS];
    struct hm_public_key keys[KEYS];
    struct hm_key_pair stranger;
    struct hm_envelope envelope;
    struct hm_envelope_signers signers;
    struct hm_err err;
};

static int start(void **state)
{
    (void)state;
    return hm_crypto_init(NULL) == HM_OK ? 0 : -1;
}

static void init(struct fixture *f)
{
    *f = (struct fixture){.err = {.text = ""}};
    hm_arena_init(&f->arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    for (size_t i = 0; i < KEYS; i++) {
        hm_key_pair_new(&f->pairs[i]);
        f->keys[i] = f->pairs[i].public_key;
    }
    hm_key_pair_new(&f->stranger);
    assert_int_equal(hm_envelope_new(TYPE, BODY, strlen(BODY), &f->arena, &f->envelope, &f->err),
                     HM_OK);
}

static void fini(struct fixture *f)
{
    hm_arena_fini(&f->arena);
}

static void sign(struct fixture *f, const struct hm_key_pair *pair)
{
    assert_int_equal(hm_envelope_sign(&f->envelope, pair, &f->arena, &f->err), HM_OK);
}

static enum hm_status verify(struct fixture *f)
{
    return hm_envelope_verify(&f->envelope, TYPE, f->keys, KEYS, &f->arena, &f->signers, &f->err);
}

static void expect(const struct fixture *f, size_t count, size_t wrong, size_t repeated,
                   size_t unknown)
{
    assert_int_equal(f->signers.count, count);
    assert_int_equal(f->signers.wrong, wrong);
    assert_int_equal(f->signers.repeated, repeated);
    assert_int_equal(f->signers.unknown, unknown);
}

static void test_pae_of_the_specification(void **state)
{
    static const struct {
        const char *type;
        const char *body;
        const char *pae;
    } rows[] = {
        {"http://example.com/HelloWorld", "hello world",
         "DSSEv1 29 http://example.com/HelloWorld 11 hello world"           },
        {"",                              "",            "DSSEv1 0  0 "     },
        {"é",                            "5 x",         "DSSEv1 2 é 3 5 x"},
        {"a 1 b",                         "",            "DSSEv1 5 a 1 b 0 "},
        {"a",                             "b 0 ",        "DSSEv1 1 a 4 b 0 "},
    };
    struct hm_buf out;

    (void)state;
    hm_buf_init(&out, HM_LIMIT_SIGNED_BYTES);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        hm_buf_reset(&out);
        assert_int_equal(
            hm_envelope_put_pae(rows[i].type, rows[i].body, strlen(rows[i].body), &out, NULL),
            HM_OK);
        assert_string_equal(hm_buf_text(&out), rows[i].pae);
    }
    hm_buf_fini(&out);
}

/* The specification's own envelope: no keyid, unknown members, another algorithm's signature. */
static void test_envelope_of_the_specification(void **state)
{
    static const char json[] =
        "{\"payload\": \"aGVsbG8gd29ybGQ=\", \"payloadType\": \"http://example.com/HelloWorld\","
        " \"from the future\": 2, \"signatures\": [{\"sig\": \"A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+"
        "FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==\"}]}";
    struct fixture f;
    struct hm_envelope envelope;
    struct hm_decode_notes notes;

    (void)state;
    init(&f);
    assert_int_equal(hm_record_decode(&hm_record_envelope, json, strlen(json), false, &f.arena,
                                      &envelope, &notes, &f.err),
                     HM_OK);
    assert_int_equal(notes.unknown_members, 1);
    assert_int_equal(hm_envelope_verify(&envelope, "http://example.com/HelloWorld", f.keys, KEYS,
                                        &f.arena, &f.signers, &f.err),
                     HM_OK);
    assert_int_equal(f.signers.body.len, 11);
    assert_memory_equal(f.signers.body.at, "hello world", 11);
    expect(&f, 0, 0, 0, 1);
    assert_string_equal(f.signers.unknown_ids[0], "");
    fini(&f);
}

static void test_each_key_counts_once(void **state)
{
    struct fixture f;
    struct hm_signature rows[4];

    (void)state;
    init(&f);
    sign(&f, &f.pairs[0]);
    sign(&f, &f.pairs[2]);
    sign(&f, &f.pairs[2]); /* replaces its own */
    assert_int_equal(f.envelope.signatures.count, 2);
    assert_int_equal(verify(&f), HM_OK);
    expect(&f, 2, 0, 0, 0);
    assert_true(f.signers.by[0] && !f.signers.by[1] && f.signers.by[2]);

    memcpy(rows, f.envelope.signatures.at, 2 * sizeof(rows[0]));
    rows[2] = rows[0];
    rows[3] = rows[0];
    rows[3].key_id = "";
    f.envelope.signatures = (struct hm_signatures){rows, 4};
    assert_int_equal(verify(&f), HM_OK);
    expect(&f, 2, 0, 2, 0);
    fini(&f);
}

/* The key id is not signed: it neither makes nor hides a signer. */
static void test_key_ids_are_hints(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    sign(&f, &f.pairs[0]);
    sign(&f, &f.pairs[1]);
    f.envelope.signatures.at[1].key_id = f.envelope.signatures.at[0].key_id;
    assert_int_equal(verify(&f), HM_OK);
    expect(&f, 2, 0, 0, 0);
    f.envelope.signatures.at[0].key_id = "";
    f.envelope.signatures.at[1].key_id = "made up";
    assert_int_equal(verify(&f), HM_OK);
    expect(&f, 2, 0, 0, 0);
    fini(&f);
}

static void test_strangers_are_reported(void **state)
{
    struct fixture f;
    char id[HM_KEY_ID_TEXT_BYTES];

    (void)state;
    init(&f);
    sign(&f, &f.stranger);
    sign(&f, &f.pairs[1]);
    assert_int_equal(verify(&f), HM_OK);
    expect(&f, 1, 0, 0, 1);
    hm_public_key_id(&f.stranger.public_key, id);
    assert_string_equal(f.signers.unknown_ids[0], id);

    hm_public_key_id(&f.keys[0], id); /* the stranger calls itself the first key */
    f.envelope.signatures.at[0].key_id = id;
    assert_int_equal(verify(&f), HM_OK);
    expect(&f, 1, 1, 0, 0);
    fini(&f);
}

static void test_broken_signatures_do_not_count(void **state)
{
    static const char *const rows[] = {
        "",
        "AAAA",
        "not base64!",
        "AAAA-/AA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
    };
    struct fixture f;

    (void)state;
    init(&f);
    sign(&f, &f.pairs[0]);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        f.envelope.signatures.at[0].signature = rows[i];
        assert_int_equal(verify(&f), HM_OK);
        expect(&f, 0, 1, 0, 0);
    }
    fini(&f);
}

/* One byte short, where the missing one would be zero: memory behind it must not make it whole. */
static void test_short_signatures_do_not_count(void **state)
{
    struct fixture f;
    struct hm_span bytes = {NULL, 0};

    (void)state;
    init(&f);
    for (unsigned body = 0; body < 10000; body++) {
        assert_int_equal(hm_envelope_new(TYPE, &body, sizeof(body), &f.arena, &f.envelope, &f.err),
                         HM_OK);
        sign(&f, &f.pairs[0]);
        assert_int_equal(
            hm_base64_decode(f.envelope.signatures.at[0].signature, &f.arena, &bytes, &f.err),
            HM_OK);
        if (bytes.at[HM_SIGNATURE_BYTES - 1] == 0) {
            break;
        }
    }
    assert_int_equal(bytes.at[HM_SIGNATURE_BYTES - 1], 0);
    f.envelope.signatures.at[0].signature = hm_base64_encode(bytes.at, bytes.len - 1, &f.arena);
    assert_int_equal(verify(&f), HM_OK);
    expect(&f, 0, 1, 0, 0);
    f.envelope.signatures.at[0].signature = hm_base64_encode(bytes.at, bytes.len, &f.arena);
    assert_int_equal(verify(&f), HM_OK);
    expect(&f, 1, 0, 0, 0);
    fini(&f);
}

static void test_body_and_type_are_both_signed(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    sign(&f, &f.pairs[0]);
    f.envelope.type = "application/vnd.other+json";
    assert_int_equal(verify(&f), HM_EDENIED);
    assert_string_equal(hm_err_code(&f.err), HM_REFUSED_WRONG_TYPE);
    assert_int_equal(hm_envelope_verify(&f.envelope, "application/vnd.other+json", f.keys, KEYS,
                                        &f.arena, &f.signers, &f.err),
                     HM_OK);
    expect(&f, 0, 1, 0, 0);

    f.envelope.type = TYPE;
    f.envelope.payload = hm_base64_encode("{\"a\": 2}", 8, &f.arena);
    assert_int_equal(verify(&f), HM_OK);
    expect(&f, 0, 1, 0, 0);
    fini(&f);
}

/* Signers may write either alphabet; the bytes are what is signed, not their text. */
static void test_both_alphabets_of_base64(void **state)
{
    static const char body[] = "\xfb\xff\xfe?>~";
    struct fixture f;
    char *text;

    (void)state;
    init(&f);
    assert_int_equal(hm_envelope_new(TYPE, body, 6, &f.arena, &f.envelope, &f.err), HM_OK);
    assert_string_equal(f.envelope.payload, "+//+Pz5+");
    sign(&f, &f.pairs[0]);
    f.envelope.payload = "-__-Pz5-";
    text = hm_arena_strdup(&f.arena, f.envelope.signatures.at[0].signature);
    for (size_t i = 0; text[i] != '\0'; i++) {
        text[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
    }
    f.envelope.signatures.at[0].signature = text;
    assert_int_equal(verify(&f), HM_OK);
    expect(&f, 1, 0, 0, 0);
    assert_memory_equal(f.signers.body.at, body, 6);
    fini(&f);
}

static void test_broken_payloads(void **state)
{
    static const char *const rows[] = {"A", "AAA", "AA==AAAA", "AA=A", "AB==", "AAAA\n", "+_AA"};
    struct fixture f;
    struct hm_span body;

    (void)state;
    init(&f);
    sign(&f, &f.pairs[0]);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        f.envelope.payload = rows[i];
        assert_int_equal(verify(&f), HM_EINVAL);
        assert_string_equal(hm_err_code(&f.err), HM_REFUSED_MALFORMED);
        assert_int_equal(hm_envelope_body(&f.envelope, &f.arena, &body, &f.err), HM_EINVAL);
        assert_int_equal(hm_envelope_sign(&f.envelope, &f.pairs[1], &f.arena, &f.err), HM_EINVAL);
    }
    assert_int_equal(f.envelope.signatures.count, 1);
    fini(&f);
}

static void test_caps(void **state)
{
    struct fixture f;
    struct hm_signature rows[HM_LIMIT_SIGNATURES + 1];
    char *big;

    (void)state;
    init(&f);
    sign(&f, &f.stranger);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        rows[i] = f.envelope.signatures.at[0];
    }
    f.envelope.signatures = (struct hm_signatures){rows, HM_LIMIT_SIGNATURES};
    assert_int_equal(verify(&f), HM_OK);
    expect(&f, 0, 0, 0, HM_LIMIT_SIGNATURES);
    assert_int_equal(hm_envelope_sign(&f.envelope, &f.pairs[0], &f.arena, &f.err), HM_ETOOBIG);
    f.envelope.signatures.count++;
    assert_int_equal(verify(&f), HM_ETOOBIG);

    big = hm_arena_alloc(&f.arena, HM_LIMIT_SIGNED_BODY_BYTES + 3, 1);
    assert_non_null(big);
    assert_int_equal(
        hm_envelope_new(TYPE, big, HM_LIMIT_SIGNED_BODY_BYTES + 1, &f.arena, &f.envelope, &f.err),
        HM_ETOOBIG);
    assert_int_equal(
        hm_envelope_new(TYPE, big, HM_LIMIT_SIGNED_BODY_BYTES, &f.arena, &f.envelope, &f.err),
        HM_OK);
    sign(&f, &f.pairs[0]);
    assert_int_equal(verify(&f), HM_OK);
    expect(&f, 1, 0, 0, 0);
    f.envelope.payload = hm_base64_encode(big, HM_LIMIT_SIGNED_BODY_BYTES + 3, &f.arena);
    assert_int_equal(verify(&f), HM_ETOOBIG);
    fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pae_of_the_specification),
        cmocka_unit_test(test_envelope_of_the_specification),
        cmocka_unit_test(test_each_key_counts_once),
        cmocka_unit_test(test_key_ids_are_hints),
        cmocka_unit_test(test_strangers_are_reported),
        cmocka_unit_test(test_broken_signatures_do_not_count),
        cmocka_unit_test(test_short_signatures_do_not_count),
        cmocka_unit_test(test_body_and_type_are_both_signed),
        cmocka_unit_test(test_both_alphabets_of_base64),
        cmocka_unit_test(test_broken_payloads),
        cmocka_unit_test(test_caps),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
