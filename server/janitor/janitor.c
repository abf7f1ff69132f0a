/* server/janitor/janitor.c — the thread for periodic work: silent hosts, last_seen, wake-ups.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/janitor/janitor.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/os/os.h"
#include "server/fleet/fleet.h"
#include "server/store/own_findings.h"

#define TICK_MS 100 /* held requests are woken in such steps */
#define SILENT_MS 2000
#define FLUSH_MS 60000
#define PURGE_MS 3600000
#define TOKENS_KEPT_MS (7 * (int64_t)86400000) /* for whoever asks why one is refused */
#define SILENT_BATCH 64
#define SEEN_BATCH 500

struct hm_janitor {
    struct hm_app *app;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop;
    bool stopping;
    int64_t now_ms; /* of this round */
    size_t silent_count;
    char silent[SILENT_BATCH][HM_ID_TEXT_BYTES];
    size_t seen_count;
    struct hm_fleet_seen seen[SEEN_BATCH];
};

/* ---- silent hosts ------------------------------------------------------------------------- */

static enum hm_status silence(struct hm_session *s, const struct hm_janitor *janitor,
                              const char *id, struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_finding finding = hm_own_finding(HM_OWN_SILENT_HOST);
    struct hm_host_row row;
    enum hm_status st = HM_OK;

    if (!hm_fleet_confirm_silent(janitor->app->fleet, id)) {
        return HM_OK;
    }
    st = hm_hosts_get_by_id(s, id, arena, &row, err);
    if (st == HM_ENOENT || (st == HM_OK && row.silent_since_ms != 0)) {
        return HM_OK; /* removed meanwhile, or told before */
    }
    if (st == HM_OK) {
        st = hm_findings_set(s, id, &finding, true, janitor->now_ms, err);
    }
    if (st == HM_OK) {
        st = hm_hosts_count_findings(s, &row, err);
    }
    if (st == HM_OK) {
        const struct hm_event event = {.at_ms = janitor->now_ms,
                                       .kind = "host_silent",
                                       .host_id = id,
                                       .host_name = row.name,
                                       .actor = "collector",
                                       .before = row.verdict,
                                       .after = hm_verdict_state_names[HM_UNKNOWN],
                                       .why = finding.text};

        row.silent_since_ms = janitor->now_ms;
        st = hm_hosts_put(s, &row, janitor->now_ms, err);
        if (st == HM_OK) {
            st = hm_events_append(s, &event, err);
        }
    }
    return st;
}

static enum hm_status silence_all(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct hm_janitor *janitor = arg;
    struct hm_arena arena;
    enum hm_status st = HM_OK;

    hm_arena_init(&arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    for (size_t i = 0; st == HM_OK && i < janitor->silent_count; i++) {
        st = silence(s, janitor, janitor->silent[i], &arena, err);
        hm_arena_reset(&arena);
    }
    hm_arena_fini(&arena);
    return st;
}

static void look_for_silent(struct hm_janitor *janitor)
{
    const struct hm_app *app = janitor->app;
    int64_t before_ms;

    do {
        struct hm_err err = {0};

        janitor->now_ms = hm_clock_now_ms();
        before_ms = hm_os_monotonic_ms() - (int64_t)app->silent_after_s * 1000;
        janitor->silent_count =
            hm_fleet_take_silent(app->fleet, before_ms, SILENT_BATCH, janitor->silent);
        if (janitor->silent_count > 0 &&
            hm_store_write(app->store, silence_all, janitor, &err) != HM_OK) {
            for (size_t i = 0; i < janitor->silent_count; i++) {
                hm_fleet_unmark_silent(app->fleet, janitor->silent[i]);
            }
            hm_log_failure(HM_LOG_ERROR, "silent_hosts_not_stored", &err);
            return; /* again in the next round */
        }
    } while (janitor->silent_count == SILENT_BATCH);
}

/* ---- last_seen ---------------------------------------------------------------------------- */

static enum hm_status touch_all(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct hm_janitor *janitor = arg;
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < janitor->seen_count; i++) {
        const struct hm_fleet_seen *seen = &janitor->seen[i];

        st = hm_hosts_touch(s, seen->id, seen->last_seen_ms, seen->seq, err);
    }
    return st;
}

