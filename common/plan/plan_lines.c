/* common/plan/plan_lines.c — ReservedPorts of 2000, XP and 2003: lines of others stay as they are.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Neighbours on separate lines are not surely reserved (KB812873), so where one of ours touches a
 * line of others, both become one line; the ledger has their lines as they stood. */
#include "common/plan/plan_lines.h"

#include <string.h>

#include "common/ports/reserved_ports.h"

static const struct hm_ports no_ports = {NULL, 0};

/* A line's range; false for one that Windows ignores, or that is blank. */
static bool read_line(struct hm_plan_build *b, const char *line, struct hm_range *out_range)
{
    struct hm_strings one = {&line, 1};
    struct hm_ports listed = no_ports;
    struct hm_ports effective;
    enum hm_status st = hm_reserved_ports_parse(&one, b->arena, &listed, &effective, NULL);

    if (st != HM_OK && st != HM_EINVAL) {
        hm_plan_no_memory(b);
    }
    if (st != HM_OK || listed.count == 0) {
        return false;
    }
    *out_range = listed.at[0];
    return true;
}

/* The set that the lines name, and the part of it that is surely reserved. */
static void read_all(struct hm_plan_build *b, const struct hm_strings *lines,
                     struct hm_ports *out_listed, struct hm_ports *out_effective)
{
    struct hm_strings good = {hm_plan_alloc(b, lines->count, sizeof(*good.at)), 0};

    *out_listed = no_ports;
    *out_effective = no_ports;
    for (size_t i = 0; good.at != NULL && i < lines->count; i++) {
        struct hm_range range;

        if (read_line(b, lines->at[i], &range)) {
            good.at[good.count++] = lines->at[i];
        }
    }
    if (b->status == HM_OK) {
        b->status = hm_reserved_ports_parse(&good, b->arena, out_listed, out_effective, b->err);
    }
}

static const struct hm_strings *lines_now(const struct hm_plan_build *b)
{
    static const struct hm_strings none = {NULL, 0};
    const struct hm_registry *registry = &b->input->inventory->registry;

    return registry->has_reserved_ports ? &registry->reserved_ports : &none;
}

bool hm_plan_read_lines(struct hm_plan_build *b, struct hm_plan_list *list)
{
    if (!b->input->inventory->has_registry) {
        return false;
    }
    read_all(b, lines_now(b), &list->listed, &list->effective);
    return true;
}

static bool same_lines(const struct hm_strings *a, const struct hm_strings *b)
{
    bool same = a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(a->at[i], b->at[i]) == 0;
    }
    return same;
}

static void put_line(struct hm_plan_build *b, struct hm_strings *lines, struct hm_range range)
{
    lines->at[lines->count++] =
        hm_plan_print(b, "%u-%u", (unsigned)range.first, (unsigned)range.last);
}

/* Somebody changed the value since we wrote it: their lines are what is left without ours. A
 * line that has both is parted. */
static struct hm_strings strip_lines(struct hm_plan_build *b, const struct hm_strings *lines,
                                     struct hm_ports ours)
{
    struct hm_strings out = {NULL, 0};

    out.at = hm_plan_alloc(b, lines->count * 2 + ours.count, sizeof(*out.at));
    for (size_t i = 0; out.at != NULL && i < lines->count; i++) {
        struct hm_range range;
        struct hm_ports rest;

        if (!read_line(b, lines->at[i], &range) ||
            !hm_ports_overlap((struct hm_ports){&range, 1}, ours)) {
            out.at[out.count++] = lines->at[i];
            continue;
        }
        rest = hm_plan_without(b, (struct hm_ports){&range, 1}, ours);
        if (out.count + rest.count + (lines->count - i) > lines->count * 2 + ours.count) {
            rest.count = 0; /* overlapping lines of others: the first has told it all */
        }
        for (size_t k = 0; k < rest.count; k++) {
            put_line(b, &out, rest.at[k]);
        }
    }
    return out;
}

