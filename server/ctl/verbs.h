/* server/ctl/verbs.h — the verbs of hmctl: one file a verb, one line here and in verbs.c.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/config/cli.h"

extern const struct hm_cli_verb hm_ctl_verb_catalogue;
extern const struct hm_cli_verb hm_ctl_verb_events;
extern const struct hm_cli_verb hm_ctl_verb_findings;
extern const struct hm_cli_verb hm_ctl_verb_history;
extern const struct hm_cli_verb hm_ctl_verb_host;
extern const struct hm_cli_verb hm_ctl_verb_hosts;
extern const struct hm_cli_verb hm_ctl_verb_login;
extern const struct hm_cli_verb hm_ctl_verb_token_list;
extern const struct hm_cli_verb hm_ctl_verb_token_new;
extern const struct hm_cli_verb hm_ctl_verb_token_revoke;
extern const struct hm_cli_verb hm_ctl_verb_verdicts;
extern const struct hm_cli_verb hm_ctl_verb_version;

extern const struct hm_cli_program hm_ctl_program;
