/* agent/enforce/enforce.c — carries out what the policies want of this host, and tells how far it
 * came. SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/enforce.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/enforce/carry_out.h"
#include "agent/enforce/deadman.h"
#include "agent/enforce/kept.h"
#include "agent/enforce/outcomes.h"
#include "agent/enforce/run_plan.h"
#include "agent/enforce/settling.h"
#include "agent/enforce/stand_in.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"

#define ROUNDS_MAX 4 /* plans of one pass; a system that moves on under it gets the next pass */
#define CONFLICT_AGAIN_MS 30000
#define OPEN_ARENA_BYTES (32u * 1024u * 1024u)

struct hm_enforcer {
    struct hm_enforcer_options options;
    struct hm_retries retries;
    struct hm_troubles troubles;
    uint64_t deadman_s;      /* hm_run_boot_s of the last look; not kept: a start looks at once */
    int64_t broken_since_ms; /* where that cannot be kept; 0 = it is not */
    bool held;
    bool restores; /* a restore goes on with the next call */
};

/* ---- rows ---------------------------------------------------------------------------------- */

/* Room for a row of every policy; the texts of what is read from disk are never NULL. */
static enum hm_status make_room(struct hm_enforce_run *run, struct hm_err *err)
{
    struct hm_enforce_rows *rows = &run->state.policies;
    struct hm_enforce_row *at =
        hm_arena_alloc(run->arena, rows->count + run->pass->policies.count, sizeof(*at));

    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to enforce policies");
    }
    if (rows->count > 0) {
        memcpy(at, rows->at, rows->count * sizeof(*at));
    }
    rows->at = at;
    return HM_OK;
}

/* While a fact is missing, what matched this host still matches: nothing is removed for that.
 * Before the host has settled, a service that a policy asks for may not run yet: what was added for
 * it stays.
 */
static bool means(const struct hm_enforce_run *run, const struct hm_policy *policy,
                  const struct hm_enforce_row *row)
{
    const struct hm_inventory *inventory = &run->pass->observation->inventory;

    if (hm_policy_matches(policy, inventory, &run->pass->labels, run->pass->host)) {
        return true;
    }
    return row != NULL && row->state != HM_OUTCOME_RETIRED &&
           (!inventory->has_services ||
            (!run->settled && hm_ledger_names(&run->ledger, policy->name)));
}

static uint64_t hash_numbers(uint64_t hash, unsigned a, unsigned b, unsigned c)
{
    const unsigned numbers[] = {a, b, c};

    return hm_str_hash(hash, numbers, sizeof(numbers));
}

/* What it wants of this host: ports, ranges, TcpTimedWaitDelay. */
static enum hm_status read_wants(struct hm_enforce_run *run, struct hm_enforce_row *row,
                                 struct hm_err *err)
{
    const struct hm_policy *policy = row->chosen;
    uint64_t hash = HM_HASH_START;
    const char *missing = "";
    enum hm_status st;

    st = hm_policy_wants(policy, run->pass->catalogue, run->arena, &row->wants, &missing, err);
    if (st == HM_ETOOBIG) {
        row->failure = hm_arena_strdup(run->arena, err->text);
        row->wants_unknown = true;
        return HM_OK;
    }
    row->wants_unknown = missing[0] != '\0';
    for (size_t i = 0; st == HM_OK && i < row->wants.count; i++) {
        const struct hm_want *want = &row->wants.at[i];

        hash = hash_numbers(hash, (unsigned)want->protocol * 4 + (unsigned)want->families,
                            want->range.first, want->range.last);
    }
    for (size_t i = 0; i < policy->ranges.count; i++) {
        hash = hash_numbers(hash, 8 + (unsigned)policy->ranges.at[i].protocol,
                            policy->ranges.at[i].range.first, policy->ranges.at[i].range.last);
    }
    if (policy->has_tcp_timed_wait_delay_s) {
        hash = hash_numbers(hash, 16, policy->tcp_timed_wait_delay_s, 0);
    }
    (void)snprintf(row->wanted, sizeof(row->wanted), "%016" PRIx64, hash);
    return st;
}

