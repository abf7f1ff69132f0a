/* common/plan/plan_exclude.c — exclusions of one stack of a modern Windows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan_build.h"

#include "common/base/str.h"

/* A want, without what is refused. */
struct item {
    const struct hm_want *want;
    struct hm_ports clean;
};

struct exclude {
    struct hm_plan_build *b;
    unsigned index;
    enum hm_protocol protocol;
    enum hm_family family;
    const struct hm_stack *stack;
    struct item *items;
    size_t count;
    struct hm_ports keep;    /* all clean parts: nothing of this is removed */
    struct hm_ports present; /* administered, as it is after the removals */
    struct hm_ports claimed; /* what this plan adds */
    struct hm_ports busy;    /* wanted ports that a socket has */
    struct hm_ports ours;    /* that the ledger names as shown, where not all may be added */
    uint32_t usable;
    uint32_t cost; /* usable ports that this plan takes so far */
};

static const struct hm_ports no_ports = {NULL, 0};

static struct hm_plan_note *say(struct exclude *x, enum hm_plan_note_kind kind,
                                const struct item *item, struct hm_ports ports)
{
    return hm_plan_put_want_note(x->b, kind, item->want, &x->family, ports);
}

static void refuse(struct exclude *x, const struct item *item, struct hm_ports ports,
                   enum hm_refusal_code code, const char *text)
{
    if (ports.count > 0) {
        hm_plan_refuse(x->b, say(x, HM_NOTE_REFUSED, item, ports), code, text);
    }
}

static void find_items(struct exclude *x)
{
    struct hm_plan_build *b = x->b;

    x->items = hm_plan_alloc(b, b->wants.count, sizeof(*x->items));
    for (size_t i = 0; x->items != NULL && i < b->wants.count; i++) {
        const struct hm_want *want = &b->wants.at[i];
        struct item *item = &x->items[x->count];

        if (want->protocol == x->protocol && hm_families_has(want->families, x->family)) {
            *item = (struct item){
                want, {&want->range, 1}
            };
            x->count++;
        }
    }
}

/* What must not be touched is refused and no longer wanted. */
static void refuse_hazards(struct exclude *x)
{
    struct hm_plan_build *b = x->b;

    for (size_t i = 0; i < x->count; i++) {
        struct item *item = &x->items[i];
        struct hm_ports bad = hm_plan_common(b, item->clean, b->limits.never);

        refuse(x, item, bad, HM_REFUSE_LOCAL_LIMIT,
               "This agent's own configuration says never to touch it.");
        item->clean = hm_plan_without(b, item->clean, bad);
        for (size_t k = 0; k < b->hazards[x->protocol].count; k++) {
            const struct hm_plan_hazard *hazard = &b->hazards[x->protocol].at[k];

            bad = hm_plan_common(b, item->clean, hazard->ports);
            refuse(x, item, bad, hazard->code, hazard->text);
            item->clean = hm_plan_without(b, item->clean, bad);
        }
    }
}

/* The union of all clean parts, made at once. */
static void gather_keep(struct exclude *x)
{
    struct hm_plan_build *b = x->b;
    struct hm_range *ranges;
    size_t count = 0;

    for (size_t i = 0; i < x->count; i++) {
        count += x->items[i].clean.count;
    }
    ranges = hm_plan_alloc(b, count, sizeof(*ranges));
    count = 0;
    for (size_t i = 0; ranges != NULL && i < x->count; i++) {
        for (size_t k = 0; k < x->items[i].clean.count; k++) {
            ranges[count++] = x->items[i].clean.at[k];
        }
    }
    if (ranges != NULL) {
        hm_plan_fail(b, hm_ports_from_ranges(ranges, count, b->arena, &x->keep, b->err));
    }
}

static bool has_row(struct hm_ports rows, struct hm_range range)
{
    const struct hm_range *row = hm_ports_find(rows, range.first);

    return row != NULL && row->first == range.first && row->last == range.last;
}

