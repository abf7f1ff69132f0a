/* common/plan/marks.c — what an outcome tells to the one who judges the same host.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/marks.h"

struct list {
    struct hm_policy_marks marks;
    size_t cap;
    struct hm_arena *arena;
    bool failed;
};

static void put(struct list *list, const struct hm_policy_mark *mark)
{
    if (hm_arena_grow(list->arena, (void **)&list->marks.at, list->marks.count, &list->cap,
                      sizeof(*list->marks.at)) != 0) {
        list->failed = true;
        return;
    }
    list->marks.at[list->marks.count++] = *mark;
}

static void put_owned(struct list *list, const struct hm_owned_list *owned)
{
    for (size_t i = 0; i < owned->count; i++) {
        put(list, &(struct hm_policy_mark){
                      .kind = HM_MARK_PORTS,
                      .policy = owned->at[i].policy,
                      .ports = owned->at[i].ports,
                      .when = "",
                  });
    }
}

static void put_ledger(struct list *list, const struct hm_ledger *ledger)
{
    for (size_t i = 0; i < ledger->exclusions.count; i++) {
        const struct hm_ledger_exclusion *row = &ledger->exclusions.at[i];

        put(list, &(struct hm_policy_mark){
                      .kind = HM_MARK_PORTS,
                      .policy = row->policy,
                      .has_protocol = true,
                      .protocol = row->protocol,
                      .has_family = true,
                      .family = row->family,
                      .ports = {&row->range, 1},
                      .when = "",
        });
    }
    for (size_t i = 0; i < ledger->ranges.count; i++) {
        const struct hm_ledger_range *row = &ledger->ranges.at[i];

        put(list, &(struct hm_policy_mark){
                      .kind = HM_MARK_RANGE,
                      .policy = row->policy,
                      .has_protocol = row->has_protocol,
                      .protocol = row->protocol,
                      .has_family = row->has_family,
                      .family = row->family,
                      .ports = {&row->range, 1},
                      .when = "",
        });
    }
    if (ledger->has_reserved_ports) {
        put_owned(list, &ledger->reserved_ports.owned);
    }
    if (ledger->has_sysctl) {
        put_owned(list, &ledger->sysctl.owned);
    }
    if (ledger->has_timed_wait_delay) {
        put(list, &(struct hm_policy_mark){
                      .kind = HM_MARK_TIMED_WAIT,
                      .policy = ledger->timed_wait_delay.policy,
                      .when = "",
                  });
    }
}

/* Why a policy waits, as the end of "it does so …"; NULL for notes of another kind. */
static const char *when_of(enum hm_plan_note_kind kind)
{
    switch (kind) {
    case HM_NOTE_TAKEN:
    case HM_NOTE_BUSY:
        return "as soon as the port is free";
    case HM_NOTE_WAITING_WINDOW:
        return "in its maintenance window";
    case HM_NOTE_WAITING_REBOOT:
        return "with the next restart of the host";
    case HM_NOTE_WAITING_SETTLING:
        return "as soon as the host has settled after its start";
    default:
        return NULL;
    }
}

static void put_notes(struct list *list, const struct hm_outcome *outcome)
{
    for (size_t i = 0; i < outcome->notes.count; i++) {
        const struct hm_plan_note *note = &outcome->notes.at[i];
        const char *when = when_of(note->kind);

        if (when == NULL || (!note->has_range && note->ports.count == 0)) {
            continue;
        }
        put(list, &(struct hm_policy_mark){
                      .kind = note->has_range ? HM_MARK_RANGE : HM_MARK_PORTS,
                      .policy = outcome->policy,
                      .has_protocol = note->has_protocol,
                      .protocol = note->protocol,
                      .has_family = note->has_family,
                      .family = note->family,
                      .ports = note->has_range ? (struct hm_ports){&note->range, 1}
                           : note->ports,
                      .waits = true,
                      .when = when,
        });
    }
}

enum hm_status hm_plan_marks(const struct hm_outcome_report *report, struct hm_arena *arena,
                             struct hm_policy_marks *out_marks, struct hm_err *err)
{
    struct list list = {.arena = arena};

    put_ledger(&list, &report->ledger);
    for (size_t i = 0; i < report->policies.count; i++) {
        put_notes(&list, &report->policies.at[i]);
    }
    if (list.failed) {
        return hm_fail(err, HM_ENOMEM, "no memory for what policies have set");
    }
    *out_marks = list.marks;
    return HM_OK;
}
