/* common/ports/in_force.c — what the running system uses, and what it uses after the next boot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/in_force.h"

#include <string.h>

struct hm_tcpip_values hm_registry_written(const struct hm_registry *registry)
{
    return (struct hm_tcpip_values){
        .has_reserved_ports = registry->has_reserved_ports,
        .reserved_ports = registry->reserved_ports,
        .has_max_user_port = registry->has_max_user_port,
        .max_user_port = registry->max_user_port,
        .has_tcp_timed_wait_delay_s = registry->has_tcp_timed_wait_delay_s,
        .tcp_timed_wait_delay_s = registry->tcp_timed_wait_delay_s,
    };
}

bool hm_registry_in_force(const struct hm_registry *registry, struct hm_tcpip_values *out_values)
{
    switch (registry->in_force) {
    case HM_IN_FORCE_ASSUMED:
    case HM_IN_FORCE_WRITTEN:
        *out_values = hm_registry_written(registry);
        return true;
    case HM_IN_FORCE_EARLIER:
        *out_values = registry->earlier;
        return true;
    case HM_IN_FORCE_UNKNOWN:
        break;
    }
    *out_values = (struct hm_tcpip_values){.has_reserved_ports = false};
    return false;
}

static bool equal_lines(const struct hm_strings *a, const struct hm_strings *b)
{
    bool equal = a->count == b->count;

    for (size_t i = 0; equal && i < a->count; i++) {
        equal = strcmp(a->at[i], b->at[i]) == 0;
    }
    return equal;
}

bool hm_tcpip_values_equal(const struct hm_tcpip_values *a, const struct hm_tcpip_values *b)
{
    return a->has_reserved_ports == b->has_reserved_ports &&
           a->has_max_user_port == b->has_max_user_port &&
           a->has_tcp_timed_wait_delay_s == b->has_tcp_timed_wait_delay_s &&
           (!a->has_reserved_ports || equal_lines(&a->reserved_ports, &b->reserved_ports)) &&
           (!a->has_max_user_port || a->max_user_port == b->max_user_port) &&
           (!a->has_tcp_timed_wait_delay_s ||
            a->tcp_timed_wait_delay_s == b->tcp_timed_wait_delay_s);
}

bool hm_legacy_dynamic(const struct hm_tcpip_values *values, struct hm_range *out_range)
{
    uint32_t last = values->has_max_user_port ? values->max_user_port : HM_LEGACY_LAST;

    if (last < HM_LEGACY_LAST || last > HM_LEGACY_LAST_MAX) {
        return false;
    }
    *out_range = (struct hm_range){HM_LEGACY_FIRST, (uint16_t)last};
    return true;
}

struct hm_inventory hm_inventory_as_written(const struct hm_inventory *inventory)
{
    struct hm_inventory written = *inventory;

    written.registry.in_force = HM_IN_FORCE_WRITTEN;
    written.registry.has_earlier = false;
    return written;
}

bool hm_timed_wait_delay_in_force(const struct hm_registry *registry)
{
    struct hm_tcpip_values now;

    return hm_registry_in_force(registry, &now) &&
           now.has_tcp_timed_wait_delay_s == registry->has_tcp_timed_wait_delay_s &&
           now.tcp_timed_wait_delay_s == registry->tcp_timed_wait_delay_s;
}

/* ---- deciding ------------------------------------------------------------------------------ */

static enum hm_in_force by_times(const struct hm_tcpip_times *times)
{
    if (!times->has_boot || !times->has_written) {
        return HM_IN_FORCE_ASSUMED;
    }
    if (times->written_ms <= times->boot_ms) {
        return HM_IN_FORCE_WRITTEN;
    }
    return times->written_ms <= times->boot_ms + HM_TCPIP_BOOT_WRITES_MS ? HM_IN_FORCE_ASSUMED
                                                                         : HM_IN_FORCE_UNKNOWN;
}

static bool is_of_boot(const struct hm_tcpip_memory *memory, const char *boot_id)
{
    return memory->boot_id != NULL && memory->boot_id[0] != '\0' && boot_id != NULL &&
           strcmp(memory->boot_id, boot_id) == 0;
}

static bool remembers(const struct hm_tcpip_memory *memory)
{
    return memory != NULL && memory->boot_id != NULL && memory->boot_id[0] != '\0';
}

void hm_tcpip_decide(struct hm_registry *registry, const struct hm_tcpip_times *times,
                     const char *boot_id, const struct hm_tcpip_memory *memory)
{
    const struct hm_tcpip_values now = hm_registry_written(registry);

    registry->has_earlier = false;
    registry->contradicted = false;
    registry->range_contradicted = false;
    if (!remembers(memory)) {
        registry->in_force = by_times(times);
    } else if (!is_of_boot(memory, boot_id)) {
        registry->in_force =
            hm_tcpip_values_equal(&now, &memory->last) ? HM_IN_FORCE_WRITTEN : by_times(times);
    } else if (memory->contradicted) { /* the socket that said so may be gone */
        registry->in_force = HM_IN_FORCE_UNKNOWN;
        registry->contradicted = true;
    } else if (memory->in_force == HM_IN_FORCE_UNKNOWN ||
               hm_tcpip_values_equal(&now, &memory->first)) {
        registry->in_force = memory->in_force;
    } else {
        registry->in_force = HM_IN_FORCE_EARLIER;
        registry->has_earlier = true;
        registry->earlier = memory->first;
    }
}

