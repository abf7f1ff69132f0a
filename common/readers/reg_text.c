/* common/readers/reg_text.c — registry exports: keys, names, typed values, continuation lines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/reg_text.h"

#include <string.h>

#include "common/base/encoding.h"
#include "common/base/limits.h"
#include "common/readers/input_text.h"

#define INPUT_ARENA_BYTES (16u * HM_LIMIT_INPUT_FILE_BYTES)
#define MARK_VERSION_5 "Windows Registry Editor Version 5.00"
#define MARK_REGEDIT4 "REGEDIT4"
#define DWORD_DIGITS 8

/* Registry types by number, as hex(N) gives them. */
#define REG_SZ 1u
#define REG_EXPAND_SZ 2u
#define REG_BINARY 3u
#define REG_DWORD 4u
#define REG_MULTI_SZ 7u

struct reader {
    struct hm_span rest;
    unsigned line;
    bool wide; /* strings inside hex data are UTF-16LE (version 5), else bytes */
    const char *key;
    bool key_deleted;
    struct hm_buf hex;      /* the hex data of the value being read */
    struct hm_arena *input; /* freed when the reader is done */
    struct hm_arena *arena; /* the caller's */
    struct hm_reg_value *at;
    size_t count;
    size_t room;
    struct hm_strings keys;
    size_t keys_room;
};

static enum hm_status refuse(const struct reader *reader, struct hm_err *err, const char *why)
{
    return hm_fail_line(err, HM_EINVAL, reader->line, "line %u: %s", reader->line, why);
}

static enum hm_status no_memory(const struct reader *reader, struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for a registry export of %zu values", reader->count);
}

static bool next_line(struct reader *reader, struct hm_span *out_line)
{
    if (!hm_str_next_line(&reader->rest, out_line)) {
        return false;
    }
    reader->line++;
    return true;
}

static bool is_text(struct hm_span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}

static bool starts_with(struct hm_span span, const char *text)
{
    return span.len >= strlen(text) && memcmp(span.at, text, strlen(text)) == 0;
}

static struct hm_span after(struct hm_span span, size_t bytes)
{
    return (struct hm_span){span.at + bytes, span.len - bytes};
}

/* Where the quoted text that starts at span.at[0] = '"' ends (index of the closing mark), or
 * span.len when it is not closed here. */
static size_t closing_quote(struct hm_span span, size_t from)
{
    size_t at = from;

    while (at < span.len && span.at[at] != '"') {
        at += span.at[at] == '\\' && at + 1 < span.len ? 2 : 1;
    }
    return at < span.len ? at : span.len;
}

/* Without its escapes: \\ and \". */
static const char *unescape(const struct reader *reader, struct hm_span quoted)
{
    char *text = hm_arena_alloc(reader->input, quoted.len + 1, 1);
    size_t len = 0;

    for (size_t i = 0; text != NULL && i < quoted.len; i++) {
        if (quoted.at[i] == '\\' && i + 1 < quoted.len &&
            (quoted.at[i + 1] == '\\' || quoted.at[i + 1] == '"')) {
            i++;
        }
        text[len++] = quoted.at[i];
    }
    return text == NULL ? NULL : hm_input_clean(text, len, reader->arena);
}

/* A "text" value; it may go on over lines, as its line ends are written as they are. value is
 * part of the text that reader->rest continues. */
static enum hm_status read_text(struct reader *reader, struct hm_span value,
                                struct hm_reg_value *out, struct hm_err *err)
{
    struct hm_span whole = {value.at, (size_t)(reader->rest.at + reader->rest.len - value.at)};
    size_t end = closing_quote(whole, 1);
    struct hm_span tail;

    if (end == whole.len) {
        return refuse(reader, err, "the quoted text that starts here is never closed");
    }
    out->type = HM_REG_TEXT;
    out->text = unescape(reader, (struct hm_span){whole.at + 1, end - 1});
    if (out->text == NULL) {
        return no_memory(reader, err);
    }
    while (reader->rest.at <= whole.at + end) { /* go on behind the line with the closing mark */
        struct hm_span skipped;

        if (!next_line(reader, &skipped)) {
            break;
        }
        value = skipped;
    }
    tail =
        (struct hm_span){whole.at + end + 1, (size_t)(value.at + value.len - whole.at) - end - 1};
    if (hm_str_trim(tail.at, tail.len).len != 0) {
        return refuse(reader, err, "something follows the closing quotation mark");
    }
    return HM_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One to eight hexadecimal digits, the whole text. */
static bool parse_hex(struct hm_span text, uint32_t *out_value)
{
    uint32_t value = 0;

    if (text.len == 0 || text.len > DWORD_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.at[i]);

        if (digit < 0) {
            return false;
        }
        value = value << 4 | (uint32_t)digit;
    }
    *out_value = value;
    return true;
}

