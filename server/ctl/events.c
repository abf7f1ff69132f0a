/* server/ctl/events.c — hmctl events.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/verbs.h"

#include "server/ctl/client.h"
#include "server/ctl/show.h"

static const struct hm_cli_option options[] = {
    HM_CTL_FILTER,
    HM_CTL_LIMIT,
    {"after",  "NUMBER", "only events with a higher number"},
    {"newest", NULL,     "newest first"                    }
};

static const struct hm_table_column columns[] = {
    {"EVENT",  true,  0,  false},
    {"AT",     false, 0,  false},
    {"KIND",   false, 0,  false},
    {"HOST",   false, 24, false},
    {"ACTOR",  false, 8,  false},
    {"FROM",   false, 9,  false},
    {"BEFORE", false, 6,  false},
    {"AFTER",  false, 8,  false},
    {"WHY",    false, 10, false},
};

static enum hm_status put(struct hm_ctl *ctl, const void *page, struct hm_table *table,
                          const char **out_next, struct hm_err *err)
{
    const struct hm_api_events *list = page;
    enum hm_status st = HM_OK;
    size_t i;

    for (i = 0; st == HM_OK && i < list->items.count; i++) {
        const struct hm_api_event *row = &list->items.at[i];
        const char *cells[] = {
            hm_show_number(&ctl->page, row->id),
            hm_show_time(&ctl->page, row->at),
            row->kind,
            row->host,
            row->actor,
            row->peer,
            row->before,
            row->after,
            row->why,
        };

        st = hm_table_put(table, cells, err);
    }
    *out_next = list->next;
    return st;
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
        .put = put,
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
