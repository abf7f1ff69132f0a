/* server/hmctl/gitops_verbs.c — hmctl export, plan and apply FOLDER.
 * SPDX-License-Identifier: Apache-2.0
 *
 * apply stores and submits; approving is a signature and activating a decision, and both stay with
 * people. */
#include "server/hmctl/verbs.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"
#include "server/hmctl/gitops.h"
#include "server/hmctl/yaml.h"

#define FOLDER_MODE 0755
#define SHARE_MAX_PERCENT 10u

/* ---- export -------------------------------------------------------------------------------------
 */

static enum hm_status write_policy(struct hm_ctl *ctl, const char *folder, const char *name,
                                   struct hm_err *err)
{
    const char *path = hm_arena_printf(&ctl->arena, "%s/%s.yaml", folder, name);
    struct hm_api_policy_detail detail;
    struct hm_policy policy;
    struct hm_buf json;
    struct hm_buf yaml;
    enum hm_status st = hm_gitops_document(ctl, name, &detail, &policy, err);

    hm_buf_init(&json, HM_LIMIT_DOCUMENT_BYTES);
    hm_buf_init(&yaml, HM_LIMIT_DOCUMENT_BYTES);
    if (st == HM_OK) {
        st = hm_record_encode(&hm_record_policy, &policy, &json, err);
    }
    if (st == HM_OK) {
        st = hm_json_to_yaml(json.data, json.len, &yaml, err);
    }
    if (st == HM_OK && path == NULL) {
        st = hm_fail(err, HM_ENOMEM, "no memory for the path");
    }
    if (st == HM_OK) {
        st = hm_os_replace_file(path, yaml.data, yaml.len, false, err);
    }
    if (st == HM_OK && !ctl->json) {
        (void)fprintf(ctl->output.out, "%s\n", path);
    }
    if (st != HM_OK) {
        hm_err_prefix(err, "%s", name);
    }
    hm_buf_fini(&json);
    hm_buf_fini(&yaml);
    return st;
}

static enum hm_status export_all(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    struct hm_api_policy_list list;
    struct hm_buf json;
    size_t count = 0;
    enum hm_status st = hm_os_make_folder(cli->arguments[0], FOLDER_MODE, err);

    hm_buf_init(&json, HM_LIMIT_REPLY_BYTES);
    (void)hm_buf_puts(&json, "{\"policies\":[");
    if (st == HM_OK) {
        st = hm_gitops_policies(ctl, &list, err);
    }
    for (size_t i = 0; st == HM_OK && i < list.count; i++) {
        if (!hm_gitops_is_over(&list.at[i])) {
            st = write_policy(ctl, cli->arguments[0], list.at[i].name, err);
            (void)hm_buf_puts(&json, count++ > 0 ? "," : "");
            (void)hm_json_put_string(&json, list.at[i].name);
        }
    }
    (void)hm_buf_puts(&json, "]}");
    if (st == HM_OK && ctl->json) {
        hm_output_body(hm_buf_text(&json), json.len);
    }
    hm_buf_fini(&json);
    return st;
}

static int run_export(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, export_all);
}

const struct hm_cli_verb hm_ctl_verb_export = {
    .name = "export",
    .arguments = "FOLDER",
    .min_arguments = 1,
    .max_arguments = 1,
    .help = "writes every policy as FOLDER/NAME.yaml, for a repository",
    .run = run_export,
};

/* ---- plan ---------------------------------------------------------------------------------------
 */

static const struct hm_cli_option plan_options[] = {
    {"prune", NULL,
     "policies without a file are retired (or withdrawn, when they never were live)"},
};

