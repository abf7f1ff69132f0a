/* agent/platform/guard.h — services that start only after the agent's first pass of the boot.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Implemented in linux/ and windows/, chosen at link time. A guarded service depends on the service
 * HavenmasterGuard, a program of its own (agent/guard), which runs once the agent's first pass of
 * enforcement is done or after 20 seconds. Nothing but a person at the host adds a guard; the agent
 * itself only takes guards away that can no longer work. Linux: nothing is needed, because what
 * policies reserve is in force before any service starts; add, remove and list answer
 * HM_EUNSUPPORTED with what to do there, the rest does nothing. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/ports/inventory.h"

struct hm_guarded {
    const char *service;
    bool added;         /* by hm_guard_add; false: by somebody's own hand */
    bool in_force;      /* it depends on the guard now */
    const char *cure;   /* the one command that sets its other dependencies and no guard; "" gone */
    const char *quoted; /* its name as cmd.exe takes it on a command line */
    const char *useless; /* why the guard does not help it, in a sentence; "" it does */
};

struct hm_guarded_list {
    struct hm_guarded *at;
    size_t count;
    const char *fault; /* why the guard cannot work, in a sentence; "" it can, or nobody needs it */
    const char *no_pass; /* why guarded services do not wait for the agent's first pass in this
                            boot, in a sentence; "" it is done, or may still be in time */
    bool unlisted;       /* Windows would not start the guard in safe mode */
};

/* Makes the service wait. In this order, so that a kill at any moment leaves every service able to
 * start: the guard's own program and service are put there and have run once; the record of what is
 * added is written; the dependency is added to those that are there, and read again. The same call
 * again completes or repairs. HM_ECONFLICT: this service may not be guarded, or somebody changes it
 * at the same time; HM_EDENIED: not elevated. out_rows: this service. */
enum hm_status hm_guard_add(const char *service, struct hm_arena *arena,
                            struct hm_guarded_list *out_rows, struct hm_err *err) HM_MUST_CHECK;

/* Takes the guard out of this service's dependencies and leaves all others as they are now; with
 * the last one the guard's own service and program go, too. HM_ENOENT: it has no guard. Where no
 * service has one, what a command that was cut short left of the guard is removed: *out_had_it is
 * false then. */
enum hm_status hm_guard_remove(const char *service, struct hm_arena *arena, bool *out_had_it,
                               struct hm_err *err) HM_MUST_CHECK;

/* The same for every service, also if added by hand: from then on nothing of it is on the host.
 * HM_OK also when there was nothing. Dependencies go first: on a failure the guard stays as it is,
 * and works. out_names: those that had one. */
enum hm_status hm_guard_remove_all(struct hm_arena *arena, struct hm_strings *out_names,
                                   struct hm_err *err) HM_MUST_CHECK;

/* What of the guard is still on this host though no service has one: paths. */
struct hm_guard_leftovers {
    struct hm_strings going; /* files in use that Windows removes with the next restart */
    struct hm_strings
        staying; /* in use, and Windows was not asked; or somebody else put it there */
    bool unused; /* its service or record: a command was cut short, or runs at this moment; without
                    the paths */
};
enum hm_status hm_guard_left(struct hm_arena *arena, struct hm_guard_leftovers *out_left,
                             struct hm_err *err) HM_MUST_CHECK;

/* Reads only; no rights are needed. */
enum hm_status hm_guard_list(struct hm_arena *arena, struct hm_guarded_list *out_rows,
                             struct hm_err *err) HM_MUST_CHECK;

/* Tells the guard that the first pass of this boot is done. */
enum hm_status hm_guard_passed(struct hm_err *err) HM_MUST_CHECK;

/* For once a pass, after hm_guard_passed: where the guard cannot work (program gone or another one,
 * service deleted, disabled or changed, or it does not start), no service depends on it any longer,
 * and those that failed to start because of it are started. */
struct hm_guard_kept {
    const char *fault;          /* "" none */
    struct hm_strings released; /* no longer guarded, because of the fault */
    struct hm_strings left;     /* could not be released; tried again at the next call */
    struct hm_strings started;
    bool listed; /* again for safe mode, where somebody had removed the guard */
};
enum hm_status hm_guard_keep(struct hm_arena *arena, struct hm_guard_kept *out_kept,
                             struct hm_err *err) HM_MUST_CHECK;
