/* common/judge/need_stray.c — a server of the catalogue that runs, does not have its usual port,
 * and listens inside the dynamic range. SPDX-License-Identifier: Apache-2.0
 *
 * An administrator may have moved it there, or the system gave it that port for something else. Its
 * usual port is then nobody's, and to call that one safe says nothing of the one that counts. Nor
 * does it where another instance has the usual port: two cannot have the same. */
#include "common/judge/need.h"

#include "common/base/str.h"
#include "common/ports/line.h"
#include "common/ports/port_book.h"

static bool is_wildcard(const struct hm_listener *listener)
{
    return hm_str_equal(listener->address, "") || hm_str_equal(listener->address, "0.0.0.0") ||
           hm_str_equal(listener->address, "::");
}

/* A port that the product must have, and that nothing read from the host says but a settings file,
 * which may have been changed since the start. */
static bool must_have(const struct hm_requirement *row)
{
    return row->protocol == HM_TCP && row->kind == HM_KIND_SOCKET && row->ports.count > 0 &&
           (!row->optional || row->when_down) && !row->falls_back && !row->reserve_only &&
           (!row->has_port_from || row->port_from == HM_BY_SETTINGS_PORT) && !row->has_numbered &&
           !row->by_iis_bindings && !row->by_ssl_bindings && hm_str_equal(row->alternative, "") &&
           (row->ports_by == NULL || row->has_port_from) && row->port_unread == NULL;
}

/* Does anybody have one of its ports who is not known to be another program? */
static bool is_served(const struct hm_facts *facts, const struct hm_need *need)
{
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;

    while ((listener = hm_facts_next_listener(facts, need->requirement->protocol,
                                              need->requirement->ports, &cursor)) != NULL) {
        if (hm_need_owner_of_listener(facts, need, listener) != HM_OWNER_FOREIGN) {
            return true;
        }
    }
    return false;
}

/* Another part that must be there and is: the listener may be of that part, unless the row has
 * names of its own. */
static bool other_part_is_served(const struct hm_facts *facts, const struct hm_product *product,
                                 const struct hm_requirement *row)
{
    const struct hm_requirements *all = &product->requirements;

    for (size_t i = 0; i < all->count; i++) {
        const struct hm_need other = {.product = product, .requirement = &all->at[i]};

        if (&all->at[i] != row && !all->at[i].optional && is_served(facts, &other)) {
            return row->detect.services.count + row->detect.programs.count == 0;
        }
    }
    return false;
}

static bool is_of_catalogue(const struct hm_product *product, const struct hm_listener *listener)
{
    for (size_t i = 0; i < product->requirements.count; i++) {
        const struct hm_requirement *row = &product->requirements.at[i];

        if (row->protocol == listener->protocol && hm_ports_contains(row->ports, listener->port)) {
            return true;
        }
    }
    return false;
}

/* Where the product listens for other hosts on ports that the catalogue does not know. */
struct strays {
    bool settled; /* one of them is surely chosen, and is judged as such where it is at risk */
    const char *name;
    struct hm_range *ranges;
    size_t count;
    size_t cap;
};

/* May the system have given it its port, in its own family or in that of its twin? One that is
 * excluded in IPv4 alone may come from the range of IPv6, and is as open there. */
static bool may_be_given(const struct hm_facts *facts, const struct hm_listener *listener)
{
    const struct hm_listeners *all = &facts->inventory->listeners;
    bool given = hm_facts_may_give(facts, listener);

    if (given || !hm_ports_contains(hm_stack_facts_may_give(hm_facts_stack(
                                        facts, listener->protocol, listener->family)),
                                    listener->port)) {
        return given;
    }
    for (size_t i = 0; i < all->count && !given; i++) {
        const struct hm_listener *twin = &all->at[i];

        given =
            twin->family != listener->family && twin->protocol == listener->protocol &&
            twin->port == listener->port && hm_str_equal_nocase(twin->service, listener->service) &&
            hm_str_equal_nocase(twin->program, listener->program) && hm_facts_may_give(facts, twin);
    }
    return given;
}

static bool may_be_chance(const struct hm_facts *facts, const struct hm_listener *listener)
{
    return may_be_given(facts, listener) && !hm_need_is_fixed(facts, listener) &&
           !hm_port_book_saw(&facts->inventory->port_book, listener->protocol, listener->port,
                             listener->program, listener->service,
                             hm_need_boots_of_fixed(facts, listener->protocol, listener->family));
}

/* any: also those on one address. */
static enum hm_status find_strays(const struct hm_facts *facts, const struct hm_need *need,
                                  bool any, struct hm_arena *arena, struct strays *out,
                                  struct hm_err *err)
{
    const struct hm_listeners *all = &facts->inventory->listeners;

