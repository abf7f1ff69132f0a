/* common/readers/net_start_text.c — what "net start" prints.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/net_start_text.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/readers/input_text.h"

#define INPUT_ARENA_BYTES (4u * HM_LIMIT_INPUT_FILE_BYTES)
#define LINES_MAX 1024u        /* no Windows 2000 has so many services */
#define SECOND_BYTE_LEAST 0x40 /* in the code pages of East Asia */

static unsigned char fold(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

/* Bytes of the UTF-8 character that begins here. */
static size_t character(const unsigned char *at)
{
    return *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
}

/* Half-width katakana have one byte in Japan's code page, all else there has two. */
static bool is_half_width(const unsigned char *at)
{
    return at[0] == 0xef && (at[1] == 0xbd || at[1] == 0xbe) && (at[1] != 0xbd || at[2] >= 0xa1);
}

/* Could the bytes be the name in a code page that has one byte, or two, for what is not ASCII? */
static bool fits_bytes(const char *name, struct hm_span line, bool wide)
{
    const unsigned char *bytes = (const unsigned char *)line.at;
    const unsigned char *at = (const unsigned char *)name;
    size_t i = 0;

    for (; *at != '\0' && i < line.len; at += character(at)) {
        if (*at < 0x80) {
            if (fold(*at) != fold(bytes[i])) {
                return false;
            }
            i++;
            continue;
        }
        if (bytes[i] < 0x80) {
            return false;
        }
        i++;
        if (wide && !is_half_width(at)) {
            if (i == line.len || bytes[i] < SECOND_BYTE_LEAST) {
                return false;
            }
            i++;
        }
    }
    return *at == '\0' && i == line.len;
}

static bool is_same(const char *name, struct hm_span line)
{
    size_t len = strlen(name);

    if (len != line.len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (fold((unsigned char)name[i]) != fold((unsigned char)line.at[i])) {
            return false;
        }
    }
    return true;
}

static const char *shown_name(const struct hm_service_row *row)
{
    return row->display[0] != '\0' ? row->display : row->name;
}

static bool fits(const struct hm_service_row *row, struct hm_span line, bool utf8)
{
    const char *name = shown_name(row);

    return utf8 ? is_same(name, line)
                : fits_bytes(name, line, false) || fits_bytes(name, line, true);
}

/* One line: the row that it names runs; of several it is not known which. */
static bool take_line(struct hm_service_rows *rows, struct hm_span line)
{
    const bool utf8 = hm_str_is_utf8(line.at, line.len);
    size_t found = 0;

    for (size_t i = 0; i < rows->count; i++) {
        found += fits(&rows->at[i], line, utf8);
    }
    for (size_t i = 0; found > 0 && i < rows->count; i++) {
        struct hm_service_row *row = &rows->at[i];

        if (!fits(row, line, utf8)) {
            continue;
        }
        if (found == 1) {
            row->has_runs = true;
            row->runs = true;
        } else if (!row->runs) {
            row->has_runs = false;
        }
    }
    return found > 0;
}

enum hm_status hm_net_start_apply(const char *text, size_t len, struct hm_service_rows *rows,
                                  size_t *out_lines, struct hm_err *err)
{
    struct hm_arena input;
    struct hm_span rest;
    struct hm_span line;
    size_t seen = 0;
    size_t lines = 0;
    enum hm_status st;

    hm_arena_init(&input, INPUT_ARENA_BYTES);
    st = hm_input_text(text, len, &input, &rest, err);
    for (size_t i = 0; st == HM_OK && i < rows->count; i++) {
        rows->at[i].has_runs = true;
        rows->at[i].runs = false;
    }
    while (st == HM_OK && hm_str_next_line(&rest, &line)) {
        struct hm_span name = hm_str_trim(line.at, line.len);

        if (name.len == 0 || (line.at[0] != ' ' && line.at[0] != '\t')) {
            continue;
        }
        if (seen++ == LINES_MAX) {
            st = hm_fail(err, HM_ETOOBIG, "more than %u services run", LINES_MAX);
        } else {
            lines += take_line(rows, name);
        }
    }
    for (size_t i = 0; st == HM_OK && lines == 0 && i < rows->count; i++) {
        rows->at[i].has_runs = false;
    }
    hm_arena_fini(&input);
    if (st == HM_OK) {
        *out_lines = lines;
    }
    return st;
}
