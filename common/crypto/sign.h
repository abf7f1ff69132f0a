/* common/crypto/sign.h — Ed25519 (RFC 8032): key pairs, their names, signatures over bytes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A public key's text is "ed25519:" and 43 characters of base64url. Its key id is the first half
 * of the key's BLAKE2b-256, 32 lower-case hex digits: a short name for people and a hint for
 * programs; who may sign is decided by the whole key. hm_crypto_init comes first (digest.h).
 * Threads: all are pure but hm_key_pair_new, which is safe too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

#define HM_PUBLIC_KEY_BYTES 32
#define HM_PUBLIC_KEY_TEXT_BYTES (8 + 43 + 1)
#define HM_KEY_ID_TEXT_BYTES 33
#define HM_KEY_SEED_BYTES 32
#define HM_SIGNATURE_BYTES 64

struct hm_public_key {
    unsigned char bytes[HM_PUBLIC_KEY_BYTES];
};

/* Holds a secret: hm_key_pair_fini wipes it. */
struct hm_key_pair {
    struct hm_public_key public_key;
    unsigned char secret[64];
};

/* A new random pair, and the pair of a known seed. */
void hm_key_pair_new(struct hm_key_pair *out);
void hm_key_pair_from_seed(const unsigned char seed[HM_KEY_SEED_BYTES], struct hm_key_pair *out);
void hm_key_pair_seed(const struct hm_key_pair *pair, unsigned char out[HM_KEY_SEED_BYTES]);
void hm_key_pair_fini(struct hm_key_pair *pair);

void hm_sign(const struct hm_key_pair *pair, const void *bytes, size_t len,
             unsigned char out[HM_SIGNATURE_BYTES]);

/* True when the owner of key signed exactly these bytes. Keys of small order and signatures that
 * are not in their one canonical form are never true. */
bool hm_sign_verify(const struct hm_public_key *key, const void *bytes, size_t len,
                    const unsigned char signature[HM_SIGNATURE_BYTES]);

void hm_public_key_id(const struct hm_public_key *key, char out[HM_KEY_ID_TEXT_BYTES]);
bool hm_key_id_is_valid(const char *text);
void hm_public_key_format(const struct hm_public_key *key, char out[HM_PUBLIC_KEY_TEXT_BYTES]);

/* HM_EINVAL when it has not the form, or is no point that a key can be. */
enum hm_status hm_public_key_parse(const char *text, struct hm_public_key *out_key,
                                   struct hm_err *err) HM_MUST_CHECK;
bool hm_public_key_equal(const struct hm_public_key *a, const struct hm_public_key *b);
