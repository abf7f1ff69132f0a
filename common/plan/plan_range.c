/* common/plan/plan_range.c — dynamic ranges: set, kept, put back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan_build.h"

#include "common/base/str.h"

#define LEGACY_LAST 5000u /* MaxUserPort where it is not set; also the least that works */
#define LEGACY_LAST_MAX 65534u
#define LEGACY_FIRST 1025u

/* What the policies want of one protocol, or of the range that all stacks share. */
struct desired {
    unsigned slot;
    const struct hm_policy *policy; /* of those that agree, one that may change it; NULL = none */
    const struct hm_policy_range *row;
    uint32_t headroom_min; /* the most that one of those in mode enforce asks for */
    bool contradicts;      /* nothing is done */
};

/* A policy and its range for one slot. */
struct range_wish {
    const struct hm_policy *policy;
    const struct hm_policy_range *row;
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

static bool same_range(struct hm_range a, struct hm_range b)
{
    return a.first == b.first && a.last == b.last;
}

static unsigned slot_of(const struct hm_plan_build *b, const struct hm_policy_range *row)
{
    return b->shared_range ? (unsigned)HM_TCP : (unsigned)row->protocol;
}

/* The next range that a policy wants of the slot, from *at on; false at the end. A policy has one
 * a protocol, so two where all stacks share one. */
static bool next_range_wish(const struct hm_plan_build *b, unsigned slot, size_t *at,
                            struct range_wish *out)
{
    for (; *at < b->policies.count * 2; (*at)++) {
        const struct hm_policy *policy = b->policies.at[*at / 2];

        if (*at % 2 < policy->ranges.count && !hm_plan_is_over(b, policy->name) &&
            slot_of(b, &policy->ranges.at[*at % 2]) == slot) {
            *out = (struct range_wish){policy, &policy->ranges.at[*at % 2]};
            (*at)++;
            return true;
        }
    }
    return false;
}

/* One of another policy, or of the same for the other protocol, that is not the same range. */
static bool find_other_range(const struct hm_plan_build *b, unsigned slot,
                             const struct range_wish *wish, struct range_wish *out)
{
    size_t at = 0;

    while (next_range_wish(b, slot, &at, out)) {
        if (!same_range(out->row->range, wish->row->range)) {
            return true;
        }
    }
    return false;
}

/* True when policies want different ranges; each of them gets to know one of the others. */
static bool refuse_different_ranges(struct hm_plan_build *b, unsigned slot)
{
    struct range_wish wish;
    struct range_wish other;
    size_t at = 0;
    bool any = false;

    while (next_range_wish(b, slot, &at, &wish)) {
        struct hm_plan_note *note;

        if (!find_other_range(b, slot, &wish, &other)) {
            continue;
        }
        any = true;
        note = hm_plan_put_note(b, HM_NOTE_REFUSED, wish.policy->name, wish.policy->revision);
        note->has_protocol = true;
        note->protocol = wish.row->protocol;
        note->has_range = true;
        note->range = wish.row->range;
        hm_plan_refuse(b, note, HM_REFUSE_CONTRADICTION,
                       hm_plan_print(b,
                                     "Policies %s and %s want different dynamic ranges; neither "
                                     "is set.",
                                     wish.policy->name, other.policy->name));
    }
    return any;
}

static void find_desired(struct hm_plan_build *b, struct desired *desired)
{
    struct range_wish wish;
    size_t at = 0;

    desired->contradicts = refuse_different_ranges(b, desired->slot);
    while (next_range_wish(b, desired->slot, &at, &wish)) {
        if (desired->policy == NULL || (hm_plan_gate(b, desired->policy) != HM_GATE_OPEN &&
                                        hm_plan_gate(b, wish.policy) == HM_GATE_OPEN)) {
            desired->policy = wish.policy;
            desired->row = wish.row;
        }
        if (wish.policy->mode == HM_POLICY_ENFORCE &&
            wish.row->headroom_min > desired->headroom_min) {
            desired->headroom_min = wish.row->headroom_min;
        }
    }
}

/* The same for policies that agree, each of them once. */
static bool next_range_policy(const struct hm_plan_build *b, unsigned slot, size_t *at,
                              struct range_wish *out)
{
    if (!next_range_wish(b, slot, at, out)) {
        return false;
    }
    *at += *at % 2;
    return true;
}

static struct hm_plan_note *say_wish(struct hm_plan_build *b, const struct unit *unit,
                                     enum hm_plan_note_kind kind, const struct range_wish *wish)
{
    return say(b, unit, kind, wish->policy->name, wish->policy->revision, wish->row->range);
}

static void say_each(struct hm_plan_build *b, const struct unit *unit, enum hm_plan_note_kind kind,
                     const char *text)
{
    struct range_wish wish;
    size_t at = 0;

    while (next_range_policy(b, unit->desired->slot, &at, &wish)) {
        say_wish(b, unit, kind, &wish)->text = text;
    }
}

static void refuse_each(struct hm_plan_build *b, const struct unit *unit, enum hm_refusal_code code,
                        const char *text)
{
    struct range_wish wish;
    size_t at = 0;

    while (next_range_policy(b, unit->desired->slot, &at, &wish)) {
        hm_plan_refuse(b, say_wish(b, unit, HM_NOTE_REFUSED, &wish), code, text);
    }
}

static void gate_each(struct hm_plan_build *b, const struct unit *unit)
{
    struct range_wish wish;
    size_t at = 0;

    while (next_range_policy(b, unit->desired->slot, &at, &wish)) {
        hm_plan_put_gate(b, say_wish(b, unit, HM_NOTE_AUDIT_ONLY, &wish),
                         hm_plan_gate(b, wish.policy));
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

/* 2000 to 2003: MaxUserPort is written and not in force, by the host's facts or by our own. */
static bool is_pending(const struct hm_plan_build *b, const struct unit *unit)
{
    const struct hm_stacks *stacks = &b->input->inventory->stacks;
    const char *boot_id = b->input->boot_id;

    return (stacks->count > 0 && stacks->at[0].has_next_dynamic) ||
           (unit->entry != NULL && boot_id != NULL && boot_id[0] != '\0' &&
            hm_str_equal(unit->entry->boot_id, boot_id));
}

static void set_range(struct hm_plan_build *b, const struct unit *unit)
{
    const struct hm_policy *policy = unit->desired->policy;
    const struct hm_policy_range *row = unit->desired->row;
    uint32_t floor = unit->desired->headroom_min > 0 ? unit->desired->headroom_min
                                                     : hm_plan_default_floor(row->range);
    struct hm_range range = row->range;
    struct hm_action *action;

    if (!is_possible(b, range)) {
        refuse_each(b, unit, HM_REFUSE_UNSUPPORTED_SYSTEM,
                    "This system has only MaxUserPort: a range from 1025 to 5000 up to 65534.");
        return;
    }
    if (b->legacy) {
        range.first = LEGACY_FIRST;
    }
    if (same_range(unit->current, range)) {
        bool pending = b->legacy && is_pending(b, unit);

        say_each(b, unit, pending ? HM_NOTE_WAITING_REBOOT : HM_NOTE_ALREADY_THERE,
                 pending ? "The value is written; it counts after the next boot."
                         : "The dynamic range is this already.");
        b->floor[unit->index] = floor;
        return;
    }
    if (hm_plan_gate(b, policy) != HM_GATE_OPEN) {
        gate_each(b, unit);
        return;
    }
    if (!fits(b, unit, floor)) {
        refuse_each(b, unit, HM_REFUSE_WOULD_BREAK_HEADROOM,
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
        refuse_each(b, unit, HM_REFUSE_FACTS_MISSING,
                    "The dynamic range of this stack is not known.");
        return;
    }
    set_range(b, unit);
}

void hm_plan_ranges(struct hm_plan_build *b)
{
    struct desired desired[2] = {{.slot = HM_TCP}, {.slot = HM_UDP}};
    unsigned count = b->shared_range ? 1 : HM_STACK_COUNT;

    find_desired(b, &desired[HM_TCP]);
    if (!b->shared_range) {
        find_desired(b, &desired[HM_UDP]);
    }
    for (unsigned i = 0; b->status == HM_OK && i < count; i++) {
        struct unit unit = {.index = i,
                            .desired = &desired[b->shared_range ? HM_TCP : hm_plan_protocol(i)]};

        plan_unit(b, &unit);
    }
}
