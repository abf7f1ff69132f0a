/* common/judge/need_moved.c — does a product serve another port than the one of the catalogue?
 * SPDX-License-Identifier: Apache-2.0
 *
 * A proxy often has the port of the server behind it, which was moved: MySQL Router on 3306 and
 * MySQL on 3310, PgBouncer on 5432 and PostgreSQL on 5433. Outside of the dynamic range nobody has
 * a port by chance. That the product listens elsewhere is no proof alone: it may be a second port
 * of its own (metrics, a forwarded port), which it kept when it lost the usual one. Only a proxy
 * before a server that has none of its usual ports makes it certain, or that a server which must
 * have the port was seen on the other one in several boots, and never on its usual one. Then the
 * port where it listens is judged in place of the catalogue's. */
#include "common/judge/need.h"

#include <stdio.h>
#include <string.h>

#include "common/base/str.h"
#include "common/judge/port_errors.h"
#include "common/ports/port_book.h"

#define PROGRAM_BYTES 32
#define BOOTS_OF_MOVED 2u /* once may have been a trial */
#define BOOTS_OF_SURELY_MOVED 3u

/* Programs that are made to have the ports of other servers. */
struct proxy {
    const char *program; /* without ".exe" */
    const char *product; /* the servers behind it; NULL any */
};

static const struct proxy proxies[] = {
    {"envoy",       NULL        },
    {"haproxy",     NULL        },
    {"maxscale",    "mysql"     },
    {"mysqlrouter", "mysql"     },
    {"nginx",       NULL        },
    {"odyssey",     "postgresql"},
    {"pgbouncer",   "postgresql"},
    {"pgpool",      "postgresql"},
    {"proxysql",    "mysql"     },
    {"stunnel",     NULL        },
    {"stunnel4",    NULL        },
    {"tstunnel",    NULL        },
};

static bool is_program(const char *program, const char *name)
{
    char on_windows[PROGRAM_BYTES];

    (void)snprintf(on_windows, sizeof(on_windows), "%s.exe", name);
    return hm_str_equal_nocase(program, name) || hm_str_equal_nocase(program, on_windows);
}

static bool is_proxy(const struct hm_need *need, const struct hm_holder *holder)
{
    for (size_t i = 0; i < HM_COUNT(proxies); i++) {
        if (is_program(holder->program, proxies[i].program)) {
            return proxies[i].product == NULL ||
                   hm_str_equal(proxies[i].product, need->product->id);
        }
    }
    return hm_str_equal_nocase(holder->service, "iphlpsvc") || /* netsh interface portproxy */
           (!hm_str_equal_nocase(holder->program, "System") &&
            hm_need_stands_in(HM_KIND_CONTAINER, holder->program));
}

/* Are the ports of the need those of this host, as its settings or its services say? */
static bool is_configured(const struct hm_need *need)
{
    const struct hm_requirement *row = need->requirement;
    const bool of_files = row->has_port_from && row->port_from == HM_BY_SETTINGS_PORT;

    return need->configured || need->published || (row->has_port_from && !of_files) ||
           row->has_numbered || (row->of_instance && !of_files) || row->ports_by != NULL;
}

static bool is_of_catalogue(const struct hm_need *need, uint16_t port)
{
    for (size_t i = 0; i < need->product->requirements.count; i++) {
        const struct hm_requirement *row = &need->product->requirements.at[i];

        if (row->protocol == need->requirement->protocol && hm_ports_contains(row->ports, port)) {
            return true;
        }
    }
    return false;
}

static bool may_be_handed_out(const struct hm_facts *facts, enum hm_protocol protocol,
                              enum hm_family family, uint16_t port)
{
    return hm_ports_contains(hm_stack_facts_may_give(hm_facts_stack(facts, protocol, family)),
                             port);
}

static bool is_own(const struct hm_need *need, const char *program, const char *service)
{
    if (!hm_str_equal(service, "") && hm_need_names(need)->services.count > 0) {
        return hm_detect_owns(hm_need_names(need), "", service);
    }
    return hm_detect_owns(hm_need_names(need), hm_need_is_shared_host(program) ? "" : program,
                          service);
}

