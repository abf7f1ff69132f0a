/* agent/cli/version.c — hm-agent version.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "agent/cli/verbs.h"
#include "common/base/version.h"

static int run(const struct hm_cli *cli)
{
    (void)printf("%s %s\n", cli->program, hm_version);
    return HM_EXIT_OK;
}

const struct hm_cli_verb hm_verb_version = {
    .name = "version", .arguments = "", .help = "print name and version", .run = run};
