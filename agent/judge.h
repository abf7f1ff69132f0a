/* agent/judge.h — an observation judged, and kept still where nothing has really changed.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything returned lives in the arena or borrows from the inputs. */
#pragma once

#include <stdint.h>

#include "agent/platform/platform.h"

/* hm_judge over an observation; unknown facts of the platform and of the judge in one sorted
 * list. previous_boot may be NULL; what a recorded host brings outranks it. marks: what policies
 * have set, NULL nothing. hazards: that the agent remembers, NULL none. */
enum hm_status
hm_judge_observation(const struct hm_observation *observation, const struct hm_catalogue *catalogue,
                     const struct hm_inventory *previous_boot, const struct hm_policy_marks *marks,
                     const struct hm_port_hazards *hazards, struct hm_arena *arena,
                     struct hm_judgement *out_judgement, struct hm_err *err) HM_MUST_CHECK;

/* Odds within this factor of those last reported count as unchanged. */
#define HM_SETTLE_ODDS_FACTOR 2.0
/* Counters in findings travel at most this often. */
#define HM_SETTLE_COUNTS_MS 3600000

/* Makes judgement equal to the last reported one where only odds drifted or counters moved, so
 * that an unchanged host gives a byte-identical document. age_ms: since last was reported. */
void hm_judge_settle(struct hm_judgement *judgement, const struct hm_judgement *last,
                     int64_t age_ms);
