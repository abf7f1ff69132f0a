/* server/hmctl/hosts.c — hmctl hosts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include "server/hmctl/client.h"
#include "server/hmctl/show.h"

static const struct hm_cli_option options[] = {HM_CTL_FILTER, HM_CTL_AT, HM_CTL_LIMIT};

static const struct hm_table_column columns[] = {
    {"HOST",    20, false, false, 0, false},
    {"VERDICT", 0,  false, true,  0, false},
    {"BLK",     0,  true,  false, 0, false},
    {"EXP",     0,  true,  false, 0, false},
    {"UNK",     0,  true,  false, 0, false},
    {"SAFE",    0,  true,  false, 0, false},
    {"HIGH",    0,  true,  false, 0, false},
    {"SYSTEM",  22, false, false, 2, false},
    {"LABELS",  16, false, false, 1, false},
    {"SEEN",    0,  false, true,  0, false},
};

static enum hm_status put_row(struct hm_ctl *ctl, const void *item, struct hm_table *table,
                              struct hm_err *err)
{
    const struct hm_api_host *host = item;
    const char *cells[] = {
        host->name,
        host->verdict,
        hm_show_number(&ctl->page, host->blocked),
        hm_show_number(&ctl->page, host->exposed),
        hm_show_number(&ctl->page, host->unknown),
        hm_show_number(&ctl->page, host->safe),
        hm_show_number(&ctl->page, host->findings_high),
        host->os_name,
        hm_show_strings(&ctl->page, &host->labels),
        hm_show_seen(ctl, host->silent, host->last_seen),
    };

    return hm_table_put(table, cells, err);
}

static int run(const struct hm_cli *cli)
{
    static const struct hm_ctl_list list = {
        .path = "/v1/hosts",
        .passed = {"filter", "at"},
        .record = &hm_record_api_hosts,
        .columns = columns,
        .column_count = HM_COUNT(columns),
        .put_row = put_row,
        .worst_first = true,
        .nothing = "no host matches",
    };

    return hm_ctl_list(cli, &list);
}

const struct hm_cli_verb hm_ctl_verb_hosts = {
    .name = "hosts",
    .arguments = "",
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "lists the hosts and the worst verdict of each",
    .run = run,
};