static struct hm_enforce_row *begin_row(struct hm_enforce_run *run, struct hm_enforce_row *row,
                                        const struct hm_policy *policy)
{
    const char *removed_boot_id = row != NULL ? row->removed_boot_id : "";
    const bool was_verified = row != NULL && row->was_verified;

    if (row == NULL) {
        row = &run->state.policies.at[run->state.policies.count++];
        *row = (struct hm_enforce_row){.revision = 0};
    }
    if (row->revision != policy->revision) {
        const bool is_watched = row->has_watch && policy->mode != HM_POLICY_RETIRE;
        const struct hm_enforce_row was = *row;

        *row = (struct hm_enforce_row){
            .policy = policy->name,
            .revision = policy->revision,
            .state = HM_OUTCOME_WAITING,
            .verified = "",
            .off = "",
            .innocent_of = "",
            .guessed_boot_id = "",
            .guessed_of = "",
            .was_verified = was_verified,
            .removed_boot_id = removed_boot_id,
            .has_watch = is_watched, /* what the revision before changed is in force */
            .watch = was.watch,
            .changed_boot_id = was.changed_boot_id == NULL ? "" : was.changed_boot_id,
            .changed_at = was.changed_at,
            .changed_s = was.changed_s,
            .changed_number = was.changed_number,
            .knows_before = was.knows_before,
            .failed_before = was.failed_before,
            .failing_before = was.failing_before,
            .errors_before = was.errors_before,
        };
    }
    row->mode = policy->mode;
    return row;
}

/* Is it certain that the policy does not mean this host? That is told, too: the collector offered
 * it, and would wait for ever. */
static bool means_others(const struct hm_enforce_run *run, const struct hm_policy *policy)
{
    return hm_policy_excludes(policy, &run->pass->observation->inventory, &run->pass->labels,
                              run->pass->host);
}

/* A host takes policies for years: one that is over and has no row gets none beside too many. */
static bool is_crowded_out(const struct hm_enforce_run *run, const struct hm_policy *policy,
                           const struct hm_enforce_row *row, bool meant)
{
    return row == NULL && run->state.policies.count >= HM_LIMIT_POLICIES &&
           (policy->mode == HM_POLICY_RETIRE || !meant);
}

/* Each policy that was taken has a row; what is wanted of it, where it means this host, is chosen.
 */
static enum hm_status match_policies(struct hm_enforce_run *run, struct hm_err *err)
{
    enum hm_status st = make_room(run, err);

    for (size_t i = 0; st == HM_OK && i < run->pass->policies.count; i++) {
        const struct hm_policy *policy = run->pass->policies.at[i];
        struct hm_enforce_row *row = hm_run_row(run, policy->name);
        const bool meant = means(run, policy, row);

        if (is_crowded_out(run, policy, row, meant)) {
            continue;
        }
        if (!meant) {
            if (means_others(run, policy)) {
                (void)begin_row(run, row, policy);
            }
            continue;
        }
        row = begin_row(run, row, policy);
        if (policy->mode != HM_POLICY_RETIRE && row->off[0] == '\0' &&
            !hm_policy_is_expired(policy, run->expiry_ms)) {
            row->chosen = policy;
            st = read_wants(run, row, err);
            hm_deadman_drop(row);
        }
    }
    return st;
}

/* Delivered once, and not said to be over: a document that is lost takes nothing back. */
static bool is_lost(const struct hm_enforce_run *run, const struct hm_enforce_row *row)
{
    const struct hm_enforce_pass *pass = run->pass;

    for (size_t i = 0; i < pass->policies.count; i++) {
        if (strcmp(pass->policies.at[i]->name, row->policy) == 0) {
            return false;
        }
    }
    for (size_t i = 0; i < pass->refused_count; i++) {
        if (pass->refused[i].code == HM_REFUSE_EXPIRED &&
            pass->refused[i].revision >= row->revision &&
            strcmp(pass->refused[i].policy, row->policy) == 0) {
            return false;
        }
    }
    if (row->removed_boot_id[0] != '\0' && !hm_ledger_names(&run->ledger, row->policy)) {
        return false; /* all of it was removed while the document was there */
    }
    return row->state != HM_OUTCOME_RETIRED && row->mode != HM_POLICY_RETIRE && row->off[0] == '\0';
}

static enum hm_status put_stand_ins(struct hm_enforce_run *run, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < run->state.policies.count; i++) {
        struct hm_enforce_row *row = &run->state.policies.at[i];

        row->lost = row->chosen == NULL && is_lost(run, row);
        if (row->lost || row->wants_unknown) {
            row->wants = (struct hm_wants){NULL, 0};
            st = hm_stand_in(row->policy, row->revision, &run->ledger, run->arena, &row->stand_in,
                             err);
        }
    }
    return st;
}

/* ---- actions ------------------------------------------------------------------------------- */

