/* common/judge/need_address.c — settings of the host that name single addresses for a port.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two sockets may have one port, each on an address of its own; only a wildcard meets all of its
 * family. What reserves a port has no address, so exclusions and ranges hold for all alike. */
#include "common/judge/need.h"

#include "common/base/str.h"
#include "common/ports/address.h"
#include "common/ports/configured.h"

static bool binds(enum hm_families families, enum hm_family family)
{
    return families == HM_FAMILIES_BOTH || (families == HM_FAMILIES_IPV4) == (family == HM_IPV4);
}

static bool has_address(const struct hm_configured *row)
{
    return row->address != NULL && !hm_str_equal(row->address, "");
}

static bool is_about(const struct hm_configured *row, const struct hm_need *need)
{
    return row->protocol == need->requirement->protocol &&
           hm_ports_contains(need->requirement->ports, row->port);
}

enum hm_status hm_need_take_addresses(const struct hm_facts *facts, struct hm_need *need,
                                      hm_need_is_own_row *is_own, const void *of,
                                      struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_configured_list *list = &facts->inventory->configured;
    struct hm_need_settings *own = &need->settings;
    size_t room = 0;

    *own = (struct hm_need_settings){NULL, 0};
    for (size_t i = 0; facts->inventory->has_configured && i < list->count; i++) {
        const struct hm_configured *row = &list->at[i];

        if (!is_about(row, need) || !is_own(facts, of, row)) {
            continue;
        }
        if (hm_arena_grow(arena, (void **)&own->at, own->count, &room, sizeof(*own->at)) != 0) {
            return hm_fail(err, HM_ENOMEM, "no memory for the ports that are set up");
        }
        own->at[own->count++] = row;
    }
    return HM_OK;
}

/* Where the need binds a port in one family, by the settings that name this port. */
enum reach {
    REACH_ALL,  /* on any address, or no setting says it */
    REACH_SOME, /* on single addresses alone */
    REACH_NONE, /* the settings name addresses of the other family alone */
};

static enum reach reach_of(const struct hm_need *need, enum hm_family family, uint16_t port)
{
    enum reach reach = REACH_ALL;

    for (size_t i = 0; i < need->settings.count; i++) {
        const struct hm_configured *row = need->settings.at[i];

        if (row->port != port) {
            continue;
        }
        if (!binds(row->families, family)) {
            reach = reach == REACH_ALL ? REACH_NONE : reach;
        } else if (has_address(row)) {
            reach = REACH_SOME;
        } else {
            return REACH_ALL;
        }
    }
    return reach;
}

/* Is the address one that the settings of this port name, or may it be? */
static bool meets(const struct hm_need *need, enum hm_family family, uint16_t port,
                  const char *address)
{
    for (size_t i = 0; i < need->settings.count; i++) {
        const struct hm_configured *row = need->settings.at[i];

        if (row->port == port && binds(row->families, family) &&
            hm_addresses_collide(row->address, address)) {
            return true;
        }
    }
    return false;
}

bool hm_need_names_addresses(const struct hm_need *need, enum hm_family family, uint16_t port)
{
    return reach_of(need, family, port) == REACH_SOME;
}

enum hm_status hm_need_ports_in(const struct hm_need *need, enum hm_family family,
                                struct hm_arena *arena, struct hm_ports *out_ports,
                                struct hm_err *err)
{
    enum hm_status st = HM_OK;

    *out_ports = need->requirement->ports;
    for (size_t i = 0; i < need->settings.count && st == HM_OK; i++) {
        const uint16_t port = need->settings.at[i]->port;
        const struct hm_range one = {port, port};

        if (reach_of(need, family, port) == REACH_NONE) {
            st = hm_ports_subtract(*out_ports, (struct hm_ports){&one, 1}, arena, out_ports, err);
        }
    }
    return st;
}

bool hm_need_covers(const struct hm_need *need, const struct hm_configured *row)
{
    for (unsigned i = 0; i < 2; i++) {
        const enum hm_family family = i == 0 ? HM_IPV4 : HM_IPV6;
        const enum reach reach = reach_of(need, family, row->port);

        if (!binds(row->families, family)) {
            continue;
        }
        if (!binds(need->families, family) || reach == REACH_NONE ||
            (reach == REACH_SOME &&
             !(has_address(row) && meets(need, family, row->port, row->address)))) {
            return false;
        }
    }
    return true;
}

bool hm_need_is_elsewhere(const struct hm_need *need, enum hm_family family,
                          const struct hm_holder *holder)
{
    const enum reach reach = reach_of(need, family, holder->port);

    return reach == REACH_NONE ||
           (reach == REACH_SOME && !meets(need, family, holder->port, holder->address));
}

/* A fixed port of this instance of SQL Server. */
static bool is_of_instance(const struct hm_facts *facts, const void *of,
                           const struct hm_configured *row)
{
    (void)facts;
    return row->by == HM_BY_SQL_PORT && hm_str_equal_nocase(of, row->service);
}

enum hm_status hm_needs_find_addresses(const struct hm_facts *facts, struct hm_needs *needs,
                                       struct hm_arena *arena, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; i < needs->count && st == HM_OK; i++) {
        struct hm_need *need = &needs->at[i];
        const struct hm_requirement *row = need->requirement;

        if (row->of_instance && row->port_from == HM_BY_SQL_PORT &&
            row->detect.services.count == 1) {
            st = hm_need_take_addresses(facts, need, is_of_instance, row->detect.services.at[0],
                                        arena, err);
        }
    }
    return st;
}
