/* agent/enforce/carry_out.h — the actions of a plan, one after the other, ledger first.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement. One that fails stops no other; its rows tell of it. */
#pragma once

#include "agent/enforce/enforce_run.h"

enum hm_carried {
    HM_CARRIED_ALL,   /* each was tried, or waits for its next try */
    HM_CARRIED_AGAIN, /* the system is not what the plan was made from: plan again */
    HM_CARRIED_STOP,  /* nothing more is possible in this pass: disk, or facts */
};

enum hm_carried hm_carry_out(struct hm_enforce_run *run);

/* Forgets in the ledger what the plan's notes say is no longer ours; false when the disk refuses.
 */
bool hm_carry_forget(struct hm_enforce_run *run);

/* Rows of policies that are over go to those who still want them; false when the disk refuses. */
bool hm_carry_owners(struct hm_enforce_run *run);

/* After the last plan: retries that are not planned any more are forgotten, the others say what
 * failed and when they come again. */
void hm_carry_settle(struct hm_enforce_run *run);
