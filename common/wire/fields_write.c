/* common/wire/fields_write.c — records into JSON, by their field tables.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/fields.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/ports/inventory.h"

struct writer {
    struct hm_buf *out;
    bool pretty;
    unsigned depth;
    enum hm_status status; /* a value that JSON cannot hold: HM_EINVAL */
    const struct hm_field *at_fault;
};

/* A list as every {T *at; size_t count;} lies in memory. */
struct list {
    void *at;
    size_t count;
};

typedef void write_fn(struct writer *writer, const struct hm_field *field, const void *at);

static void write_record(struct writer *writer, const struct hm_record *record, const void *in);

static size_t utf8_length(unsigned char lead)
{
    return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
}

/* One byte or sequence that does not stand for itself inside quotes; returns its length. */
static size_t put_special(struct hm_buf *out, const char *at, size_t left)
{
    static const char letters[] = "btn?fr"; /* 0x08 to 0x0d; 0x0b has none */
    unsigned char c = (unsigned char)*at;
    size_t sequence;

    if (c == '"' || c == '\\') {
        (void)hm_buf_putc(out, '\\');
        (void)hm_buf_putc(out, (char)c);
        return 1;
    }
    if (c >= 0x08 && c <= 0x0d && c != 0x0b) {
        (void)hm_buf_putc(out, '\\');
        (void)hm_buf_putc(out, letters[c - 0x08]);
        return 1;
    }
    if (c < 0x20) {
        (void)hm_buf_printf(out, "\\u%04x", c);
        return 1;
    }
    sequence = utf8_length(c);
    if (sequence <= left && hm_str_is_utf8(at, sequence)) {
        (void)hm_buf_put(out, at, sequence);
        return sequence;
    }
    (void)hm_buf_puts(out, "\xef\xbf\xbd"); /* names from a system may be any bytes */
    return 1;
}

static bool is_plain(char c)
{
    unsigned char byte = (unsigned char)c;

    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

bool hm_json_put_string(struct hm_buf *out, const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);
    size_t at = 0;

    (void)hm_buf_putc(out, '"');
    while (at < len) {
        size_t run = at;

        while (run < len && is_plain(text[run])) {
            run++;
        }
        (void)hm_buf_put(out, text + at, run - at);
        at = run;
        if (at < len) {
            at += put_special(out, text + at, len - at);
        }
    }
    return hm_buf_putc(out, '"');
}

/* Starts the next row or member of the object or list that is open. */
static void next_line(struct writer *writer)
{
    if (writer->pretty) {
        (void)hm_buf_putc(writer->out, '\n');
        for (unsigned i = 0; i < writer->depth; i++) {
            (void)hm_buf_put(writer->out, "  ", 2);
        }
    }
}

static void open_bracket(struct writer *writer, char bracket)
{
    (void)hm_buf_putc(writer->out, bracket);
    writer->depth++;
}

static void close_bracket(struct writer *writer, char bracket, bool empty)
{
    writer->depth--;
    if (!empty) {
        next_line(writer);
    }
    (void)hm_buf_putc(writer->out, bracket);
}

static void put_number(struct writer *writer, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    (void)hm_buf_put(writer->out, digits + at, sizeof(digits) - at);
}

static void fail_at(struct writer *writer, const struct hm_field *field)
{
    if (writer->status == HM_OK) {
        writer->status = HM_EINVAL;
        writer->at_fault = field;
    }
}

static void write_bool(struct writer *writer, const struct hm_field *field, const void *at)
{
    (void)field;
    (void)hm_buf_puts(writer->out, *(const bool *)at ? "true" : "false");
}

static void write_u16(struct writer *writer, const struct hm_field *field, const void *at)
{
    (void)field;
    put_number(writer, *(const uint16_t *)at);
}

static void write_u32(struct writer *writer, const struct hm_field *field, const void *at)
{
    (void)field;
    put_number(writer, *(const uint32_t *)at);
}

