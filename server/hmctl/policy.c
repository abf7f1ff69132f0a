/* server/hmctl/policy.c — what the verbs about policies share.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/policy.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/crypto/digest.h"
#include "common/crypto/key.h"
#include "common/os/os.h"
#include "common/os/passphrase.h"
#include "server/hmctl/show.h"
#include "server/hmctl/yaml.h"

int hm_ctl_run(const struct hm_cli *cli, hm_ctl_work *work)
{
    struct hm_ctl ctl;
    struct hm_err err;
    enum hm_status st = hm_ctl_open(cli, &ctl, &err);

    if (st != HM_OK) {
        return hm_ctl_fail(cli, &err);
    }
    st = work(&ctl, cli, &err);
    hm_ctl_close(&ctl);
    return st == HM_OK ? HM_CTL_OK : hm_ctl_fail(cli, &err);
}

bool hm_ctl_is_file(const char *argument)
{
    return strcmp(argument, "-") == 0 || strpbrk(argument, "./\\") != NULL;
}

/* ---- files ----------------------------------------------------------------------------------- */

static enum hm_status read_input(struct hm_ctl *ctl, size_t cap, char **out_text, size_t *out_len,
                                 struct hm_err *err)
{
    char *text = hm_arena_alloc(&ctl->arena, cap + 1, 1);
    size_t len;

    if (text == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to read standard input");
    }
    len = fread(text, 1, cap + 1, stdin);
    if (ferror(stdin)) {
        return hm_fail(err, HM_EIO, "standard input cannot be read");
    }
    if (len > cap) {
        return hm_fail(err, HM_ETOOBIG, "standard input is longer than %zu bytes", cap);
    }
    text[len] = '\0';
    *out_text = text;
    *out_len = len;
    return HM_OK;
}

enum hm_status hm_ctl_read_text(struct hm_ctl *ctl, const char *path, size_t cap, char **out_text,
                                size_t *out_len, struct hm_err *err)
{
    enum hm_status st;

    if (strcmp(path, "-") == 0) {
        return read_input(ctl, cap, out_text, out_len, err);
    }
    st = hm_os_read_file(path, cap, &ctl->arena, out_text, out_len, err);
    if (st == HM_OK || st == HM_ENOMEM) {
        return st;
    }
    err->status = HM_EINVAL;
    return HM_EINVAL;
}

enum hm_status hm_ctl_read_policy(struct hm_ctl *ctl, const char *path,
                                  struct hm_policy *out_policy, struct hm_err *err)
{
    char *text;
    size_t len;
    enum hm_status st = hm_ctl_read_text(ctl, path, HM_LIMIT_DOCUMENT_BYTES, &text, &len, err);

    if (st != HM_OK) {
        return st;
    }
    st = hm_yaml_decode(&hm_record_policy, text, len, &ctl->arena, out_policy, err);
    if (st == HM_OK) {
        st = hm_policy_check(out_policy, err);
    }
    if (st != HM_OK) {
        hm_err_prefix(err, "%s", strcmp(path, "-") == 0 ? "standard input" : path);
    }
    return st;
}

/* ---- calls ----------------------------------------------------------------------------------- */

enum hm_status hm_ctl_exchange(struct hm_ctl *ctl, const struct hm_ctl_exchange *exchange,
                               struct hm_err *err)
{
    struct hm_http_reply reply;
    struct hm_buf body;
    enum hm_status st = HM_OK;

    hm_buf_init(&body, HM_LIMIT_DOCUMENT_BYTES);
    if (exchange->asks != NULL) {
        st = hm_record_encode(exchange->asks, exchange->ask, &body, err);
    }
    if (st == HM_OK) {
        st = hm_ctl_call(ctl, exchange->method, exchange->path,
                         exchange->asks == NULL ? NULL : &body, &reply, err);
    }
    hm_buf_fini(&body);
    if (st == HM_OK && ctl->json && exchange->show) {
        hm_output_body(reply.body, reply.body_len);
    }
    if (st == HM_OK && exchange->answers != NULL) {
        st = hm_record_decode(exchange->answers, reply.body, reply.body_len, false, &ctl->arena,
                              exchange->answer, NULL, err);
    }
    return st;
}

