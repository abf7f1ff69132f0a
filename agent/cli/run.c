/* agent/cli/run.c — hm-agent run: look, report and wait, until a stop is asked for.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/verbs.h"
#include "agent/cycle.h"
#include "common/base/log.h"
#include "common/base/version.h"

static int wait_for_stop(void *app)
{
    struct hm_agent *agent = app;
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

static int run(const struct hm_cli *cli)
{
    struct hm_agent agent = {.cli = cli, .clock = &hm_agent_real_clock};

    return hm_lifecycle_run(hm_agent_steps, HM_AGENT_STEPS, &agent, wait_for_stop);
}

const struct hm_cli_verb hm_verb_run = {
    .name = "run",
    .arguments = "",
    .help = "look at this host, report, and wait for the collector; in the foreground, for ever",
    .run = run,
};
