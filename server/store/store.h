/* server/store/store.h — a pool of reading connections and one writer with group commit.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reads: hm_store_read takes a connection from the pool for the length of one function, inside
 * one read transaction: a consistent picture. Writes: a job is queued to the one writer thread,
 * which runs many jobs in one transaction (each in a savepoint, so a failed job harms no other)
 * and calls done after the commit has reached the disk. Nothing is acknowledged before that. */
#pragma once

#include "common/base/arena.h"
#include "server/store/db.h"

struct hm_store;
struct hm_session; /* one connection, inside a transaction; only valid in the callback */

struct hm_store_options {
    const char *uri;        /* "sqlite:/var/lib/havenmaster/collector.db", "sqlite::memory:" */
    unsigned readers;       /* connections in the pool; 0 = 4 */
    size_t queue_bytes_max; /* jobs waiting; over it submit answers HM_EBUSY */
};

/* Connects, checks or makes the schema (see migrate.h), starts the writer. */
enum hm_status hm_store_open(const struct hm_store_options *options, struct hm_store **out_store,
                             struct hm_err *err) HM_MUST_CHECK;
/* Commits what is queued, stops the writer, closes. */
void hm_store_close(struct hm_store *store);

typedef enum hm_status hm_session_fn(struct hm_session *session, void *arg, struct hm_err *err);

enum hm_status hm_store_read(struct hm_store *store, hm_session_fn *fn, void *arg,
                             struct hm_err *err) HM_MUST_CHECK;

struct hm_job {
    struct hm_job *next; /* private */
    hm_session_fn
        *run; /* on the writer thread, arg is the job; run again when the transaction is retried, so
                 it must not keep state outside the session and arg's outputs */
    void (*done)(struct hm_job *job, enum hm_status st, const struct hm_err *err); /* after commit
                            or failure, on the writer thread; must not block; owns job from here */
    size_t bytes; /* what it holds, for the queue's cap */
};

/* Takes the job over when it answers HM_OK. HM_EBUSY when the queue is full. */
enum hm_status hm_store_submit(struct hm_store *store, struct hm_job *job,
                               struct hm_err *err) HM_MUST_CHECK;

/* Queues fn and waits for the commit: for start-up, command line and tests; never on an HTTP
 * worker. */
enum hm_status hm_store_write(struct hm_store *store, hm_session_fn *fn, void *arg,
                              struct hm_err *err) HM_MUST_CHECK;

/* Returns when every job that was submitted before is done with, its done called. */
void hm_store_flush(struct hm_store *store);

/* Inside a session: statements are prepared once a connection and kept, keyed by the pointer of
 * the sql text, which must be static. values are bound as $1, $2 … */
typedef enum hm_status hm_row_fn(struct hm_stmt *row, void *arg, struct hm_err *err);
enum hm_status hm_session_exec(struct hm_session *session, const char *sql,
                               const struct hm_value *values, size_t count,
                               struct hm_err *err) HM_MUST_CHECK;
/* Calls fn for each row; fn NULL ignores rows. *out_rows may be NULL. */
enum hm_status hm_session_query(struct hm_session *session, const char *sql,
                                const struct hm_value *values, size_t count, hm_row_fn *fn,
                                void *arg, size_t *out_rows, struct hm_err *err) HM_MUST_CHECK;
/* As above for SQL made at run time (filters): prepared for this call only. */
enum hm_status hm_session_query_once(struct hm_session *session, const char *sql,
                                     const struct hm_value *values, size_t count, hm_row_fn *fn,
                                     void *arg, size_t *out_rows, struct hm_err *err) HM_MUST_CHECK;

/* Columns of the current row inside fn. Text is copied into the arena; NULL column = "". */
int64_t hm_row_int(struct hm_stmt *row, int at);
double hm_row_real(struct hm_stmt *row, int at);
bool hm_row_is_null(struct hm_stmt *row, int at);
const char *hm_row_text(struct hm_stmt *row, int at, struct hm_arena *arena);

/* Counters for metrics: jobs committed, batches, jobs waiting. */
struct hm_store_stats {
    uint64_t jobs;
    uint64_t batches;
    uint64_t waiting;
    uint64_t waiting_bytes;
};
void hm_store_stats(struct hm_store *store, struct hm_store_stats *out_stats);
