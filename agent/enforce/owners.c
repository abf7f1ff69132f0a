/* agent/enforce/owners.c — rows of the ledger move to a policy that still wants them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/owners.h"

#include <string.h>

#include "common/base/str.h"

struct work {
    struct hm_enforce_run *run;
    bool moved;
    struct hm_err *err;
};

static enum hm_status fail_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory to enforce policies");
}

/* What cannot be read wants what it has. */
static bool keeps_all(const struct hm_enforce_row *row)
{
    return row != NULL && (row->lost || row->wants_unknown);
}

static bool wants_row(const struct hm_enforce_row *row, const struct hm_ledger_exclusion *entry)
{
    bool wants = false;

    for (size_t i = 0; hm_run_row_is_live(row) && i < row->wants.count; i++) {
        const struct hm_want *want = &row->wants.at[i];

        wants =
            wants ||
            (want->protocol == entry->protocol && hm_families_has(want->families, entry->family) &&
             want->range.first <= entry->range.first && want->range.last >= entry->range.last);
    }
    return wants;
}

/* A range without a protocol is that of all stacks, and policies write it as one of tcp. */
static bool wants_range(const struct hm_enforce_row *row, const struct hm_ledger_range *entry)
{
    bool wants = false;

    for (size_t i = 0; hm_run_row_is_live(row) && i < row->chosen->ranges.count; i++) {
        const struct hm_policy_range *range = &row->chosen->ranges.at[i];

        wants = wants || ((!entry->has_protocol || range->protocol == entry->protocol) &&
                          range->range.first == entry->range.first &&
                          range->range.last == entry->range.last);
    }
    return wants;
}

static bool wants_delay(const struct hm_enforce_row *row, const struct hm_ledger_delay *entry)
{
    return hm_run_row_is_live(row) && row->chosen->has_tcp_timed_wait_delay_s &&
           row->chosen->tcp_timed_wait_delay_s == entry->delay_s;
}

static void settle_delay(struct work *work, struct hm_ledger *ledger)
{
    const struct hm_enforce_rows *rows = &work->run->state.policies;
    struct hm_ledger_delay *entry = &ledger->timed_wait_delay;
    const struct hm_enforce_row *owner =
        ledger->has_timed_wait_delay ? hm_run_row(work->run, entry->policy) : NULL;

    if (!ledger->has_timed_wait_delay || keeps_all(owner) ||
        (owner != NULL && wants_delay(owner, entry))) {
        return;
    }
    for (size_t i = 0; i < rows->count; i++) {
        if (wants_delay(&rows->at[i], entry)) {
            entry->policy = rows->at[i].policy;
            entry->revision = rows->at[i].revision;
            work->moved = true;
            return;
        }
    }
}

/* Killed between the change and the ledger: the system shows it all the same. */
static void settle_pending(struct work *work, struct hm_ledger_exclusion *entry)
{
    const struct hm_stack *stack = hm_inventory_stack(&work->run->pass->observation->inventory,
                                                      entry->protocol, entry->family);

    if (entry->pending && stack != NULL && stack->has_administered &&
        hm_ports_covers(stack->administered, (struct hm_ports){&entry->range, 1})) {
        entry->pending = false;
        work->moved = true;
    }
}

static void settle_rows(struct work *work, struct hm_ledger *ledger)
{
    const struct hm_enforce_rows *rows = &work->run->state.policies;

    for (size_t i = 0; i < ledger->exclusions.count; i++) {
        struct hm_ledger_exclusion *entry = &ledger->exclusions.at[i];
        const struct hm_enforce_row *owner = hm_run_row(work->run, entry->policy);

        settle_pending(work, entry);
        for (size_t k = 0;
             !keeps_all(owner) && (owner == NULL || !wants_row(owner, entry)) && k < rows->count;
             k++) {
            if (wants_row(&rows->at[k], entry)) {
                owner = &rows->at[k];
                entry->policy = owner->policy;
                entry->revision = owner->revision;
                work->moved = true;
            }
        }
    }
    for (size_t i = 0; i < ledger->ranges.count; i++) {
        struct hm_ledger_range *entry = &ledger->ranges.at[i];
        const struct hm_enforce_row *owner = hm_run_row(work->run, entry->policy);

        for (size_t k = 0;
             !keeps_all(owner) && (owner == NULL || !wants_range(owner, entry)) && k < rows->count;
             k++) {
            if (wants_range(&rows->at[k], entry)) {
                owner = &rows->at[k];
                entry->policy = owner->policy;
                entry->revision = owner->revision;
                work->moved = true;
            }
        }
    }
}

/* ---- lists --------------------------------------------------------------------------------- */

static enum hm_status wanted_ports(const struct work *work, const struct hm_enforce_row *row,
                                   struct hm_ports *out)
{
    struct hm_ports all = {NULL, 0};
    enum hm_status st = HM_OK;