/* Until nothing is left that can be done now; the plan of the end is what outcomes are told from.
 */
static enum hm_status carry_out(struct hm_enforce_run *run, struct hm_err *err)
{
    enum hm_status st = hm_run_plan(run, err);

    for (unsigned round = 0; st == HM_OK && run->broken == NULL && round < ROUNDS_MAX; round++) {
        enum hm_carried carried = HM_CARRIED_ALL;
        const bool forgotten = hm_carry_forget(run);

        if (forgotten && run->plan.actions.count > 0) {
            carried = hm_carry_out(run);
        }
        st = hm_run_plan(run, err);
        if (!forgotten || carried != HM_CARRIED_AGAIN) {
            break;
        }
        if (round + 1 == ROUNDS_MAX) {
            hm_run_again(run, CONFLICT_AGAIN_MS);
        }
    }
    if (st == HM_OK && run->broken == NULL && run->stopped == NULL) {
        (void)(hm_carry_forget(run) && (run->restoring || hm_carry_owners(run)));
    }
    hm_carry_settle(run);
    if (st == HM_OK) {
        hm_kept_keep(run);
    }
    return st;
}

/* ---- a pass -------------------------------------------------------------------------------- */

/* A watch over a change that was not made blames nobody. */
static void end_idle_watches(struct hm_enforce_run *run)
{
    for (size_t i = 0; i < run->state.policies.count; i++) {
        struct hm_enforce_row *row = &run->state.policies.at[i];

        if (row->watch_is_new && !row->made) {
            row->has_watch = false;
        }
        if (row->has_watch && row->watch.paused_s == 0) {
            const int64_t left_ms =
                ((int64_t)row->watch.until_s - (int64_t)hm_run_boot_s(run)) * 1000;

            hm_run_again(run, left_ms > 0 && left_ms < HM_DEADMAN_LOOK_MS ? left_ms
                                                                          : HM_DEADMAN_LOOK_MS);
        }
    }
}

static enum hm_status load(struct hm_enforcer *enforcer, struct hm_enforce_run *run,
                           struct hm_err *err)
{
    const char *state_dir = enforcer->options.state_dir;
    enum hm_status st = hm_enforce_state_load_own(state_dir, enforcer->options.state_id, run->arena,
                                                  &run->state, err);

    if (st == HM_OK) {
        enforcer->held = run->state.held;
        st = hm_ledger_load(state_dir, run->state.ledger, run->arena, &run->ledger, err);
    } else {
        run->state = (struct hm_enforce_state){.id = "", .held = false};
    }
    if (st == HM_EINVAL || st == HM_ECONFLICT) {
        run->broken = hm_arena_strdup(run->arena, err->text);
        st = run->broken == NULL ? hm_fail(err, HM_ENOMEM, "no memory to enforce policies") : HM_OK;
        enforcer->broken_since_ms =
            enforcer->broken_since_ms != 0 ? enforcer->broken_since_ms : run->now_ms;
        hm_run_trouble(run, HM_TOLD_DAMAGED, err);
    } else {
        enforcer->broken_since_ms = 0;
    }
    return st;
}

static struct hm_enforce_run begin(struct hm_enforcer *enforcer, struct hm_enforce_pass *pass)
{
    struct hm_enforce_run run = {
        .options = &enforcer->options,
        .pass = pass,
        .arena = pass->arena,
        .retries = &enforcer->retries,
        .troubles = &enforcer->troubles,
        .now_ms = enforcer->options.now_ms(),
        .limits = enforcer->options.limits,
    };

    run.expiry_ms = pass->expiry_ms != 0 ? pass->expiry_ms : run.now_ms;
    run.boot_id = pass->observation->boot_id != NULL ? pass->observation->boot_id : "";
    pass->changed = false;
    pass->needs_reboot = false;
    pass->again_in_ms = 0;
    pass->report = (struct hm_outcome_report){.refused = ""};
    return run;
}

/* Rows and times are on disk when something became of them; a full disk silences nobody. */
static void save_rows(struct hm_enforcer *enforcer, struct hm_enforce_run *run)
{
    struct hm_err err;

    if (run->broken != NULL && enforcer->broken_since_ms != 0) {
        for (size_t i = 0; i < run->state.policies.count; i++) {
            run->state.policies.at[i].since = enforcer->broken_since_ms;
            run->state.policies.at[i].failing_since = enforcer->broken_since_ms;
        }
        return; /* what is damaged is looked at by a person, not overwritten */
    }
    hm_run_drop_old_rows(run);
    if (hm_run_save(run, &err) != HM_OK) {
        hm_run_trouble(run, HM_TOLD_NOT_KEPT, &err);
    }
}

