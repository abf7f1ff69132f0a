/* common/judge/remedy_services.c — may a remedy stop this service, what stops with it, and in which
 * order everything starts again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/remedy_services.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"
#include "common/judge/remedy_known.h"

#define SERVICE_NAME_BYTES 128u
#define QUOTED "&:(),;+=#'[]{}~" /* between quotes they mean nothing to cmd.exe */

/* "dependent stops when dependency stops" */
struct edge {
    const char *dependency;
    const struct hm_service *dependent;
};

struct hm_service_graph {
    const struct hm_facts *facts;
    struct edge *edges; /* sorted by dependency */
    size_t count;
    bool products_recorded; /* the dependencies of every service but the system's own are known */
    bool all_recorded;
};

static int compare_edges(const void *a, const void *b)
{
    const struct edge *x = a;
    const struct edge *y = b;
    int by = hm_str_compare_nocase(x->dependency, y->dependency);

    return by != 0 ? by : strcmp(x->dependent->name, y->dependent->name);
}

/* UmRdpService, which depends on TermService on every Windows, where it is there and its
 * dependencies are not recorded; NULL otherwise. */
static const struct hm_service *find_redirector(const struct hm_facts *facts)
{
    static const struct hm_service listed = {
        .name = "UmRdpService", .has_runs = true, .runs = true};
    const struct hm_inventory *inventory = facts->inventory;
    const struct hm_service *service = hm_inventory_service(inventory, listed.name);
    bool is = false;

    if (facts->linux_host || (service != NULL && (service->has_depends_on || !service->has_runs))) {
        return NULL;
    }
    for (size_t i = 0; inventory->has_services && !is && i < inventory->services.count; i++) {
        is = hm_str_equal_nocase(inventory->services.at[i], listed.name);
    }
    return service == NULL && is ? &listed : service;
}

static enum hm_status put_edges(struct hm_service_graph *graph, struct hm_arena *arena,
                                struct hm_err *err)
{
    const struct hm_services *details = &graph->facts->inventory->service_details;
    const struct hm_service *redirector = find_redirector(graph->facts);
    size_t room = redirector != NULL ? 1 : 0;

    for (size_t i = 0; i < details->count; i++) {
        room += details->at[i].has_depends_on ? details->at[i].depends_on.count : 0;
    }
    graph->edges = hm_arena_alloc(arena, room, sizeof(*graph->edges));
    if (graph->edges == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the dependencies of services");
    }
    for (size_t i = 0; i < details->count; i++) {
        const struct hm_service *service = &details->at[i];

        for (size_t k = 0; service->has_depends_on && k < service->depends_on.count; k++) {
            graph->edges[graph->count++] = (struct edge){service->depends_on.at[k], service};
        }
    }
    if (redirector != NULL) {
        graph->edges[graph->count++] = (struct edge){"TermService", redirector};
    }
    if (graph->count > 1) {
        qsort(graph->edges, graph->count, sizeof(*graph->edges), compare_edges);
    }
    return HM_OK;
}

static void note_unrecorded(struct hm_service_graph *graph, const char *name)
{
    graph->all_recorded = false;
    if (hm_service_known(graph->facts, name) == NULL) {
        graph->products_recorded = false;
    }
}

static int compare_details(const void *name, const void *service)
{
    return hm_str_compare_nocase(name, ((const struct hm_service *)service)->name);
}

static int compare_by_name(const void *a, const void *b)
{
    return hm_str_compare_nocase(((const struct hm_service *)a)->name,
                                 ((const struct hm_service *)b)->name);
}

/* Is there a service that may run and that does not tell what it depends on? Then nobody knows
 * what it stops with. */
static enum hm_status look_for_gaps(struct hm_service_graph *graph, struct hm_arena *arena,
                                    struct hm_err *err)
{
    const struct hm_inventory *inventory = graph->facts->inventory;
    const struct hm_services *details = &inventory->service_details;
    struct hm_service *sorted = hm_arena_alloc(arena, details->count, sizeof(*sorted));

    if (sorted == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the dependencies of services");
    }
    graph->all_recorded = true;
    graph->products_recorded = true;
    for (size_t i = 0; i < details->count; i++) {
        const struct hm_service *service = &details->at[i];

        sorted[i] = *service;
        if (!service->has_depends_on && !(service->has_runs && !service->runs)) {
            note_unrecorded(graph, service->name);
        }
    }
    if (details->count > 1) {
        qsort(sorted, details->count, sizeof(*sorted), compare_by_name);
    }
    for (size_t i = 0; inventory->has_services && i < inventory->services.count; i++) {
        const char *name = inventory->services.at[i];

        if (details->count == 0 ||
            bsearch(name, sorted, details->count, sizeof(*sorted), compare_details) == NULL) {
            note_unrecorded(graph, name);
        }
    }
    return HM_OK;
}

