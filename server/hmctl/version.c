/* server/hmctl/version.c — hmctl version.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include <stdio.h>

#include "common/base/version.h"

static int run(const struct hm_cli *cli)
{
    if (hm_cli_value(cli, "json") != NULL) {
        (void)printf("{\"version\":\"%s\"}\n", hm_version);
    } else {
        (void)printf("hmctl %s\n", hm_version);
    }
    return 0;
}

const struct hm_cli_verb hm_ctl_verb_version = {
    .name = "version", .arguments = "", .help = "prints the version", .run = run};
