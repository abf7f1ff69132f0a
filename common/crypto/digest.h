/* common/crypto/digest.h — BLAKE2b-256 of bytes, and comparison in constant time.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The text form is "blake2b-256:<64 lower-case hex digits>"; "b2sum -l 256" gives the same. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define HM_DIGEST_BYTES 32
#define HM_DIGEST_TEXT_BYTES (12 + 64 + 1)
#define HM_SHA256_TEXT_BYTES (64 + 1)

/* Once a program, before anything else of common/crypto. HM_EIO when the system has no random. */
enum hm_status hm_crypto_init(struct hm_err *err) HM_MUST_CHECK;

void hm_digest(const void *bytes, size_t len, unsigned char out[HM_DIGEST_BYTES]);
void hm_digest_text(const void *bytes, size_t len, char out[HM_DIGEST_TEXT_BYTES]);
bool hm_digest_text_is_valid(const char *text);

/* SHA-256 of the DER bytes of the first certificate in a PEM text, in lower-case hex: what
 * "openssl x509 -outform der | sha256sum" prints. out_certificate: that certificate alone, from
 * its BEGIN line to its END line, borrowed; what stands around it was not hashed and must not be
 * trusted. HM_EINVAL when there is no certificate. */
enum hm_status hm_digest_pem_sha256(const char *pem, size_t len, char out[HM_SHA256_TEXT_BYTES],
                                    struct hm_span *out_certificate,
                                    struct hm_err *err) HM_MUST_CHECK;

bool hm_crypto_equal(const void *a, const void *b, size_t len); /* constant time */
void hm_crypto_wipe(void *bytes, size_t len);
void hm_crypto_random(void *out, size_t len);
void hm_crypto_hex(const void *bytes, size_t len, char *out); /* 2 * len + 1 bytes */
