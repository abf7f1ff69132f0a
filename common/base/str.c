/* common/base/str.c — small text helpers the C library lacks or does unsafely.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"

#include <stdio.h>
#include <string.h>

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool hm_str_copy(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);
    bool fits = len < size;

    if (size == 0) {
        return false;
    }
    if (!fits) {
        len = size - 1;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return fits;
}

bool hm_str_parse_u64(const char *text, size_t len, uint64_t max, uint64_t *out_value)
{
    uint64_t value = 0;

    if (len == 0) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned digit;

        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        digit = (unsigned)(text[i] - '0');
        if (value > (max - (digit > max ? max : digit)) / 10 || digit > max) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out_value = value;
    return true;
}

bool hm_str_parse_u32(const char *text, size_t len, uint32_t max, uint32_t *out_value)
{
    uint64_t value;

    if (!hm_str_parse_u64(text, len, max, &value)) {
        return false;
    }
    *out_value = (uint32_t)value;
    return true;
}

bool hm_str_equal(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

int hm_str_compare_nocase(const char *a, const char *b)
{
    a = a == NULL ? "" : a;
    b = b == NULL ? "" : b;
    while (*a != '\0' && fold(*a) == fold(*b)) {
        a++;
        b++;
    }
    return (int)(unsigned char)fold(*a) - (int)(unsigned char)fold(*b);
}

bool hm_str_equal_nocase(const char *a, const char *b)
{
    return hm_str_compare_nocase(a, b) == 0;
}

bool hm_str_glob_nocase(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *retry = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            retry = text;
        } else if (*pattern == '?' || (*pattern != '\0' && fold(*pattern) == fold(*text))) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

struct hm_span hm_str_trim(const char *text, size_t len)
{
    struct hm_span span = {text, len};

    while (span.len > 0 && is_space(span.at[0])) {
        span.at++;
        span.len--;
    }
    while (span.len > 0 && is_space(span.at[span.len - 1])) {
        span.len--;
    }
    return span;
}

bool hm_str_next_line(struct hm_span *rest, struct hm_span *out_line)
{
    size_t end = 0;
    size_t eol;

    if (rest->len == 0) {
        return false;
    }
    while (end < rest->len && rest->at[end] != '\n' && rest->at[end] != '\r') {
        end++;
    }
    eol = end;
    if (eol < rest->len && rest->at[eol] == '\r') {
        eol++;
    }
    if (eol < rest->len && rest->at[eol] == '\n') {
        eol++;
    }
    out_line->at = rest->at;
    out_line->len = end;
    rest->at += eol;
    rest->len -= eol;
    return true;
}

uint64_t hm_str_hash(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ at[i]) * 0x100000001b3u;
    }
    return hash;
}

uint64_t hm_str_hash_nocase(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)fold(*text)) * 0x100000001b3u;
    }
    return hash;
}

/* Length of the well-formed sequence at text (RFC 3629, table 3-7 of Unicode), 0 if none. */
static size_t utf8_sequence(const unsigned char *at, size_t len)
{
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t need;

    if (at[0] >= 0x01 && at[0] <= 0x7f) {
        return 1;
    }
    if (at[0] >= 0xc2 && at[0] <= 0xdf) {
        need = 2;
    } else if (at[0] >= 0xe0 && at[0] <= 0xef) {
        need = 3;
        low = at[0] == 0xe0 ? 0xa0 : low;
        high = at[0] == 0xed ? 0x9f : high;
    } else if (at[0] >= 0xf0 && at[0] <= 0xf4) {
        need = 4;
        low = at[0] == 0xf0 ? 0x90 : low;
        high = at[0] == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (len < need || at[1] < low || at[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < need; i++) {
        if (at[i] < 0x80 || at[i] > 0xbf) {
            return 0;
        }
    }
    return need;
}

size_t hm_str_utf8_prefix(const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t at = 0;

    while (at < len) {
        size_t step = utf8_sequence(bytes + at, len - at);

        if (step == 0) {
            break;
        }
        at += step;
    }
    return at;
}

bool hm_str_is_utf8(const char *text, size_t len)
{
    return hm_str_utf8_prefix(text, len) == len;
}

/* First and last code point of what a terminal does not show, or obeys. In ascending order. */
struct code_range {
    uint32_t first;
    uint32_t last;
};
static const struct code_range unseen[] = {
    {0x0001,  0x001f }, /* control characters */
    {0x007f,  0x00a0 }, /* delete, C1 control characters, no-break space */
    {0x00ad,  0x00ad }, /* soft hyphen */
    {0x034f,  0x034f }, /* combining grapheme joiner */
    {0x061c,  0x061c }, /* Arabic letter mark */
    {0x115f,  0x1160 }, /* Hangul fillers */
    {0x17b4,  0x17b5 }, /* Khmer inherent vowels */
    {0x180b,  0x180f }, /* Mongolian selectors and separator */
    {0x2000,  0x200f }, /* spaces, zero-width characters, direction marks */
    {0x2028,  0x202f }, /* separators, direction marks, narrow no-break space */
    {0x205f,  0x206f }, /* mathematical space, joiners, direction isolates */
    {0x3000,  0x3000 }, /* ideographic space */
    {0x3164,  0x3164 }, /* Hangul filler */
    {0xfe00,  0xfe0f }, /* variation selectors */
    {0xfeff,  0xfeff }, /* byte order mark */
    {0xffa0,  0xffa0 }, /* half-width Hangul filler */
    {0xfff0,  0xfffb }, /* specials before the replacement character */
    {0x1d173, 0x1d17a}, /* musical format characters */
    {0xe0000, 0xe0fff}, /* tags and selectors */
};

static bool is_unseen(uint32_t code)
{
    for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++) {
        if (code >= unseen[i].first && code <= unseen[i].last) {
            return true;
        }
    }
    return false;
}

/* The code point of a well-formed sequence of step bytes. */
static uint32_t code_point(const unsigned char *at, size_t step)
{
    static const unsigned char lead[] = {0x7f, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = at[0] & lead[step];

    for (size_t i = 1; i < step; i++) {
        code = code << 6 | (at[i] & 0x3fu);
    }
    return code;
}

void hm_str_show(const char *text, char *out, size_t size)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t left = strlen(text);
    size_t used = 0;

    while (left > 0) {
        char piece[16];
        size_t step = utf8_sequence(at, left);
        size_t len = step;

        if (step == 0) {
            len = (size_t)snprintf(piece, sizeof(piece), "<0x%02X>", (unsigned)at[0]);
            step = 1;
        } else if (is_unseen(code_point(at, step))) {
            len =
                (size_t)snprintf(piece, sizeof(piece), "<U+%04X>", (unsigned)code_point(at, step));
        } else {
            memcpy(piece, at, step);
        }
        if (used + len + 1 > size) {
            break;
        }
        memcpy(out + used, piece, len);
        used += len;
        at += step;
        left -= step;
    }
    if (size > 0) {
        out[used] = '\0';
    }
}
