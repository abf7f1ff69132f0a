/* agent/platform/recorded/ephemeral.c — does a program that asks for any port still get one?
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/changes.h"

#include <string.h>

#include "agent/platform/recorded/recorded.h"
#include "agent/platform/windows_rules.h"
#include "common/judge/headroom.h"

/* On 2000 to 2003 what was written in this boot does not count yet. */
static enum hm_status in_force(const struct hm_recorded *recorded, struct hm_inventory *out,
                               struct hm_err *err)
{
    const struct hm_recorded_registry *changed = &recorded->changes.registry;

    *out = recorded->seen.inventory;
    if (!hm_os_is_legacy(&out->os) || !recorded->changes.has_registry ||
        strcmp(changed->boot_id, recorded->seen.boot_id) != 0) {
        return HM_OK;
    }
    hm_recorded_put_values(&changed->in_force, &out->registry);
    out->stacks.at = hm_arena_alloc(recorded->arena, HM_STACK_COUNT, sizeof(*out->stacks.at));
    out->stacks.count = 0;
    if (out->stacks.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port ranges");
    }
    hm_windows_legacy_stacks(
        &out->registry, recorded->has_tcpip,
        hm_windows_shows_ipv6(&recorded->seen.sockets, &recorded->host.listeners), &out->stacks);
    return HM_OK;
}

enum hm_status hm_recorded_try_ephemeral(const struct hm_recorded *recorded, const char **out_why,
                                         struct hm_err *err)
{
    struct hm_inventory inventory;
    struct hm_sample sample = {0};
    const char *why = "";
    enum hm_status st = in_force(recorded, &inventory, err);

    if (st == HM_OK) {
        st = hm_headroom_sample(&inventory, &recorded->seen.sockets, recorded->arena, &sample, err);
    }
    for (size_t i = 0; st == HM_OK && i < sample.stacks.count; i++) {
        const struct hm_sample_stack *row = &sample.stacks.at[i];

        if (row->in_use < row->usable) {
            continue;
        }
        why = hm_arena_printf(recorded->arena, "%s%s%s over %s", why,
                              why[0] == '\0' ? "no port is left of " : ", ",
                              hm_protocol_names[row->protocol], hm_family_names[row->family]);
        if (why == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory to tell which stacks have no port left");
        }
    }
    if (st == HM_OK) {
        *out_why = why;
    }
    return st;
}
