/* common/ports/run_state.c — which services run, settled.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/run_state.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"

const char *const hm_run_names[HM_RUN_COUNT] = {"unknown", "down", "up"};

static enum hm_run run_of(const struct hm_service *service)
{
    return !service->has_runs ? HM_RUN_UNKNOWN : service->runs ? HM_RUN_UP : HM_RUN_DOWN;
}

static void set_run(struct hm_service *service, enum hm_run run, uint32_t exit_code)
{
    service->has_runs = run != HM_RUN_UNKNOWN;
    service->runs = run == HM_RUN_UP;
    service->exit_code = run == HM_RUN_DOWN ? exit_code : 0;
}

void hm_run_forget(struct hm_services *services)
{
    for (size_t i = 0; i < services->count; i++) {
        set_run(&services->at[i], HM_RUN_UNKNOWN, 0);
    }
}

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const struct hm_run_row *)a)->service.name,
                  ((const struct hm_run_row *)b)->service.name);
}

void hm_run_rows_settle(struct hm_run_rows *rows)
{
    size_t left = rows->count > 0;

    if (rows->count > 1) {
        qsort(rows->at, rows->count, sizeof(*rows->at), compare_rows);
    }
    for (size_t i = 1; i < rows->count; i++) {
        if (compare_rows(&rows->at[left - 1], &rows->at[i]) != 0) {
            rows->at[left++] = rows->at[i];
        }
    }
    rows->count = left;
}

/* ---- one service --------------------------------------------------------------------------- */

struct seen {
    enum hm_run run;
    uint32_t exit_code;
    uint64_t instance;
};

static int64_t wait_s(const struct hm_run_row *row)
{
    const enum hm_service_start start = row->service.start;
    const bool always = start == HM_START_AUTOMATIC || start == HM_START_DELAYED ||
                        start == HM_START_CLUSTER || start == HM_START_DEPENDENCY;
    const unsigned most = always ? HM_RUN_WAITS_ALWAYS : HM_RUN_WAITS_OTHERS;

    return (int64_t)HM_RUN_SETTLE_S << (row->changes < most ? row->changes : most);
}

static void settle(struct hm_run_row *row, enum hm_run run, uint32_t exit_code, bool *changed)
{
    row->changes += row->changes > 0 || row->service.has_runs; /* the first is no change */
    set_run(&row->service, run, exit_code);
    *changed = true;
}

static void begin_window(struct hm_run_row *row, int64_t now_s)
{
    row->has_held = true;
    row->held_s = now_s;
    row->doubtful = 0;
    row->downs = 0;
}

/* The state does not hold, or is not what settled. When it has been so for long, the service is
 * restarted again and again. */
static void doubt(struct hm_run_row *row, const struct seen *seen, int64_t now_s, bool *changed)
{
    const enum hm_run settled = run_of(&row->service);

    row->doubtful++;
    row->downs += seen->run == HM_RUN_DOWN;
    if (settled == HM_RUN_DOWN || row->doubtful < HM_RUN_DOUBT_SEEN ||
        now_s - row->held_s < HM_RUN_DOUBT_S) {
        return;
    }
    if (row->downs < HM_RUN_DOUBT_DOWNS) {
        if (settled == HM_RUN_UP) {
            settle(row, HM_RUN_UNKNOWN, 0, changed);
        }
        begin_window(row, now_s);
    } else if (seen->run == HM_RUN_DOWN) {
        settle(row, HM_RUN_DOWN, seen->exit_code, changed);
        begin_window(row, now_s);
    }
}

/* Notes what was seen; the settled state of the row follows when it held for long enough. */
static void note_row(struct hm_run_row *row, const struct seen *seen, int64_t now_s, bool *changed)
{
    const enum hm_run settled = run_of(&row->service);
    const bool same =
        row->seen == seen->run && row->since_s <= now_s &&
        (row->instance == seen->instance || row->instance == 0 || seen->instance == 0);
    const bool same_code = same && row->seen_exit_code == seen->exit_code;

    if (!same) {
        row->since_s = now_s;
    }
    *changed = *changed || !same_code || row->instance != seen->instance;
    row->seen = seen->run;
    row->seen_exit_code = seen->exit_code;
    row->instance = seen->instance;
    if (!row->has_held) {
        begin_window(row, now_s);
    }
    if (seen->run == settled && now_s - row->since_s >= HM_RUN_SETTLE_S) {
        begin_window(row, now_s);
        if (same_code && row->service.exit_code != seen->exit_code) {
            set_run(&row->service, settled, seen->exit_code);
            *changed = true;
        }
    } else if (seen->run != settled && same && now_s - row->since_s >= wait_s(row)) {
        settle(row, seen->run, seen->exit_code, changed);
        begin_window(row, now_s);
    } else {
        doubt(row, seen, now_s, changed);
    }
}

