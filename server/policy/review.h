/* server/policy/review.h — what is wrong with a policy, beside those that are on their way.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/plan/policy_lint.h"
#include "server/store/entities_policy.h"

/* Against every revision that is submitted, approved, active or paused; one that cannot be read
 * stops nothing. Everything lives in the arena. */
enum hm_status hm_policy_review(struct hm_session *s, const struct hm_policy *policy,
                                const struct hm_catalogue *catalogue, int64_t now_ms,
                                struct hm_arena *arena, struct hm_lint_problems *out_problems,
                                struct hm_err *err) HM_MUST_CHECK;

/* HM_ECONFLICT "lint", with the first errors, when there is one. */
enum hm_status hm_policy_refuse_errors(const struct hm_lint_problems *problems,
                                       struct hm_err *err) HM_MUST_CHECK;