static void write_u64(struct writer *writer, const struct hm_field *field, const void *at)
{
    (void)field;
    put_number(writer, *(const uint64_t *)at);
}

static void write_real(struct writer *writer, const struct hm_field *field, const void *at)
{
    double number = *(const double *)at;
    char text[32];
    char *comma;

    if (!isfinite(number)) {
        fail_at(writer, field);
        return;
    }
    if (fpclassify(number) == FP_ZERO) {
        number = 0; /* "-0" would come back as 0 */
    }
    (void)snprintf(text, sizeof(text), "%.6g", number);
    comma = strchr(text, ','); /* of a program's locale */
    if (comma != NULL) {
        *comma = '.';
    }
    (void)hm_buf_puts(writer->out, text);
}

static void write_string(struct writer *writer, const struct hm_field *field, const void *at)
{
    (void)field;
    (void)hm_json_put_string(writer->out, *(const char *const *)at);
}

static void write_enum(struct writer *writer, const struct hm_field *field, const void *at)
{
    unsigned value;

    memcpy(&value, at, sizeof(value));
    if (value >= field->names->count) {
        fail_at(writer, field);
        return;
    }
    (void)hm_json_put_string(writer->out, field->names->names[value]);
}

static void write_time(struct writer *writer, const struct hm_field *field, const void *at)
{
    char text[HM_TIME_TEXT_BYTES];

    (void)field;
    (void)hm_json_put_string(writer->out, hm_clock_format(*(const int64_t *)at, text));
}

static void put_ports(struct writer *writer, struct hm_ports ports)
{
    (void)hm_buf_putc(writer->out, '"');
    (void)hm_ports_format(ports, writer->out);
    (void)hm_buf_putc(writer->out, '"');
}

static void write_range(struct writer *writer, const struct hm_field *field, const void *at)
{
    (void)field;
    put_ports(writer, (struct hm_ports){at, 1});
}

static void write_ports(struct writer *writer, const struct hm_field *field, const void *at)
{
    (void)field;
    put_ports(writer, *(const struct hm_ports *)at);
}

static void write_nested(struct writer *writer, const struct hm_field *field, const void *at)
{
    write_record(writer, field->record, at);
}

static void write_records(struct writer *writer, const struct hm_field *field, const void *at)
{
    struct list list;

    memcpy(&list, at, sizeof(list));
    open_bracket(writer, '[');
    for (size_t i = 0; i < list.count; i++) {
        if (i > 0) {
            (void)hm_buf_putc(writer->out, ',');
        }
        next_line(writer);
        write_record(writer, field->record,
                     (const unsigned char *)list.at + i * field->record->size);
    }
    close_bracket(writer, ']', list.count == 0);
}

static void write_strings(struct writer *writer, const struct hm_field *field, const void *at)
{
    const struct hm_strings *strings = at;

    (void)field;
    open_bracket(writer, '[');
    for (size_t i = 0; i < strings->count; i++) {
        if (i > 0) {
            (void)hm_buf_putc(writer->out, ',');
        }
        next_line(writer);
        (void)hm_json_put_string(writer->out, strings->at[i]);
    }
    close_bracket(writer, ']', strings->count == 0);
}

static write_fn *const writers[] = {
    [HM_TYPE_BOOL] = write_bool,       [HM_TYPE_U16] = write_u16,
    [HM_TYPE_U32] = write_u32,         [HM_TYPE_U64] = write_u64,
    [HM_TYPE_REAL] = write_real,       [HM_TYPE_STRING] = write_string,
    [HM_TYPE_ENUM] = write_enum,       [HM_TYPE_TIME] = write_time,
    [HM_TYPE_RANGE] = write_range,     [HM_TYPE_PORTS] = write_ports,
    [HM_TYPE_RECORD] = write_nested,   [HM_TYPE_RECORDS] = write_records,
    [HM_TYPE_STRINGS] = write_strings,
};

