/* common/crypto/secret.h — bearer tokens: "<prefix>_<id>_<secret>".
 * SPDX-License-Identifier: Apache-2.0
 *
 * prefix: hmj join token, hma agent, hmo operator. id: 26 characters (crypto/id.h), names the
 * row; secret: 32 random bytes, base64url without padding. A join token ends with
 * "_<64 hex>": SHA-256 of the CA certificate's DER bytes, so that the first contact is verified.
 * Only BLAKE2b-256 of the secret is stored. */
#pragma once

#include "common/crypto/digest.h"
#include "common/crypto/id.h"

#define HM_SECRET_BYTES 32
#define HM_SECRET_TEXT_BYTES 44 /* 43 characters and NUL */
#define HM_TOKEN_TEXT_BYTES 192

struct hm_token {
    char prefix[4]; /* "hmj" */
    char id[HM_ID_TEXT_BYTES];
    char secret[HM_SECRET_TEXT_BYTES];
    char ca_sha256[65]; /* "" but in a join token */
};

/* A new token with random id and secret; ca_sha256 may be NULL. */
void hm_token_new(const char *prefix, int64_t now_ms, const char *ca_sha256, struct hm_token *out);
void hm_token_format(const struct hm_token *token, char out[HM_TOKEN_TEXT_BYTES]);

/* HM_EINVAL (never with the secret in its text) when it has not the form. */
enum hm_status hm_token_parse(const char *text, struct hm_token *out_token,
                              struct hm_err *err) HM_MUST_CHECK;

/* What is stored: BLAKE2b-256 over the secret's text. */
void hm_token_hash(const struct hm_token *token, unsigned char out[HM_DIGEST_BYTES]);
