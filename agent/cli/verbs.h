/* agent/cli/verbs.h — the verbs of hm-agent: one file a verb, one line here and in verbs.c.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/config/cli.h"

extern const struct hm_cli_verb hm_verb_check;
extern const struct hm_cli_verb hm_verb_configure;
extern const struct hm_cli_verb hm_verb_enroll;
extern const struct hm_cli_verb hm_verb_erase;
extern const struct hm_cli_verb hm_verb_forget;
extern const struct hm_cli_verb hm_verb_guard_add;
extern const struct hm_cli_verb hm_verb_guard_list;
extern const struct hm_cli_verb hm_verb_guard_remove;
extern const struct hm_cli_verb hm_verb_once;
extern const struct hm_cli_verb hm_verb_ranges;
extern const struct hm_cli_verb hm_verb_reserve;
extern const struct hm_cli_verb hm_verb_restore;
extern const struct hm_cli_verb hm_verb_run;
extern const struct hm_cli_verb hm_verb_service_install;
extern const struct hm_cli_verb hm_verb_service_remove;
extern const struct hm_cli_verb hm_verb_service_run;
extern const struct hm_cli_verb hm_verb_service_stop;
extern const struct hm_cli_verb hm_verb_status;
extern const struct hm_cli_verb hm_verb_version;

/* The whole program: verbs, and the options that every verb takes ("config", "set"). */
extern const struct hm_cli_program hm_agent_program;

/* What "run" does; started, unless NULL, is called once all steps have worked. */
int hm_cli_run_agent(const struct hm_cli *cli, void (*started)(void));

/* Exit statuses of every verb but check, which has its own (see there). */
#define HM_EXIT_OK 0
#define HM_EXIT_FAILED 1
#define HM_EXIT_USAGE 2
