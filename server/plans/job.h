/* server/plans/job.h — one plan in the making; private to this folder.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>

#include "server/plans/plans.h"

#define HM_PLAN_PAGE_HOSTS 200u
#define HM_PLAN_THREADS_MAX 8u

struct hm_plan_row {
    const char *name;
    char id[HM_ID_TEXT_BYTES];
    unsigned is;
};

enum hm_plan_job_state { HM_JOB_RUNNING, HM_JOB_DONE, HM_JOB_FAILED };

struct hm_plan_job {
    struct hm_plan_job *next; /* newer ones first */
    unsigned workers;         /* threads that work on it; under the lock, as the next */
    unsigned users;           /* callers that look at it */
    char id[HM_ID_TEXT_BYTES];
    struct hm_arena order_arena; /* from the start; read only afterwards */
    struct hm_plan_order order;
    struct hm_where where;
    int64_t created_ms;

    pthread_mutex_t page_lock; /* one thread fetches the next page */
    char after[HM_ID_TEXT_BYTES];

    /* Under the lock. */
    bool fetched_all;
    enum hm_plan_job_state state;
    struct hm_err failure;
    struct hm_arena rows_arena;
    struct hm_plan_row *rows;
    size_t row_count;
    size_t row_room;
    struct hm_api_plan_counts counts;
    unsigned char sum[HM_DIGEST_BYTES]; /* of all hosts' digests: their order does not matter */
    char digest[HM_DIGEST_TEXT_BYTES];
};

struct hm_plans {
    struct hm_store *store;
    const struct hm_shelf *shelf;
    pthread_t threads[HM_PLAN_THREADS_MAX];
    unsigned thread_count;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
    struct hm_plan_job *jobs;
};

/* Some hosts and what they reported. */
struct hm_plan_page {
    struct hm_plans *plans;
    struct hm_plan_job *job;
    struct hm_arena *arena;
    const struct hm_page *asked; /* NULL: hosts are given */
    struct hm_host_rows hosts;
    struct hm_inventory *inventories;
    struct hm_ledger *ledgers;
    struct hm_judgement *judgements; /* of hosts where something is blocked */
    bool *known;                     /* has an inventory */
    bool *idle;                      /* the order is not about it: its inventory was not read */
};

/* order.c — reads the wish and what is live into the new job. */
enum hm_status hm_plan_job_read(struct hm_plans *plans, const struct hm_plan_wish *wish,
                                struct hm_plan_job *job, struct hm_err *err) HM_MUST_CHECK;

/* page.c — inventories and ledgers of page->hosts. */
enum hm_status hm_plan_page_read_facts(struct hm_session *s, struct hm_plan_page *page,
                                       struct hm_err *err) HM_MUST_CHECK;
struct hm_plan_subject hm_plan_page_subject(const struct hm_plan_page *page, size_t at);

/* Works on the next hosts of the job and adds what comes of it. *out_more: there may be others.
 * The arena is used up and reset. */
enum hm_status hm_plan_job_run_page(struct hm_plans *plans, struct hm_plan_job *job,
                                    struct hm_arena *arena, bool *out_more,
                                    struct hm_err *err) HM_MUST_CHECK;
