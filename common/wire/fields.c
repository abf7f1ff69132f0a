/* common/wire/fields.c — JSON into records, by their field tables.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/fields.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/ports/inventory.h"
#include "common/wire/json.h"

#define PATH_BYTES 192
#define QUOTED_BYTES 80            /* of a foreign text that an error repeats */
#define U64_MAX 9007199254740992.0 /* 2^53: every JSON reader keeps these exact */
#define NO_ROW ((size_t)-1)

/* Where we are, innermost first; text is only made of it when something is wrong. */
struct path {
    const struct path *up; /* NULL: this is the document */
    const char *name;      /* NULL: a row of a list */
    size_t row;
};

struct reader {
    struct hm_arena *arena;
    bool strict;
    uint32_t unknown_members;
    struct hm_err *err;
};

/* A list as every {T *at; size_t count;} lies in memory. */
struct list {
    void *at;
    size_t count;
};

typedef enum hm_status read_fn(struct reader *reader, const struct hm_field *field, json_t *value,
                               void *at, const struct path *path);

static enum hm_status read_record(struct reader *reader, const struct hm_record *record,
                                  json_t *value, void *out, const struct path *path);

/* "listeners[3].port" */
static size_t path_text(const struct path *path, char *out, size_t size)
{
    size_t len = 0;
    int more;

    if (path->up == NULL) {
        out[0] = '\0';
        return 0;
    }
    len = path_text(path->up, out, size);
    if (path->name == NULL) {
        more = snprintf(out + len, size - len, "[%zu]", path->row);
    } else {
        more =
            snprintf(out + len, size - len, "%s%.*s", len > 0 ? "." : "", QUOTED_BYTES, path->name);
    }
    len += more > 0 ? (size_t)more : 0;
    return len < size ? len : size - 1;
}

static enum hm_status refuse(const struct reader *reader, enum hm_status status,
                             const struct path *path, const char *fmt, ...) HM_PRINTF(4, 5);

static enum hm_status refuse(const struct reader *reader, enum hm_status status,
                             const struct path *path, const char *fmt, ...)
{
    char where[PATH_BYTES];
    char what[HM_ERR_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    if (path_text(path, where, sizeof(where)) == 0) {
        return hm_fail(reader->err, status, "%s", what);
    }
    return hm_fail(reader->err, status, "%s: %s", where, what);
}

static enum hm_status no_memory(const struct reader *reader, const struct path *path)
{
    return refuse(reader, HM_ENOMEM, path, "no memory left for this document");
}

static const char *kind_name(json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "a whole number";
    case JSON_REAL:
        return "a number with a fraction or exponent";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        break;
    }
    return "null (leave the member out instead)";
}

static enum hm_status wrong_type(const struct reader *reader, json_t *value, const char *wanted,
                                 const struct path *path)
{
    return refuse(reader, HM_EINVAL, path, "must be %s, is %s", wanted, kind_name(value));
}

double hm_field_max(const struct hm_field *field)
{
    if (field->max > 0) {
        return field->max;
    }
    switch (field->type) {
    case HM_TYPE_U16:
        return UINT16_MAX;
    case HM_TYPE_U32:
        return UINT32_MAX;
    case HM_TYPE_U64:
        return U64_MAX;
    case HM_TYPE_STRING:
        return HM_LIMIT_TEXT_BYTES;
    case HM_TYPE_RECORDS:
    case HM_TYPE_STRINGS:
        return HM_LIMIT_PAGE_ROWS;
    default:
        return 0;
    }
}

/* A whole number inside the row's range, which is never wider than the type's. */
static enum hm_status whole_number(const struct reader *reader, const struct hm_field *field,
                                   json_t *value, uint64_t *out_number, const struct path *path)
{
    json_int_t min = (json_int_t)field->min;
    json_int_t max = (json_int_t)hm_field_max(field);
    json_int_t number;

    if (!json_is_integer(value)) {
        return wrong_type(reader, value, "a whole number", path);
    }
    number = json_integer_value(value);
    if (number < min) {
        return refuse(reader, HM_EINVAL, path, "%lld is under %lld", (long long)number,
                      (long long)min);
    }
    if (number > max) {
        return refuse(reader, HM_EINVAL, path, "%lld is over %lld", (long long)number,
                      (long long)max);
    }
    *out_number = (uint64_t)number;
    return HM_OK;
}

