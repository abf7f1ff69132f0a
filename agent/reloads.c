/* agent/reloads.c — others load their own settings again while the agent waits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/reloads.h"

#include "common/os/os.h"

#define QUIET_MS 200   /* files are read one after the other */
#define QUIETS_MOST 10 /* … and somebody may read them for ever */
#define LATER_MS 800   /* values are written after the last file was read */
#define APART_MS 30000 /* looks at what somebody writes again and again */

static void reapply(struct hm_agent *agent)
{
    bool more = true;

    for (int i = 0; i < QUIETS_MOST && more; i++) {
        if (agent->clock->sleep_ms(QUIET_MS)) {
            return;
        }
        more = agent->platform_ops->reloaded(agent->platform);
    }
    hm_enforcer_reapply(agent->enforcer);
    if (!agent->clock->sleep_ms(LATER_MS)) {
        hm_enforcer_reapply(agent->enforcer);
    }
    (void)agent->platform_ops->reloaded(agent->platform); /* our own reading */
}

static void attend(void *arg)
{
    struct hm_agent *agent = arg;
    const struct hm_platform_ops *ops = agent->platform_ops;

    if (ops->reloaded(agent->platform)) {
        reapply(agent);
    } else if (agent->may_wake && ops->has_moved != NULL &&
               agent->clock->monotonic_ms() - agent->watched_ms >= APART_MS &&
               ops->has_moved(agent->platform)) {
        agent->woken = true;
        hm_os_meanwhile_end();
    }
}

void hm_agent_reloads_start(struct hm_agent *agent)
{
    agent->watched_ms = agent->clock->monotonic_ms();
    if (agent->platform_ops->watch_reloads != NULL) {
        hm_os_meanwhile(agent->platform_ops->watch_reloads(agent->platform), attend, agent);
    }
}

void hm_agent_reloads_stop(struct hm_agent *agent)
{
    (void)agent;
    hm_os_meanwhile(-1, NULL, NULL);
}
