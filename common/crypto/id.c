/* common/crypto/id.c — 26-character identifiers that sort by time of making (ULID form).
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/crypto/id.h"

#include <string.h>

#include "common/crypto/digest.h"

#define TIME_CHARS 10
#define ID_CHARS (HM_ID_TEXT_BYTES - 1)

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

void hm_id_new(int64_t now_ms, char out[HM_ID_TEXT_BYTES])
{
    unsigned char random[ID_CHARS - TIME_CHARS];
    uint64_t time = (uint64_t)now_ms & 0xffffffffffffu;

    for (int i = TIME_CHARS - 1; i >= 0; i--) {
        out[i] = alphabet[time & 31];
        time >>= 5;
    }
    hm_crypto_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        out[TIME_CHARS + i] = alphabet[random[i] & 31];
    }
    out[ID_CHARS] = '\0';
}

bool hm_id_is_valid(const char *text)
{
    return strlen(text) == ID_CHARS && text[0] <= '7' && strspn(text, alphabet) == ID_CHARS;
}
