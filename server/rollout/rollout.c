/* server/rollout/rollout.c — which host is offered which policies, and its desired state.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/rollout/rollout.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "server/rollout/pass.h"

#define LOOK_MS 5000       /* at least so often: has a statement expired? */
#define RETRY_MS 1000      /* after a failure of the store; doubled up to LOOK_MS */
#define QUEUE_MOST 65536u  /* over it: everybody is looked at */
#define HOSTS_AT_ONCE 256u /* of the queue */

/* A host to look at, and, where policy is one, a revision that it has. */
struct wanted {
    char id[HM_ID_TEXT_BYTES];
    uint32_t policy;
    uint32_t revision;
};

struct hm_rollout {
    struct hm_store *store;
    struct hm_fleet *fleet;
    struct hm_shelf *shelf;
    struct hm_known *known;
    uint32_t interval_s;

    pthread_mutex_t lock; /* of what follows, up to the next blank line */
    pthread_cond_t work;
    bool stopping;
    bool refresh;
    struct wanted *queue;
    size_t queued;
    size_t room;
    size_t taken; /* off the queue, and not done with */
    char *trust;  /* JSON of the newest root; NULL = none */
    struct hm_rollout_stats stats;

    pthread_t thread; /* the rest is its own */
    bool started;
    struct hm_snapshot *snapshot;
    bool passing;
    char after[HM_ID_TEXT_BYTES];
    int64_t retry_ms; /* 0 = the last thing went well */
};

/* ---- on the rollout's thread -------------------------------------------------------------- */

static enum hm_status load(struct hm_rollout *rollout, struct hm_err *err)
{
    struct hm_snapshot *snapshot;
    struct hm_desired_set *base;
    char *trust = NULL;
    enum hm_status st = hm_snapshot_load(rollout->store, rollout->known, rollout->shelf,
                                         rollout->interval_s, hm_clock_now_ms(), &snapshot, err);

    if (st != HM_OK) {
        return st;
    }
    st = hm_snapshot_set(snapshot, NULL, 0, "[]", &base, err);
    if (st == HM_OK && snapshot->trust_newest != NULL &&
        (trust = strdup(snapshot->trust_newest)) == NULL) {
        st = hm_fail(err, HM_ENOMEM, "no memory for the trust root");
    }
    if (st != HM_OK) {
        hm_snapshot_free(snapshot);
        return st;
    }
    hm_known_set_base(rollout->known, base);
    hm_snapshot_free(rollout->snapshot);
    rollout->snapshot = snapshot;
    pthread_mutex_lock(&rollout->lock);
    free(rollout->trust);
    rollout->trust = trust;
    rollout->stats.live = snapshot->count;
    rollout->stats.soonest_end_ms = snapshot->soonest_end_ms;
    pthread_mutex_unlock(&rollout->lock);
    return HM_OK;
}

static struct hm_pass pass_of(const struct hm_rollout *rollout, bool quiet)
{
    return (struct hm_pass){.store = rollout->store,
                            .fleet = quiet ? NULL : rollout->fleet,
                            .known = rollout->known,
                            .snapshot = rollout->snapshot,
                            .quiet = quiet,
                            .now_ms = hm_clock_now_ms()};
}

/* While a pass is under way somebody waits, whatever the fleet's count of hosts was. */
static void count_waiting(struct hm_rollout *rollout, uint64_t done, bool ended)
{
    uint64_t *waiting = &rollout->stats.hosts_waiting;

    pthread_mutex_lock(&rollout->lock);
    if (ended) {
        *waiting = 0;
    } else {
        *waiting = *waiting > done ? *waiting - done : 1;
    }
    rollout->stats.passes += ended;
    pthread_mutex_unlock(&rollout->lock);
}

static void begin_pass(struct hm_rollout *rollout)
{
    struct hm_fleet_stats fleet;

    hm_fleet_stats(rollout->fleet, &fleet);
    rollout->passing = true;
    rollout->after[0] = '\0';
    pthread_mutex_lock(&rollout->lock);
    rollout->stats.hosts_waiting = fleet.hosts > 0 ? fleet.hosts : 1;
    pthread_mutex_unlock(&rollout->lock);
}

static enum hm_status next_page(struct hm_rollout *rollout, bool quiet, struct hm_err *err)
{
    const struct hm_pass pass = pass_of(rollout, quiet);
    size_t count = 0;
    enum hm_status st = hm_pass_page(&pass, rollout->after, &count, rollout->after, err);

