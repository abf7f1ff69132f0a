/* server/hmctl/yaml.c — documents as people write them: YAML in, JSON out, and back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/yaml.h"

#include <ctype.h>
#include <string.h>

#include <yaml.h>

#include "common/base/encoding.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/ports/portset.h"

#define DATE_BYTES 10 /* "2027-01-31" */

/* ---- YAML to JSON ---------------------------------------------------------------------------- */

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    bool has_event;
    struct hm_buf *out;
    size_t line; /* lines that were written */
    unsigned depth;
    struct hm_err *err;
};

static enum hm_status next(struct reader *reader)
{
    if (reader->has_event) {
        yaml_event_delete(&reader->event);
        reader->has_event = false;
    }
    if (!yaml_parser_parse(&reader->parser, &reader->event)) {
        const unsigned line = (unsigned)reader->parser.problem_mark.line + 1;

        return hm_fail_line(reader->err, HM_EINVAL, line, "line %u: %s", line,
                            reader->parser.problem == NULL ? "no YAML" : reader->parser.problem);
    }
    reader->has_event = true;
    return HM_OK;
}

static enum hm_status refuse(struct reader *reader, const char *why)
{
    const unsigned line = (unsigned)reader->event.start_mark.line + 1;

    return hm_fail_line(reader->err, HM_EINVAL, line, "line %u: %s", line, why);
}

/* No text of ours has a NUL, and nothing of it may get lost behind one. */
static bool has_nul(const yaml_event_t *event)
{
    return strlen((const char *)event->data.scalar.value) != event->data.scalar.length;
}

/* "&anchor" and "!tag" say more than a document of ours can. */
static bool is_marked(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
    default:
        return event->type == YAML_ALIAS_EVENT;
    }
}

/* What may be no part of a document, whatever its place. */
static enum hm_status check_event(struct reader *reader)
{
    if (is_marked(&reader->event)) {
        return refuse(reader, "anchors, aliases and tags are not taken: write it out");
    }
    if (reader->event.type == YAML_SCALAR_EVENT && has_nul(&reader->event)) {
        return refuse(reader, "a text with a NUL in it");
    }
    return HM_OK;
}

/* So that what follows stands on the line that it has in the YAML text. */
static void keep_line(struct reader *reader)
{
    while (reader->line < reader->event.start_mark.line) {
        (void)hm_buf_putc(reader->out, '\n');
        reader->line++;
    }
}

static const struct hm_field *find_field(const struct hm_record *record, const char *name)
{
    for (size_t i = 0; record != NULL && i < record->count; i++) {
        if (strcmp(record->fields[i].name, name) == 0) {
            return &record->fields[i];
        }
    }
    return NULL;
}

#define DIGITS "0123456789"

/* As JSON writes them: what is none becomes a text, and then the record says what it wants. */
static bool is_number(const char *text)
{
    const char *at = text[0] == '-' ? text + 1 : text;
    const size_t whole = strspn(at, DIGITS);
    const char *rest = at + whole;

    if (whole == 0 || (whole > 1 && at[0] == '0')) {
        return false;
    }
    return rest[0] == '\0' ||
           (rest[0] == '.' && rest[1] != '\0' && strspn(rest + 1, DIGITS) == strlen(rest + 1));
}

static bool is_date(const char *text)
{
    return strlen(text) == DATE_BYTES && strspn(text, "0123456789-") == DATE_BYTES;
}

/* People write 9955,9933; documents have their ports in order. False when it is no port list: the
 * decoder then says what is wrong with it. */
static bool put_ports(struct hm_buf *out, const char *text)
{
    struct hm_ports ports;
    struct hm_arena arena;
    const char *sorted = NULL;

    hm_arena_init(&arena, HM_LIMIT_DOCUMENT_BYTES);
    if (hm_ports_parse(text, strlen(text), &arena, &ports, NULL) == HM_OK) {
        sorted = hm_ports_text(ports, &arena);
    }
    if (sorted != NULL) {
        (void)hm_json_put_string(out, sorted);
    }
    hm_arena_fini(&arena);
    return sorted != NULL;
}