    for (size_t i = 0;
         st == HM_OK && row != NULL && hm_run_row_is_live(row) && i < row->wants.count; i++) {
        const struct hm_ports one = {&row->wants.at[i].range, 1};

        st = hm_ports_union(all, one, work->run->arena, &all, work->err);
    }
    if (st == HM_OK) {
        *out = all;
    }
    return st;
}

/* Ports of one that are due in the next boot only make all of its ports wait for that. */
static enum hm_status give(struct work *work, struct hm_owned_list *list,
                           const struct hm_owned *from, const struct hm_enforce_row *to,
                           struct hm_ports ports)
{
    for (size_t i = 0; i < list->count; i++) {
        struct hm_owned *owned = &list->at[i];

        if (hm_str_equal(owned->policy, to->policy)) {
            if (hm_str_equal(from->boot_id, work->run->boot_id)) {
                owned->boot_id = from->boot_id;
            }
            return hm_ports_union(owned->ports, ports, work->run->arena, &owned->ports, work->err);
        }
    }
    list->at[list->count++] = (struct hm_owned){to->policy, to->revision, ports, from->boot_id};
    return HM_OK;
}

/* What its owner does not want any more goes to those who do; what nobody wants stays. */
static enum hm_status settle_owned(struct work *work, struct hm_owned_list *list, size_t at)
{
    const struct hm_enforce_rows *rows = &work->run->state.policies;
    const struct hm_enforce_row *owner = hm_run_row(work->run, list->at[at].policy);
    struct hm_arena *arena = work->run->arena;
    struct hm_ports wanted;
    struct hm_ports rest;
    enum hm_status st = wanted_ports(work, owner, &wanted);

    if (st == HM_OK) {
        st = hm_ports_subtract(list->at[at].ports, wanted, arena, &rest, work->err);
    }
    for (size_t i = 0; st == HM_OK && !keeps_all(owner) && rest.count > 0 && i < rows->count; i++) {
        struct hm_ports part;

        st = wanted_ports(work, &rows->at[i], &wanted);
        if (st == HM_OK) {
            st = hm_ports_intersect(rest, wanted, arena, &part, work->err);
        }
        if (st != HM_OK || part.count == 0) {
            continue;
        }
        work->moved = true;
        st = give(work, list, &list->at[at], &rows->at[i], part);
        if (st == HM_OK) {
            st = hm_ports_subtract(rest, part, arena, &rest, work->err);
        }
        if (st == HM_OK) {
            st = hm_ports_subtract(list->at[at].ports, part, arena, &list->at[at].ports, work->err);
        }
    }
    return st;
}

static enum hm_status settle_list(struct work *work, struct hm_owned_list *list)
{
    const size_t count = list->count;
    struct hm_owned_list made = {
        hm_arena_alloc(work->run->arena, count + work->run->state.policies.count, sizeof(*made.at)),
        count};
    enum hm_status st = HM_OK;
    size_t left = 0;

    if (made.at == NULL) {
        return fail_memory(work->err);
    }
    for (size_t i = 0; i < count; i++) {
        made.at[i] = list->at[i];
    }
    for (size_t i = 0; st == HM_OK && i < count; i++) {
        st = settle_owned(work, &made, i);
    }
    for (size_t i = 0; i < made.count; i++) {
        if (made.at[i].ports.count > 0) {
            made.at[left++] = made.at[i];
        }
    }
    made.count = left;
    if (st == HM_OK) {
        *list = made;
    }
    return st;
}

enum hm_status hm_owners_settle(struct hm_enforce_run *run, struct hm_ledger *out_ledger,
                                bool *out_moved, struct hm_err *err)
{
    struct work work = {.run = run, .err = err};
    struct hm_ledger made = run->ledger;
    enum hm_status st = HM_OK;

    made.exclusions.at =
        hm_arena_alloc(run->arena, made.exclusions.count, sizeof(*made.exclusions.at));
    made.ranges.at = hm_arena_alloc(run->arena, made.ranges.count, sizeof(*made.ranges.at));
    if (made.exclusions.at == NULL || made.ranges.at == NULL) {
        return fail_memory(err);
    }
    for (size_t i = 0; i < made.exclusions.count; i++) {
        made.exclusions.at[i] = run->ledger.exclusions.at[i];
    }
    for (size_t i = 0; i < made.ranges.count; i++) {
        made.ranges.at[i] = run->ledger.ranges.at[i];
    }
    settle_rows(&work, &made);
    settle_delay(&work, &made);
    if (made.has_sysctl) {
        st = settle_list(&work, &made.sysctl.owned);
    }
    if (st == HM_OK && made.has_reserved_ports) {
        st = settle_list(&work, &made.reserved_ports.owned);
    }
    if (st == HM_OK) {
        *out_ledger = made;
        *out_moved = work.moved;
    }
    return st;
}