/* The next listener of the product itself among these ports. */
static const struct hm_listener *next_own(const struct hm_facts *facts, const struct hm_need *need,
                                          struct hm_ports ports, struct hm_port_cursor *cursor)
{
    const struct hm_listener *listener;

    while ((listener = hm_facts_next_listener(facts, need->requirement->protocol, ports, cursor)) !=
           NULL) {
        const char *service = hm_need_speaker(need, listener->service, &listener->hosted);

        if (is_own(need, listener->program, service) &&
            hm_need_is_kin(facts, need, listener->program, service, HM_SOCKET_LISTEN)) {
            return listener;
        }
    }
    return NULL;
}

/* Likewise, on one that somebody chose. */
static const struct hm_listener *next_chosen(const struct hm_facts *facts,
                                             const struct hm_need *need, struct hm_ports ports,
                                             struct hm_port_cursor *cursor)
{
    const struct hm_listener *listener;

    while ((listener = next_own(facts, need, ports, cursor)) != NULL) {
        if (!may_be_handed_out(facts, listener->protocol, listener->family, listener->port)) {
            return listener;
        }
    }
    return NULL;
}

static const struct hm_range all_ports = {1, UINT16_MAX};

/* On how many ports that none of its rows has does the product listen? nameless: only with
 * processes of which no service is known. */
static size_t count_elsewhere(const struct hm_facts *facts, const struct hm_need *need,
                              bool nameless)
{
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;
    uint16_t last = 0;
    size_t count = 0;

    while ((listener = next_chosen(facts, need, (struct hm_ports){&all_ports, 1}, &cursor)) !=
           NULL) {
        if (listener->port != last && !is_of_catalogue(need, listener->port) &&
            (!nameless ||
             hm_str_equal(hm_need_speaker(need, listener->service, &listener->hosted), ""))) {
            last = listener->port;
            count++;
        }
    }
    return count;
}

/* Has the product a port of the catalogue, in any family? optional: of the rows that not every
 * set-up has; otherwise this one, and what it must have. */
static bool has_usual(const struct hm_facts *facts, const struct hm_need *need, bool optional)
{
    for (size_t i = 0; i < need->product->requirements.count; i++) {
        const struct hm_requirement *row = &need->product->requirements.at[i];
        const bool is_this = hm_str_equal(row->id, need->requirement->id);
        struct hm_port_cursor cursor = {0, 0, 0};

        if (row->protocol == need->requirement->protocol &&
            (row->optional && !is_this) == optional &&
            next_own(facts, need, row->ports, &cursor) != NULL) {
            return true;
        }
    }
    return false;
}

/* How many of its rows must the product have, beside this one? */
static size_t count_needed(const struct hm_need *need)
{
    size_t count = 1;

    for (size_t i = 0; i < need->product->requirements.count; i++) {
        const struct hm_requirement *row = &need->product->requirements.at[i];
        const struct hm_need part = {.product = need->product, .requirement = row};

        count += !hm_str_equal(row->id, need->requirement->id) && !row->optional &&
                 row->protocol == need->requirement->protocol &&
                 hm_need_names(&part) == hm_need_names(need);
    }
    return count;
}

/* Is this one of the ports that other hosts reach it on, in place of the usual one? */
static bool is_new_place(const struct hm_need *need, const struct hm_listener *listener)
{
    return !hm_listener_is_loopback(listener) && !is_of_catalogue(need, listener->port);
}

static bool serves_others(const struct hm_facts *facts, const struct hm_need *need)
{
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;

    while ((listener = next_chosen(facts, need, (struct hm_ports){&all_ports, 1}, &cursor)) !=
           NULL) {
        if (is_new_place(need, listener)) {
            return true;
        }
    }
    return false;
}

/* Does the service itself listen on a port that somebody chose? */
static bool has_listener(const struct hm_facts *facts, const struct hm_need *need,
                         const char *service)
{
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;

    while ((listener = next_chosen(facts, need, (struct hm_ports){&all_ports, 1}, &cursor)) !=
           NULL) {
        if (hm_str_equal_nocase(hm_need_speaker(need, listener->service, &listener->hosted),
                                service)) {
            return true;
        }
    }
    return false;
}

/* Services of the product. */
struct instances {
    size_t count;
    size_t unknown; /* it is not known whether it runs */
    size_t unseen;  /* it runs, and none of the listeners carries its name */
    size_t shared;  /* a cluster may start it here */
};

