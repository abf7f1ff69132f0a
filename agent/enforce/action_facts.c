/* agent/enforce/action_facts.c — one action against what a system shows: does its precondition
 * hold, is it done? SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/action_facts.h"

#include <string.h>

#include "common/base/str.h"
#include "common/ports/in_force.h"
#include "common/ports/timed_wait.h"

static const struct hm_ports no_ports = {NULL, 0};

static bool is_list(const struct hm_action *action)
{
    return action->kind == HM_ACTION_SET_RESERVED_PORTS ||
           action->kind == HM_ACTION_SET_SYSCTL_RESERVED;
}

static bool is_exclusion(const struct hm_action *action)
{
    return action->kind == HM_ACTION_ADD_EXCLUSION || action->kind == HM_ACTION_REMOVE_EXCLUSION;
}

static bool same_range(struct hm_range a, struct hm_range b)
{
    return a.first == b.first && a.last == b.last;
}

static bool same_lines(const struct hm_strings *a, const struct hm_strings *b)
{
    bool same = a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(a->at[i], b->at[i]) == 0;
    }
    return same;
}

/* ---- what a system shows ------------------------------------------------------------------- */

/* The stack of the action, or of one that is shared the first that is known. */
static const struct hm_stack *stack_of(const struct hm_action *action,
                                       const struct hm_inventory *inventory)
{
    if (action->has_protocol) {
        return hm_inventory_stack(inventory, action->protocol, action->family);
    }
    for (size_t i = 0; i < inventory->stacks.count; i++) {
        const struct hm_stack *stack = &inventory->stacks.at[i];

        if (action->kind == HM_ACTION_SET_RANGE ? stack->has_dynamic : stack->has_administered) {
            return stack;
        }
    }
    return NULL;
}

static bool has_row(struct hm_ports rows, struct hm_ports wanted)
{
    const struct hm_range *row = wanted.count == 1 ? hm_ports_find(rows, wanted.at[0].first) : NULL;

    return row != NULL && same_range(*row, wanted.at[0]);
}

static enum hm_shown answer(bool yes)
{
    return yes ? HM_SHOWN_YES : HM_SHOWN_NO;
}

static enum hm_shown lines_shown(const struct hm_action *action,
                                 const struct hm_inventory *inventory)
{
    const struct hm_registry *registry = &inventory->registry;

    if (!inventory->has_registry) {
        return HM_SHOWN_UNKNOWN;
    }
    if (action->unset) {
        return answer(!registry->has_reserved_ports);
    }
    return answer(registry->has_reserved_ports &&
                  same_lines(&registry->reserved_ports, &action->lines));
}

static enum hm_shown range_shown(const struct hm_action *action,
                                 const struct hm_inventory *inventory)
{
    const struct hm_registry *registry = &inventory->registry;
    const struct hm_stack *stack;

    if (hm_os_is_legacy(&inventory->os)) {
        if (!inventory->has_registry) {
            return HM_SHOWN_UNKNOWN;
        }
        return answer(action->unset ? !registry->has_max_user_port
                                    : registry->has_max_user_port &&
                                          registry->max_user_port == action->range.last);
    }
    stack = stack_of(action, inventory);
    if (stack == NULL || !stack->has_dynamic) {
        return HM_SHOWN_UNKNOWN;
    }
    return answer(same_range(stack->dynamic, action->range));
}

static enum hm_shown delay_shown(const struct hm_action *action,
                                 const struct hm_inventory *inventory)
{
    bool is_set;
    uint32_t s;

    if (!hm_timed_wait_delay_written(inventory, &is_set, &s)) {
        return HM_SHOWN_UNKNOWN;
    }
    return answer(is_set == action->has_timed_wait_delay_s &&
                  (!is_set || s == action->timed_wait_delay_s));
}

enum hm_shown hm_action_shown(const struct hm_action *action, const struct hm_inventory *inventory,
                              struct hm_arena *arena)
{
    const struct hm_stack *stack;
    struct hm_ports rows = no_ports;

