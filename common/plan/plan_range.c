/* common/plan/plan_range.c — dynamic ranges: set, kept, put back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan_build.h"

#include "common/base/str.h"

#define LEGACY_LAST 5000u /* MaxUserPort where it is not set; also the least that works */
#define LEGACY_LAST_MAX 65534u
#define LEGACY_FIRST 1025u

/* What the policies want of one protocol. */
struct desired {
    const struct hm_policy *policy; /* NULL = nothing */
    const struct hm_policy_range *row;
    bool contradicts; /* nothing is done */
};

/* One range of the system: of one stack, or of all. */
struct unit {
    unsigned index; /* of the stack; of a shared one 0 */
    const struct desired *desired;
    bool known;
    struct hm_range current;
    bool unset; /* MaxUserPort is not there */
    const struct hm_ledger_range *entry;
};

static void mark(const struct hm_plan_build *b, const struct unit *unit, bool *out_has_protocol,
                 enum hm_protocol *out_protocol, bool *out_has_family, enum hm_family *out_family)
{
    *out_has_protocol = !b->shared_range;
    *out_protocol = b->shared_range ? HM_TCP : hm_plan_protocol(unit->index);
    *out_has_family = !b->shared_range;
    *out_family = b->shared_range ? HM_IPV4 : hm_plan_family(unit->index);
}

static struct hm_plan_note *say(struct hm_plan_build *b, const struct unit *unit,
                                enum hm_plan_note_kind kind, const char *policy, uint32_t revision,
                                struct hm_range range)
{
    struct hm_plan_note *note = hm_plan_put_note(b, kind, policy, revision);

    mark(b, unit, &note->has_protocol, &note->protocol, &note->has_family, &note->family);
    note->has_range = true;
    note->range = range;
    return note;
}

static struct hm_plan_note *say_desired(struct hm_plan_build *b, const struct unit *unit,
                                        enum hm_plan_note_kind kind)
{
    const struct desired *desired = unit->desired;

    return say(b, unit, kind, desired->policy->name, desired->policy->revision,
               desired->row->range);
}

static bool same_range(struct hm_range a, struct hm_range b)
{
    return a.first == b.first && a.last == b.last;
}

static void say_contradiction(struct hm_plan_build *b, const struct hm_policy *policy,
                              const struct hm_policy_range *row, const struct hm_policy *other)
{
    struct hm_plan_note *note =
        hm_plan_put_note(b, HM_NOTE_REFUSED, policy->name, policy->revision);

    note->has_protocol = true;
    note->protocol = row->protocol;
    note->has_range = true;
    note->range = row->range;
    hm_plan_refuse(b, note, HM_REFUSE_CONTRADICTION,
                   hm_plan_print(b,
                                 "Policies %s and %s want different dynamic ranges; neither is "
                                 "set.",
                                 policy->name, other->name));
}

/* An enforced policy comes before one in audit; otherwise the first by name. */
static void offer(struct hm_plan_build *b, struct desired *desired, const struct hm_policy *policy,
                  const struct hm_policy_range *row)
{
    if (desired->policy != NULL && !same_range(desired->row->range, row->range)) {
        say_contradiction(b, policy, row, desired->policy);
        if (!desired->contradicts) {
            say_contradiction(b, desired->policy, desired->row, policy);
        }
        desired->contradicts = true;
        return;
    }
    if (desired->policy == NULL ||
        (policy->mode == HM_POLICY_ENFORCE && desired->policy->mode == HM_POLICY_AUDIT)) {
        desired->policy = policy;
        desired->row = row;
    }
}

static void find_desired(struct hm_plan_build *b, struct desired out[2])
{
    for (size_t i = 0; i < b->policies.count; i++) {
        const struct hm_policy *policy = b->policies.at[i];

        for (size_t k = 0; k < policy->ranges.count && !hm_plan_is_over(b, policy->name); k++) {
            const struct hm_policy_range *row = &policy->ranges.at[k];

            offer(b, &out[b->shared_range ? HM_TCP : row->protocol], policy, row);
        }
    }
}

