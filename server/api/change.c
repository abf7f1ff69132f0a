/* server/api/change.c — a write asked for over HTTP: queued, held, answered after the commit.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/change.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/base/limits.h"
#include "common/base/log.h"

struct hm_change {
    struct hm_job job; /* first: the job is the change */
    pthread_mutex_t lock;
    unsigned owners; /* the job and the request */
    bool done;
    enum hm_status status;
    struct hm_err err;
    struct hm_ticket *ticket;
    struct hm_arena arena;
    void *data;
    hm_session_fn *run;
    void (*committed)(void *data);
    void (*failed)(void *data);
    hm_handler *answer;
};

#define JOB_BYTES 4096u /* what a change weighs in the store's queue */

struct hm_change *hm_change_new(size_t size)
{
    struct hm_change *change = calloc(1, sizeof(*change));

    if (change == NULL) {
        return NULL;
    }
    hm_arena_init(&change->arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    change->data = hm_arena_alloc(&change->arena, 1, size);
    if (change->data == NULL || pthread_mutex_init(&change->lock, NULL) != 0) {
        hm_arena_fini(&change->arena);
        free(change);
        return NULL;
    }
    return change;
}

void hm_change_free(struct hm_change *change)
{
    if (change != NULL) {
        hm_arena_fini(&change->arena);
        (void)pthread_mutex_destroy(&change->lock);
        free(change);
    }
}

void *hm_change_data(struct hm_change *change)
{
    return change->data;
}

void hm_change_on_failure(struct hm_change *change, void (*failed)(void *data))
{
    change->failed = failed;
}

void hm_change_set_bytes(struct hm_change *change, size_t bytes)
{
    change->job.bytes = bytes;
}

struct hm_arena *hm_change_arena(struct hm_change *change)
{
    return &change->arena;
}

static void let_go(struct hm_change *change)
{
    unsigned left;

    (void)pthread_mutex_lock(&change->lock);
    left = --change->owners;
    (void)pthread_mutex_unlock(&change->lock);
    if (left == 0) {
        hm_change_free(change);
    }
}

static enum hm_status run_job(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct hm_change *change = arg;

    return change->run(session, change->data, err);
}

/* Writer thread. The ticket is woken exactly once, here or in hm_change_submit. */
static void job_done(struct hm_job *job, enum hm_status st, const struct hm_err *err)
{
    struct hm_change *change = (struct hm_change *)job;
    struct hm_ticket *ticket = change->ticket;

    if (st == HM_OK && change->committed != NULL) {
        change->committed(change->data);
    }
    if (st != HM_OK && change->failed != NULL) {
        change->failed(change->data);
    }
    (void)pthread_mutex_lock(&change->lock);
    change->status = st;
    if (st != HM_OK) {
        struct hm_err copy = *err; /* may be our own */

        change->err = copy;
    }
    change->done = true;
    (void)pthread_mutex_unlock(&change->lock);
    hm_ticket_wake(ticket);
    let_go(change);
}

static enum hm_status resume(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_change *change = req->state;
    enum hm_status st;
    bool done;

    (void)pthread_mutex_lock(&change->lock);
    done = change->done;
    st = change->status;
    (void)pthread_mutex_unlock(&change->lock);
    if (!done) {
        st = hm_fail_code(err, HM_EBUSY, "outcome_unknown",
                          "the database has not confirmed the change yet; look whether it is "
                          "there before you try again");
    } else if (st == HM_EIO) {
        /* A full or broken disk: the log tells where, the outside need not know. */
        hm_log_failure(HM_LOG_ERROR, "store_failed", &change->err);
        st = hm_fail_code(err, HM_EBUSY, "store_failed",
                          "the collector cannot write its database; nothing was changed, its log "
                          "says why");
    } else if (st != HM_OK) {
        if (err != NULL) {
            *err = change->err;
        }
    } else {
        req->state = change->data;
        st = change->answer(req, reply, err);
    }
    let_go(change);
    return st;
}

enum hm_status hm_change_submit(struct hm_change *change, struct hm_req *req,
                                struct hm_store *store, hm_session_fn *run,
                                void (*committed)(void *data), hm_handler *answer,
                                struct hm_err *err)
{
    change->run = run;
    change->committed = committed;
    change->answer = answer;
    change->owners = 2;
    change->job.run = run_job;
    change->job.done = job_done;
    change->job.bytes += JOB_BYTES;
    req->state = change;
    change->ticket = hm_req_hold(req, HM_CHANGE_WAIT_MS, resume);
    if (change->ticket == NULL) {
        if (change->failed != NULL) {
            change->failed(change->data);
        }
        hm_change_free(change);
        return hm_fail(err, HM_ENOMEM, "no memory for the change");
    }
    if (hm_store_submit(store, &change->job, &change->err) != HM_OK) {
        /* Held already: the resume gives the answer. */
        job_done(&change->job, change->err.status, &change->err);
    }
    return HM_OK;
}
