/* server/hmctl/policy.h — what the verbs about policies share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything returned lives in ctl->arena, so it outlives the next call. */
#pragma once

#include "common/wire/records_policies.h"
#include "server/hmctl/client.h"

/* A verb that needs a session and nothing else: opens it, runs work, closes it. */
typedef enum hm_status hm_ctl_work(struct hm_ctl *ctl, const struct hm_cli *cli,
                                   struct hm_err *err);
int hm_ctl_run(const struct hm_cli *cli, hm_ctl_work *work);

/* A file, not the name of a policy: it has a dot or a slash, or is "-" (standard input). */
bool hm_ctl_is_file(const char *argument);

/* A whole file, or standard input. A file that cannot be read is HM_EINVAL: wrong usage. */
enum hm_status hm_ctl_read_text(struct hm_ctl *ctl, const char *path, size_t cap, char **out_text,
                                size_t *out_len, struct hm_err *err) HM_MUST_CHECK;

/* YAML or JSON, strictly; errors name the file, and the line or the member. */
enum hm_status hm_ctl_read_policy(struct hm_ctl *ctl, const char *path,
                                  struct hm_policy *out_policy, struct hm_err *err) HM_MUST_CHECK;

/* A call whose body and answer are records; either may be NULL. The text of the answer is printed
 * with --json when show is set. */
struct hm_ctl_exchange {
    const char *method;
    const char *path;
    const struct hm_record *asks;
    const void *ask;
    const struct hm_record *answers;
    void *answer;
    bool show;
};
enum hm_status hm_ctl_exchange(struct hm_ctl *ctl, const struct hm_ctl_exchange *exchange,
                               struct hm_err *err) HM_MUST_CHECK;

/* What is wrong with a policy, as it would be submitted. The answer is printed with --json when
 * show is set. */
enum hm_status hm_ctl_policy_lint(struct hm_ctl *ctl, const struct hm_policy *policy, bool show,
                                  struct hm_api_lint_list *out_problems,
                                  struct hm_err *err) HM_MUST_CHECK;

/* Does one of the problems keep it from being submitted? Errors come first. */
bool hm_ctl_has_error(const struct hm_api_lint_list *problems);

enum hm_status hm_ctl_policy_get(struct hm_ctl *ctl, const char *name,
                                 struct hm_api_policy_detail *out_detail,
                                 struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_ctl_policy_put(struct hm_ctl *ctl, const struct hm_policy *policy,
                                 struct hm_api_policy_detail *out_detail,
                                 struct hm_err *err) HM_MUST_CHECK;
/* act: "submit", "approve" … */
enum hm_status hm_ctl_policy_act(struct hm_ctl *ctl, const char *name, const char *act,
                                 const struct hm_api_policy_act *with,
                                 struct hm_api_policy_detail *out_detail,
                                 struct hm_err *err) HM_MUST_CHECK;

/* Prints for people. */
void hm_ctl_print_problems(struct hm_ctl *ctl, const struct hm_api_lint_list *problems);
void hm_ctl_print_state(struct hm_ctl *ctl, const struct hm_api_policy_detail *detail);
void hm_ctl_print_line(struct hm_ctl *ctl, const char *name, const char *value);

/* About what was shown before: with --json nothing was, so --yes is asked for. */
enum hm_status hm_ctl_confirm_shown(const struct hm_cli *cli, const char *question,
                                    struct hm_err *err) HM_MUST_CHECK;

/* "30m", "12h", "90d" as seconds; HM_EINVAL names the option. */
enum hm_status hm_ctl_read_duration(const char *option, const char *text, uint32_t *out_s,
                                    struct hm_err *err) HM_MUST_CHECK;

/* Asks on the terminal, "… [y/N] "; yes without asking when the switch --yes was given. HM_EDENIED
 * when the answer is no, or nobody can be asked. */
enum hm_status hm_ctl_confirm(const struct hm_cli *cli, const char *question,
                              struct hm_err *err) HM_MUST_CHECK;

/* A key file, opened with its passphrase (--passphrase-file, HM_PASSPHRASE, or asked for). */
enum hm_status hm_ctl_open_key(struct hm_ctl *ctl, const char *path, struct hm_key_pair *out_pair,
                               const char **out_name, struct hm_err *err) HM_MUST_CHECK;

#define HM_CTL_PASSPHRASE                                                                          \
    {                                                                                              \
        "passphrase-file", "FILE",                                                                 \
            "first line is the key's passphrase; else HM_PASSPHRASE, else it is asked for"         \
    }
#define HM_CTL_YES                                                                                 \
    {                                                                                              \
        "yes", NULL, "do not ask"                                                                  \
    }
