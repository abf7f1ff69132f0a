/* common/base/encoding.c — files as people and programs write them, made UTF-8.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/encoding.h"

#include <string.h>

#define REPLACEMENT 0xfffdu
#define CTRL_Z '\x1a'

/* A text is UTF-16 without a mark when at least one unit in four is ASCII and few have a
 * zero on the other side (U+0100, U+4E00 ... have one). */
#define ASCII_UNITS_MIN_PART 4
#define OTHER_ZEROS_MAX_PART 4

enum shape { SHAPE_BYTES, SHAPE_UTF16_LE, SHAPE_UTF16_BE, SHAPE_UTF32, SHAPE_ARCHIVE };

static bool starts_with(const char *bytes, size_t len, const char *mark, size_t mark_len)
{
    return len >= mark_len && memcmp(bytes, mark, mark_len) == 0;
}

/* ---- UTF-16 ---------------------------------------------------------------------------------- */

size_t hm_utf8_put(uint32_t code, char out[HM_UTF8_MAX])
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

/* out_lone_at: where in the text the first lone surrogate stands; its length when there is none. */
static bool decode_utf16(const unsigned char *bytes, size_t units, bool big_endian,
                         struct hm_arena *arena, struct hm_span *out_text, size_t *out_lone_at)
{
    char *text = hm_arena_alloc(arena, units * 3 + 1, 1); /* a pair is 4 bytes for 2 units */
    size_t lone_at = SIZE_MAX;
    size_t len = 0;

    for (size_t i = 0; text != NULL && i < units; i++) {
        uint32_t code = unit_at(bytes, i, big_endian);

        if (is_surrogate(code, 0xd800) && i + 1 < units &&
            is_surrogate(unit_at(bytes, i + 1, big_endian), 0xdc00)) {
            code = 0x10000 + ((code - 0xd800) << 10) + (unit_at(bytes, ++i, big_endian) - 0xdc00);
        } else if (is_surrogate(code, 0xd800) || is_surrogate(code, 0xdc00)) {
            code = REPLACEMENT;
            lone_at = lone_at == SIZE_MAX ? len : lone_at;
        }
        len += hm_utf8_put(code, text + len);
    }
    if (text != NULL) {
        text[len] = '\0';
    }
    *out_text = (struct hm_span){text, len};
    *out_lone_at = lone_at == SIZE_MAX ? len : lone_at;
    return text != NULL;
}

bool hm_text_from_utf16le(const unsigned char *bytes, size_t units, struct hm_arena *arena,
                          struct hm_span *out_text)
{
    size_t lone_at;

    return decode_utf16(bytes, units, false, arena, out_text, &lone_at);
}

/* ---- what the bytes are ---------------------------------------------------------------------- */

static enum shape guess_utf16(const char *bytes, size_t len)
{
    size_t units = len / 2;
    size_t zeros[2] = {0, 0};

    for (size_t i = 0; i < units * 2; i++) {
        zeros[i % 2] += bytes[i] == '\0' ? 1 : 0;
    }
    for (size_t odd = 0; odd < 2; odd++) {
        if (zeros[odd] > 0 && zeros[odd] * ASCII_UNITS_MIN_PART >= units &&
            zeros[1 - odd] <= zeros[odd] / OTHER_ZEROS_MAX_PART) {
            return odd == 1 ? SHAPE_UTF16_LE : SHAPE_UTF16_BE;
        }
    }
    return SHAPE_BYTES;
}

/* out_skip: bytes of the mark. */
static enum shape find_shape(const char *bytes, size_t len, size_t *out_skip)
{
    *out_skip = 0;
    if (starts_with(bytes, len, "PK\x03\x04", 4) || starts_with(bytes, len, "\x1f\x8b", 2) ||
        starts_with(bytes, len, "7z\xbc\xaf", 4)) {
        return SHAPE_ARCHIVE;
    }
    if (starts_with(bytes, len, "\xff\xfe\0\0", 4) || starts_with(bytes, len, "\0\0\xfe\xff", 4)) {
        return SHAPE_UTF32;
    }
    if (starts_with(bytes, len, "\xff\xfe", 2) || starts_with(bytes, len, "\xfe\xff", 2)) {
        *out_skip = 2;
        return bytes[0] == '\xff' ? SHAPE_UTF16_LE : SHAPE_UTF16_BE;
    }
    if (starts_with(bytes, len, "\xef\xbb\xbf", 3)) {
        *out_skip = 3;
        return SHAPE_BYTES;
    }
    return len == 0 || memchr(bytes, '\0', len) == NULL ? SHAPE_BYTES : guess_utf16(bytes, len);
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

static enum hm_status refuse_nul(struct hm_span text, size_t at, struct hm_err *err)
{
    unsigned line = line_of(text, at);

