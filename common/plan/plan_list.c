/* common/plan/plan_list.c — the one list of a whole system: ip_local_reserved_ports of Linux.
 * SPDX-License-Identifier: Apache-2.0
 *
 * ReservedPorts of 2000 to 2003 differs in how the value is read and written: plan_lines.c. */
#include "common/plan/plan_lines.h"

#include <string.h>

static const struct hm_ports no_ports = {NULL, 0};

/* All that the ledger says we have in the list. */
static struct hm_ports gather_owned(struct hm_plan_build *b, const struct hm_owned_list *rows)
{
    struct hm_ports all = no_ports;

    for (size_t i = 0; i < rows->count; i++) {
        all = hm_plan_union(b, all, rows->at[i].ports);
    }
    return all;
}

static bool read_linux(struct hm_plan_build *b, struct hm_plan_list *list)
{
    const struct hm_stacks *stacks = &b->input->inventory->stacks;
    bool known = false;

    for (size_t i = 0; i < stacks->count; i++) {
        if (stacks->at[i].has_administered) {
            known = true;
            list->listed = hm_plan_union(b, list->listed, stacks->at[i].administered);
        }
    }
    list->effective = list->listed;
    return known;
}

static void put_owned(struct hm_plan_build *b, struct hm_plan_list *list, const char *policy,
                      uint32_t revision, struct hm_ports ports, const char *boot_id)
{
    if (ports.count == 0) {
        return;
    }
    if (b->status == HM_OK && hm_arena_grow(b->arena, (void **)&list->owned.at, list->owned.count,
                                            &list->owned_cap, sizeof(*list->owned.at)) != 0) {
        hm_plan_no_memory(b);
    }
    if (b->status == HM_OK) {
        list->owned.at[list->owned.count++] =
            (struct hm_owned){policy, revision, ports, boot_id == NULL ? "" : boot_id};
    }
}

/* What stays ours: still listed, and still wanted or not to be touched. */
static void keep_owned(struct hm_plan_build *b, struct hm_plan_list *list)
{
    const struct hm_owned_list *rows = list->before_owned;
    struct hm_ports keep = hm_plan_union(b, b->wanted[HM_TCP], b->wanted[HM_UDP]);

    keep = hm_plan_union(b, keep, b->limits.never);
    for (size_t i = 0; i < rows->count; i++) {
        struct hm_ports listed = hm_plan_common(b, rows->at[i].ports, list->listed);
        struct hm_ports kept = b->limits.enforce_off || hm_plan_is_over(b, rows->at[i].policy)
                                   ? listed
                                   : hm_plan_common(b, listed, keep);
        struct hm_ports gone =
            hm_plan_without(b, hm_plan_without(b, rows->at[i].ports, listed), keep);

        put_owned(b, list, rows->at[i].policy, rows->at[i].revision, kept, rows->at[i].boot_id);
        list->needed = hm_plan_union(b, list->needed, kept);
        if (gone.count > 0) {
            struct hm_plan_note *note =
                hm_plan_put_note(b, HM_NOTE_GONE, rows->at[i].policy, rows->at[i].revision);

            note->ports = gone;
            note->text = "Somebody removed what this agent had added already.";
        }
    }
}

/* What is written and not in force: known of the host, and it does not matter who wrote it. */
static struct hm_ports find_not_in_force(struct hm_plan_build *b, struct hm_ports ports)
{
    struct hm_ports now = no_ports;
    bool known;

    if (b->status == HM_OK) {
        b->status = hm_inventory_excluded(b->input->inventory, HM_TCP, HM_IPV4, b->arena, &known,
                                          &now, b->err);
    }
    return hm_plan_without(b, ports, now);
}

/* The part of the ports that was written in this boot: it is in force after the next one. */
static struct hm_ports find_pending(struct hm_plan_build *b, const struct hm_plan_list *list,
                                    struct hm_ports ports)
{
    const char *boot_id = b->input->boot_id;
    struct hm_ports pending = b->legacy ? find_not_in_force(b, ports) : no_ports;

    for (size_t i = 0;
         b->legacy && boot_id != NULL && boot_id[0] != '\0' && i < list->before_owned->count; i++) {
        const struct hm_owned *row = &list->before_owned->at[i];

        if (row->boot_id != NULL && strcmp(row->boot_id, boot_id) == 0) {
            pending = hm_plan_union(b, pending, hm_plan_common(b, ports, row->ports));
        }
    }
    return pending;
}

static void say_there(struct hm_plan_build *b, const struct hm_plan_list *list,
                      const struct hm_want *want, struct hm_ports there)
{
    struct hm_ports pending = find_pending(b, list, there);

    there = hm_plan_without(b, there, pending);
    if (there.count > 0) {
        hm_plan_put_want_note(b, HM_NOTE_ALREADY_THERE, want, NULL, there)->text =
            "It is reserved already.";
    }
    if (pending.count > 0) {
        hm_plan_put_want_note(b, HM_NOTE_WAITING_REBOOT, want, NULL, pending)->text =
            "It is written; it counts after the next boot.";
    }
}

