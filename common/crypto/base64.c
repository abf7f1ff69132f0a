/* common/crypto/base64.c — bytes as base64 text (RFC 4648), in an arena.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/crypto/base64.h"

#include <sodium.h>
#include <string.h>

char *hm_base64_encode(const void *bytes, size_t len, struct hm_arena *arena)
{
    size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
    char *text = hm_arena_alloc(arena, size, 1);

    if (text != NULL) {
        (void)sodium_bin2base64(text, size, bytes, len, sodium_base64_VARIANT_ORIGINAL);
    }
    return text;
}

enum hm_status hm_base64_decode(const char *text, struct hm_arena *arena, struct hm_span *out_bytes,
                                struct hm_err *err)
{
    int variant = strpbrk(text, "-_") != NULL ? sodium_base64_VARIANT_URLSAFE
                                              : sodium_base64_VARIANT_ORIGINAL;
    size_t size = strlen(text) / 4 * 3;
    size_t len = 0;
    unsigned char *bytes = hm_arena_alloc(arena, size + 1, 1);

    if (bytes == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to read base64 text");
    }
    if (sodium_base642bin(bytes, size, text, strlen(text), NULL, &len, NULL, variant) != 0) {
        return hm_fail(err, HM_EINVAL, "this is not base64 text (RFC 4648, with its padding)");
    }
    out_bytes->at = (const char *)bytes;
    out_bytes->len = len;
    return HM_OK;
}
