/* agent/enforce_run.h — one pass of enforcement in the making.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement. */
#pragma once

#include "agent/enforce.h"
#include "agent/enforce_state.h"

#define HM_RETRIES_MAX 128
#define HM_FAILURE_BYTES 600

/* A change that failed, over passes: not tried again before its time. A restart tries it at once.
 */
struct hm_retry {
    uint64_t hash; /* of the action */
    unsigned tries;
    int64_t next_ms;
    bool busy; /* the system said so */
    bool seen; /* still planned */
    char text[HM_FAILURE_BYTES];
};

struct hm_retries {
    struct hm_retry at[HM_RETRIES_MAX];
    size_t count;
};

struct hm_enforce_run {
    const struct hm_enforcer_options *options;
    struct hm_enforce_pass *pass;
    struct hm_arena *arena;
    struct hm_retries *retries;
    int64_t now_ms;
    const char *boot_id;
    bool restoring;                /* hm-agent restore: nothing is wanted, no limits */
    struct hm_local_limits limits; /* what counts in this pass */
    struct hm_enforce_state state;
    struct hm_ledger ledger;     /* as on disk */
    struct hm_plan plan;         /* the newest */
    struct hm_inventory planned; /* what it was made from */
    const char *broken;          /* why nothing is planned at all; NULL = it is */
    const char *stopped;         /* why the pass was given up; NULL = it was not */
};

void hm_run_step(const struct hm_enforce_run *run, const char *name);

/* NULL when there is no such row. */
struct hm_enforce_row *hm_run_row(struct hm_enforce_run *run, const char *policy);

/* enforce.json, then it counts. */
enum hm_status hm_run_save(struct hm_enforce_run *run, struct hm_err *err);

/* The pass shall come again by then. */
void hm_run_again(struct hm_enforce_run *run, int64_t in_ms);
