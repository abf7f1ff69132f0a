/* agent/enforce/carry_out.c — the actions of a plan, one after the other, ledger first.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/carry_out.h"

#include <stdio.h>
#include <string.h>

#include "agent/enforce/action_facts.h"
#include "agent/enforce/deadman.h"
#include "agent/enforce/owners.h"
#include "agent/enforce/settling.h"
#include "common/base/log.h"
#include "common/base/str.h"

#define RETRY_FIRST_MS 15000
#define RETRY_MOST_MS 3600000
#define RETRY_DOUBLINGS 8u
#define CHANGES_MAX 64u    /* of one pass: each is a handful of programs on Windows */
#define CHANGES_MS 20000   /* likewise; then the rest waits */
#define UNFINISHED_MS 1000 /* … for so long */

/* ---- what failed, over passes -------------------------------------------------------------- */

static struct hm_retry *find_retry(const struct hm_enforce_run *run, uint64_t hash)
{
    for (size_t i = 0; i < run->retries->count; i++) {
        if (run->retries->at[i].hash == hash) {
            return &run->retries->at[i];
        }
    }
    return NULL;
}

static void drop_retry(struct hm_retries *retries, struct hm_retry *retry)
{
    if (retry != NULL) {
        *retry = retries->at[--retries->count];
    }
}

/* Full: the first makes room, and is tried in every pass. */
static struct hm_retry *put_retry(struct hm_enforce_run *run, uint64_t hash)
{
    struct hm_retry *retry = find_retry(run, hash);

    if (retry == NULL) {
        retry = run->retries->count < HM_RETRIES_MAX ? &run->retries->at[run->retries->count++]
                                                     : &run->retries->at[0];
        memset(retry, 0, sizeof(*retry));
        retry->hash = hash;
    }
    return retry;
}

/* ---- whose ---------------------------------------------------------------------------------- */

static void mark_rows(struct hm_enforce_run *run, const struct hm_action *action)
{
    for (size_t i = 0; i < run->state.policies.count; i++) {
        struct hm_enforce_row *row = &run->state.policies.at[i];

        row->marked =
            hm_action_concerns(action, &run->ledger, &run->planned, row->policy, run->arena);
    }
}

/* The marked rows get what stands in the way; the first failure is told. */
static void blame(struct hm_enforce_run *run, bool busy, const char *text)
{
    for (size_t i = 0; i < run->state.policies.count; i++) {
        struct hm_enforce_row *row = &run->state.policies.at[i];

        if (row->marked && (row->failure == NULL || (row->busy && !busy))) {
            row->failure = hm_arena_strdup(run->arena, text);
            row->failure = row->failure == NULL ? "It failed." : row->failure;
            row->busy = busy;
        }
    }
}

static void fail_action(struct hm_enforce_run *run, const struct hm_action *action, bool busy,
                        const char *why)
{
    struct hm_retry *retry = put_retry(run, hm_action_hash(action));
    const char *what = hm_action_text(action, run->arena);
    const unsigned doublings = retry->tries < RETRY_DOUBLINGS ? retry->tries : RETRY_DOUBLINGS;
    int64_t wait_ms = (int64_t)RETRY_FIRST_MS << doublings;
    struct hm_log_line line;

    wait_ms = wait_ms > RETRY_MOST_MS ? RETRY_MOST_MS : wait_ms;
    retry->tries++;
    retry->next_ms = run->now_ms + wait_ms;
    retry->busy = busy;
    (void)snprintf(retry->text, sizeof(retry->text), "%s: %s", what != NULL ? what : "a change",
                   why);
    blame(run, busy, retry->text);
    hm_log_begin(&line, HM_LOG_WARNING, "change_failed");
    hm_log_str(&line, "policy", action->policy);
    hm_log_str(&line, "why", retry->text);
    hm_log_i64(&line, "retry_in_ms", wait_ms);
    hm_log_end(&line);
}

/* ---- one action ---------------------------------------------------------------------------- */

struct attempt {
    struct hm_enforce_run *run;
    size_t at;  /* of the plan's actions */
    bool *done; /* by action: in this round */
};

static const struct hm_action *action_of(const struct attempt *attempt)
{
    return &attempt->run->plan.actions.at[attempt->at];
}

static void tell(const struct hm_enforce_run *run, const struct hm_action *action,
                 const char *failed)
{
    if (run->options->tried != NULL) {
        run->options->tried(action, failed, run->options->tried_arg);
    }
}