    if (st == HM_OK) {
        rollout->passing = rollout->after[0] != '\0';
        count_waiting(rollout, count, !rollout->passing && !quiet);
    }
    return st;
}

/* Looks at up to HOSTS_AT_ONCE hosts that were taken off the queue. */
static enum hm_status look_at(struct hm_rollout *rollout, const struct wanted *taken, size_t count,
                              struct hm_err *err)
{
    const struct hm_pass pass = pass_of(rollout, false);
    char ids[HOSTS_AT_ONCE][HM_ID_TEXT_BYTES];
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < count; i++) {
        struct hm_known_host *host;

        memcpy(ids[i], taken[i].id, sizeof(ids[i]));
        if (taken[i].policy != HM_KNOWN_NOBODY &&
            (host = hm_known_host(rollout->known, taken[i].id, true)) != NULL) {
            st = hm_known_set_revision(host, taken[i].policy, taken[i].revision, err);
        }
    }
    return st == HM_OK ? hm_pass_hosts(&pass, ids, count, err) : st;
}

/* ---- the thread --------------------------------------------------------------------------- */

struct turn {
    bool stopping;
    bool refresh;
    size_t count;
    struct wanted taken[HOSTS_AT_ONCE];
};

static bool has_work(const struct hm_rollout *rollout)
{
    return rollout->stopping || (rollout->retry_ms == 0 &&
                                 (rollout->refresh || rollout->queued > 0 || rollout->passing));
}

static struct timespec time_in(int64_t ms)
{
    struct timespec at;

    (void)timespec_get(&at, TIME_UTC);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (at.tv_nsec >= 1000000000L) {
        at.tv_nsec -= 1000000000L;
        at.tv_sec++;
    }
    return at;
}

static int64_t wait_ms(const struct hm_rollout *rollout)
{
    int64_t expiry_ms = rollout->snapshot->next_expiry_ms;
    int64_t ms = rollout->retry_ms != 0 ? rollout->retry_ms : LOOK_MS;
    int64_t now_ms = hm_clock_now_ms();

    if (expiry_ms > now_ms && expiry_ms - now_ms < ms) {
        ms = expiry_ms - now_ms;
    }
    return ms;
}

/* Waits for work and takes it. */
static void take_turn(struct hm_rollout *rollout, struct turn *turn)
{
    const struct timespec until = time_in(wait_ms(rollout));

    pthread_mutex_lock(&rollout->lock);
    while (!has_work(rollout) &&
           pthread_cond_timedwait(&rollout->work, &rollout->lock, &until) == 0) {
        /* again: it may have been woken for nothing */
    }
    turn->stopping = rollout->stopping;
    turn->refresh = rollout->refresh || rollout->snapshot->next_expiry_ms <= hm_clock_now_ms();
    rollout->refresh = false;
    turn->count = rollout->queued < HOSTS_AT_ONCE ? rollout->queued : HOSTS_AT_ONCE;
    if (turn->count > 0) {
        rollout->queued -= turn->count;
        memcpy(turn->taken, rollout->queue, turn->count * sizeof(*turn->taken));
        memmove(rollout->queue, rollout->queue + turn->count,
                rollout->queued * sizeof(*rollout->queue));
    }
    rollout->taken = turn->count + turn->refresh;
    pthread_mutex_unlock(&rollout->lock);
}

static void end_turn(struct hm_rollout *rollout)
{
    pthread_mutex_lock(&rollout->lock);
    rollout->taken = 0;
    pthread_mutex_unlock(&rollout->lock);
}

static void failed(struct hm_rollout *rollout, const struct turn *turn, const struct hm_err *err)
{
    rollout->retry_ms = rollout->retry_ms == 0 ? RETRY_MS : 2 * rollout->retry_ms;
    rollout->retry_ms = rollout->retry_ms < LOOK_MS ? rollout->retry_ms : LOOK_MS;
    hm_log_failure(HM_LOG_ERROR, "policies_not_offered", err);
    if (turn->refresh || turn->count > 0) { /* what was taken is found again by looking at all */
        pthread_mutex_lock(&rollout->lock);
        rollout->refresh = true;
        pthread_mutex_unlock(&rollout->lock);
    }
}

static enum hm_status do_turn(struct hm_rollout *rollout, const struct turn *turn,
                              struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (turn->refresh) {
        st = load(rollout, err);
        if (st == HM_OK) {
            begin_pass(rollout);
        }
    }
    if (st == HM_OK && turn->count > 0) {
        st = look_at(rollout, turn->taken, turn->count, err);
    }
    if (st == HM_OK && rollout->passing) {
        st = next_page(rollout, false, err);
    }
    return st;
}

