/* common/readers/reg_query_text.c — what "reg query KEY /s /v NAME" prints.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/reg_query_text.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/readers/input_text.h"

#define INPUT_ARENA_BYTES (4u * HM_LIMIT_INPUT_FILE_BYTES)
#define ROOT "HKEY_"
#define TYPE "REG_"
#define GAP "    "
#define LINE_MARK "\\0" /* between the lines of REG_MULTI_SZ; as two characters */

struct reader {
    const char *key;
    unsigned line;
    struct hm_arena *arena;
    struct hm_reg_value *at;
    size_t count;
    size_t room;
    struct hm_strings keys;
    size_t keys_room;
    size_t ends;
    bool open;
};

/* The pieces of "    name    REG_SZ    data". */
struct pieces {
    struct hm_span name;
    struct hm_span type;
    struct hm_span data;
};

static enum hm_status no_memory(const struct reader *reader, struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for a registry listing of %zu values", reader->count);
}

static bool begins(const char *at, size_t len, const char *text)
{
    return len >= strlen(text) && memcmp(at, text, strlen(text)) == 0;
}

/* The length of the gap at this place: a tab, or four spaces and more; 0 none. */
static size_t gap(const char *at, size_t len)
{
    size_t spaces = 0;

    if (len > 0 && at[0] == '\t') {
        return 1;
    }
    while (spaces < len && at[spaces] == ' ') {
        spaces++;
    }
    return spaces >= strlen(GAP) ? spaces : 0;
}

/* The name ends where a gap and a type follow: names may have spaces. */
static bool split(struct hm_span line, struct pieces *out)
{
    for (size_t i = 0; i < line.len; i++) {
        const size_t first = gap(line.at + i, line.len - i);
        const char *type = line.at + i + first;
        size_t left = line.len - i - first;
        size_t type_len = 0;

        if (first == 0 || !begins(type, left, TYPE)) {
            continue;
        }
        while (type_len < left && type[type_len] != ' ' && type[type_len] != '\t') {
            type_len++;
        }
        left -= type_len;
        out->name = (struct hm_span){line.at, i};
        out->type = (struct hm_span){type, type_len};
        out->data = hm_str_trim(type + type_len, left);
        return i > 0;
    }
    return false;
}

static bool is_text(struct hm_span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}

/* "0x2" */
static bool parse_dword(struct hm_span data, uint32_t *out_value)
{
    uint32_t value = 0;

    if (data.len < 3 || data.len > 10 || data.at[0] != '0' || data.at[1] != 'x') {
        return false;
    }
    for (size_t i = 2; i < data.len; i++) {
        const char c = data.at[i];
        const char low = (char)(c | 0x20);

        if (c >= '0' && c <= '9') {
            value = value << 4 | (uint32_t)(c - '0');
        } else if (low >= 'a' && low <= 'f') {
            value = value << 4 | (uint32_t)(low - 'a' + 10);
        } else {
            return false;
        }
    }
    *out_value = value;
    return true;
}

static bool make_lines(const struct reader *reader, struct hm_span data, struct hm_strings *out)
{
    void *lines = NULL;
    size_t room = 0;
    size_t count = 0;

    while (data.len > 0) {
        size_t len = 0;
        const char *line;

        while (len < data.len && !begins(data.at + len, data.len - len, LINE_MARK)) {
            len++;
        }
        line = hm_input_clean(data.at, len, reader->arena);
        if (line == NULL ||
            hm_arena_grow(reader->arena, &lines, count, &room, sizeof(const char *)) != 0) {
            return false;
        }
        if (line[0] != '\0') {
            ((const char **)lines)[count++] = line;
        }
        len += len < data.len ? strlen(LINE_MARK) : 0;
        data = (struct hm_span){data.at + len, data.len - len};
    }
    *out = (struct hm_strings){lines, count};
    return true;
}

