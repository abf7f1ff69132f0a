/* server/hmctl/events.c — hmctl events.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include "server/hmctl/client.h"
#include "server/hmctl/show.h"

static const struct hm_cli_option options[] = {
    HM_CTL_FILTER,
    HM_CTL_LIMIT,
    {"after",  "NUMBER", "only events with a higher number"},
    {"newest", NULL,     "newest first"                    }
};

static const struct hm_table_column columns[] = {
    {"EVENT", 0,  true,  false, 0, false},
    {"AT",    0,  false, false, 0, false},
    {"KIND",  22, false, false, 0, false},
    {"HOST",  16, false, false, 0, false},
    {"WHO",   16, false, false, 1, false},
    {"WHAT",  20, false, false, 0, false},
};

/* "token anna from 192.0.2.7" */
static const char *who(struct hm_arena *arena, const struct hm_api_event *row)
{
    return row->peer[0] == '\0' ? row->actor
                                : hm_arena_printf(arena, "%s from %s", row->actor, row->peer);
}

/* "before → after (why)"; each part where there is one. */
static const char *what(struct hm_arena *arena, const struct hm_api_event *row)
{
    bool has_why = row->why[0] != '\0';

    return hm_arena_printf(arena, "%s%s%s%s%s%s", row->before,
                           row->before[0] != '\0' && row->after[0] != '\0' ? " → " : "", row->after,
                           has_why ? " (" : "", row->why, has_why ? ")" : "");
}

static enum hm_status put_row(struct hm_ctl *ctl, const void *item, struct hm_table *table,
                              struct hm_err *err)
{
    const struct hm_api_event *row = item;
    const char *cells[] = {
        hm_show_number(&ctl->page, row->id),
        hm_show_time(&ctl->page, row->at),
        row->kind,
        row->host,
        who(&ctl->page, row),
        what(&ctl->page, row),
    };

    return hm_table_put(table, cells, err);
}

static int run(const struct hm_cli *cli)
{
    const struct hm_ctl_param params[] = {
        {"filter", hm_cli_value(cli, "filter")                          },
        {"after",  hm_cli_value(cli, "after")                           },
        {"order",  hm_cli_value(cli, "newest") != NULL ? "newest" : NULL},
    };
    const struct hm_ctl_list list = {
        .path = "/v1/events",
        .params = params,
        .param_count = HM_COUNT(params),
        .record = &hm_record_api_events,
        .columns = columns,
        .column_count = HM_COUNT(columns),
        .put_row = put_row,
        .nothing = "no event matches",
    };

    return hm_ctl_list(cli, &list);
}

const struct hm_cli_verb hm_ctl_verb_events = {
    .name = "events",
    .arguments = "",
    .max_arguments = 0,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "lists what changed, by whom; oldest first",
    .run = run,
};