/* May the row be taken away and its wanted parts be added again at once? */
static bool can_replace(const struct exclude *x, struct hm_ports wanted)
{
    if (hm_ports_overlap(wanted, x->busy) || !x->b->input->inventory->has_listeners) {
        return false;
    }
    for (size_t i = 0; i < x->count; i++) {
        const struct item *item = &x->items[i];

        const enum hm_plan_gate gate = hm_plan_gate(x->b, item->want->policy);

        /* A part of a row that the ledger names is nothing new. */
        if (hm_ports_overlap(item->clean, wanted) && gate != HM_GATE_OPEN &&
            gate != HM_GATE_SETTLING) {
            return false;
        }
    }
    return true;
}

static struct hm_plan_note *say_entry(struct exclude *x, enum hm_plan_note_kind kind,
                                      const struct hm_ledger_exclusion *entry, const char *text)
{
    struct hm_plan_note *note = hm_plan_put_note(x->b, kind, entry->policy, entry->revision);

    note->has_protocol = true;
    note->protocol = x->protocol;
    note->has_family = true;
    note->family = x->family;
    note->ports = hm_plan_one(x->b, entry->range);
    note->text = text;
    return note;
}

static void put_removal(struct exclude *x, const struct hm_ledger_exclusion *entry, bool wanted)
{
    struct hm_action *action = hm_plan_put_action(x->b, HM_ACTION_REMOVE_EXCLUSION);

    action->has_protocol = true;
    action->protocol = x->protocol;
    action->has_family = true;
    action->family = x->family;
    action->policy = entry->policy;
    action->revision = entry->revision;
    action->ports = hm_plan_one(x->b, entry->range);
    action->restores = true;
    action->precondition = "The row is shown with exactly these bounds, marked with *; in the "
                           "second family it may have gone with the first.";
    action->reason = wanted ? "Only a part of it is still wanted; that part is added again."
                            : "This agent added it and no policy wants it any more.";
}

/* True when the entry's row goes away. */
static bool remove_entry(struct exclude *x, const struct hm_ledger_exclusion *entry)
{
    struct hm_plan_build *b = x->b;
    struct hm_ports row = {&entry->range, 1};
    struct hm_ports wanted = hm_plan_common(b, row, x->keep);

    if (hm_ports_covers(wanted, row) || hm_plan_is_over(b, entry->policy)) {
        return false;
    }
    if (!has_row(x->stack->administered, entry->range)) {
        if (wanted.count > 0) {
            return false; /* what is lacking is added below */
        }
        if (hm_ports_overlap(x->stack->administered, row)) {
            (void)say_entry(x, HM_NOTE_FOREIGN_LEFT_ALONE, entry,
                            "Somebody replaced this agent's row by one with other bounds: it is "
                            "theirs now and stays.");
        } else {
            (void)say_entry(x, HM_NOTE_GONE, entry, "Somebody removed this agent's row already.");
        }
        return false;
    }
    if (b->limits.enforce_off || hm_ports_overlap(b->limits.never, row)) {
        hm_plan_refuse(b, say_entry(x, HM_NOTE_REFUSED, entry, ""), HM_REFUSE_LOCAL_LIMIT,
                       "No policy wants it any more, but this agent's own configuration says not "
                       "to touch it.");
        return false;
    }
    if (wanted.count > 0 && !can_replace(x, wanted)) {
        (void)say_entry(x, HM_NOTE_BUSY, entry,
                        "Only a part of it is still wanted; it stays whole until that part can be "
                        "added again in the same moment.");
        return false;
    }
    put_removal(x, entry, wanted.count > 0);
    return true;
}

static void remove_entries(struct exclude *x)
{
    const struct hm_ledger_exclusions *entries = &x->b->ledger.exclusions;
    struct hm_ports gone = no_ports;

    for (size_t i = 0; x->b->status == HM_OK && i < entries->count; i++) {
        const struct hm_ledger_exclusion *entry = &entries->at[i];

        if (entry->protocol == x->protocol && entry->family == x->family &&
            remove_entry(x, entry)) {
            gone = hm_plan_union(x->b, gone, (struct hm_ports){&entry->range, 1});
        }
    }
    x->present = hm_plan_without(x->b, x->stack->administered, gone);
}

/* Ports without those that cannot be added now; each gets its note. */
static struct hm_ports drop_held(struct exclude *x, const struct item *item, struct hm_ports rest)
{
    struct hm_ports held = hm_plan_common(x->b, rest, x->stack->runtime);
    struct hm_ports busy;

