/* common/judge/need_clash.c — two instances that settings of the host give one port.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two instances of SQL Server may have one port on addresses of their own (ListenOnAllIPs 0). On
 * all addresses only one of them gets it, whichever starts first. */
#include "common/judge/need.h"

#include <string.h>

#include "common/base/str.h"
#include "common/ports/registry_ports.h"

/* Is it a fixed port of an instance, on all addresses? */
static bool is_on_all(const struct hm_configured *row, const struct hm_need *need)
{
    return row->by == HM_BY_SQL_PORT && row->protocol == need->requirement->protocol &&
           row->port != 0 && hm_ports_contains(need->requirement->ports, row->port) &&
           hm_str_equal(row->subject, HM_SQL_PORT_ON_ALL);
}

static bool has_port(const struct hm_facts *facts, const struct hm_need *need, const char *service,
                     uint16_t port)
{
    const struct hm_configured_list *list = &facts->inventory->configured;

    for (size_t i = 0; i < list->count; i++) {
        if (list->at[i].port == port && is_on_all(&list->at[i], need) &&
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

    if (!requirement->of_instance || requirement->port_from != HM_BY_SQL_PORT ||
        requirement->detect.services.count != 1 || !facts->inventory->has_configured) {
        return NULL;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct hm_configured *row = &list->at[i];
        const char *mine = requirement->detect.services.at[0];

        if (is_on_all(row, need) && !hm_str_equal_nocase(row->service, mine) &&
            (other == NULL || hm_str_equal_nocase(row->service, other)) &&
            hm_names_match(&facts->services, &(const struct hm_strings){&list->at[i].service, 1}) &&
            has_port(facts, need, mine, row->port)) {
            return row->service;
        }
    }
    return NULL;
}
