/* server/hmctl/policies.c — hmctl policies.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include <string.h>

#include "server/hmctl/policy.h"
#include "server/hmctl/show.h"

static const struct hm_cli_option options[] = {HM_CTL_FILTER, HM_CTL_LIMIT};

static const struct hm_table_column columns[] = {
    {"POLICY",   18, false, false, 0, false},
    {"STATE",    0,  false, true,  0, false},
    {"REVISION", 0,  true,  false, 0, false},
    {"LIVE",     0,  false, false, 0, false},
    {"ENDS",     0,  false, false, 4, false},
    {"MODE",     0,  false, false, 3, false},
    {"OWNER",    12, false, false, 2, false},
    {"REVIEW",   0,  false, false, 1, false},
    {"REASON",   30, false, false, 0, false},
};

/* Hosts have it, until its approval ends. */
static bool has_end(const struct hm_api_policy *row)
{
    return row->live != 0 && row->ends != 0 && strcmp(row->live_state, "retired") != 0;
}

static const char *live_of(struct hm_ctl *ctl, const struct hm_api_policy *row)
{
    const char *state =
        has_end(row) && row->ends <= ctl->output.now_ms ? "expired" : row->live_state;
    const char *text =
        row->live == 0 ? "-" : hm_arena_printf(&ctl->page, "%u %s", row->live, state);

    return text == NULL ? "" : text;
}

static enum hm_status put_row(struct hm_ctl *ctl, const void *item, struct hm_table *table,
                              struct hm_err *err)
{
    const struct hm_api_policy *row = item;
    const char *cells[] = {
        row->name,
        row->state,
        hm_show_number(&ctl->page, row->newest),
        live_of(ctl, row),
        has_end(row) ? hm_output_age(&ctl->output, row->ends, &ctl->page) : "-",
        row->mode,
        row->owner,
        hm_output_age(&ctl->output, row->review, &ctl->page),
        row->reason,
    };

    return hm_table_put(table, cells, err);
}

static int run(const struct hm_cli *cli)
{
    static const struct hm_ctl_list list = {
        .path = "/v1/policies",
        .passed = {"filter"},
        .record = &hm_record_api_policies,
        .columns = columns,
        .column_count = HM_COUNT(columns),
        .put_row = put_row,
        .nothing = "no policy matches; \"hmctl policy submit FILE\" makes one",
    };

    return hm_ctl_list(cli, &list);
}

const struct hm_cli_verb hm_ctl_verb_policies = {
    .name = "policies",
    .arguments = "",
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "lists policies: what shall be reserved where, and how far each has come",
    .run = run,
};