    if (held.count > 0) {
        hm_plan_say_block(x->b, item->want, x->family, held);
        rest = hm_plan_without(x->b, rest, held);
    }
    busy = hm_plan_common(x->b, rest, x->busy);
    hm_plan_say_busy(x->b, item->want, x->family, busy);
    return hm_plan_without(x->b, rest, busy);
}

/* Usable ports after this plan's additions so far and this one. */
static uint32_t left_after(const struct exclude *x, uint32_t cost)
{
    return x->usable > x->cost + cost ? x->usable - x->cost - cost : 0;
}

static void put_addition(struct exclude *x, const struct item *item, struct hm_ports ports)
{
    struct hm_plan_build *b = x->b;
    const struct hm_policy *policy = item->want->policy;
    uint32_t cost = 0;
    struct hm_action *action;

    if (b->has_dynamic[x->index]) {
        struct hm_ports dynamic = {&b->dynamic[x->index], 1};

        cost = hm_ports_count(hm_plan_common(b, ports, dynamic));
    }
    if (cost > 0 && hm_plan_is_too_few(b, x->index, left_after(x, cost))) {
        refuse(x, item, ports, HM_REFUSE_WOULD_BREAK_HEADROOM,
               "Too few ports of the dynamic range would stay usable.");
        return;
    }
    x->cost += cost;
    x->claimed = hm_plan_union(b, x->claimed, ports);
    action = hm_plan_put_action(b, HM_ACTION_ADD_EXCLUSION);
    action->has_protocol = true;
    action->protocol = x->protocol;
    action->has_family = true;
    action->family = x->family;
    action->policy = policy->name;
    action->revision = policy->revision;
    action->ports = ports;
    action->precondition =
        x->family == HM_IPV4 ? "No row covers it and no socket has it."
                             : "No row covers it and no socket has it, also when read again after "
                               "the same change for ipv4.";
    action->reason = hm_plan_print(b, "Policy %s: %.600s", policy->name, policy->reason);
}

/* Made at once: a ledger has a thousand rows. */
static void gather_ours(struct exclude *x)
{
    const struct hm_ledger_exclusions *rows = &x->b->ledger.exclusions;
    struct hm_range *ranges = NULL;
    size_t count = 0;

    if (x->b->input->settling == NULL && !x->b->input->memory_lost && !hm_plan_is_in_doubt(x->b)) {
        return;
    }
    ranges = hm_plan_alloc(x->b, rows->count, sizeof(*ranges));
    for (size_t i = 0; ranges != NULL && i < rows->count; i++) {
        if (rows->at[i].protocol == x->protocol && rows->at[i].family == x->family &&
            !rows->at[i].pending) {
            ranges[count++] = rows->at[i].range;
        }
    }
    if (ranges != NULL) {
        hm_plan_fail(x->b, hm_ports_from_ranges(ranges, count, x->b->arena, &x->ours, x->b->err));
    }
}

/* Ports without those that are new to a host that has not settled; they get a note. */
static struct hm_ports drop_new(struct exclude *x, const struct item *item, struct hm_ports rest)
{
    struct hm_ports ready =
        hm_plan_union(x->b, hm_plan_common(x->b, rest, x->ours),
                      hm_plan_ready_ports(x->b, item->want->policy, x->protocol, x->family));
    struct hm_ports fresh = hm_plan_without(x->b, rest, ready);

    if (fresh.count > 0) {
        hm_plan_put_gate(x->b, say(x, HM_NOTE_WAITING_SETTLING, item, fresh), HM_GATE_SETTLING);
    }
    return hm_plan_common(x->b, rest, ready);
}

/* Ports without those that may be of HTTP.sys although nothing shows it; they get a note. */
static struct hm_ports drop_doubtful(struct exclude *x, const struct item *item,
                                     struct hm_ports rest)
{
    struct hm_ports sure =
        hm_plan_common(x->b, rest, hm_plan_union(x->b, x->ours, x->b->plain[x->protocol]));
    struct hm_ports doubtful = hm_plan_without(x->b, rest, sure);

