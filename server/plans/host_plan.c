/* server/plans/host_plan.c — what an order would do to one host of the fleet.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/plans/host_plan.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/judge/judge.h"
#include "common/plan/plan_apply.h"

/* Does the ledger have anything of this policy? */
static bool owns(const struct hm_ledger *ledger, const char *policy)
{
    const struct hm_owned_list *lists[] = {&ledger->reserved_ports.owned, &ledger->sysctl.owned};

    for (size_t i = 0; i < ledger->exclusions.count; i++) {
        if (strcmp(ledger->exclusions.at[i].policy, policy) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < ledger->ranges.count; i++) {
        if (strcmp(ledger->ranges.at[i].policy, policy) == 0) {
            return true;
        }
    }
    if (ledger->has_timed_wait_delay && strcmp(ledger->timed_wait_delay.policy, policy) == 0) {
        return true;
    }
    for (size_t k = 0; k < HM_COUNT(lists); k++) {
        for (size_t i = 0; i < lists[k]->count; i++) {
            if (strcmp(lists[k]->at[i].policy, policy) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool meets(const struct hm_policy *policy, const struct hm_plan_subject *subject)
{
    return policy != NULL &&
           hm_policy_matches(policy, subject->inventory, &subject->row->labels, subject->row->name);
}

bool hm_host_plan_is_idle(const struct hm_plan_order *order, const struct hm_host_row *row,
                          const struct hm_ledger *ledger)
{
    const struct hm_policy *policies[] = {order->policy, order->was};
    struct hm_inventory sketch = {
        .os = {.family = HM_OS_LINUX, .version = row->os_version}
    };

    if (order->policy == NULL || order->whatif || owns(ledger, order->policy->name)) {
        return false;
    }
    if (strcmp(row->os_family, hm_os_family_names[HM_OS_WINDOWS]) == 0) {
        sketch.os.family = HM_OS_WINDOWS;
    }
    for (size_t i = 0; i < HM_COUNT(policies); i++) {
        if (policies[i] != NULL &&
            !hm_policy_excludes(policies[i], &sketch, &row->labels, row->name)) {
            return false;
        }
    }
    return true;
}

static bool is_about(const struct hm_plan_order *order, const struct hm_plan_subject *subject,
                     const struct hm_policies *met)
{
    const struct hm_policy *policy = order->policy;

    if (policy == NULL) {
        return met->count > 0 || !hm_ledger_is_empty(subject->ledger);
    }
    return order->whatif || meets(policy, subject) || meets(order->was, subject) ||
           owns(subject->ledger, policy->name);
}

static unsigned flags_of(const struct hm_plan *plan, const char *policy)
{
    static const unsigned by_note[HM_PLAN_NOTE_KIND_COUNT] = {
        [HM_NOTE_REFUSED] = HM_PLAN_REFUSED,
        [HM_NOTE_TAKEN] = HM_PLAN_TAKEN,
        [HM_NOTE_BUSY] = HM_PLAN_BUSY,
        [HM_NOTE_WAITING_WINDOW] = HM_PLAN_WAITING,
        [HM_NOTE_WAITING_SETTLING] = HM_PLAN_WAITING,
        [HM_NOTE_WAITING_REBOOT] = HM_PLAN_REBOOT,
        [HM_NOTE_AUDIT_ONLY] = HM_PLAN_AUDIT,
    };
    unsigned is = plan->needs_reboot ? HM_PLAN_REBOOT : 0;

    for (size_t i = 0; i < plan->actions.count; i++) {
        is |= HM_PLAN_CHANGED;
        if (plan->actions.at[i].kind == HM_ACTION_REMOVE_EXCLUSION ||
            plan->actions.at[i].restores) {
            is |= HM_PLAN_REMOVES;
        }
    }
    for (size_t i = 0; i < plan->notes.count; i++) {
        const struct hm_plan_note *note = &plan->notes.at[i];

        if (policy == NULL || strcmp(note->policy, policy) == 0) {
            is |= by_note[note->kind];
        }
    }
    return is == 0 ? HM_PLAN_THERE : is;
}

/* ---- verdicts before and after --------------------------------------------------------------- */

static enum hm_status judge(const struct hm_plan_order *order, const struct hm_inventory *inventory,
                            struct hm_arena *arena, struct hm_verdicts *out, struct hm_err *err)
{
    const struct hm_judge_input input = {
        .inventory = inventory, .catalogue = order->catalogue, .foretells = true};
    struct hm_judgement judgement;
    enum hm_status st = hm_judge(&input, arena, &judgement, err);

    if (st == HM_OK) {
        *out = judgement.verdicts;
    }
    return st;
}

static const struct hm_verdict *find(const struct hm_verdicts *verdicts,
                                     const struct hm_verdict *like)
{
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct hm_verdict *verdict = &verdicts->at[i];

        if (verdict->protocol == like->protocol && strcmp(verdict->product, like->product) == 0 &&
            strcmp(verdict->requirement, like->requirement) == 0) {
            return verdict;
        }
    }
    return NULL;
}

/* Did the agent see, with sockets that are not known here, that another program has the port? */
static bool is_held(const struct hm_plan_subject *subject, const struct hm_verdict *like)
{
    const struct hm_verdict *own = subject->verdicts == NULL ? NULL : find(subject->verdicts, like);

    return own != NULL && own->state == HM_BLOCKED && own->reason == HM_REASON_HELD;
}

/* What is held is blocked now, whatever is reserved. A boot ends the sockets that are not among
 * the listeners; without one they stay. */
static void put_change(const struct hm_plan_subject *subject, struct hm_host_plan *out,
                       const struct hm_verdict *verdict, enum hm_verdict_state before,
                       enum hm_verdict_state after)
{
    const bool held = is_held(subject, verdict);
    const enum hm_verdict_state now = held ? HM_BLOCKED : before;
    const enum hm_verdict_state then = held && !out->plan.needs_reboot ? HM_BLOCKED : after;

    if (before == after) {
        return;
    }
    if (after > before) {
        out->is |= HM_PLAN_WORSE;
    } else if (then < now) {
        out->is |= HM_PLAN_BETTER;
    }
    if (now == then) {
        return;
    }
    out->verdicts.at[out->verdicts.count++] = (struct hm_api_verdict_change){
        .product = verdict->product,
        .requirement = verdict->requirement,
        .title = verdict->title,
        .before = hm_verdict_state_names[now],
        .after = hm_verdict_state_names[then],
    };
}

static enum hm_status compare(const struct hm_plan_order *order,
                              const struct hm_plan_subject *subject, struct hm_arena *arena,
                              struct hm_host_plan *out, struct hm_err *err)
{
    struct hm_inventory changed;
    struct hm_verdicts before;
    struct hm_verdicts after;
    enum hm_status st = judge(order, subject->inventory, arena, &before, err);

    if (st == HM_OK) {
        st = hm_plan_apply(subject->inventory, &out->plan.actions, arena, &changed, err);
    }
    if (st == HM_OK) {
        st = judge(order, &changed, arena, &after, err);
    }
    if (st != HM_OK) {
        return st;
    }
    out->verdicts.at = hm_arena_alloc(arena, before.count + after.count, sizeof(*out->verdicts.at));
    if (out->verdicts.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a plan");
    }
    /* An observed listener that has left the dynamic range is no requirement: nothing takes it. */
    for (size_t i = 0; i < after.count; i++) {
        const struct hm_verdict *was = find(&before, &after.at[i]);

        put_change(subject, out, &after.at[i], was == NULL ? HM_SAFE : was->state,
                   after.at[i].state);
    }
    for (size_t i = 0; i < before.count; i++) {
        if (find(&after, &before.at[i]) == NULL) {
            put_change(subject, out, &before.at[i], before.at[i].state, HM_SAFE);
        }
    }
    return HM_OK;
}

static const char *name_of(const struct hm_plan_order *order, const struct hm_policies *met)
{
    if (order->policy != NULL) {
        return order->policy->name;
    }
    return met->count > 0 ? met->at[0]->name : "";
}

/* What one host tells must not be the end of everybody's plan: it alone gets a note that says why
 * there is none for it, under the policy that the plan is about. */
static enum hm_status put_failure(const char *policy, const struct hm_err *why,
                                  struct hm_arena *arena, struct hm_host_plan *out,
                                  struct hm_err *err)
{
    struct hm_plan_note *note = hm_arena_alloc(arena, 1, sizeof(*note));

    if (note == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a plan");
    }
    *note = (struct hm_plan_note){
        .kind = HM_NOTE_REFUSED,
        .code = HM_REFUSE_INVALID,
        .policy = policy,
        .text = hm_arena_printf(arena, "No plan can be made for this host: %s.", why->text),
    };
    *out = (struct hm_host_plan){.matched = true, .is = HM_PLAN_REFUSED};
    out->plan.notes = (struct hm_plan_notes){note, 1};
    return note->text == NULL ? hm_fail(err, HM_ENOMEM, "no memory for a plan") : HM_OK;
}

static enum hm_status make_plan(const struct hm_plan_order *order,
                                const struct hm_plan_subject *subject,
                                const struct hm_plan_input *input, struct hm_arena *arena,
                                struct hm_host_plan *out, struct hm_err *err)
{
    enum hm_status st = hm_plan(input, arena, &out->plan, err);

    if (st == HM_OK) {
        out->is = flags_of(&out->plan, order->policy == NULL ? NULL : order->policy->name);
    }
    return st == HM_OK && out->plan.actions.count > 0 ? compare(order, subject, arena, out, err)
                                                      : st;
}

enum hm_status hm_host_plan(const struct hm_plan_order *order,
                            const struct hm_plan_subject *subject, struct hm_arena *arena,
                            struct hm_host_plan *out_plan, struct hm_err *err)
{
    struct hm_err why = {.status = HM_OK};
    struct hm_host_plan out = {.matched = false};
    struct hm_plan_input input = {
        .inventory = subject->inventory,
        .verdicts = subject->verdicts,
        .catalogue = order->catalogue,
        .ledger = subject->ledger,
        .now_ms = order->now_ms,
        .boot_id = subject->row->boot_id,
        .settings_unread = subject->inventory->has_configured &&
                           subject->inventory->configured_partial &&
                           subject->inventory->os.family == HM_OS_WINDOWS,
    };
    const struct hm_policy **met = hm_arena_alloc(arena, order->live.count + 1, sizeof(*met));
    enum hm_status st;

    if (met == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a plan");
    }
    input.policies.at = met;
    for (size_t i = 0; i < order->live.count; i++) {
        if (meets(order->live.at[i], subject)) {
            met[input.policies.count++] = order->live.at[i];
        }
    }
    out.matched = is_about(order, subject, &input.policies);
    if (!out.matched) {
        *out_plan = out;
        return HM_OK;
    }
    if (meets(order->policy, subject)) {
        met[input.policies.count++] = order->policy;
    }
    st = make_plan(order, subject, &input, arena, &out, &why);
    if (st == HM_ETOOBIG || st == HM_EINVAL) {
        st = put_failure(name_of(order, &input.policies), &why, arena, &out, err);
    } else if (st != HM_OK) {
        st = hm_fail(err, st, "%s", why.text);
    }
    if (st == HM_OK) {
        *out_plan = out;
    }
    return st;
}
