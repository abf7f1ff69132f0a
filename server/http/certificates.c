/* server/http/certificates.c — the private CA, the server's certificate, and looks at others'.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/http/certificates.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/limits.h"

#define SERIAL_BYTES 16
#define KEY_ID_BYTES 64
#define DAY_S 86400
#define CLOCK_SLACK_S DAY_S /* of the days: a host whose clock is behind must accept it too */

static enum hm_status failed(struct hm_err *err, const char *what, int result)
{
    return hm_fail(err, result == GNUTLS_E_MEMORY_ERROR ? HM_ENOMEM : HM_EINVAL, "%s: %s", what,
                   gnutls_strerror(result));
}

static gnutls_datum_t datum_of(const char *text)
{
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)text, /* GnuTLS lacks the const */
                            .size = (unsigned)strlen(text)};
}

/* ---- reading -------------------------------------------------------------------------------- */

static enum hm_status read_certificate(const char *pem, gnutls_x509_crt_t *out_certificate,
                                       struct hm_err *err)
{
    const gnutls_datum_t data = datum_of(pem);
    gnutls_x509_crt_t certificate;
    int result = gnutls_x509_crt_init(&certificate);

    if (result < 0) {
        return failed(err, "no memory for a certificate", result);
    }
    result = gnutls_x509_crt_import(certificate, &data, GNUTLS_X509_FMT_PEM);
    if (result < 0) {
        gnutls_x509_crt_deinit(certificate);
        return failed(err, "this is not a certificate in PEM form", result);
    }
    *out_certificate = certificate;
    return HM_OK;
}

static enum hm_status read_key(const char *pem, gnutls_x509_privkey_t *out_key, struct hm_err *err)
{
    const gnutls_datum_t data = datum_of(pem);
    gnutls_x509_privkey_t key;
    int result = gnutls_x509_privkey_init(&key);

    if (result < 0) {
        return failed(err, "no memory for a key", result);
    }
    result = gnutls_x509_privkey_import2(key, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (result < 0) {
        gnutls_x509_privkey_deinit(key);
        return failed(err, "this is not a private key in PEM form without password", result);
    }
    *out_key = key;
    return HM_OK;
}

enum hm_status hm_certificates_sha256(const char *certificate_pem,
                                      char out_hex[HM_SHA256_HEX_BYTES], struct hm_err *err)
{
    unsigned char digest[32];
    size_t len = sizeof(digest);
    gnutls_x509_crt_t certificate;
    enum hm_status st = read_certificate(certificate_pem, &certificate, err);
    int result;

    if (st != HM_OK) {
        return st;
    }
    result = gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_SHA256, digest, &len);
    gnutls_x509_crt_deinit(certificate);
    if (result < 0) {
        return failed(err, "cannot hash the certificate", result);
    }
    for (size_t i = 0; i < len; i++) {
        (void)snprintf(out_hex + 2 * i, 3, "%02x", digest[i]);
    }
    return HM_OK;
}

static const char *name_text(struct hm_arena *arena, int type, const unsigned char *bytes,
                             size_t len)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (type == GNUTLS_SAN_DNSNAME) {
        return hm_arena_strndup(arena, (const char *)bytes, len);
    }
    if (type == GNUTLS_SAN_IPADDRESS && (len == 4 || len == 16)) {
        (void)inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text));
        return hm_arena_strdup(arena, text);
    }
    return "";
}

static bool read_names(gnutls_x509_crt_t certificate, struct hm_arena *arena,
                       struct hm_strings *out_names)
{
    size_t room = 0;

    *out_names = (struct hm_strings){NULL, 0};
    for (unsigned at = 0; at < HM_LIMIT_NAME_BYTES; at++) {
        unsigned char bytes[HM_LIMIT_NAME_BYTES + 1];
        size_t len = sizeof(bytes);
        int type = gnutls_x509_crt_get_subject_alt_name(certificate, at, bytes, &len, NULL);
        const char *name;

        if (type == GNUTLS_E_SHORT_MEMORY_BUFFER) {
            continue;
        }
        if (type < 0) {
            break;
        }
        name = name_text(arena, type, bytes, len);
        if (name == NULL || hm_arena_grow(arena, (void **)&out_names->at, out_names->count, &room,
                                          sizeof(*out_names->at)) != 0) {
            return false;
        }
        if (name[0] != '\0') {
            out_names->at[out_names->count++] = name;
        }
    }
    return true;
}

enum hm_status hm_certificates_facts(const char *certificate_pem, struct hm_arena *arena,
                                     struct hm_certificate_facts *out_facts, struct hm_err *err)
{
    struct hm_certificate_facts facts = {0};
    char subject[HM_LIMIT_TEXT_BYTES] = "";
    size_t len = sizeof(subject);
    gnutls_x509_crt_t certificate;
    enum hm_status st = read_certificate(certificate_pem, &certificate, err);

