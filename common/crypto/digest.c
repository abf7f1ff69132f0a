/* common/crypto/digest.c — BLAKE2b-256 of bytes, and comparison in constant time.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/crypto/digest.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "blake2b-256:"
#define PREFIX_BYTES (sizeof(PREFIX) - 1)
#define CERTIFICATE_BYTES_MAX (64u * 1024u)

static const char pem_begin[] = "-----BEGIN CERTIFICATE-----";
static const char pem_end[] = "-----END CERTIFICATE-----";

enum hm_status hm_crypto_init(struct hm_err *err)
{
    if (sodium_init() < 0) {
        return hm_fail(err, HM_EIO, "the system gives no random numbers; is /dev/urandom there?");
    }
    return HM_OK;
}

void hm_digest(const void *bytes, size_t len, unsigned char out[HM_DIGEST_BYTES])
{
    (void)crypto_generichash(out, HM_DIGEST_BYTES, bytes, len, NULL, 0);
}

void hm_digest_text(const void *bytes, size_t len, char out[HM_DIGEST_TEXT_BYTES])
{
    unsigned char digest[HM_DIGEST_BYTES];

    hm_digest(bytes, len, digest);
    memcpy(out, PREFIX, PREFIX_BYTES);
    hm_crypto_hex(digest, sizeof(digest), out + PREFIX_BYTES);
}

bool hm_digest_text_is_valid(const char *text)
{
    return strlen(text) == HM_DIGEST_TEXT_BYTES - 1 && memcmp(text, PREFIX, PREFIX_BYTES) == 0 &&
           strspn(text + PREFIX_BYTES, "0123456789abcdef") == 2 * (size_t)HM_DIGEST_BYTES;
}

/* The first certificate with its two marks; false when there is none. */
static bool find_certificate(const char *pem, size_t len, struct hm_span *out)
{
    const size_t begin_len = sizeof(pem_begin) - 1;
    const size_t end_len = sizeof(pem_end) - 1;
    size_t from = 0;
    size_t to;

    while (from + begin_len <= len && memcmp(pem + from, pem_begin, begin_len) != 0) {
        from++;
    }
    to = from + begin_len;
    while (to + end_len <= len && memcmp(pem + to, pem_end, end_len) != 0) {
        to++;
    }
    if (to + end_len > len) {
        return false;
    }
    out->at = pem + from;
    out->len = to + end_len - from;
    return true;
}

enum hm_status hm_digest_pem_sha256(const char *pem, size_t len, char out[HM_SHA256_TEXT_BYTES],
                                    struct hm_span *out_certificate, struct hm_err *err)
{
    const size_t marks_len = sizeof(pem_begin) - 1 + sizeof(pem_end) - 1;
    unsigned char hash[crypto_hash_sha256_BYTES];
    struct hm_span certificate;
    unsigned char *der;
    size_t der_len = 0;
    enum hm_status st = HM_OK;

    if (!find_certificate(pem, len, &certificate) || certificate.len > CERTIFICATE_BYTES_MAX) {
        return hm_fail(err, HM_EINVAL, "this is no certificate in PEM form");
    }
    der = malloc(certificate.len);
    if (der == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to read a certificate");
    }
    if (sodium_base642bin(der, certificate.len, certificate.at + sizeof(pem_begin) - 1,
                          certificate.len - marks_len, "\r\n\t ", &der_len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        der_len == 0) {
        st = hm_fail(err, HM_EINVAL, "the certificate's base64 text is broken");
        goto done;
    }
    (void)crypto_hash_sha256(hash, der, der_len);
    hm_crypto_hex(hash, sizeof(hash), out);
    *out_certificate = certificate;
done:
    free(der);
    return st;
}

bool hm_crypto_equal(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}

void hm_crypto_wipe(void *bytes, size_t len)
{
    sodium_memzero(bytes, len);
}

void hm_crypto_random(void *out, size_t len)
{
    randombytes_buf(out, len);
}

void hm_crypto_hex(const void *bytes, size_t len, char *out)
{
    (void)sodium_bin2hex(out, 2 * len + 1, bytes, len);
}