/* "39,00" into bytes, in place (a byte takes at least two digits). */
static bool decode_hex(struct hm_buf *hex)
{
    unsigned char *bytes = (unsigned char *)hex->data;
    size_t len = 0;

    for (size_t at = 0; at < hex->len; at += 3) {
        uint32_t byte;

        if (hex->len - at < 2 || !parse_hex((struct hm_span){hex->data + at, 2}, &byte) ||
            (hex->len - at > 2 && hex->data[at + 2] != ',') || hex->len - at == 3) {
            return false;
        }
        bytes[len++] = (unsigned char)byte;
    }
    hex->len = len;
    return true;
}

/* "39,00,\" and the lines that continue it; the bytes are in reader->hex then. */
static enum hm_status read_hex(struct reader *reader, struct hm_span first, struct hm_err *err)
{
    struct hm_span text = hm_str_trim(first.at, first.len);
    enum hm_status st;

    hm_buf_reset(&reader->hex);
    while (text.len > 0 && text.at[text.len - 1] == '\\') {
        struct hm_span line;

        (void)hm_buf_put(&reader->hex, text.at, text.len - 1); /* asked once, below */
        if (!next_line(reader, &line)) {
            return refuse(reader, err, "hex data goes on, but the file ends: it was cut");
        }
        text = hm_str_trim(line.at, line.len);
    }
    (void)hm_buf_put(&reader->hex, text.at, text.len);
    st = hm_buf_status(&reader->hex, err);
    if (st == HM_OK && !decode_hex(&reader->hex)) {
        return refuse(reader, err, "hex data must be two digits a byte, parted by commas");
    }
    return st;
}

/* The piece of hex data up to the next NUL character as UTF-8; *at goes behind the NUL. */
static const char *take_string(const struct reader *reader, size_t *at)
{
    const unsigned char *bytes = (const unsigned char *)reader->hex.data;
    size_t step = reader->wide ? 2 : 1;
    size_t start = *at;
    size_t end = start;
    struct hm_span text;

    while (end < reader->hex.len && (bytes[end] != 0 || (reader->wide && bytes[end + 1] != 0))) {
        end += step;
    }
    *at = end + step;
    if (!reader->wide) {
        return hm_input_clean(reader->hex.data + start, end - start, reader->arena);
    }
    return hm_text_from_utf16le(bytes + start, (end - start) / 2, reader->arena, &text) ? text.at
                                                                                        : NULL;
}

/* Was the file cut behind this value? regedit and reg.exe end a file with an empty line. */
static bool ends_file(const struct reader *reader)
{
    return reader->rest.len == 0;
}

/* REG_MULTI_SZ ends in two NUL characters. */
static bool has_list_end(const struct reader *reader)
{
    const size_t ends = reader->wide ? 4 : 2;
    size_t nuls = 0;

    while (nuls < ends && nuls < reader->hex.len &&
           reader->hex.data[reader->hex.len - nuls - 1] == 0) {
        nuls++;
    }
    return nuls == ends || nuls == reader->hex.len;
}

/* REG_MULTI_SZ: as many lines as there are; what is empty at the end is the list's own end. Some
 * programs write a value without that end; without it at the end of the file, lines are missing. */
static enum hm_status make_lines(struct reader *reader, struct hm_reg_value *out,
                                 struct hm_err *err)
{
    void *lines = NULL;
    size_t room = 0;
    size_t count = 0;
    size_t at = 0;

    if (ends_file(reader) && !has_list_end(reader)) {
        return refuse(reader, err, "the list of lines does not end here: the file was cut");
    }
    while (at < reader->hex.len) {
        const char *line = take_string(reader, &at);

        if (line == NULL ||
            hm_arena_grow(reader->arena, &lines, count, &room, sizeof(const char *)) != 0) {
            return no_memory(reader, err);
        }
        ((const char **)lines)[count++] = line;
    }
    while (count > 0 && ((const char **)lines)[count - 1][0] == '\0') {
        count--;
    }
    out->type = HM_REG_LINES;
    out->lines = (struct hm_strings){lines, count};
    return HM_OK;
}

/* The value of hex data by its registry type. */
static enum hm_status make_typed(struct reader *reader, uint32_t type, struct hm_reg_value *out,
                                 struct hm_err *err)
{
    const unsigned char *bytes = (const unsigned char *)reader->hex.data;
    size_t len = reader->hex.len;
    bool has_text = type == REG_SZ || type == REG_EXPAND_SZ || type == REG_MULTI_SZ;
    size_t at = 0;

