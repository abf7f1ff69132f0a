/* tests/unit/crypto/test_crypto.c — digests, identifiers, tokens.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/secret.h"

#define SHA                                                                                        \
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" /* of the bytes "test" */

static int start(void **state)
{
    (void)state;
    return hm_crypto_init(NULL) == HM_OK ? 0 : -1;
}

/* As "b2sum -l 256" prints them. */
static void test_digest_is_blake2b_256(void **state)
{
    char text[HM_DIGEST_TEXT_BYTES];

    (void)state;
    hm_digest_text("", 0, text);
    assert_string_equal(
        text, "blake2b-256:0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    hm_digest_text("abc", 3, text);
    assert_string_equal(
        text, "blake2b-256:bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    assert_true(hm_digest_text_is_valid(text));
    text[12] = 'G';
    assert_false(hm_digest_text_is_valid(text));
    text[12] = 'B';
    assert_false(hm_digest_text_is_valid(text));
    assert_false(hm_digest_text_is_valid(""));
    assert_false(hm_digest_text_is_valid("blake2b-256:"));
}

static void test_pem_gives_its_first_certificate_only(void **state)
{
    static const char pem[] = "words before\n-----BEGIN CERTIFICATE-----\ndGVz\ndA==\n"
                              "-----END CERTIFICATE-----\n"
                              "-----BEGIN CERTIFICATE-----\nZXZpbA==\n-----END CERTIFICATE-----\n";
    char sha256[HM_SHA256_TEXT_BYTES];
    struct hm_span certificate;

    (void)state;
    assert_int_equal(hm_digest_pem_sha256(pem, sizeof(pem) - 1, sha256, &certificate, NULL), HM_OK);
    assert_string_equal(sha256, SHA);
    assert_ptr_equal(certificate.at, pem + 13);
    assert_memory_equal(certificate.at + certificate.len - 5, "-----", 5);
    assert_int_equal(certificate.len, 27 + 1 + 10 + 25);
}

static void test_broken_pem_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\ndGVzdA==\n",
        "-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\ndGVz!A==\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\ndGVzd\n-----END CERTIFICATE-----",
    };
    char sha256[HM_SHA256_TEXT_BYTES];
    struct hm_span certificate;

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(hm_digest_pem_sha256(rows[i], strlen(rows[i]), sha256, &certificate, NULL),
                         HM_EINVAL);
    }
}

static void test_identifiers_sort_by_time(void **state)
{
    char before[HM_ID_TEXT_BYTES] = "";
    char other[HM_ID_TEXT_BYTES];

    (void)state;
    for (int64_t now_ms = 1; now_ms < 0x1000000000000; now_ms = now_ms * 3 + 7) {
        char id[HM_ID_TEXT_BYTES];

        hm_id_new(now_ms, id);
        assert_int_equal(strlen(id), 26);
        assert_true(hm_id_is_valid(id));
        assert_true(strcmp(before, id) < 0);
        memcpy(before, id, sizeof(before));
    }
    hm_id_new(5, before);
    hm_id_new(5, other);
    assert_string_not_equal(before, other);
    assert_memory_equal(before, "0000000005", 10);
}

static void test_wrong_identifiers(void **state)
{
    static const char *const rows[] = {
        "",
        "01hz",
        "01hzzzzzzzzzzzzzzzzzzzzzzz0",
        "01HZZZZZZZZZZZZZZZZZZZZZZZ",
        "01hzzzzzzzzzzzzzzzzzzzzzzi",
        "81hzzzzzzzzzzzzzzzzzzzzzzz",
        "01hzzzzzzzzzzzzz zzzzzzzzz",
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_false(hm_id_is_valid(rows[i]));
    }
}

static void test_token_there_and_back(void **state)
{
    static const struct {
        const char *prefix;
        const char *ca;
    } rows[] = {
        {"hma", NULL},
        {"hmo", ""  },
        {"hmj", NULL},
        {"hmj", SHA },
    };

    (void)state;
    for (size_t i = 0; i < 64; i++) { /* often enough for every digit of base64url */
        const size_t row = i % HM_COUNT(rows);
        struct hm_token token;
        struct hm_token back;
        char text[HM_TOKEN_TEXT_BYTES];
        unsigned char hash[HM_DIGEST_BYTES];
        unsigned char hash_back[HM_DIGEST_BYTES];

        hm_token_new(rows[row].prefix, 1000, rows[row].ca, &token);
        hm_token_format(&token, text);
        assert_int_equal(hm_token_parse(text, &back, NULL), HM_OK);
        assert_string_equal(back.prefix, rows[row].prefix);
        assert_string_equal(back.id, token.id);
        assert_string_equal(back.secret, token.secret);
        assert_string_equal(back.ca_sha256, rows[row].ca == NULL ? "" : rows[row].ca);
        hm_token_hash(&token, hash);
        hm_token_hash(&back, hash_back);
        assert_true(hm_crypto_equal(hash, hash_back, sizeof(hash)));
        hm_token_new(rows[row].prefix, 1000, rows[row].ca, &back);
        hm_token_hash(&back, hash_back);
        assert_false(hm_crypto_equal(hash, hash_back, sizeof(hash)));
    }
}

static void test_wrong_tokens(void **state)
{
#define ID "01hzzzzzzzzzzzzzzzzzzzzzzz"
#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    static const char *const rows[] = {
        "",
        "hma",
        "hmx_" ID "_" SECRET,
        "hma-" ID "_" SECRET,
        "hma_" ID "-" SECRET,
        "hma_" ID "_" SECRET "A",
        "hma_" ID "_AAAA",
        "hma_" ID "_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+",
        "hma_" ID "_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB", /* bits beyond the 32nd byte */
        "hma_01HZZZZZZZZZZZZZZZZZZZZZZZ_" SECRET,
        "hma_" ID "_" SECRET "_" SHA, /* a fingerprint is a join token's */
        "hmj_" ID "_" SECRET "-" SHA,
        "hmj_" ID "_" SECRET "_9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",
        " hma_" ID "_" SECRET,
        "hma_" ID "_" SECRET "\n",
    };
    struct hm_token token;
    struct hm_err err;

    (void)state;
    assert_int_equal(hm_token_parse("hma_" ID "_" SECRET, &token, &err), HM_OK);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(hm_token_parse(rows[i], &token, &err), HM_EINVAL);
        assert_null(strstr(err.text, "AAAA"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest_is_blake2b_256),
        cmocka_unit_test(test_pem_gives_its_first_certificate_only),
        cmocka_unit_test(test_broken_pem_is_refused),
        cmocka_unit_test(test_identifiers_sort_by_time),
        cmocka_unit_test(test_wrong_identifiers),
        cmocka_unit_test(test_token_there_and_back),
        cmocka_unit_test(test_wrong_tokens),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