    for (size_t i = 0; i < all->count && !out->settled; i++) {
        const struct hm_listener *one = &all->at[i];

        if (one->protocol != HM_TCP || one->kind == HM_KIND_RPC || !(any || is_wildcard(one)) ||
            hm_need_is_rpc_program(one->program) || is_of_catalogue(need->product, one) ||
            !hm_detect_owns(hm_need_names(need), one->program, one->service)) {
            continue;
        }
        out->settled = !may_be_chance(facts, one);
        out->name = one->service[0] == '\0' ? one->program : one->service;
        if (hm_arena_grow(arena, (void **)&out->ranges, out->count, &out->cap,
                          sizeof(*out->ranges)) != 0) {
            return hm_fail(err, HM_ENOMEM, "no memory for the ports of a service");
        }
        out->ranges[out->count++] = (struct hm_range){one->port, one->port};
    }
    return HM_OK;
}

/* out->port_unread stays NULL where nothing is in doubt. */
static enum hm_status look_at_row(const struct hm_facts *facts, const struct hm_product *product,
                                  const struct hm_requirement *row, struct hm_arena *arena,
                                  struct hm_requirement *out, struct hm_err *err)
{
    const struct hm_need need = {.product = product, .requirement = row};
    struct strays strays = {.settled = false};
    struct hm_ports ports;
    size_t at = 0;
    enum hm_status st;

    *out = *row;
    if (!must_have(row) || is_served(facts, &need) || other_part_is_served(facts, product, row) ||
        hm_need_next_down(facts, &need, false, &at) != NULL) {
        return HM_OK;
    }
    st = find_strays(facts, &need, false, arena, &strays, err);
    /* A server may have one address alone. On Linux such a listener is known to be fixed. */
    if (st == HM_OK && strays.count == 0 && !facts->linux_host) {
        st = find_strays(facts, &need, true, arena, &strays, err);
    }
    if (st != HM_OK || strays.settled || strays.count == 0) {
        return st;
    }
    st = hm_ports_from_ranges(strays.ranges, strays.count, arena, &ports, err);
    if (st != HM_OK) {
        return st;
    }
    out->optional = false; /* it runs, and takes some port */
    if (row->ports_by != NULL) {
        out->port_unread = hm_arena_printf(
            arena,
            "%s listens on TCP %s instead, inside the dynamic range: its settings were changed "
            "since it started, or say more than was read (the port is %s)",
            strays.name, hm_ports_text(ports, arena), row->ports_by);
        return out->port_unread == NULL
                   ? hm_fail(err, HM_ENOMEM, "no memory for the ports of a service")
                   : HM_OK;
    }
    out->port_unread =
        hm_arena_printf(arena,
                        "%s listens on TCP %s instead, inside the dynamic range. Its configuration "
                        "says whether that port was chosen: a chosen one is as much at risk as any "
                        "port there, and must be kept out of the range. An installed agent can "
                        "tell once it has seen two boots",
                        strays.name, hm_ports_text(ports, arena));
    return out->port_unread == NULL
               ? hm_fail(err, HM_ENOMEM, "no memory for the ports of a service")
               : HM_OK;
}

/* ---- one of several instances --------------------------------------------------------------- */

/* Is it a server of the need, and not a helper that has a name like it? */
static bool is_server(const struct hm_need *need, const struct hm_listener *listener)
{
    const struct hm_companions *both[] = {&need->product->companions,
                                          &need->requirement->companions};
    bool is = hm_detect_owns(hm_need_names(need), listener->program, "") ||
              hm_detect_owns(&need->product->detect, listener->program, "");

    for (size_t i = 0; i < HM_COUNT(both) && !is; i++) {
        is = hm_companions_own(both[i], listener->program, "") ||
             hm_companions_share(both[i], listener->program);
    }
    return is;
}

/* Is it surely the port of a server: one of the need's, or one that somebody chose? */
static bool is_settled(const struct hm_facts *facts, const struct hm_need *need,
                       const struct hm_listener *listener)
{
    return hm_ports_contains(need->requirement->ports, listener->port) ||
           (!hm_listener_is_loopback(listener) && !is_of_catalogue(need->product, listener) &&
            !may_be_chance(facts, listener));
}

static bool is_alike(const struct hm_listener *a, const struct hm_listener *b)
{
    return a->protocol == HM_TCP && hm_str_equal_nocase(a->service, b->service) &&
           (!hm_str_equal(b->service, "") || hm_str_equal_nocase(a->program, b->program));
}

/* How many ports have the service of this listener, or the processes of its program that carry no
 * service, which surely are those of servers? */
