/* common/wire/fields.c — JSON into records, by their field tables.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/fields.h"

#include <assert.h>
#include <jansson.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/wire/fields_values.h"
#include "common/wire/json.h"

#define NO_ROW ((size_t)-1)
#define STREAMED_FROM_BYTES (64u * 1024u) /* larger ones are read without a tree of the whole */

/* A list as every {T *at; size_t count;} lies in memory. */
struct list {
    void *at;
    size_t count;
};

static enum hm_status read_record(struct hm_member_reader *reader, const struct hm_record *record,
                                  json_t *value, void *out, const struct hm_member_path *path);

/* Room for the rows of a list, counted before anything is made. */
static enum hm_status make_rows(struct hm_member_reader *reader, const struct hm_field *field,
                                size_t count, size_t row_size, struct list *out_list,
                                const struct hm_member_path *path)
{
    double max = hm_field_max(field);

    if ((double)count > max) {
        return hm_member_refuse(reader, HM_ETOOBIG, path, "%zu rows, at most %.0f are taken", count,
                                max);
    }
    if ((double)count < field->min) {
        return hm_member_refuse(reader, HM_EINVAL, path, "%zu rows, at least %.0f are needed",
                                count, field->min);
    }
    out_list->count = count;
    out_list->at = NULL;
    if (count > 0) {
        out_list->at = hm_arena_alloc(reader->arena, count, row_size);
        return out_list->at != NULL ? HM_OK : hm_member_no_memory(reader, path);
    }
    return HM_OK;
}

static enum hm_status start_list(struct hm_member_reader *reader, const struct hm_field *field,
                                 json_t *value, size_t row_size, struct list *out_list,
                                 const struct hm_member_path *path)
{
    if (!json_is_array(value)) {
        return hm_member_wrong_type(reader, value, "a list", path);
    }
    return make_rows(reader, field, json_array_size(value), row_size, out_list, path);
}

static enum hm_status read_records(struct hm_member_reader *reader, const struct hm_field *field,
                                   json_t *value, void *at, const struct hm_member_path *path)
{
    size_t size = field->record->size;
    struct list list = {NULL, 0};
    enum hm_status st = start_list(reader, field, value, size, &list, path);

    if (st != HM_OK) {
        return st;
    }
    for (size_t i = 0; i < list.count && st == HM_OK; i++) {
        struct hm_member_path row = {path, NULL, i};

        st = read_record(reader, field->record, json_array_get(value, i),
                         (unsigned char *)list.at + i * size, &row);
    }
    memcpy(at, &list, sizeof(list));
    return st;
}

static enum hm_status read_strings(struct hm_member_reader *reader, const struct hm_field *field,
                                   json_t *value, void *at, const struct hm_member_path *path)
{
    struct list list = {NULL, 0};
    enum hm_status st = start_list(reader, field, value, sizeof(const char *), &list, path);

    if (st != HM_OK) {
        return st;
    }
    for (size_t i = 0; i < list.count && st == HM_OK; i++) {
        struct hm_member_path row = {path, NULL, i};

        st = hm_member_text(reader, json_array_get(value, i), 0, HM_LIMIT_TEXT_BYTES,
                            (const char **)list.at + i, &row);
    }
    memcpy(at, &list, sizeof(list));
    return st;
}

static enum hm_status read_value(struct hm_member_reader *reader, const struct hm_field *field,
                                 json_t *value, void *at, const struct hm_member_path *path)
{
    switch (field->type) {
    case HM_TYPE_RECORD:
        return read_record(reader, field->record, value, at, path);
    case HM_TYPE_RECORDS:
        return read_records(reader, field, value, at, path);
    case HM_TYPE_STRINGS:
        return read_strings(reader, field, value, at, path);
    default:
        return hm_member_read(reader, field, value, at, path);
    }
}

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

static void set_present(const struct hm_field *field, unsigned char *base)
{
    if (field->flags == HM_FIELD_OPTIONAL) {
        *(bool *)(base + field->has_offset) = true;
    }
}

/* Of record, in the table row or NO_ROW. */
static enum hm_status read_member(struct hm_member_reader *reader, const struct hm_record *record,
                                  size_t row, json_t *value, unsigned char *base,
                                  const struct hm_member_path *path)
{
    const struct hm_field *field;
    enum hm_status st;

    if (row == NO_ROW && reader->strict) {
        return hm_member_refuse(reader, HM_EINVAL, path,
                                "no such member is known here; remove it or look at its spelling");
    }
    if (row == NO_ROW) {
        reader->unknown_members++;
        return HM_OK;
    }
    field = &record->fields[row];
    st = read_value(reader, field, value, base + field->offset, path);
    if (st == HM_OK) {
        set_present(field, base);
    }
    return st;
}

static enum hm_status finish_record(struct hm_member_reader *reader, const struct hm_record *record,
                                    uint64_t seen, unsigned char *base,
                                    const struct hm_member_path *path)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct hm_field *field = &record->fields[i];

        if ((seen >> i & 1) != 0) {
            continue;
        }
        if (field->flags == HM_FIELD_REQUIRED) {
            return hm_member_refuse(reader, HM_EINVAL, path, "member \"%s\" is missing",
                                    field->name);
        }
        set_absent(field, base);
    }
    return HM_OK;
}

