/* agent/timetable.c — when an agent looks at its host and speaks to its collector next.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/timetable.h"

#define DELIVERY_MS 5000 /* one for so long, in the long run */
#define DELIVERIES_AT_ONCE 20
#define SLOW_LEAST_MS 10000 /* an identity that is refused: ten intervals, in these bounds */
#define SLOW_MOST_MS 600000
#define SLOW_INTERVALS 10

/* Up to a tenth early, so that hosts which booted together part. */
static int64_t jittered_interval_ms(const struct hm_agent *agent)
{
    const int64_t interval_ms = (int64_t)hm_agent_interval_s(agent) * 1000;

    return interval_ms - (int64_t)(agent->clock->random() % (uint32_t)(interval_ms / 10 + 1));
}

void hm_timetable_look(const struct hm_agent *agent, struct hm_timetable *plan)
{
    const int64_t interval_ms = jittered_interval_ms(agent);
    const int64_t now_ms = agent->clock->monotonic_ms();
    int64_t again_ms = agent->again_in_ms;

    again_ms = again_ms < HM_TIMETABLE_PAUSE_MS ? HM_TIMETABLE_PAUSE_MS : again_ms;
    plan->early = agent->again_in_ms > 0 && again_ms < interval_ms;
    plan->look_ms = plan->looked_ms + (plan->early ? again_ms : interval_ms);
    /* However long a look takes: what it saw is told before the next one. */
    if (plan->look_ms <= now_ms) {
        plan->look_ms = now_ms + HM_TIMETABLE_PAUSE_MS;
    }
}

void hm_timetable_delivered(struct hm_timetable *plan, int64_t now_ms)
{
    int64_t wait_ms;

    plan->paid_until_ms = plan->paid_until_ms < now_ms ? now_ms : plan->paid_until_ms;
    plan->paid_until_ms += DELIVERY_MS;
    wait_ms = plan->paid_until_ms - now_ms - (int64_t)DELIVERIES_AT_ONCE * DELIVERY_MS;
    plan->look_ms = plan->looked_ms + HM_TIMETABLE_PAUSE_MS;
    if (wait_ms > 0 && plan->look_ms < now_ms + wait_ms) {
        plan->look_ms = now_ms + wait_ms;
    }
    plan->early = false;
    plan->contact_ms = plan->look_ms;
}

void hm_timetable_look_again(struct hm_agent *agent, int64_t in_ms)
{
    if (in_ms > 0 && (agent->again_in_ms == 0 || in_ms < agent->again_in_ms)) {
        agent->again_in_ms = in_ms;
    }
}

void hm_timetable_slow_down(struct hm_agent *agent)
{
    int64_t slow_ms = (int64_t)hm_agent_interval_s(agent) * 1000 * SLOW_INTERVALS;

    slow_ms = slow_ms < SLOW_LEAST_MS ? SLOW_LEAST_MS : slow_ms;
    slow_ms = slow_ms > SLOW_MOST_MS ? SLOW_MOST_MS : slow_ms;
    agent->uplink.retry_ms = slow_ms + (int64_t)(agent->clock->random() % HM_TIMETABLE_PAUSE_MS);
}
