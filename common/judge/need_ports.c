/* common/judge/need_ports.c — ports that an administrator chose in place of those of the catalogue.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A setting of the host says them (inventory.configured); where no row does, the service's own
 * listener, if a service with that setting has one of its own choice and no other. */
#include "common/judge/need.h"

#include <string.h>

#include "common/base/str.h"

#define CANDIDATES_MAX 16u /* listeners of one service: more of them say nothing */

/* A requirement with the host's ports in the making. */
struct chosen {
    const struct hm_facts *facts;
    const struct hm_product *product;
    const struct hm_requirement *requirement; /* of the catalogue */
    const char *service;                      /* whose settings count; "": those of no service */
    struct hm_arena *arena;
    struct hm_err *err;
    struct hm_range *ranges;
    size_t count;
    size_t cap;
    const char *invalid; /* a value that is no port */
    const char *file;    /* where settings files say the port; NULL none */
    bool has_families;
    enum hm_families families; /* of all their rows */
};

static enum hm_status put_port(struct chosen *chosen, uint16_t port)
{
    for (size_t i = 0; i < chosen->count; i++) {
        if (chosen->ranges[i].first == port) {
            return HM_OK;
        }
    }
    if (hm_arena_grow(chosen->arena, (void **)&chosen->ranges, chosen->count, &chosen->cap,
                      sizeof(*chosen->ranges)) != 0) {
        return hm_fail(chosen->err, HM_ENOMEM, "no memory for the ports of a service");
    }
    chosen->ranges[chosen->count++] = (struct hm_range){port, port};
    return HM_OK;
}

static bool is_of_instance(const struct chosen *chosen, const struct hm_configured *row)
{
    return hm_str_equal_nocase(chosen->service, row->service);
}

static enum hm_status take_rows(struct chosen *chosen)
{
    const struct hm_inventory *inventory = chosen->facts->inventory;
    enum hm_status st = HM_OK;

    for (size_t i = 0; inventory->has_configured && i < inventory->configured.count && st == HM_OK;
         i++) {
        const struct hm_configured *row = &inventory->configured.at[i];

        if (row->by == chosen->requirement->port_from &&
            row->protocol == chosen->requirement->protocol && is_of_instance(chosen, row)) {
            if (row->port == 0) {
                chosen->invalid = row->subject == NULL ? "a value" : row->subject;
            } else {
                chosen->file = row->subject;
                chosen->families = !chosen->has_families || chosen->families == row->families
                                       ? row->families
                                       : HM_FAMILIES_BOTH;
                chosen->has_families = true;
                st = put_port(chosen, row->port);
            }
        }
    }
    return st;
}

/* The first and the last port of a range that a setting says. */
static void join_range(struct chosen *chosen)
{
    for (size_t i = 1; i < chosen->count; i++) {
        const uint16_t port = chosen->ranges[i].first;

        chosen->ranges[0].first = port < chosen->ranges[0].first ? port : chosen->ranges[0].first;
        chosen->ranges[0].last = port > chosen->ranges[0].last ? port : chosen->ranges[0].last;
    }
    chosen->count = chosen->count > 0 ? 1 : 0;
}

/* Is the service of the product in this process? Of a process with several services only where the
 * product must have a port: otherwise it may be any of the others'. */
static bool is_of_service(const struct chosen *chosen, const struct hm_listener *listener)
{
    const struct hm_detect *detect = &chosen->product->detect;
    const bool must_have = chosen->requirement->ports.count > 0 && !chosen->requirement->optional;

    if (hm_detect_owns(detect, "", listener->service)) {
        return true;
    }
    for (size_t i = 0; must_have && i < listener->hosted.count; i++) {
        if (hm_detect_owns(detect, "", listener->hosted.at[i])) {
            return true;
        }
    }
    return false;
}

/* A port that nobody was handed: outside the dynamic range, or excluded for the service. */
static bool is_chosen(const struct chosen *chosen, const struct hm_listener *listener)
{
    const struct hm_stack_facts *stack =
        hm_facts_stack(chosen->facts, listener->protocol, listener->family);

    return !hm_ports_contains(hm_stack_facts_may_give(stack), listener->port) ||
           hm_ports_contains(stack->administered, listener->port);
}

/* Does the service have the same port in the other protocol? */
static bool has_twin(const struct chosen *chosen, const struct hm_listener *listener)
{
    const struct hm_listeners *all = &chosen->facts->inventory->listeners;

    for (size_t i = 0; i < all->count; i++) {
        if (all->at[i].protocol != listener->protocol && all->at[i].port == listener->port &&
            is_of_service(chosen, &all->at[i])) {
            return true;
        }
    }
    return false;
}