static size_t count_settled(const struct hm_facts *facts, const struct hm_need *need,
                            const struct hm_listener *of)
{
    const struct hm_listeners *all = &facts->inventory->listeners;
    size_t count = 0;

    for (size_t i = 0; i < all->count; i++) {
        bool again = !is_alike(&all->at[i], of) || !is_settled(facts, need, &all->at[i]);

        for (size_t k = 0; k < i && !again; k++) {
            again = all->at[k].port == all->at[i].port && is_alike(&all->at[k], of);
        }
        count += !again;
    }
    return count;
}

static bool has_listener(const struct hm_facts *facts, const char *service)
{
    const struct hm_listeners *all = &facts->inventory->listeners;

    for (size_t i = 0; i < all->count; i++) {
        if (hm_str_equal_nocase(all->at[i].service, service)) {
            return true;
        }
    }
    return false;
}

/* How many services of the need run without a listener of their name? A process without a service
 * is the server of one of them (postgres.exe, which pg_ctl.exe starts). */
static size_t count_unseen(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_services *details = &facts->inventory->service_details;
    size_t count = 0;

    for (size_t i = 0; facts->inventory->has_service_details && i < details->count; i++) {
        const struct hm_service *one = &details->at[i];

        count += one->has_runs && one->runs && !has_listener(facts, one->name) &&
                 hm_need_is_instance(facts, need, one->program, one->name);
    }
    return count;
}

bool hm_need_find_stray(const struct hm_facts *facts, const struct hm_need *need,
                        struct hm_unset *out)
{
    const struct hm_listeners *all = &facts->inventory->listeners;

    if (!facts->inventory->has_listeners || facts->inventory->listeners_partial ||
        facts->lacks_rows[HM_TCP] || need->product->in_every_windows ||
        !must_have(need->requirement)) {
        return false;
    }
    for (size_t i = 0; i < all->count; i++) {
        const struct hm_listener *one = &all->at[i];
        const bool named = !hm_str_equal(one->service, "");

        if (one->protocol != HM_TCP || one->kind == HM_KIND_RPC ||
            (facts->linux_host && !is_wildcard(one)) || hm_need_is_rpc_program(one->program) ||
            is_of_catalogue(need->product, one) || !is_server(need, one) ||
            !may_be_chance(facts, one) ||
            !(named ? hm_need_is_instance(facts, need, one->program, one->service)
                    : hm_detect_owns(hm_need_names(need), one->program, "")) ||
            count_settled(facts, need, one) >= (named ? 1 : count_unseen(facts, need))) {
            continue;
        }
        out->service = named ? one->service : one->program;
        out->why = HM_UNSET_STRAY;
        out->beside = true;
        out->port = one->port;
        return true;
    }
    return false;
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* Replaces the product by a copy once one of its rows is in doubt. */
static enum hm_status look_at_product(const struct hm_facts *facts, const struct hm_product **inout,
                                      struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_product *product = *inout;
    struct hm_product *made = NULL;

    for (size_t i = 0; i < product->requirements.count; i++) {
        struct hm_requirement row;
        enum hm_status st =
            look_at_row(facts, product, &product->requirements.at[i], arena, &row, err);

        if (st != HM_OK) {
            return st;
        }
        if (row.port_unread == product->requirements.at[i].port_unread) {
            continue;
        }
        if (made == NULL) {
            made = hm_arena_alloc(arena, 1, sizeof(*made));
            if (made == NULL) {
                return hm_fail(err, HM_ENOMEM, "no memory for the products of a host");
            }
            *made = *product;
            made->requirements.at =
                hm_arena_alloc(arena, product->requirements.count, sizeof(*made->requirements.at));
            if (made->requirements.at == NULL) {
                return hm_fail(err, HM_ENOMEM, "no memory for the products of a host");
            }
            for (size_t k = 0; k < product->requirements.count; k++) {
                made->requirements.at[k] = product->requirements.at[k];
            }
            *inout = made;
        }
        made->requirements.at[i] = row;
    }
    return HM_OK;
}

enum hm_status hm_needs_find_strays(struct hm_facts *facts, struct hm_arena *arena,
                                    struct hm_err *err)
{
    const struct hm_inventory *inventory = facts->inventory;
    enum hm_status st = HM_OK;

    if (!inventory->has_listeners || inventory->listeners_partial || facts->lacks_rows[HM_TCP]) {
        return HM_OK;
    }
    for (size_t i = 0; i < facts->present_count && st == HM_OK; i++) {
        if (!facts->present[i]->in_every_windows) {
            st = look_at_product(facts, &facts->present[i], arena, err);
        }
    }
    return st;
}