static enum hm_status save_ledger(struct hm_enforce_run *run, const struct hm_ledger *ledger,
                                  struct hm_err *err)
{
    enum hm_status st = hm_ledger_save(run->options->state_dir, ledger, err);

    if (st == HM_OK && ledger != &run->ledger) {
        run->ledger = *ledger;
    }
    return st;
}

static void give_up(struct hm_enforce_run *run, const struct hm_err *err)
{
    hm_run_trouble(run, HM_TOLD_STOPPED, err);
    run->stopped = hm_arena_strdup(run->arena, err->text);
    run->stopped = run->stopped == NULL ? "no memory" : run->stopped;
}

static enum hm_carried stop(struct hm_enforce_run *run, const struct hm_action *action,
                            const struct hm_err *err)
{
    blame(run, false, err->text);
    tell(run, action, err->text);
    give_up(run, err);
    return HM_CARRIED_STOP;
}

/* One command may act on both families, so both are in the ledger before the first. */
static enum hm_status put_before(const struct attempt *attempt, struct hm_ledger *out,
                                 struct hm_err *err)
{
    struct hm_enforce_run *run = attempt->run;
    const struct hm_action *action = action_of(attempt);
    enum hm_status st = hm_ledger_put(&run->ledger, action, HM_LEDGER_BEFORE, run->now_ms,
                                      run->boot_id, run->arena, out, err);

    for (size_t i = attempt->at + 1; st == HM_OK && i < run->plan.actions.count; i++) {
        const struct hm_action *other = &run->plan.actions.at[i];

        if (hm_actions_are_twins(action, other) && action->kind == HM_ACTION_ADD_EXCLUSION) {
            st = hm_ledger_put(out, other, HM_LEDGER_BEFORE, run->now_ms, run->boot_id, run->arena,
                               out, err);
        }
    }
    return st;
}

/* What this agent removes itself nobody undid: the next time it is added is no repair, and is no
 * longer what was verified. */
static void note_own_removal(struct hm_enforce_run *run, const struct hm_action *action)
{
    for (size_t i = 0; i < run->state.policies.count && action->kind == HM_ACTION_REMOVE_EXCLUSION;
         i++) {
        struct hm_enforce_row *row = &run->state.policies.at[i];

        for (size_t k = 0; k < row->wants.count; k++) {
            const struct hm_want *want = &row->wants.at[k];

            if (want->protocol == action->protocol &&
                hm_families_has(want->families, action->family) &&
                hm_ports_overlap(action->ports, (struct hm_ports){&row->wants.at[k].range, 1})) {
                row->verified = "";
                row->disturbed = false;
            }
        }
    }
}

/* Does it remove what the dead-man turned off, and add nothing? */
static bool takes_harm_back(const struct hm_enforce_run *run, const struct hm_action *action)
{
    bool off = false;

    for (size_t i = 0; i < run->state.policies.count; i++) {
        const struct hm_enforce_row *row = &run->state.policies.at[i];

        if (row->marked && hm_action_adds(action, row->policy)) {
            return false;
        }
        off = off || (row->marked && row->off[0] != '\0');
    }
    return off;
}

/* A change that did harm is removed even when the ledger cannot be written. The ledger then names a
 * row that is gone; the next pass finds that. */
static enum hm_status unless_harm(struct hm_enforce_run *run, const struct hm_action *action,
                                  enum hm_status st, const struct hm_err *err)
{
    if (st == HM_OK || st == HM_ENOMEM || !takes_harm_back(run, action)) {
        return st;
    }
    hm_run_trouble(run, HM_TOLD_NOT_KEPT, err);
    return HM_OK;
}

static enum hm_status put_after(const struct attempt *attempt, struct hm_err *err)
{
    struct hm_enforce_run *run = attempt->run;
    struct hm_ledger after;
    enum hm_status st = hm_ledger_put(&run->ledger, action_of(attempt), HM_LEDGER_AFTER,
                                      run->now_ms, run->boot_id, run->arena, &after, err);

    hm_run_step(run, "ledger_after");
    if (st == HM_OK) {
        st = unless_harm(run, action_of(attempt), save_ledger(run, &after, err), err);
    }
    if (st == HM_OK) {
        run->ledger = after;
        attempt->done[attempt->at] = true;
        note_own_removal(run, action_of(attempt));
        hm_settling_changed(run);
        run->done++;
        drop_retry(run->retries, find_retry(run, hm_action_hash(action_of(attempt))));
    }
    return st;
}

