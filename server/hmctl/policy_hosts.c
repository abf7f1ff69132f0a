/* server/hmctl/policy_hosts.c — hmctl policy hosts: how far each host is with each policy.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include <string.h>

#include "common/plan/outcome.h"
#include "server/hmctl/policy.h"
#include "server/hmctl/show.h"

static const struct hm_cli_option options[] = {
    HM_CTL_FILTER,
    HM_CTL_LIMIT,
    {"retired", NULL, "also hosts that are done with a policy and have nothing of it any more"},
};

static const struct hm_table_column columns[] = {
    {"HOST",    26, false, false, 0, false},
    {"POLICY",  16, false, false, 0, false},
    {"REV",     0,  true,  false, 3, false},
    {"STATE",   0,  false, true,  0, false},
    {"SINCE",   0,  false, false, 1, false},
    {"REPAIRS", 0,  true,  false, 4, false},
    {"FAILING", 0,  false, false, 2, false},
    {"TEXT",    30, false, false, 0, false},
};

static const char *text_of(const struct hm_api_host_policy *row)
{
    return row->excepted && row->text[0] == '\0' ? "an exception counts" : row->text;
}

static enum hm_status put_row(struct hm_ctl *ctl, const void *item, struct hm_table *table,
                              struct hm_err *err)
{
    const struct hm_api_host_policy *row = item;
    const char *cells[] = {
        row->host,
        row->policy,
        hm_show_number(&ctl->page, row->revision),
        hm_show_policy_state(&ctl->page, row),
        hm_output_age(&ctl->output, row->changed, &ctl->page),
        hm_show_number(&ctl->page, row->repairs),
        row->failing_since == 0 ? "-" : hm_output_age(&ctl->output, row->failing_since, &ctl->page),
        text_of(row),
    };

    return hm_table_put(table, cells, err);
}

static const char *nothing(const struct hm_cli *cli)
{
    if (hm_cli_value(cli, "filter") != NULL) {
        return "no host matches";
    }
    return cli->argument_count > 0 || hm_cli_value(cli, "retired") != NULL
               ? "no host has been offered it"
               : "no host has anything of a policy; \"--retired\" also lists those that are done";
}

static int list_hosts(const struct hm_cli *cli, const char *filter)
{
    const struct hm_ctl_param params[] = {
        {"filter", filter},
    };
    const struct hm_ctl_list list = {
        .path = "/v1/host-policies",
        .params = params,
        .param_count = HM_COUNT(params),
        .record = &hm_record_api_host_policies,
        .columns = columns,
        .column_count = HM_COUNT(columns),
        .put_row = put_row,
        .worst_first = true,
        .nothing = nothing(cli),
    };

    return hm_ctl_list(cli, &list);
}

/* A name that is mistyped is no policy that nobody has. */
static enum hm_status is_there(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    struct hm_api_policy_detail detail;

    return hm_ctl_policy_get(ctl, cli->arguments[0], &detail, err);
}

/* Of every policy there ever was, those that are over say nothing; of one, they are the proof. A
 * filter that asks for them gets them. */
static const char *filter_of(const struct hm_cli *cli, struct hm_arena *arena)
{
    const char *given = hm_cli_value(cli, "filter");
    const char *base = "";

    if (cli->argument_count > 0) {
        base = hm_arena_printf(arena, "policy=\"%s\"", cli->arguments[0]);
    } else if (hm_cli_value(cli, "retired") == NULL &&
               (given == NULL ||
                strstr(given, hm_outcome_state_names[HM_OUTCOME_RETIRED]) == NULL)) {
        base = "state!=retired";
    }
    if (given == NULL || base == NULL) {
        return base;
    }
    return base[0] == '\0' ? given : hm_arena_printf(arena, "%s (%s)", base, given);
}

static int run(const struct hm_cli *cli)
{
    struct hm_arena arena;
    const char *filter;
    int result = HM_CTL_OK;

    if (cli->argument_count > 0) {
        result = hm_ctl_run(cli, is_there);
    }
    if (result != HM_CTL_OK) {
        return result;
    }
    hm_arena_init(&arena, 1u << 20);
    filter = filter_of(cli, &arena);
    result = list_hosts(cli, filter == NULL || filter[0] == '\0' ? NULL : filter);
    hm_arena_fini(&arena);
    return result;
}

const struct hm_cli_verb hm_ctl_verb_policy_hosts = {
    .name = "policy hosts",
    .arguments = "[POLICY]",
    .max_arguments = 1,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "how far each host is: offered, waiting and why, verified, repaired, failed, refused",
    .run = run,
};