static void read_current(const struct hm_plan_build *b, struct unit *unit)
{
    const struct hm_inventory *inventory = b->input->inventory;

    if (b->legacy) {
        const struct hm_registry *registry = &inventory->registry;
        uint32_t last = registry->has_max_user_port ? registry->max_user_port : LEGACY_LAST;

        unit->known = inventory->has_registry && last >= LEGACY_FIRST && last < HM_PORT_COUNT;
        unit->unset = !registry->has_max_user_port;
        unit->current = (struct hm_range){LEGACY_FIRST, (uint16_t)last};
        return;
    }
    for (size_t i = 0; i < inventory->stacks.count && !unit->known; i++) {
        const struct hm_stack *stack = &inventory->stacks.at[i];

        if (stack->has_dynamic &&
            (b->shared_range || hm_stack_index(stack->protocol, stack->family) == unit->index)) {
            unit->known = true;
            unit->current = stack->dynamic;
        }
    }
}

static void find_entry(const struct hm_plan_build *b, struct unit *unit)
{
    const struct hm_ledger_ranges *rows = &b->ledger.ranges;

    for (size_t i = 0; i < rows->count; i++) {
        const struct hm_ledger_range *row = &rows->at[i];

        if (row->has_protocol == !b->shared_range &&
            (b->shared_range || hm_stack_index(row->protocol, row->family) == unit->index)) {
            unit->entry = row;
        }
    }
}

static struct hm_action *put_action(struct hm_plan_build *b, const struct unit *unit,
                                    const char *policy, uint32_t revision, struct hm_range range)
{
    struct hm_action *action = hm_plan_put_action(b, HM_ACTION_SET_RANGE);

    mark(b, unit, &action->has_protocol, &action->protocol, &action->has_family, &action->family);
    action->policy = policy;
    action->revision = revision;
    action->has_range = true;
    action->range = range;
    action->before_range = unit->current;
    action->before_unset = b->legacy && unit->unset;
    action->needs_reboot = b->legacy;
    action->precondition =
        hm_plan_print(b, "The dynamic range is %u-%u%s.", (unsigned)unit->current.first,
                      (unsigned)unit->current.last,
                      !b->shared_range && hm_plan_family(unit->index) == HM_IPV6
                          ? ", also when read again after the same change for ipv4"
                          : "");
    return action;
}

/* No policy sets this range any more. */
static void put_back(struct hm_plan_build *b, const struct unit *unit)
{
    const struct hm_ledger_range *entry = unit->entry;
    struct hm_action *action;
    struct hm_plan_note *note;

    if (!unit->known) {
        return;
    }
    if (same_range(unit->current, entry->before) &&
        (!b->legacy || unit->unset == entry->before_unset)) {
        note = say(b, unit, HM_NOTE_GONE, entry->policy, entry->revision, entry->range);
        note->text = "The range is as it was before this agent's change.";
        return;
    }
    if (!same_range(unit->current, entry->range) &&
        !(entry->has_pending && same_range(unit->current, entry->pending))) {
        note =
            say(b, unit, HM_NOTE_FOREIGN_LEFT_ALONE, entry->policy, entry->revision, entry->range);
        note->text = "Somebody has set another range since: it is theirs and stays.";
        return;
    }
    if (b->limits.enforce_off) {
        note = say(b, unit, HM_NOTE_REFUSED, entry->policy, entry->revision, entry->range);
        hm_plan_put_gate(b, note, HM_GATE_LOCAL);
        return;
    }
    action = put_action(b, unit, entry->policy, entry->revision, entry->before);
    action->unset = b->legacy && entry->before_unset;
    action->restores = true;
    action->reason = "This agent set the range and no policy wants it any more.";
}

/* A range that starts elsewhere than the system's, or whose end it does not take. */
static bool is_possible(const struct hm_plan_build *b, struct hm_range range)
{
    return !b->legacy || ((range.first == LEGACY_FIRST || range.first == LEGACY_FIRST - 1) &&
                          range.last >= LEGACY_LAST && range.last <= LEGACY_LAST_MAX);
}

