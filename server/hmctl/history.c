/* server/hmctl/history.c — hmctl history HOST.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include "server/hmctl/client.h"
#include "server/hmctl/show.h"

#define PATH_BYTES 2048u

static const struct hm_cli_option options[] = {HM_CTL_LIMIT};

static const struct hm_table_column columns[] = {
    {"SINCE",    0,  false, false, 0, false},
    {"UNTIL",    0,  false, false, 0, false},
    {"DOCUMENT", 0,  false, false, 0, false},
    {"BYTES",    0,  true,  false, 0, false},
    {"DIGEST",   20, false, false, 0, false},
};

static enum hm_status put_row(struct hm_ctl *ctl, const void *item, struct hm_table *table,
                              struct hm_err *err)
{
    const struct hm_api_document *row = item;
    const char *cells[] = {
        hm_show_time(&ctl->page, row->since),
        row->until == 0 ? "now" : hm_show_time(&ctl->page, row->until),
        row->kind,
        hm_show_number(&ctl->page, row->size_bytes),
        row->digest,
    };

    return hm_table_put(table, cells, err);
}

static int run(const struct hm_cli *cli)
{
    struct hm_ctl_list list = {
        .record = &hm_record_api_history,
        .columns = columns,
        .column_count = HM_COUNT(columns),
        .put_row = put_row,
        .nothing = "this host has not reported yet",
    };
    struct hm_arena arena;
    int status;

    hm_arena_init(&arena, 4 * PATH_BYTES);
    list.path = hm_ctl_path(&arena, "/v1/hosts/", cli->arguments[0], "/history");
    status = hm_ctl_list(cli, &list);
    hm_arena_fini(&arena);
    return status;
}

const struct hm_cli_verb hm_ctl_verb_history = {
    .name = "history",
    .arguments = "HOST",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "lists which documents a host reported when",
    .run = run,
};
