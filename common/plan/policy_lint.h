/* common/plan/policy_lint.h — what is wrong with a policy before anybody approves it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Errors keep it from being submitted; warnings and notes are for the approver. A plan over the
 * fleet tells what it would do; this tells what is wrong whatever the fleet. */
#pragma once

#include "common/plan/policy.h"

enum hm_lint_severity { HM_LINT_NOTE, HM_LINT_WARNING, HM_LINT_ERROR };
extern const char *const hm_lint_severity_names[3]; /* "note", "warning", "error" */

struct hm_lint_problem {
    const char *code; /* stable; see hm_lint_codes */
    enum hm_lint_severity severity;
    const char *other; /* name of the other policy that it is about, or "" */
    const char *text;  /* what is wrong and what to do */
};

struct hm_lint_problems {
    struct hm_lint_problem *at; /* sorted: severest first, then code, other policy, text */
    size_t count;
};

struct hm_lint_code {
    const char *code;
    const char *help;
};
extern const struct hm_lint_code hm_lint_codes[]; /* sorted */
extern const size_t hm_lint_codes_count;

/* others: the policies that are active or on their way; one of the same name is passed over. */
struct hm_lint_input {
    const struct hm_policy *policy;
    const struct hm_catalogue *catalogue;
    struct hm_policies others;
    int64_t now_ms;
};

enum hm_status hm_policy_lint(const struct hm_lint_input *input, struct hm_arena *arena,
                              struct hm_lint_problems *out_problems,
                              struct hm_err *err) HM_MUST_CHECK;

/* HM_LINT_NOTE when there is none at all. */
enum hm_lint_severity hm_lint_worst(const struct hm_lint_problems *problems);