/* Usable ports in the new range once all that is wanted is excluded from it. */
static bool fits(struct hm_plan_build *b, const struct unit *unit, uint32_t floor)
{
    struct hm_range before = b->dynamic[unit->index];
    uint32_t floor_before = b->floor[unit->index];
    enum hm_protocol protocol = hm_plan_protocol(unit->index);
    struct hm_ports wanted = b->wanted[protocol];
    struct hm_ports range = {&unit->desired->row->range, 1};
    uint32_t usable;
    uint32_t cost;
    bool ok;

    if (b->shared_range) {
        wanted = hm_plan_union(b, wanted, b->wanted[HM_UDP]);
    }
    b->dynamic[unit->index] = unit->desired->row->range;
    b->floor[unit->index] = floor;
    cost = hm_ports_count(hm_plan_common(b, wanted, range));
    usable = hm_plan_usable(b, unit->index);
    ok = !hm_plan_is_too_few(b, unit->index, usable > cost ? usable - cost : 0);
    if (!ok) {
        b->dynamic[unit->index] = before;
        b->floor[unit->index] = floor_before;
    }
    return ok;
}

static void set_range(struct hm_plan_build *b, const struct unit *unit)
{
    const struct hm_policy *policy = unit->desired->policy;
    const struct hm_policy_range *row = unit->desired->row;
    uint32_t floor = row->headroom_min > 0 ? row->headroom_min : hm_plan_default_floor(row->range);
    enum hm_plan_gate gate = hm_plan_gate(b, policy);
    struct hm_range range = row->range;
    struct hm_action *action;

    if (!is_possible(b, range)) {
        hm_plan_refuse(b, say_desired(b, unit, HM_NOTE_REFUSED), HM_REFUSE_UNSUPPORTED_SYSTEM,
                       "This system has only MaxUserPort: a range from 1025 to 5000 up to 65534.");
        return;
    }
    if (b->legacy) {
        range.first = LEGACY_FIRST;
    }
    if (same_range(unit->current, range)) {
        bool pending = b->legacy && unit->entry != NULL && b->input->boot_id != NULL &&
                       b->input->boot_id[0] != '\0' &&
                       hm_str_equal(unit->entry->boot_id, b->input->boot_id);

        say_desired(b, unit, pending ? HM_NOTE_WAITING_REBOOT : HM_NOTE_ALREADY_THERE)->text =
            pending ? "The value is written; it counts after the next boot."
                    : "The dynamic range is this already.";
        b->floor[unit->index] = floor;
        return;
    }
    if (gate != HM_GATE_OPEN) {
        hm_plan_put_gate(b, say_desired(b, unit, HM_NOTE_AUDIT_ONLY), gate);
        return;
    }
    if (!fits(b, unit, floor)) {
        hm_plan_refuse(b, say_desired(b, unit, HM_NOTE_REFUSED), HM_REFUSE_WOULD_BREAK_HEADROOM,
                       "Too few ports of the new range would stay usable.");
        return;
    }
    action = put_action(b, unit, policy->name, policy->revision, range);
    action->reason = hm_plan_print(b, "Policy %s: %.600s", policy->name, policy->reason);
}

static void plan_unit(struct hm_plan_build *b, struct unit *unit)
{
    read_current(b, unit);
    find_entry(b, unit);
    if (unit->known) {
        b->has_dynamic[unit->index] = true;
        b->dynamic[unit->index] = unit->current;
        b->floor[unit->index] = hm_plan_default_floor(unit->current);
    }
    if (unit->desired->contradicts) {
        return;
    }
    if (unit->desired->policy == NULL) {
        if (unit->entry != NULL && !hm_plan_is_over(b, unit->entry->policy)) {
            put_back(b, unit);
        }
        return;
    }
    if (!unit->known) {
        hm_plan_refuse(b, say_desired(b, unit, HM_NOTE_REFUSED), HM_REFUSE_FACTS_MISSING,
                       "The dynamic range of this stack is not known.");
        return;
    }
    set_range(b, unit);
}

void hm_plan_ranges(struct hm_plan_build *b)
{
    struct desired desired[2] = {
        {NULL, NULL, false},
        {NULL, NULL, false},
    };
    unsigned count = b->shared_range ? 1 : HM_STACK_COUNT;

    find_desired(b, desired);
    for (unsigned i = 0; b->status == HM_OK && i < count; i++) {
        struct unit unit = {.index = i,
                            .desired = &desired[b->shared_range ? HM_TCP : hm_plan_protocol(i)]};

        plan_unit(b, &unit);
    }
}
