/* server/hmctl/policy_lint.c — hmctl policy lint: what is wrong with a file, before it is
 * submitted. SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include <stdio.h>

#include "server/hmctl/policy.h"

static enum hm_status lint(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    struct hm_policy policy;
    struct hm_api_lint_list problems;
    enum hm_status st = hm_ctl_read_policy(ctl, cli->arguments[0], &policy, err);

    if (st == HM_OK) {
        st = hm_ctl_policy_lint(ctl, &policy, true, &problems, err);
    }
    if (st == HM_OK && !ctl->json) {
        hm_ctl_print_problems(ctl, &problems);
        if (problems.count == 0) {
            (void)fprintf(ctl->output.out, "%s: nothing is wrong with it\n", policy.name);
        }
    }
    if (st == HM_OK && hm_ctl_has_error(&problems)) {
        st = hm_fail(err, HM_ECONFLICT, "%s cannot be submitted as it is", policy.name);
    }
    return st;
}

static int run(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, lint);
}

const struct hm_cli_verb hm_ctl_verb_policy_lint = {
    .name = "policy lint",
    .arguments = "FILE",
    .min_arguments = 1,
    .max_arguments = 1,
    .help = "what is wrong with a policy file, beside the policies that are on their way",
    .run = run,
};
