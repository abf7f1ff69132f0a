/* tests/fuzz/fuzz_token.c — tokens and certificates from strangers: what is taken is printed and
 * read again the same.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "common/crypto/secret.h"

static void check_token(const char *text)
{
    struct hm_token token;
    struct hm_token again;
    char printed[HM_TOKEN_TEXT_BYTES];

    if (hm_token_parse(text, &token, NULL) != HM_OK) {
        return;
    }
    HM_MUST(hm_id_is_valid(token.id));
    hm_token_format(&token, printed);
    HM_MUST(strcmp(printed, text) == 0);
    HM_MUST(hm_token_parse(printed, &again, NULL) == HM_OK);
}

static void check_pem(const char *text, size_t len)
{
    char sha256[HM_SHA256_TEXT_BYTES];
    char again[HM_SHA256_TEXT_BYTES];
    struct hm_span certificate;
    struct hm_span inner;

    if (hm_digest_pem_sha256(text, len, sha256, &certificate, NULL) != HM_OK) {
        return;
    }
    HM_MUST(certificate.at >= text && certificate.at + certificate.len <= text + len);
    HM_MUST(hm_digest_pem_sha256(certificate.at, certificate.len, again, &inner, NULL) == HM_OK);
    HM_MUST(strcmp(sha256, again) == 0 && inner.len == certificate.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    char *text = malloc(size + 1);

    HM_MUST(text != NULL);
    ready = ready || hm_crypto_init(NULL) == HM_OK;
    HM_MUST(ready);
    memcpy(text, data, size);
    text[size] = '\0';
    check_token(text);
    check_pem(text, size);
    free(text);
    return 0;
}