/* Linux: a unit whose state no process shows (details without it) has no listener of its own. */
static void put_instance(const struct hm_facts *facts, const struct hm_need *need, const char *name,
                         struct instances *instances)
{
    const struct hm_strings one = {&name, 1};
    const struct hm_service *details = hm_inventory_service(facts->inventory, name);

    if (!hm_detect_owns(hm_need_names(need), "", name)) {
        return;
    }
    instances->count++;
    if (hm_names_match(&facts->running, &one)) {
        instances->unseen += !has_listener(facts, need, name);
    } else if (details == NULL || (!details->has_runs && !facts->linux_host)) {
        instances->unknown++;
    } else if (details->start == HM_START_CLUSTER) {
        instances->shared++;
    }
}

static bool is_listed(const struct hm_strings *services, const char *name)
{
    for (size_t i = 0; i < services->count; i++) {
        if (hm_str_equal_nocase(services->at[i], name)) {
            return true;
        }
    }
    return false;
}

/* May a service of the product need the port, beside the one that was moved? A process without a
 * name of a service is that of one that has no other (postgres.exe, which pg_ctl.exe starts). */
static bool may_need_it(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_inventory *inventory = facts->inventory;
    const struct hm_services *details = &inventory->service_details;
    struct instances all = {0, 0, 0, 0};

    if (!inventory->has_services) {
        return true;
    }
    for (size_t i = 0; i < inventory->services.count; i++) {
        put_instance(facts, need, inventory->services.at[i], &all);
    }
    for (size_t i = 0; inventory->has_service_details && i < details->count; i++) {
        if ((hm_service_is_wanted(&details->at[i]) || details->at[i].runs) &&
            !is_listed(&inventory->services, details->at[i].name)) {
            put_instance(facts, need, details->at[i].name, &all);
        }
    }
    if (all.count == 1) {
        all.unseen += all.unknown;
        all.unknown = 0;
    }
    return all.unknown > 0 || all.shared > 0 || all.unseen > count_elsewhere(facts, need, true);
}

/* Has the port book seen the product itself on the port? Then it may have lost it. */
static bool had_it(const struct hm_facts *facts, const struct hm_need *need, uint16_t port)
{
    const struct hm_inventory *inventory = facts->inventory;

    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        const struct hm_port_entry *entry = &inventory->port_book.at[i];

        if (entry->protocol == need->requirement->protocol && entry->port == port &&
            entry->service_state == HM_ENTRY_SERVICE_UNKNOWN &&
            is_own(need, entry->program, entry->service)) {
            return true;
        }
    }
    return false;
}

/* Does it listen for other hosts on a port that somebody chose, and that it had in several boots?
 * One that it kept beside a usual one which it lost was not seen so long without it (had_it). */
static bool lives_elsewhere(const struct hm_facts *facts, const struct hm_need *need)
{
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;

    while ((listener = next_chosen(facts, need, (struct hm_ports){&all_ports, 1}, &cursor)) !=
           NULL) {
        if (is_new_place(need, listener) && facts->inventory->has_port_book &&
            hm_port_book_saw(&facts->inventory->port_book, listener->protocol, listener->port,
                             listener->program, listener->service, BOOTS_OF_SURELY_MOVED)) {
            return true;
        }
    }
    return false;
}

/* Its only service is down, and the port book knows it on other ports alone, which somebody chose.
 * It did not end with the error of a port. */
static bool was_elsewhere(const struct hm_facts *facts, const struct hm_need *need,
                          enum hm_family family, uint16_t port)
{
    const struct hm_inventory *inventory = facts->inventory;
    size_t at = 0;
    const struct hm_service *service = hm_need_next_down(facts, need, false, &at);
    struct hm_port_failure failure;
    bool any = false;

    if (service == NULL || hm_need_next_down(facts, need, false, &at) != NULL ||
        hm_need_runs(facts, need) != HM_RUNS_NO || hm_port_failure_of(facts, service, &failure) ||
        had_it(facts, need, port)) {
        return false;
    }
    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        const struct hm_port_entry *entry = &inventory->port_book.at[i];

