/* tests/unit/crypto/test_key.c — the private key file: sealed, opened, damaged, guessed at.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/crypto/digest.h"
#include "common/crypto/key.h"
#include "common/wire/records.h"

#define PASSPHRASE "correct horse battery"
#define NOW_MS INT64_C(1790000000000)

static const struct hm_key_cost cheap = {.ops = 1, .memory_kib = HM_LIMIT_KDF_KIB_MIN};

struct fixture {
    struct hm_arena arena;
    struct hm_key_pair pair;
    struct hm_signing_key key;
    struct hm_err err;
};

static int start(void **state)
{
    (void)state;
    return hm_crypto_init(NULL) == HM_OK ? 0 : -1;
}

static void seal(struct fixture *f)
{
    hm_arena_init(&f->arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    hm_key_pair_new(&f->pair);
    assert_int_equal(
        hm_key_seal(&f->pair, "anna", NOW_MS + 7, PASSPHRASE, &cheap, &f->arena, &f->key, &f->err),
        HM_OK);
}

static void fini(struct fixture *f)
{
    hm_key_pair_fini(&f->pair);
    hm_arena_fini(&f->arena);
}

static void test_there_and_back_through_the_file(void **state)
{
    struct fixture f;
    struct hm_signing_key read;
    struct hm_key_pair back;
    struct hm_buf json;

    (void)state;
    seal(&f);
    hm_buf_init(&json, HM_LIMIT_KEY_FILE_BYTES);
    assert_int_equal(hm_record_encode_pretty(&hm_record_signing_key, &f.key, &json, &f.err), HM_OK);
    assert_int_equal(hm_record_decode(&hm_record_signing_key, json.data, json.len, true, &f.arena,
                                      &read, NULL, &f.err),
                     HM_OK);
    assert_string_equal(read.name, "anna");
    assert_int_equal(read.created, NOW_MS);
    assert_int_equal(hm_key_open(&read, PASSPHRASE, &f.arena, &back, &f.err), HM_OK);
    assert_memory_equal(&back, &f.pair, sizeof(back));
    hm_key_pair_fini(&back);
    hm_buf_fini(&json);
    fini(&f);
}

/* A file of the first version, as it lies in people's safes. */
static void test_a_file_of_version_one(void **state)
{
    char text[4096];
    FILE *file = fopen(HM_SOURCE_DIR "/schema/examples/valid/signing_key-full.json", "rb");
    struct hm_arena arena;
    struct hm_signing_key key;
    struct hm_key_pair pair;
    size_t len;

    (void)state;
    assert_non_null(file);
    len = fread(text, 1, sizeof(text), file);
    assert_int_equal(fclose(file), 0);
    hm_arena_init(&arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    assert_int_equal(
        hm_record_decode(&hm_record_signing_key, text, len, true, &arena, &key, NULL, NULL), HM_OK);
    assert_int_equal(hm_key_open(&key, PASSPHRASE, &arena, &pair, NULL), HM_OK);
    hm_key_pair_fini(&pair);
    hm_arena_fini(&arena);
}

/* The one test that pays the default cost. */
static void test_default_cost(void **state)
{
    struct fixture f;
    struct hm_signing_key key;

    (void)state;
    seal(&f);
    assert_int_equal(hm_key_seal(&f.pair, "anna", NOW_MS, PASSPHRASE, &hm_key_cost_default,
                                 &f.arena, &key, &f.err),
                     HM_OK);
    assert_int_equal(key.memory_kib, 256 * 1024);
    assert_int_equal(key.ops, 3);
    fini(&f);
}

static void test_the_seed_is_not_in_the_file(void **state)
{
    struct fixture f;
    struct hm_signing_key again;
    unsigned char seed[HM_KEY_SEED_BYTES];
    char hex[2 * HM_KEY_SEED_BYTES + 1];

    (void)state;
    seal(&f);
    hm_key_pair_seed(&f.pair, seed);
    hm_crypto_hex(seed, sizeof(seed), hex);
    assert_null(strstr(f.key.sealed, hex));
    assert_int_equal(
        hm_key_seal(&f.pair, "anna", NOW_MS, PASSPHRASE, &cheap, &f.arena, &again, &f.err), HM_OK);
    assert_string_not_equal(f.key.salt, again.salt);
    assert_string_not_equal(f.key.nonce, again.nonce);
    assert_string_not_equal(f.key.sealed, again.sealed);
    fini(&f);
}

static void test_wrong_passphrase(void **state)
{
    static const char *const rows[] = {"", "correct horse batter", "Correct horse battery",
                                       "correct horse battery "};
    struct fixture f;
    struct hm_key_pair back;

    (void)state;
    seal(&f);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(hm_key_open(&f.key, rows[i], &f.arena, &back, &f.err), HM_EDENIED);
        assert_string_equal(hm_err_code(&f.err), "wrong_passphrase");
    }
    fini(&f);
}