static enum hm_status finish(struct hm_enforcer *enforcer, struct hm_enforce_run *run,
                             struct hm_err *err)
{
    enum hm_status st;

    end_idle_watches(run);
    hm_outcomes_judge(run);
    st = hm_settling_end(run, err);
    if (st != HM_OK) {
        return st;
    }
    save_rows(enforcer, run);
    hm_run_settle_troubles(run);
    return hm_outcomes_report(run, err);
}

/* Nothing is judged or reported: the next pass sees all of the host. */
static enum hm_status enforce_urgent(struct hm_enforce_run *run, struct hm_err *err)
{
    enum hm_status st;

    hm_settling_begin_urgent(run);
    st = match_policies(run, err);
    if (st == HM_OK) {
        st = put_stand_ins(run, err);
    }
    if (st == HM_OK) {
        st = hm_run_plan(run, err);
    }
    if (st != HM_OK || run->broken != NULL || run->plan.actions.count == 0) {
        return st;
    }
    (void)hm_carry_out(run);
    hm_carry_settle(run);
    end_idle_watches(run);
    return hm_run_save(run, err);
}

void hm_enforcer_reapply(struct hm_enforcer *enforcer)
{
    const struct hm_platform_ops *ops = enforcer->options.ops;
    struct hm_enforce_state state;
    struct hm_ledger ledger;
    struct hm_arena arena;
    bool added = false;

    if (ops->reapply == NULL || enforcer->options.limits.enforce_off) {
        return;
    }
    hm_arena_init(&arena, OPEN_ARENA_BYTES);
    if (hm_enforce_state_load_own(enforcer->options.state_dir, enforcer->options.state_id, &arena,
                                  &state, NULL) == HM_OK &&
        state.ledger && !state.held &&
        hm_ledger_load(enforcer->options.state_dir, true, &arena, &ledger, NULL) == HM_OK &&
        ops->reapply(enforcer->options.platform, &ledger, false, &arena, &added, NULL) == HM_OK &&
        added) {
        hm_log_event(HM_LOG_INFO, "reserved_again");
    }
    hm_arena_fini(&arena);
}

unsigned hm_enforcer_urgent(const struct hm_enforcer *enforcer)
{
    struct hm_enforce_state state;
    struct hm_arena arena;
    unsigned stacks = 0;

    hm_arena_init(&arena, OPEN_ARENA_BYTES);
    if (hm_enforce_state_load_own(enforcer->options.state_dir, enforcer->options.state_id, &arena,
                                  &state, NULL) == HM_OK &&
        !state.held) {
        for (size_t i = 0; i < state.policies.count; i++) {
            const struct hm_enforce_waits *waits = &state.policies.at[i].waits;

            for (size_t k = 0; k < waits->count; k++) {
                stacks |= 1u << hm_stack_index(waits->at[k].protocol, waits->at[k].family);
            }
        }
    }
    hm_arena_fini(&arena);
    return stacks;
}

enum hm_status hm_enforce(struct hm_enforcer *enforcer, struct hm_enforce_pass *pass,
                          struct hm_err *err)
{
    struct hm_enforce_run run = begin(enforcer, pass);
    enum hm_status st = load(enforcer, &run, err);

    run.limits.enforce_off = run.limits.enforce_off || run.state.held;
    if (st == HM_OK && run.broken == NULL && pass->hazards_unknown != NULL) {
        (void)hm_fail(err, HM_EIO, "nothing is changed here: %s", pass->hazards_unknown);
        hm_run_trouble(&run, HM_TOLD_NOT_PLANNED, err);
        run.broken = hm_arena_strdup(run.arena, err->text);
        run.broken = run.broken == NULL ? pass->hazards_unknown : run.broken;
    }
    if (pass->urgent) {
        return st != HM_OK || run.broken != NULL || run.limits.enforce_off
                   ? st
                   : enforce_urgent(&run, err);
    }
    hm_settling_begin(&run);
    hm_kept_reapply(&run);
    if (st == HM_OK && run.broken == NULL && !run.limits.enforce_off) {
        hm_deadman_look(&run, &enforcer->deadman_s);
    }
    if (st == HM_OK) {
        st = match_policies(&run, err);
    }
    if (st == HM_OK && run.broken == NULL) {
        st = put_stand_ins(&run, err);
    }
    if (st == HM_OK && run.broken == NULL) {
        st = carry_out(&run, err);
    }
    return st == HM_OK ? finish(enforcer, &run, err) : st;
}

