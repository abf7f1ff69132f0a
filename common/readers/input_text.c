/* common/readers/input_text.c — text as programs and people hand it over, before it is read.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/input_text.h"

#include <string.h>

#include "common/base/encoding.h"
#include "common/base/limits.h"

#define QUOTE_MARKS ">#|;/*!%'"

enum hm_status hm_input_text_up_to(const char *text, size_t len, size_t limit,
                                   struct hm_arena *arena, struct hm_span *out_text,
                                   struct hm_err *err)
{
    if (len > limit) {
        return hm_fail(err, HM_ETOOBIG, "the text has %zu bytes; the most is %zu", len, limit);
    }
    return hm_text_decode(text, len, arena, out_text, err);
}

enum hm_status hm_input_text(const char *text, size_t len, struct hm_arena *arena,
                             struct hm_span *out_text, struct hm_err *err)
{
    return hm_input_text_up_to(text, len, HM_LIMIT_INPUT_FILE_BYTES, arena, out_text, err);
}

const char *hm_input_clean(const char *text, size_t len, struct hm_arena *arena)
{
    char *copy = hm_arena_strndup(arena, text, len);

    if (copy != NULL && !hm_str_is_utf8(text, len)) {
        for (size_t i = 0; i < len; i++) {
            if ((unsigned char)copy[i] > 0x7f || copy[i] == '\0') {
                copy[i] = '?';
            }
        }
    }
    return copy;
}

struct hm_span hm_input_unquote(struct hm_span line)
{
    struct hm_span rest = hm_str_trim(line.at, line.len);

    while (rest.len > 0 && strchr(QUOTE_MARKS, rest.at[0]) != NULL) {
        rest = hm_str_trim(rest.at + 1, rest.len - 1);
    }
    return rest;
}