static void put_want(struct hm_plan_build *b, struct hm_plan_list *list, const struct hm_want *want,
                     struct hm_ports rest)
{
    struct hm_ports dynamic = {&b->dynamic[0], b->has_dynamic[0] ? 1 : 0};
    uint32_t cost = hm_ports_count(hm_plan_common(b, rest, dynamic));
    uint32_t taken = list->cost + cost;

    if (cost > 0 && hm_plan_is_too_few(b, 0, list->usable > taken ? list->usable - taken : 0)) {
        hm_plan_refuse(b, hm_plan_put_want_note(b, HM_NOTE_REFUSED, want, NULL, rest),
                       HM_REFUSE_WOULD_BREAK_HEADROOM,
                       "Too few ports of the dynamic range would stay usable.");
        return;
    }
    list->cost = taken;
    list->claimed = hm_plan_union(b, list->claimed, rest);
    list->needed = hm_plan_union(b, list->needed, rest);
    put_owned(b, list, want->policy->name, want->policy->revision, rest,
              b->legacy ? b->input->boot_id : "");
}

static void plan_want(struct hm_plan_build *b, struct hm_plan_list *list,
                      const struct hm_want *want)
{
    struct hm_ports all = {&want->range, 1};
    struct hm_ports never = hm_plan_common(b, all, b->limits.never);
    struct hm_ports clean = hm_plan_without(b, all, never);
    struct hm_ports there = hm_plan_common(b, clean, list->effective);
    struct hm_ports rest;
    enum hm_plan_gate gate = hm_plan_gate(b, want->policy);

    if (never.count > 0) {
        hm_plan_refuse(b, hm_plan_put_want_note(b, HM_NOTE_REFUSED, want, NULL, never),
                       HM_REFUSE_LOCAL_LIMIT,
                       "This agent's own configuration says never to touch it.");
    }
    if (there.count > 0) {
        say_there(b, list, want, there);
    }
    rest = hm_plan_without(b, hm_plan_without(b, clean, there), list->claimed);
    if (rest.count == 0) {
        return;
    }
    if (gate != HM_GATE_OPEN) {
        hm_plan_put_gate(b, hm_plan_put_want_note(b, HM_NOTE_AUDIT_ONLY, want, NULL, rest), gate);
        return;
    }
    put_want(b, list, want, rest);
}

static void refuse_all(struct hm_plan_build *b)
{
    for (size_t i = 0; i < b->wants.count; i++) {
        const struct hm_want *want = &b->wants.at[i];

        hm_plan_refuse(b,
                       hm_plan_put_want_note(b, HM_NOTE_REFUSED, want, NULL,
                                             (struct hm_ports){&want->range, 1}),
                       HM_REFUSE_FACTS_MISSING, "The list of reserved ports is not known.");
    }
}

static void write_linux(struct hm_plan_build *b, const struct hm_plan_list *list)
{
    struct hm_ports foreign = hm_plan_without(b, list->listed, gather_owned(b, list->before_owned));
    struct hm_ports target = hm_plan_union(b, foreign, list->needed);
    struct hm_action *action;

    if (hm_ports_equal(target, list->listed)) {
        return;
    }
    action = hm_plan_put_action(b, HM_ACTION_SET_SYSCTL_RESERVED);
    action->ports = target;
    action->before_ports = foreign;
    action->owned = list->owned;
    action->restores = list->needed.count == 0;
    action->precondition =
        hm_plan_print(b, "The list is still \"%s\".", hm_plan_ports_text(b, list->listed));
    action->reason = list->claimed.count > 0
                         ? hm_plan_print(b, "%s is added; what others reserved stays.",
                                         hm_plan_ports_text(b, list->claimed))
                         : "What this agent added and no policy wants any more is taken out.";
}

void hm_plan_list(struct hm_plan_build *b)
{
    static const struct hm_owned_list nothing = {NULL, 0};
    struct hm_plan_list list = {.before_owned = &nothing};
    bool known;

    if (b->legacy && b->ledger.has_reserved_ports) {
        list.before_owned = &b->ledger.reserved_ports.owned;
    } else if (!b->legacy && b->ledger.has_sysctl) {
        list.before_owned = &b->ledger.sysctl.owned;
    }
    known = b->legacy ? hm_plan_read_lines(b, &list) : read_linux(b, &list);
    if (!known) {
        refuse_all(b);
        return;
    }
    list.usable = hm_plan_usable(b, 0);
    keep_owned(b, &list);
    for (size_t i = 0; b->status == HM_OK && i < b->wants.count; i++) {
        plan_want(b, &list, &b->wants.at[i]);
    }
    if (b->legacy) {
        hm_plan_write_lines(b, &list, gather_owned(b, list.before_owned));
    } else {
        write_linux(b, &list);
    }
}
