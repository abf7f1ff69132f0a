/* server/store/store.c — a pool of reading connections and one writer with group commit.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/os/os.h"
#include "server/store/migrate.h"
#include "server/store/session.h"

#define READERS 4u
#define READERS_MAX 32u
#define QUEUE_BYTES (64u * 1024u * 1024u)
#define BATCH_JOBS 256u /* in one transaction … */
#define BATCH_MS 20     /* … or for so long, whichever comes first */
#define MEMORY_URI "sqlite::memory:"

struct outcome {
    struct hm_job *job;
    enum hm_status st;
    struct hm_err err;
};

struct hm_store {
    struct hm_session *writer;
    pthread_mutex_t writer_lock; /* held for a batch; readers of a memory database take it too */

    pthread_mutex_t pool_lock;
    pthread_cond_t pool_free;
    struct hm_session *readers[READERS_MAX]; /* idle ones */
    unsigned idle;
    unsigned readers_total; /* 0: a memory database, one connection for all */

    pthread_mutex_t queue_lock;
    pthread_cond_t queue_filled;
    pthread_cond_t queue_drained;
    uint64_t submitted; /* jobs, ever */
    uint64_t finished;
    struct hm_job *first;
    struct hm_job *last;
    size_t queue_bytes_max;
    bool stopping;
    struct hm_store_stats stats;

    pthread_t thread;
    bool has_thread;
    struct outcome batch[BATCH_JOBS];
};

/* ---- reading ------------------------------------------------------------------------------ */

static enum hm_status run_read(struct hm_session *session, hm_session_fn *fn, void *arg,
                               struct hm_err *err)
{
    enum hm_status st = hm_session_exec(session, "BEGIN", NULL, 0, err);

    if (st != HM_OK) {
        return st;
    }
    st = fn(session, arg, err);
    if (hm_session_exec(session, "ROLLBACK", NULL, 0, NULL) != HM_OK) {
        (void)session->driver->exec(session->db, "ROLLBACK", NULL);
    }
    return st;
}

enum hm_status hm_store_read(struct hm_store *store, hm_session_fn *fn, void *arg,
                             struct hm_err *err)
{
    struct hm_session *session;
    enum hm_status st;

    if (store->readers_total == 0) {
        pthread_mutex_lock(&store->writer_lock);
        st = run_read(store->writer, fn, arg, err);
        pthread_mutex_unlock(&store->writer_lock);
        return st;
    }
    pthread_mutex_lock(&store->pool_lock);
    while (store->idle == 0) {
        pthread_cond_wait(&store->pool_free, &store->pool_lock);
    }
    session = store->readers[--store->idle];
    pthread_mutex_unlock(&store->pool_lock);

    st = run_read(session, fn, arg, err);

    pthread_mutex_lock(&store->pool_lock);
    store->readers[store->idle++] = session;
    pthread_cond_signal(&store->pool_free);
    pthread_mutex_unlock(&store->pool_lock);
    return st;
}

/* ---- writing ------------------------------------------------------------------------------ */

/* The next job, or NULL. May wait for one; NULL then means "stop". */
static struct hm_job *next_job(struct hm_store *store, bool wait)
{
    struct hm_job *job;

    pthread_mutex_lock(&store->queue_lock);
    while (wait && store->first == NULL && !store->stopping) {
        pthread_cond_wait(&store->queue_filled, &store->queue_lock);
    }
    job = store->first;
    if (job != NULL) {
        store->first = job->next;
        if (store->first == NULL) {
            store->last = NULL;
        }
        job->next = NULL;
        store->stats.waiting--;
        store->stats.waiting_bytes -= job->bytes;
    }
    pthread_mutex_unlock(&store->queue_lock);
    return job;
}

/* A fault of the database itself: SQLite may have rolled back the whole transaction. */
static bool is_fault(enum hm_status st)
{
    return st == HM_EIO || st == HM_EBUSY || st == HM_ENOMEM;
}

static void roll_back(struct hm_store *store)
{
    (void)store->writer->driver->exec(store->writer->db, "ROLLBACK", NULL);
}

/* One job in its savepoint. Answers the status of the transaction; the job's own is in outcome. */
static enum hm_status run_job(struct hm_session *session, struct outcome *outcome,
                              struct hm_err *err)
{
    enum hm_status st = hm_session_exec(session, "SAVEPOINT job", NULL, 0, err);

    if (st != HM_OK) {
        return st;
    }
    outcome->st = outcome->job->run(session, outcome->job, &outcome->err);
    if (is_fault(outcome->st)) {
        if (err != NULL) {
            *err = outcome->err;
        }
        return outcome->st;
    }
    if (outcome->st != HM_OK) {
        st = hm_session_exec(session, "ROLLBACK TO job", NULL, 0, err);
    }
    if (st == HM_OK) {
        st = hm_session_exec(session, "RELEASE job", NULL, 0, err);
    }
    return st;
}