    if (action->kind == HM_ACTION_SET_RESERVED_PORTS) {
        return lines_shown(action, inventory);
    }
    if (action->kind == HM_ACTION_SET_RANGE) {
        return range_shown(action, inventory);
    }
    if (action->kind == HM_ACTION_SET_TIMED_WAIT_DELAY) {
        return delay_shown(action, inventory);
    }
    stack = stack_of(action, inventory);
    if (stack == NULL || !stack->has_administered) {
        return HM_SHOWN_UNKNOWN;
    }
    if (action->kind == HM_ACTION_SET_SYSCTL_RESERVED) { /* as a set: neighbours may be apart */
        if (hm_ports_union(stack->administered, no_ports, arena, &rows, NULL) != HM_OK) {
            return HM_SHOWN_UNKNOWN;
        }
        return answer(hm_ports_equal(rows, action->ports));
    }
    return answer(has_row(stack->administered, action->ports) ==
                  (action->kind == HM_ACTION_ADD_EXCLUSION));
}

/* ---- the precondition ---------------------------------------------------------------------- */

static bool same_rows(bool has_a, struct hm_ports a, bool has_b, struct hm_ports b)
{
    return has_a && has_b && hm_ports_equal(a, b);
}

static bool exclusion_holds(const struct hm_action *action, const struct hm_stack *now)
{
    if (!now->has_administered) {
        return false;
    }
    if (action->kind == HM_ACTION_REMOVE_EXCLUSION) {
        return has_row(now->administered, action->ports);
    }
    return now->has_runtime && !hm_ports_overlap(now->administered, action->ports) &&
           !hm_ports_overlap(now->runtime, action->ports);
}

static bool delay_holds(const struct hm_inventory *planned, const struct hm_inventory *now)
{
    bool was_set;
    bool is_set;
    uint32_t was_s;
    uint32_t s;

    return hm_timed_wait_delay_written(planned, &was_set, &was_s) &&
           hm_timed_wait_delay_written(now, &is_set, &s) && was_set == is_set && was_s == s;
}

static bool registry_holds(const struct hm_action *action, const struct hm_inventory *planned,
                           const struct hm_inventory *now)
{
    const struct hm_registry *a = &planned->registry;
    const struct hm_registry *b = &now->registry;

    if (!planned->has_registry || !now->has_registry) {
        return false;
    }
    if (action->kind == HM_ACTION_SET_RANGE) {
        return a->has_max_user_port == b->has_max_user_port &&
               (!a->has_max_user_port || a->max_user_port == b->max_user_port);
    }
    return a->has_reserved_ports == b->has_reserved_ports &&
           (!a->has_reserved_ports || same_lines(&a->reserved_ports, &b->reserved_ports));
}

bool hm_action_holds(const struct hm_action *action, const struct hm_inventory *planned,
                     const struct hm_inventory *now)
{
    const struct hm_stack *before;
    const struct hm_stack *after;

    if (action->kind == HM_ACTION_SET_TIMED_WAIT_DELAY) {
        return delay_holds(planned, now);
    }
    if (action->kind == HM_ACTION_SET_RESERVED_PORTS ||
        (action->kind == HM_ACTION_SET_RANGE && hm_os_is_legacy(&now->os))) {
        return registry_holds(action, planned, now);
    }
    before = stack_of(action, planned);
    after = stack_of(action, now);
    if (before == NULL || after == NULL) {
        return false;
    }
    if (is_exclusion(action)) {
        return exclusion_holds(action, after);
    }
    if (action->kind == HM_ACTION_SET_SYSCTL_RESERVED) {
        return same_rows(before->has_administered, before->administered, after->has_administered,
                         after->administered);
    }
    return after->has_dynamic && same_range(after->dynamic, action->before_range);
}

/* ---- whose it is --------------------------------------------------------------------------- */

static struct hm_ports ports_of(const struct hm_owned_list *rows, const char *policy,
                                struct hm_arena *arena)
{
    struct hm_ports all = no_ports;

    for (size_t i = 0; i < rows->count; i++) {
        if (hm_str_equal(rows->at[i].policy, policy) &&
            hm_ports_union(all, rows->at[i].ports, arena, &all, NULL) != HM_OK) {
            break; /* no memory: the rest of the pass fails too, and loudly */
        }
    }
    return all;
}