static bool any(const struct chosen *chosen, const struct hm_listener *listener)
{
    (void)chosen;
    (void)listener;
    return true;
}

static enum hm_status take_listeners(struct chosen *chosen,
                                     bool (*fits)(const struct chosen *chosen,
                                                  const struct hm_listener *listener))
{
    const struct hm_listeners *all = &chosen->facts->inventory->listeners;
    enum hm_status st = HM_OK;

    for (size_t i = 0; i < all->count && st == HM_OK; i++) {
        const struct hm_listener *listener = &all->at[i];

        if (listener->protocol == chosen->requirement->protocol &&
            is_of_service(chosen, listener) && fits(chosen, listener)) {
            st = put_port(chosen, listener->port);
        }
    }
    return st;
}

/* Does the service have one of the ports of the catalogue? */
static bool has_default(const struct chosen *chosen)
{
    const struct hm_requirement *requirement = chosen->requirement;
    const struct hm_listeners *all = &chosen->facts->inventory->listeners;

    for (size_t i = 0; i < all->count; i++) {
        if (all->at[i].protocol == requirement->protocol &&
            hm_ports_contains(requirement->ports, all->at[i].port) &&
            is_of_service(chosen, &all->at[i])) {
            return true;
        }
    }
    return false;
}

/* Of several listeners of a service that has one port, the surest: one that is the same in both
 * protocols, then one that nobody was handed. Where all are alike each may be the one. */
static enum hm_status observe(struct chosen *chosen)
{
    bool (*const sure[])(const struct chosen *, const struct hm_listener *) = {has_twin, is_chosen,
                                                                               any};
    const bool must_have = chosen->requirement->ports.count > 0;
    enum hm_status st = HM_OK;

    if (!chosen->facts->inventory->has_listeners || (must_have && has_default(chosen))) {
        return HM_OK;
    }
    for (size_t i = must_have ? 0 : HM_COUNT(sure) - 1;
         i < HM_COUNT(sure) && st == HM_OK && chosen->count == 0; i++) {
        st = take_listeners(chosen, sure[i]);
    }
    if (must_have && chosen->count > CANDIDATES_MAX) {
        chosen->count = 0;
    }
    return st;
}

/* Where no setting is known: has a service with this setting a listener of its own choice? RPC
 * servers and SQL Server are given a port then. */
static bool listeners_speak(enum hm_configured_by by)
{
    return by == HM_BY_RDP_PORT || by == HM_BY_PORT_PROXY;
}

/* What settings files of a server say. */
static enum hm_status take_files(const struct chosen *chosen, struct hm_requirement *inout)
{
    if (chosen->invalid != NULL || chosen->count == 0) {
        return hm_need_guess_ports(chosen->facts, chosen->product, chosen->service,
                                   chosen->invalid == NULL ? "a settings file could not be read"
                                                           : chosen->invalid,
                                   inout, chosen->arena, chosen->err);
    }
    inout->ports_by =
        hm_arena_printf(chosen->arena, "set in %s",
                        hm_str_equal(chosen->file, "") ? "its settings file" : chosen->file);
    inout->families = inout->families == HM_FAMILIES_BOTH ? chosen->families : inout->families;
    return inout->ports_by == NULL
               ? hm_fail(chosen->err, HM_ENOMEM, "no memory for the ports of a service")
               : hm_ports_from_ranges(chosen->ranges, chosen->count, chosen->arena, &inout->ports,
                                      chosen->err);
}

enum hm_status hm_need_choose_ports(const struct hm_facts *facts, const struct hm_product *product,
                                    const char *service, struct hm_requirement *inout,
                                    struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_requirement requirement = *inout;
    struct chosen chosen = {.facts = facts,
                            .product = product,
                            .requirement = &requirement,
                            .service = service,
                            .arena = arena,
                            .err = err};
    const char *by = hm_configured_by_labels[requirement.port_from];
    enum hm_status st = take_rows(&chosen);

    if (st == HM_OK && requirement.port_from == HM_BY_SETTINGS_PORT) {
        return take_files(&chosen, inout);
    }
    inout->port_doubt = chosen.invalid;
    if (requirement.port_from == HM_BY_DEPLOYMENT_PORT) {
        join_range(&chosen);
    }
    if (st == HM_OK && chosen.count == 0 && listeners_speak(requirement.port_from)) {
        by = "its service listens there";
        st = observe(&chosen);
    }
    if (st != HM_OK || chosen.count == 0) {
        return st;
    }
    st = hm_ports_from_ranges(chosen.ranges, chosen.count, arena, &inout->ports, err);
    if (st != HM_OK || hm_ports_equal(inout->ports, requirement.ports)) {
        return st;
    }
    inout->ports_by = by;
    return HM_OK;
}
