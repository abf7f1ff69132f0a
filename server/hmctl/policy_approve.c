/* server/hmctl/policy_approve.c — hmctl policy approve: an approver reads, then signs.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is shown is read out of the very bytes that are signed, not out of what the collector says
 * about them. The key never leaves this machine. */
#include "server/hmctl/verbs.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/crypto/digest.h"
#include "common/wire/signed.h"
#include "server/hmctl/policy.h"
#include "server/hmctl/show.h"
#include "server/hmctl/yaml.h"

static const struct hm_cli_option options[] = {
    {"key",     "FILE", "the approver's key file, of \"hmctl key new\""},
    {"comment", "TEXT", "kept beside the signature"                    },
    HM_CTL_PASSPHRASE,
    HM_CTL_YES,
};

static enum hm_status print_document(struct hm_ctl *ctl, const struct hm_statement *statement,
                                     struct hm_err *err)
{
    struct hm_buf yaml;
    enum hm_status st;

    hm_buf_init(&yaml, HM_LIMIT_DOCUMENT_BYTES);
    st = hm_json_to_yaml(statement->content, strlen(statement->content), &yaml, err);
    if (st == HM_OK) {
        char *line = yaml.data;

        while (line != NULL && line < yaml.data + yaml.len) {
            char *end = memchr(line, '\n', (size_t)(yaml.data + yaml.len - line));

            if (end != NULL) {
                *end = '\0';
            }
            (void)fputs("  ", ctl->output.out);
            hm_output_plain(&ctl->output, line);
            line = end == NULL ? NULL : end + 1;
        }
    }
    hm_buf_fini(&yaml);
    return st;
}

/* What is live may be signed further: by approvers of a later trust root, for hosts to come. */
static bool may_sign(const struct hm_api_revision *revision)
{
    static const char *const states[] = {"submitted", "approved", "active", "paused", "retired"};
    bool found = false;

    for (size_t i = 0; i < HM_COUNT(states); i++) {
        found = found || strcmp(states[i], revision->state) == 0;
    }
    return found && revision->has_envelope;
}

/* What stands in the envelope must be one policy, and the policy that was asked for. */
static enum hm_status check(struct hm_ctl *ctl, const struct hm_api_revision *revision,
                            struct hm_statement *out_statement, struct hm_err *err)
{
    struct hm_policy policy;
    enum hm_status st = HM_OK;

    if (!may_sign(revision)) {
        return hm_fail(err, HM_ECONFLICT, "%s revision %u is %s: nothing waits for a signature",
                       revision->policy, revision->revision, revision->state);
    }
    st = hm_statement_decode(&revision->envelope, &ctl->arena, out_statement, err);
    if (st == HM_OK) {
        st = hm_statement_check_content(out_statement, out_statement->content,
                                        strlen(out_statement->content), err);
    }
    if (st == HM_OK) {
        st =
            hm_record_decode(&hm_record_policy, out_statement->content,
                             strlen(out_statement->content), true, &ctl->arena, &policy, NULL, err);
    }
    if (st == HM_OK && (strcmp(out_statement->policy, revision->policy) != 0 ||
                        strcmp(policy.name, revision->policy) != 0 ||
                        out_statement->revision != revision->revision)) {
        st = hm_fail(err, HM_EDENIED,
                     "the collector gave something else to sign than %s revision %u: do not sign, "
                     "and find out why",
                     revision->policy, revision->revision);
    }
    return st;
}

static enum hm_status show(struct hm_ctl *ctl, const struct hm_statement *statement,
                           struct hm_err *err)
{
    const char *number =
        hm_arena_printf(&ctl->arena, "%llu", (unsigned long long)statement->revision);

    hm_ctl_print_line(ctl, "policy", statement->policy);
    hm_ctl_print_line(ctl, "revision", number);
    hm_ctl_print_line(ctl, "author", statement->author);
    hm_ctl_print_line(ctl, "fleet", statement->fleet);
    hm_ctl_print_line(ctl, "expires", hm_show_time(&ctl->arena, statement->expires));
    hm_ctl_print_line(ctl, "digest", statement->digest);
    (void)fputc('\n', ctl->output.out);
    return print_document(ctl, statement, err);
}

static enum hm_status sign(struct hm_ctl *ctl, const struct hm_api_revision *revision,
                           const char *key_file, struct hm_api_policy_act *out_act,
                           struct hm_err *err)
{
    struct hm_key_pair pair;
    enum hm_status st = hm_ctl_open_key(ctl, key_file, &pair, NULL, err);

    if (st != HM_OK) {
        return st;
    }
    out_act->has_envelope = true;
    out_act->envelope = revision->envelope;
    st = hm_envelope_sign(&out_act->envelope, &pair, &ctl->arena, err);
    hm_key_pair_fini(&pair);
    return st;
}

static enum hm_status approve(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    const char *name = cli->arguments[0];
    const char *key_file = hm_cli_value(cli, "key");
    const char *comment = hm_cli_value(cli, "comment");
    struct hm_api_policy_act act = {.comment = comment == NULL ? "" : comment};
    struct hm_api_policy_detail detail = {.has_live = false};
    struct hm_statement statement;
    enum hm_status st;

    if (key_file == NULL) {
        return hm_fail(err, HM_EINVAL, "with which key? --key FILE, made by \"hmctl key new\"");
    }
    st = hm_crypto_init(err);
    if (st == HM_OK) {
        st = hm_ctl_policy_get(ctl, name, &detail, err);
    }
    if (st == HM_OK) {
        st = check(ctl, &detail.newest, &statement, err);
    }
    if (st == HM_OK && !ctl->json) {
        st = show(ctl, &statement, err);
    }
    if (st == HM_OK) {
        st = hm_ctl_confirm_shown(cli, "Sign exactly this?", err);
    }
    if (st == HM_OK) {
        act.revision = detail.newest.revision;
        st = sign(ctl, &detail.newest, key_file, &act, err);
    }
    if (st == HM_OK) {
        st = hm_ctl_policy_act(ctl, name, "approve", &act, &detail, err);
    }
    if (st == HM_OK && !ctl->json) {
        (void)fputc('\n', ctl->output.out);
        hm_ctl_print_state(ctl, &detail);
    }
    return st;
}

static int run(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, approve);
}

const struct hm_cli_verb hm_ctl_verb_policy_approve = {
    .name = "policy approve",
    .arguments = "POLICY",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "shows what is submitted and signs it with an approver's key",
    .run = run,
};
