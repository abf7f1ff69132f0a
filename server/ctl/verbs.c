/* server/ctl/verbs.c — the verbs of hmctl, in the order in which help lists them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/verbs.h"

#include "common/base/version.h"

static const struct hm_cli_verb *const verbs[] = {
    &hm_ctl_verb_login,        &hm_ctl_verb_hosts,     &hm_ctl_verb_host,
    &hm_ctl_verb_verdicts,     &hm_ctl_verb_findings,  &hm_ctl_verb_history,
    &hm_ctl_verb_events,       &hm_ctl_verb_token_new, &hm_ctl_verb_token_list,
    &hm_ctl_verb_token_revoke, &hm_ctl_verb_catalogue, &hm_ctl_verb_version,
};

static const struct hm_cli_option options[] = {
    {"json", NULL, "print what the API answers, for programs"},
};

const struct hm_cli_program hm_ctl_program = {
    .name = "hmctl",
    .version = hm_version,
    .summary = "Asks and tells a Havenmaster collector: who is at risk, why, and what changed.",
    .verbs = verbs,
    .verb_count = HM_COUNT(verbs),
    .options = options,
    .option_count = HM_COUNT(options),
};
