/* common/plan/ledger.c — the ledger before or after an action.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/ledger.h"

#include <string.h>

#include "common/plan/plan.h"

/* The moment of a change. */
struct stamp {
    enum hm_ledger_stage stage;
    int64_t now_ms;
    const char *boot_id;
};

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the ledger");
}

static bool same_range(struct hm_range a, struct hm_range b)
{
    return a.first == b.first && a.last == b.last;
}

/* A copy of the rows with room for one more. */
static enum hm_status copy_rows(const struct hm_ledger *ledger, struct hm_arena *arena,
                                struct hm_ledger *out, struct hm_err *err)
{
    *out = *ledger;
    out->exclusions.at =
        hm_arena_alloc(arena, ledger->exclusions.count + 1, sizeof(*out->exclusions.at));
    out->ranges.at = hm_arena_alloc(arena, ledger->ranges.count + 1, sizeof(*out->ranges.at));
    if (out->exclusions.at == NULL || out->ranges.at == NULL) {
        return no_memory(err);
    }
    if (ledger->exclusions.count > 0) {
        memcpy(out->exclusions.at, ledger->exclusions.at,
               ledger->exclusions.count * sizeof(*out->exclusions.at));
    }
    if (ledger->ranges.count > 0) {
        memcpy(out->ranges.at, ledger->ranges.at, ledger->ranges.count * sizeof(*out->ranges.at));
    }
    return HM_OK;
}

static void drop_exclusion(struct hm_ledger *ledger, enum hm_protocol protocol,
                           enum hm_family family, struct hm_range range)
{
    size_t left = 0;

    for (size_t i = 0; i < ledger->exclusions.count; i++) {
        const struct hm_ledger_exclusion row = ledger->exclusions.at[i];

        if (row.protocol != protocol || row.family != family || !same_range(row.range, range)) {
            ledger->exclusions.at[left++] = row;
        }
    }
    ledger->exclusions.count = left;
}

/* Index of the row of the same stack, or of the shared range; count when there is none. */
static size_t find_range(const struct hm_ledger *ledger, bool has_protocol,
                         enum hm_protocol protocol, enum hm_family family)
{
    size_t at = 0;

    while (at < ledger->ranges.count) {
        const struct hm_ledger_range *row = &ledger->ranges.at[at];

        if (row->has_protocol == has_protocol &&
            (!has_protocol || (row->protocol == protocol && row->family == family))) {
            break;
        }
        at++;
    }
    return at;
}

static void drop_range(struct hm_ledger *ledger, size_t at)
{
    if (at < ledger->ranges.count) {
        memmove(&ledger->ranges.at[at], &ledger->ranges.at[at + 1],
                (ledger->ranges.count - at - 1) * sizeof(*ledger->ranges.at));
        ledger->ranges.count--;
    }
}

static void put_range(struct hm_ledger *ledger, const struct hm_action *action, struct stamp stamp)
{
    size_t at = find_range(ledger, action->has_protocol, action->protocol, action->family);
    bool known = at < ledger->ranges.count;
    struct hm_ledger_range *row = &ledger->ranges.at[at];

    if (action->restores) {
        if (stamp.stage == HM_LEDGER_AFTER) {
            drop_range(ledger, at);
        }
        return;
    }
    if (!known) {
        *row = (struct hm_ledger_range){
            .has_protocol = action->has_protocol,
            .protocol = action->protocol,
            .has_family = action->has_family,
            .family = action->family,
            .range = action->range,
            .before = action->before_range,
            .before_unset = action->before_unset,
        };
        ledger->ranges.count++;
    }
    row->policy = action->policy;
    row->revision = action->revision;
    row->boot_id = stamp.boot_id;
    row->at = stamp.now_ms;
    row->has_pending = stamp.stage == HM_LEDGER_BEFORE;
    row->pending = action->range;
    if (stamp.stage == HM_LEDGER_AFTER) {
        row->range = action->range;
    }
}

static void put_delay(struct hm_ledger *ledger, const struct hm_action *action, struct stamp stamp)
{
    struct hm_ledger_delay *entry = &ledger->timed_wait_delay;

    if (action->restores) {
        ledger->has_timed_wait_delay =
            ledger->has_timed_wait_delay && stamp.stage == HM_LEDGER_BEFORE;
        return;
    }
    if (!ledger->has_timed_wait_delay) {
        *entry = (struct hm_ledger_delay){
            .delay_s = action->timed_wait_delay_s,
            .before_s = action->before_timed_wait_delay_s,
            .before_unset = action->before_unset,
        };
        ledger->has_timed_wait_delay = true;
    }
    entry->policy = action->policy;
    entry->revision = action->revision;
    entry->boot_id = stamp.boot_id;
    entry->at = stamp.now_ms;
    entry->has_pending_s = stamp.stage == HM_LEDGER_BEFORE;
    entry->pending_s = action->timed_wait_delay_s;
    if (stamp.stage == HM_LEDGER_AFTER) {
        entry->delay_s = action->timed_wait_delay_s;
    }
}