static void put_scalar(struct reader *reader, const struct hm_field *field)
{
    const char *text = (const char *)reader->event.data.scalar.value;
    const bool plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    const enum hm_field_type type = field == NULL ? HM_TYPE_STRING : field->type;

    keep_line(reader);
    switch (type) {
    case HM_TYPE_BOOL:
        if (plain && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
            (void)hm_buf_puts(reader->out, text);
            return;
        }
        break;
    case HM_TYPE_U16:
    case HM_TYPE_U32:
    case HM_TYPE_U64:
    case HM_TYPE_REAL:
        if (plain && is_number(text)) {
            (void)hm_buf_puts(reader->out, text);
            return;
        }
        break;
    case HM_TYPE_PORTS:
        if (put_ports(reader->out, text)) {
            return;
        }
        break;
    case HM_TYPE_TIME:
        if (is_date(text)) {
            (void)hm_buf_printf(reader->out, "\"%sT00:00:00Z\"", text);
            return;
        }
        break;
    default:
        break;
    }
    (void)hm_json_put_string(reader->out, text);
}

static enum hm_status put_value(struct reader *reader, const struct hm_field *field,
                                const struct hm_record *record);

static enum hm_status put_list(struct reader *reader, const struct hm_field *field)
{
    enum hm_status st;
    bool first = true;

    (void)hm_buf_putc(reader->out, '[');
    for (st = next(reader); st == HM_OK && reader->event.type != YAML_SEQUENCE_END_EVENT;
         st = next(reader)) {
        if (!first) {
            (void)hm_buf_putc(reader->out, ',');
        }
        first = false;
        st = put_value(reader, field, field == NULL ? NULL : field->record);
        if (st != HM_OK) {
            return st;
        }
    }
    (void)hm_buf_putc(reader->out, ']');
    return st;
}

static enum hm_status put_member(struct reader *reader, const struct hm_record *record)
{
    const struct hm_field *field;
    enum hm_status st = check_event(reader);

    if (st == HM_OK && reader->event.type != YAML_SCALAR_EVENT) {
        st = refuse(reader, "the name of a member is a plain word");
    }
    if (st != HM_OK) {
        return st;
    }
    field = find_field(record, (const char *)reader->event.data.scalar.value);
    keep_line(reader);
    (void)hm_json_put_string(reader->out, (const char *)reader->event.data.scalar.value);
    (void)hm_buf_putc(reader->out, ':');
    st = next(reader);
    return st == HM_OK ? put_value(reader, field, field == NULL ? NULL : field->record) : st;
}

static enum hm_status put_mapping(struct reader *reader, const struct hm_record *record)
{
    enum hm_status st;
    bool first = true;

    (void)hm_buf_putc(reader->out, '{');
    for (st = next(reader); st == HM_OK && reader->event.type != YAML_MAPPING_END_EVENT;
         st = next(reader)) {
        if (!first) {
            (void)hm_buf_putc(reader->out, ',');
        }
        first = false;
        st = put_member(reader, record);
        if (st != HM_OK) {
            return st;
        }
    }
    (void)hm_buf_putc(reader->out, '}');
    return st;
}

/* The current event and all that belongs to it. */
static enum hm_status put_value(struct reader *reader, const struct hm_field *field,
                                const struct hm_record *record)
{
    enum hm_status st = check_event(reader);

    if (st == HM_OK && ++reader->depth > HM_LIMIT_JSON_DEPTH) {
        st = refuse(reader, "deeper than anything that is taken");
    }
    if (st != HM_OK) {
        return st;
    }
    switch (reader->event.type) {
    case YAML_SCALAR_EVENT:
        put_scalar(reader, field);
        break;
    case YAML_SEQUENCE_START_EVENT:
        keep_line(reader);
        st = put_list(reader, field);
        break;
    case YAML_MAPPING_START_EVENT:
        keep_line(reader);
        st = put_mapping(reader, record);
        break;
    default:
        st = refuse(reader, "no value");
        break;
    }
    reader->depth--;
    return st;
}

