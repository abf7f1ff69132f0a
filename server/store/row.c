/* server/store/row.c — what the entities share: columns, list statements, lists of text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/row.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/wire/fields.h"

#define STATEMENT_BYTES (64u * 1024u)

static struct hm_value column(struct hm_stmt *row, int at)
{
    const struct hm_db_driver *driver = *(const struct hm_db_driver *const *)row;
    struct hm_value value;

    driver->column(row, at, &value);
    return value;
}

int64_t hm_row_int(struct hm_stmt *row, int at)
{
    struct hm_value value = column(row, at);

    return value.type == HM_VALUE_REAL ? (int64_t)value.real : value.i;
}

double hm_row_real(struct hm_stmt *row, int at)
{
    struct hm_value value = column(row, at);

    return value.type == HM_VALUE_INT ? (double)value.i : value.real;
}

bool hm_row_is_null(struct hm_stmt *row, int at)
{
    return column(row, at).type == HM_VALUE_NULL;
}

const char *hm_row_text(struct hm_stmt *row, int at, struct hm_arena *arena)
{
    struct hm_value value = column(row, at);

    if (value.type != HM_VALUE_TEXT && value.type != HM_VALUE_BLOB) {
        return "";
    }
    return hm_arena_strndup(arena, value.bytes, value.len);
}

enum hm_status hm_row_bytes(struct hm_stmt *row, int at, void *out, size_t len, struct hm_err *err)
{
    struct hm_value value = column(row, at);

    if (value.type != HM_VALUE_BLOB || value.len != len) {
        return hm_fail(err, HM_EIO, "a stored hash is not %zu bytes long: the database is damaged",
                       len);
    }
    memcpy(out, value.bytes, len);
    return HM_OK;
}

/* Appends inner with the time's placeholder put in. */
static void put_inner(struct hm_buf *sql, const char *inner, size_t at_number)
{
    const char *mark;

    while ((mark = strstr(inner, HM_LIST_AT)) != NULL) {
        hm_buf_put(sql, inner, (size_t)(mark - inner));
        hm_buf_printf(sql, "$%zu", at_number);
        inner = mark + strlen(HM_LIST_AT);
    }
    hm_buf_puts(sql, inner);
}

static enum hm_status read_cursor(const struct hm_list *list, const char *after,
                                  struct hm_value *out_value, struct hm_err *err)
{
    uint64_t number = 0;

    if (!list->key_is_number) {
        *out_value = hm_value_text(after);
        return HM_OK;
    }
    if (!hm_str_parse_u64(after, strlen(after), INT64_MAX, &number)) {
        return hm_fail_code(err, HM_EINVAL, "bad_cursor",
                            "the cursor is not one of this list: start without it");
    }
    *out_value = hm_value_int((int64_t)number);
    return HM_OK;
}

/* Makes the statement; values beyond the filter's are put into extra ($n + 1 …). */
static enum hm_status make_statement(const struct hm_list *list, const struct hm_page *page,
                                     struct hm_buf *sql, struct hm_value extra[3],
                                     size_t *out_extras, struct hm_err *err)
{
    size_t base = page->where.count;
    size_t extras = 0;
    bool filtered = page->where.sql != NULL && page->where.sql[0] != '\0';

    hm_buf_printf(sql, "SELECT %s FROM (", list->columns);
    if (page->has_at) {
        extra[extras++] = hm_value_int(page->at_ms);
        put_inner(sql, list->inner_at, base + extras);
    } else {
        hm_buf_puts(sql, list->inner_now);
    }
    hm_buf_printf(sql, ") AS list WHERE (%s)", filtered ? page->where.sql : "1 = 1");
    if (page->after != NULL && page->after[0] != '\0') {
        enum hm_status st = read_cursor(list, page->after, &extra[extras++], err);

        if (st != HM_OK) {
            return st;
        }
        hm_buf_printf(sql, " AND %s %s $%zu", list->key, list->descending ? "<" : ">",
                      base + extras);
    }
    extra[extras++] = hm_value_int((int64_t)page->limit + 1);
    hm_buf_printf(sql, " ORDER BY %s%s LIMIT $%zu", list->key, list->descending ? " DESC" : "",
                  base + extras);
    *out_extras = extras;
    return hm_buf_status(sql, err);
}

enum hm_status hm_list_query(struct hm_session *session, const struct hm_list *list,
                             const struct hm_page *page, hm_row_fn *fn, void *arg,
                             struct hm_err *err)
{
    struct hm_value values[128];
    struct hm_buf sql;
    size_t base = page->where.count;
    size_t extras = 0;
    enum hm_status st;

    if (page->limit < 1 || page->limit > HM_LIMIT_PAGE_ROWS) {
        return hm_fail_code(err, HM_EINVAL, "bad_limit", "limit is 1 to %u", HM_LIMIT_PAGE_ROWS);
    }
    if (page->has_at && list->inner_at == NULL) {
        return hm_fail_code(err, HM_EINVAL, "no_history",
                            "this list cannot be asked \"at\" a time");
    }
    if (base + 3 > HM_COUNT(values)) {
        return hm_fail(err, HM_ETOOBIG, "the filter has %zu values, at most %zu", base,
                       HM_COUNT(values) - 3);
    }
    if (base > 0) {
        memcpy(values, page->where.values, base * sizeof(values[0]));
    }
    hm_buf_init(&sql, STATEMENT_BYTES);
    st = make_statement(list, page, &sql, values + base, &extras, err);
    if (st == HM_OK) {
        st = hm_session_query_once(session, hm_buf_text(&sql), values, base + extras, fn, arg, NULL,
                                   err);
    }
    hm_buf_fini(&sql);
    return st;
}

struct text_list {
    struct hm_strings list;
};

static const struct hm_field text_list_fields[] = {
    HM_F(text_list, list, HM_TYPE_STRINGS, HM_FIELD_REQUIRED, 0, HM_LIMIT_SERVICES, "texts"),
};
static const struct hm_record text_list_record = {"text_list", sizeof(struct text_list),
                                                  text_list_fields, HM_COUNT(text_list_fields)};

const char *hm_strings_text(const struct hm_strings *strings, struct hm_arena *arena)
{
    struct hm_buf text;
    const char *copy;

    hm_buf_init(&text, HM_LIMIT_API_BODY_BYTES);
    hm_buf_putc(&text, '[');
    for (size_t i = 0; i < strings->count; i++) {
        if (i > 0) {
            hm_buf_putc(&text, ',');
        }
        (void)hm_json_put_string(&text, strings->at[i]);
    }
    hm_buf_putc(&text, ']');
    copy = hm_buf_status(&text, NULL) == HM_OK
               ? hm_arena_strndup(arena, hm_buf_text(&text), text.len)
               : NULL;
    hm_buf_fini(&text);
    return copy;
}

enum hm_status hm_strings_read(const char *text, struct hm_arena *arena,
                               struct hm_strings *out_strings, struct hm_err *err)
{
    struct text_list holder;
    const char *json;
    enum hm_status st;

    if (strcmp(text, "[]") == 0) { /* the usual case costs nothing */
        *out_strings = (struct hm_strings){NULL, 0};
        return HM_OK;
    }
    json = hm_arena_printf(arena, "{\"list\":%s}", text);
    if (json == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a list of texts");
    }
    st = hm_record_decode(&text_list_record, json, strlen(json), true, arena, &holder, NULL, err);
    if (st == HM_OK) {
        *out_strings = holder.list;
    }
    return st;
}