static enum hm_status plan(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    struct hm_gitops gitops;
    enum hm_status st =
        hm_gitops_plan(ctl, cli->arguments[0], hm_cli_value(cli, "prune") != NULL, &gitops, err);

    if (st != HM_OK) {
        return st;
    }
    if (ctl->json) {
        (void)fprintf(ctl->output.out, "{\"plan\":\"%s\",\"changes\":%zu,\"errors\":%zu}\n",
                      gitops.digest, gitops.changes, gitops.errors);
    } else {
        hm_gitops_print(ctl, &gitops);
    }
    if (gitops.errors > 0) {
        return hm_fail(err, HM_ECONFLICT, "%zu policies cannot be submitted as they are",
                       gitops.errors);
    }
    return HM_OK;
}

static int run_plan(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, plan);
}

const struct hm_cli_verb hm_ctl_verb_plan = {
    .name = "plan",
    .arguments = "FOLDER",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = plan_options,
    .option_count = HM_COUNT(plan_options),
    .help = "what apply FOLDER would do, on the collector and on the hosts; changes nothing",
    .run = run_plan,
};

/* ---- apply --------------------------------------------------------------------------------------
 */

static const struct hm_cli_option apply_options[] = {
    {"plan",      "DIGEST",
     "the plan that was looked at, as \"hmctl plan\" prints it; another one is refused"},
    {"prune",     NULL,
     "policies without a file are retired (or withdrawn, when they never were live)"   },
    {"max-share", "PERCENT",
     "stop when deletions would change more of the fleet than that; default 10"        },
    {"comment",   "TEXT",    "into the events; the commit, for example"                },
    HM_CTL_YES,
};

static enum hm_status check_share(const struct hm_cli *cli, const struct hm_gitops *gitops,
                                  struct hm_err *err)
{
    const char *text = hm_cli_value(cli, "max-share");
    uint32_t percent = SHARE_MAX_PERCENT;
    enum hm_status st = HM_OK;
    struct hm_buf names;
    uint64_t changed = 0;
    uint64_t hosts = 0;

    if (text != NULL && !hm_str_parse_u32(text, strlen(text), 100, &percent)) {
        return hm_fail(err, HM_EINVAL, "--max-share is a number from 0 to 100");
    }
    hm_buf_init(&names, HM_LIMIT_REPLY_BYTES);
    for (size_t i = 0; i < gitops->count; i++) {
        const struct hm_gitops_step *step = &gitops->at[i];

        if (step->kind == HM_GITOPS_DELETE && step->has_counts) {
            changed += step->counts.changed;
            hosts = step->counts.hosts > hosts ? step->counts.hosts : hosts;
            (void)hm_buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", step->name);
        }
    }
    /* Of those that meet on one host each counts: better asked once too often. */
    if (changed * 100 > hosts * percent) {
        st = hm_fail(err, HM_EDENIED,
                     "deleting %.300s would change %llu of %llu hosts, more than %u %%: give "
                     "--max-share when that is meant",
                     hm_buf_text(&names), (unsigned long long)(changed < hosts ? changed : hosts),
                     (unsigned long long)hosts, percent);
    }
    hm_buf_fini(&names);
    return st;
}

/* Only what somebody has looked at. */
static enum hm_status check_seen(const struct hm_cli *cli, const struct hm_gitops *gitops,
                                 struct hm_err *err)
{
    const char *seen = hm_cli_value(cli, "plan");

    if (seen == NULL) {
        return hm_ctl_confirm_shown(cli, "Apply this?", err);
    }
    if (strcmp(seen, gitops->digest) != 0) {
        return hm_fail(err, HM_ECONFLICT,
                       "the plan is another one now (%s): files, policies or hosts have changed; "
                       "look at \"hmctl plan\" again",
                       gitops->digest);
    }
    return HM_OK;
}

/* out_detail: what became of the policy. */
static enum hm_status carry_out(struct hm_ctl *ctl, const struct hm_cli *cli,
                                const struct hm_gitops_step *step,
                                struct hm_api_policy_detail *out_detail, struct hm_err *err)
{
    const char *comment = hm_cli_value(cli, "comment");
    struct hm_api_policy_act with = {.revision = step->revision,
                                     .comment = comment == NULL ? "hmctl apply" : comment};
    enum hm_status st = HM_OK;