enum hm_status hm_service_graph_init(const struct hm_facts *facts, struct hm_arena *arena,
                                     struct hm_service_graph **out_graph, struct hm_err *err)
{
    struct hm_service_graph *graph = hm_arena_alloc(arena, 1, sizeof(*graph));
    enum hm_status st;

    if (graph == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the dependencies of services");
    }
    graph->facts = facts;
    st = put_edges(graph, arena, err);
    if (st == HM_OK && facts->inventory->has_service_details) {
        st = look_for_gaps(graph, arena, err);
    }
    *out_graph = graph;
    return st;
}

bool hm_service_is_plain(const struct hm_facts *facts, const char *name)
{
    size_t len = name == NULL ? 0 : strlen(name);

    return len > 0 && len <= SERVICE_NAME_BYTES && name[0] != '-' && name[0] != '/' &&
           strspn(name,
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._@$-" QUOTED) ==
               len &&
           !(facts->linux_host && strpbrk(name, " $" QUOTED) != NULL);
}

const char *hm_service_quote(const char *name)
{
    return strpbrk(name, " " QUOTED) != NULL ? "\"" : "";
}

void hm_service_list_put(struct hm_service_list *list, const char *name)
{
    if (hm_service_list_has(list, name)) {
        return;
    }
    if (list->count == HM_REMEDY_SERVICES_MAX) {
        list->cut = true;
        return;
    }
    list->at[list->count++] = name;
}

void hm_service_list_join(struct hm_service_list *list, const struct hm_service_list *more)
{
    for (size_t i = 0; i < more->count; i++) {
        hm_service_list_put(list, more->at[i]);
    }
}

bool hm_service_list_has(const struct hm_service_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (hm_str_equal_nocase(list->at[i], name)) {
            return true;
        }
    }
    return false;
}