static enum hm_status run_outcomes(struct hm_store *store, struct outcome *outcomes, size_t count,
                                   struct hm_err *err)
{
    enum hm_status st = hm_session_exec(store->writer, "BEGIN IMMEDIATE", NULL, 0, err);

    if (st != HM_OK) {
        return st;
    }
    for (size_t i = 0; i < count && st == HM_OK; i++) {
        st = run_job(store->writer, &outcomes[i], err);
    }
    if (st == HM_OK) {
        st = hm_session_exec(store->writer, "COMMIT", NULL, 0, err);
    }
    if (st != HM_OK) {
        roll_back(store);
    }
    return st;
}

/* After a batch that failed as a whole: each job alone, so that one harms no other. */
static void run_alone(struct hm_store *store, struct outcome *outcome)
{
    struct hm_err err = {0};
    enum hm_status st = run_outcomes(store, outcome, 1, &err);

    if (st != HM_OK) {
        outcome->st = st;
        outcome->err = err;
    }
}

/* Begins a transaction with the first job and takes more while there are any. */
static size_t run_batch(struct hm_store *store, struct hm_job *job)
{
    struct outcome *batch = store->batch;
    int64_t end_ms = hm_os_monotonic_ms() + BATCH_MS;
    size_t count = 0;
    enum hm_status st = hm_session_exec(store->writer, "BEGIN IMMEDIATE", NULL, 0, NULL);

    while (job != NULL) {
        batch[count] = (struct outcome){.job = job};
        if (st == HM_OK) {
            st = run_job(store->writer, &batch[count], NULL);
        }
        count++;
        job = st == HM_OK && count < BATCH_JOBS && hm_os_monotonic_ms() < end_ms
                  ? next_job(store, false)
                  : NULL;
    }
    if (st == HM_OK) {
        st = hm_session_exec(store->writer, "COMMIT", NULL, 0, NULL);
    }
    if (st != HM_OK) {
        roll_back(store);
        for (size_t i = 0; i < count; i++) {
            run_alone(store, &batch[i]);
        }
    }
    return count;
}

static void *write_loop(void *arg)
{
    struct hm_store *store = arg;
    struct hm_job *job;

    while ((job = next_job(store, true)) != NULL) {
        size_t count;

        pthread_mutex_lock(&store->writer_lock);
        count = run_batch(store, job);
        pthread_mutex_unlock(&store->writer_lock);
        pthread_mutex_lock(&store->queue_lock);
        store->stats.batches++;
        for (size_t i = 0; i < count; i++) {
            store->stats.jobs += store->batch[i].st == HM_OK;
        }
        pthread_mutex_unlock(&store->queue_lock);
        for (size_t i = 0; i < count; i++) {
            struct outcome *outcome = &store->batch[i];

            outcome->job->done(outcome->job, outcome->st, &outcome->err);
        }
        pthread_mutex_lock(&store->queue_lock);
        store->finished += count;
        pthread_cond_broadcast(&store->queue_drained);
        pthread_mutex_unlock(&store->queue_lock);
    }
    return NULL;
}

enum hm_status hm_store_submit(struct hm_store *store, struct hm_job *job, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    pthread_mutex_lock(&store->queue_lock);
    if (store->stopping) {
        st = hm_fail_code(err, HM_EBUSY, "stopping", "the collector stops: try again later");
    } else if (store->stats.waiting > 0 &&
               store->stats.waiting_bytes + job->bytes > store->queue_bytes_max) {
        st = hm_fail_code(err, HM_EBUSY, "queue_full",
                          "%zu bytes wait to be written already: try again later",
                          (size_t)store->stats.waiting_bytes);
    } else {
        job->next = NULL;
        if (store->last != NULL) {
            store->last->next = job;
        } else {
            store->first = job;
            pthread_cond_signal(&store->queue_filled);
        }
        store->last = job;
        store->submitted++;
        store->stats.waiting++;
        store->stats.waiting_bytes += job->bytes;
    }
    pthread_mutex_unlock(&store->queue_lock);
    return st;
}

struct waited_job {
    struct hm_job job;
    hm_session_fn *fn;
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t finished;
    bool is_finished;
    enum hm_status st;
    struct hm_err err;
};

static enum hm_status run_waited(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct waited_job *waited = arg; /* job is its first member */

    return waited->fn(session, waited->arg, err);
}

static void finish_waited(struct hm_job *job, enum hm_status st, const struct hm_err *err)
{
    struct waited_job *waited = (struct waited_job *)job;

    pthread_mutex_lock(&waited->lock);
    waited->st = st;
    waited->err = *err;
    waited->is_finished = true;
    pthread_cond_signal(&waited->finished);
    pthread_mutex_unlock(&waited->lock);
}