static bool is_twin_done(const struct attempt *attempt)
{
    for (size_t i = 0; i < attempt->at; i++) {
        if (attempt->done[i] &&
            hm_actions_are_twins(&attempt->run->plan.actions.at[i], action_of(attempt))) {
            return true;
        }
    }
    return false;
}

/* Before the change: killed after it, nobody else would know that a boot is still to come. What
 * was written in this boot was in force all the same when it was done again. */
static void note_removals(struct hm_enforce_run *run, const struct hm_action *action)
{
    for (size_t i = 0; i < run->state.policies.count; i++) {
        struct hm_enforce_row *row = &run->state.policies.at[i];

        if (hm_action_removes_in_force(action, &run->ledger, row->policy,
                                       row->was_verified ? "" : run->boot_id, run->arena)) {
            row->removed_boot_id = run->boot_id;
        }
    }
}

/* Who will have been touched, watched from before the change on. */
static enum hm_status prepare_rows(const struct attempt *attempt, struct hm_err *err)
{
    struct hm_enforce_run *run = attempt->run;
    const struct hm_action *action = action_of(attempt);
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < run->state.policies.count; i++) {
        struct hm_enforce_row *row = &run->state.policies.at[i];

        if (row->marked && hm_action_adds(action, row->policy)) {
            row->tried = true;
            st = hm_deadman_begin(run, row, err);
        }
    }
    note_removals(run, action);
    if (st == HM_OK && !run->state.ledger) { /* there before it is said to be there, after us */
        st = hm_run_save(run, err);
        hm_run_step(run, "ledger_begin");
        st = st == HM_OK ? save_ledger(run, &run->ledger, err) : st;
        run->state.ledger = st == HM_OK;
    }
    return st == HM_OK ? hm_run_save(run, err) : st;
}

/* Does the system surely not have it, now and later? Else the ledger must go on telling of it. */
static bool is_refusal(enum hm_status st)
{
    return st == HM_EBUSY || st == HM_EDENIED || st == HM_EUNSUPPORTED || st == HM_ECONFLICT;
}

/* The ledger after a change that the system refused. Where the precondition still holds, nothing
 * became of it for either family; else what it said before may be no longer true. */
static enum hm_status put_refused(struct hm_enforce_run *run, const struct hm_action *action,
                                  const struct hm_ledger *before, struct hm_err *err)
{
    const bool holds = hm_action_holds(action, &run->planned, &run->pass->observation->inventory);
    struct hm_ledger left;
    enum hm_status st =
        hm_ledger_refused(holds ? before : &run->ledger, action, run->arena, &left, err);

    return st == HM_OK ? save_ledger(run, &left, err) : st;
}

static void note_rows(struct hm_enforce_run *run, bool made, bool unread)
{
    for (size_t i = 0; i < run->state.policies.count; i++) {
        struct hm_enforce_row *row = &run->state.policies.at[i];

        row->made = row->made || (row->marked && made);
        row->unread = row->unread || (row->marked && unread);
    }
}

/* The change is made or not: what the system shows decides. */
static enum hm_carried conclude(const struct attempt *attempt, const struct hm_ledger *before,
                                enum hm_status changed, const struct hm_err *why,
                                struct hm_err *err)
{
    struct hm_enforce_run *run = attempt->run;
    const struct hm_action *action = action_of(attempt);
    const struct hm_actions one = {&run->plan.actions.at[attempt->at], 1};
    struct hm_inventory *inventory = &run->pass->observation->inventory;
    enum hm_shown shown;

    hm_run_step(run, "reread");
    if (run->options->ops->reread(run->options->platform, &one, run->arena, inventory, err) !=
        HM_OK) {
        note_rows(run, true, true);
        return stop(run, action, err);
    }
    shown = hm_action_shown(action, inventory, run->arena);
    note_rows(run, shown != HM_SHOWN_NO || !is_refusal(changed), shown == HM_SHOWN_UNKNOWN);
    if (shown == HM_SHOWN_YES && changed == HM_ECONFLICT &&
        action->kind == HM_ACTION_ADD_EXCLUSION) {
        /* It was there when we came: somebody made it after the precondition was seen. Theirs. */
        return save_ledger(run, before, err) == HM_OK ? HM_CARRIED_AGAIN : stop(run, action, err);
    }
    if (shown == HM_SHOWN_YES) {
        if (put_after(attempt, err) != HM_OK) {
            return stop(run, action, err);
        }
        tell(run, action, "");
        return HM_CARRIED_ALL;
    }
    if (shown == HM_SHOWN_UNKNOWN) {
        return HM_CARRIED_AGAIN;
    }
    if (is_refusal(changed) && put_refused(run, action, before, err) != HM_OK) {
        return stop(run, action, err);
    }
    fail_action(run, action, changed == HM_EBUSY,
                changed == HM_OK ? "the system took it and does not show it" : why->text);
    tell(run, action, changed == HM_OK ? "the system took it and does not show it" : why->text);
    return changed == HM_ECONFLICT ? HM_CARRIED_AGAIN : HM_CARRIED_ALL;
}