static enum hm_status put_document(struct reader *reader, const struct hm_record *record)
{
    enum hm_status st = next(reader); /* the stream's start */

    if (st == HM_OK) {
        st = next(reader);
    }
    if (st == HM_OK && reader->event.type != YAML_DOCUMENT_START_EVENT) {
        st = refuse(reader, "there is nothing in it");
    }
    if (st == HM_OK) {
        st = next(reader);
    }
    if (st == HM_OK) {
        st = put_value(reader, NULL, record);
    }
    if (st == HM_OK) {
        st = next(reader); /* the document's end */
    }
    if (st == HM_OK) {
        st = next(reader);
    }
    if (st == HM_OK && reader->event.type != YAML_STREAM_END_EVENT) {
        st = refuse(reader, "a second document begins here: one file, one document");
    }
    return st;
}

enum hm_status hm_yaml_to_json(const struct hm_record *record, const char *text, size_t len,
                               struct hm_buf *out, struct hm_err *err)
{
    struct reader reader = {.out = out, .err = err};
    enum hm_status st;

    if (!hm_str_is_utf8(text, len)) {
        return hm_fail(err, HM_EINVAL, "it is not UTF-8");
    }
    if (!yaml_parser_initialize(&reader.parser)) {
        return hm_fail(err, HM_ENOMEM, "no memory to read YAML");
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
    st = put_document(&reader, record);
    if (reader.has_event) {
        yaml_event_delete(&reader.event);
    }
    yaml_parser_delete(&reader.parser);
    return st == HM_OK ? hm_buf_status(out, err) : st;
}

enum hm_status hm_yaml_decode(const struct hm_record *record, const char *text, size_t len,
                              struct hm_arena *arena, void *out, struct hm_err *err)
{
    struct hm_span plain;
    struct hm_buf json;
    enum hm_status st = hm_text_decode_utf8(text, len, arena, &plain, err);

    if (st != HM_OK) {
        return st;
    }
    hm_buf_init(&json, HM_LIMIT_DOCUMENT_BYTES);
    st = hm_yaml_to_json(record, plain.at, plain.len, &json, err);
    if (st == HM_OK) {
        st = hm_record_decode(record, json.data, json.len, true, arena, out, NULL, err);
    }
    hm_buf_fini(&json);
    return st;
}

/* ---- JSON to YAML ---------------------------------------------------------------------------- */

/* Reads the same without quotes, whoever reads it: begins with a letter, and is no word that YAML
 * takes for something else. */
static bool needs_no_quotes(const char *text)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on",
                                        "off",  "null",  "y",   "n"};
    const size_t len = strlen(text);

    if (len == 0 || !isalpha((unsigned char)text[0]) || text[len - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)text[i]) && strchr(" _./=,-", text[i]) == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < HM_COUNT(words); i++) {
        if (hm_str_equal_nocase(text, words[i])) {
            return false;
        }
    }
    return true;
}

static void restyle(yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        event->data.document_start.implicit = 1;
        break;
    case YAML_SEQUENCE_START_EVENT:
        event->data.sequence_start.style = YAML_BLOCK_SEQUENCE_STYLE;
        break;
    case YAML_MAPPING_START_EVENT:
        event->data.mapping_start.style = YAML_BLOCK_MAPPING_STYLE;
        break;
    case YAML_SCALAR_EVENT:
        if (needs_no_quotes((const char *)event->data.scalar.value)) {
            event->data.scalar.style = YAML_PLAIN_SCALAR_STYLE;
            event->data.scalar.plain_implicit = 1;
        }
        break;
    default:
        break;
    }
}