/* Before: what was ours, and what will be. */
static enum hm_status put_owned(struct hm_owned_list *owned, const struct hm_action *action,
                                struct stamp stamp, struct hm_arena *arena, struct hm_err *err)
{
    size_t count = stamp.stage == HM_LEDGER_BEFORE ? owned->count : 0;
    struct hm_owned *rows = hm_arena_alloc(arena, count + action->owned.count, sizeof(*rows));

    if (rows == NULL) {
        return no_memory(err);
    }
    if (count > 0) {
        memcpy(rows, owned->at, count * sizeof(*rows));
    }
    if (action->owned.count > 0) {
        memcpy(rows + count, action->owned.at, action->owned.count * sizeof(*rows));
    }
    *owned = (struct hm_owned_list){rows, count + action->owned.count};
    return HM_OK;
}

static enum hm_status put_lines(struct hm_ledger *ledger, const struct hm_action *action,
                                struct stamp stamp, struct hm_arena *arena, struct hm_err *err)
{
    struct hm_ledger_lines *lines = &ledger->reserved_ports;
    enum hm_status st;

    if (!ledger->has_reserved_ports) {
        memset(lines, 0, sizeof(*lines));
        lines->after = action->before_lines; /* that is what stands there now */
    }
    st = put_owned(&lines->owned, action, stamp, arena, err);
    lines->before = action->before_lines;
    lines->before_unset = action->before_unset;
    lines->at = stamp.now_ms;
    lines->has_pending = stamp.stage == HM_LEDGER_BEFORE;
    lines->pending = action->lines;
    if (stamp.stage == HM_LEDGER_AFTER) {
        lines->after = action->lines;
    }
    ledger->has_reserved_ports = stamp.stage == HM_LEDGER_BEFORE || !action->restores;
    return st;
}

static enum hm_status put_sysctl(struct hm_ledger *ledger, const struct hm_action *action,
                                 struct stamp stamp, struct hm_arena *arena, struct hm_err *err)
{
    enum hm_status st;

    if (!ledger->has_sysctl) {
        memset(&ledger->sysctl, 0, sizeof(ledger->sysctl));
    }
    st = put_owned(&ledger->sysctl.owned, action, stamp, arena, err);
    ledger->sysctl.before = action->before_ports;
    ledger->sysctl.at = stamp.now_ms;
    ledger->has_sysctl = stamp.stage == HM_LEDGER_BEFORE || !action->restores;
    return st;
}

/* The row with exactly these bounds; NULL when there is none. */
static const struct hm_ledger_exclusion *find_exclusion(const struct hm_ledger *ledger,
                                                        const struct hm_action *action)
{
    for (size_t i = 0; i < ledger->exclusions.count; i++) {
        const struct hm_ledger_exclusion *row = &ledger->exclusions.at[i];

        if (row->protocol == action->protocol && row->family == action->family &&
            same_range(row->range, action->ports.at[0])) {
            return row;
        }
    }
    return NULL;
}

static void put_exclusion(struct hm_ledger *ledger, const struct hm_action *action,
                          struct stamp stamp)
{
    const struct hm_ledger_exclusion *before = find_exclusion(ledger, action);
    const bool pending = stamp.stage == HM_LEDGER_BEFORE && (before == NULL || before->pending);

    if (action->kind == HM_ACTION_ADD_EXCLUSION || stamp.stage == HM_LEDGER_AFTER) {
        drop_exclusion(ledger, action->protocol, action->family, action->ports.at[0]);
    }
    if (action->kind == HM_ACTION_ADD_EXCLUSION) {
        ledger->exclusions.at[ledger->exclusions.count++] = (struct hm_ledger_exclusion){
            action->policy,      action->revision, action->protocol, action->family,
            action->ports.at[0], stamp.now_ms,     pending,
        };
    }
}

enum hm_status hm_ledger_refused(const struct hm_ledger *ledger, const struct hm_action *action,
                                 struct hm_arena *arena, struct hm_ledger *out_ledger,
                                 struct hm_err *err)
{
    struct hm_ledger made = *ledger;

