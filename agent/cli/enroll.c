/* agent/cli/enroll.c — hm-agent enroll: make this host known to a collector.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/cli/verbs.h"
#include "agent/cycle.h"
#include "common/base/str.h"

static const struct hm_cli_option options[] = {
    {"token",     "TOKEN", "join token; default: the configuration's, else read from the input"},
    {"collector", "URL",   "address of the collector, when the configuration does not say"     },
    {"again",     NULL,    "enrol although this host is enrolled: it becomes another agent"    },
};

/* A line of standard input; asked for, and not shown, when a person is there to type it. */
static bool read_line(char *line, int size)
{
    const bool person = hm_os_is_terminal(stdin);
    bool ok;

    if (person) {
        (void)fprintf(stderr, "join token: ");
        hm_os_terminal_echo(false);
    }
    ok = fgets(line, size, stdin) != NULL;
    if (person) {
        hm_os_terminal_echo(true);
        (void)fprintf(stderr, "\n");
    }
    return ok;
}

/* --token, else the configuration, else one line of standard input. */
static enum hm_status get_token(struct hm_agent *agent, const char **out_token, struct hm_err *err)
{
    const char *given = hm_cli_value(agent->cli, "token");
    char line[HM_TOKEN_TEXT_BYTES + 64];
    struct hm_span token;
    enum hm_status st;

    if (given != NULL) {
        *out_token = given;
        return HM_OK;
    }
    st = hm_agent_config_token(&agent->config, &agent->cycle_arena, out_token, err);
    if (st != HM_OK || (*out_token)[0] != '\0') {
        return st;
    }
    if (!read_line(line, sizeof(line))) {
        return hm_fail(err, HM_EINVAL,
                       "no join token: give it with --token, or on standard input; \"hm-collector "
                       "token\" makes one");
    }
    token = hm_str_trim(line, strlen(line));
    *out_token = hm_arena_strndup(&agent->cycle_arena, token.at, token.len);
    hm_crypto_wipe(line, sizeof(line));
    return *out_token != NULL ? HM_OK : hm_fail(err, HM_ENOMEM, "no memory for a token");
}

static enum hm_status check_wish(const struct hm_agent *agent, struct hm_err *err)
{
    if (agent->uplink.transport.ops == NULL) {
        return hm_fail(err, HM_EINVAL,
                       "no collector: give its address with --collector https://HOST:PORT, or set "
                       "collector in the configuration");
    }
    if (agent->identity.present && hm_cli_value(agent->cli, "again") == NULL) {
        return hm_fail(err, HM_EINVAL,
                       "this host is enrolled as %s; --again makes it another agent",
                       agent->identity.agent_id);
    }
    return HM_OK;
}

static int enroll(void *app)
{
    struct hm_agent *agent = app;
    const char *token = NULL;
    struct hm_err err;
    enum hm_status st;

    st = check_wish(agent, &err);
    if (st == HM_OK) {
        st = hm_cycle_observe(agent, &err);
    }
    if (st == HM_OK) {
        st = get_token(agent, &token, &err);
    }
    if (st == HM_OK) {
        st = hm_cycle_enroll(agent, token, &err);
    }
    if (st != HM_OK) {
        return hm_cli_fail(agent->cli, st == HM_EINVAL ? HM_EXIT_USAGE : HM_EXIT_FAILED, &err);
    }
    hm_cycle_save_status(agent, true);
    (void)printf("%s is enrolled as %s at %s\n", agent->name, agent->identity.agent_id,
                 agent->config.collector);
    if (agent->collector != NULL) {
        (void)printf("next: set collector = %s in the configuration, then start \"hm-agent run\"\n",
                     agent->collector);
    }
    return HM_EXIT_OK;
}

static int run(const struct hm_cli *cli)
{
    struct hm_agent agent = {.cli = cli, .clock = &hm_agent_real_clock};

    agent.collector = hm_cli_value(cli, "collector");
    return hm_lifecycle_run(hm_agent_steps, HM_AGENT_STEPS_TO_ENROLL, &agent, enroll);
}

const struct hm_cli_verb hm_verb_enroll = {
    .name = "enroll",
    .arguments = "",
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "make this host known to a collector, with a join token",
    .run = run,
};
