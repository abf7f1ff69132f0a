/* common/ports/listener_ranges.c — the listeners of a document: neighbouring ports in one row.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/listener_ranges.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"

static const char *known(const char *text)
{
    return text == NULL ? "" : text;
}

/* Everything but the port. */
static int compare_kin(const struct hm_listener *x, const struct hm_listener *y)
{
    const int by[] = {
        (int)x->protocol - (int)y->protocol,          (int)x->family - (int)y->family,
        strcmp(known(x->address), known(y->address)), strcmp(known(x->program), known(y->program)),
        strcmp(known(x->service), known(y->service)), (int)x->kind - (int)y->kind,
    };

    for (size_t i = 0; i < HM_COUNT(by); i++) {
        if (by[i] != 0) {
            return by[i];
        }
    }
    return 0;
}

static int compare_by_kin(const void *a, const void *b)
{
    const struct hm_listener *x = a;
    const struct hm_listener *y = b;
    int by = compare_kin(x, y);

    return by != 0 ? by : (int)x->port - (int)y->port;
}

static void sort(struct hm_listeners *listeners)
{
    struct hm_inventory inventory = {.listeners = *listeners};

    hm_inventory_settle(&inventory);
    *listeners = inventory.listeners;
}

static uint16_t last_of(const struct hm_listener *row)
{
    return row->last == 0 ? row->port : row->last;
}

enum hm_status hm_listeners_to_rows(const struct hm_listeners *listeners, struct hm_arena *arena,
                                    struct hm_listeners *out_rows, struct hm_err *err)
{
    struct hm_listeners rows = {NULL, 0};

    if (listeners->count <= HM_LISTENERS_PLAIN) {
        *out_rows = *listeners;
        return HM_OK;
    }
    rows.at = hm_arena_alloc(arena, listeners->count, sizeof(*rows.at));
    if (rows.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for %zu listeners", listeners->count);
    }
    memcpy(rows.at, listeners->at, listeners->count * sizeof(*rows.at));
    qsort(rows.at, listeners->count, sizeof(*rows.at), compare_by_kin);
    for (size_t i = 0; i < listeners->count; i++) {
        struct hm_listener *row = rows.count == 0 ? NULL : &rows.at[rows.count - 1];

        if (row != NULL && compare_kin(row, &rows.at[i]) == 0 &&
            rows.at[i].port <= last_of(row) + 1) {
            row->last = rows.at[i].port == row->port ? row->last : rows.at[i].port;
        } else {
            rows.at[rows.count++] = rows.at[i];
        }
    }
    sort(&rows);
    *out_rows = rows;
    return HM_OK;
}

enum hm_status hm_listeners_from_rows(const struct hm_listeners *rows, struct hm_arena *arena,
                                      struct hm_listeners *out_listeners, struct hm_err *err)
{
    struct hm_listeners all = {NULL, 0};
    size_t count = 0;

    for (size_t i = 0; i < rows->count; i++) {
        const struct hm_listener *row = &rows->at[i];

        if (last_of(row) < row->port) {
            return hm_fail(err, HM_EINVAL, "listeners[%zu]: last is %u, before port %u", i,
                           (unsigned)row->last, (unsigned)row->port);
        }
        count += last_of(row) - row->port + 1u;
    }
    if (count == rows->count) {
        *out_listeners = *rows;
        return HM_OK;
    }
    if (count > HM_LIMIT_LISTENERS_OPENED) {
        return hm_fail(err, HM_ETOOBIG, "%zu listeners, at most %u are taken", count,
                       HM_LIMIT_LISTENERS_OPENED);
    }
    all.at = hm_arena_alloc(arena, count, sizeof(*all.at));
    if (all.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for %zu listeners", count);
    }
    for (size_t i = 0; i < rows->count; i++) {
        for (uint32_t port = rows->at[i].port; port <= last_of(&rows->at[i]); port++) {
            all.at[all.count] = rows->at[i];
            all.at[all.count].last = 0;
            all.at[all.count++].port = (uint16_t)port;
        }
    }
    sort(&all);
    *out_listeners = all;
    return HM_OK;
}

static int compare_names(const void *a, const void *b)
{
    const struct hm_listener *x = a;
    const struct hm_listener *y = b;
    int by = strcmp(known(x->program), known(y->program));

    by = by != 0 ? by : strcmp(known(x->service), known(y->service));
    return by != 0 ? by : compare_by_kin(x, y);
}

static int compare_ports(const void *a, const void *b)
{
    const struct hm_listener *x = a;
    const struct hm_listener *y = b;

    return x->port != y->port ? (int)x->port - (int)y->port : compare_by_kin(x, y);
}

static void sort_rest(struct hm_listeners *rows, size_t from,
                      int (*compare)(const void *, const void *))
{
    if (rows->count - from > 1) {
        qsort(rows->at + from, rows->count - from, sizeof(*rows->at), compare);
    }
}

static bool forbids(const struct hm_listener *row, const struct hm_listener *before)
{
    (void)before;
    return hm_kind_forbids_exclusion(row->kind);
}

static bool is_first(const struct hm_listener *row, const struct hm_listener *before)
{
    return before == NULL || strcmp(known(row->program), known(before->program)) != 0 ||
           strcmp(known(row->service), known(before->service)) != 0;
}

/* Of the rows behind from, by their names: moves those that matter to the front. Returns where
 * these end. */
static size_t bring_forward(struct hm_listeners *rows, size_t from,
                            bool (*matters)(const struct hm_listener *, const struct hm_listener *))
{
    struct hm_listener before = {0};
    size_t kept = from;

    sort_rest(rows, from, compare_names);
    for (size_t i = from; i < rows->count; i++) {
        const struct hm_listener row = rows->at[i];

        if (matters(&row, i == from ? NULL : &before)) {
            rows->at[i] = rows->at[kept];
            rows->at[kept++] = row;
        }
        before = row;
    }
    return kept;
}

void hm_listeners_cut(struct hm_listeners *rows, size_t count)
{
    if (count >= rows->count) {
        return;
    }
    sort_rest(rows, bring_forward(rows, bring_forward(rows, 0, forbids), is_first), compare_ports);
    rows->count = count;
    sort(rows);
}
