/* agent/enforce/off_text.c — what to say of a revision that the dead-man has turned off.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/off_text.h"

#include <string.h>

#include "common/base/str.h"

#define PORTS_SHOWN 200 /* characters of one list; the plan has all */

static const struct hm_ports no_ports = {NULL, 0};

struct off {
    struct hm_enforce_run *run;
    const struct hm_enforce_row *row;
    const struct hm_policy *policy;
    struct hm_ports rest[2];  /* by protocol: wanted, and kept by nobody so far */
    struct hm_ports there[2]; /* of what is wanted: not given out now, in any family of the host */
    bool knows_there[2];
    bool removes;     /* something of it is gone */
    bool foreign;     /* something of it is there without this agent: whether since then, or since
                         before the policy, is not known */
    const char *kept; /* sentences about what stays; "" none */
    bool failed;      /* out of memory: nothing is said beyond the reason */
};

static const char *or_text(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

/* The very document that was turned off; NULL when it is not here any more. */
static const struct hm_policy *find_policy(const struct hm_enforce_run *run,
                                           const struct hm_enforce_row *row)
{
    for (size_t i = 0; i < run->pass->policies.count; i++) {
        const struct hm_policy *policy = run->pass->policies.at[i];

        if (strcmp(policy->name, row->policy) == 0 && policy->revision == row->revision) {
            return policy;
        }
    }
    return NULL;
}

static bool read_wants(struct off *off)
{
    const char *missing = "";
    struct hm_wants wants;

    if (hm_policy_wants(off->policy, off->run->pass->catalogue, off->run->arena, &wants, &missing,
                        NULL) != HM_OK) {
        return false;
    }
    for (size_t i = 0; i < wants.count; i++) {
        struct hm_ports *rest = &off->rest[wants.at[i].protocol];

        if (hm_ports_union(*rest, (struct hm_ports){&wants.at[i].range, 1}, off->run->arena, rest,
                           NULL) != HM_OK) {
            return false;
        }
    }
    return missing[0] == '\0';
}

/* "tcp 9933,9955 udp 500"; "" for none. */
static const char *lists_text(const struct off *off, const struct hm_ports lists[2])
{
    const char *text = "";

    for (unsigned i = 0; i < 2; i++) {
        const char *ports = hm_ports_text(lists[i], off->run->arena);

        if (lists[i].count > 0 && ports != NULL) {
            text = or_text(hm_arena_printf(off->run->arena, "%s%s%s %.*s", text,
                                           text[0] == '\0' ? "" : " ", hm_protocol_names[i],
                                           PORTS_SHOWN, ports),
                           text);
        }
    }
    return text;
}

/* In every family that the host has: a port that one family lacks is not there. */
static void find_there(struct off *off)
{
    const struct hm_inventory *inventory = &off->run->pass->observation->inventory;

    for (unsigned i = 0; i < 2; i++) {
        off->there[i] = off->rest[i];
        off->knows_there[i] = false;
    }
    for (size_t i = 0; i < inventory->stacks.count; i++) {
        off->knows_there[inventory->stacks.at[i].protocol] = true;
    }
    for (size_t i = 0; i < inventory->stacks.count; i++) {
        const struct hm_stack *stack = &inventory->stacks.at[i];
        struct hm_ports *there = &off->there[stack->protocol];
        struct hm_ports listed = no_ports;
        bool known = false;

        if (hm_inventory_excluded(inventory, stack->protocol, stack->family, off->run->arena,
                                  &known, &listed, NULL) != HM_OK ||
            !known || hm_ports_intersect(*there, listed, off->run->arena, there, NULL) != HM_OK) {
            off->knows_there[stack->protocol] = false;
        }
    }
}

static void say_kept(struct off *off, const char *what, const char *why)
{
    off->kept =
        or_text(hm_arena_printf(off->run->arena, "%s Still there: %s, %s.", off->kept, what, why),
                off->kept);
}

static void take_off_rest(struct off *off, const struct hm_ports kept[2])
{
    for (unsigned i = 0; i < 2; i++) {
        off->failed = hm_ports_subtract(off->rest[i], kept[i], off->run->arena, &off->rest[i],
                                        NULL) != HM_OK ||
                      off->failed;
    }
}

/* ---- other policies ------------------------------------------------------------------------ */

static const char *because_of(const struct off *off, const struct hm_enforce_row *other)
{
    return or_text(hm_arena_printf(off->run->arena, "which policy %s requires, too", other->policy),
                   "which another policy requires, too");
}

static void keep_ports_of(struct off *off, const struct hm_enforce_row *other)
{
    struct hm_ports kept[2] = {no_ports, no_ports};

    for (size_t i = 0; i < other->wants.count; i++) {
        const struct hm_want *want = &other->wants.at[i];
        const struct hm_ports list = off->knows_there[want->protocol] ? off->there[want->protocol]
                                                                      : off->rest[want->protocol];
        struct hm_ports part;

        if (hm_ports_intersect(list, (struct hm_ports){&want->range, 1}, off->run->arena, &part,
                               NULL) != HM_OK ||
            hm_ports_intersect(part, off->rest[want->protocol], off->run->arena, &part, NULL) !=
                HM_OK ||
            hm_ports_union(kept[want->protocol], part, off->run->arena, &kept[want->protocol],
                           NULL) != HM_OK) {
            off->failed = true;
        }
    }
    if (kept[0].count + kept[1].count > 0) {
        say_kept(off, lists_text(off, kept), because_of(off, other));
        take_off_rest(off, kept);
    }
}

static bool has_range(const struct hm_policy *policy, const struct hm_policy_range *like)
{
    bool has = false;

    for (size_t i = 0; i < policy->ranges.count; i++) {
        const struct hm_policy_range *row = &policy->ranges.at[i];

        has = has || (row->protocol == like->protocol && row->range.first == like->range.first &&
                      row->range.last == like->range.last);
    }
    return has;
}

static const struct hm_enforce_row *find_range(const struct off *off,
                                               const struct hm_policy_range *range)
{
    const struct hm_enforce_rows *rows = &off->run->state.policies;

    for (size_t i = 0; i < rows->count; i++) {
        if (hm_run_row_is_live(&rows->at[i]) && has_range(rows->at[i].chosen, range)) {
            return &rows->at[i];
        }
    }
    return NULL;
}

static const struct hm_enforce_row *find_delay(const struct off *off)
{
    const struct hm_enforce_rows *rows = &off->run->state.policies;

    for (size_t i = 0; i < rows->count; i++) {
        const struct hm_policy *other =
            hm_run_row_is_live(&rows->at[i]) ? rows->at[i].chosen : NULL;

        if (other != NULL && other->has_tcp_timed_wait_delay_s &&
            other->tcp_timed_wait_delay_s == off->policy->tcp_timed_wait_delay_s) {
            return &rows->at[i];
        }
    }
    return NULL;
}

static void keep_settings(struct off *off)
{
    for (size_t i = 0; i < off->policy->ranges.count; i++) {
        const struct hm_policy_range *range = &off->policy->ranges.at[i];
        const struct hm_enforce_row *other = find_range(off, range);

        if (other != NULL) {
            say_kept(
                off,
                or_text(hm_arena_printf(off->run->arena, "the %s dynamic range %u-%u",
                                        hm_protocol_names[range->protocol],
                                        (unsigned)range->range.first, (unsigned)range->range.last),
                        "the dynamic range"),
                because_of(off, other));
        }
        off->removes = off->removes || other == NULL;
    }
    if (off->policy->has_tcp_timed_wait_delay_s) {
        const struct hm_enforce_row *other = find_delay(off);

        if (other != NULL) {
            say_kept(off, "TcpTimedWaitDelay", because_of(off, other));
        }
        off->removes = off->removes || other == NULL;
    }
}

/* ---- without this agent -------------------------------------------------------------------- */

/* It may be a block of WinNAT that came after the agent had removed its own. */
static void keep_foreign(struct off *off)
{
    struct hm_ports kept[2] = {no_ports, no_ports};

    for (unsigned i = 0; i < 2; i++) {
        off->failed =
            (off->knows_there[i] && hm_ports_intersect(off->rest[i], off->there[i], off->run->arena,
                                                       &kept[i], NULL) != HM_OK) ||
            off->failed;
    }
    if (kept[0].count + kept[1].count > 0) {
        say_kept(off, lists_text(off, kept), "which something else than this agent reserves");
        take_off_rest(off, kept);
        off->foreign = true;
    }
}

const char *hm_off_text(struct hm_enforce_run *run, const struct hm_enforce_row *row,
                        enum hm_outcome_state state, const char *text)
{
    struct off off = {.run = run, .row = row, .policy = find_policy(run, row), .kept = ""};
    const struct hm_enforce_rows *rows = &run->state.policies;
    const char *removed = "";

    if (state != HM_OUTCOME_RETIRED && state != HM_OUTCOME_WAITING) {
        text = or_text(hm_arena_printf(run->arena, "Not everything could be removed yet: %s", text),
                       text);
    }
    if (off.policy == NULL || !read_wants(&off)) {
        return state == HM_OUTCOME_RETIRED
                   ? row->off
                   : or_text(hm_arena_printf(run->arena, "%s %s", row->off, text), row->off);
    }
    find_there(&off);
    for (size_t i = 0; i < rows->count; i++) {
        if (hm_run_row_is_live(&rows->at[i])) {
            keep_ports_of(&off, &rows->at[i]);
        }
    }
    keep_settings(&off);
    if (state != HM_OUTCOME_RETIRED) {
        return or_text(hm_arena_printf(run->arena, "%s %s%s", row->off, text, off.kept), row->off);
    }
    keep_foreign(&off);
    if (off.rest[0].count + off.rest[1].count > 0) {
        removed = or_text(
            hm_arena_printf(run->arena, " Not reserved now: %s.", lists_text(&off, off.rest)), "");
    } else if (!off.removes) {
        removed = off.foreign ? " This agent reserves nothing for it." : " Nothing was removed.";
    }
    return off.failed ? row->off
                      : or_text(hm_arena_printf(run->arena, "%s%s%s", row->off, removed, off.kept),
                                row->off);
}
