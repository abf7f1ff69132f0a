/* common/judge/need_profile.c — an instance with a number in the name of its service that listens
 * elsewhere: a profile of its own, which nobody gathers, can set any other port.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A service that runs without the port of its number does not require it as far as anybody can see:
 * nothing may be called safe, or blocked, for that port alone. */
#include "common/judge/need.h"

#include <string.h>

#include "common/base/str.h"
#include "common/ports/line.h"
#include "common/ports/numbered.h"

/* What the number makes for the other parts of the product. */
static enum hm_status find_other_parts(const struct hm_product *product,
                                       const struct hm_requirement *row, const char *service,
                                       struct hm_arena *arena, struct hm_ports *out,
                                       struct hm_err *err)
{
    enum hm_status st = HM_OK;
    char number[3];

    *out = (struct hm_ports){NULL, 0};
    for (size_t i = 0; i < product->requirements.count && st == HM_OK; i++) {
        const struct hm_requirement *other = &product->requirements.at[i];
        struct hm_ports ports;

        if (other->protocol != row->protocol || !other->has_numbered ||
            strcmp(other->id, row->id) == 0 ||
            !hm_numbered_fits(&other->numbered, service, number)) {
            continue;
        }
        st = hm_numbered_ports(&other->numbered, number, arena, &ports, err);
        if (st == HM_OK) {
            st = hm_ports_union(*out, ports, arena, out, err);
        }
    }
    return st;
}

/* Of the service itself: other programs of an instance have ports of their own. */
static bool is_of_service(const struct hm_product *product, const char *service,
                          const struct hm_listener *listener)
{
    const struct hm_detect starters = {.programs = product->companions.programs};

    return hm_str_equal_nocase(listener->service, service) && !hm_listener_is_loopback(listener) &&
           (starters.programs.count == 0 || hm_detect_owns(&starters, listener->program, ""));
}

/* Where the service listens, beside the other parts of its product. */
struct listening {
    bool usual; /* on the port of the number */
    bool part;  /* on that of another part */
    bool given; /* on one that it may have been given */
    struct hm_range *ranges;
    size_t count;
    size_t cap;
};

static enum hm_status look_at_listeners(const struct hm_facts *facts,
                                        const struct hm_product *product,
                                        const struct hm_requirement *row, const char *service,
                                        struct hm_ports others, struct hm_arena *arena,
                                        struct listening *out, struct hm_err *err)
{
    const struct hm_listeners *all = &facts->inventory->listeners;

    for (size_t i = 0; i < all->count; i++) {
        const struct hm_listener *one = &all->at[i];

        if (one->protocol != row->protocol || !is_of_service(product, service, one)) {
            continue;
        }
        if (hm_ports_contains(row->ports, one->port)) {
            out->usual = true;
            continue;
        }
        if (hm_ports_contains(others, one->port)) {
            out->part = true;
            continue;
        }
        out->given = out->given || hm_facts_may_give(facts, one);
        if (hm_arena_grow(arena, (void **)&out->ranges, out->count, &out->cap,
                          sizeof(*out->ranges)) != 0) {
            return hm_fail(err, HM_ENOMEM, "no memory for the ports of a service");
        }
        out->ranges[out->count++] = (struct hm_range){one->port, one->port};
    }
    return HM_OK;
}

static enum hm_status take_ports(struct hm_requirement *inout, const char *service,
                                 const struct listening *listening, struct hm_arena *arena,
                                 struct hm_err *err)
{
    struct hm_ports ports;
    enum hm_status st =
        hm_ports_from_ranges(listening->ranges, listening->count, arena, &ports, err);

    if (st != HM_OK) {
        return st;
    }
    if (ports.count > 0 && !listening->given) {
        inout->ports = ports;
        inout->ports_by = "its service listens there";
        return HM_OK;
    }
    inout->port_idle = ports.count == 0; /* a part that is switched off, as far as it shows */
    inout->port_unread =
        ports.count == 0
            ? hm_arena_printf(arena, "the profile of %s was not read, and it runs without it",
                              service)
            : hm_arena_printf(arena,
                              "the profile of %s was not read, and where it listens (%s) may be "
                              "its choice or given by the system",
                              service, hm_ports_text(ports, arena));
    return inout->port_unread == NULL
               ? hm_fail(err, HM_ENOMEM, "no memory for the ports of a service")
               : HM_OK;
}

enum hm_status hm_need_observe_instance(const struct hm_facts *facts,
                                        const struct hm_product *product, const char *service,
                                        struct hm_requirement *inout, struct hm_arena *arena,
                                        struct hm_err *err)
{
    const struct hm_service *known = hm_inventory_service(facts->inventory, service);
    struct listening listening = {.usual = false};
    struct hm_ports others;
    enum hm_status st;

    if (inout->optional || !facts->inventory->has_listeners || known == NULL || !known->has_runs ||
        !known->runs) {
        return HM_OK;
    }
    st = find_other_parts(product, inout, service, arena, &others, err);
    if (st == HM_OK) {
        st = look_at_listeners(facts, product, inout, service, others, arena, &listening, err);
    }
    if (st != HM_OK || listening.usual || (listening.count == 0 && !listening.part)) {
        return st;
    }
    return take_ports(inout, service, &listening, arena, err);
}