static void *work(void *arg)
{
    struct hm_rollout *rollout = arg;
    struct turn *turn = calloc(1, sizeof(*turn));

    while (turn != NULL) {
        struct hm_err err = {0};

        take_turn(rollout, turn);
        if (turn->stopping) {
            break;
        }
        if (do_turn(rollout, turn, &err) == HM_OK) {
            rollout->retry_ms = 0;
        } else {
            failed(rollout, turn, &err);
        }
        end_turn(rollout);
    }
    free(turn);
    return NULL;
}

/* ---- opening ------------------------------------------------------------------------------ */

static enum hm_status remember(const char *host_id, const char *policy, uint32_t revision,
                               const char *state, void *arg, struct hm_err *err)
{
    struct hm_rollout *rollout = arg;
    struct hm_known_host *host = hm_known_host(rollout->known, host_id, true);
    uint32_t number;
    enum hm_status st = hm_known_policy(rollout->known, policy, &number, err);

    (void)state;
    if (host == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for what hosts are offered");
    }
    return st == HM_OK ? hm_known_set_revision(host, number, revision, err) : st;
}

static enum hm_status read_all(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_host_policies_each(s, remember, arg, err);
}

/* Everybody has its set before the first request: a restart changes no ETag. */
static enum hm_status fill(struct hm_rollout *rollout, struct hm_err *err)
{
    enum hm_status st = hm_known_open(&rollout->known, err);

    if (st == HM_OK) {
        st = hm_store_read(rollout->store, read_all, rollout, err);
    }
    if (st == HM_OK) {
        st = load(rollout, err);
    }
    if (st == HM_OK) {
        do {
            st = next_page(rollout, true, err);
        } while (st == HM_OK && rollout->passing);
    }
    return st;
}

enum hm_status hm_rollout_open(struct hm_store *store, struct hm_fleet *fleet,
                               struct hm_shelf *shelf, uint32_t interval_s,
                               struct hm_rollout **out_rollout, struct hm_err *err)
{
    struct hm_rollout *rollout = calloc(1, sizeof(*rollout));
    enum hm_status st;

    if (rollout == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the rollout");
    }
    rollout->store = store;
    rollout->fleet = fleet;
    rollout->shelf = shelf;
    rollout->interval_s = interval_s;
    pthread_mutex_init(&rollout->lock, NULL);
    pthread_cond_init(&rollout->work, NULL);
    st = fill(rollout, err);
    if (st == HM_OK) {
        begin_pass(rollout); /* what became live, or matched, while nobody looked */
        if (pthread_create(&rollout->thread, NULL, work, rollout) == 0) {
            rollout->started = true;
        } else {
            st = hm_fail(err, HM_ENOMEM, "the system gives no thread for the rollout");
        }
    }
    if (st != HM_OK) {
        hm_rollout_close(rollout);
        return st;
    }
    *out_rollout = rollout;
    return HM_OK;
}

void hm_rollout_close(struct hm_rollout *rollout)
{
    if (rollout == NULL) {
        return;
    }
    if (rollout->started) {
        pthread_mutex_lock(&rollout->lock);
        rollout->stopping = true;
        pthread_cond_signal(&rollout->work);
        pthread_mutex_unlock(&rollout->lock);
        pthread_join(rollout->thread, NULL);
        hm_store_flush(rollout->store); /* jobs under way still speak to us */
    }
    hm_snapshot_free(rollout->snapshot);
    hm_known_close(rollout->known);
    pthread_cond_destroy(&rollout->work);
    pthread_mutex_destroy(&rollout->lock);
    free(rollout->queue);
    free(rollout->trust);
    free(rollout);
}

/* ---- on any thread ------------------------------------------------------------------------ */

void hm_rollout_refresh(struct hm_rollout *rollout)
{
    pthread_mutex_lock(&rollout->lock);
    rollout->refresh = true;
    pthread_cond_signal(&rollout->work);
    pthread_mutex_unlock(&rollout->lock);
}

/* Under the lock. */
static bool make_room(struct hm_rollout *rollout)
{
    if (rollout->queued == rollout->room) {
        size_t room = rollout->room == 0 ? HOSTS_AT_ONCE : 2 * rollout->room;
        struct wanted *queue =
            room <= QUEUE_MOST ? realloc(rollout->queue, room * sizeof(*queue)) : NULL;

        if (queue == NULL) {
            return false;
        }
        rollout->queue = queue;
        rollout->room = room;
    }
    return true;
}

