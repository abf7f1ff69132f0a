/* agent/platform/recorded/legacy.c — 2000, XP and 2003 as recorded: what is in force there.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/recorded.h"

#include <string.h>

#include "agent/platform/windows_rules.h"

static struct hm_tcpip_values values_of(const struct hm_recorded_values *recorded)
{
    struct hm_registry registry = {0};

    hm_recorded_put_values(recorded, &registry);
    return hm_registry_written(&registry);
}

/* What changes.json tells: values were changed in this boot, or in one that is over. */
static bool remember_changes(const struct hm_recorded *recorded, const struct hm_tcpip_times *times,
                             struct hm_tcpip_memory *out)
{
    const struct hm_recorded_registry *changed = &recorded->changes.registry;
    struct hm_registry filed = {0};

    if (!recorded->changes.has_registry) {
        return false;
    }
    hm_recorded_put_values(&recorded->filed_values, &filed);
    hm_tcpip_decide(&filed, times, "", NULL);
    *out = (struct hm_tcpip_memory){
        .boot_id = changed->boot_id,
        .in_force = filed.in_force,
        .first = values_of(&changed->in_force),
        .last = values_of(&changed->values),
    };
    return true;
}

static bool is_this_boot(const struct hm_recorded *recorded, const struct hm_tcpip_memory *memory)
{
    return memory != NULL && memory->boot_id != NULL &&
           strcmp(memory->boot_id, recorded->seen.boot_id) == 0;
}

enum hm_status hm_recorded_legacy_stacks(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_observation *seen = &recorded->seen;
    struct hm_inventory *inventory = &seen->inventory;
    struct hm_windows_legacy legacy = {
        .boot_id = seen->boot_id,
        .memory = recorded->memory,
        .has_tcpip = recorded->has_tcpip,
        .ipv6 = hm_windows_shows_ipv6(&seen->sockets, &recorded->host.listeners),
        .has_dns = hm_windows_has_dns(&inventory->services, &seen->sockets),
        .sockets = seen->has_sockets ? &seen->sockets : NULL,
    };
    struct hm_tcpip_memory changes;
    enum hm_status st = hm_recorded_times(recorded, &legacy.times, err);

    if (st != HM_OK) {
        return st;
    }
    if (remember_changes(recorded, &legacy.times, &changes)) {
        if (!is_this_boot(recorded, &changes) && !recorded->is_booting) {
            legacy.sockets = NULL; /* the files were made before the boot that is over */
        }
        if (!is_this_boot(recorded, legacy.memory)) {
            legacy.memory = &changes;
        }
    }
    return hm_windows_legacy_stacks(&legacy, recorded->arena, &inventory->registry,
                                    &inventory->stacks, &seen->highest_given, err);
}
