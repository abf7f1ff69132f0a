/* server/hmctl/findings.c — hmctl findings.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include "server/hmctl/client.h"
#include "server/hmctl/show.h"

static const struct hm_cli_option options[] = {HM_CTL_FILTER, HM_CTL_AT, HM_CTL_LIMIT};

static const struct hm_table_column columns[] = {
    {"HOST",     18, false, false, 0, false},
    {"SEVERITY", 0,  false, true,  0, false},
    {"KIND",     20, false, false, 3, false},
    {"SUBJECT",  14, false, false, 0, false},
    {"TEXT",     40, false, false, 0, false},
    {"SINCE",    0,  false, false, 2, false},
    {"FACTS",    0,  false, true,  1, false},
};

static enum hm_status put_row(struct hm_ctl *ctl, const void *item, struct hm_table *table,
                              struct hm_err *err)
{
    const struct hm_api_finding *row = item;
    const char *cells[] = {
        row->host,
        hm_severity_names[row->finding.severity],
        row->finding.kind,
        row->finding.subject,
        row->finding.text,
        hm_output_age(&ctl->output, row->since, &ctl->page),
        hm_show_seen(ctl, row->silent, row->as_of),
    };

    return hm_table_put(table, cells, err);
}

static int run(const struct hm_cli *cli)
{
    static const struct hm_ctl_list list = {
        .path = "/v1/findings",
        .passed = {"filter", "at"},
        .record = &hm_record_api_findings,
        .columns = columns,
        .column_count = HM_COUNT(columns),
        .put_row = put_row,
        .worst_first = true,
        .nothing = "no finding matches",
    };

    return hm_ctl_list(cli, &list);
}

const struct hm_cli_verb hm_ctl_verb_findings = {
    .name = "findings",
    .arguments = "",
    .max_arguments = 0,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "lists findings: what is worth attention, where",
    .run = run,
};
