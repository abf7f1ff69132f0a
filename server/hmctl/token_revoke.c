/* server/hmctl/token_revoke.c — hmctl token revoke.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include <stdio.h>

#include "server/hmctl/client.h"

static const struct hm_cli_option options[] = {
    {"why", "TEXT", "reason, kept in the event"},
};

static int run(const struct hm_cli *cli)
{
    const struct hm_ctl_param why = {"why", hm_cli_value(cli, "why")};
    struct hm_http_reply reply;
    struct hm_ctl ctl;
    struct hm_err err;
    enum hm_status st = hm_ctl_open(cli, &ctl, &err);
    const char *path;

    if (st != HM_OK) {
        return hm_ctl_fail(cli, &err);
    }
    path = hm_ctl_path(&ctl.arena, "/v1/tokens/", cli->arguments[0], "");
    st = hm_ctl_call(&ctl, "DELETE", path == NULL ? NULL : hm_ctl_url(&ctl.arena, path, &why, 1),
                     NULL, &reply, &err);
    if (st == HM_OK && ctl.json) {
        hm_output_member("revoked", cli->arguments[0]);
    } else if (st == HM_OK) {
        (void)printf("revoked %s\n", cli->arguments[0]);
    }
    hm_ctl_close(&ctl);
    return st == HM_OK ? HM_CTL_OK : hm_ctl_fail(cli, &err);
}

const struct hm_cli_verb hm_ctl_verb_token_revoke = {
    .name = "token revoke",
    .arguments = "TOKEN-ID",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "makes a token worthless at once",
    .run = run,
};
