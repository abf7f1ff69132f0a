/* server/http/timers.h — a wheel of many coarse timers with one thread.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Adding and removing cost the same however many there are; a timer fires up to HM_TIMER_TICK_MS
 * late. Times are hm_os_monotonic_ms. Threads: all functions may be called from any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

#define HM_TIMER_TICK_MS 100

/* Inside the caller's own object; set to zero before the first use. */
struct hm_timer {
    struct hm_timer *next; /* private */
    struct hm_timer **link;
    int64_t due_ms;
    bool expires; /* hm_timers_expire fires it */
    /* With the wheel's lock held, so it must not block nor call into the wheel. Answers when to
     * be called again; 0 = out of the wheel. */
    int64_t (*fire)(struct hm_timer *timer, int64_t now_ms);
    /* Or NULL: called without the lock once fire answered 0; fire must have made sure that the
     * object lives on until then. */
    void (*after)(struct hm_timer *timer);
};

struct hm_timers;

enum hm_status hm_timers_start(struct hm_timers **out_timers, struct hm_err *err) HM_MUST_CHECK;

/* Ends the thread; what is still in the wheel is forgotten, not fired. NULL is fine. */
void hm_timers_stop(struct hm_timers *timers);

/* false, and not added: the timer expires, and hm_timers_expire has been called. */
bool hm_timers_add(struct hm_timers *timers, struct hm_timer *timer, int64_t due_ms);

/* Fine when it is not (any more) in the wheel. After that, fire is not running and will not. */
void hm_timers_remove(struct hm_timers *timers, struct hm_timer *timer);

/* Fires every timer with expires set, now and whatever its time; refuses new ones from then on. */
void hm_timers_expire(struct hm_timers *timers);
