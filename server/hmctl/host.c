/* server/hmctl/host.c — hmctl host NAME: verdicts, findings and remedies of one host.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include <string.h>

#include "server/hmctl/policy.h"
#include "server/hmctl/show.h"

static const struct hm_cli_option options[] = {HM_CTL_AT};

static const struct hm_table_column columns[] = {
    {"STATE",       0,  false, true,  0, false},
    {"ODDS",        0,  true,  false, 0, false},
    {"PORTS",       12, false, false, 0, false},
    {"REQUIREMENT", 26, false, false, 0, true },
    {"WHY",         20, false, false, 0, false},
    {"SINCE",       0,  false, false, 1, false},
};

static void print_line(const struct hm_ctl *ctl, const char *name, const char *value)
{
    (void)fprintf(ctl->output.out, "%-10s", name);
    hm_output_wrap(&ctl->output, 0, value[0] == '\0' ? "-" : value);
}

static void print_head(struct hm_ctl *ctl, const struct hm_api_host *host)
{
    struct hm_arena *arena = &ctl->page;
    const char *system = hm_arena_printf(arena, "%s %s", host->os_name, host->os_version);

    print_line(ctl, "host", host->name);
    print_line(ctl, "id", host->id);
    (void)fprintf(ctl->output.out, "%-10s", "verdict");
    hm_output_state(&ctl->output, host->verdict);
    (void)fprintf(ctl->output.out, " (%u blocked, %u exposed, %u unknown, %u safe)\n",
                  host->blocked, host->exposed, host->unknown, host->safe);
    print_line(ctl, "system", system == NULL ? "" : system);
    print_line(ctl, "agent", host->agent_version);
    print_line(ctl, "labels", hm_show_strings(arena, &host->labels));
    print_line(ctl, "seen", hm_show_seen(ctl, host->silent, host->last_seen));
    if (host->cloned) {
        print_line(ctl, "cloned", "two machines use this identity: enrol one of them again");
    }
    if (host->incomplete) {
        print_line(ctl, "missing",
                   "its services that do not run, or its listeners, could not be read: nothing of "
                   "this host is called safe");
    }
}

static enum hm_status print_verdicts(struct hm_ctl *ctl, const struct hm_api_verdict_list *list,
                                     struct hm_err *err)
{
    struct hm_table table;
    enum hm_status st = HM_OK;
    size_t i;

    hm_table_init(&table, columns, HM_COUNT(columns), &ctl->page);
    for (i = 0; st == HM_OK && i < list->count; i++) {
        const struct hm_verdict *verdict = &list->at[i].verdict;
        const char *cells[] = {
            hm_verdict_state_names[verdict->state],
            hm_show_odds(&ctl->page, verdict),
            hm_show_ports(&ctl->page, verdict),
            verdict->title,
            hm_show_why(&ctl->page, verdict),
            hm_output_age(&ctl->output, list->at[i].since, &ctl->page),
        };

        st = hm_table_put(&table, cells, err);
    }
    if (st == HM_OK && table.count > 0) {
        (void)fputc('\n', ctl->output.out);
        hm_table_print(&table, &ctl->output);
    }
    return st;
}

static void print_not_known(struct hm_ctl *ctl, const struct hm_strings *texts)
{
    if (texts->count > 0) {
        (void)fputs("\nNot known\n", ctl->output.out);
    }
    for (size_t i = 0; i < texts->count; i++) {
        hm_output_wrap(&ctl->output, 2, texts->at[i]);
    }
}

static void print_command(struct hm_ctl *ctl, const char *command)
{
    (void)fputs("        ", ctl->output.out);
    hm_output_plain(&ctl->output, command); /* to be copied: never wrapped */
}

/* "2. free: Stop DNS, …": what must be so before it and what it costs come before the commands. */
static void print_step(struct hm_ctl *ctl, size_t number, const struct hm_remedy_step *step)
{
    const char *texts[] = {
        hm_arena_printf(&ctl->page, "%zu. %s: %s", number, hm_step_kind_names[step->kind],
                        step->text),
        step->precondition[0] == '\0'
            ? NULL
            : hm_arena_printf(&ctl->page, "Only when: %s", step->precondition),
        step->warning[0] == '\0' ? NULL : hm_arena_printf(&ctl->page, "Warning: %s", step->warning),
    };

    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        if (texts[i] != NULL) {
            hm_output_wrap(&ctl->output, i == 0 ? 4 : 7, texts[i]);
        }
    }
    for (size_t i = 0; i < step->commands.count; i++) {
        print_command(ctl, step->commands.at[i]);
    }
}

