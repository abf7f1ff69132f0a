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

    for (unsigned family = 0; facts->inventory->has_configured && family < 2; family++) {
        struct hm_strings addresses = {NULL, 0};
        size_t room = 0;
        bool any = false;

        for (size_t i = 0; i < list->count && !any; i++) {
            const struct hm_configured *row = &list->at[i];
            void *items = (void *)addresses.at;

            if (!is_about(row, need) || !binds(row->families, (enum hm_family)family) ||
                !is_own(facts, of, row)) {
                continue;
            }
            any = !has_address(row);
            if (!any &&
                hm_arena_grow(arena, &items, addresses.count, &room, sizeof(*addresses.at)) != 0) {
                return hm_fail(err, HM_ENOMEM, "no memory for the ports that are set up");
            }
            addresses.at = (const char **)items;
            if (!any) {
                addresses.at[addresses.count++] = row->address;
            }
        }
        need->addresses[family] = any ? (struct hm_strings){NULL, 0} : addresses;
    }
    return HM_OK;
}

bool hm_need_covers(const struct hm_need *need, const struct hm_configured *row)
{
    for (unsigned family = 0; family < 2; family++) {
        const struct hm_strings *addresses = &need->addresses[family];
        bool covered = addresses->count == 0;

        if (!binds(row->families, (enum hm_family)family)) {
            continue;
        }
        for (size_t i = 0; i < addresses->count && has_address(row); i++) {
            covered = covered || hm_addresses_collide(addresses->at[i], row->address);
        }
        if (!covered || !binds(need->families, (enum hm_family)family)) {
            return false;
        }
    }
    return true;
}

bool hm_need_is_elsewhere(const struct hm_need *need, enum hm_family family,
                          const struct hm_holder *holder)
{
    const struct hm_strings *addresses = &need->addresses[family];

    for (size_t i = 0; i < addresses->count; i++) {
        if (hm_addresses_collide(addresses->at[i], holder->address)) {
            return false;
        }
    }
    return addresses->count > 0;
}

/* A fixed port of this instance of SQL Server. */
static bool is_of_instance(const struct hm_facts *facts, const void *of,
                           const struct hm_configured *row)
{
    (void)facts;
    return row->by == HM_BY_SQL_PORT && hm_str_equal_nocase(of, row->service);
}

/* In which families does it bind, as single addresses say it for its ports? Those of all addresses,
 * and ones whose text says no family, leave both. */
static enum hm_families families_of(const struct hm_facts *facts, const struct hm_need *need,
                                    const char *service)
{
    const struct hm_inventory *inventory = facts->inventory;
    bool in[2] = {false, false};

    for (size_t i = 0; i < inventory->configured.count; i++) {
        const struct hm_configured *row = &inventory->configured.at[i];

        if (is_about(row, need) && is_of_instance(facts, service, row)) {
            in[HM_IPV4] = in[HM_IPV4] || binds(row->families, HM_IPV4);
            in[HM_IPV6] = in[HM_IPV6] || binds(row->families, HM_IPV6);
        }
    }
    return in[HM_IPV4] == in[HM_IPV6] ? HM_FAMILIES_BOTH
           : in[HM_IPV4]              ? HM_FAMILIES_IPV4
                                      : HM_FAMILIES_IPV6;
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
            if (need->families == HM_FAMILIES_BOTH && facts->inventory->has_configured) {
                need->families = families_of(facts, need, row->detect.services.at[0]);
            }
        }
    }
    return st;
}
