/* agent/cli/verbs.c — the verbs of hm-agent, as they are listed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/verbs.h"

#include "common/base/version.h"

static const struct hm_cli_verb *const verbs[] = {
    &hm_verb_run,          &hm_verb_once,
    &hm_verb_enroll,       &hm_verb_check,
    &hm_verb_status,       &hm_verb_restore,
    &hm_verb_reserve,      &hm_verb_configure,
    &hm_verb_ranges,       &hm_verb_service_install,
    &hm_verb_service_stop, &hm_verb_service_remove,
    &hm_verb_service_run,  &hm_verb_guard_add,
    &hm_verb_guard_remove, &hm_verb_guard_list,
    &hm_verb_forget,       &hm_verb_erase,
    &hm_verb_version,
};

static const struct hm_cli_option options[] = {
    {"config", "FILE",         "configuration (default " HM_AGENT_CONFIG_PATH ")"   },
    {"set",    "KEY=VALUE…", "settings that outrank the file's: --set interval=60"},
};

const struct hm_cli_program hm_agent_program = {
    .name = "hm-agent",
    .version = hm_version,
    .summary = "Tells whether this host's services will get their ports at their next start.",
    .verbs = verbs,
    .verb_count = HM_COUNT(verbs),
    .options = options,
    .option_count = HM_COUNT(options),
};