    if (step->kind == HM_GITOPS_DELETE) {
        return hm_ctl_policy_act(ctl, step->name, step->live ? "retire" : "withdraw", &with,
                                 out_detail, err);
    }
    st = hm_ctl_policy_put(ctl, &step->policy, out_detail, err);
    if (st == HM_OK) {
        with.revision = out_detail->newest.revision;
        st = hm_ctl_policy_act(ctl, step->name, "submit", &with, out_detail, err);
    }
    return st;
}

/* With --json one object tells of all steps, so the answers to each are not printed. */
static enum hm_status apply_step(struct hm_ctl *ctl, const struct hm_cli *cli,
                                 const struct hm_gitops_step *step, struct hm_buf *json,
                                 struct hm_err *err)
{
    const bool wants_json = ctl->json;
    struct hm_api_policy_detail detail;
    enum hm_status st;

    ctl->json = false;
    st = carry_out(ctl, cli, step, &detail, err);
    ctl->json = wants_json;
    if (st != HM_OK) {
        hm_err_prefix(err, "%s", step->name);
        return st;
    }
    if (!wants_json) {
        hm_ctl_print_state(ctl, &detail);
        return HM_OK;
    }
    (void)hm_buf_puts(json, json->len > 0 ? ",{\"policy\":" : "{\"policy\":");
    (void)hm_json_put_string(json, step->name);
    (void)hm_buf_printf(json, ",\"revision\":%u,\"state\":", detail.newest.revision);
    (void)hm_json_put_string(json, detail.newest.state);
    (void)hm_buf_putc(json, '}');
    return HM_OK;
}

static enum hm_status apply_steps(struct hm_ctl *ctl, const struct hm_cli *cli,
                                  const struct hm_gitops *gitops, struct hm_err *err)
{
    enum hm_status st = HM_OK;
    struct hm_buf json;

    hm_buf_init(&json, HM_LIMIT_REPLY_BYTES);
    for (size_t i = 0; st == HM_OK && i < gitops->count; i++) {
        const enum hm_gitops_step_kind kind = gitops->at[i].kind;

        if (kind != HM_GITOPS_SAME && kind != HM_GITOPS_LEFT) {
            st = apply_step(ctl, cli, &gitops->at[i], &json, err);
        }
    }
    if (ctl->json) { /* of what was done, also when something was not */
        (void)fprintf(ctl->output.out, "{\"plan\":\"%s\",\"applied\":[%s]}\n", gitops->digest,
                      hm_buf_text(&json));
    }
    hm_buf_fini(&json);
    return st;
}

static enum hm_status apply(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    struct hm_gitops gitops;
    enum hm_status st =
        hm_gitops_plan(ctl, cli->arguments[0], hm_cli_value(cli, "prune") != NULL, &gitops, err);

    if (st != HM_OK) {
        return st;
    }
    if (!ctl->json) {
        hm_gitops_print(ctl, &gitops);
    }
    if (gitops.errors > 0) {
        return hm_fail(err, HM_ECONFLICT, "nothing was applied: %zu policies cannot be submitted",
                       gitops.errors);
    }
    if (gitops.changes > 0) {
        st = check_share(cli, &gitops, err);
    }
    if (st == HM_OK && gitops.changes > 0) {
        st = check_seen(cli, &gitops, err);
    }
    return st == HM_OK ? apply_steps(ctl, cli, &gitops, err) : st;
}

static int run_apply(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, apply);
}

const struct hm_cli_verb hm_ctl_verb_apply = {
    .name = "apply",
    .arguments = "FOLDER",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = apply_options,
    .option_count = HM_COUNT(apply_options),
    .help =
        "stores and submits what differs in a folder of policy files; approving stays with people",
    .run = run_apply,
};