/* A service that was not there before, or not in this boot. */
static void note_first(struct hm_run_row *row, const struct hm_service *service,
                       const struct seen *seen, int64_t now_s)
{
    *row = (struct hm_run_row){
        .service = *service,
        .seen = seen->run,
        .seen_exit_code = seen->exit_code,
        .instance = seen->instance,
        .since_s = now_s,
    };
    set_run(&row->service, HM_RUN_UNKNOWN, 0);
    begin_window(row, now_s);
}

/* ---- all of them --------------------------------------------------------------------------- */

struct noting {
    const struct hm_run_look *look;
    struct hm_inventory *inventory;
    struct hm_run_rows rows;    /* the new memo's */
    struct hm_services details; /* the inventory's new ones */
    struct hm_strings services; /* likewise */
    bool changed;
};

static int compare_instances(const void *a, const void *b)
{
    return strcmp(((const struct hm_run_instance *)a)->service,
                  ((const struct hm_run_instance *)b)->service);
}

static struct hm_run_instances sort_instances(const struct hm_run_instances *instances,
                                              struct hm_arena *arena)
{
    const size_t count = instances == NULL ? 0 : instances->count;
    struct hm_run_instances sorted = {hm_arena_alloc(arena, count, sizeof(*sorted.at)), count};

    if (sorted.at != NULL && count > 0) {
        memcpy(sorted.at, instances->at, count * sizeof(*sorted.at));
        qsort(sorted.at, count, sizeof(*sorted.at), compare_instances);
    }
    return sorted;
}

static uint64_t instance_of(const struct hm_run_instances *sorted, const char *service)
{
    const struct hm_run_instance key = {service, 0};
    const struct hm_run_instance *found =
        sorted->count == 0
            ? NULL
            : bsearch(&key, sorted->at, sorted->count, sizeof(*sorted->at), compare_instances);

    return found == NULL ? 0 : found->number;
}

/* Is it part of the inventory? What only runs now and then is when it settled. */
static bool is_listed(const struct hm_run_row *row)
{
    const enum hm_run settled = run_of(&row->service);

    return hm_service_is_wanted(&row->service) || settled == HM_RUN_UP ||
           (settled == HM_RUN_UNKNOWN && row->seen == HM_RUN_UNKNOWN);
}

static void list(struct noting *noting, const struct hm_run_row *row)
{
    if (is_listed(row) && noting->details.count < HM_LIMIT_SERVICES) {
        noting->details.at[noting->details.count++] = row->service;
    }
}

/* A service of the observation, with what is remembered of it or NULL. */
static void note_service(struct noting *noting, const struct hm_run_row *old,
                         const struct hm_service *service, uint64_t instance)
{
    struct hm_run_row *row = &noting->rows.at[noting->rows.count++];
    const enum hm_run run = run_of(service);
    const struct seen seen = {run, service->exit_code, run == HM_RUN_UP ? instance : 0};

    if (old == NULL) {
        note_first(row, service, &seen, noting->look->uptime_s);
        noting->changed = true;
    } else {
        *row = *old;
        row->service = *service;
        row->service.has_runs = old->service.has_runs;
        row->service.runs = old->service.runs;
        row->service.exit_code = old->service.exit_code;
        note_row(row, &seen, noting->look->uptime_s, &noting->changed);
    }
    list(noting, row);
}

/* The observation does not have it any more: stopped, if it is one that is listed while it runs.
 * One that comes and goes stays in the memory, so that each time counts less. */
static void note_absent(struct noting *noting, const struct hm_run_row *old)
{
    static const struct seen down = {HM_RUN_DOWN, 0, 0};
    struct hm_run_row row = *old;

    if (!hm_service_starts_itself(&old->service)) {
        note_row(&row, &down, noting->look->uptime_s, &noting->changed);
        if ((row.changes > 0 || run_of(&row.service) == HM_RUN_UP) &&
            noting->rows.count < HM_LIMIT_SERVICES) {
            noting->rows.at[noting->rows.count++] = row;
            list(noting, &row);
            return;
        }
    }
    noting->changed = true;
}

