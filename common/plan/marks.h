/* common/plan/marks.h — what an outcome tells to the one who judges the same host.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/judge/policy_marks.h"
#include "common/plan/outcome.h"

/* The marks of ledger and outcomes. Borrows from the report; the list lives in the arena. */
enum hm_status hm_plan_marks(const struct hm_outcome_report *report, struct hm_arena *arena,
                             struct hm_policy_marks *out_marks, struct hm_err *err) HM_MUST_CHECK;