    if (action->kind == HM_ACTION_ADD_EXCLUSION && action->ports.count == 1) {
        const struct hm_ledger_exclusion *row = find_exclusion(ledger, action);

        if (row != NULL && row->pending) {
            const enum hm_status st = copy_rows(ledger, arena, &made, err);

            if (st != HM_OK) {
                return st;
            }
            drop_exclusion(&made, action->protocol, action->family, action->ports.at[0]);
        }
    }
    *out_ledger = made;
    return HM_OK;
}

enum hm_status hm_ledger_put(const struct hm_ledger *ledger, const struct hm_action *action,
                             enum hm_ledger_stage stage, int64_t now_ms, const char *boot_id,
                             struct hm_arena *arena, struct hm_ledger *out_ledger,
                             struct hm_err *err)
{
    const struct stamp stamp = {stage, now_ms, boot_id == NULL ? "" : boot_id};
    struct hm_ledger made;
    enum hm_status st = copy_rows(ledger, arena, &made, err);

    if (st != HM_OK) {
        return st;
    }
    switch (action->kind) {
    case HM_ACTION_REMOVE_EXCLUSION:
    case HM_ACTION_ADD_EXCLUSION:
        if (action->ports.count != 1) {
            return hm_fail(err, HM_EINVAL, "an exclusion is exactly one range of ports");
        }
        put_exclusion(&made, action, stamp);
        break;
    case HM_ACTION_SET_RESERVED_PORTS:
        st = put_lines(&made, action, stamp, arena, err);
        break;
    case HM_ACTION_SET_SYSCTL_RESERVED:
        st = put_sysctl(&made, action, stamp, arena, err);
        break;
    case HM_ACTION_SET_RANGE:
        put_range(&made, action, stamp);
        break;
    case HM_ACTION_SET_TIMED_WAIT_DELAY:
        put_delay(&made, action, stamp);
        break;
    }
    if (st == HM_OK) {
        *out_ledger = made;
    }
    return st;
}

/* The ports are no longer ours in that list. */
static enum hm_status disown(struct hm_owned_list *rows, struct hm_ports ports,
                             struct hm_arena *arena, struct hm_err *err)
{
    struct hm_owned_list left = {hm_arena_alloc(arena, rows->count, sizeof(*left.at)), 0};
    enum hm_status st = left.at == NULL ? no_memory(err) : HM_OK;

    for (size_t i = 0; st == HM_OK && i < rows->count; i++) {
        struct hm_owned row = rows->at[i];

        st = hm_ports_subtract(row.ports, ports, arena, &row.ports, err);
        if (st == HM_OK && row.ports.count > 0) {
            left.at[left.count++] = row;
        }
    }
    if (st == HM_OK) {
        *rows = left;
    }
    return st;
}

static enum hm_status disown_lists(struct hm_ledger *ledger, struct hm_ports ports,
                                   struct hm_arena *arena, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (ledger->has_reserved_ports) {
        st = disown(&ledger->reserved_ports.owned, ports, arena, err);
        ledger->has_reserved_ports = ledger->reserved_ports.owned.count > 0;
    }
    if (st == HM_OK && ledger->has_sysctl) {
        st = disown(&ledger->sysctl.owned, ports, arena, err);
        ledger->has_sysctl = ledger->sysctl.owned.count > 0;
    }
    return st;
}

enum hm_status hm_ledger_remove(const struct hm_ledger *ledger, const struct hm_plan_note *note,
                                struct hm_arena *arena, struct hm_ledger *out_ledger,
                                struct hm_err *err)
{
    struct hm_ledger made;
    enum hm_status st = copy_rows(ledger, arena, &made, err);

    if (st != HM_OK) {
        return st;
    }
    if (note->kind == HM_NOTE_GONE || note->kind == HM_NOTE_FOREIGN_LEFT_ALONE) {
        if (note->has_timed_wait_delay_s) {
            made.has_timed_wait_delay = false;
        } else if (note->has_range) {
            drop_range(&made, find_range(&made, note->has_protocol, note->protocol, note->family));
        } else if (!note->has_family) {
            st = disown_lists(&made, note->ports, arena, err);
        } else if (note->ports.count == 1) {
            drop_exclusion(&made, note->protocol, note->family, note->ports.at[0]);
        }
    }
    if (st == HM_OK) {
        *out_ledger = made;
    }
    return st;
}

bool hm_ledger_is_empty(const struct hm_ledger *ledger)
{
    return ledger->exclusions.count == 0 && ledger->ranges.count == 0 &&
           !ledger->has_timed_wait_delay && !ledger->has_reserved_ports && !ledger->has_sysctl;
}
