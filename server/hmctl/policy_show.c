/* server/hmctl/policy_show.c — hmctl policy show: one policy with its document and its signatures.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "server/hmctl/policy.h"
#include "server/hmctl/show.h"
#include "server/hmctl/yaml.h"

static const struct hm_cli_option options[] = {
    {"revision", "N",  "that revision; default: the newest"            },
    {"yaml",     NULL, "only the document, as a file for policy submit"},
};

static enum hm_status print_document(struct hm_ctl *ctl, const char *document, unsigned indent,
                                     struct hm_err *err)
{
    struct hm_buf yaml;
    enum hm_status st;
    const char *at;

    hm_buf_init(&yaml, HM_LIMIT_DOCUMENT_BYTES);
    st = hm_json_to_yaml(document, strlen(document), &yaml, err);
    for (at = hm_buf_text(&yaml); st == HM_OK && *at != '\0';) {
        const size_t len = strcspn(at, "\n");
        const char *line = hm_arena_printf(&ctl->arena, "%*s%.*s", (int)indent, "", (int)len, at);

        hm_output_plain(&ctl->output, line == NULL ? "" : line);
        at += len + (at[len] == '\n' ? 1 : 0);
    }
    hm_buf_fini(&yaml);
    return st;
}

static void print_approvals(struct hm_ctl *ctl, const struct hm_api_revision *revision)
{
    for (size_t i = 0; i < revision->approvals.count; i++) {
        const struct hm_api_approval *approval = &revision->approvals.at[i];
        const char *text =
            hm_arena_printf(&ctl->arena, "%s, key %s, %s%s%s", approval->approver, approval->key_id,
                            hm_output_age(&ctl->output, approval->at, &ctl->arena),
                            approval->comment[0] == '\0' ? "" : ": ", approval->comment);

        hm_ctl_print_line(ctl, i == 0 ? "signed by" : "", text);
    }
}

static enum hm_status print_revision(struct hm_ctl *ctl, const struct hm_api_revision *revision,
                                     struct hm_err *err)
{
    const char *number = hm_arena_printf(&ctl->arena, "%u, %s", revision->revision, revision->mode);

    hm_ctl_print_line(ctl, "policy", revision->policy);
    hm_ctl_print_line(ctl, "revision", number);
    (void)fprintf(ctl->output.out, "%-10s", "state");
    hm_output_state(&ctl->output, revision->state);
    (void)fprintf(ctl->output.out, " since %s\n",
                  hm_output_age(&ctl->output, revision->changed, &ctl->arena));
    hm_ctl_print_line(ctl, "author", revision->author);
    if (revision->why[0] != '\0') {
        hm_ctl_print_line(ctl, "comment", revision->why);
    }
    print_approvals(ctl, revision);
    if (revision->expires != 0) {
        hm_ctl_print_line(ctl, "expires", hm_show_time(&ctl->arena, revision->expires));
    }
    hm_ctl_print_line(ctl, "digest", revision->digest);
    (void)fputc('\n', ctl->output.out);
    return print_document(ctl, revision->document, 2, err);
}

static enum hm_status get_revision(struct hm_ctl *ctl, const char *name, const char *revision,
                                   struct hm_api_revision *out, struct hm_err *err)
{
    const char *after = hm_arena_printf(&ctl->arena, "/revisions/%s", revision);
    const struct hm_ctl_exchange exchange = {
        .method = "GET",
        .path = after == NULL ? NULL : hm_ctl_path(&ctl->arena, "/v1/policies/", name, after),
        .answers = &hm_record_api_revision,
        .answer = out,
        .show = true,
    };
    uint32_t number;

    if (!hm_str_parse_u32(revision, strlen(revision), UINT32_MAX, &number)) {
        return hm_fail(err, HM_EINVAL, "--revision %s is no number", revision);
    }
    return hm_ctl_exchange(ctl, &exchange, err);
}

static enum hm_status get_detail(struct hm_ctl *ctl, const char *name,
                                 struct hm_api_policy_detail *out, struct hm_err *err)
{
    const struct hm_ctl_exchange exchange = {
        .method = "GET",
        .path = hm_ctl_path(&ctl->arena, "/v1/policies/", name, ""),
        .answers = &hm_record_api_policy_detail,
        .answer = out,
        .show = true,
    };

    return hm_ctl_exchange(ctl, &exchange, err);
}

static enum hm_status show(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    const char *name = cli->arguments[0];
    const char *revision = hm_cli_value(cli, "revision");
    struct hm_api_policy_detail detail = {.has_live = false};
    enum hm_status st = revision == NULL ? get_detail(ctl, name, &detail, err)
                                         : get_revision(ctl, name, revision, &detail.newest, err);

    if (st != HM_OK || ctl->json) {
        return st;
    }
    if (hm_cli_value(cli, "yaml") != NULL) {
        return print_document(ctl, detail.newest.document, 0, err);
    }
    st = print_revision(ctl, &detail.newest, err);
    if (st == HM_OK && detail.has_live && detail.live.revision != detail.newest.revision) {
        (void)fprintf(ctl->output.out, "\nLive is revision %u (%s); see hmctl policy diff %s\n",
                      detail.live.revision, detail.live.state, name);
    }
    if (st == HM_OK && detail.problems.count > 0) {
        (void)fputc('\n', ctl->output.out);
        hm_ctl_print_problems(ctl, &detail.problems);
    }
    return st;
}

static int run(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, show);
}

const struct hm_cli_verb hm_ctl_verb_policy_show = {
    .name = "policy show",
    .arguments = "POLICY",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "shows a policy: document, state, signatures, what is wrong with it",
    .run = run,
};
