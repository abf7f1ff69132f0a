/* agent/expiry_clock.h — by which clock policies expire.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A wrong clock must not remove reservations: a policy whose end lies ahead would count as retired.
 * Where the clock is more than a day ahead of the last look of the agent, at its start or later (it
 * was set while the agent ran, or the host was suspended), policies expire by the time of that look
 * until the collector's clock agrees, the clock was set back, or an hour has passed. Where there
 * was a look and its time is lost, every clock is taken for ahead, and nothing expires until then.
 * A clock that is behind lets policies end later, which removes nothing. Pure. */
#pragma once

#include <stdint.h>

#define HM_EXPIRY_CLOCK_LOST 1 /* known_ms: an agent has run here, nobody knows when */

enum hm_expiry_clock_state { HM_EXPIRY_CLOCK_SURE, HM_EXPIRY_CLOCK_DOUBTED };

struct hm_expiry_clock {
    enum hm_expiry_clock_state state;
    int64_t known_ms; /* the time when an agent was last sure; 0 = none has run */
    int64_t began_ms; /* monotonic: since then it doubts */
    int64_t seen_ms;  /* monotonic: of the last call */
};

/* When the agent starts. */
void hm_expiry_clock_begin(struct hm_expiry_clock *clock, int64_t known_ms, int64_t now_ms,
                           int64_t monotonic_ms);

/* The collector has answered at collector_ms, by its own clock; 0 = it did not say. Where that is
 * within a day of now_ms, the clock is sure. An answer alone shows nothing: the certificate of a
 * kept connection was checked when it was made. */
void hm_expiry_clock_confirm(struct hm_expiry_clock *clock, int64_t collector_ms, int64_t now_ms,
                             int64_t monotonic_ms);

/* The time by which policies expire. */
int64_t hm_expiry_clock_ms(struct hm_expiry_clock *clock, int64_t now_ms, int64_t monotonic_ms);
