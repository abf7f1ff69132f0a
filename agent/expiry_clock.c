/* agent/expiry_clock.c — by which clock policies expire.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/expiry_clock.h"

#define DAY_MS INT64_C(86400000)
#define ALONE_MS INT64_C(3600000) /* by then whatever sets the clock of this host has done so */

static enum hm_expiry_clock_state weigh(int64_t known_ms, int64_t now_ms)
{
    return known_ms != 0 && now_ms > known_ms + DAY_MS ? HM_EXPIRY_CLOCK_DOUBTED
                                                       : HM_EXPIRY_CLOCK_SURE;
}

void hm_expiry_clock_begin(struct hm_expiry_clock *clock, int64_t known_ms, int64_t now_ms,
                           int64_t monotonic_ms)
{
    *clock = (struct hm_expiry_clock){
        .known_ms = known_ms, .began_ms = monotonic_ms, .seen_ms = monotonic_ms};
    clock->state = weigh(known_ms, now_ms);
    if (clock->state == HM_EXPIRY_CLOCK_SURE) {
        clock->known_ms = now_ms;
    }
}

void hm_expiry_clock_confirm(struct hm_expiry_clock *clock, int64_t collector_ms, int64_t now_ms,
                             int64_t monotonic_ms)
{
    if (collector_ms != 0 && now_ms <= collector_ms + DAY_MS && now_ms >= collector_ms - DAY_MS) {
        clock->state = HM_EXPIRY_CLOCK_SURE;
        clock->known_ms = now_ms;
        clock->seen_ms = monotonic_ms;
    }
}

int64_t hm_expiry_clock_ms(struct hm_expiry_clock *clock, int64_t now_ms, int64_t monotonic_ms)
{
    if (clock->state == HM_EXPIRY_CLOCK_SURE) {
        const int64_t known_ms =
            clock->known_ms == 0 ? 0 : clock->known_ms + monotonic_ms - clock->seen_ms;

        clock->state = weigh(known_ms, now_ms);
        clock->known_ms = clock->state == HM_EXPIRY_CLOCK_SURE ? now_ms : known_ms;
        clock->began_ms = monotonic_ms;
    } else if (monotonic_ms - clock->began_ms >= ALONE_MS ||
               weigh(clock->known_ms, now_ms) == HM_EXPIRY_CLOCK_SURE) {
        clock->state = HM_EXPIRY_CLOCK_SURE;
        clock->known_ms = now_ms;
    }
    clock->seen_ms = monotonic_ms;
    return clock->known_ms;
}