static enum hm_carried change(const struct attempt *attempt)
{
    struct hm_enforce_run *run = attempt->run;
    const struct hm_action *action = action_of(attempt);
    const struct hm_ledger before = run->ledger;
    struct hm_ledger both;
    struct hm_err why = {.text = ""};
    struct hm_err err;
    enum hm_status st;

    hm_run_step(run, "watch");
    st = prepare_rows(attempt, &err);
    if (st == HM_OK) {
        st = put_before(attempt, &both, &err);
    }
    if (st == HM_OK) {
        hm_run_step(run, "ledger_before");
        st = save_ledger(run, &both, &err);
    }
    st = unless_harm(run, action, st, &err);
    if (st != HM_OK) {
        return stop(run, action, &err);
    }
    hm_run_step(run, "change");
    run->pass->changed = true;
    st = run->options->ops->change(run->options->platform, action, run->arena, &why);
    return conclude(attempt, &before, st, &why, &err);
}

/* A clock that was set back since is no reason to wait longer than was meant. */
static bool waits_for_retry(const struct hm_enforce_run *run, const struct hm_retry *retry)
{
    return retry != NULL && run->now_ms < retry->next_ms &&
           retry->next_ms - run->now_ms <= RETRY_MOST_MS && (!run->restoring || run->keeps_times);
}

/* How long nothing that somebody undid is done again. */
static int64_t rest_ms(const struct hm_enforce_run *run, const struct hm_enforce_row *row)
{
    const int64_t since_ms = run->now_ms - row->repaired_at;
    unsigned doublings = row->streak - HM_REPAIRS_AT_ONCE;
    int64_t wait_ms;

    if (row->streak < HM_REPAIRS_AT_ONCE || since_ms < 0 || row->chosen == NULL ||
        strcmp(row->verified, row->wanted) != 0) {
        return 0;
    }
    doublings = doublings < RETRY_DOUBLINGS ? doublings : RETRY_DOUBLINGS;
    wait_ms = (int64_t)HM_REPAIR_REST_MS << doublings;
    wait_ms = wait_ms > RETRY_MOST_MS ? RETRY_MOST_MS : wait_ms;
    return wait_ms > since_ms ? wait_ms - since_ms : 0;
}

/* Does it do nothing but repair what is undone again and again? Of the marked rows. */
static bool is_resting(const struct hm_enforce_run *run, const struct hm_action *action)
{
    bool resting = false;

    for (size_t i = 0; i < run->state.policies.count; i++) {
        const struct hm_enforce_row *row = &run->state.policies.at[i];

        if (!row->marked) {
            continue;
        }
        if (!hm_action_adds(action, row->policy) || rest_ms(run, row) == 0) {
            return false;
        }
        resting = true;
    }
    return resting;
}

static bool has_done_enough(const struct hm_enforce_run *run)
{
    return run->changes >= CHANGES_MAX || run->options->now_ms() - run->now_ms >= CHANGES_MS;
}

static enum hm_carried attempt_one(const struct attempt *attempt)
{
    struct hm_enforce_run *run = attempt->run;
    const struct hm_action *action = action_of(attempt);
    const struct hm_inventory *inventory = &run->pass->observation->inventory;
    struct hm_err err;

    mark_rows(run, action);
    if (waits_for_retry(run, find_retry(run, hm_action_hash(action))) || is_resting(run, action)) {
        return HM_CARRIED_ALL;
    }
    if (hm_action_shown(action, inventory, run->arena) == HM_SHOWN_YES) {
        if (!is_twin_done(attempt)) {
            return HM_CARRIED_AGAIN; /* somebody did it: it is theirs */
        }
        if (put_after(attempt, &err) != HM_OK) {
            return stop(run, action, &err);
        }
        tell(run, action, "");
        return HM_CARRIED_ALL;
    }
    if (!hm_action_holds(action, &run->planned, inventory)) {
        return HM_CARRIED_AGAIN;
    }
    if (has_done_enough(run)) {
        run->unfinished = true;
        return HM_CARRIED_ALL;
    }
    run->changes++;
    return change(attempt);
}

