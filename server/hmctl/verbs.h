/* server/hmctl/verbs.h — the verbs of hmctl: one file a verb, one line here and in verbs.c.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/config/cli.h"

extern const struct hm_cli_verb hm_ctl_verb_apply;
extern const struct hm_cli_verb hm_ctl_verb_catalogue;
extern const struct hm_cli_verb hm_ctl_verb_compliance;
extern const struct hm_cli_verb hm_ctl_verb_events;
extern const struct hm_cli_verb hm_ctl_verb_exception_list;
extern const struct hm_cli_verb hm_ctl_verb_exception_new;
extern const struct hm_cli_verb hm_ctl_verb_exception_revoke;
extern const struct hm_cli_verb hm_ctl_verb_export;
extern const struct hm_cli_verb hm_ctl_verb_findings;
extern const struct hm_cli_verb hm_ctl_verb_history;
extern const struct hm_cli_verb hm_ctl_verb_host;
extern const struct hm_cli_verb hm_ctl_verb_hosts;
extern const struct hm_cli_verb hm_ctl_verb_key_new;
extern const struct hm_cli_verb hm_ctl_verb_key_show;
extern const struct hm_cli_verb hm_ctl_verb_login;
extern const struct hm_cli_verb hm_ctl_verb_plan;
extern const struct hm_cli_verb hm_ctl_verb_policies;
extern const struct hm_cli_verb hm_ctl_verb_policy_activate;
extern const struct hm_cli_verb hm_ctl_verb_policy_approve;
extern const struct hm_cli_verb hm_ctl_verb_policy_diff;
extern const struct hm_cli_verb hm_ctl_verb_policy_hosts;
extern const struct hm_cli_verb hm_ctl_verb_policy_lint;
extern const struct hm_cli_verb hm_ctl_verb_policy_pause;
extern const struct hm_cli_verb hm_ctl_verb_policy_plan;
extern const struct hm_cli_verb hm_ctl_verb_policy_reject;
extern const struct hm_cli_verb hm_ctl_verb_policy_resume;
extern const struct hm_cli_verb hm_ctl_verb_policy_retire;
extern const struct hm_cli_verb hm_ctl_verb_policy_show;
extern const struct hm_cli_verb hm_ctl_verb_policy_submit;
extern const struct hm_cli_verb hm_ctl_verb_policy_withdraw;
extern const struct hm_cli_verb hm_ctl_verb_token_list;
extern const struct hm_cli_verb hm_ctl_verb_token_new;
extern const struct hm_cli_verb hm_ctl_verb_token_revoke;
extern const struct hm_cli_verb hm_ctl_verb_trust_new;
extern const struct hm_cli_verb hm_ctl_verb_trust_publish;
extern const struct hm_cli_verb hm_ctl_verb_trust_show;
extern const struct hm_cli_verb hm_ctl_verb_trust_sign;
extern const struct hm_cli_verb hm_ctl_verb_verdicts;
extern const struct hm_cli_verb hm_ctl_verb_version;
extern const struct hm_cli_verb hm_ctl_verb_whatif;

extern const struct hm_cli_program hm_ctl_program;