static void print_finding(struct hm_ctl *ctl, const struct hm_api_finding *row)
{
    const struct hm_finding *finding = &row->finding;
    const char *rest = hm_arena_printf(&ctl->page, "%s  %s  (%s)", finding->kind, finding->subject,
                                       hm_output_age(&ctl->output, row->since, &ctl->page));
    size_t i;

    (void)fputc('\n', ctl->output.out);
    hm_output_state(&ctl->output, hm_severity_names[finding->severity]);
    hm_output_wrap(&ctl->output, 2, rest == NULL ? finding->kind : rest);
    hm_output_wrap(&ctl->output, 4, finding->text);
    if (finding->remedy[0] != '\0' &&
        (finding->steps.count != 1 || strcmp(finding->steps.at[0].text, finding->remedy) != 0)) {
        hm_output_wrap(&ctl->output, 4, finding->remedy);
    }
    for (i = 0; i < finding->steps.count; i++) {
        print_step(ctl, i + 1, &finding->steps.at[i]);
    }
    for (i = 0; finding->steps.count == 0 && i < finding->commands.count; i++) {
        print_command(ctl, finding->commands.at[i]);
    }
}

static const struct hm_table_column policy_columns[] = {
    {"POLICY",   18, false, false, 0, false},
    {"REVISION", 0,  true,  false, 1, false},
    {"STATE",    0,  false, true,  0, false},
    {"SINCE",    0,  false, false, 2, false},
    {"TEXT",     40, false, false, 0, false},
};

/* How far the host is with its policies; as things stand now only. */
static enum hm_status print_policies(struct hm_ctl *ctl, const char *host_id, struct hm_err *err)
{
    const struct hm_ctl_param filter = {
        "filter", hm_arena_printf(&ctl->arena, "host_id=%s state!=retired", host_id)};
    struct hm_api_host_policies page;
    const struct hm_ctl_exchange exchange = {
        .method = "GET",
        .path = hm_ctl_url(&ctl->arena, "/v1/host-policies", &filter, 1),
        .answers = &hm_record_api_host_policies,
        .answer = &page,
    };
    struct hm_table table;
    enum hm_status st = hm_ctl_exchange(ctl, &exchange, err);

    hm_table_init(&table, policy_columns, HM_COUNT(policy_columns), &ctl->arena);
    for (size_t i = 0; st == HM_OK && i < page.items.count; i++) {
        const struct hm_api_host_policy *row = &page.items.at[i];
        const char *cells[] = {
            row->policy,
            hm_show_number(&ctl->arena, row->revision),
            hm_show_policy_state(&ctl->arena, row),
            hm_output_age(&ctl->output, row->changed, &ctl->arena),
            row->text,
        };

        st = hm_table_put(&table, cells, err);
    }
    if (st == HM_OK && table.count > 0) {
        (void)fputc('\n', ctl->output.out);
        hm_table_print(&table, &ctl->output);
    }
    return st;
}

static enum hm_status show(struct hm_ctl *ctl, const char *path, struct hm_err *err)
{
    const char *id;
    struct hm_api_host_detail detail;
    struct hm_http_reply reply;
    enum hm_status st = hm_ctl_call(ctl, "GET", path, NULL, &reply, err);
    size_t i;

    if (st == HM_OK && ctl->json) {
        hm_output_body(reply.body, reply.body_len);
        return st;
    }
    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_api_host_detail, reply.body, reply.body_len, false,
                              &ctl->page, &detail, NULL, err);
    }
    if (st != HM_OK) {
        return st;
    }
    print_head(ctl, &detail.host);
    st = print_verdicts(ctl, &detail.verdicts, err);
    for (i = 0; st == HM_OK && i < detail.findings.count; i++) {
        print_finding(ctl, &detail.findings.at[i]);
    }
    if (st == HM_OK) {
        print_not_known(ctl, &detail.not_known);
    }
    if (detail.truncated) {
        (void)fputs("\nThere is more: ask hmctl verdicts and hmctl findings.\n", ctl->output.out);
    }
    id = hm_arena_strdup(&ctl->arena, detail.host.id);
    if (st == HM_OK && !ctl->past && id != NULL) {
        st = print_policies(ctl, id, err);
    }
    return st;
}

static int run(const struct hm_cli *cli)
{
    const struct hm_ctl_param at = {"at", hm_cli_value(cli, "at")};
    struct hm_ctl ctl;
    struct hm_err err;
    enum hm_status st = hm_ctl_open(cli, &ctl, &err);
    const char *path;

    if (st != HM_OK) {
        return hm_ctl_fail(cli, &err);
    }
    ctl.past = at.value != NULL;
    path = hm_ctl_path(&ctl.arena, "/v1/hosts/", cli->arguments[0], "");
    st = show(&ctl, path == NULL ? NULL : hm_ctl_url(&ctl.arena, path, &at, 1), &err);
    hm_ctl_close(&ctl);
    return st == HM_OK ? HM_CTL_OK : hm_ctl_fail(cli, &err);
}

const struct hm_cli_verb hm_ctl_verb_host = {
    .name = "host",
    .arguments = "HOST",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "shows one host: verdicts, findings, and what to do",
    .run = run,
};