    if (st != HM_OK) {
        return st;
    }
    (void)gnutls_x509_crt_get_dn(certificate, subject, &len);
    facts.subject = hm_arena_strdup(arena, subject);
    facts.not_before_ms = (int64_t)gnutls_x509_crt_get_activation_time(certificate) * 1000;
    facts.not_after_ms = (int64_t)gnutls_x509_crt_get_expiration_time(certificate) * 1000;
    if (facts.subject == NULL || !read_names(certificate, arena, &facts.names)) {
        st = hm_fail(err, HM_ENOMEM, "no memory for the names of the certificate");
    } else {
        *out_facts = facts;
    }
    gnutls_x509_crt_deinit(certificate);
    return st;
}

enum hm_status hm_certificates_check_pair(const struct hm_keypair *pair, struct hm_err *err)
{
    unsigned char of_certificate[KEY_ID_BYTES];
    unsigned char of_key[KEY_ID_BYTES];
    size_t certificate_len = sizeof(of_certificate);
    size_t key_len = sizeof(of_key);
    gnutls_x509_crt_t certificate = NULL;
    gnutls_x509_privkey_t key = NULL;
    enum hm_status st = read_certificate(pair->certificate_pem, &certificate, err);

    if (st != HM_OK) {
        return st;
    }
    st = read_key(pair->key_pem, &key, err);
    if (st == HM_OK) {
        if (gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, of_certificate,
                                       &certificate_len) < 0 ||
            gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, of_key, &key_len) < 0 ||
            certificate_len != key_len || memcmp(of_certificate, of_key, key_len) != 0) {
            st = hm_fail(err, HM_EINVAL,
                         "the private key does not belong to the certificate; give the two files "
                         "that were made together");
        }
        gnutls_x509_privkey_deinit(key);
    }
    gnutls_x509_crt_deinit(certificate);
    return st;
}

/* ---- making --------------------------------------------------------------------------------- */

static enum hm_status make_key(gnutls_x509_privkey_t *out_key, struct hm_err *err)
{
    gnutls_x509_privkey_t key;
    int result = gnutls_x509_privkey_init(&key);

    if (result < 0) {
        return failed(err, "no memory for a key", result);
    }
    result = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                          GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (result < 0) {
        gnutls_x509_privkey_deinit(key);
        return failed(err, "cannot make a key", result);
    }
    *out_key = key;
    return HM_OK;
}

/* What a CA and a server's certificate have in common. */
static int fill_common(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key,
                       const char *common_name, int64_t now_s, int64_t days)
{
    unsigned char serial[SERIAL_BYTES];
    unsigned char key_id[KEY_ID_BYTES];
    size_t key_id_len = sizeof(key_id);
    int result = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));

    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, of full length */
    if (result >= 0) {
        result = gnutls_x509_crt_set_version(certificate, 3);
    }
    if (result >= 0) {
        result = gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial));
    }
    if (result >= 0) {
        result = gnutls_x509_crt_set_activation_time(certificate, (time_t)(now_s - CLOCK_SLACK_S));
    }
    if (result >= 0) {
        result = gnutls_x509_crt_set_expiration_time(
            certificate, (time_t)(now_s + days * DAY_S - CLOCK_SLACK_S));
    }
    if (result >= 0) {
        result = gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0,
                                               common_name, (unsigned)strlen(common_name));
    }
    if (result >= 0) {
        result = gnutls_x509_crt_set_key(certificate, key);
    }
    if (result >= 0) {
        result = gnutls_x509_crt_get_key_id(certificate, 0, key_id, &key_id_len);
    }
    if (result >= 0) {
        result = gnutls_x509_crt_set_subject_key_id(certificate, key_id, key_id_len);
    }
    return result;
}

static const char *export_certificate(gnutls_x509_crt_t certificate, struct hm_arena *arena)
{
    gnutls_datum_t pem = {NULL, 0};
    const char *text = NULL;

    if (gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem) >= 0) {
        text = hm_arena_strndup(arena, (const char *)pem.data, pem.size);
    }
    gnutls_free(pem.data);
    return text;
}

static const char *export_key(gnutls_x509_privkey_t key, struct hm_arena *arena)
{
    gnutls_datum_t pem = {NULL, 0};
    const char *text = NULL;

    if (gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                          &pem) >= 0) {
        text = hm_arena_strndup(arena, (const char *)pem.data, pem.size);
        gnutls_memset(pem.data, 0, pem.size);
    }
    gnutls_free(pem.data);
    return text;
}

static enum hm_status export_pair(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key,
                                  struct hm_arena *arena, struct hm_keypair *out_pair,
                                  struct hm_err *err)
{
    const struct hm_keypair pair = {export_certificate(certificate, arena), export_key(key, arena)};

    if (pair.certificate_pem == NULL || pair.key_pem == NULL) {
        return hm_fail(err, HM_ENOMEM, "cannot write the new certificate as PEM");
    }
    *out_pair = pair;
    return HM_OK;
}