enum hm_carried hm_carry_out(struct hm_enforce_run *run)
{
    struct hm_inventory *inventory = &run->pass->observation->inventory;
    struct attempt attempt = {.run = run};
    enum hm_carried carried = HM_CARRIED_ALL;
    struct hm_err err;

    attempt.done = hm_arena_alloc(run->arena, run->plan.actions.count, sizeof(*attempt.done));
    hm_run_step(run, "reread");
    if (attempt.done == NULL ||
        run->options->ops->reread(run->options->platform, &run->plan.actions, run->arena, inventory,
                                  &err) != HM_OK) {
        return attempt.done == NULL ? HM_CARRIED_STOP : stop(run, &run->plan.actions.at[0], &err);
    }
    for (; carried == HM_CARRIED_ALL && attempt.at < run->plan.actions.count; attempt.at++) {
        carried = attempt_one(&attempt);
    }
    return carried;
}

/* ---- between and after --------------------------------------------------------------------- */

bool hm_carry_forget(struct hm_enforce_run *run)
{
    struct hm_ledger left = run->ledger;
    enum hm_status st = HM_OK;
    bool news = false;
    struct hm_err err;

    for (size_t i = 0; st == HM_OK && i < run->plan.notes.count; i++) {
        const struct hm_plan_note *note = &run->plan.notes.at[i];

        if (note->kind == HM_NOTE_GONE || note->kind == HM_NOTE_FOREIGN_LEFT_ALONE) {
            st = hm_ledger_remove(&left, note, run->arena, &left, &err);
            news = true;
        }
    }
    if (st == HM_OK && news) {
        hm_run_step(run, "ledger_forget");
        st = save_ledger(run, &left, &err);
    }
    if (st != HM_OK) {
        give_up(run, &err);
    }
    return st == HM_OK;
}

bool hm_carry_owners(struct hm_enforce_run *run)
{
    struct hm_ledger settled;
    bool moved = false;
    struct hm_err err;
    enum hm_status st = hm_owners_settle(run, &settled, &moved, &err);

    if (st == HM_OK && moved) {
        hm_run_step(run, "ledger_owners");
        st = save_ledger(run, &settled, &err);
    }
    if (st != HM_OK) {
        give_up(run, &err);
    }
    return st == HM_OK;
}

static void blame_who_undoes(struct hm_enforce_run *run, const struct hm_action *action)
{
    for (size_t i = 0; i < run->state.policies.count; i++) {
        struct hm_enforce_row *row = &run->state.policies.at[i];
        const int64_t in_ms = row->marked ? rest_ms(run, row) : 0;

        if (in_ms > 0 && hm_action_adds(action, row->policy)) {
            hm_run_again(run, in_ms);
            row->failure = hm_arena_printf(
                run->arena,
                "Somebody undoes it again and again: it was done again %u times, and is given "
                "longer pauses now. Find out what else manages the ports of this host (scripts, "
                "group policies, configuration management).",
                row->repairs);
            row->failure = row->failure == NULL ? "Somebody undoes it." : row->failure;
            row->busy = false;
        }
    }
}

void hm_carry_settle(struct hm_enforce_run *run)
{
    size_t left = 0;

    for (size_t i = 0; i < run->plan.actions.count; i++) {
        const struct hm_action *action = &run->plan.actions.at[i];
        struct hm_retry *retry = find_retry(run, hm_action_hash(action));

        mark_rows(run, action);
        if (retry != NULL) {
            retry->seen = true;
            blame(run, retry->busy, retry->text);
            hm_run_again(run, retry->next_ms - run->now_ms);
        } else if (is_resting(run, action)) {
            blame_who_undoes(run, action);
        } else if (run->unfinished) {
            blame(run, true, "Its changes are still being made.");
            hm_run_again(run, UNFINISHED_MS);
        }
    }
    for (size_t i = 0; i < run->retries->count; i++) {
        struct hm_retry retry = run->retries->at[i];

        if (retry.seen) {
            retry.seen = false;
            run->retries->at[left++] = retry;
        }
    }
    run->retries->count = left;
}