enum hm_status hm_ctl_policy_lint(struct hm_ctl *ctl, const struct hm_policy *policy, bool show,
                                  struct hm_api_lint_list *out_problems, struct hm_err *err)
{
    struct hm_api_lint answer;
    const struct hm_ctl_exchange exchange = {
        .method = "POST",
        .path = "/v1/lint",
        .asks = &hm_record_policy,
        .ask = policy,
        .answers = &hm_record_api_lint,
        .answer = &answer,
        .show = show,
    };
    enum hm_status st = hm_ctl_exchange(ctl, &exchange, err);

    if (st == HM_OK) {
        *out_problems = answer.problems;
    }
    return st;
}

bool hm_ctl_has_error(const struct hm_api_lint_list *problems)
{
    return problems->count > 0 && strcmp(problems->at[0].severity, "error") == 0;
}

enum hm_status hm_ctl_policy_get(struct hm_ctl *ctl, const char *name,
                                 struct hm_api_policy_detail *out_detail, struct hm_err *err)
{
    const struct hm_ctl_exchange exchange = {
        .method = "GET",
        .path = hm_ctl_path(&ctl->arena, "/v1/policies/", name, ""),
        .answers = &hm_record_api_policy_detail,
        .answer = out_detail,
    };

    return hm_ctl_exchange(ctl, &exchange, err);
}

enum hm_status hm_ctl_policy_put(struct hm_ctl *ctl, const struct hm_policy *policy,
                                 struct hm_api_policy_detail *out_detail, struct hm_err *err)
{
    const struct hm_ctl_exchange exchange = {
        .method = "PUT",
        .path = hm_ctl_path(&ctl->arena, "/v1/policies/", policy->name, ""),
        .asks = &hm_record_policy,
        .ask = policy,
        .answers = &hm_record_api_policy_detail,
        .answer = out_detail,
    };

    return hm_ctl_exchange(ctl, &exchange, err);
}

enum hm_status hm_ctl_policy_act(struct hm_ctl *ctl, const char *name, const char *act,
                                 const struct hm_api_policy_act *with,
                                 struct hm_api_policy_detail *out_detail, struct hm_err *err)
{
    const char *after = hm_arena_printf(&ctl->arena, "/%s", act);
    const struct hm_ctl_exchange exchange = {
        .method = "POST",
        .path = after == NULL ? NULL : hm_ctl_path(&ctl->arena, "/v1/policies/", name, after),
        .asks = &hm_record_api_policy_act,
        .ask = with,
        .answers = &hm_record_api_policy_detail,
        .answer = out_detail,
        .show = true,
    };

    return hm_ctl_exchange(ctl, &exchange, err);
}

/* ---- for people ------------------------------------------------------------------------------ */

void hm_ctl_print_line(struct hm_ctl *ctl, const char *name, const char *value)
{
    (void)fprintf(ctl->output.out, "%-10s", name);
    hm_output_wrap(&ctl->output, 0, value == NULL || value[0] == '\0' ? "-" : value);
}

void hm_ctl_print_problems(struct hm_ctl *ctl, const struct hm_api_lint_list *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct hm_api_lint_problem *problem = &problems->at[i];

        hm_output_state(&ctl->output, problem->severity);
        (void)fprintf(ctl->output.out, "  %s\n", problem->code);
        hm_output_wrap(&ctl->output, 4, problem->text);
    }
}

/* What has to happen next, by the state of the newest revision. */
static const struct {
    const char *state;
    const char *verb;
    const char *after;
} steps[] = {
    {"draft",     "policy submit",   ""           },
    {"submitted", "policy approve",  " --key FILE"},
    {"approved",  "policy activate", ""           },
    {"active",    "compliance",      ""           },
    {"retired",   "policy hosts",    ""           },
};