static bool make_value(const struct reader *reader, const struct pieces *pieces,
                       struct hm_reg_value *out)
{
    out->type = HM_REG_BYTES;
    if (is_text(pieces->type, "REG_DWORD") && parse_dword(pieces->data, &out->dword)) {
        out->type = HM_REG_DWORD;
    } else if (is_text(pieces->type, "REG_SZ") || is_text(pieces->type, "REG_EXPAND_SZ")) {
        out->type = HM_REG_TEXT;
        out->text = hm_input_clean(pieces->data.at, pieces->data.len, reader->arena);
        return out->text != NULL;
    } else if (is_text(pieces->type, "REG_MULTI_SZ")) {
        out->type = HM_REG_LINES;
        return make_lines(reader, pieces->data, &out->lines);
    }
    return true;
}

static enum hm_status add_value(struct reader *reader, const struct pieces *pieces,
                                struct hm_err *err)
{
    struct hm_reg_value value = {.key = reader->key};
    void *grown = reader->at;

    if (reader->count >= HM_LIMIT_REG_VALUES) {
        return hm_fail_line(err, HM_ETOOBIG, reader->line, "line %u: more than %u values",
                            reader->line, HM_LIMIT_REG_VALUES);
    }
    value.name = hm_input_clean(pieces->name.at, pieces->name.len, reader->arena);
    if (value.name == NULL || !make_value(reader, pieces, &value) ||
        hm_arena_grow(reader->arena, &grown, reader->count, &reader->room, sizeof(value)) != 0) {
        return no_memory(reader, err);
    }
    reader->at = grown;
    reader->at[reader->count++] = value;
    return HM_OK;
}

static enum hm_status take_key(struct reader *reader, struct hm_span text, struct hm_err *err)
{
    void *grown = (void *)reader->keys.at;

    reader->key = hm_input_clean(text.at, text.len, reader->arena);
    if (reader->key == NULL || hm_arena_grow(reader->arena, &grown, reader->keys.count,
                                             &reader->keys_room, sizeof(const char *)) != 0) {
        return no_memory(reader, err);
    }
    reader->keys.at = (const char **)grown;
    reader->keys.at[reader->keys.count++] = reader->key;
    return HM_OK;
}

static enum hm_status take_line(struct reader *reader, struct hm_span line, struct hm_err *err)
{
    struct pieces pieces;
    struct hm_span text = hm_str_trim(line.at, line.len);

    if (text.len > 0) {
        reader->open = line.at[0] == ' ' || line.at[0] == '\t' || begins(line.at, line.len, ROOT);
        reader->ends += !reader->open;
    }
    if (begins(line.at, line.len, ROOT)) {
        return take_key(reader, text, err);
    }
    if (reader->key == NULL || line.len == 0 || (line.at[0] != ' ' && line.at[0] != '\t') ||
        !split((struct hm_span){text.at, (size_t)(line.at + line.len - text.at)}, &pieces)) {
        return HM_OK;
    }
    return add_value(reader, &pieces, err);
}

enum hm_status hm_reg_query_parse(const char *text, size_t len, struct hm_arena *arena,
                                  struct hm_reg *out_reg, struct hm_err *err)
{
    struct reader reader = {.arena = arena};
    struct hm_arena input;
    struct hm_span rest;
    struct hm_span line;
    enum hm_status st;

    hm_arena_init(&input, INPUT_ARENA_BYTES);
    st = hm_input_text(text, len, &input, &rest, err);
    while (st == HM_OK && hm_str_next_line(&rest, &line)) {
        reader.line++;
        st = take_line(&reader, line, err);
    }
    if (st == HM_OK && reader.key == NULL) {
        st = hm_fail(err, HM_EINVAL,
                     "no listing of \"reg query\": no line begins with " ROOT "LOCAL_MACHINE");
    }
    if (st == HM_OK) {
        *out_reg = (struct hm_reg){
            .at = reader.at,
            .count = reader.count,
            .keys = reader.keys,
            .ends = reader.ends,
            .open = reader.open && reader.ends > 0,
        };
    }
    hm_arena_fini(&input);
    return st;
}
