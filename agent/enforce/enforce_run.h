/* agent/enforce/enforce_run.h — one pass of enforcement in the making.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement. */
#pragma once

#include "agent/enforce/enforce.h"
#include "agent/enforce/enforce_state.h"

#define HM_RETRIES_MAX 128
#define HM_FAILURE_BYTES 600
/* Repairs that are made at once, the pause before the next ones, doubled each time, and after how
 * much quiet they are counted again. */
#define HM_REPAIRS_AT_ONCE 3u
#define HM_REPAIR_REST_MS 300000
#define HM_REPAIR_QUIET_MS 7200000

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

/* Trouble that lasts is logged when it begins, and when it becomes another. */
enum hm_told {
    HM_TOLD_DAMAGED,
    HM_TOLD_NOT_PLANNED,
    HM_TOLD_STOPPED,
    HM_TOLD_NOT_KEPT,
    HM_TOLD_NOT_OVER_BOOT,
    HM_TOLD_COUNT
};

struct hm_troubles {
    uint64_t hash[HM_TOLD_COUNT]; /* of the text as last told; 0 = it is over */
    bool there[HM_TOLD_COUNT];    /* in this pass */
};

struct hm_enforce_run {
    const struct hm_enforcer_options *options;
    struct hm_enforce_pass *pass;
    struct hm_arena *arena;
    struct hm_retries *retries;
    struct hm_troubles *troubles;
    int64_t now_ms; /* of its start */
    int64_t expiry_ms;
    const char *boot_id;
    bool settled;                  /* the host has, since its boot */
    bool first_of_boot;            /* of a live host */
    bool services_failed;          /* … some of them, and it is still early */
    bool restoring;                /* hm-agent restore: nothing is wanted, no limits */
    bool keeps_times;              /* … and what failed is not tried again at once */
    struct hm_local_limits limits; /* what counts in this pass */
    struct hm_enforce_state state;
    struct hm_ledger ledger;     /* as on disk */
    struct hm_plan plan;         /* the newest */
    struct hm_inventory planned; /* what it was made from */
    const char *broken;          /* why nothing is planned at all; NULL = it is */
    const char *stopped;         /* why the pass was given up; NULL = it was not */
    unsigned changes;            /* that were tried */
    unsigned done;               /* … and are shown by the system */
    bool unfinished;             /* the rest waits for the next pass */
};

void hm_run_step(const struct hm_enforce_run *run, const char *name);

/* Seconds that no clock moves that is set: since the boot. Of a host that is described, not
 * observed, those of the clock. */
uint64_t hm_run_boot_s(const struct hm_enforce_run *run);

/* NULL when there is no such row. */
struct hm_enforce_row *hm_run_row(struct hm_enforce_run *run, const char *policy);

/* Does it say itself what it wants here? */
bool hm_run_row_is_live(const struct hm_enforce_row *row);

/* The oldest that are over make room: there is a cap on rows. */
void hm_run_drop_old_rows(struct hm_enforce_run *run);

/* enforce.json, then it counts. */
enum hm_status hm_run_save(struct hm_enforce_run *run, struct hm_err *err);

void hm_run_trouble(struct hm_enforce_run *run, enum hm_told which, const struct hm_err *err);
/* At the end of the pass: what was not told of in it is over. */
void hm_run_settle_troubles(struct hm_enforce_run *run);

/* The pass shall come again by then. */
void hm_run_again(struct hm_enforce_run *run, int64_t in_ms);

/* Likewise, for what the row waits for: a port that somebody has, a window that opens. */
void hm_run_ask_again(struct hm_enforce_run *run, const struct hm_enforce_row *row);