enum hm_status hm_certificates_make_ca(const char *common_name, int64_t now_ms,
                                       struct hm_arena *arena, struct hm_keypair *out_ca,
                                       struct hm_err *err)
{
    gnutls_x509_crt_t certificate = NULL;
    gnutls_x509_privkey_t key = NULL;
    enum hm_status st = make_key(&key, err);
    int result;

    if (st != HM_OK) {
        return st;
    }
    result = gnutls_x509_crt_init(&certificate);
    if (result >= 0) {
        result = fill_common(certificate, key, common_name, now_ms / 1000,
                             HM_CA_YEARS * (int64_t)365 + HM_CA_YEARS / 4);
    }
    if (result >= 0) {
        result = gnutls_x509_crt_set_basic_constraints(certificate, 1, 0);
    }
    if (result >= 0) {
        result = gnutls_x509_crt_set_key_usage(certificate,
                                               GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
    }
    if (result >= 0) {
        result = gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
    }
    st = result < 0 ? failed(err, "cannot make the CA's certificate", result)
                    : export_pair(certificate, key, arena, out_ca, err);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
    return st;
}

static bool is_dns_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._*";
    const size_t len = strlen(name);

    return len > 0 && len <= HM_LIMIT_NAME_BYTES && strspn(name, allowed) == len &&
           name[0] != '.' && name[0] != '-';
}

static int add_name(gnutls_x509_crt_t certificate, const char *name)
{
    unsigned char address[16];

    if (inet_pton(AF_INET, name, address) == 1) {
        return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address, 4,
                                                    GNUTLS_FSAN_APPEND);
    }
    if (inet_pton(AF_INET6, name, address) == 1) {
        return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address, 16,
                                                    GNUTLS_FSAN_APPEND);
    }
    if (!is_dns_name(name)) {
        return GNUTLS_E_INVALID_REQUEST;
    }
    return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name,
                                                (unsigned)strlen(name), GNUTLS_FSAN_APPEND);
}

static enum hm_status add_names(gnutls_x509_crt_t certificate, const struct hm_strings *names,
                                struct hm_err *err)
{
    for (size_t i = 0; i < names->count; i++) {
        if (add_name(certificate, names->at[i]) < 0) {
            return hm_fail(err, HM_EINVAL, "\"%s\" is neither a DNS name nor an IP address",
                           names->at[i]);
        }
    }
    return HM_OK;
}

static int sign_server(gnutls_x509_crt_t certificate, gnutls_x509_crt_t ca,
                       gnutls_x509_privkey_t ca_key)
{
    unsigned char key_id[KEY_ID_BYTES];
    size_t key_id_len = sizeof(key_id);
    int result = gnutls_x509_crt_set_basic_constraints(certificate, 0, -1);

    if (result >= 0) {
        result = gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
    }
    if (result >= 0) {
        result = gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER, 0);
    }
    if (result >= 0) {
        result = gnutls_x509_crt_get_subject_key_id(ca, key_id, &key_id_len, NULL);
    }
    if (result >= 0) {
        result = gnutls_x509_crt_set_authority_key_id(certificate, key_id, key_id_len);
    }
    if (result >= 0) {
        result = gnutls_x509_crt_sign2(certificate, ca, ca_key, GNUTLS_DIG_SHA256, 0);
    }
    return result;
}

enum hm_status hm_certificates_make_server(const struct hm_keypair *ca,
                                           const struct hm_strings *names, int64_t now_ms,
                                           struct hm_arena *arena, struct hm_keypair *out_server,
                                           struct hm_err *err)
{
    gnutls_x509_crt_t ca_certificate = NULL;
    gnutls_x509_crt_t certificate = NULL;
    gnutls_x509_privkey_t ca_key = NULL;
    gnutls_x509_privkey_t key = NULL;
    enum hm_status st = HM_OK;
    int result;

    if (names->count == 0) {
        return hm_fail(err, HM_EINVAL, "a server's certificate needs at least one name");
    }
    st = read_certificate(ca->certificate_pem, &ca_certificate, err);
    if (st == HM_OK) {
        st = read_key(ca->key_pem, &ca_key, err);
    }
    if (st == HM_OK) {
        st = make_key(&key, err);
    }
    if (st != HM_OK) {
        goto done;
    }
    result = gnutls_x509_crt_init(&certificate);
    if (result >= 0) {
        result = fill_common(certificate, key, "Havenmaster collector", now_ms / 1000,
                             HM_SERVER_CERTIFICATE_DAYS);
    }
    if (result >= 0) {
        st = add_names(certificate, names, err);
        result = st == HM_OK ? sign_server(certificate, ca_certificate, ca_key) : 0;
    }
    if (result < 0) {
        st = failed(err, "cannot make the server's certificate", result);
    }
    if (st == HM_OK) {
        st = export_pair(certificate, key, arena, out_server, err);
    }
done:
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_crt_deinit(ca_certificate);
    gnutls_x509_privkey_deinit(key);
    gnutls_x509_privkey_deinit(ca_key);
    return st;
}