static int write_out(void *data, unsigned char *bytes, size_t len)
{
    return hm_buf_put(data, bytes, len) ? 1 : 0;
}

/* Bytes of a point at the text's start that JSON takes as it is and YAML does not, or takes for the
 * end of a line; 0 = none. */
static size_t odd_point(const unsigned char *at, size_t left, unsigned *out_point)
{
    static const struct {
        unsigned char bytes[3];
        unsigned char last; /* of the last byte */
        size_t len;
    } odd[] = {
        {{0x7f},             0x7f, 1}, /* DEL */
        {{0xc2, 0x80},       0x9f, 2}, /* controls */
        {{0xe2, 0x80, 0xa8}, 0xa9, 3}, /* separators of lines and paragraphs */
        {{0xef, 0xbb, 0xbf}, 0xbf, 3}, /* byte order mark */
        {{0xef, 0xbf, 0xbe}, 0xbf, 3}, /* no characters */
    };

    for (size_t i = 0; i < HM_COUNT(odd); i++) {
        const size_t len = odd[i].len;

        if (left >= len && memcmp(at, odd[i].bytes, len - 1) == 0 &&
            at[len - 1] >= odd[i].bytes[len - 1] && at[len - 1] <= odd[i].last) {
            *out_point = len == 1   ? at[0]
                         : len == 2 ? (at[0] & 0x1fu) << 6 | (at[1] & 0x3fu)
                                    : (at[0] & 0xfu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
            return len;
        }
    }
    return 0;
}

/* The same JSON, readable as YAML: such points stand in strings only, where an escape says it. */
static enum hm_status escape(const char *json, size_t len, struct hm_buf *out, struct hm_err *err)
{
    const unsigned char *text = (const unsigned char *)json;
    unsigned point = 0;

    for (size_t at = 0; at < len;) {
        const size_t odd = odd_point(text + at, len - at, &point);

        if (odd > 0) {
            (void)hm_buf_printf(out, "\\u%04x", point);
        } else {
            (void)hm_buf_putc(out, json[at]);
        }
        at += odd > 0 ? odd : 1;
    }
    return hm_buf_status(out, err);
}

static enum hm_status write_yaml(const struct hm_buf *json, struct hm_buf *out, struct hm_err *err)
{
    yaml_parser_t parser;
    yaml_emitter_t emitter;
    yaml_event_t event;
    bool good = true;
    bool done = false;

    if (!yaml_parser_initialize(&parser)) {
        return hm_fail(err, HM_ENOMEM, "no memory to write YAML");
    }
    if (!yaml_emitter_initialize(&emitter)) {
        yaml_parser_delete(&parser);
        return hm_fail(err, HM_ENOMEM, "no memory to write YAML");
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)hm_buf_text(json), json->len);
    yaml_emitter_set_output(&emitter, write_out, out);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    while (good && !done) {
        good = yaml_parser_parse(&parser, &event) != 0;
        if (good) {
            done = event.type == YAML_STREAM_END_EVENT;
            restyle(&event);
            good = yaml_emitter_emit(&emitter, &event) != 0; /* takes the event over */
        }
    }
    yaml_emitter_delete(&emitter);
    yaml_parser_delete(&parser);
    if (!good) {
        return hm_fail(err, HM_EINVAL, "the document cannot be written as YAML");
    }
    return hm_buf_status(out, err);
}

enum hm_status hm_json_to_yaml(const char *json, size_t len, struct hm_buf *out, struct hm_err *err)
{
    struct hm_buf plain;
    enum hm_status st;

    hm_buf_init(&plain, HM_LIMIT_REPLY_BYTES);
    st = escape(json, len, &plain, err);
    if (st == HM_OK) {
        st = write_yaml(&plain, out, err);
    }
    hm_buf_fini(&plain);
    return st;
}
