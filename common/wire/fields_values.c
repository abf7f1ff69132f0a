/* common/wire/fields_values.c — one value of a record out of its JSON: number, text, time, ports.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/fields_values.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/ports/inventory.h"

#define PATH_BYTES 192
#define QUOTED_BYTES 80            /* of a foreign text that an error repeats */
#define U64_MAX 9007199254740992.0 /* 2^53: every JSON reader keeps these exact */

typedef enum hm_status value_fn(struct hm_member_reader *reader, const struct hm_field *field,
                                json_t *value, void *at, const struct hm_member_path *path);

/* "listeners[3].port" */
static size_t path_text(const struct hm_member_path *path, char *out, size_t size)
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

enum hm_status hm_member_refuse(const struct hm_member_reader *reader, enum hm_status status,
                                const struct hm_member_path *path, const char *fmt, ...)
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

enum hm_status hm_member_no_memory(const struct hm_member_reader *reader,
                                   const struct hm_member_path *path)
{
    return hm_member_refuse(reader, HM_ENOMEM, path, "no memory left for this document");
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

enum hm_status hm_member_wrong_type(const struct hm_member_reader *reader, json_t *value,
                                    const char *wanted, const struct hm_member_path *path)
{
    return hm_member_refuse(reader, HM_EINVAL, path, "must be %s, is %s", wanted, kind_name(value));
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
static enum hm_status whole_number(const struct hm_member_reader *reader,
                                   const struct hm_field *field, json_t *value,
                                   uint64_t *out_number, const struct hm_member_path *path)
{
    json_int_t min = (json_int_t)field->min;
    json_int_t max = (json_int_t)hm_field_max(field);
    json_int_t number;

    if (!json_is_integer(value)) {
        return hm_member_wrong_type(reader, value, "a whole number", path);
    }
    number = json_integer_value(value);
    if (number < min) {
        return hm_member_refuse(reader, HM_EINVAL, path, "%lld is under %lld", (long long)number,
                                (long long)min);
    }
    if (number > max) {
        return hm_member_refuse(reader, HM_EINVAL, path, "%lld is over %lld", (long long)number,
                                (long long)max);
    }
    *out_number = (uint64_t)number;
    return HM_OK;
}

static enum hm_status read_bool(struct hm_member_reader *reader, const struct hm_field *field,
                                json_t *value, void *at, const struct hm_member_path *path)
{
    (void)field;
    if (!json_is_boolean(value)) {
        return hm_member_wrong_type(reader, value, "true or false", path);
    }
    *(bool *)at = json_is_true(value);
    return HM_OK;
}

static enum hm_status read_u16(struct hm_member_reader *reader, const struct hm_field *field,
                               json_t *value, void *at, const struct hm_member_path *path)
{
    uint64_t number = 0;
    enum hm_status st = whole_number(reader, field, value, &number, path);

    *(uint16_t *)at = (uint16_t)number;
    return st;
}

static enum hm_status read_u32(struct hm_member_reader *reader, const struct hm_field *field,
                               json_t *value, void *at, const struct hm_member_path *path)
{
    uint64_t number = 0;
    enum hm_status st = whole_number(reader, field, value, &number, path);

    *(uint32_t *)at = (uint32_t)number;
    return st;
}

static enum hm_status read_u64(struct hm_member_reader *reader, const struct hm_field *field,
                               json_t *value, void *at, const struct hm_member_path *path)
{
    uint64_t number = 0;
    enum hm_status st = whole_number(reader, field, value, &number, path);

    *(uint64_t *)at = number;
    return st;
}

static enum hm_status read_real(struct hm_member_reader *reader, const struct hm_field *field,
                                json_t *value, void *at, const struct hm_member_path *path)
{
    double number;

    if (!json_is_number(value)) {
        return hm_member_wrong_type(reader, value, "a number", path);
    }
    number = json_number_value(value);
    *(double *)at = number;
    if (field->min < field->max && (number < field->min || number > field->max)) {
        return hm_member_refuse(reader, HM_EINVAL, path, "%.6g is not between %.6g and %.6g",
                                number, field->min, field->max);
    }
    return HM_OK;
}

enum hm_status hm_member_text(struct hm_member_reader *reader, json_t *value, double min,
                              double max, const char **out_text, const struct hm_member_path *path)
{
    size_t len;

    if (!json_is_string(value)) {
        return hm_member_wrong_type(reader, value, "a string", path);
    }
    len = json_string_length(value);
    if ((double)len > max) {
        return hm_member_refuse(reader, HM_ETOOBIG, path, "%zu bytes, at most %.0f are taken", len,
                                max);
    }
    if ((double)len < min) {
        return hm_member_refuse(reader, HM_EINVAL, path, "%zu bytes, at least %.0f are needed", len,
                                min);
    }
    *out_text = len == 0 ? "" : hm_arena_strndup(reader->arena, json_string_value(value), len);
    return *out_text != NULL ? HM_OK : hm_member_no_memory(reader, path);
}

static enum hm_status read_string(struct hm_member_reader *reader, const struct hm_field *field,
                                  json_t *value, void *at, const struct hm_member_path *path)
{
    return hm_member_text(reader, value, field->min, hm_field_max(field), at, path);
}

static enum hm_status read_enum(struct hm_member_reader *reader, const struct hm_field *field,
                                json_t *value, void *at, const struct hm_member_path *path)
{
    char names[256] = "";
    size_t len = 0;
    const char *text;

    if (!json_is_string(value)) {
        return hm_member_wrong_type(reader, value, "a string", path);
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
    return hm_member_refuse(reader, HM_EINVAL, path, "\"%.*s\" is none of: %s", QUOTED_BYTES, text,
                            names);
}

static enum hm_status read_time(struct hm_member_reader *reader, const struct hm_field *field,
                                json_t *value, void *at, const struct hm_member_path *path)
{
    (void)field;
    if (!json_is_string(value)) {
        return hm_member_wrong_type(reader, value, "a string", path);
    }
    if (!hm_clock_parse(json_string_value(value), json_string_length(value), at)) {
        return hm_member_refuse(reader, HM_EINVAL, path,
                                "\"%.*s\" is no RFC 3339 time such as 2026-11-22T11:05:00Z",
                                QUOTED_BYTES, json_string_value(value));
    }
    return HM_OK;
}

/* The port readers say what is wrong, we say where. */
static enum hm_status placed(const struct hm_member_reader *reader, enum hm_status st,
                             const struct hm_err *why, const struct hm_member_path *path)
{
    return st == HM_OK ? HM_OK : hm_member_refuse(reader, st, path, "%s", why->text);
}

static enum hm_status read_range(struct hm_member_reader *reader, const struct hm_field *field,
                                 json_t *value, void *at, const struct hm_member_path *path)
{
    struct hm_err why = {0};

    (void)field;
    if (!json_is_string(value)) {
        return hm_member_wrong_type(reader, value, "a string such as \"6005-65534\"", path);
    }
    return placed(reader,
                  hm_range_parse(json_string_value(value), json_string_length(value), at, &why),
                  &why, path);
}

static enum hm_status read_ports(struct hm_member_reader *reader, const struct hm_field *field,
                                 json_t *value, void *at, const struct hm_member_path *path)
{
    struct hm_err why = {0};

    (void)field;
    if (!json_is_string(value)) {
        return hm_member_wrong_type(reader, value, "a string such as \"9933,9955\"", path);
    }
    if (json_string_length(value) == 0) { /* no exclusions: the most common list of all */
        return HM_OK;
    }
    return placed(reader,
                  hm_ports_parse_kept(json_string_value(value), json_string_length(value),
                                      reader->arena, at, &why),
                  &why, path);
}

static value_fn *const readers[] = {
    [HM_TYPE_BOOL] = read_bool,   [HM_TYPE_U16] = read_u16,   [HM_TYPE_U32] = read_u32,
    [HM_TYPE_U64] = read_u64,     [HM_TYPE_REAL] = read_real, [HM_TYPE_STRING] = read_string,
    [HM_TYPE_ENUM] = read_enum,   [HM_TYPE_TIME] = read_time, [HM_TYPE_RANGE] = read_range,
    [HM_TYPE_PORTS] = read_ports,
};

enum hm_status hm_member_read(struct hm_member_reader *reader, const struct hm_field *field,
                              json_t *value, void *at, const struct hm_member_path *path)
{
    return readers[field->type](reader, field, value, at, path);
}
