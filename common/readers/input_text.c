/* common/readers/input_text.c — text as programs and people hand it over, before it is read.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/input_text.h"

#include <string.h>

#include "common/base/limits.h"

#define QUOTE_MARKS ">#|;/*!%'"
#define REPLACEMENT 0xfffdu

/* Appends one code point as UTF-8 (at most 4 bytes); returns how many. */
static size_t put_utf8(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | (code >> 6));
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | (code >> 12));
        out[1] = (char)(0x80 | ((code >> 6) & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | (code >> 18));
    out[1] = (char)(0x80 | ((code >> 12) & 0x3f));
    out[2] = (char)(0x80 | ((code >> 6) & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

static uint32_t unit_at(const unsigned char *bytes, size_t at, bool big_endian)
{
    const unsigned char *unit = bytes + at * 2;

    return big_endian ? ((uint32_t)unit[0] << 8 | unit[1]) : ((uint32_t)unit[1] << 8 | unit[0]);
}

static bool is_surrogate(uint32_t unit, uint32_t first)
{
    return unit >= first && unit < first + 0x400;
}

static bool decode_utf16(const unsigned char *bytes, size_t units, bool big_endian,
                         struct hm_arena *arena, struct hm_span *out_text)
{
    char *text = hm_arena_alloc(arena, units * 3 + 1, 1); /* a pair is 4 bytes for 2 units */
    size_t len = 0;

    for (size_t i = 0; text != NULL && i < units; i++) {
        uint32_t code = unit_at(bytes, i, big_endian);

        if (is_surrogate(code, 0xd800) && i + 1 < units &&
            is_surrogate(unit_at(bytes, i + 1, big_endian), 0xdc00)) {
            code = 0x10000 + ((code - 0xd800) << 10) + (unit_at(bytes, ++i, big_endian) - 0xdc00);
        } else if (is_surrogate(code, 0xd800) || is_surrogate(code, 0xdc00)) {
            code = REPLACEMENT;
        }
        len += put_utf8(code, text + len);
    }
    *out_text = (struct hm_span){text, len};
    return text != NULL;
}

bool hm_input_utf16(const unsigned char *bytes, size_t units, struct hm_arena *arena,
                    struct hm_span *out_text)
{
    return decode_utf16(bytes, units, false, arena, out_text);
}

/* 1-based line in which the byte at stands. */
static unsigned line_of(struct hm_span text, size_t at)
{
    struct hm_span rest = text;
    struct hm_span line;
    unsigned number = 0;

    while (hm_str_next_line(&rest, &line)) {
        number++;
        if (rest.at > text.at + at) {
            break;
        }
    }
    return number;
}

enum hm_status hm_input_text(const char *text, size_t len, struct hm_arena *arena,
                             struct hm_span *out_text, struct hm_err *err)
{
    const unsigned char *bytes = (const unsigned char *)text;
    struct hm_span plain = {text, len};
    const char *nul;

    if (len > HM_LIMIT_INPUT_FILE_BYTES) {
        return hm_fail(err, HM_ETOOBIG, "the text has %zu bytes; the most is %u", len,
                       HM_LIMIT_INPUT_FILE_BYTES);
    }
    if (len >= 2 &&
        ((bytes[0] == 0xff && bytes[1] == 0xfe) || (bytes[0] == 0xfe && bytes[1] == 0xff))) {
        if (len % 2 != 0) {
            return hm_fail(err, HM_EINVAL, "the UTF-16 text ends in half a character: it was cut");
        }
        if (!decode_utf16(bytes + 2, len / 2 - 1, bytes[0] == 0xfe, arena, &plain)) {
            return hm_fail(err, HM_ENOMEM, "no memory for a text of %zu bytes", len);
        }
    } else if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        plain = (struct hm_span){text + 3, len - 3};
    }
    nul = plain.len == 0 ? NULL : memchr(plain.at, '\0', plain.len);
    if (nul != NULL) {
        unsigned line = line_of(plain, (size_t)(nul - plain.at));

        return hm_fail_line(err, HM_EINVAL, line,
                            "line %u holds a NUL byte: no text, or UTF-16 without a byte order "
                            "mark; save it as UTF-8",
                            line);
    }
    *out_text = plain;
    return HM_OK;
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
