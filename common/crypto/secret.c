/* common/crypto/secret.c — bearer tokens: "<prefix>_<id>_<secret>".
 * SPDX-License-Identifier: Apache-2.0
 *
 * base64url has '_' among its digits: the pieces are found by their fixed lengths. */
#include "common/crypto/secret.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/base/str.h"

#define PREFIX_CHARS 3
#define ID_CHARS (HM_ID_TEXT_BYTES - 1)
#define SECRET_CHARS (HM_SECRET_TEXT_BYTES - 1)
#define ID_AT (PREFIX_CHARS + 1)
#define SECRET_AT (ID_AT + ID_CHARS + 1)
#define PLAIN_CHARS (SECRET_AT + SECRET_CHARS)
#define CA_AT (PLAIN_CHARS + 1)
#define CA_CHARS 64

static const char *const prefixes[] = {"hma", "hmj", "hmo"};
static const char join_prefix[] = "hmj";

void hm_token_new(const char *prefix, int64_t now_ms, const char *ca_sha256, struct hm_token *out)
{
    unsigned char secret[HM_SECRET_BYTES];

    (void)hm_str_copy(out->prefix, sizeof(out->prefix), prefix);
    hm_id_new(now_ms, out->id);
    hm_crypto_random(secret, sizeof(secret));
    (void)sodium_bin2base64(out->secret, sizeof(out->secret), secret, sizeof(secret),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    (void)hm_str_copy(out->ca_sha256, sizeof(out->ca_sha256), ca_sha256 == NULL ? "" : ca_sha256);
    hm_crypto_wipe(secret, sizeof(secret));
}

void hm_token_format(const struct hm_token *token, char out[HM_TOKEN_TEXT_BYTES])
{
    (void)snprintf(out, HM_TOKEN_TEXT_BYTES, "%s_%s_%s%s%s", token->prefix, token->id,
                   token->secret, token->ca_sha256[0] != '\0' ? "_" : "", token->ca_sha256);
}

static bool prefix_is_known(const char *prefix)
{
    for (size_t i = 0; i < HM_COUNT(prefixes); i++) {
        if (strcmp(prefix, prefixes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool secret_is_valid(const char *secret)
{
    unsigned char bytes[HM_SECRET_BYTES];
    size_t len = 0;
    bool valid = sodium_base642bin(bytes, sizeof(bytes), secret, SECRET_CHARS, NULL, &len, NULL,
                                   sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
                 len == sizeof(bytes);

    hm_crypto_wipe(bytes, sizeof(bytes));
    return valid;
}

static void take_piece(char *out, const char *text, size_t len)
{
    memcpy(out, text, len);
    out[len] = '\0';
}

static bool split(const char *text, struct hm_token *out)
{
    size_t len = strlen(text);
    bool with_ca = len == CA_AT + CA_CHARS;

    if ((len != PLAIN_CHARS && !with_ca) || text[PREFIX_CHARS] != '_' ||
        text[SECRET_AT - 1] != '_' || (with_ca && text[PLAIN_CHARS] != '_')) {
        return false;
    }
    take_piece(out->prefix, text, PREFIX_CHARS);
    take_piece(out->id, text + ID_AT, ID_CHARS);
    take_piece(out->secret, text + SECRET_AT, SECRET_CHARS);
    take_piece(out->ca_sha256, with_ca ? text + CA_AT : "", with_ca ? CA_CHARS : 0);
    return true;
}

enum hm_status hm_token_parse(const char *text, struct hm_token *out_token, struct hm_err *err)
{
    struct hm_token token;
    enum hm_status st = HM_OK;

    if (!split(text, &token) || !prefix_is_known(token.prefix) || !hm_id_is_valid(token.id) ||
        !secret_is_valid(token.secret) ||
        strspn(token.ca_sha256, "0123456789abcdef") != strlen(token.ca_sha256) ||
        (token.ca_sha256[0] != '\0' && strcmp(token.prefix, join_prefix) != 0)) {
        st = hm_fail(err, HM_EINVAL,
                     "this is not a token: hmj_…, hma_… or hmo_…, copied whole, was expected");
    } else {
        *out_token = token;
    }
    hm_crypto_wipe(&token, sizeof(token));
    return st;
}

void hm_token_hash(const struct hm_token *token, unsigned char out[HM_DIGEST_BYTES])
{
    hm_digest(token->secret, strlen(token->secret), out);
}
