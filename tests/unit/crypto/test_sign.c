/* tests/unit/crypto/test_sign.c — Ed25519 against RFC 8032; key ids and texts of keys.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/digest.h"
#include "common/crypto/sign.h"

static int start(void **state)
{
    (void)state;
    return hm_crypto_init(NULL) == HM_OK ? 0 : -1;
}

static size_t from_hex(const char *hex, unsigned char *out)
{
    size_t len = strlen(hex) / 2;

    for (size_t i = 0; i < len; i++) {
        unsigned value = 0;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        out[i] = (unsigned char)value;
    }
    return len;
}

/* RFC 8032 section 7.1, tests 1 to 3. */
static const struct {
    const char *seed;
    const char *public_key;
    const char *message;
    const char *signature;
} rfc8032[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

static void test_rfc_8032(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(rfc8032); i++) {
        unsigned char seed[HM_KEY_SEED_BYTES];
        unsigned char again[HM_KEY_SEED_BYTES];
        unsigned char public_key[HM_PUBLIC_KEY_BYTES];
        unsigned char message[8];
        unsigned char wanted[HM_SIGNATURE_BYTES];
        unsigned char made[HM_SIGNATURE_BYTES];
        struct hm_key_pair pair;
        size_t len = from_hex(rfc8032[i].message, message);

        (void)from_hex(rfc8032[i].seed, seed);
        (void)from_hex(rfc8032[i].public_key, public_key);
        (void)from_hex(rfc8032[i].signature, wanted);
        hm_key_pair_from_seed(seed, &pair);
        assert_memory_equal(pair.public_key.bytes, public_key, sizeof(public_key));
        hm_sign(&pair, message, len, made);
        assert_memory_equal(made, wanted, sizeof(made));
        assert_true(hm_sign_verify(&pair.public_key, message, len, made));
        hm_key_pair_seed(&pair, again);
        assert_memory_equal(again, seed, sizeof(seed));
        hm_key_pair_fini(&pair);
    }
}

static void test_one_changed_bit_is_seen(void **state)
{
    unsigned char message[] = "reserve tcp 9955";
    unsigned char signature[HM_SIGNATURE_BYTES];
    struct hm_key_pair pair;
    struct hm_key_pair other;

    (void)state;
    hm_key_pair_new(&pair);
    hm_key_pair_new(&other);
    hm_sign(&pair, message, sizeof(message), signature);
    assert_true(hm_sign_verify(&pair.public_key, message, sizeof(message), signature));
    assert_false(hm_sign_verify(&other.public_key, message, sizeof(message), signature));
    assert_false(hm_sign_verify(&pair.public_key, message, sizeof(message) - 1, signature));
    for (size_t bit = 0; bit < sizeof(message) * 8; bit++) {
        message[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_false(hm_sign_verify(&pair.public_key, message, sizeof(message), signature));
        message[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    for (size_t bit = 0; bit < sizeof(signature) * 8; bit++) {
        signature[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_false(hm_sign_verify(&pair.public_key, message, sizeof(message), signature));
        signature[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    hm_key_pair_fini(&pair);
    hm_key_pair_fini(&other);
}

/* RFC 8032 5.1.7: S + L would fit the equation as well; taking it gives a second signature. */
static void test_second_form_of_a_signature_is_refused(void **state)
{
    static const unsigned char order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a,       0x63,
                                            0x12, 0x58, 0xd6, 0x9c, 0xf7,       0xa2,
                                            0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    unsigned char signature[HM_SIGNATURE_BYTES];
    unsigned carry = 0;
    struct hm_key_pair pair;

    (void)state;
    hm_key_pair_new(&pair);
    hm_sign(&pair, "x", 1, signature);
    for (size_t i = 0; i < sizeof(order); i++) {
        carry += (unsigned)signature[32 + i] + order[i];
        signature[32 + i] = (unsigned char)carry;
        carry >>= 8;
    }
    assert_int_equal(carry, 0);
    assert_false(hm_sign_verify(&pair.public_key, "x", 1, signature));
    hm_key_pair_fini(&pair);
}

/* The neutral point: with it every message would have the same signature. */
static void test_weak_keys_are_refused(void **state)
{
    static const char *const rows[] = {
        "ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* order 1 */
        "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* order 4 */
        "ed25519:AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* not on the curve */
        "ed25519:__________________________________________8", /* not canonical */
    };
    const struct hm_public_key neutral = {.bytes = {1}};
    unsigned char signature[HM_SIGNATURE_BYTES] = {1};
    struct hm_public_key key;
    struct hm_err err;

    (void)state;
    assert_false(hm_sign_verify(&neutral, "x", 1, signature));
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(hm_public_key_parse(rows[i], &key, &err), HM_EINVAL);
        assert_non_null(strstr(err.text, "point"));
    }
}

static void test_texts_of_keys(void **state)
{
    unsigned char seed[HM_KEY_SEED_BYTES];
    char text[HM_PUBLIC_KEY_TEXT_BYTES];
    char id[HM_KEY_ID_TEXT_BYTES];
    unsigned char digest[HM_DIGEST_BYTES];
    char hex[2 * HM_DIGEST_BYTES + 1];
    struct hm_public_key back;
    struct hm_key_pair pair;

    (void)state;
    (void)from_hex(rfc8032[0].seed, seed);
    hm_key_pair_from_seed(seed, &pair);
    hm_public_key_format(&pair.public_key, text);
    assert_string_equal(text, "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_int_equal(hm_public_key_parse(text, &back, NULL), HM_OK);
    assert_true(hm_public_key_equal(&back, &pair.public_key));
    hm_public_key_id(&back, id);
    assert_true(hm_key_id_is_valid(id));
    hm_digest(back.bytes, sizeof(back.bytes), digest);
    hm_crypto_hex(digest, sizeof(digest), hex);
    assert_int_equal(strlen(id), 32);
    assert_memory_equal(id, hex, 32);
    id[0] = 'A';
    assert_false(hm_key_id_is_valid(id));
    assert_false(hm_key_id_is_valid("abcd"));
    back.bytes[0] ^= 1;
    assert_false(hm_public_key_equal(&back, &pair.public_key));
    hm_key_pair_fini(&pair);
}

static void test_wrong_texts_of_keys(void **state)
{
    static const char *const rows[] = {
        "",
        "ed25519:",
        "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUR",
        "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo", /* the other alphabet */
        "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp", /* bits beyond the 32nd byte */
        "ED25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "rsa4096:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    };
    struct hm_public_key key = {.bytes = {7}};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(hm_public_key_parse(rows[i], &key, NULL), HM_EINVAL);
        assert_int_equal(key.bytes[0], 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_8032),
        cmocka_unit_test(test_one_changed_bit_is_seen),
        cmocka_unit_test(test_second_form_of_a_signature_is_refused),
        cmocka_unit_test(test_weak_keys_are_refused),
        cmocka_unit_test(test_texts_of_keys),
        cmocka_unit_test(test_wrong_texts_of_keys),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
