/* server/hmctl/policy_acts.c — hmctl policy submit, reject, activate, pause, resume, retire,
 * withdraw. SPDX-License-Identifier: Apache-2.0
 *
 * Each looks at the newest revision first and names it: whoever changed the policy meanwhile makes
 * the act fail instead of being acted upon. */
#include "server/hmctl/verbs.h"

#include <stdio.h>
#include <string.h>

#include "server/hmctl/policy.h"

static const struct hm_cli_option comment_options[] = {
    {"comment", "TEXT", "why; kept in the event"},
};
static const struct hm_cli_option submit_options[] = {
    {"comment", "TEXT",     "why; kept in the event"                                    },
    {"valid",   "DURATION", "how long the approval shall count: 90d, 365d; default 400d"},
};
static const struct hm_cli_option live_options[] = {
    {"comment", "TEXT", "why; kept in the event"},
    HM_CTL_YES,
};

/* The last word of the verb's name. */
static const char *act_of(const struct hm_cli *cli)
{
    return strrchr(cli->verb->name, ' ') + 1;
}

static enum hm_status act(struct hm_ctl *ctl, const struct hm_cli *cli, const char *name,
                          struct hm_api_policy_act *with, struct hm_err *err)
{
    const char *comment = hm_cli_value(cli, "comment");
    struct hm_api_policy_detail detail = {.has_live = false};
    enum hm_status st = HM_OK;

    with->comment = comment == NULL ? "" : comment;
    if (with->revision == 0) {
        st = hm_ctl_policy_get(ctl, name, &detail, err);
        with->revision = st == HM_OK ? detail.newest.revision : 0;
    }
    if (st == HM_OK) {
        st = hm_ctl_policy_act(ctl, name, act_of(cli), with, &detail, err);
    }
    if (st == HM_OK && !ctl->json) {
        hm_ctl_print_problems(ctl, &detail.problems);
        hm_ctl_print_state(ctl, &detail);
    }
    return st;
}

static enum hm_status plain(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    struct hm_api_policy_act with = {.comment = ""};

    return act(ctl, cli, cli->arguments[0], &with, err);
}

static enum hm_status explained(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    if (hm_cli_value(cli, "comment") == NULL) {
        return hm_fail(err, HM_EINVAL, "say why: --comment TEXT");
    }
    return plain(ctl, cli, err);
}

static enum hm_status asked(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    const char *question = hm_arena_printf(
        &ctl->arena, "%s %s: hosts follow within seconds. Go on?", act_of(cli), cli->arguments[0]);
    enum hm_status st = hm_ctl_confirm(cli, question == NULL ? "Go on?" : question, err);

    return st == HM_OK ? plain(ctl, cli, err) : st;
}

/* A new draft takes the place of the revision that waits for approval: one that cannot be submitted
 * is not even stored. */
static enum hm_status check_first(struct hm_ctl *ctl, const struct hm_policy *policy,
                                  struct hm_err *err)
{
    struct hm_api_lint_list problems;
    enum hm_status st = hm_ctl_policy_lint(ctl, policy, false, &problems, err);

    if (st != HM_OK || !hm_ctl_has_error(&problems)) {
        return st;
    }
    if (!ctl->json) {
        hm_ctl_print_problems(ctl, &problems);
    }
    return hm_fail(err, HM_ECONFLICT, "%s cannot be submitted as it is: %s: %s", policy->name,
                   problems.at[0].code, problems.at[0].text);
}

/* A file is stored as a new draft first; one that says what the newest says is not. */
static enum hm_status submit(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    const char *name = cli->arguments[0];
    struct hm_api_policy_act with = {.comment = ""};
    struct hm_api_policy_detail detail = {.has_live = false};
    struct hm_policy policy;
    enum hm_status st =
        hm_ctl_read_duration("valid", hm_cli_value(cli, "valid"), &with.valid_s, err);

    if (st == HM_OK && hm_ctl_is_file(name)) {
        st = hm_ctl_read_policy(ctl, name, &policy, err);
        if (st == HM_OK) {
            st = check_first(ctl, &policy, err);
        }
        if (st == HM_OK) {
            st = hm_ctl_policy_put(ctl, &policy, &detail, err);
        }
        if (st == HM_OK) {
            name = policy.name;
            with.revision = detail.newest.revision;
        }
    }
    return st == HM_OK ? act(ctl, cli, name, &with, err) : st;
}

static int run_submit(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, submit);
}

static int run_plain(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, plain);
}

static int run_explained(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, explained);
}

static int run_asked(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, asked);
}

#define ONE_POLICY .arguments = "POLICY", .min_arguments = 1, .max_arguments = 1

const struct hm_cli_verb hm_ctl_verb_policy_submit = {
    .name = "policy submit",
    .arguments = "POLICY",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = submit_options,
    .option_count = HM_COUNT(submit_options),
    .help = "submits a policy, or a file with one, for approval",
    .run = run_submit,
};

const struct hm_cli_verb hm_ctl_verb_policy_reject = {
    .name = "policy reject",
    ONE_POLICY,
    .options = comment_options,
    .option_count = HM_COUNT(comment_options),
    .help = "sends a submitted policy back; --comment says why",
    .run = run_explained,
};

const struct hm_cli_verb hm_ctl_verb_policy_activate = {
    .name = "policy activate",
    ONE_POLICY,
    .options = live_options,
    .option_count = HM_COUNT(live_options),
    .help = "pushes an approved policy to every host that it matches",
    .run = run_asked,
};

const struct hm_cli_verb hm_ctl_verb_policy_pause = {
    .name = "policy pause",
    ONE_POLICY,
    .options = comment_options,
    .option_count = HM_COUNT(comment_options),
    .help = "offers a live policy to no further host; who has it keeps it",
    .run = run_plain,
};

const struct hm_cli_verb hm_ctl_verb_policy_resume = {
    .name = "policy resume",
    ONE_POLICY,
    .options = live_options,
    .option_count = HM_COUNT(live_options),
    .help = "goes on with a paused policy",
    .run = run_asked,
};

const struct hm_cli_verb hm_ctl_verb_policy_retire = {
    .name = "policy retire",
    ONE_POLICY,
    .options = comment_options,
    .option_count = HM_COUNT(comment_options),
    .help = "submits the last revision, which takes back what the policy added; --comment says why",
    .run = run_explained,
};

const struct hm_cli_verb hm_ctl_verb_policy_withdraw = {
    .name = "policy withdraw",
    ONE_POLICY,
    .options = comment_options,
    .option_count = HM_COUNT(comment_options),
    .help = "takes back a revision that is not live",
    .run = run_plain,
};