static struct hm_ports ledger_ports(const struct hm_action *action, const struct hm_ledger *ledger,
                                    const char *policy, struct hm_arena *arena)
{
    if (action->kind == HM_ACTION_SET_RESERVED_PORTS) {
        return ledger->has_reserved_ports ? ports_of(&ledger->reserved_ports.owned, policy, arena)
                                          : no_ports;
    }
    return ledger->has_sysctl ? ports_of(&ledger->sysctl.owned, policy, arena) : no_ports;
}

bool hm_action_adds(const struct hm_action *action, const char *policy)
{
    bool adds = false;

    if (!is_list(action)) {
        return action->kind != HM_ACTION_REMOVE_EXCLUSION && !action->restores &&
               hm_str_equal(action->policy, policy);
    }
    for (size_t i = 0; i < action->owned.count; i++) {
        adds = adds || hm_str_equal(action->owned.at[i].policy, policy);
    }
    return adds;
}

/* Does it take ports from the policy that the ledger says are its own? Of a list only. */
static bool takes(const struct hm_action *action, const struct hm_ledger *ledger,
                  const char *policy, struct hm_arena *arena)
{
    return !hm_ports_covers(ports_of(&action->owned, policy, arena),
                            ledger_ports(action, ledger, policy, arena));
}

static bool is_earlier(const char *policy, const char *boot_id, const char *asked,
                       const char *boot_id_now)
{
    return hm_str_equal(policy, asked) &&
           (boot_id_now[0] == '\0' || !hm_str_equal(boot_id, boot_id_now));
}

static bool removes_lines(const struct hm_action *action, const struct hm_owned_list *owned,
                          const char *policy, const char *boot_id, struct hm_arena *arena)
{
    struct hm_ports kept = no_ports;
    bool removes = false;

    for (size_t i = 0; i < action->owned.count; i++) {
        if (hm_ports_union(kept, action->owned.at[i].ports, arena, &kept, NULL) != HM_OK) {
            return true; /* no memory: the rest of the pass fails too, and loudly */
        }
    }
    for (size_t i = 0; i < owned->count; i++) {
        const struct hm_owned *row = &owned->at[i];

        removes = removes || (is_earlier(row->policy, row->boot_id, policy, boot_id) &&
                              !hm_ports_covers(kept, row->ports));
    }
    return removes;
}

bool hm_action_removes_in_force(const struct hm_action *action, const struct hm_ledger *ledger,
                                const char *policy, const char *boot_id, struct hm_arena *arena)
{
    const struct hm_ledger_delay *delay = &ledger->timed_wait_delay;
    bool removes = false;

    if (!action->needs_reboot) {
        return false;
    }
    if (action->kind == HM_ACTION_SET_RESERVED_PORTS) {
        return ledger->has_reserved_ports &&
               removes_lines(action, &ledger->reserved_ports.owned, policy, boot_id, arena);
    }
    if (action->kind == HM_ACTION_SET_TIMED_WAIT_DELAY) {
        return ledger->has_timed_wait_delay &&
               is_earlier(delay->policy, delay->boot_id, policy, boot_id);
    }
    for (size_t i = 0; action->kind == HM_ACTION_SET_RANGE && i < ledger->ranges.count; i++) {
        const struct hm_ledger_range *row = &ledger->ranges.at[i];

        removes = removes || is_earlier(row->policy, row->boot_id, policy, boot_id);
    }
    return removes;
}

bool hm_action_concerns(const struct hm_action *action, const struct hm_ledger *ledger,
                        const struct hm_inventory *inventory, const char *policy,
                        struct hm_arena *arena)
{
    const struct hm_inventory written = hm_inventory_as_written(inventory);
    struct hm_ports ours;
    struct hm_ports listed = no_ports;
    bool known = false;