/* What fails is only a time of day: the next report brings a newer one. */
static void flush_seen(struct hm_janitor *janitor)
{
    const struct hm_app *app = janitor->app;

    do {
        struct hm_err err = {0};

        janitor->seen_count = hm_fleet_take_seen(app->fleet, SEEN_BATCH, janitor->seen);
        if (janitor->seen_count > 0 &&
            hm_store_write(app->store, touch_all, janitor, &err) != HM_OK) {
            hm_log_failure(HM_LOG_ERROR, "last_seen_not_stored", &err);
            return;
        }
    } while (janitor->seen_count == SEEN_BATCH);
}

/* ---- join tokens -------------------------------------------------------------------------- */

static enum hm_status purge(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct hm_janitor *janitor = arg;

    return hm_tokens_purge(s, janitor->now_ms - TOKENS_KEPT_MS, err);
}

static void purge_tokens(struct hm_janitor *janitor)
{
    struct hm_err err = {0};

    janitor->now_ms = hm_clock_now_ms();
    if (hm_store_write(janitor->app->store, purge, janitor, &err) != HM_OK) {
        hm_log_failure(HM_LOG_ERROR, "old_tokens_not_removed", &err);
    }
}

/* ---- the thread --------------------------------------------------------------------------- */

/* Sleeps one tick; true when the janitor shall stop. */
static bool wait_tick(struct hm_janitor *janitor)
{
    struct timespec until;
    bool stopping;

    (void)timespec_get(&until, TIME_UTC);
    until.tv_nsec += TICK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_mutex_lock(&janitor->lock);
    if (!janitor->stopping) {
        (void)pthread_cond_timedwait(&janitor->stop, &janitor->lock, &until);
    }
    stopping = janitor->stopping;
    pthread_mutex_unlock(&janitor->lock);
    return stopping;
}

static void *work(void *arg)
{
    struct hm_janitor *janitor = arg;
    const struct {
        int64_t every_ms;
        void (*run)(struct hm_janitor *janitor);
    } tasks[] = {
        {SILENT_MS, look_for_silent},
        {FLUSH_MS,  flush_seen     },
        {PURGE_MS,  purge_tokens   },
    };
    int64_t next_ms[HM_COUNT(tasks)];
    int64_t now_ms = hm_os_monotonic_ms();

    for (size_t i = 0; i < HM_COUNT(tasks); i++) {
        next_ms[i] = now_ms + tasks[i].every_ms;
    }
    while (!wait_tick(janitor)) {
        now_ms = hm_os_monotonic_ms();
        hm_fleet_pace(janitor->app->fleet, now_ms);
        for (size_t i = 0; i < HM_COUNT(tasks); i++) {
            if (now_ms >= next_ms[i]) {
                tasks[i].run(janitor);
                next_ms[i] = now_ms + tasks[i].every_ms;
            }
        }
    }
    return NULL;
}

enum hm_status hm_janitor_start(struct hm_app *app, struct hm_janitor **out_janitor,
                                struct hm_err *err)
{
    struct hm_janitor *janitor = calloc(1, sizeof(*janitor));

    if (janitor == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the janitor");
    }
    janitor->app = app;
    pthread_mutex_init(&janitor->lock, NULL);
    pthread_cond_init(&janitor->stop, NULL);
    if (pthread_create(&janitor->thread, NULL, work, janitor) != 0) {
        pthread_cond_destroy(&janitor->stop);
        pthread_mutex_destroy(&janitor->lock);
        free(janitor);
        return hm_fail(err, HM_ENOMEM, "the system gives no thread for the janitor");
    }
    *out_janitor = janitor;
    return HM_OK;
}

void hm_janitor_stop(struct hm_janitor *janitor)
{
    if (janitor == NULL) {
        return;
    }
    pthread_mutex_lock(&janitor->lock);
    janitor->stopping = true;
    pthread_cond_signal(&janitor->stop);
    pthread_mutex_unlock(&janitor->lock);
    pthread_join(janitor->thread, NULL);
    flush_seen(janitor);
    hm_store_flush(janitor->app->store); /* jobs under way still speak to the fleet */
    pthread_cond_destroy(&janitor->stop);
    pthread_mutex_destroy(&janitor->lock);
    free(janitor);
}
