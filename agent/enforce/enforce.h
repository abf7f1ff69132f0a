/* agent/enforce/enforce.h — carries out what the policies want of this host, and tells how far it
 * came. SPDX-License-Identifier: Apache-2.0
 *
 * Plan, then for each action: ledger "before" to disk, precondition, change, reread, ledger "after"
 * to disk. Killed anywhere, the next pass goes on from what ledger and system show. What is undone
 * by others is done again and counted (repaired); who undoes it again and again is given way to,
 * longer each time, and reported. A pass that has much to do leaves some of it to the next one, so
 * that the host is looked at and reported in between. After a change the listeners it was to
 * protect are watched (dead-man): one that is lost, or a host that gets no ephemeral ports, takes
 * the change back, also where nothing can be written, and this revision stays off on this host.
 * Until the host has settled since its boot nothing new is changed (agent/enforce/settling.h).
 * Everything needed survives a restart, in the state folder: ledger.json, enforce.json. Where one
 * of them is damaged or lost nothing is guessed: nothing is changed, and the report says so.
 * Threads: one. */
#pragma once

#include "agent/platform/platform.h"
#include "agent/policies.h"
#include "common/plan/outcome.h"

struct hm_enforcer;

struct hm_enforcer_options {
    const char *state_dir;
    const char *state_id; /* of the state folder (port_book.h); NULL or "" = not known */
    const struct hm_platform_ops *ops;
    struct hm_platform *platform;
    struct hm_local_limits limits; /* borrowed lists */
    int64_t (*now_ms)(void);
    /* Tests: called before every step with its name ("ledger_before", "change", …); NULL = none. */
    void (*step)(const char *name, void *arg);
    void *step_arg;
    /* Each action once it was tried: failed "" when the system shows it. NULL = nobody asks. */
    void (*tried)(const struct hm_action *action, const char *failed, void *arg);
    void *tried_arg;
    /* Tests: new changes are made before the host has settled (policies.md, "What the agent does",
     * 8), and while settings cannot be read (3). */
    bool skips_settling;
};

/* What one pass is given and gives. */
struct hm_enforce_pass {
    struct hm_policies policies;             /* taken and not expired, retire among them */
    const struct hm_policy_refused *refused; /* what was delivered and not taken */
    size_t refused_count;
    const char *desired_error; /* why the newest desired state as a whole was refused; "" not */
    uint64_t trust_version;
    const char *host;
    struct hm_strings labels; /* configured and given by the collector */
    const struct hm_catalogue *catalogue;
    struct hm_observation *observation; /* its inventory is reread after changes */
    int64_t observed_ms;                /* when it was begun; 0 = just now */
    int64_t expiry_ms;                  /* by which policies expire and windows open; 0 = now */
    bool clock_doubted;                 /* and then no window opens (expiry_clock.h) */
    /* Why it is not known which ports must not be excluded: nothing is changed; NULL = it is. */
    const char *hazards_unknown;
    const struct hm_port_hazards *remembered; /* as in hm_plan_input; NULL = none */
    bool memory_lost;                         /* likewise */
    struct hm_arena *arena;
    /* Early in a boot: the observation is one of the stacks on which something waited for a plain
     * socket, and no more (hm_reading). There only what may be done before the host has settled is
     * done. There is no report. */
    bool urgent;

    /* Out. The report lives in the arena; equal bytes while nothing changes. */
    struct hm_outcome_report report;
    bool changed;        /* the system was changed: judge again */
    bool needs_reboot;   /* something was removed that is in force until the next boot */
    int64_t again_in_ms; /* look again at the latest then: a watch, a busy port; 0 = whenever */
};

enum hm_status hm_enforcer_open(const struct hm_enforcer_options *options,
                                struct hm_enforcer **out_enforcer,
                                struct hm_err *err) HM_MUST_CHECK;
void hm_enforcer_close(struct hm_enforcer *enforcer);

/* One pass. What cannot be planned, written or changed is in the report; fails only when there can
 * be none (no memory). */
enum hm_status hm_enforce(struct hm_enforcer *enforcer, struct hm_enforce_pass *pass,
                          struct hm_err *err) HM_MUST_CHECK;

/* Between passes: adds what others took out by loading their own settings again (reapply of
 * platform.h), under the conditions of a pass. What fails here is told by the next pass. */
void hm_enforcer_reapply(struct hm_enforcer *enforcer);

/* The stacks, 1 << hm_stack_index, on which something waits that may be added before the host has
 * settled; 0 none, or what is kept cannot be read. */
unsigned hm_enforcer_urgent(const struct hm_enforcer *enforcer);

/* hm-agent restore: everything that the ledger tells of is taken back, whatever the local limits
 * say, and from then on nothing is enforced here (outcomes: refused, local_limit) until
 * hm_enforcer_resume. HM_EBUSY: there is more, the same call with a new observation goes on.
 * HM_ECONFLICT: something could not be taken back; the same call tries again.
 * HM_EINVAL: ledger.json is damaged, or enforce.json another agent's: nothing was done. A damaged
 * or lost enforce.json is renewed: the ledger says what was added. */
enum hm_status hm_enforcer_restore(struct hm_enforcer *enforcer, struct hm_enforce_pass *pass,
                                   struct hm_err *err) HM_MUST_CHECK;
/* Also where enforce.json is damaged or gone: what it said is given up, and kept as
 * enforce.json.broken. HM_ECONFLICT: it is another agent's. *out_renewed: it was so. */
enum hm_status hm_enforcer_resume(struct hm_enforcer *enforcer, bool *out_renewed,
                                  struct hm_err *err) HM_MUST_CHECK;
bool hm_enforcer_is_held(const struct hm_enforcer *enforcer);