    if (has_text && reader->wide && len % 2 != 0) {
        return refuse(reader, err, "text in hex data ends in half a UTF-16 character");
    }
    if (type == REG_MULTI_SZ) {
        return make_lines(reader, out, err);
    }
    out->type = HM_REG_BYTES;
    if (has_text) {
        out->type = HM_REG_TEXT;
        out->text = len == 0 ? "" : take_string(reader, &at);
        return out->text == NULL ? no_memory(reader, err) : HM_OK;
    }
    if (type == REG_DWORD && len == 4) {
        out->type = HM_REG_DWORD;
        out->dword = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                     (uint32_t)bytes[3] << 24;
    }
    return HM_OK;
}

/* What follows "hex": ":" or "(N):". */
static bool parse_hex_type(struct hm_span *text, uint32_t *out_type)
{
    const char *end = text->len == 0 ? NULL : memchr(text->at, ')', text->len);

    *out_type = REG_BINARY;
    if (end != NULL && text->at[0] == '(') {
        size_t digits = (size_t)(end - text->at) - 1;

        if (!parse_hex((struct hm_span){text->at + 1, digits}, out_type)) {
            return false;
        }
        *text = after(*text, digits + 2);
    }
    if (text->len == 0 || text->at[0] != ':') {
        return false;
    }
    *text = after(*text, 1);
    return true;
}

/* What stands behind '='. */
static enum hm_status read_value(struct reader *reader, struct hm_span text,
                                 struct hm_reg_value *out, struct hm_err *err)
{
    struct hm_span trimmed = hm_str_trim(text.at, text.len);
    uint32_t type;
    enum hm_status st;

    if (starts_with(trimmed, "\"")) {
        return read_text(reader, trimmed, out, err);
    }
    if (starts_with(trimmed, "dword:")) {
        trimmed = after(trimmed, strlen("dword:"));
        out->type = HM_REG_DWORD;
        if (!parse_hex(trimmed, &out->dword)) {
            return refuse(reader, err, "dword: needs one to eight hexadecimal digits");
        }
        if (trimmed.len < DWORD_DIGITS && trimmed.at + trimmed.len == reader->rest.at) {
            return refuse(reader, err, "dword: has eight digits, but the file ends: it was cut");
        }
        return HM_OK;
    }
    if (starts_with(trimmed, "hex")) {
        trimmed = after(trimmed, strlen("hex"));
        if (!parse_hex_type(&trimmed, &type)) {
            return refuse(reader, err, "hex data starts with hex: or hex(N):");
        }
        st = read_hex(reader, trimmed, err);
        return st == HM_OK ? make_typed(reader, type, out, err) : st;
    }
    return refuse(reader, err, "a value is \"text\", dword:, hex:, hex(N): or -");
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Is key the same as parent, or below it? */
static bool is_within(const char *key, const char *parent)
{
    size_t len = strlen(parent);

    for (size_t i = 0; i < len; i++) {
        if (fold(key[i]) != fold(parent[i])) {
            return false;
        }
    }
    return key[len] == '\0' || key[len] == '\\';
}

/* A deletion: forgets what the file itself set before, one name of a key (NULL: all of them, and
 * of the keys below). */
static void forget(struct reader *reader, const char *key, const char *name)
{
    size_t left = 0;

    for (size_t i = 0; i < reader->count; i++) {
        const struct hm_reg_value *value = &reader->at[i];
        bool gone = name == NULL ? is_within(value->key, key)
                                 : hm_str_equal_nocase(value->key, key) &&
                                       hm_str_equal_nocase(value->name, name);

        if (!gone) {
            reader->at[left++] = *value;
        }
    }
    reader->count = left;
}

static enum hm_status add_value(struct reader *reader, const struct hm_reg_value *value,
                                struct hm_err *err)
{
    void *grown = reader->at;

    if (reader->count >= HM_LIMIT_REG_VALUES) {
        return hm_fail_line(err, HM_ETOOBIG, reader->line, "line %u: more than %u values",
                            reader->line, HM_LIMIT_REG_VALUES);
    }
    if (hm_arena_grow(reader->arena, &grown, reader->count, &reader->room, sizeof(*value)) != 0) {
        return no_memory(reader, err);
    }
    reader->at = grown;
    reader->at[reader->count++] = *value;
    return HM_OK;
}

static enum hm_status add_key(struct reader *reader, struct hm_err *err)
{
    void *grown = (void *)reader->keys.at;

