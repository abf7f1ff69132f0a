/* common/judge/need.c — which requirements count on a host: the catalogue's and the observed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/need.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/judge/port_errors.h"
#include "common/ports/configured.h"
#include "common/ports/port_book.h"

static bool has_names(const struct hm_detect *detect)
{
    return detect->always || detect->services.count > 0 || detect->programs.count > 0;
}

struct hm_need *hm_need_put(struct hm_need_list *list)
{
    struct hm_need *need;

    if (hm_arena_grow(list->arena, (void **)&list->needs.at, list->needs.count, &list->cap,
                      sizeof(*list->needs.at)) != 0) {
        return NULL;
    }
    need = &list->needs.at[list->needs.count++];
    memset(need, 0, sizeof(*need));
    return need;
}

/* The kernel's own sockets have no process, and on Linux no name either. */
static bool is_owner(const struct hm_facts *facts, const struct hm_need *need, enum hm_owner owner)
{
    return owner == HM_OWNER_SELF || (owner == HM_OWNER_UNREAD && facts->linux_host &&
                                      need->requirement->kind == HM_KIND_KERNEL);
}

static enum hm_owner owner_of_entry(const struct hm_facts *facts, const struct hm_need *need,
                                    const struct hm_port_entry *entry)
{
    return hm_need_owner(facts, need, entry->program, entry->service, HM_SOCKET_LISTEN);
}

/* An optional requirement counts once its owner shows on one of the ports. */
static bool owner_listens(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_requirement *requirement = need->requirement;
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;

    while ((listener = hm_facts_next_listener(facts, requirement->protocol, requirement->ports,
                                              &cursor)) != NULL) {
        if (is_owner(facts, need, hm_need_owner_of_listener(facts, need, listener))) {
            return true;
        }
    }
    return false;
}

/* Or once the port book has seen it there: it may be down now. */
static bool owner_is_remembered(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_inventory *inventory = facts->inventory;
    const struct hm_requirement *requirement = need->requirement;

    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        const struct hm_port_entry *entry = &inventory->port_book.at[i];

        if (!hm_port_entry_is_retired(entry) && entry->protocol == requirement->protocol &&
            hm_ports_contains(requirement->ports, entry->port) &&
            (hm_need_has_copy(need, entry->program, entry->service) ||
             is_owner(facts, need, owner_of_entry(facts, need, entry)))) {
            return true;
        }
    }
    return false;
}

/* Has the port book seen the owner on whatever port? Then it knows which ones it uses. */
static bool owner_is_known(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_inventory *inventory = facts->inventory;

    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        const struct hm_port_entry *entry = &inventory->port_book.at[i];

        if (!hm_port_entry_is_retired(entry) &&
            is_owner(facts, need, owner_of_entry(facts, need, entry))) {
            return true;
        }
    }
    return false;
}

/* Do companions bind it, none of whose services the host has? Nobody knows then whether that part
 * is set up. A product that always takes the port needs it in any case. */
static bool is_for_companion(const struct hm_facts *facts, const struct hm_requirement *requirement)
{
    const struct hm_companions *companions = &requirement->companions;

    return (companions->programs.count > 0 || companions->services.count > 0) &&
           !has_names(&requirement->detect) && !requirement->when_down &&
           !hm_names_match(&facts->services, &companions->services);
}

/* Does another process than the product's service bind it: a container, a companion of one instance
 * of several, or the kernel on behalf of a plug-in? For a tunnel the kernel binds what the service
 * asks for. */
static bool is_bound_elsewhere(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_requirement *requirement = need->requirement;

    return !has_names(&requirement->detect) &&
           (requirement->kind == HM_KIND_CONTAINER ||
            (requirement->of_instance && is_for_companion(facts, requirement)) ||
            (requirement->kind == HM_KIND_KERNEL && !requirement->when_down));
}

/* A tunnel that is up has a socket of the kernel, which has no process. Linux lists none: then the
 * tunnel is down, whatever is known of its service, which has no process either. */