    if (doubtful.count > 0) {
        hm_plan_say_doubt(x->b, say(x, HM_NOTE_REFUSED, item, doubtful));
    }
    return sure;
}

#define TEXT_LOST                                                                                  \
    "The agent's memory of the ports that must not be excluded (portbook.json) was damaged or is " \
    "gone, so it may be a port that HTTP.sys, QUIC or a container served in an earlier boot. New " \
    "ports are added again after two boots that the agent has seen for twenty minutes, with all "  \
    "settings read. Who knows that it is none of these runs \"hm-agent forget --lost\" on the "    \
    "host, with the agent stopped."

/* Ports without those that an earlier boot may have shown to be hazards; they get a note. */
static struct hm_ports drop_forgotten(struct exclude *x, const struct item *item,
                                      struct hm_ports rest)
{
    const struct hm_ports ours = hm_plan_common(x->b, rest, x->ours);

    refuse(x, item, hm_plan_without(x->b, rest, ours), HM_REFUSE_FACTS_MISSING, TEXT_LOST);
    return ours;
}

static void plan_item(struct exclude *x, const struct item *item)
{
    struct hm_plan_build *b = x->b;
    struct hm_ports there = hm_plan_common(b, item->clean, x->present);
    struct hm_ports rest = hm_plan_without(b, item->clean, there);
    enum hm_plan_gate gate = hm_plan_gate(b, item->want->policy);

    if (there.count > 0) {
        say(x, HM_NOTE_ALREADY_THERE, item, there)->text = "It is excluded already.";
    }
    rest = hm_plan_without(b, rest, x->claimed);
    if (rest.count == 0) {
        return;
    }
    if (gate != HM_GATE_OPEN && gate != HM_GATE_SETTLING) {
        hm_plan_put_gate(b, say(x, HM_NOTE_AUDIT_ONLY, item, rest), gate);
        return;
    }
    if (!b->input->inventory->has_listeners) {
        refuse(x, item, rest, HM_REFUSE_FACTS_MISSING,
               "Who listens is not known, so it may be a port of HTTP.sys.");
        return;
    }
    rest = drop_held(x, item, rest);
    if (b->input->memory_lost) {
        rest = drop_forgotten(x, item, rest);
    }
    if (gate == HM_GATE_SETTLING) {
        rest = drop_new(x, item, rest);
    } else if (hm_plan_is_in_doubt(b)) {
        rest = drop_doubtful(x, item, rest);
    }
    for (size_t i = 0; i < rest.count; i++) {
        put_addition(x, item, (struct hm_ports){&rest.at[i], 1});
    }
}

/* True when the system shows what there is and can exclude at all. */
static bool is_known(struct exclude *x)
{
    enum hm_refusal_code code = HM_REFUSE_NONE;
    const char *text = "";

    if (x->stack != NULL && x->stack->exclusions_unsupported) {
        code = HM_REFUSE_UNSUPPORTED_SYSTEM;
        text = "This system has no exclusions: install KB2665809 first.";
    } else if (x->stack == NULL || !x->stack->has_administered || !x->stack->has_runtime) {
        code = HM_REFUSE_FACTS_MISSING;
        text = "The exclusions of this stack are not known.";
    }
    for (size_t i = 0; code != HM_REFUSE_NONE && i < x->count; i++) {
        refuse(x, &x->items[i], x->items[i].clean, code, text);
    }
    return code == HM_REFUSE_NONE;
}

void hm_plan_exclusions(struct hm_plan_build *b, unsigned index)
{
    struct exclude x = {
        .b = b,
        .index = index,
        .protocol = hm_plan_protocol(index),
        .family = hm_plan_family(index),
    };

    x.stack = hm_inventory_stack(b->input->inventory, x.protocol, x.family);
    find_items(&x);
    if (!is_known(&x)) {
        return;
    }
    refuse_hazards(&x);
    gather_keep(&x);
    gather_ours(&x);
    x.busy = hm_plan_busy(b, x.protocol, x.family, x.keep);
    x.usable = hm_plan_usable(b, index);
    remove_entries(&x);
    for (size_t i = 0; b->status == HM_OK && i < x.count; i++) {
        plan_item(&x, &x.items[i]);
    }
}