void hm_ctl_print_state(struct hm_ctl *ctl, const struct hm_api_policy_detail *detail)
{
    const struct hm_api_revision *newest = &detail->newest;
    FILE *out = ctl->output.out;

    (void)fprintf(out, "%s revision %u is ", newest->policy, newest->revision);
    hm_output_state(&ctl->output, newest->state);
    if (strcmp(newest->state, "submitted") == 0) {
        (void)fprintf(out, ", signed by %zu of %u", newest->approvals.count, newest->threshold);
    }
    (void)fputc('\n', out);
    for (size_t i = 0; i < HM_COUNT(steps); i++) {
        if (strcmp(steps[i].state, newest->state) == 0) {
            (void)fprintf(out, "next: hmctl %s %s%s\n", steps[i].verb, newest->policy,
                          steps[i].after);
        }
    }
}

enum hm_status hm_ctl_read_duration(const char *option, const char *text, uint32_t *out_s,
                                    struct hm_err *err)
{
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = {
        {'s', 1    },
        {'m', 60   },
        {'h', 3600 },
        {'d', 86400},
    };
    size_t len = text == NULL ? 0 : strlen(text);
    uint32_t count;

    *out_s = 0;
    if (text == NULL) {
        return HM_OK;
    }
    for (size_t i = 0; i < HM_COUNT(units); i++) {
        if (len > 1 && units[i].unit == text[len - 1] &&
            hm_str_parse_u32(text, len - 1, HM_LIMIT_TOKEN_VALID_S / units[i].seconds, &count) &&
            count > 0) {
            *out_s = count * units[i].seconds;
            return HM_OK;
        }
    }
    return hm_fail(err, HM_EINVAL, "--%s %s is no duration, as 30m, 12h and 90d are", option, text);
}

enum hm_status hm_ctl_confirm(const struct hm_cli *cli, const char *question, struct hm_err *err)
{
    char answer[16] = "";

    if (hm_cli_value(cli, "yes") != NULL) {
        return HM_OK;
    }
    if (!hm_os_is_terminal(stdin)) {
        return hm_fail(err, HM_EDENIED, "%s Nobody can be asked here: give --yes", question);
    }
    (void)fprintf(stderr, "%s [y/N] ", question);
    (void)fflush(stderr);
    if (fgets(answer, sizeof(answer), stdin) == NULL || (answer[0] != 'y' && answer[0] != 'Y')) {
        return hm_fail(err, HM_EDENIED, "nothing was done");
    }
    return HM_OK;
}

enum hm_status hm_ctl_confirm_shown(const struct hm_cli *cli, const char *question,
                                    struct hm_err *err)
{
    if (hm_cli_value(cli, "json") != NULL && hm_cli_value(cli, "yes") == NULL) {
        return hm_fail(err, HM_EINVAL,
                       "--json does not show what this is about: leave it out, or give --yes");
    }
    return hm_ctl_confirm(cli, question, err);
}

enum hm_status hm_ctl_open_key(struct hm_ctl *ctl, const char *path, struct hm_key_pair *out_pair,
                               const char **out_name, struct hm_err *err)
{
    char passphrase[HM_PASSPHRASE_ROOM];
    struct hm_signing_key key;
    const char *text;
    size_t len;
    enum hm_status st =
        hm_os_read_text(path, HM_LIMIT_KEY_FILE_BYTES, &ctl->arena, &text, &len, err);

    if (st == HM_OK) {
        st =
            hm_record_decode(&hm_record_signing_key, text, len, true, &ctl->arena, &key, NULL, err);
        if (st != HM_OK) {
            hm_err_prefix(err, "%s is no key file of \"hmctl key new\"", path);
        }
    }
    if (st == HM_OK) {
        const char *prompt =
            hm_arena_printf(&ctl->arena, "Passphrase of %s (%s): ", path, key.name);

        st = hm_passphrase_read(hm_cli_value(ctl->cli, "passphrase-file"),
                                prompt == NULL ? "Passphrase: " : prompt, false, passphrase, err);
        if (st == HM_OK) {
            st = hm_key_open(&key, passphrase, &ctl->arena, out_pair, err);
        }
        hm_crypto_wipe(passphrase, sizeof(passphrase));
    }
    if (st == HM_OK && out_name != NULL) {
        *out_name = key.name;
    }
    return st;
}
