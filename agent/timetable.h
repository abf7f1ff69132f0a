/* agent/timetable.h — when an agent looks at its host and speaks to its collector next.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to the cycle. */
#pragma once

#include "agent/agent.h"

/* The least between two looks, and between two answers that came at once. */
#define HM_TIMETABLE_PAUSE_MS 1000

/* Monotonic times of what comes next. */
struct hm_timetable {
    int64_t look_ms;
    int64_t contact_ms;
    int64_t looked_ms;     /* the last one */
    bool early;            /* the next look comes before the regular one, without contact */
    int64_t paid_until_ms; /* each delivery costs time; twenty may be owed */
};

/* After a look, or when the interval may be another: the next one. */
void hm_timetable_look(const struct hm_agent *agent, struct hm_timetable *plan);

/* After a delivery: judged again at once, but not in a loop with a collector that has no rest. */
void hm_timetable_delivered(struct hm_timetable *plan, int64_t now_ms);

/* The next look comes then at the latest; 0: whenever. */
void hm_timetable_look_again(struct hm_agent *agent, int64_t in_ms);

/* After a refused identity: long enough that a host which is not wanted is no burden. */
void hm_timetable_slow_down(struct hm_agent *agent);
