/* common/judge/need_clash.c — two instances that settings of the host give one port.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two instances of SQL Server may have one port on addresses of their own (ListenOnAllIPs 0). On
 * all addresses only one of them gets it, whichever starts first. So it is with two servers whose
 * settings files say one port, unless both run: then each has addresses of its own. */
#include "common/judge/need.h"

#include <string.h>

#include "common/base/str.h"
#include "common/ports/registry_ports.h"

/* Is it a fixed port of an instance, on all addresses? Rows of files have no address. */
static bool is_on_all(const struct hm_configured *row, const struct hm_need *need)
{
    return row->by == need->requirement->port_from &&
           row->protocol == need->requirement->protocol && row->port != 0 &&
           hm_ports_contains(need->requirement->ports, row->port) &&
           (row->by != HM_BY_SQL_PORT || hm_str_equal(row->subject, HM_SQL_PORT_ON_ALL));
}

static bool runs(const struct hm_facts *facts, const char *name)
{
    const struct hm_service *service = hm_inventory_service(facts->inventory, name);

    return service == NULL || !service->has_runs || service->runs;
}

/* May both have the port? */
static bool share(const struct hm_facts *facts, const struct hm_configured *row, const char *mine)
{
    return row->by == HM_BY_SETTINGS_PORT && runs(facts, mine) && runs(facts, row->service);
}

static bool meet(enum hm_families a, enum hm_families b)
{
    return a == b || a == HM_FAMILIES_BOTH || b == HM_FAMILIES_BOTH;
}

static bool has_port(const struct hm_facts *facts, const struct hm_need *need, const char *service,
                     uint16_t port, enum hm_families families)
{
    const struct hm_configured_list *list = &facts->inventory->configured;

    for (size_t i = 0; i < list->count; i++) {
        if (list->at[i].port == port && is_on_all(&list->at[i], need) &&
            meet(list->at[i].families, families) &&
            hm_str_equal_nocase(list->at[i].service, service)) {
            return true;
        }
    }
    return false;
}

const char *hm_need_clash(const struct hm_facts *facts, const struct hm_need *need,
                          const char *other)
{
    const struct hm_requirement *requirement = need->requirement;
    const struct hm_configured_list *list = &facts->inventory->configured;

    if (!requirement->of_instance || !requirement->has_port_from ||
        (requirement->port_from != HM_BY_SQL_PORT &&
         requirement->port_from != HM_BY_SETTINGS_PORT) ||
        requirement->detect.services.count != 1 || !facts->inventory->has_configured) {
        return NULL;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct hm_configured *row = &list->at[i];
        const char *mine = requirement->detect.services.at[0];

        if (is_on_all(row, need) && !hm_str_equal_nocase(row->service, mine) &&
            (other == NULL || hm_str_equal_nocase(row->service, other)) &&
            hm_names_match(&facts->services, &(const struct hm_strings){&list->at[i].service, 1}) &&
            has_port(facts, need, mine, row->port, row->families) && !share(facts, row, mine)) {
            return row->service;
        }
    }
    return NULL;
}