/* out is zeroed memory of record->size bytes. */
static enum hm_status read_record(struct hm_member_reader *reader, const struct hm_record *record,
                                  json_t *value, void *out, const struct hm_member_path *path)
{
    uint64_t seen = 0;
    size_t expected = 0;

    assert(record->count <= 64);
    if (!json_is_object(value)) {
        return hm_member_wrong_type(reader, value, "an object", path);
    }
    for (void *it = json_object_iter(value); it != NULL; it = json_object_iter_next(value, it)) {
        const char *name = json_object_iter_key(it);
        struct hm_member_path member = {path, name, 0};
        size_t row = find_row(record, name, expected);
        enum hm_status st =
            read_member(reader, record, row, json_object_iter_value(it), out, &member);

        if (st != HM_OK) {
            return st;
        }
        if (row == NO_ROW) {
            continue;
        }
        seen |= UINT64_C(1) << row;
        expected = row + 1;
    }
    return finish_record(reader, record, seen, out, path);
}

/* ---- a large document, value by value ------------------------------------------------------ */

static enum hm_status stream_rows(struct hm_member_reader *reader, const struct hm_field *field,
                                  struct hm_json_cursor *cursor, void *at,
                                  const struct hm_member_path *path)
{
    const size_t size = field->record->size;
    struct list list = {NULL, 0};
    enum hm_status st = make_rows(reader, field, hm_json_count_rows(cursor), size, &list, path);

    for (size_t i = 0; i < list.count && st == HM_OK && !cursor->broken; i++) {
        struct hm_member_path row = {path, NULL, i};
        json_t *value = i == 0 || hm_json_step(cursor, ',') ? hm_json_next_value(cursor) : NULL;

        cursor->broken = value == NULL;
        if (value != NULL) {
            st = read_record(reader, field->record, value, (unsigned char *)list.at + i * size,
                             &row);
        }
        hm_json_free(value);
    }
    cursor->broken = cursor->broken || (st == HM_OK && !hm_json_step(cursor, ']'));
    memcpy(at, &list, sizeof(list));
    return st;
}

/* As read_record; of a list of records one row is in memory at a time. names: an empty object. */
static enum hm_status stream_record(struct hm_member_reader *reader, const struct hm_record *record,
                                    struct hm_json_cursor *cursor, json_t *names,
                                    unsigned char *out)
{
    const struct hm_member_path root = {NULL, NULL, 0};
    uint64_t seen = 0;
    enum hm_status st = HM_OK;
    json_t *name = hm_json_next_name(cursor, true);

    while (name != NULL && st == HM_OK) {
        const struct hm_member_path member = {&root, json_string_value(name), 0};
        const size_t row = find_row(record, member.name, 0);
        const struct hm_field *field = row == NO_ROW ? NULL : &record->fields[row];

        if (json_object_get(names, member.name) != NULL ||
            json_object_set_new(names, member.name, json_true()) != 0) {
            cursor->broken = true; /* a second member of this name, or no memory */
        } else if (field != NULL && field->type == HM_TYPE_RECORDS && hm_json_step(cursor, '[')) {
            st = stream_rows(reader, field, cursor, out + field->offset, &member);
            set_present(field, out);
        } else {
            json_t *value = hm_json_next_value(cursor);

            st = value == NULL ? st : read_member(reader, record, row, value, out, &member);
            hm_json_free(value);
        }
        seen |= row == NO_ROW ? 0 : UINT64_C(1) << row;
        hm_json_free(name);
        name = st == HM_OK ? hm_json_next_name(cursor, false) : NULL;
    }
    return st == HM_OK && !cursor->broken ? finish_record(reader, record, seen, out, &root) : st;
}

static enum hm_status read_tree(struct hm_member_reader *reader, const struct hm_record *record,
                                const char *text, size_t len, unsigned char *made)
{
    struct hm_member_path root = {NULL, NULL, 0};
    json_t *tree = NULL;
    enum hm_status st = hm_json_parse(text, len, &tree, reader->err);

    if (st == HM_OK) {
        st = read_record(reader, record, tree, made, &root);
    }
    hm_json_free(tree);
    return st;
}

/* A valid document without a tree of the whole. Of an invalid one the tree is made only to find
 * what is wrong: its rows are not made a second time. */
static enum hm_status read_streamed(struct hm_member_reader *reader, const struct hm_record *record,
                                    const char *text, size_t len, unsigned char *made)
{
    struct hm_json_cursor cursor = {text, text + len, false};
    json_t *names = json_object();
    json_t *tree = NULL;
    enum hm_status st;
    enum hm_status parsed;

    assert(record->count <= 64);
    st = stream_record(reader, record, &cursor, names, made);
    hm_json_free(names);
    if (st == HM_ENOMEM || (st == HM_OK && !cursor.broken && hm_json_at_end(&cursor))) {
        return st;
    }
    if (st == HM_OK) { /* not valid JSON, or no object at all */
        memset(made, 0, record->size);
        reader->unknown_members = 0;
        return read_tree(reader, record, text, len, made);
    }
    parsed = hm_json_parse(text, len, &tree, reader->err); /* a fault of the text counts first */
    hm_json_free(tree);
    return parsed == HM_OK ? st : parsed;
}

enum hm_status hm_record_decode(const struct hm_record *record, const char *text, size_t len,
                                bool strict, struct hm_arena *arena, void *out,
                                struct hm_decode_notes *notes, struct hm_err *err)
{
    struct hm_member_reader reader = {arena, strict, 0, err};
    struct hm_member_path root = {NULL, NULL, 0};
    void *made = hm_arena_alloc(arena, 1, record->size);
    enum hm_status st;

    if (made == NULL) {
        return hm_member_no_memory(&reader, &root);
    }
    st = hm_json_check_depth(text, len, err);
    if (st == HM_OK) {
        st = len < STREAMED_FROM_BYTES ? read_tree(&reader, record, text, len, made)
                                       : read_streamed(&reader, record, text, len, made);
    }
    if (st != HM_OK) {
        return st;
    }
    memcpy(out, made, record->size);
    if (notes != NULL) {
        notes->unknown_members = reader.unknown_members;
    }
    return HM_OK;
}