    return hm_fail_line(err, HM_EINVAL, line,
                        "line %u holds a NUL byte: this is no text, or parts of it are in "
                        "different encodings (\">>\" of PowerShell does that); save it as UTF-8",
                        line);
}

static enum hm_status decode_wide(const char *bytes, size_t len, bool big_endian,
                                  struct hm_arena *arena, struct hm_span *out_text,
                                  size_t *out_lone_at, struct hm_err *err)
{
    if (len % 2 != 0) {
        return hm_fail(err, HM_EINVAL,
                       "the UTF-16 text ends in half a character: it was cut; make it again");
    }
    return decode_utf16((const unsigned char *)bytes, len / 2, big_endian, arena, out_text,
                        out_lone_at)
               ? HM_OK
               : hm_fail(err, HM_ENOMEM, "no memory for a text of %zu bytes", len);
}

/* out_lone_at: as of decode_utf16; the text's length when it is not UTF-16. */
static enum hm_status decode(const char *bytes, size_t len, struct hm_arena *arena,
                             struct hm_span *out_text, size_t *out_lone_at, struct hm_err *err)
{
    struct hm_span text;
    size_t lone_at = SIZE_MAX;
    size_t skip;
    enum shape shape = find_shape(bytes, len, &skip);
    enum hm_status st = HM_OK;
    const char *nul;

    switch (shape) {
    case SHAPE_ARCHIVE:
        return hm_fail(err, HM_EINVAL,
                       "this is an archive, or a document of an office program, not text: unpack "
                       "it, or save it as plain text");
    case SHAPE_UTF32:
        return hm_fail(err, HM_EINVAL, "the text is UTF-32: save it as UTF-8");
    case SHAPE_UTF16_LE:
    case SHAPE_UTF16_BE:
        st = decode_wide(bytes + skip, len - skip, shape == SHAPE_UTF16_BE, arena, &text, &lone_at,
                         err);
        break;
    default:
        text = (struct hm_span){bytes + skip, len - skip};
        break;
    }
    if (st != HM_OK) {
        return st;
    }
    if (text.len > 0 && text.at[text.len - 1] == CTRL_Z) {
        text.len--;
    }
    nul = text.len == 0 ? NULL : memchr(text.at, '\0', text.len);
    if (nul != NULL) {
        return refuse_nul(text, (size_t)(nul - text.at), err);
    }
    *out_text = text;
    *out_lone_at = lone_at < text.len ? lone_at : text.len;
    return HM_OK;
}

enum hm_status hm_text_decode(const char *bytes, size_t len, struct hm_arena *arena,
                              struct hm_span *out_text, struct hm_err *err)
{
    size_t lone_at;

    return decode(bytes, len, arena, out_text, &lone_at, err);
}

enum hm_status hm_text_decode_utf8(const char *bytes, size_t len, struct hm_arena *arena,
                                   struct hm_span *out_text, struct hm_err *err)
{
    struct hm_span text;
    size_t lone_at;
    enum hm_status st = decode(bytes, len, arena, &text, &lone_at, err);
    size_t valid;

    if (st != HM_OK) {
        return st;
    }
    if (lone_at < text.len) {
        unsigned line = line_of(text, lone_at);

        return hm_fail_line(err, HM_EINVAL, line,
                            "line %u holds half of a UTF-16 pair: the text is damaged; save it "
                            "as UTF-8",
                            line);
    }
    valid = hm_str_utf8_prefix(text.at, text.len);
    if (valid < text.len) {
        unsigned line = line_of(text, valid);

        return hm_fail_line(err, HM_EINVAL, line,
                            "line %u holds the byte 0x%02X, which is not UTF-8 (the file is in "
                            "the code page of an old editor or console); save it as UTF-8",
                            line, (unsigned)(unsigned char)text.at[valid]);
    }
    *out_text = text;
    return HM_OK;
}
