/* server/hmctl/list.c — lists: page after page, as a table or as one JSON document.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/client.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/wire/fields.h"

#define PAGE_ROWS 500u
#define PARAMS_MAX 8u

struct run {
    struct hm_ctl ctl;
    const struct hm_ctl_list *list;
    struct hm_table table;
    struct hm_arena urls;
    uint64_t left; /* rows that may still come */
    uint64_t rows;
    uint64_t pages;
    char next[HM_LIMIT_CURSOR_BYTES + 1];
};

/* The items of a page as they stand in its text: between "[" and its "]". */
static bool find_items(const struct hm_http_reply *reply, struct hm_span *out_items)
{
    static const char head[] = "{\"items\":[";
    const size_t first = strlen(head);
    size_t depth = 1;
    bool quoted = false;

    if (reply->body_len < first || strncmp(reply->body, head, first) != 0) {
        return false;
    }
    for (size_t i = first; i < reply->body_len; i++) {
        const char c = reply->body[i];

        if (quoted) {
            i += c == '\\' ? 1 : 0;
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if ((c == ']' || c == '}') && --depth == 0) {
            *out_items = (struct hm_span){reply->body + first, i - first};
            return c == ']';
        }
    }
    return false;
}

static enum hm_status print_json(struct run *run, const struct hm_http_reply *reply,
                                 struct hm_err *err)
{
    struct hm_span items;

    if (!find_items(reply, &items)) {
        return hm_fail(err, HM_EIO, "%s answered a list in a form this hmctl does not know",
                       run->ctl.login.collector);
    }
    (void)fputs(run->pages == 0 ? "{\"items\":[" : items.len > 0 ? "," : "", stdout);
    (void)fwrite(items.at, 1, items.len, stdout);
    return HM_OK;
}

/* The address of the next page; NULL on no memory. */
static const char *page_url(struct run *run)
{
    struct hm_ctl_param params[PARAMS_MAX];
    char limit[16];
    size_t count = run->list->param_count;

    assert(count + HM_COUNT(run->list->passed) + 2 <= PARAMS_MAX);
    (void)snprintf(limit, sizeof(limit), "%u",
                   run->left < PAGE_ROWS ? (unsigned)run->left : PAGE_ROWS);
    if (count > 0) {
        memcpy(params, run->list->params, count * sizeof(params[0]));
    }
    for (size_t i = 0; i < HM_COUNT(run->list->passed) && run->list->passed[i] != NULL; i++) {
        const char *name = run->list->passed[i];

        params[count++] = (struct hm_ctl_param){name, hm_cli_value(run->ctl.cli, name)};
    }
    params[count++] = (struct hm_ctl_param){"limit", limit};
    params[count++] = (struct hm_ctl_param){"cursor", run->next[0] == '\0' ? NULL : run->next};
    return hm_ctl_url(&run->urls, run->list->path, params, count);
}

/* The row of the page's field table with this name: every list has items and next. */
static const struct hm_field *field_of(const struct hm_record *page, const char *name)
{
    const struct hm_field *field = page->fields;

    while (strcmp(field->name, name) != 0) {
        field++;
        assert(field < page->fields + page->count);
    }
    return field;
}

/* Puts the items of a decoded page into the table, and gives the cursor of the page after it. */
static enum hm_status put_page(struct run *run, const unsigned char *page, const char **out_next,
                               struct hm_err *err)
{
    const struct hm_record *record = run->list->record;
    const struct hm_field *field = field_of(record, "items");
    enum hm_status st = HM_OK;
    struct {
        const unsigned char *at;
        size_t count;
    } items; /* the layout of every HM_TYPE_RECORDS */

    memcpy(&items, page + field->offset, sizeof(items));
    for (size_t i = 0; st == HM_OK && i < items.count; i++) {
        st = run->list->put_row(&run->ctl, items.at + i * field->record->size, &run->table, err);
    }
    memcpy(out_next, page + field_of(record, "next")->offset, sizeof(*out_next));
    return st;
}

static enum hm_status do_page(struct run *run, struct hm_err *err)
{
    const struct hm_ctl_list *list = run->list;
    struct hm_ctl *ctl = &run->ctl;
    struct hm_http_reply reply;
    const char *next = "";
    void *page;
    enum hm_status st;

    hm_arena_reset(&run->urls);
    st = hm_ctl_call(ctl, "GET", page_url(run), NULL, &reply, err);
    if (st != HM_OK) {
        return st;
    }
    page = hm_arena_alloc(&ctl->page, 1, list->record->size);
    if (page == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list; ask for less with --limit");
    }
    st = hm_record_decode(list->record, reply.body, reply.body_len, false, &ctl->page, page, NULL,
                          err);
    if (st == HM_OK) {
        run->table.rows = NULL; /* they went with the page before */
        run->table.room = 0;
        st = put_page(run, page, &next, err);
    }
    if (st != HM_OK) {
        return st;
    }
    if (list->worst_first && run->pages == 0 && next[0] == '\0') {
        hm_table_sort(&run->table);
    }
    run->rows += run->table.count;
    run->left -= run->table.count < run->left ? run->table.count : run->left;
    if (ctl->json) {
        st = print_json(run, &reply, err);
        run->table.count = 0;
    } else if (run->table.count > 0) {
        if (list->print_head != NULL && run->pages == 0) {
            list->print_head(ctl, page);
        }
        hm_table_print(&run->table, &ctl->output);
    }
    run->pages++;
    if (st == HM_OK && !hm_str_copy(run->next, sizeof(run->next), next)) {
        st = hm_fail(err, HM_EIO, "%s gave a cursor that is too long", ctl->login.collector);
    }
    return st;
}

static enum hm_status read_limit(const struct hm_cli *cli, uint64_t *out_left, struct hm_err *err)
{
    const char *text = hm_cli_value(cli, "limit");

    *out_left = UINT64_MAX;
    if (text != NULL &&
        (!hm_str_parse_u64(text, strlen(text), INT32_MAX, out_left) || *out_left == 0)) {
        return hm_fail(err, HM_EINVAL, "--limit %s is no number of rows", text);
    }
    return HM_OK;
}

int hm_ctl_list(const struct hm_cli *cli, const struct hm_ctl_list *list)
{
    struct run run = {.list = list};
    struct hm_err err;
    enum hm_status st = read_limit(cli, &run.left, &err);

    if (st == HM_OK) {
        st = hm_ctl_open(cli, &run.ctl, &err);
    }
    if (st != HM_OK) {
        return hm_ctl_fail(cli, &err);
    }
    for (size_t i = 0; i < HM_COUNT(list->passed) && list->passed[i] != NULL; i++) {
        run.ctl.past |= strcmp(list->passed[i], "at") == 0 && hm_cli_value(cli, "at") != NULL;
    }
    hm_arena_init(&run.urls, HM_LIMIT_API_BODY_BYTES);
    hm_table_init(&run.table, list->columns, list->column_count, &run.ctl.page);
    do {
        st = do_page(&run, &err);
    } while (st == HM_OK && run.next[0] != '\0' && run.left > 0);
    if (run.ctl.json && run.pages > 0) {
        (void)fputs("]}\n", stdout);
    } else if (st == HM_OK && run.rows == 0) {
        (void)puts(list->nothing);
    }
    hm_arena_fini(&run.urls);
    hm_ctl_close(&run.ctl);
    return st == HM_OK ? HM_CTL_OK : hm_ctl_fail(cli, &err);
}