    if (!is_list(action)) {
        return hm_str_equal(action->policy, policy);
    }
    if (takes(action, ledger, policy, arena)) {
        return true;
    }
    ours = ports_of(&action->owned, policy, arena);
    if (hm_inventory_excluded(&written, HM_TCP, HM_IPV4, arena, &known, &listed, NULL) != HM_OK ||
        !known) {
        return ours.count > 0;
    }
    return !hm_ports_covers(listed, ours);
}

bool hm_actions_are_twins(const struct hm_action *a, const struct hm_action *b)
{
    return a->kind == b->kind && is_exclusion(a) && a->protocol == b->protocol &&
           a->family != b->family && hm_ports_equal(a->ports, b->ports);
}

/* ---- texts and hashes ---------------------------------------------------------------------- */

uint64_t hm_action_hash(const struct hm_action *action)
{
    const unsigned what[] = {
        (unsigned)action->kind,
        action->has_protocol,
        (unsigned)action->protocol,
        (unsigned)action->family,
        action->unset,
        action->range.first,
        action->range.last,
        action->timed_wait_delay_s,
    };
    uint64_t hash = hm_str_hash(HM_HASH_START, what, sizeof(what));

    for (size_t i = 0; i < action->ports.count; i++) {
        const unsigned range[] = {action->ports.at[i].first, action->ports.at[i].last};

        hash = hm_str_hash(hash, range, sizeof(range));
    }
    for (size_t i = 0; i < action->lines.count; i++) {
        hash = hm_str_hash(hash, action->lines.at[i], strlen(action->lines.at[i]) + 1);
    }
    return hash;
}

const char *hm_action_text(const struct hm_action *action, struct hm_arena *arena)
{
    static const char *const verbs[HM_ACTION_KIND_COUNT] = {
        "removing the exclusion",          "adding the exclusion",      "writing ReservedPorts",
        "writing ip_local_reserved_ports", "setting the dynamic range", "setting TcpTimedWaitDelay",
    };
    const char *ports;

    if (is_list(action)) {
        return verbs[action->kind];
    }
    if (action->kind == HM_ACTION_SET_RANGE && action->unset) {
        return "removing MaxUserPort";
    }
    if (action->kind == HM_ACTION_SET_TIMED_WAIT_DELAY) {
        return action->unset ? "removing TcpTimedWaitDelay"
                             : hm_arena_printf(arena, "%s to %u", verbs[action->kind],
                                               action->timed_wait_delay_s);
    }
    ports = action->kind == HM_ACTION_SET_RANGE
                ? hm_arena_printf(arena, "%u-%u", (unsigned)action->range.first,
                                  (unsigned)action->range.last)
                : hm_ports_text(action->ports, arena);
    if (ports == NULL) {
        return NULL;
    }
    if (!action->has_protocol) {
        return hm_arena_printf(arena, "%s %s", verbs[action->kind], ports);
    }
    return hm_arena_printf(arena, "%s %s/%s %s", verbs[action->kind],
                           hm_protocol_names[action->protocol], hm_family_names[action->family],
                           ports);
}

bool hm_wants_are_shown(const struct hm_wants *wants, const struct hm_inventory *inventory,
                        struct hm_arena *arena)
{
    struct hm_ports kept[HM_STACK_COUNT] = {no_ports, no_ports, no_ports, no_ports};

    for (size_t i = 0; i < inventory->stacks.count; i++) {
        const struct hm_stack *stack = &inventory->stacks.at[i];
        const unsigned index = hm_stack_index(stack->protocol, stack->family);
        bool known = false;

        if (hm_inventory_excluded(inventory, stack->protocol, stack->family, arena, &known,
                                  &kept[index], NULL) != HM_OK ||
            !known) {
            return false;
        }
    }
    for (size_t i = 0; i < wants->count; i++) {
        const struct hm_want *want = &wants->at[i];
        const struct hm_ports ports = {&want->range, 1};

        for (unsigned family = 0; family < 2; family++) {
            const unsigned index = hm_stack_index(want->protocol, (enum hm_family)family);

            if (hm_families_has(want->families, (enum hm_family)family) &&
                hm_inventory_stack(inventory, want->protocol, (enum hm_family)family) != NULL &&
                !hm_ports_covers(kept[index], ports)) {
                return false;
            }
        }
    }
    return true;
}
