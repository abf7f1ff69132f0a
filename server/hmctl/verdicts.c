/* server/hmctl/verdicts.c — hmctl verdicts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include "server/hmctl/client.h"
#include "server/hmctl/show.h"

static const struct hm_cli_option options[] = {HM_CTL_FILTER, HM_CTL_AT, HM_CTL_LIMIT};

static const struct hm_table_column columns[] = {
    {"HOST",        16, false, false, 0, false},
    {"STATE",       0,  false, true,  0, false},
    {"ODDS",        0,  true,  false, 0, false},
    {"PORTS",       12, false, false, 0, false},
    {"REQUIREMENT", 26, false, false, 0, true },
    {"WHY",         20, false, false, 0, false},
    {"SINCE",       0,  false, false, 1, false},
    {"FACTS",       0,  false, true,  2, false},
};

static enum hm_status put_row(struct hm_ctl *ctl, const void *item, struct hm_table *table,
                              struct hm_err *err)
{
    const struct hm_api_verdict *row = item;
    const char *cells[] = {
        row->host,
        hm_verdict_state_names[row->verdict.state],
        hm_show_odds(&ctl->page, &row->verdict),
        hm_show_ports(&ctl->page, &row->verdict),
        row->verdict.title,
        hm_show_why(&ctl->page, &row->verdict),
        hm_output_age(&ctl->output, row->since, &ctl->page),
        hm_show_seen(ctl, row->silent, row->as_of),
    };

    return hm_table_put(table, cells, err);
}

static int run(const struct hm_cli *cli)
{
    static const struct hm_ctl_list list = {
        .path = "/v1/verdicts",
        .passed = {"filter", "at"},
        .record = &hm_record_api_verdicts,
        .columns = columns,
        .column_count = HM_COUNT(columns),
        .put_row = put_row,
        .worst_first = true,
        .nothing = "no verdict matches",
    };

    return hm_ctl_list(cli, &list);
}

const struct hm_cli_verb hm_ctl_verb_verdicts = {
    .name = "verdicts",
    .arguments = "",
    .max_arguments = 0,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "lists verdicts: will each requirement get its ports at its next start?",
    .run = run,
};
