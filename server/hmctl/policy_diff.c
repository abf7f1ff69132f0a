/* server/hmctl/policy_diff.c — hmctl policy diff: what changed between two revisions.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "server/hmctl/diff.h"
#include "server/hmctl/policy.h"
#include "server/hmctl/yaml.h"

static enum hm_status get(struct hm_ctl *ctl, const char *name, uint32_t revision,
                          const char **out_yaml, struct hm_err *err)
{
    const char *after = hm_arena_printf(&ctl->arena, "/revisions/%u", revision);
    struct hm_api_revision row;
    const struct hm_ctl_exchange exchange = {
        .method = "GET",
        .path = after == NULL ? NULL : hm_ctl_path(&ctl->arena, "/v1/policies/", name, after),
        .answers = &hm_record_api_revision,
        .answer = &row,
    };
    struct hm_buf yaml;
    enum hm_status st = hm_ctl_exchange(ctl, &exchange, err);

    if (st != HM_OK) {
        return st;
    }
    hm_buf_init(&yaml, HM_LIMIT_DOCUMENT_BYTES);
    st = hm_json_to_yaml(row.document, strlen(row.document), &yaml, err);
    if (st == HM_OK) {
        *out_yaml = hm_arena_strdup(&ctl->arena, hm_buf_text(&yaml));
        st = *out_yaml == NULL ? hm_fail(err, HM_ENOMEM, "no memory to compare") : HM_OK;
    }
    hm_buf_fini(&yaml);
    return st;
}

static enum hm_status read_number(const char *text, uint32_t *out, struct hm_err *err)
{
    if (!hm_str_parse_u32(text, strlen(text), UINT32_MAX, out) || *out == 0) {
        return hm_fail(err, HM_EINVAL, "%s is no revision", text);
    }
    return HM_OK;
}

/* Without numbers: the live revision and the newest, or the newest and the one before it. */
static enum hm_status choose(struct hm_ctl *ctl, const struct hm_cli *cli, uint32_t *out_from,
                             uint32_t *out_to, struct hm_err *err)
{
    struct hm_api_policy_detail detail;
    enum hm_status st = HM_OK;

    if (cli->argument_count == 3) {
        st = read_number(cli->arguments[1], out_from, err);
        return st == HM_OK ? read_number(cli->arguments[2], out_to, err) : st;
    }
    if (cli->argument_count == 2) {
        return hm_fail(err, HM_EINVAL, "give two revisions, or none");
    }
    st = hm_ctl_policy_get(ctl, cli->arguments[0], &detail, err);
    if (st == HM_OK) {
        *out_to = detail.newest.revision;
        *out_from =
            detail.has_live && detail.live.revision != *out_to ? detail.live.revision : *out_to - 1;
    }
    if (st == HM_OK && *out_from == 0) {
        st = hm_fail(err, HM_ENOENT, "%s has one revision only", cli->arguments[0]);
    }
    return st;
}

static enum hm_status diff(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    const char *before;
    const char *after;
    uint32_t from;
    uint32_t to;
    bool differ = false;
    enum hm_status st = choose(ctl, cli, &from, &to, err);

    if (st == HM_OK) {
        st = get(ctl, cli->arguments[0], from, &before, err);
    }
    if (st == HM_OK) {
        st = get(ctl, cli->arguments[0], to, &after, err);
    }
    if (st == HM_OK) {
        (void)fprintf(ctl->output.out, "--- %s revision %u\n+++ %s revision %u\n",
                      cli->arguments[0], from, cli->arguments[0], to);
        st = hm_diff_print(&ctl->output, before, after, &ctl->arena, &differ, err);
    }
    return st;
}

static int run(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, diff);
}

const struct hm_cli_verb hm_ctl_verb_policy_diff = {
    .name = "policy diff",
    .arguments = "POLICY [FROM TO]",
    .min_arguments = 1,
    .max_arguments = 3,
    .help = "what changed between two revisions; without numbers: the live one and the newest",
    .run = run,
};
