/* server/http/certificates.h — the private CA, the server's certificate, and looks at others'.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The only user of GnuTLS. ECDSA P-256. Times are milliseconds since 1970. Texts are in the
 * arena. Threads: all functions are safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/ports/inventory.h"

#define HM_CA_YEARS 10
#define HM_SERVER_CERTIFICATE_DAYS 825
#define HM_SHA256_HEX_BYTES 65

struct hm_keypair {
    const char *certificate_pem;
    const char *key_pem; /* PKCS #8, without password: keep it private */
};

/* A CA named common_name ("Havenmaster CA collector1"). */
enum hm_status hm_certificates_make_ca(const char *common_name, int64_t now_ms,
                                       struct hm_arena *arena, struct hm_keypair *out_ca,
                                       struct hm_err *err) HM_MUST_CHECK;

/* A server's certificate for the names (DNS names and IP addresses), signed by the CA. HM_EINVAL
 * for a name that is neither, or when there is none. */
enum hm_status hm_certificates_make_server(const struct hm_keypair *ca,
                                           const struct hm_strings *names, int64_t now_ms,
                                           struct hm_arena *arena, struct hm_keypair *out_server,
                                           struct hm_err *err) HM_MUST_CHECK;

/* SHA-256 over the DER bytes of the first certificate in the text, lower-case hex. */
enum hm_status hm_certificates_sha256(const char *certificate_pem,
                                      char out_hex[HM_SHA256_HEX_BYTES],
                                      struct hm_err *err) HM_MUST_CHECK;

struct hm_certificate_facts {
    const char *subject; /* "CN=collector1" */
    struct hm_strings names;
    int64_t not_before_ms;
    int64_t not_after_ms;
};

/* Of the first certificate in the text (the server's own, in a chain). */
enum hm_status hm_certificates_facts(const char *certificate_pem, struct hm_arena *arena,
                                     struct hm_certificate_facts *out_facts,
                                     struct hm_err *err) HM_MUST_CHECK;

/* HM_EINVAL, with what to do, when the key is not the certificate's. */
enum hm_status hm_certificates_check_pair(const struct hm_keypair *pair,
                                          struct hm_err *err) HM_MUST_CHECK;