/* ---- restore ------------------------------------------------------------------------------- */

/* From here on nothing is wanted, also when this is killed half-way. */
static enum hm_status hold(struct hm_enforcer *enforcer, struct hm_enforce_run *run,
                           struct hm_err *err)
{
    enum hm_status st;

    for (size_t i = 0; i < run->state.policies.count; i++) {
        struct hm_enforce_row *row = &run->state.policies.at[i];

        row->has_watch = false;
        row->verified = "";
        row->disturbed = false;
    }
    run->state.held = true;
    st = hm_run_save(run, err);
    if (st == HM_OK) {
        enforcer->held = true;
    }
    return st;
}

enum hm_status hm_enforcer_restore(struct hm_enforcer *enforcer, struct hm_enforce_pass *pass,
                                   struct hm_err *err)
{
    struct hm_enforce_run run = begin(enforcer, pass);
    bool renewed;
    enum hm_status st = hm_enforce_state_renew(
        enforcer->options.state_dir, enforcer->options.state_id, run.arena, &renewed, err);

    st = st == HM_OK || st == HM_ECONFLICT ? load(enforcer, &run, err) : st;
    run.restoring = true;
    run.keeps_times = enforcer->restores;
    enforcer->restores = false;
    run.limits = (struct hm_local_limits){.enforce_off = false};
    if (st == HM_OK && run.broken != NULL) {
        return hm_fail(err, HM_EINVAL, "%s", run.broken);
    }
    if (st == HM_OK) {
        st = hold(enforcer, &run, err);
    }
    if (st == HM_OK) {
        st = carry_out(&run, err);
    }
    if (st == HM_OK) {
        st = finish(enforcer, &run, err);
    }
    if (st == HM_OK && run.unfinished && run.done > 0) {
        enforcer->restores = true;
        return hm_fail(err, HM_EBUSY, "not everything is removed yet; the next pass continues");
    }
    if (st == HM_OK && !hm_ledger_is_empty(&run.ledger)) {
        st = hm_fail(err, HM_ECONFLICT,
                     "not everything could be removed%s%s; fix that, then run it again",
                     run.stopped != NULL || run.broken != NULL ? ": " : "",
                     run.stopped != NULL  ? run.stopped
                     : run.broken != NULL ? run.broken
                                          : "");
    }
    return st;
}

enum hm_status hm_enforcer_resume(struct hm_enforcer *enforcer, bool *out_renewed,
                                  struct hm_err *err)
{
    const struct hm_enforcer_options *options = &enforcer->options;
    struct hm_enforce_state state;
    struct hm_arena arena;
    enum hm_status st;

    hm_arena_init(&arena, OPEN_ARENA_BYTES);
    st = hm_enforce_state_renew(options->state_dir, options->state_id, &arena, out_renewed, err);
    if (st == HM_OK) {
        st = hm_enforce_state_load_own(options->state_dir, options->state_id, &arena, &state, err);
    }
    if (st == HM_OK && state.held) {
        state.held = false;
        st = hm_enforce_state_save(options->state_dir, &state, err);
    }
    if (st == HM_OK) {
        enforcer->held = false;
    }
    hm_arena_fini(&arena);
    return st;
}

/* ---- its life ------------------------------------------------------------------------------ */

bool hm_enforcer_is_held(const struct hm_enforcer *enforcer)
{
    return enforcer->held;
}

enum hm_status hm_enforcer_open(const struct hm_enforcer_options *options,
                                struct hm_enforcer **out_enforcer, struct hm_err *err)
{
    struct hm_enforcer *enforcer = calloc(1, sizeof(*enforcer));
    struct hm_enforce_state state = {.held = false};
    struct hm_arena arena;
    struct hm_err why;

    if (enforcer == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to enforce policies");
    }
    enforcer->options = *options;
    if (options->state_id == NULL) {
        enforcer->options.state_id = "";
    }
    hm_arena_init(&arena, OPEN_ARENA_BYTES);
    if (hm_enforce_state_load_own(options->state_dir, enforcer->options.state_id, &arena, &state,
                                  &why) == HM_OK) {
        enforcer->held = state.held; /* damage is told by each pass */
    }
    hm_arena_fini(&arena);
    *out_enforcer = enforcer;
    return HM_OK;
}

void hm_enforcer_close(struct hm_enforcer *enforcer)
{
    free(enforcer);
}