        any = any || (!hm_port_entry_is_retired(entry) && entry->boots >= BOOTS_OF_MOVED &&
                      entry->protocol == need->requirement->protocol &&
                      hm_str_equal_nocase(entry->service, service->name) &&
                      !is_of_catalogue(need, entry->port) &&
                      !may_be_handed_out(facts, entry->protocol, family, entry->port));
    }
    return any;
}

enum hm_moved hm_need_moved(const struct hm_facts *facts, const struct hm_need *need,
                            enum hm_family family, const struct hm_holder *holder)
{
    const struct hm_requirement *requirement = need->requirement;
    const size_t needed = need->product == NULL ? 0 : count_needed(need);
    size_t at = 0;

    if (need->product == NULL || requirement->kind != HM_KIND_SOCKET ||
        requirement->protocol != HM_TCP || is_configured(need) ||
        may_be_handed_out(facts, requirement->protocol, family, holder->port)) {
        return HM_MOVED_NO;
    }
    if (needed == 1 && !requirement->optional && was_elsewhere(facts, need, family, holder->port)) {
        return HM_MOVED_MAYBE;
    }
    if (hm_need_next_down(facts, need, false, &at) != NULL || has_usual(facts, need, false) ||
        count_elsewhere(facts, need, false) < needed) {
        return HM_MOVED_NO;
    }
    return needed == 1 &&
                   (is_proxy(need, holder) ||
                    (!requirement->optional && !requirement->starts_without &&
                     lives_elsewhere(facts, need))) &&
                   serves_others(facts, need) && !has_usual(facts, need, true) &&
                   !had_it(facts, need, holder->port) && !may_need_it(facts, need)
               ? HM_MOVED_YES
               : HM_MOVED_MAYBE;
}

/* Is it certain that a proxy has the need's port, and the product another one? */
static bool is_behind_proxy(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_requirement *row = need->requirement;
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;
    bool any = false;

    if (row->ports.count != 1 || row->ports.at[0].first != row->ports.at[0].last) {
        return false;
    }
    while ((listener = hm_facts_next_listener(facts, row->protocol, row->ports, &cursor)) != NULL) {
        const struct hm_holder holder = hm_holder_of_listener(listener);
        const char *service = hm_need_speaker(need, holder.service, &holder.hosted);

        if (hm_need_owner_of(facts, need, &holder) != HM_OWNER_FOREIGN ||
            hm_need_is_kin(facts, need, holder.program, service, holder.state) ||
            hm_need_lost_to(facts, need, listener->family, &holder) != NULL ||
            hm_need_moved(facts, need, listener->family, &holder) != HM_MOVED_YES) {
            return false;
        }
        any = true;
    }
    return any;
}

static enum hm_status move_need(struct hm_facts *facts, struct hm_need *need,
                                struct hm_need_list *list)
{
    struct hm_requirement *made = hm_arena_alloc(list->arena, 1, sizeof(*made));
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;
    void *ranges = NULL;
    size_t count = 0;
    size_t cap = 0;
    enum hm_status st;

    while (made != NULL && (listener = next_chosen(facts, need, (struct hm_ports){&all_ports, 1},
                                                   &cursor)) != NULL) {
        if (!is_new_place(need, listener)) {
            continue;
        }
        if (hm_arena_grow(list->arena, &ranges, count, &cap, sizeof(struct hm_range)) != 0) {
            made = NULL;
            break;
        }
        ((struct hm_range *)ranges)[count++] = (struct hm_range){listener->port, listener->port};
    }
    if (made == NULL) {
        return hm_fail(list->err, HM_ENOMEM, "no memory for the ports of a server");
    }
    *made = *need->requirement;
    made->ports_by = "its service listens there";
    st = hm_ports_from_ranges(ranges, count, list->arena, &made->ports, list->err);
    if (st == HM_OK) {
        need->requirement = made;
        hm_portbits_put_ports(facts->required[made->protocol], made->ports);
    }
    return st;
}

enum hm_status hm_needs_move(struct hm_facts *facts, struct hm_need_list *list)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; i < list->needs.count && st == HM_OK; i++) {
        struct hm_need *need = &list->needs.at[i];

        if (need->product != NULL && facts->inventory->has_listeners &&
            is_behind_proxy(facts, need)) {
            st = move_need(facts, need, list);
        }
    }
    return st;
}
