/* common/plan/outcome.h — how far each policy has come on one host, as the agent reports it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Plain records. Received, applied and verified are separate facts: verified is what the system
 * showed when it was read again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/plan/ledger.h"
#include "common/plan/plan.h"

enum hm_outcome_state {
    HM_OUTCOME_WAITING,  /* see why */
    HM_OUTCOME_APPLIED,  /* done, not yet read again */
    HM_OUTCOME_VERIFIED, /* read again */
    HM_OUTCOME_REPAIRED, /* verified again after somebody undid it; see repairs */
    HM_OUTCOME_FAILED,
    HM_OUTCOME_REFUSED, /* see code */
    HM_OUTCOME_RETIRED,
};
#define HM_OUTCOME_STATE_COUNT 7
extern const char *const hm_outcome_state_names[HM_OUTCOME_STATE_COUNT];

enum hm_outcome_why {
    HM_WHY_NONE,
    HM_WHY_TAKEN, /* another program has a port that is wanted */
    HM_WHY_BUSY,  /* its own service has it, or nobody knows whose it is */
    HM_WHY_WINDOW,
    HM_WHY_REBOOT,
    HM_WHY_SETTLING, /* the host has not settled since its boot */
    HM_WHY_AUDIT,    /* mode audit: it would be done in mode enforce */
};
#define HM_OUTCOME_WHY_COUNT 7
extern const char *const hm_outcome_why_names[HM_OUTCOME_WHY_COUNT];

struct hm_outcome {
    const char *policy;
    uint32_t revision;
    enum hm_policy_mode mode;
    enum hm_outcome_state state;
    enum hm_outcome_why why;   /* of waiting */
    enum hm_refusal_code code; /* of refused */
    int64_t since;             /* start of this state */
    bool has_failing_since;
    int64_t failing_since;      /* start of the unbroken run of failed and waiting states */
    uint32_t repairs;           /* times that drift was undone, for good */
    struct hm_plan_notes notes; /* what was not done, and why */
    const char *text;           /* one sentence for people */
};

struct hm_outcomes {
    struct hm_outcome *at; /* sorted by policy, revision */
    size_t count;
};

/* The document "outcome". */
struct hm_outcome_report {
    struct hm_outcomes policies;
    const char *refused; /* why the newest desired state as a whole was refused; "" it was not */
    struct hm_ledger ledger; /* what is ours on this host, so that plans made elsewhere are true */
    uint64_t trust_version;  /* of the trust root that is pinned; 0 = none */
};
