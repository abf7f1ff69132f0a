/* server/hmctl/token_list.c — hmctl token list.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include <string.h>

#include "server/hmctl/client.h"
#include "server/hmctl/show.h"

static const struct hm_cli_option options[] = {HM_CTL_FILTER, HM_CTL_LIMIT};

static const struct hm_table_column columns[] = {
    {"TOKEN",     0,  false, false, 0, false},
    {"KIND",      0,  false, false, 0, false},
    {"NAME",      16, false, false, 0, false},
    {"ROLE",      0,  false, false, 0, false},
    {"STATE",     0,  false, true,  0, false},
    {"USES LEFT", 0,  true,  false, 0, false},
    {"LABELS",    12, false, false, 2, false},
    {"CREATED",   0,  false, false, 1, false},
    {"EXPIRES",   0,  false, false, 0, false},
};

static const char *state_of(const struct hm_ctl *ctl, const struct hm_api_token *token)
{
    if (token->revoked) {
        return "revoked";
    }
    if (token->expires != 0 && token->expires <= ctl->output.now_ms) {
        return "expired";
    }
    return strcmp(token->kind, "join") == 0 && token->uses_left == 0 ? "used" : "valid";
}

static enum hm_status put_row(struct hm_ctl *ctl, const void *item, struct hm_table *table,
                              struct hm_err *err)
{
    const struct hm_api_token *row = item;
    const char *cells[] = {
        row->id,
        row->kind,
        row->name,
        row->role,
        state_of(ctl, row),
        hm_show_number(&ctl->page, row->uses_left),
        hm_show_strings(&ctl->page, &row->labels),
        hm_output_age(&ctl->output, row->created, &ctl->page),
        hm_output_age(&ctl->output, row->expires, &ctl->page),
    };

    return hm_table_put(table, cells, err);
}

static int run(const struct hm_cli *cli)
{
    static const struct hm_ctl_list list = {
        .path = "/v1/tokens",
        .passed = {"filter"},
        .record = &hm_record_api_tokens,
        .columns = columns,
        .column_count = HM_COUNT(columns),
        .put_row = put_row,
        .nothing = "no token matches",
    };

    return hm_ctl_list(cli, &list);
}

const struct hm_cli_verb hm_ctl_verb_token_list = {
    .name = "token list",
    .arguments = "",
    .max_arguments = 0,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "lists tokens, without their secrets",
    .run = run,
};
