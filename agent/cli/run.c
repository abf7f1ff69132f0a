/* agent/cli/run.c — hm-agent run: look, report and wait, until a stop is asked for.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/verbs.h"
#include "agent/cycle.h"
#include "common/base/log.h"
#include "common/base/version.h"

static int wait_for_stop(struct hm_agent *agent)
{
    struct hm_log_line line;

    hm_log_begin(&line, HM_LOG_INFO, "agent_started");
    hm_log_str(&line, "version", hm_version);
    hm_log_str(&line, "platform", agent->platform_ops->name);
    hm_log_str(&line, "collector", agent->config.collector);
    hm_log_str(&line, "agent_id", agent->identity.agent_id);
    hm_log_end(&line);
    hm_cycle_run(agent);
    hm_log_event(HM_LOG_INFO, "agent_stopped");
    return HM_EXIT_OK;
}

struct running {
    struct hm_agent agent; /* first: the steps are given its address */
    void (*started)(void);
};

static int wait(void *app)
{
    struct running *running = app;

    if (running->started != NULL) {
        running->started();
    }
    return wait_for_stop(&running->agent);
}

int hm_cli_run_agent(const struct hm_cli *cli, void (*started)(void))
{
    struct running running = {
        .agent = {.cli = cli, .clock = &hm_agent_real_clock},
          .started = started
    };

    return hm_lifecycle_run(hm_agent_steps, HM_AGENT_STEPS, &running, wait);
}

static int run(const struct hm_cli *cli)
{
    return hm_cli_run_agent(cli, NULL);
}

const struct hm_cli_verb hm_verb_run = {
    .name = "run",
    .arguments = "",
    .help = "look at this host, report, and wait for the collector; in the foreground, for ever",
    .run = run,
};