    if (reader->keys.count >= HM_LIMIT_REG_VALUES) {
        return hm_fail_line(err, HM_ETOOBIG, reader->line, "line %u: more than %u keys",
                            reader->line, HM_LIMIT_REG_VALUES);
    }
    if (hm_arena_grow(reader->arena, &grown, reader->keys.count, &reader->keys_room,
                      sizeof(*reader->keys.at)) != 0) {
        return no_memory(reader, err);
    }
    reader->keys.at = (const char **)grown;
    reader->keys.at[reader->keys.count++] = reader->key;
    return HM_OK;
}

/* "[key]" or "[-key]". */
static enum hm_status read_key(struct reader *reader, struct hm_span line, struct hm_err *err)
{
    struct hm_span key;

    if (line.len < 3 || line.at[line.len - 1] != ']') {
        return refuse(reader, err, "a key is written [HKEY_...] with nothing behind it");
    }
    reader->key_deleted = line.at[1] == '-';
    key = after(line, reader->key_deleted ? 2 : 1);
    reader->key = hm_input_clean(key.at, key.len - 1, reader->arena);
    if (reader->key == NULL) {
        return no_memory(reader, err);
    }
    if (reader->key_deleted) {
        forget(reader, reader->key, NULL);
        return HM_OK;
    }
    return add_key(reader, err);
}

/* "name"=value or @=value. */
static enum hm_status read_named(struct reader *reader, struct hm_span line, struct hm_err *err)
{
    struct hm_reg_value value = {.key = reader->key, .name = ""};
    size_t end = line.at[0] == '@' ? 0 : closing_quote(line, 1);
    struct hm_span rest;
    enum hm_status st;

    if (end == line.len) {
        return refuse(reader, err, "the value's name has no closing quotation mark");
    }
    rest = hm_str_trim(line.at + end + 1, line.len - end - 1);
    if (rest.len == 0 || rest.at[0] != '=') {
        return refuse(reader, err, "no '=' behind the value's name");
    }
    if (reader->key == NULL || reader->key_deleted) {
        return refuse(reader, err, "a value outside any key");
    }
    if (end > 0) {
        value.name = unescape(reader, (struct hm_span){line.at + 1, end - 1});
        if (value.name == NULL) {
            return no_memory(reader, err);
        }
    }
    rest = hm_str_trim(rest.at + 1, rest.len - 1);
    if (is_text(rest, "-")) {
        forget(reader, value.key, value.name);
        return HM_OK;
    }
    st = read_value(reader, rest, &value, err);
    return st == HM_OK ? add_value(reader, &value, err) : st;
}

/* The first line that is not empty says what this is. */
static enum hm_status read_mark(struct reader *reader, struct hm_err *err)
{
    struct hm_span line;

    while (next_line(reader, &line)) {
        struct hm_span text = hm_str_trim(line.at, line.len);

        if (text.len == 0) {
            continue;
        }
        reader->wide = is_text(text, MARK_VERSION_5);
        if (reader->wide || is_text(text, MARK_REGEDIT4)) {
            return HM_OK;
        }
        break;
    }
    return refuse(reader, err,
                  "no registry export: it must start with \"" MARK_VERSION_5
                  "\" or " MARK_REGEDIT4);
}

static enum hm_status read_all(struct reader *reader, struct hm_err *err)
{
    enum hm_status st = read_mark(reader, err);
    struct hm_span line;

    while (st == HM_OK && next_line(reader, &line)) {
        struct hm_span text = hm_str_trim(line.at, line.len);

        if (text.len == 0 || text.at[0] == ';') {
            continue;
        }
        if (text.at[0] == '[') {
            st = read_key(reader, text, err);
        } else if (text.at[0] == '"' || text.at[0] == '@') {
            st = read_named(reader, text, err);
        } else {
            st = refuse(reader, err, "neither a key, a value, a comment nor empty");
        }
    }
    return st;
}

enum hm_status hm_reg_parse(const char *text, size_t len, struct hm_arena *arena,
                            struct hm_reg *out_reg, struct hm_err *err)
{
    struct hm_arena input;
    struct reader reader = {.input = &input, .arena = arena};
    enum hm_status st;

    hm_arena_init(&input, INPUT_ARENA_BYTES);
    hm_buf_init(&reader.hex, HM_LIMIT_INPUT_FILE_BYTES);
    st = hm_input_text(text, len, &input, &reader.rest, err);
    if (st == HM_OK) {
        st = read_all(&reader, err);
    }
    if (st == HM_OK) {
        *out_reg = (struct hm_reg){.at = reader.at, .count = reader.count, .keys = reader.keys};
    }
    hm_buf_fini(&reader.hex);
    hm_arena_fini(&input);
    return st;
}