static bool is_tunnel_down(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_requirement *requirement = need->requirement;
    const struct hm_inventory *inventory = facts->inventory;

    if (!facts->linux_host || requirement->kind != HM_KIND_KERNEL || !requirement->when_down ||
        !inventory->has_listeners || !hm_facts_detect(facts, hm_need_names(need))) {
        return false;
    }
    for (size_t i = 0; i < inventory->listeners.count; i++) {
        const struct hm_listener *listener = &inventory->listeners.at[i];

        if (listener->protocol == requirement->protocol && hm_str_equal(listener->program, "") &&
            hm_str_equal(listener->service, "")) {
            return false;
        }
    }
    return true;
}

/* Its service is down: that nothing listens is no sign that nothing will. */
static bool owner_is_down(const struct hm_facts *facts, const struct hm_need *need)
{
    size_t at = 0;

    return !is_bound_elsewhere(facts, need) && !owner_is_known(facts, need) &&
           (hm_need_next_down(facts, need, true, &at) != NULL || is_tunnel_down(facts, need));
}

/* Did a service of it end with the error of a port? Then a port of it that somebody has may be the
 * one, though nobody has seen it there. */
static bool ended_by_port(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_service *service;
    struct hm_port_failure failure;
    size_t at = 0;

    while ((service = hm_need_next_down(facts, need, true, &at)) != NULL) {
        if (hm_port_failure_of(facts, service, &failure)) {
            return true;
        }
    }
    return false;
}

/* Where all bindings of IIS are known, they say which of its ports it uses. */
static bool is_told_by_bindings(const struct hm_facts *facts, const struct hm_need *need)
{
    return need->requirement->by_iis_bindings && hm_configured_knows_bindings(facts->inventory);
}

/* Do all SSL bindings of HTTP.sys, which are known, leave its ports out? Then it may be set up for
 * another port. */
static bool is_without_ssl(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_inventory *inventory = facts->inventory;

    if (!need->requirement->by_ssl_bindings || inventory->configured_partial ||
        !hm_configured_has(inventory, HM_BY_SSL_BINDING)) {
        return false;
    }
    for (size_t i = 0; i < inventory->configured.count; i++) {
        const struct hm_configured *row = &inventory->configured.at[i];

        if (row->by == HM_BY_SSL_BINDING && row->protocol == need->requirement->protocol &&
            hm_ports_contains(need->requirement->ports, row->port)) {
            return false;
        }
    }
    return !owner_listens(facts, need);
}

static bool has_binding(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_configured_list *list = &facts->inventory->configured;

    for (size_t i = 0; i < list->count; i++) {
        const struct hm_configured *row = &list->at[i];

        if (hm_configured_is_binding(row) && row->protocol == need->requirement->protocol &&
            row->kind == need->requirement->kind &&
            hm_ports_contains(need->requirement->ports, row->port) &&
            hm_configured_starts(facts, row)) {
            return true;
        }
    }
    return false;
}

static bool applies(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_requirement *requirement = need->requirement;
    bool named = has_names(&requirement->detect);

    if (requirement->ports.count == 0 && requirement->port_doubt == NULL &&
        requirement->port_unread == NULL) {
        return false; /* it has no default, and this host shows no port of it */
    }
    if (requirement->by_iis_bindings && has_binding(facts, need)) {
        return true;
    }
    if (is_told_by_bindings(facts, need) || is_without_ssl(facts, need)) {
        return false;
    }
    if (need->product->in_every_windows) {
        return owner_listens(facts, need) || owner_is_remembered(facts, need);
    }
    if (named &&
        !(requirement->optional && (requirement->of_instance || requirement->starts_without)) &&
        hm_facts_detect(facts, &requirement->detect)) {
        return true;
    }
    return requirement->optional ? owner_listens(facts, need) || owner_is_remembered(facts, need)
                                 : !named;
}

/* Does a part of the product that counts require the same ports? Then an optional one that is for
 * hosts without that part says nothing more. */