static void put(struct hm_rollout *rollout, const char *host_id, uint32_t policy, uint32_t revision)
{
    pthread_mutex_lock(&rollout->lock);
    if (make_room(rollout)) {
        struct wanted *wanted = &rollout->queue[rollout->queued++];

        (void)hm_str_copy(wanted->id, sizeof(wanted->id), host_id);
        wanted->policy = policy;
        wanted->revision = revision;
    } else {
        rollout->refresh = true;
    }
    pthread_cond_signal(&rollout->work);
    pthread_mutex_unlock(&rollout->lock);
}

uint64_t hm_rollout_facts(const char *name, const char *os_family, const char *os_version,
                          const char *services)
{
    return hm_pass_facts(name, os_family, os_version, services);
}

void hm_rollout_host_changed(struct hm_rollout *rollout, const char *host_id, uint64_t facts)
{
    if (facts == 0 || !hm_known_has_facts(rollout->known, host_id, facts)) {
        put(rollout, host_id, HM_KNOWN_NOBODY, 0);
    }
}

void hm_rollout_host_reported(struct hm_rollout *rollout, const char *host_id,
                              const struct hm_outcomes *outcomes)
{
    for (size_t i = 0; i < outcomes->count && i < HM_LIMIT_POLICIES; i++) {
        const struct hm_outcome *outcome = &outcomes->at[i];
        uint32_t policy = hm_known_lacks(rollout->known, host_id, outcome->policy);

        if (policy != HM_KNOWN_NOBODY) {
            put(rollout, host_id, policy, outcome->revision);
        }
    }
}

void hm_rollout_host_removed(struct hm_rollout *rollout, const char *host_id)
{
    hm_known_drop_set(rollout->known, host_id);
}

enum hm_status hm_rollout_desired(struct hm_rollout *rollout, const char *host_id,
                                  const char *catalogue_tag, struct hm_desired_answer *out_answer,
                                  struct hm_err *err)
{
    struct hm_desired_set *set = hm_known_take(rollout->known, host_id);
    bool has = catalogue_tag != NULL && strcmp(catalogue_tag, hm_shelf_tag(rollout->shelf)) == 0;
    struct hm_buf *body = calloc(1, sizeof(*body));
    size_t len;
    const char *catalogue = hm_shelf_json(rollout->shelf, &len);
    enum hm_status st;

    if (body == NULL) {
        hm_desired_set_drop(set);
        return hm_fail(err, HM_ENOMEM, "no memory for the desired state");
    }
    hm_buf_init(body, HM_LIMIT_DESIRED_BYTES);
    st = hm_desired_set_write(set, has ? NULL : catalogue, len, body, err);
    if (st == HM_OK) {
        (void)hm_str_copy(out_answer->etag, sizeof(out_answer->etag), set->etag);
        out_answer->body = hm_buf_text(body);
        out_answer->len = body->len;
        out_answer->private_ = body;
    } else {
        hm_buf_fini(body);
        free(body);
    }
    hm_desired_set_drop(set);
    return st;
}

void hm_desired_release(struct hm_desired_answer *answer)
{
    hm_buf_fini(answer->private_);
    free(answer->private_);
    answer->private_ = NULL;
}

void hm_rollout_etag(struct hm_rollout *rollout, const char *host_id,
                     char out[HM_DIGEST_TEXT_BYTES + 2])
{
    hm_known_etag(rollout->known, host_id, out);
}

bool hm_rollout_trust(struct hm_rollout *rollout, struct hm_arena *arena,
                      struct hm_envelope *out_envelope)
{
    char *text = NULL;

    pthread_mutex_lock(&rollout->lock);
    if (rollout->trust != NULL) {
        text = hm_arena_strdup(arena, rollout->trust);
    }
    pthread_mutex_unlock(&rollout->lock);
    return text != NULL && hm_record_decode(&hm_record_envelope, text, strlen(text), false, arena,
                                            out_envelope, NULL, NULL) == HM_OK;
}

void hm_rollout_stats(struct hm_rollout *rollout, struct hm_rollout_stats *out_stats)
{
    pthread_mutex_lock(&rollout->lock);
    *out_stats = rollout->stats;
    out_stats->hosts_waiting += rollout->queued + rollout->taken + rollout->refresh;
    pthread_mutex_unlock(&rollout->lock);
}
