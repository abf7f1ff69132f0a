/* server/cli/verbs.c — the verbs of hm-collector.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/version.h"
#include "server/cli/collector.h"

static int run_version(const struct hm_cli *cli)
{
    (void)printf("%s %s\n", cli->program, hm_version);
    return 0;
}

const struct hm_cli_verb hm_verb_version = {
    .name = "version", .arguments = "", .help = "name and version", .run = run_version};

static const struct hm_cli_verb *const verbs[] = {
    &hm_verb_init,         &hm_verb_serve,  &hm_verb_token_new, &hm_verb_token_list,
    &hm_verb_token_revoke, &hm_verb_verify, &hm_verb_version,
};

const struct hm_cli_program hm_collector_program = {
    .name = "hm-collector",
    .version = hm_version,
    .summary = "Keeps what agents report about ports, and answers who is at risk.",
    .verbs = verbs,
    .verb_count = HM_COUNT(verbs),
    .options = hm_server_options,
    .option_count = 3,
};
