/* server/hmctl/verbs.c — the verbs of hmctl, in the order in which help lists them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include "common/base/version.h"

static const struct hm_cli_verb *const verbs[] = {
    &hm_ctl_verb_login,
    &hm_ctl_verb_hosts,
    &hm_ctl_verb_host,
    &hm_ctl_verb_verdicts,
    &hm_ctl_verb_findings,
    &hm_ctl_verb_history,
    &hm_ctl_verb_events,
    &hm_ctl_verb_policies,
    &hm_ctl_verb_policy_show,
    &hm_ctl_verb_policy_plan,
    &hm_ctl_verb_policy_lint,
    &hm_ctl_verb_policy_submit,
    &hm_ctl_verb_policy_approve,
    &hm_ctl_verb_policy_reject,
    &hm_ctl_verb_policy_activate,
    &hm_ctl_verb_policy_hosts,
    &hm_ctl_verb_policy_diff,
    &hm_ctl_verb_policy_pause,
    &hm_ctl_verb_policy_resume,
    &hm_ctl_verb_policy_retire,
    &hm_ctl_verb_policy_withdraw,
    &hm_ctl_verb_whatif,
    &hm_ctl_verb_compliance,
    &hm_ctl_verb_exception_list,
    &hm_ctl_verb_exception_new,
    &hm_ctl_verb_exception_revoke,
    &hm_ctl_verb_key_new,
    &hm_ctl_verb_key_show,
    &hm_ctl_verb_trust_show,
    &hm_ctl_verb_trust_new,
    &hm_ctl_verb_trust_sign,
    &hm_ctl_verb_trust_publish,
    &hm_ctl_verb_export,
    &hm_ctl_verb_plan,
    &hm_ctl_verb_apply,
    &hm_ctl_verb_token_new,
    &hm_ctl_verb_token_list,
    &hm_ctl_verb_token_revoke,
    &hm_ctl_verb_catalogue,
    &hm_ctl_verb_version,
};

static const struct hm_cli_option options[] = {
    {"json", NULL, "print what the API answers, for programs"},
};

const struct hm_cli_program hm_ctl_program = {
    .name = "hmctl",
    .version = hm_version,
    .summary =
        "Asks and tells a Havenmaster collector: who is at risk, what to reserve, who has it.",
    .verbs = verbs,
    .verb_count = HM_COUNT(verbs),
    .options = options,
    .option_count = HM_COUNT(options),
};
