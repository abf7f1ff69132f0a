/* common/crypto/sign.c — Ed25519 (RFC 8032): key pairs, their names, signatures over bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/crypto/sign.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "common/crypto/digest.h"

#define PREFIX "ed25519:"
#define PREFIX_CHARS (sizeof(PREFIX) - 1)
#define KEY_ID_CHARS (HM_KEY_ID_TEXT_BYTES - 1)

static_assert(HM_PUBLIC_KEY_BYTES == crypto_sign_PUBLICKEYBYTES, "size of a public key");
static_assert(sizeof(((struct hm_key_pair *)0)->secret) == crypto_sign_SECRETKEYBYTES,
              "size of a secret key");
static_assert(HM_KEY_SEED_BYTES == crypto_sign_SEEDBYTES, "size of a seed");
static_assert(HM_SIGNATURE_BYTES == crypto_sign_BYTES, "size of a signature");

void hm_key_pair_new(struct hm_key_pair *out)
{
    (void)crypto_sign_keypair(out->public_key.bytes, out->secret);
}

void hm_key_pair_from_seed(const unsigned char seed[HM_KEY_SEED_BYTES], struct hm_key_pair *out)
{
    (void)crypto_sign_seed_keypair(out->public_key.bytes, out->secret, seed);
}

void hm_key_pair_seed(const struct hm_key_pair *pair, unsigned char out[HM_KEY_SEED_BYTES])
{
    (void)crypto_sign_ed25519_sk_to_seed(out, pair->secret);
}

void hm_key_pair_fini(struct hm_key_pair *pair)
{
    if (pair != NULL) {
        hm_crypto_wipe(pair, sizeof(*pair));
    }
}

void hm_sign(const struct hm_key_pair *pair, const void *bytes, size_t len,
             unsigned char out[HM_SIGNATURE_BYTES])
{
    (void)crypto_sign_detached(out, NULL, bytes, len, pair->secret);
}

bool hm_sign_verify(const struct hm_public_key *key, const void *bytes, size_t len,
                    const unsigned char signature[HM_SIGNATURE_BYTES])
{
    return crypto_sign_verify_detached(signature, bytes, len, key->bytes) == 0;
}

void hm_public_key_id(const struct hm_public_key *key, char out[HM_KEY_ID_TEXT_BYTES])
{
    unsigned char digest[HM_DIGEST_BYTES];

    hm_digest(key->bytes, sizeof(key->bytes), digest);
    hm_crypto_hex(digest, KEY_ID_CHARS / 2, out);
}

bool hm_key_id_is_valid(const char *text)
{
    return strlen(text) == KEY_ID_CHARS && strspn(text, "0123456789abcdef") == KEY_ID_CHARS;
}

void hm_public_key_format(const struct hm_public_key *key, char out[HM_PUBLIC_KEY_TEXT_BYTES])
{
    memcpy(out, PREFIX, PREFIX_CHARS);
    (void)sodium_bin2base64(out + PREFIX_CHARS, HM_PUBLIC_KEY_TEXT_BYTES - PREFIX_CHARS, key->bytes,
                            sizeof(key->bytes), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

enum hm_status hm_public_key_parse(const char *text, struct hm_public_key *out_key,
                                   struct hm_err *err)
{
    struct hm_public_key key;
    size_t len = 0;

    if (strlen(text) != HM_PUBLIC_KEY_TEXT_BYTES - 1 || memcmp(text, PREFIX, PREFIX_CHARS) != 0 ||
        sodium_base642bin(key.bytes, sizeof(key.bytes), text + PREFIX_CHARS,
                          HM_PUBLIC_KEY_TEXT_BYTES - 1 - PREFIX_CHARS, NULL, &len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        len != sizeof(key.bytes)) {
        return hm_fail(err, HM_EINVAL,
                       "this is no public key: \"ed25519:\" and 43 characters were expected");
    }
    if (crypto_core_ed25519_is_valid_point(key.bytes) != 1) {
        return hm_fail(err, HM_EINVAL, "this public key is a point that no key pair has");
    }
    *out_key = key;
    return HM_OK;
}

bool hm_public_key_equal(const struct hm_public_key *a, const struct hm_public_key *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
