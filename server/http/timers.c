/* server/http/timers.c — a wheel of many coarse timers with one thread.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/http/timers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/os/os.h"

#define SLOTS 8192 /* 13 minutes a round; longer timers stay for the next one */

struct hm_timers {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* from empty to not empty, or stopping */
    pthread_t thread;
    bool stopping;
    bool expired;
    size_t count;
    int64_t tick; /* all slots up to this one are done */
    struct hm_timer *slots[SLOTS];
};

static void unlink_timer(struct hm_timers *timers, struct hm_timer *timer)
{
    *timer->link = timer->next;
    if (timer->next != NULL) {
        timer->next->link = timer->link;
    }
    timer->next = NULL;
    timer->link = NULL;
    timers->count--;
}

static void link_timer(struct hm_timers *timers, struct hm_timer *timer, int64_t due_ms)
{
    int64_t tick = due_ms / HM_TIMER_TICK_MS + 1;
    struct hm_timer **slot;

    if (tick <= timers->tick) {
        tick = timers->tick + 1;
    }
    slot = &timers->slots[tick % SLOTS];
    timer->due_ms = tick * HM_TIMER_TICK_MS;
    timer->next = *slot;
    timer->link = slot;
    if (timer->next != NULL) {
        timer->next->link = &timer->next;
    }
    *slot = timer;
    timers->count++;
}

/* Fires one timer; when it asks for its after, puts it on the list for it. */
static void fire(struct hm_timers *timers, struct hm_timer *timer, int64_t now_ms,
                 struct hm_timer **after)
{
    int64_t again_ms;

    unlink_timer(timers, timer);
    again_ms = timer->fire(timer, now_ms);
    if (again_ms > 0) {
        link_timer(timers, timer, again_ms);
    } else if (timer->after != NULL) {
        timer->next = *after;
        *after = timer;
    }
}

static void run_after(struct hm_timer *after)
{
    while (after != NULL) {
        struct hm_timer *next = after->next;

        after->next = NULL;
        after->after(after); /* may be its end */
        after = next;
    }
}

static struct hm_timer *run_slots(struct hm_timers *timers, int64_t now_ms)
{
    const int64_t last = now_ms / HM_TIMER_TICK_MS;
    struct hm_timer *after = NULL;

    if (last - timers->tick > SLOTS) {
        timers->tick = last - SLOTS; /* slept a whole round: look at each slot once */
    }
    while (timers->tick < last) {
        struct hm_timer *timer;

        timers->tick++;
        timer = timers->slots[timers->tick % SLOTS];
        while (timer != NULL) {
            struct hm_timer *next = timer->next;

            if (timer->due_ms <= now_ms) {
                fire(timers, timer, now_ms, &after);
            }
            timer = next;
        }
    }
    return after;
}

static void wait_tick(struct hm_timers *timers)
{
    struct timespec until;

    if (timers->count == 0) {
        (void)pthread_cond_wait(&timers->changed, &timers->lock);
        return;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += HM_TIMER_TICK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    (void)pthread_cond_timedwait(&timers->changed, &timers->lock, &until);
}

static void *run(void *arg)
{
    struct hm_timers *timers = arg;

    (void)pthread_mutex_lock(&timers->lock);
    while (!timers->stopping) {
        struct hm_timer *after = run_slots(timers, hm_os_monotonic_ms());

        if (after != NULL) {
            (void)pthread_mutex_unlock(&timers->lock);
            run_after(after);
            (void)pthread_mutex_lock(&timers->lock);
            continue; /* stopping may have been set meanwhile */
        }
        wait_tick(timers);
    }
    (void)pthread_mutex_unlock(&timers->lock);
    return NULL;
}

enum hm_status hm_timers_start(struct hm_timers **out_timers, struct hm_err *err)
{
    struct hm_timers *timers = calloc(1, sizeof(*timers));
    pthread_condattr_t monotonic;
    int failed;

    if (timers == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the timers of the HTTP server");
    }
    (void)pthread_mutex_init(&timers->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&timers->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    timers->tick = hm_os_monotonic_ms() / HM_TIMER_TICK_MS;
    failed = pthread_create(&timers->thread, NULL, run, timers);
    if (failed != 0) {
        (void)pthread_cond_destroy(&timers->changed);
        (void)pthread_mutex_destroy(&timers->lock);
        free(timers);
        return hm_fail(err, HM_EIO, "cannot start the timer thread of the HTTP server: %s",
                       strerror(failed));
    }
    *out_timers = timers;
    return HM_OK;
}

void hm_timers_stop(struct hm_timers *timers)
{
    if (timers == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&timers->lock);
    timers->stopping = true;
    (void)pthread_cond_signal(&timers->changed);
    (void)pthread_mutex_unlock(&timers->lock);
    (void)pthread_join(timers->thread, NULL);
    (void)pthread_cond_destroy(&timers->changed);
    (void)pthread_mutex_destroy(&timers->lock);
    free(timers);
}

bool hm_timers_add(struct hm_timers *timers, struct hm_timer *timer, int64_t due_ms)
{
    bool added = false;

    (void)pthread_mutex_lock(&timers->lock);
    if (!timer->expires || !timers->expired) {
        if (timers->count == 0) {
            timers->tick = hm_os_monotonic_ms() / HM_TIMER_TICK_MS; /* the thread slept */
            (void)pthread_cond_signal(&timers->changed);
        }
        link_timer(timers, timer, due_ms);
        added = true;
    }
    (void)pthread_mutex_unlock(&timers->lock);
    return added;
}

void hm_timers_remove(struct hm_timers *timers, struct hm_timer *timer)
{
    (void)pthread_mutex_lock(&timers->lock);
    if (timer->link != NULL) {
        unlink_timer(timers, timer);
    }
    (void)pthread_mutex_unlock(&timers->lock);
}

void hm_timers_expire(struct hm_timers *timers)
{
    const int64_t now_ms = hm_os_monotonic_ms();
    struct hm_timer *after = NULL;

    (void)pthread_mutex_lock(&timers->lock);
    timers->expired = true;
    for (size_t at = 0; at < SLOTS; at++) {
        struct hm_timer *timer = timers->slots[at];

        while (timer != NULL) {
            struct hm_timer *next = timer->next;

            if (timer->expires) {
                fire(timers, timer, now_ms, &after);
            }
            timer = next;
        }
    }
    (void)pthread_mutex_unlock(&timers->lock);
    run_after(after);
}
