/* common/judge/need_squatter.c — who has a port now that is not known to be its service.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/need.h"

#include "common/base/str.h"

bool hm_entry_is_down(const struct hm_inventory *inventory, const struct hm_port_entry *entry)
{
    const struct hm_service *service =
        hm_str_equal(entry->service, "") ? NULL : hm_inventory_service(inventory, entry->service);

    return service != NULL && service->has_runs && !service->runs &&
           hm_service_is_wanted(service) && service->start != HM_START_CLUSTER;
}

bool hm_need_is_squatter(const struct hm_facts *facts, const struct hm_port_entry *entry,
                         const struct hm_listener *listener)
{
    return facts->linux_host && entry->protocol == listener->protocol &&
           entry->port == listener->port && hm_str_equal(listener->service, "") &&
           hm_entry_is_down(facts->inventory, entry);
}

bool hm_need_is_squatted(const struct hm_facts *facts, const struct hm_listener *listener)
{
    const struct hm_port_book *book = &facts->inventory->port_book;

    for (size_t i = 0; facts->inventory->has_port_book && i < book->count; i++) {
        if (hm_need_is_squatter(facts, &book->at[i], listener)) {
            return true;
        }
    }
    return false;
}

bool hm_need_is_in_use(const struct hm_need *need)
{
    return need->unread_owner || need->stacks[0].unclear.count + need->stacks[1].unclear.count > 0;
}