uint32_t hm_tcpip_highest(const struct hm_tcpip_memory *memory, const char *boot_id)
{
    return remembers(memory) && is_of_boot(memory, boot_id) ? memory->highest : 0;
}

bool hm_tcpip_remember(const struct hm_registry *registry, const char *boot_id, uint32_t highest,
                       const struct hm_tcpip_memory *memory, struct hm_tcpip_memory *out_memory)
{
    struct hm_tcpip_memory after = {.boot_id = boot_id, .in_force = registry->in_force};
    bool known = hm_registry_in_force(registry, &after.first);
    bool same_boot = remembers(memory) && is_of_boot(memory, boot_id);

    after.last = hm_registry_written(registry);
    after.highest = highest;
    after.contradicted = registry->contradicted || (same_boot && memory->contradicted);
    if (registry->in_force == HM_IN_FORCE_EARLIER) {
        after.in_force = HM_IN_FORCE_WRITTEN;
    } else if (!known) {
        after.first = after.last;
    }
    if (same_boot) {
        after.first = memory->first;
        after.in_force = known ? memory->in_force : HM_IN_FORCE_UNKNOWN;
        after.highest = highest > memory->highest ? highest : memory->highest;
    }
    *out_memory = after;
    return !same_boot || after.in_force != memory->in_force || after.highest != memory->highest ||
           after.contradicted != memory->contradicted ||
           !hm_tcpip_values_equal(&after.last, &memory->last);
}

/* ---- the next boot ------------------------------------------------------------------------- */

/* The values that are written come into force. A range that sockets have shown stays where
 * MaxUserPort stays the same. */
static bool boot_legacy(const struct hm_inventory *inventory, struct hm_inventory *next)
{
    const struct hm_registry *registry = &inventory->registry;
    const struct hm_tcpip_values written = hm_registry_written(registry);
    struct hm_tcpip_values now;
    bool known = hm_registry_in_force(registry, &now);
    struct hm_range range = {0, 0};
    bool has_range;

    if (!inventory->has_registry || registry->contradicted ||
        (known && hm_tcpip_values_equal(&now, &written))) {
        return false;
    }
    next->registry.in_force = HM_IN_FORCE_WRITTEN;
    next->registry.has_earlier = false;
    next->registry.range_contradicted = false;
    if (known && now.has_max_user_port == written.has_max_user_port &&
        now.max_user_port == written.max_user_port) {
        return true;
    }
    has_range = hm_legacy_dynamic(&written, &range);
    for (size_t i = 0; i < next->stacks.count; i++) {
        next->stacks.at[i].has_dynamic = has_range;
        next->stacks.at[i].dynamic = range;
    }
    return true;
}

static bool boot_stack(struct hm_stack *stack)
{
    bool differs = stack->has_next_dynamic || stack->has_next_administered;

    if (stack->has_next_dynamic) {
        stack->has_dynamic = true;
        stack->dynamic = stack->next_dynamic;
    }
    if (stack->has_next_administered) {
        stack->has_administered = true;
        stack->administered = stack->next_administered;
    }
    stack->has_next_dynamic = false;
    stack->next_dynamic = (struct hm_range){0, 0};
    stack->has_next_administered = false;
    stack->next_administered = (struct hm_ports){NULL, 0};
    return differs;
}

/* The range of HNS, which is turned off, goes: unless what is stored says what the boot brings. */
static enum hm_status boot_hns(const struct hm_inventory *inventory, struct hm_stack *stack,
                               struct hm_arena *arena, bool *inout_differs, struct hm_err *err)
{
    const struct hm_ports rows = stack->administered;
    struct hm_range *left;
    size_t count = 0;

    if (inventory->os.family != HM_OS_WINDOWS || stack->has_next_administered || rows.count == 0) {
        return HM_OK;
    }
    left = hm_arena_alloc(arena, rows.count, sizeof(*left));
    if (left == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to look past the next boot");
    }
    for (size_t i = 0; i < rows.count; i++) {
        if (!hm_hns_kept(inventory, rows.at[i])) {
            left[count++] = rows.at[i];
        }
    }
    if (count < rows.count) {
        stack->administered = (struct hm_ports){left, count};
        *inout_differs = true;
    }
    return HM_OK;
}

enum hm_status hm_inventory_next(const struct hm_inventory *inventory, struct hm_arena *arena,
                                 bool *out_differs, struct hm_inventory *out_next,
                                 struct hm_err *err)
{
    const size_t count = inventory->stacks.count;
    struct hm_inventory next = *inventory;
    bool differs = false;
    enum hm_status st;

    next.stacks.at = hm_arena_alloc(arena, count, sizeof(*next.stacks.at));
    if (next.stacks.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to look past the next boot");
    }
    for (size_t i = 0; i < count; i++) {
        next.stacks.at[i] = inventory->stacks.at[i];
        st = boot_hns(inventory, &next.stacks.at[i], arena, &differs, err);
        if (st != HM_OK) {
            return st;
        }
        differs = boot_stack(&next.stacks.at[i]) || differs;
    }
    if (hm_os_is_legacy(&inventory->os)) {
        differs = boot_legacy(inventory, &next) || differs;
    }
    *out_differs = differs;
    *out_next = next;
    return HM_OK;
}
