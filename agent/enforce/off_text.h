/* agent/enforce/off_text.h — what to say of a revision that the dead-man has turned off.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement. Why it is off, and what really became of its reservations: removed, still
 * there for another policy, or there without this agent. */
#pragma once

#include "agent/enforce/enforce_run.h"

/* state and text: as without the dead-man (HM_OUTCOME_RETIRED: nothing of it is the agent's any
 * more). Lives in the run's arena; never NULL. */
const char *hm_off_text(struct hm_enforce_run *run, const struct hm_enforce_row *row,
                        enum hm_outcome_state state, const char *text);