static size_t first_edge(const struct hm_service_graph *graph, const char *name)
{
    size_t low = 0;
    size_t high = graph->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (hm_str_compare_nocase(graph->edges[middle].dependency, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The n-th service that depends directly on name; NULL at the end. */
static const struct hm_service *dependent(const struct hm_service_graph *graph, const char *name,
                                          size_t n)
{
    size_t at = first_edge(graph, name) + n;

    return at < graph->count && hm_str_equal_nocase(graph->edges[at].dependency, name)
               ? graph->edges[at].dependent
               : NULL;
}

static bool starts_at_boot(const struct hm_service *service)
{
    return service->start != HM_START_CLUSTER && hm_service_starts_itself(service);
}

/* What runs and depends on the services of the list, behind them. */
static bool add_dependents(const struct hm_service_graph *graph, bool after_boot,
                           struct hm_service_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct hm_service *found;

        for (size_t n = 0; (found = dependent(graph, list->at[i], n)) != NULL; n++) {
            if (!found->has_runs) {
                return false; /* whether it would have to start again is unknown */
            }
            if (after_boot ? starts_at_boot(found) : found->runs) {
                hm_service_list_put(list, found->name);
            }
        }
    }
    return !list->cut;
}

bool hm_service_add_dependents(const struct hm_service_graph *graph, struct hm_service_list *list)
{
    return graph->all_recorded && add_dependents(graph, false, list);
}

enum hm_stop hm_service_may_stop(const struct hm_service_graph *graph, const char *name)
{
    const struct hm_service_known *known = hm_service_known(graph->facts, name);
    struct hm_service_list all = {.count = 0};
    enum hm_service_rule rule = known == NULL ? HM_RULE_SYSTEM : known->rule;

    if (!hm_service_is_plain(graph->facts, name)) {
        return HM_STOP_NONE;
    }
    if (graph->facts->legacy && hm_str_equal_nocase(name, "Dnscache")) {
        rule = HM_RULE_LEAF; /* 2000 to 2003 let it stop */
    }
    if (rule == HM_RULE_NEVER) {
        return HM_STOP_NEVER;
    }
    /* On Linux a job of a timer, of a user, of a moment: systemctl may not know how to start it. */
    if (graph->facts->linux_host && hm_inventory_service(graph->facts->inventory, name) == NULL) {
        return HM_STOP_UNKNOWN;
    }
    if (hm_service_own_tool(graph->facts, name) != NULL) {
        return HM_STOP_TOOL;
    }
    hm_service_list_put(&all, name);
    if (!add_dependents(graph, false, &all)) {
        return HM_STOP_UNKNOWN;
    }
    for (size_t i = 1; i < all.count; i++) {
        const struct hm_service_known *other = hm_service_known(graph->facts, all.at[i]);

        if (!hm_service_is_plain(graph->facts, all.at[i]) ||
            (other != NULL && (other->rule == HM_RULE_NEVER || other->rule >= HM_RULE_SESSION))) {
            return HM_STOP_NEVER;
        }
    }
    for (size_t i = 0; i < all.count; i++) {
        const struct hm_service *details = hm_inventory_service(graph->facts->inventory, all.at[i]);

        if (details != NULL && details->start == HM_START_CLUSTER) {
            return HM_STOP_CLUSTER;
        }
    }
    for (size_t i = 0; i < all.count; i++) {
        if (hm_service_own_tool(graph->facts, all.at[i]) != NULL) {
            return HM_STOP_TOOL;
        }
    }
    for (size_t i = 0; i < all.count; i++) {
        const struct hm_service *details = hm_inventory_service(graph->facts->inventory, all.at[i]);

        if (details != NULL && details->start == HM_START_DISABLED && details->has_runs &&
            details->runs) {
            return HM_STOP_DISABLED;
        }
    }
    if (!graph->all_recorded && !(graph->products_recorded && known == NULL) &&
        rule != HM_RULE_LEAF && (rule != HM_RULE_SESSION || graph->facts->legacy)) {
        return HM_STOP_UNKNOWN;
    }
    return rule >= HM_RULE_SESSION ? HM_STOP_LAST : HM_STOP_CAN;
}

bool hm_service_knows_dependents(const struct hm_service_graph *graph, const char *name)
{
    struct hm_service_list all = {.count = 0};

    hm_service_list_put(&all, name);
    return hm_service_add_dependents(graph, &all);
}

bool hm_service_is_session(const struct hm_service_graph *graph, const char *name)
{
    const struct hm_service_known *known = hm_service_known(graph->facts, name);

    return known != NULL && known->rule == HM_RULE_SESSION;
}

bool hm_service_may_run(const struct hm_service_graph *graph, const char *name)
{
    const struct hm_service *service = hm_inventory_service(graph->facts->inventory, name);

    return service == NULL || !service->has_runs || service->runs;
}

bool hm_service_depends_on(const struct hm_service_graph *graph, const char *name,
                           const char *other)
{
    struct hm_service_list reached = {.count = 0};

    hm_service_list_put(&reached, other);
    for (size_t i = 0; i < reached.count; i++) {
        const struct hm_service *found;

        for (size_t n = 0; (found = dependent(graph, reached.at[i], n)) != NULL; n++) {
            hm_service_list_put(&reached, found->name);
        }
    }
    return !hm_str_equal_nocase(name, other) && hm_service_list_has(&reached, name);
}

/* Does a service of the list that is not in done depend on name? */
static bool has_dependent_left(const struct hm_service_graph *graph,
                               const struct hm_service_list *list,
                               const struct hm_service_list *done, const char *name)
{
    const struct hm_service *found;

    for (size_t n = 0; (found = dependent(graph, name, n)) != NULL; n++) {
        if (hm_service_list_has(list, found->name) && !hm_service_list_has(done, found->name)) {
            return true;
        }
    }
    return false;
}

void hm_service_order(const struct hm_service_graph *graph, const struct hm_service_list *targets,
                      bool after_boot, struct hm_service_list *out_order)
{
    struct hm_service_list all = {.count = 0};
    size_t before = HM_REMEDY_SERVICES_MAX + 1;

    for (size_t i = 0; i < targets->count; i++) {
        if (after_boot || hm_service_may_run(graph, targets->at[i])) {
            hm_service_list_put(&all, targets->at[i]);
        }
    }
    (void)add_dependents(graph, after_boot, &all);
    *out_order = (struct hm_service_list){.count = 0};
    while (out_order->count < all.count) {
        /* A circle of dependencies, which Windows itself does not start, is taken as it comes. */
        bool stuck = before == out_order->count;

        before = out_order->count;
        for (size_t i = 0; i < all.count; i++) {
            if (!hm_service_list_has(out_order, all.at[i]) &&
                (stuck || !has_dependent_left(graph, &all, out_order, all.at[i]))) {
                hm_service_list_put(out_order, all.at[i]);
                stuck = false;
            }
        }
    }
}

void hm_service_add_dependents_down(const struct hm_service_graph *graph,
                                    struct hm_service_list *down)
{
    for (size_t i = 0; i < down->count; i++) {
        const struct hm_service *found;

        for (size_t n = 0; (found = dependent(graph, down->at[i], n)) != NULL; n++) {
            if (found->has_runs && !found->runs && found->start != HM_START_CLUSTER &&
                hm_service_is_wanted(found) && hm_service_is_plain(graph->facts, found->name)) {
                hm_service_list_put(down, found->name);
            }
        }
    }
}
