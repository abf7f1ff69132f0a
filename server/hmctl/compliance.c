/* server/hmctl/compliance.c — hmctl compliance: can it be proved that every host has it?
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include <string.h>

#include "common/base/clock.h"
#include "server/hmctl/policy.h"
#include "server/hmctl/show.h"

static const struct hm_cli_option options[] = {
    {"label", "KEY", "a row each value of the label: --label site"                          },
    {"check", NULL,  "exit status 1 unless every host is compliant or excepted, for scripts"},
};

/* With --label from the first on, else without GROUP. */
static const struct hm_table_column columns[] = {
    {"GROUP",         10, false, false, 0, false},
    {"POLICY",        18, false, false, 0, false},
    {"HOSTS",         0,  true,  false, 0, false},
    {"COMPLIANT",     0,  true,  false, 0, false},
    {"PENDING",       0,  true,  false, 0, false},
    {"NONCOMPLIANT",  0,  true,  false, 0, false},
    {"UNKNOWN",       0,  true,  false, 0, false},
    {"EXCEPTED",      0,  true,  false, 3, false},
    {"AUDIT",         0,  true,  false, 2, false},
    {"FAILING SINCE", 0,  false, false, 4, false},
};

static enum hm_status put(struct hm_ctl *ctl, struct hm_table *table, const char *name,
                          const struct hm_api_compliance_row *row, struct hm_err *err)
{
    const char *cells[] = {
        row->group[0] == '\0' ? "-" : row->group,
        name,
        hm_show_number(&ctl->arena, row->hosts),
        hm_show_number(&ctl->arena, row->compliant),
        hm_show_number(&ctl->arena, row->pending),
        hm_show_number(&ctl->arena, row->noncompliant),
        hm_show_number(&ctl->arena, row->unknown),
        hm_show_number(&ctl->arena, row->excepted),
        hm_show_number(&ctl->arena, row->audit),
        row->failing_since == 0 ? "-"
                                : hm_output_age(&ctl->output, row->failing_since, &ctl->arena),
    };

    return hm_table_put(table, cells + (HM_COUNT(columns) - table->column_count), err);
}

static enum hm_status print(struct hm_ctl *ctl, const struct hm_api_compliance *answer,
                            bool grouped, bool with_fleet, struct hm_err *err)
{
    const size_t skip = grouped ? 0 : 1;
    struct hm_table table;
    enum hm_status st = HM_OK;

    hm_table_init(&table, columns + skip, HM_COUNT(columns) - skip, &ctl->arena);
    for (size_t i = 0; st == HM_OK && i < answer->items.count; i++) {
        st = put(ctl, &table, answer->items.at[i].policy, &answer->items.at[i], err);
    }
    if (st == HM_OK && with_fleet) {
        st = put(ctl, &table, "all, each host once", &answer->fleet, err);
    }
    if (st == HM_OK && table.count > 0) {
        hm_table_print(&table, &ctl->output);
    }
    return st;
}

static bool is_proved(const struct hm_api_compliance_row *row)
{
    return row->compliant + row->excepted == row->hosts;
}

/* Hosts have taken back a policy whose approval has ended, and then nobody counts them. */
static enum hm_status check_ends(struct hm_ctl *ctl, const char *policy, struct hm_err *err)
{
    char now[HM_TIME_TEXT_BYTES];
    const struct hm_ctl_param filter = {
        "filter", hm_arena_printf(&ctl->arena, "live_state!=retired ends<%s%s%s",
                                  hm_clock_format(ctl->output.now_ms, now),
                                  policy == NULL ? "" : " name=", policy == NULL ? "" : policy)};
    struct hm_api_policies ended;
    const struct hm_ctl_exchange exchange = {
        .method = "GET",
        .path = hm_ctl_url(&ctl->arena, "/v1/policies", &filter, 1),
        .answers = &hm_record_api_policies,
        .answer = &ended,
    };
    enum hm_status st = hm_ctl_exchange(ctl, &exchange, err);

    if (st == HM_OK && ended.items.count > 0) {
        st = hm_fail(
            err, HM_ECONFLICT,
            "the approval of %s ended on %s: hosts have taken it back. Submit it again with "
            "its next review date, and approve it",
            ended.items.at[0].name, hm_show_time(&ctl->arena, ended.items.at[0].ends));
    }
    return st;
}

static enum hm_status ask(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    const char *policy = cli->argument_count == 0 ? NULL : cli->arguments[0];
    const struct hm_ctl_param params[] = {
        {"policy",          policy  },
        { "label", hm_cli_value(cli, "label")},
    };
    struct hm_api_compliance answer;
    const struct hm_ctl_exchange exchange = {
        .method = "GET",
        .path = hm_ctl_url(&ctl->arena, "/v1/compliance", params, HM_COUNT(params)),
        .answers = &hm_record_api_compliance,
        .answer = &answer,
        .show = true,
    };
    bool proved;
    enum hm_status st = hm_ctl_exchange(ctl, &exchange, err);

    if (st == HM_OK && !ctl->json) {
        if (answer.items.count == 0) {
            (void)fputs("no policy is live, or no host is meant\n", ctl->output.out);
        }
        st = print(ctl, &answer, hm_cli_value(cli, "label") != NULL,
                   policy == NULL && answer.items.count > 1, err);
    }
    proved = st == HM_OK && answer.items.count > 0; /* nothing proves nothing */
    for (size_t i = 0; st == HM_OK && i < answer.items.count; i++) {
        proved = proved && is_proved(&answer.items.at[i]);
    }
    if (st == HM_OK && hm_cli_value(cli, "check") != NULL) {
        st = check_ends(ctl, policy, err);
    }
    if (st == HM_OK && hm_cli_value(cli, "check") != NULL && !proved) {
        st = hm_fail(err, HM_ECONFLICT,
                     answer.items.count == 0
                         ? "nothing is proved: no policy is live, or no host is meant"
                         : "not every host is proved compliant; see hmctl policy hosts");
    }
    return st;
}

static int run(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, ask);
}

const struct hm_cli_verb hm_ctl_verb_compliance = {
    .name = "compliance",
    .arguments = "[POLICY]",
    .max_arguments = 1,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "how many hosts have proved each policy; a silent one is unknown, never compliant",
    .run = run,
};
