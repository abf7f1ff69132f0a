/* common/plan/plan_apply.c — a host as it will be once a plan has been carried out.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan_apply.h"

#include <string.h>

#include "common/ports/in_force.h"

struct apply {
    struct hm_inventory *inventory;
    struct hm_arena *arena;
    struct hm_err *err;
};

/* The rows with one more or one less, ends kept. A removal without its row changes nothing. */
static enum hm_status change_rows(const struct apply *apply, struct hm_ports *rows,
                                  struct hm_range range, bool add)
{
    struct hm_range *changed = hm_arena_alloc(apply->arena, rows->count + 1, sizeof(*changed));
    bool placed = !add;
    size_t count = 0;

    if (changed == NULL) {
        return hm_fail(apply->err, HM_ENOMEM, "no memory to look ahead");
    }
    for (size_t i = 0; i < rows->count; i++) {
        const struct hm_range row = rows->at[i];

        if (!placed && row.first > range.first) {
            changed[count++] = range;
            placed = true;
        }
        if (add || row.first != range.first || row.last != range.last) {
            changed[count++] = row;
        }
    }
    if (!placed) {
        changed[count++] = range;
    }
    *rows = (struct hm_ports){changed, count};
    return HM_OK;
}

static bool means(const struct hm_action *action, const struct hm_stack *stack)
{
    return (!action->has_protocol || action->protocol == stack->protocol) &&
           (!action->has_family || action->family == stack->family);
}

/* Linux: what outlives a boot is what outlived it before, with our part as it is now. */
static enum hm_status keep_list(const struct apply *apply, const struct hm_action *action,
                                struct hm_stack *stack)
{
    struct hm_ports *next = &stack->next_administered;
    enum hm_status st = HM_OK;

    if (!stack->has_next_administered) {
        return HM_OK;
    }
    st = hm_ports_intersect(*next, action->ports, apply->arena, next, apply->err);
    for (size_t i = 0; st == HM_OK && i < action->owned.count; i++) {
        st = hm_ports_union(*next, action->owned.at[i].ports, apply->arena, next, apply->err);
    }
    stack->has_next_administered = st != HM_OK || !hm_ports_equal(*next, stack->administered);
    return st;
}

static enum hm_status change_stack(const struct apply *apply, const struct hm_action *action,
                                   struct hm_stack *stack)
{
    enum hm_status st = HM_OK;

    switch (action->kind) {
    case HM_ACTION_REMOVE_EXCLUSION:
    case HM_ACTION_ADD_EXCLUSION:
        for (size_t i = 0; st == HM_OK && i < action->ports.count; i++) {
            st = change_rows(apply, &stack->administered, action->ports.at[i],
                             action->kind == HM_ACTION_ADD_EXCLUSION);
        }
        break;
    case HM_ACTION_SET_SYSCTL_RESERVED:
        stack->administered = action->ports;
        st = keep_list(apply, action, stack);
        break;
    case HM_ACTION_SET_RANGE:
        stack->has_dynamic = true;
        stack->dynamic = action->range;
        stack->has_next_dynamic = false; /* Linux: our file keeps it */
        break;
    case HM_ACTION_SET_RESERVED_PORTS:
    case HM_ACTION_SET_TIMED_WAIT_DELAY:
        break;
    }
    return st;
}

static void change_registry(const struct apply *apply, const struct hm_action *action)
{
    struct hm_registry *registry = &apply->inventory->registry;

    if (action->kind == HM_ACTION_SET_RESERVED_PORTS) {
        registry->has_reserved_ports = !action->unset;
        registry->reserved_ports = action->lines;
    } else if (action->kind == HM_ACTION_SET_RANGE && hm_os_is_legacy(&apply->inventory->os)) {
        registry->has_max_user_port = !action->unset;
        registry->max_user_port = action->unset ? 0 : action->range.last;
    } else if (action->kind == HM_ACTION_SET_TIMED_WAIT_DELAY) {
        registry->has_tcp_timed_wait_delay_s = action->has_timed_wait_delay_s;
        registry->tcp_timed_wait_delay_s = action->timed_wait_delay_s;
    }
}

enum hm_status hm_plan_apply(const struct hm_inventory *inventory, const struct hm_actions *actions,
                             struct hm_arena *arena, struct hm_inventory *out_inventory,
                             struct hm_err *err)
{
    struct hm_inventory after = *inventory;
    const struct apply apply = {&after, arena, err};
    const size_t count = inventory->stacks.count;
    bool needs_boot = false;
    bool differs;
    enum hm_status st = HM_OK;

    after.stacks.at = hm_arena_alloc(arena, count, sizeof(*after.stacks.at));
    if (after.stacks.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to look ahead");
    }
    if (count > 0) {
        memcpy(after.stacks.at, inventory->stacks.at, count * sizeof(*after.stacks.at));
    }
    for (size_t i = 0; st == HM_OK && i < actions->count; i++) {
        const struct hm_action *action = &actions->at[i];

        for (size_t k = 0; st == HM_OK && k < count; k++) {
            if (means(action, &after.stacks.at[k])) {
                st = change_stack(&apply, action, &after.stacks.at[k]);
            }
        }
        change_registry(&apply, action);
        needs_boot = needs_boot || action->needs_reboot;
    }
    if (st == HM_OK && needs_boot) {
        return hm_inventory_next(&after, arena, &differs, out_inventory, err);
    }
    if (st == HM_OK) {
        *out_inventory = after;
    }
    return st;
}