static const struct hm_service *find(const struct hm_services *services, const char *name)
{
    size_t low = 0;
    size_t high = services->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int by = strcmp(services->at[middle].name, name);

        if (by == 0) {
            return &services->at[middle];
        }
        if (by < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* Names without details stay; those with details follow them. */
static void list_names(struct noting *noting)
{
    const struct hm_strings *before = &noting->inventory->services;

    for (size_t i = 0; i < before->count; i++) {
        if (find(&noting->inventory->service_details, before->at[i]) == NULL ||
            find(&noting->details, before->at[i]) != NULL) {
            noting->services.at[noting->services.count++] = before->at[i];
        }
    }
    for (size_t i = 0; i < noting->details.count; i++) {
        const struct hm_service *service = &noting->details.at[i];

        if (noting->services.count < HM_LIMIT_SERVICES && !hm_service_starts_itself(service) &&
            service->has_runs && service->runs) {
            noting->services.at[noting->services.count++] = service->name;
        }
    }
}

/* Both lists are sorted by name. */
static void merge(struct noting *noting, const struct hm_run_rows *old,
                  const struct hm_run_instances *instances)
{
    const struct hm_services *now = &noting->inventory->service_details;
    size_t o = 0;
    size_t n = 0;

    while (o < old->count || n < now->count) {
        const int by = o == old->count   ? 1
                       : n == now->count ? -1
                                         : strcmp(old->at[o].service.name, now->at[n].name);

        if (by < 0) {
            note_absent(noting, &old->at[o++]);
            continue;
        }
        note_service(noting, by == 0 ? &old->at[o] : NULL, &now->at[n],
                     instance_of(instances, now->at[n].name));
        o += by == 0;
        n++;
    }
}

static enum hm_status begin(struct noting *noting, const struct hm_run_rows *old,
                            struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_inventory *inventory = noting->inventory;
    const size_t most = old->count + inventory->service_details.count;

    noting->rows.at = hm_arena_alloc(arena, most, sizeof(*noting->rows.at));
    noting->details.at = hm_arena_alloc(arena, most, sizeof(*noting->details.at));
    noting->services.at = (const char **)hm_arena_alloc(arena, inventory->services.count + most,
                                                        sizeof(*noting->services.at));
    if (noting->rows.at == NULL || noting->details.at == NULL || noting->services.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for what services do");
    }
    return HM_OK;
}

/* Right after a boot: nothing is known, and nothing is noted. */
static void forget_all(struct noting *noting)
{
    const struct hm_services *now = &noting->inventory->service_details;

    for (size_t i = 0; i < now->count; i++) {
        if (hm_service_starts_itself(&now->at[i])) {
            noting->details.at[noting->details.count++] = now->at[i];
        }
    }
    hm_run_forget(&noting->details);
}

enum hm_status hm_run_memo_note(const struct hm_run_memo *memo, const struct hm_run_look *look,
                                struct hm_arena *arena, struct hm_inventory *inventory,
                                struct hm_run_memo *out_memo, bool *out_changed, struct hm_err *err)
{
    static const struct hm_run_rows none = {NULL, 0};
    /* A host without a boot id still shows a boot: it has been up for less than before. */
    const bool booted =
        strcmp(memo->boot_id, look->boot_id) != 0 || look->uptime_s < memo->uptime_s;
    const struct hm_run_rows *old = booted ? &none : &memo->rows;
    struct noting noting = {.look = look, .inventory = inventory, .changed = booted};
    struct hm_run_instances instances;
    enum hm_status st;

    *out_memo = (struct hm_run_memo){look->boot_id, look->uptime_s, *old};
    *out_changed = booted;
    if (!inventory->has_service_details) {
        return HM_OK;
    }
    instances = sort_instances(look->instances, arena);
    st = begin(&noting, old, arena, err);
    if (st != HM_OK) {
        return st;
    }
    if (look->uptime_s < HM_RUN_BOOT_S) {
        forget_all(&noting);
    } else {
        merge(&noting, old, &instances);
        out_memo->rows = noting.rows;
    }
    list_names(&noting);
    inventory->service_details = noting.details;
    inventory->services = noting.services;
    hm_inventory_settle(inventory);
    *out_changed = noting.changed;
    return HM_OK;
}