static enum hm_status read_bool(struct reader *reader, const struct hm_field *field, json_t *value,
                                void *at, const struct path *path)
{
    (void)field;
    if (!json_is_boolean(value)) {
        return wrong_type(reader, value, "true or false", path);
    }
    *(bool *)at = json_is_true(value);
    return HM_OK;
}

static enum hm_status read_u16(struct reader *reader, const struct hm_field *field, json_t *value,
                               void *at, const struct path *path)
{
    uint64_t number = 0;
    enum hm_status st = whole_number(reader, field, value, &number, path);

    *(uint16_t *)at = (uint16_t)number;
    return st;
}

static enum hm_status read_u32(struct reader *reader, const struct hm_field *field, json_t *value,
                               void *at, const struct path *path)
{
    uint64_t number = 0;
    enum hm_status st = whole_number(reader, field, value, &number, path);

    *(uint32_t *)at = (uint32_t)number;
    return st;
}

static enum hm_status read_u64(struct reader *reader, const struct hm_field *field, json_t *value,
                               void *at, const struct path *path)
{
    uint64_t number = 0;
    enum hm_status st = whole_number(reader, field, value, &number, path);

    *(uint64_t *)at = number;
    return st;
}

static enum hm_status read_real(struct reader *reader, const struct hm_field *field, json_t *value,
                                void *at, const struct path *path)
{
    double number;

    if (!json_is_number(value)) {
        return wrong_type(reader, value, "a number", path);
    }
    number = json_number_value(value);
    *(double *)at = number;
    if (field->min < field->max && (number < field->min || number > field->max)) {
        return refuse(reader, HM_EINVAL, path, "%.6g is not between %.6g and %.6g", number,
                      field->min, field->max);
    }
    return HM_OK;
}

static enum hm_status copy_text(struct reader *reader, json_t *value, double min, double max,
                                const char **out_text, const struct path *path)
{
    size_t len;

    if (!json_is_string(value)) {
        return wrong_type(reader, value, "a string", path);
    }
    len = json_string_length(value);
    if ((double)len > max) {
        return refuse(reader, HM_ETOOBIG, path, "%zu bytes, at most %.0f are taken", len, max);
    }
    if ((double)len < min) {
        return refuse(reader, HM_EINVAL, path, "%zu bytes, at least %.0f are needed", len, min);
    }
    *out_text = len == 0 ? "" : hm_arena_strndup(reader->arena, json_string_value(value), len);
    return *out_text != NULL ? HM_OK : no_memory(reader, path);
}

static enum hm_status read_string(struct reader *reader, const struct hm_field *field,
                                  json_t *value, void *at, const struct path *path)
{
    return copy_text(reader, value, field->min, hm_field_max(field), at, path);
}

static enum hm_status read_enum(struct reader *reader, const struct hm_field *field, json_t *value,
                                void *at, const struct path *path)
{
    char names[256] = "";
    size_t len = 0;
    const char *text;

    if (!json_is_string(value)) {
        return wrong_type(reader, value, "a string", path);
    }
    text = json_string_value(value);
    for (unsigned i = 0; i < field->names->count; i++) {
        if (strcmp(text, field->names->names[i]) == 0) {
            memcpy(at, &i, sizeof(i));
            return HM_OK;
        }
    }
    for (unsigned i = 0; i < field->names->count && len < sizeof(names); i++) {
        int more = snprintf(names + len, sizeof(names) - len, "%s%s", i > 0 ? ", " : "",
                            field->names->names[i]);

        len += more > 0 ? (size_t)more : 0;
    }
    return refuse(reader, HM_EINVAL, path, "\"%.*s\" is none of: %s", QUOTED_BYTES, text, names);
}

static enum hm_status read_time(struct reader *reader, const struct hm_field *field, json_t *value,
                                void *at, const struct path *path)
{
    (void)field;
    if (!json_is_string(value)) {
        return wrong_type(reader, value, "a string", path);
    }
    if (!hm_clock_parse(json_string_value(value), json_string_length(value), at)) {
        return refuse(reader, HM_EINVAL, path,
                      "\"%.*s\" is no RFC 3339 time such as 2026-11-22T11:05:00Z", QUOTED_BYTES,
                      json_string_value(value));
    }
    return HM_OK;
}