static bool is_zero(const struct hm_field *field, const unsigned char *at);

static bool is_zero_record(const struct hm_record *record, const unsigned char *base)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct hm_field *field = &record->fields[i];

        if (field->flags == HM_FIELD_OPTIONAL ? *(const bool *)(base + field->has_offset)
                                              : !is_zero(field, base + field->offset)) {
            return false;
        }
    }
    return true;
}

static bool is_zero(const struct hm_field *field, const unsigned char *at)
{
    struct list list;
    unsigned value;

    switch (field->type) {
    case HM_TYPE_BOOL:
        return !*(const bool *)at;
    case HM_TYPE_U16:
        return *(const uint16_t *)at == 0;
    case HM_TYPE_U32:
        return *(const uint32_t *)at == 0;
    case HM_TYPE_U64:
        return *(const uint64_t *)at == 0;
    case HM_TYPE_REAL:
        return fpclassify(*(const double *)at) == FP_ZERO;
    case HM_TYPE_STRING:
        return hm_str_equal(*(const char *const *)at, "");
    case HM_TYPE_ENUM:
        memcpy(&value, at, sizeof(value));
        return value == 0;
    case HM_TYPE_TIME:
        return *(const int64_t *)at == 0;
    case HM_TYPE_RANGE:
        return ((const struct hm_range *)at)->last == 0;
    case HM_TYPE_PORTS:
        return ((const struct hm_ports *)at)->count == 0;
    case HM_TYPE_RECORDS:
    case HM_TYPE_STRINGS:
        memcpy(&list, at, sizeof(list));
        return list.count == 0;
    case HM_TYPE_RECORD:
        return is_zero_record(field->record, at);
    }
    return true;
}

static bool is_left_out(const struct hm_field *field, const unsigned char *base)
{
    if (field->flags == HM_FIELD_OPTIONAL) {
        return !*(const bool *)(base + field->has_offset);
    }
    return field->flags == HM_FIELD_DEFAULT && is_zero(field, base + field->offset);
}

static void write_record(struct writer *writer, const struct hm_record *record, const void *in)
{
    const unsigned char *base = in;
    bool empty = true;

    open_bracket(writer, '{');
    for (size_t i = 0; i < record->count; i++) {
        const struct hm_field *field = &record->fields[i];

        if (is_left_out(field, base)) {
            continue;
        }
        if (!empty) {
            (void)hm_buf_putc(writer->out, ',');
        }
        empty = false;
        next_line(writer);
        (void)hm_buf_putc(writer->out, '"');
        (void)hm_buf_puts(writer->out, field->name);
        (void)hm_buf_put(writer->out, "\": ", writer->pretty ? 3 : 2);
        writers[field->type](writer, field, base + field->offset);
    }
    close_bracket(writer, '}', empty);
}

static enum hm_status encode(const struct hm_record *record, const void *in, struct hm_buf *out,
                             bool pretty, struct hm_err *err)
{
    struct writer writer = {out, pretty, 0, HM_OK, NULL};
    size_t start = out->len;
    enum hm_status st;

    write_record(&writer, record, in);
    if (pretty) {
        (void)hm_buf_putc(out, '\n');
    }
    st = hm_buf_status(out, err);
    if (st == HM_OK && writer.status != HM_OK) {
        st = hm_fail(err, writer.status, "%s: member \"%s\" holds a value that has no JSON form",
                     record->name, writer.at_fault->name);
    }
    if (st != HM_OK && out->data != NULL) {
        out->len = start; /* half a document helps nobody */
        out->data[start] = '\0';
    }
    return st;
}

enum hm_status hm_record_encode(const struct hm_record *record, const void *in, struct hm_buf *out,
                                struct hm_err *err)
{
    return encode(record, in, out, false, err);
}

enum hm_status hm_record_encode_pretty(const struct hm_record *record, const void *in,
                                       struct hm_buf *out, struct hm_err *err)
{
    return encode(record, in, out, true, err);
}