static bool is_required_already(const struct hm_need_list *list, const struct hm_product *product,
                                const struct hm_requirement *requirement)
{
    for (size_t i = list->needs.count; requirement->optional && i > 0; i--) {
        const struct hm_need *other = &list->needs.at[i - 1];

        if (other->product != product) {
            return false;
        }
        if (!other->requirement->optional &&
            other->requirement->protocol == requirement->protocol &&
            other->families == requirement->families &&
            hm_ports_equal(other->requirement->ports, requirement->ports)) {
            return true;
        }
    }
    return false;
}

static enum hm_status put_product(struct hm_facts *facts, const struct hm_product *product,
                                  struct hm_need_list *list)
{
    for (size_t i = 0; i < product->requirements.count; i++) {
        const struct hm_requirement *requirement = &product->requirements.at[i];
        struct hm_need need = {.product = product, .requirement = requirement};
        struct hm_need *kept;

        if (is_required_already(list, product, requirement)) {
            continue;
        }
        if (!applies(facts, &need)) {
            if (!requirement->optional || requirement->ports.count == 0 ||
                is_told_by_bindings(facts, &need) || is_without_ssl(facts, &need) ||
                !owner_is_down(facts, &need)) {
                continue;
            }
            if (product->in_every_windows && !requirement->when_down &&
                !ended_by_port(facts, &need)) {
                continue;
            }
            need.only_at_risk = !requirement->when_down;
            need.only_blocked = is_for_companion(facts, requirement);
        }
        if (list->needs.count >= HM_LIMIT_VERDICTS - HM_NEEDS_OBSERVED_MAX) {
            return hm_fail(list->err, HM_ETOOBIG,
                           "more than %u requirements of the catalogue fit one host",
                           HM_LIMIT_VERDICTS - HM_NEEDS_OBSERVED_MAX);
        }
        kept = hm_need_put(list);
        if (kept == NULL) {
            return hm_fail(list->err, HM_ENOMEM, "no memory for the requirements of a host");
        }
        kept->product = product;
        kept->requirement = requirement;
        kept->families = requirement->families;
        kept->only_at_risk = need.only_at_risk;
        kept->only_blocked = need.only_blocked;
        kept->configured = requirement->by_iis_bindings && has_binding(facts, &need);
        hm_portbits_put_ports(facts->required[requirement->protocol], requirement->ports);
    }
    return HM_OK;
}

enum hm_status hm_needs_list(struct hm_facts *facts, struct hm_arena *arena,
                             struct hm_needs *out_needs, struct hm_err *err)
{
    struct hm_need_list list = {.arena = arena, .err = err};
    enum hm_status st = hm_needs_find_products(facts, arena, err);

    if (st == HM_OK) {
        st = hm_needs_find_instances(facts, arena, &list.needs.cut, err);
    }
    if (st == HM_OK) {
        st = hm_needs_find_strays(facts, arena, err);
    }
    if (st != HM_OK) {
        return st;
    }
    for (size_t i = 0; i < facts->present_count; i++) {
        list.cap += facts->present[i]->requirements.count;
    }
    list.cap = list.cap > HM_LIMIT_VERDICTS ? HM_LIMIT_VERDICTS : list.cap;
    list.needs.at = hm_arena_alloc(arena, list.cap, sizeof(*list.needs.at));
    if (list.needs.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the requirements of a host");
    }
    for (size_t i = 0; i < facts->present_count && st == HM_OK; i++) {
        st = put_product(facts, facts->present[i], &list);
    }
    if (st == HM_OK) {
        st = hm_needs_find_addresses(facts, &list.needs, arena, err);
    }
    if (st == HM_OK) {
        st = hm_needs_configure(facts, &list);
    }
    if (st == HM_OK) {
        st = hm_needs_move(facts, &list);
    }
    if (st == HM_OK) {
        st = hm_needs_observe(facts, &list);
    }
    if (st == HM_OK) {
        *out_needs = list.needs;
    }
    return st;
}