/* The port readers say what is wrong, we say where. */
static enum hm_status placed(const struct reader *reader, enum hm_status st,
                             const struct hm_err *why, const struct path *path)
{
    return st == HM_OK ? HM_OK : refuse(reader, st, path, "%s", why->text);
}

static enum hm_status read_range(struct reader *reader, const struct hm_field *field, json_t *value,
                                 void *at, const struct path *path)
{
    struct hm_err why = {0};

    (void)field;
    if (!json_is_string(value)) {
        return wrong_type(reader, value, "a string such as \"6005-65534\"", path);
    }
    return placed(reader,
                  hm_range_parse(json_string_value(value), json_string_length(value), at, &why),
                  &why, path);
}

static enum hm_status read_ports(struct reader *reader, const struct hm_field *field, json_t *value,
                                 void *at, const struct path *path)
{
    struct hm_err why = {0};

    (void)field;
    if (!json_is_string(value)) {
        return wrong_type(reader, value, "a string such as \"9933,9955\"", path);
    }
    if (json_string_length(value) == 0) { /* no exclusions: the most common list of all */
        return HM_OK;
    }
    return placed(reader,
                  hm_ports_parse_kept(json_string_value(value), json_string_length(value),
                                      reader->arena, at, &why),
                  &why, path);
}

static enum hm_status read_nested(struct reader *reader, const struct hm_field *field,
                                  json_t *value, void *at, const struct path *path)
{
    return read_record(reader, field->record, value, at, path);
}

/* Room for the rows of a list, counted before anything is made. */
static enum hm_status start_list(struct reader *reader, const struct hm_field *field, json_t *value,
                                 size_t row_size, struct list *out_list, const struct path *path)
{
    double max = hm_field_max(field);
    size_t count;

    if (!json_is_array(value)) {
        return wrong_type(reader, value, "a list", path);
    }
    count = json_array_size(value);
    if ((double)count > max) {
        return refuse(reader, HM_ETOOBIG, path, "%zu rows, at most %.0f are taken", count, max);
    }
    if ((double)count < field->min) {
        return refuse(reader, HM_EINVAL, path, "%zu rows, at least %.0f are needed", count,
                      field->min);
    }
    out_list->count = count;
    out_list->at = NULL;
    if (count > 0) {
        out_list->at = hm_arena_alloc(reader->arena, count, row_size);
        return out_list->at != NULL ? HM_OK : no_memory(reader, path);
    }
    return HM_OK;
}

static enum hm_status read_records(struct reader *reader, const struct hm_field *field,
                                   json_t *value, void *at, const struct path *path)
{
    size_t size = field->record->size;
    struct list list = {NULL, 0};
    enum hm_status st = start_list(reader, field, value, size, &list, path);

    if (st != HM_OK) {
        return st;
    }
    for (size_t i = 0; i < list.count && st == HM_OK; i++) {
        struct path row = {path, NULL, i};

        st = read_record(reader, field->record, json_array_get(value, i),
                         (unsigned char *)list.at + i * size, &row);
    }
    memcpy(at, &list, sizeof(list));
    return st;
}

static enum hm_status read_strings(struct reader *reader, const struct hm_field *field,
                                   json_t *value, void *at, const struct path *path)
{
    struct list list = {NULL, 0};
    enum hm_status st = start_list(reader, field, value, sizeof(const char *), &list, path);

    if (st != HM_OK) {
        return st;
    }
    for (size_t i = 0; i < list.count && st == HM_OK; i++) {
        struct path row = {path, NULL, i};

        st = copy_text(reader, json_array_get(value, i), 0, HM_LIMIT_TEXT_BYTES,
                       (const char **)list.at + i, &row);
    }
    memcpy(at, &list, sizeof(list));
    return st;
}

