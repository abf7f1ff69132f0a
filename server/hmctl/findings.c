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

static enum hm_status put(struct hm_ctl *ctl, const void *page, struct hm_table *table,
                          const char **out_next, struct hm_err *err)
{
    const struct hm_api_findings *list = page;
    enum hm_status st = HM_OK;
    size_t i;

    for (i = 0; st == HM_OK && i < list->items.count; i++) {
        const struct hm_api_finding *row = &list->items.at[i];
        const char *cells[] = {
            row->host,
            hm_severity_names[row->finding.severity],
            row->finding.kind,
            row->finding.subject,
            row->finding.text,
            hm_output_age(&ctl->output, row->since, &ctl->page),
            hm_show_seen(ctl, row->silent, row->as_of),
        };

        st = hm_table_put(table, cells, err);
    }
    *out_next = list->next;
    return st;
}

static int run(const struct hm_cli *cli)
{
    static const struct hm_ctl_list list = {
        .path = "/v1/findings",
        .passed = {"filter", "at"},
        .record = &hm_record_api_findings,
        .columns = columns,
        .column_count = HM_COUNT(columns),
        .put = put,
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
