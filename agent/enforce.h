/* agent/enforce.h — carries out what the policies want of this host, and tells how far it came.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Plan, then for each action: ledger "before" to disk, precondition, change, reread, ledger "after"
 * to disk. Killed anywhere, the next pass goes on from what ledger and system show. What is undone
 * by others is done again and counted (repaired). After a change the listeners it was to protect
 * are watched (dead-man): one that is lost, or a host that gets no ephemeral ports, takes the
 * change back, and this revision stays off on this host. Everything needed survives a restart, in
 * the state folder: ledger.json, enforce.json. Threads: one. */
#pragma once

#include "agent/platform/platform.h"
#include "agent/policies.h"
#include "common/ports/outcome.h"

struct hm_enforcer;

struct hm_enforcer_options {
    const char *state_dir;
    const struct hm_platform_ops *ops;
    struct hm_platform *platform;
    struct hm_local_limits limits; /* borrowed lists */
    int64_t (*now_ms)(void);
    /* Tests: called before every step with its name ("ledger_before", "change", …); NULL = none. */
    void (*step)(const char *name, void *arg);
    void *step_arg;
};

/* What one pass is given and gives. */
struct hm_enforce_pass {
    const struct hm_agent_policies *policies;
    const char *host;
    struct hm_strings labels; /* configured and given by the collector */
    const struct hm_catalogue *catalogue;
    struct hm_observation *observation; /* its inventory is reread after changes */
    struct hm_arena *arena;

    /* Out. The report lives in the arena. */
    struct hm_outcome_report report;
    bool changed;        /* the system was changed: judge again */
    int64_t again_in_ms; /* look again at the latest then: a watch, a busy port; 0 = whenever */
};

enum hm_status hm_enforcer_open(const struct hm_enforcer_options *options,
                                struct hm_enforcer **out_enforcer,
                                struct hm_err *err) HM_MUST_CHECK;
void hm_enforcer_close(struct hm_enforcer *enforcer);

/* One pass. Fails when nothing can be told at all, or the ledger cannot be written (then nothing
 * was changed). */
enum hm_status hm_enforce(struct hm_enforcer *enforcer, struct hm_enforce_pass *pass,
                          struct hm_err *err) HM_MUST_CHECK;

/* hm-agent restore: everything that the ledger tells of is taken back, and from then on nothing is
 * enforced here (outcomes: refused, local_limit) until hm_enforcer_resume. */
enum hm_status hm_enforcer_restore(struct hm_enforcer *enforcer, struct hm_enforce_pass *pass,
                                   struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_enforcer_resume(struct hm_enforcer *enforcer, struct hm_err *err) HM_MUST_CHECK;
bool hm_enforcer_is_held(const struct hm_enforcer *enforcer);