static read_fn *const readers[] = {
    [HM_TYPE_BOOL] = read_bool,       [HM_TYPE_U16] = read_u16,
    [HM_TYPE_U32] = read_u32,         [HM_TYPE_U64] = read_u64,
    [HM_TYPE_REAL] = read_real,       [HM_TYPE_STRING] = read_string,
    [HM_TYPE_ENUM] = read_enum,       [HM_TYPE_TIME] = read_time,
    [HM_TYPE_RANGE] = read_range,     [HM_TYPE_PORTS] = read_ports,
    [HM_TYPE_RECORD] = read_nested,   [HM_TYPE_RECORDS] = read_records,
    [HM_TYPE_STRINGS] = read_strings,
};

/* Texts of what is absent are "", never NULL. */
static void set_absent(const struct hm_field *field, unsigned char *base)
{
    if (field->type == HM_TYPE_STRING) {
        *(const char **)(void *)(base + field->offset) = "";
    } else if (field->type == HM_TYPE_RECORD) {
        for (size_t i = 0; i < field->record->count; i++) {
            set_absent(&field->record->fields[i], base + field->offset);
        }
    }
}

/* Members mostly come in the table's order, so the search starts after the last hit. */
static size_t find_row(const struct hm_record *record, const char *name, size_t expected)
{
    for (size_t i = 0; i < record->count; i++) {
        size_t row = expected + i < record->count ? expected + i : expected + i - record->count;

        if (strcmp(record->fields[row].name, name) == 0) {
            return row;
        }
    }
    return NO_ROW;
}

static enum hm_status read_member(struct reader *reader, const struct hm_field *field,
                                  json_t *value, unsigned char *base, const struct path *path)
{
    enum hm_status st = readers[field->type](reader, field, value, base + field->offset, path);

    if (st == HM_OK && field->flags == HM_FIELD_OPTIONAL) {
        *(bool *)(base + field->has_offset) = true;
    }
    return st;
}

static enum hm_status finish_record(struct reader *reader, const struct hm_record *record,
                                    uint64_t seen, unsigned char *base, const struct path *path)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct hm_field *field = &record->fields[i];

        if ((seen >> i & 1) != 0) {
            continue;
        }
        if (field->flags == HM_FIELD_REQUIRED) {
            return refuse(reader, HM_EINVAL, path, "member \"%s\" is missing", field->name);
        }
        set_absent(field, base);
    }
    return HM_OK;
}

/* out is zeroed memory of record->size bytes. */
static enum hm_status read_record(struct reader *reader, const struct hm_record *record,
                                  json_t *value, void *out, const struct path *path)
{
    uint64_t seen = 0;
    size_t expected = 0;

    assert(record->count <= 64);
    if (!json_is_object(value)) {
        return wrong_type(reader, value, "an object", path);
    }
    for (void *it = json_object_iter(value); it != NULL; it = json_object_iter_next(value, it)) {
        const char *name = json_object_iter_key(it);
        struct path member = {path, name, 0};
        size_t row = find_row(record, name, expected);
        enum hm_status st;

        if (row == NO_ROW && reader->strict) {
            return refuse(reader, HM_EINVAL, &member,
                          "no such member is known here; remove it or look at its spelling");
        }
        if (row == NO_ROW) {
            reader->unknown_members++;
            continue;
        }
        st = read_member(reader, &record->fields[row], json_object_iter_value(it), out, &member);
        if (st != HM_OK) {
            return st;
        }
        seen |= UINT64_C(1) << row;
        expected = row + 1;
    }
    return finish_record(reader, record, seen, out, path);
}

enum hm_status hm_record_decode(const struct hm_record *record, const char *text, size_t len,
                                bool strict, struct hm_arena *arena, void *out,
                                struct hm_decode_notes *notes, struct hm_err *err)
{
    struct reader reader = {arena, strict, 0, err};
    struct path root = {NULL, NULL, 0};
    json_t *tree = NULL;
    void *made;
    enum hm_status st = hm_json_parse(text, len, &tree, err);

    if (st != HM_OK) {
        return st;
    }
    made = hm_arena_alloc(arena, 1, record->size);
    if (made == NULL) {
        st = no_memory(&reader, &root);
        goto done;
    }
    st = read_record(&reader, record, tree, made, &root);
    if (st != HM_OK) {
        goto done;
    }
    memcpy(out, made, record->size);
    if (notes != NULL) {
        notes->unknown_members = reader.unknown_members;
    }
done:
    hm_json_free(tree);
    return st;
}
