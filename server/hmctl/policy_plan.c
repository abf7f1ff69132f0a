/* server/hmctl/policy_plan.c — hmctl policy plan: what a policy would do, before anybody approves
 * it. SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include "server/hmctl/plan_read.h"
#include "server/hmctl/plan_show.h"

static const struct hm_cli_option options[] = {
    HM_CTL_PLAN_HOST,
    HM_CTL_PLAN_WHERE,
    HM_CTL_PLAN_ONLY,
    HM_CTL_LIMIT,
    {"retire", NULL, "what it would do to retire the policy"},
};

static enum hm_status plan(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    const char *name = cli->argument_count == 0 ? "" : cli->arguments[0];
    struct hm_api_plan_new asked = {.policy = "", .retire = hm_cli_value(cli, "retire") != NULL};
    struct hm_plan_view view = {
        .start = "/v1/plans",
        .asks = &hm_record_api_plan_new,
        .ask = &asked,
        .none = "no host is meant: see \"match\" in the policy, and hmctl hosts",
    };
    enum hm_status st = hm_ctl_plan_scope(cli, &asked.host, &asked.filter, &view, err);

    if (st == HM_OK && name[0] != '\0' && hm_ctl_is_file(name)) {
        asked.has_document = true;
        st = hm_ctl_read_policy(ctl, name, &asked.document, err);
    } else {
        asked.policy = name;
    }
    return st == HM_OK ? hm_ctl_plan_show(ctl, &view, err) : st;
}

static int run(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, plan);
}

const struct hm_cli_verb hm_ctl_verb_policy_plan = {
    .name = "policy plan",
    .arguments = "[POLICY]",
    .max_arguments = 1,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "what a policy, or a file with one, would do to each host; changes nothing",
    .run = run,
};