/* One character of one text member is another, in every place of it. */
static void damage(struct fixture *f, const char **member)
{
    const char *whole = *member;
    struct hm_key_pair back;

    for (size_t i = 0; i < strlen(whole); i++) {
        char *text = hm_arena_strdup(&f->arena, whole);

        assert_non_null(text);
        text[i] = text[i] == 'A' ? 'B' : 'A';
        *member = text;
        assert_int_equal(hm_key_open(&f->key, PASSPHRASE, &f->arena, &back, &f->err), HM_EINVAL);
        assert_string_equal(hm_err_code(&f->err), "damaged_key");
    }
    *member = whole;
}

static void test_damage_is_told_from_a_wrong_passphrase(void **state)
{
    struct fixture f;
    struct hm_key_pair back;

    (void)state;
    seal(&f);
    damage(&f, &f.key.name);
    damage(&f, &f.key.public_key);
    damage(&f, &f.key.key_id);
    damage(&f, &f.key.salt);
    damage(&f, &f.key.nonce);
    damage(&f, &f.key.sealed);
    damage(&f, &f.key.check);
    f.key.created += 1000;
    assert_int_equal(hm_key_open(&f.key, PASSPHRASE, &f.arena, &back, &f.err), HM_EINVAL);
    f.key.created -= 1000;
    f.key.ops++;
    assert_int_equal(hm_key_open(&f.key, PASSPHRASE, &f.arena, &back, &f.err), HM_EINVAL);
    f.key.ops--;
    f.key.version = 2;
    assert_int_equal(hm_key_open(&f.key, PASSPHRASE, &f.arena, &back, &f.err), HM_EINVAL);
    f.key.version = HM_KEY_VERSION;
    assert_int_equal(hm_key_open(&f.key, PASSPHRASE, &f.arena, &back, &f.err), HM_OK);
    fini(&f);
}

/* The check sum as whoever alters a file would make it again. */
static void make_check(struct fixture *f)
{
    const struct hm_signing_key *key = &f->key;
    char text[2048];
    char check[HM_DIGEST_TEXT_BYTES];
    int len =
        snprintf(text, sizeof(text), "havenmaster signing key 1 %zu %s %s %s %lld 1 8 %s %s %s",
                 strlen(key->name), key->name, key->public_key, key->key_id,
                 (long long)key->created, key->salt, key->nonce, key->sealed);

    assert_in_range(len, 1, sizeof(text) - 1);
    hm_digest_text(text, (size_t)len, check);
    f->key.check = hm_arena_strdup(&f->arena, check);
}

/* Name, key and cost are bound to the seal: nobody passes another one off under it. */
static void test_a_new_check_sum_does_not_help(void **state)
{
    struct fixture f;
    struct fixture other;
    struct hm_key_pair back;
    const char *key_id;

    (void)state;
    seal(&f);
    seal(&other);
    make_check(&f);
    assert_int_equal(hm_key_open(&f.key, PASSPHRASE, &f.arena, &back, &f.err), HM_OK);
    key_id = f.key.key_id;
    f.key.key_id = other.key.key_id;
    make_check(&f);
    assert_int_equal(hm_key_open(&f.key, PASSPHRASE, &f.arena, &back, &f.err), HM_EINVAL);
    assert_string_equal(hm_err_code(&f.err), "damaged_key");
    f.key.key_id = key_id;
    f.key.name = "eve";
    make_check(&f);
    assert_int_equal(hm_key_open(&f.key, PASSPHRASE, &f.arena, &back, &f.err), HM_EDENIED);
    other.key.salt = f.key.salt;
    other.key.nonce = f.key.nonce;
    other.key.sealed = f.key.sealed;
    make_check(&other);
    assert_int_equal(hm_key_open(&other.key, PASSPHRASE, &f.arena, &back, &f.err), HM_EDENIED);
    fini(&other);
    fini(&f);
}