enum hm_status hm_store_write(struct hm_store *store, hm_session_fn *fn, void *arg,
                              struct hm_err *err)
{
    struct waited_job waited = {
        .job = {.run = run_waited, .done = finish_waited},
        .fn = fn,
        .arg = arg,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .finished = PTHREAD_COND_INITIALIZER
    };
    enum hm_status st = hm_store_submit(store, &waited.job, err);

    if (st == HM_OK) {
        pthread_mutex_lock(&waited.lock);
        while (!waited.is_finished) {
            pthread_cond_wait(&waited.finished, &waited.lock);
        }
        pthread_mutex_unlock(&waited.lock);
        st = waited.st;
        if (st != HM_OK && err != NULL) {
            *err = waited.err;
        }
    }
    pthread_cond_destroy(&waited.finished);
    pthread_mutex_destroy(&waited.lock);
    return st;
}

void hm_store_flush(struct hm_store *store)
{
    uint64_t submitted;

    pthread_mutex_lock(&store->queue_lock);
    submitted = store->submitted;
    while (store->finished < submitted) {
        pthread_cond_wait(&store->queue_drained, &store->queue_lock);
    }
    pthread_mutex_unlock(&store->queue_lock);
}

void hm_store_stats(struct hm_store *store, struct hm_store_stats *out_stats)
{
    pthread_mutex_lock(&store->queue_lock);
    *out_stats = store->stats;
    pthread_mutex_unlock(&store->queue_lock);
}

/* ---- opening and closing ------------------------------------------------------------------ */

static enum hm_status open_readers(struct hm_store *store, const struct hm_store_options *options,
                                   struct hm_err *err)
{
    unsigned wanted = options->readers != 0 ? options->readers : READERS;

    if (strcmp(options->uri, MEMORY_URI) == 0) {
        return HM_OK; /* a second connection would see another, empty database */
    }
    wanted = wanted < READERS_MAX ? wanted : READERS_MAX;
    while (store->readers_total < wanted) {
        enum hm_status st = hm_session_open(options->uri, &store->readers[store->idle], err);

        if (st != HM_OK) {
            return st;
        }
        store->idle++;
        store->readers_total++;
    }
    return HM_OK;
}

enum hm_status hm_store_open(const struct hm_store_options *options, struct hm_store **out_store,
                             struct hm_err *err)
{
    struct hm_store *store = calloc(1, sizeof(*store));
    enum hm_status st;

    if (store == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the store");
    }
    pthread_mutex_init(&store->writer_lock, NULL);
    pthread_mutex_init(&store->pool_lock, NULL);
    pthread_cond_init(&store->pool_free, NULL);
    pthread_mutex_init(&store->queue_lock, NULL);
    pthread_cond_init(&store->queue_filled, NULL);
    pthread_cond_init(&store->queue_drained, NULL);
    store->queue_bytes_max = options->queue_bytes_max != 0 ? options->queue_bytes_max : QUEUE_BYTES;
    st = hm_session_open(options->uri, &store->writer, err);
    if (st == HM_OK) {
        st = hm_migrate(store->writer->driver, store->writer->db, hm_migrations_sqlite,
                        hm_migrations_sqlite_count, hm_clock_now_ms(), err);
    }
    if (st == HM_OK) {
        st = open_readers(store, options, err);
    }
    if (st == HM_OK) {
        store->has_thread = pthread_create(&store->thread, NULL, write_loop, store) == 0;
        if (!store->has_thread) {
            st = hm_fail(err, HM_ENOMEM, "the system gives no thread for the store");
        }
    }
    if (st != HM_OK) {
        hm_store_close(store);
        return st;
    }
    *out_store = store;
    return HM_OK;
}

void hm_store_close(struct hm_store *store)
{
    if (store == NULL) {
        return;
    }
    if (store->has_thread) {
        pthread_mutex_lock(&store->queue_lock);
        store->stopping = true;
        pthread_cond_signal(&store->queue_filled);
        pthread_mutex_unlock(&store->queue_lock);
        pthread_join(store->thread, NULL);
    }
    for (unsigned i = 0; i < store->idle; i++) {
        hm_session_close(store->readers[i]);
    }
    hm_session_close(store->writer);
    pthread_cond_destroy(&store->queue_drained);
    pthread_cond_destroy(&store->queue_filled);
    pthread_mutex_destroy(&store->queue_lock);
    pthread_cond_destroy(&store->pool_free);
    pthread_mutex_destroy(&store->pool_lock);
    pthread_mutex_destroy(&store->writer_lock);
    free(store);
}