/* What would stand there without us. */
static struct hm_strings foreign_lines(struct hm_plan_build *b, struct hm_ports was_owned,
                                       bool *out_unset)
{
    const struct hm_ledger_lines *ledger = &b->ledger.reserved_ports;
    const struct hm_strings *now = lines_now(b);
    struct hm_ports theirs;
    struct hm_ports effective;
    struct hm_strings out;

    *out_unset = !b->input->inventory->registry.has_reserved_ports;
    if (!b->ledger.has_reserved_ports) {
        return *now;
    }
    if (!*out_unset && (same_lines(now, &ledger->after) ||
                        (ledger->has_pending && same_lines(now, &ledger->pending)))) {
        *out_unset = ledger->before_unset;
        return ledger->before;
    }
    read_all(b, &ledger->before, &theirs, &effective);
    out = strip_lines(b, now, hm_plan_without(b, was_owned, theirs));
    *out_unset = *out_unset || (out.count == 0 && ledger->before_unset);
    return out;
}

/* The lines with needed surely reserved: a run of neighbours that lacks something becomes one
 * line at the place of its first, all others stay. */
static struct hm_strings merge_lines(struct hm_plan_build *b, const struct hm_strings *foreign,
                                     struct hm_ports needed)
{
    struct hm_ports listed;
    struct hm_ports effective;
    struct hm_ports lacking;
    struct hm_ports runs;
    struct hm_strings out = {NULL, 0};
    bool *done;

    read_all(b, foreign, &listed, &effective);
    lacking = hm_plan_without(b, needed, effective);
    runs = hm_plan_union(b, listed, needed);
    done = hm_plan_alloc(b, runs.count, sizeof(*done));
    out.at = hm_plan_alloc(b, foreign->count + runs.count, sizeof(*out.at));
    if (done == NULL || out.at == NULL) {
        return out;
    }
    for (size_t i = 0; i < foreign->count; i++) {
        struct hm_range range;
        const struct hm_range *run =
            read_line(b, foreign->at[i], &range) ? hm_ports_find(runs, range.first) : NULL;

        if (run == NULL || !hm_ports_overlap((struct hm_ports){run, 1}, lacking)) {
            out.at[out.count++] = foreign->at[i];
        } else if (!done[run - runs.at]) {
            done[run - runs.at] = true;
            put_line(b, &out, *run);
        }
    }
    for (size_t i = 0; i < runs.count; i++) {
        if (!done[i] && hm_ports_overlap((struct hm_ports){&runs.at[i], 1}, lacking)) {
            put_line(b, &out, runs.at[i]);
        }
    }
    return out;
}

/* A change back was finished, but the ledger was not: what it still names is others' alone. */
static void say_settled(struct hm_plan_build *b, struct hm_ports ports)
{
    struct hm_plan_note *note = hm_plan_put_note(b, HM_NOTE_GONE, "", 0);

    note->ports = ports;
    note->text = "Nothing of this agent is left in ReservedPorts.";
}

void hm_plan_write_lines(struct hm_plan_build *b, const struct hm_plan_list *list,
                         struct hm_ports was_owned)
{
    bool unset = false;
    struct hm_strings foreign = foreign_lines(b, was_owned, &unset);
    struct hm_strings target = merge_lines(b, &foreign, list->needed);
    bool has_now = b->input->inventory->registry.has_reserved_ports;
    bool wants_value = target.count > 0 || !unset;
    struct hm_action *action;

    if (wants_value == has_now && same_lines(&target, lines_now(b))) {
        if (b->ledger.has_reserved_ports && list->needed.count == 0) {
            say_settled(b, hm_plan_common(b, was_owned, list->listed));
        }
        return;
    }
    action = hm_plan_put_action(b, HM_ACTION_SET_RESERVED_PORTS);
    action->ports = hm_plan_union(b, list->claimed, no_ports);
    action->lines = target;
    action->unset = !wants_value;
    action->before_lines = foreign;
    action->before_unset = unset;
    action->owned = list->owned;
    action->restores = list->needed.count == 0;
    action->needs_reboot = true;
    action->precondition = "The value's lines are still the ones that were planned from; the "
                           "whole value is kept as a copy.";
    action->reason = list->claimed.count > 0
                         ? hm_plan_print(b, "%s is added; lines of others stay.",
                                         hm_plan_ports_text(b, list->claimed))
                         : "What this agent added and no policy wants any more is taken out.";
}
