/* common/plan/outcome.c — names of states and reasons.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/outcome.h"

const char *const hm_outcome_state_names[HM_OUTCOME_STATE_COUNT] = {
    "waiting", "applied", "verified", "repaired", "failed", "refused", "retired",
};

const char *const hm_outcome_why_names[HM_OUTCOME_WHY_COUNT] = {
    "none", "taken", "busy", "window", "reboot", "settling", "audit"};