static void test_a_pair_whose_halves_do_not_fit(void **state)
{
    struct fixture f;
    struct fixture other;
    struct hm_key_pair back;

    (void)state;
    seal(&f);
    seal(&other);
    f.pair.public_key = other.pair.public_key;
    assert_int_equal(
        hm_key_seal(&f.pair, "anna", NOW_MS, PASSPHRASE, &cheap, &f.arena, &f.key, &f.err), HM_OK);
    assert_int_equal(hm_key_open(&f.key, PASSPHRASE, &f.arena, &back, &f.err), HM_EINVAL);
    assert_string_equal(hm_err_code(&f.err), "damaged_key");
    fini(&other);
    fini(&f);
}

static void test_costs_are_capped_before_they_are_paid(void **state)
{
    static const struct {
        struct hm_key_cost cost;
        enum hm_status status;
    } rows[] = {
        {{HM_LIMIT_KDF_OPS + 1, 8},     HM_ETOOBIG},
        {{UINT32_MAX, UINT32_MAX},      HM_ETOOBIG},
        {{1, HM_LIMIT_KDF_KIB + 1},     HM_ETOOBIG},
        {{0, 8},                        HM_EINVAL },
        {{1, HM_LIMIT_KDF_KIB_MIN - 1}, HM_EINVAL },
    };
    struct fixture f;
    struct hm_signing_key key;
    struct hm_key_pair back;

    (void)state;
    seal(&f);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(
            hm_key_seal(&f.pair, "anna", NOW_MS, PASSPHRASE, &rows[i].cost, &f.arena, &key, &f.err),
            rows[i].status);
        key = f.key;
        key.ops = rows[i].cost.ops;
        key.memory_kib = rows[i].cost.memory_kib;
        assert_int_equal(hm_key_open(&key, PASSPHRASE, &f.arena, &back, &f.err), rows[i].status);
    }
    fini(&f);
}

static void test_bad_passphrases_and_names(void **state)
{
    char longest[HM_LIMIT_PASSPHRASE_BYTES + 2];
    struct fixture f;
    struct hm_signing_key key;
    struct hm_key_pair back;

    (void)state;
    seal(&f);
    memset(longest, 'p', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(hm_key_seal(&f.pair, "anna", NOW_MS, longest, &cheap, &f.arena, &key, &f.err),
                     HM_EINVAL);
    assert_null(strstr(f.err.text, "ppp"));
    assert_int_equal(hm_key_open(&f.key, longest, &f.arena, &back, &f.err), HM_ETOOBIG);
    longest[sizeof(longest) - 2] = '\0';
    assert_int_equal(hm_key_seal(&f.pair, "anna", NOW_MS, longest, &cheap, &f.arena, &key, &f.err),
                     HM_OK);
    assert_int_equal(
        hm_key_seal(&f.pair, "anna", NOW_MS, "seven77", &cheap, &f.arena, &key, &f.err), HM_EINVAL);
    assert_int_equal(hm_key_seal(&f.pair, "", NOW_MS, PASSPHRASE, &cheap, &f.arena, &key, &f.err),
                     HM_EINVAL);
    assert_int_equal(
        hm_key_seal(&f.pair, "\xff", NOW_MS, PASSPHRASE, &cheap, &f.arena, &key, &f.err),
        HM_EINVAL);
    fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back_through_the_file),
        cmocka_unit_test(test_a_file_of_version_one),
        cmocka_unit_test(test_default_cost),
        cmocka_unit_test(test_the_seed_is_not_in_the_file),
        cmocka_unit_test(test_wrong_passphrase),
        cmocka_unit_test(test_damage_is_told_from_a_wrong_passphrase),
        cmocka_unit_test(test_a_new_check_sum_does_not_help),
        cmocka_unit_test(test_a_pair_whose_halves_do_not_fit),
        cmocka_unit_test(test_costs_are_capped_before_they_are_paid),
        cmocka_unit_test(test_bad_passphrases_and_names),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
