/* server/plans/plans.c — plans over the fleet: jobs, their threads, what they found.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/plans/plans.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "server/plans/job.h"

#define PLANS_KEPT 16u
#define ROWS_KEPT 1000000u /* of all plans together: some 100 MB */
#define RUNNING_MAX 4u

/* ---- jobs ------------------------------------------------------------------------------------ */

static void free_job(struct hm_plan_job *job)
{
    pthread_mutex_destroy(&job->page_lock);
    hm_arena_fini(&job->order_arena);
    hm_arena_fini(&job->rows_arena);
    free(job);
}

static struct hm_plan_job *find_job(struct hm_plans *plans, const char *id)
{
    struct hm_plan_job *job = plans->jobs;

    while (job != NULL && strcmp(job->id, id) != 0) {
        job = job->next;
    }
    return job;
}

/* The oldest that nobody looks at go, beyond what is kept. The newest stays. Under the lock. */
static void forget_old(struct hm_plans *plans)
{
    struct hm_plan_job **at = &plans->jobs;
    unsigned count = 0;
    size_t rows = 0;

    while (*at != NULL) {
        struct hm_plan_job *job = *at;
        bool over;

        count++;
        rows += job->row_count;
        over = count > PLANS_KEPT || (count > 1 && rows > ROWS_KEPT);
        if (over && job->users + job->workers == 0 && job->state != HM_JOB_RUNNING) {
            *at = job->next;
            free_job(job);
        } else {
            at = &job->next;
        }
    }
}

static unsigned count_running(const struct hm_plans *plans)
{
    unsigned count = 0;

    for (const struct hm_plan_job *job = plans->jobs; job != NULL; job = job->next) {
        count += job->state == HM_JOB_RUNNING ? 1 : 0;
    }
    return count;
}

/* ---- the threads ----------------------------------------------------------------------------- */

static int compare_rows(const void *a, const void *b)
{
    const struct hm_plan_row *x = a;
    const struct hm_plan_row *y = b;
    int by_name = strcmp(x->name, y->name);

    return by_name != 0 ? by_name : strcmp(x->id, y->id);
}

/* The last one to leave closes it. Under the lock. */
static void close_job(struct hm_plan_job *job)
{
    if (job->row_count > 0) {
        qsort(job->rows, job->row_count, sizeof(*job->rows), compare_rows);
    }
    hm_digest_text(job->sum, sizeof(job->sum), job->digest);
    job->state = HM_JOB_DONE;
}

/* The oldest that still has pages. Under the lock. */
static struct hm_plan_job *next_job(const struct hm_plans *plans)
{
    struct hm_plan_job *found = NULL;

    for (struct hm_plan_job *job = plans->jobs; job != NULL; job = job->next) {
        if (job->state == HM_JOB_RUNNING && !job->fetched_all) {
            found = job;
        }
    }
    return found;
}

static void run_job(struct hm_plans *plans, struct hm_plan_job *job)
{
    struct hm_err err = {.status = HM_OK};
    enum hm_status st = HM_OK;
    struct hm_arena arena;
    bool more = true;

    hm_arena_init(&arena, HM_LIMIT_PLAN_ARENA_BYTES);
    while (st == HM_OK && more) {
        st = hm_plan_job_run_page(plans, job, &arena, &more, &err);
        pthread_mutex_lock(&plans->lock);
        more = more && job->state == HM_JOB_RUNNING && !plans->stopping;
        pthread_mutex_unlock(&plans->lock);
    }
    hm_arena_fini(&arena);
    pthread_mutex_lock(&plans->lock);
    job->workers--;
    if (st != HM_OK && job->state == HM_JOB_RUNNING) {
        job->state = HM_JOB_FAILED;
        job->failure = err;
        hm_log_failure(HM_LOG_ERROR, "plan_failed", &err);
    } else if (job->state == HM_JOB_RUNNING && job->workers == 0 && job->fetched_all) {
        close_job(job);
    }
    pthread_mutex_unlock(&plans->lock);
}

static void *work(void *arg)
{
    struct hm_plans *plans = arg;
    struct hm_plan_job *job;

    pthread_mutex_lock(&plans->lock);
    while (!plans->stopping) {
        job = next_job(plans);
        if (job == NULL) {
            pthread_cond_wait(&plans->wake, &plans->lock);
            continue;
        }
        job->workers++;
        pthread_mutex_unlock(&plans->lock);
        run_job(plans, job);
        pthread_mutex_lock(&plans->lock);
    }
    pthread_mutex_unlock(&plans->lock);
    return NULL;
}

/* ---- start ----------------------------------------------------------------------------------- */

enum hm_status hm_plans_start(struct hm_plans *plans, const struct hm_plan_wish *wish,
                              char out_id[HM_ID_TEXT_BYTES], struct hm_err *err)
{
    struct hm_plan_job *job = calloc(1, sizeof(*job));
    enum hm_status st;

    if (job == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a plan");
    }
    pthread_mutex_init(&job->page_lock, NULL);
    hm_arena_init(&job->order_arena, HM_LIMIT_PLAN_ARENA_BYTES);
    hm_arena_init(&job->rows_arena, HM_LIMIT_PLAN_ARENA_BYTES);
    job->order.whatif = wish->whatif;
    job->order.catalogue = hm_shelf_catalogue(plans->shelf);
    job->order.now_ms = wish->now_ms;
    job->created_ms = wish->now_ms;
    hm_id_new(wish->now_ms, job->id);
    st = hm_plan_job_read(plans, wish, job, err);
    if (st != HM_OK) {
        free_job(job);
        return st;
    }
    pthread_mutex_lock(&plans->lock);
    if (count_running(plans) >= RUNNING_MAX) {
        pthread_mutex_unlock(&plans->lock);
        free_job(job);
        return hm_fail_code(err, HM_EBUSY, "too_many_plans",
                            "%u plans are being worked out already: try again in a while",
                            RUNNING_MAX);
    }
    memcpy(out_id, job->id, sizeof(job->id));
    job->next = plans->jobs;
    plans->jobs = job;
    forget_old(plans);
    pthread_cond_broadcast(&plans->wake);
    pthread_mutex_unlock(&plans->lock);
    return HM_OK;
}

/* ---- answers --------------------------------------------------------------------------------- */

static enum hm_status unknown(const char *id, struct hm_err *err)
{
    return hm_fail_code(err, HM_ENOENT, "unknown_plan",
                        "there is no plan \"%.40s\" any more: the newest %u are kept; ask again",
                        id, PLANS_KEPT);
}

enum hm_status hm_plans_get(struct hm_plans *plans, const char *id, struct hm_arena *arena,
                            struct hm_api_plan *out_plan, struct hm_err *err)
{
    static const char *const states[] = {"running", "done", "failed"};
    struct hm_api_plan plan;
    struct hm_plan_job *job;

    pthread_mutex_lock(&plans->lock);
    job = find_job(plans, id);
    if (job != NULL) {
        plan = (struct hm_api_plan){
            .id = hm_arena_strdup(arena, job->id),
            .kind = job->order.whatif ? "whatif" : "plan",
            .state = states[job->state],
            .text = hm_arena_strdup(arena, job->state == HM_JOB_FAILED ? job->failure.text : ""),
            .digest = hm_arena_strdup(arena, job->digest),
            .created = job->created_ms,
            .counts = job->counts,
        };
    }
    pthread_mutex_unlock(&plans->lock);
    if (job == NULL) {
        return unknown(id, err);
    }
    if (plan.id == NULL || plan.text == NULL || plan.digest == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a plan");
    }
    *out_plan = plan;
    return HM_OK;
}

struct ask {
    struct hm_plan_page page;
    const struct hm_plan_row *picked;
    size_t count;
};

static enum hm_status read_picked(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct ask *ask = arg;
    struct hm_host_rows *hosts = &ask->page.hosts;
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < ask->count; i++) {
        st = hm_hosts_get_by_id(s, ask->picked[i].id, ask->page.arena, &hosts->at[hosts->count],
                                err);
        hosts->count += st == HM_OK ? 1 : 0;
        st = st == HM_ENOENT ? HM_OK : st; /* removed meanwhile */
    }
    return st == HM_OK ? hm_plan_page_read_facts(s, &ask->page, err) : st;
}

/* Rows from a number on that are of the part that is asked for; a copy, since the job may go. */
static size_t pick(const struct hm_plan_job *job, size_t from, unsigned limit, unsigned only,
                   struct hm_plan_row *out, size_t *out_next)
{
    size_t count = 0;
    size_t at = from;

    while (at < job->row_count && count < limit) {
        if (only == 0 || (job->rows[at].is & only) != 0) {
            out[count++] = job->rows[at];
        }
        at++;
    }
    while (at < job->row_count && only != 0 && (job->rows[at].is & only) == 0) {
        at++;
    }
    *out_next = at < job->row_count ? at : 0;
    return count;
}

static enum hm_status plan_picked(struct ask *ask, struct hm_api_plan_host_list *out,
                                  struct hm_err *err)
{
    struct hm_plan_page *page = &ask->page;
    enum hm_status st = HM_OK;

    out->count = 0;
    for (size_t i = 0; st == HM_OK && i < page->hosts.count; i++) {
        const struct hm_host_row *row = &page->hosts.at[i];
        const struct hm_plan_subject subject = hm_plan_page_subject(page, i);
        struct hm_host_plan plan = {.matched = false};

        if (page->known[i] && !page->idle[i]) {
            st = hm_host_plan(&page->job->order, &subject, page->arena, &plan, err);
        }
        if (st == HM_OK && plan.matched) {
            out->at[out->count++] = (struct hm_api_plan_host){.host_id = row->id,
                                                              .host = row->name,
                                                              .silent = row->silent_since_ms != 0,
                                                              .plan = plan.plan,
                                                              .verdicts = plan.verdicts};
        }
    }
    return st;
}

enum hm_status hm_plans_hosts(struct hm_plans *plans, const char *id, size_t from, unsigned limit,
                              unsigned only, struct hm_arena *arena,
                              struct hm_api_plan_host_list *out_hosts, size_t *out_next,
                              struct hm_err *err)
{
    struct hm_plan_row *picked = hm_arena_alloc(arena, limit, sizeof(*picked));
    struct hm_host_row *rows = hm_arena_alloc(arena, limit, sizeof(*rows));
    struct hm_api_plan_host *hosts = hm_arena_alloc(arena, limit, sizeof(*hosts));
    struct ask ask = {
        .page = {.plans = plans, .arena = arena},
          .picked = picked
    };
    enum hm_status st = HM_OK;

    if (picked == NULL || rows == NULL || hosts == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a plan");
    }
    ask.page.hosts.at = rows;
    pthread_mutex_lock(&plans->lock);
    ask.page.job = find_job(plans, id);
    if (ask.page.job == NULL) {
        st = unknown(id, err);
    } else if (ask.page.job->state == HM_JOB_RUNNING) {
        st = hm_fail_code(err, HM_EBUSY, "plan_running",
                          "the plan is still being worked out: ask again in a moment");
    } else {
        ask.page.job->users++;
        ask.count = pick(ask.page.job, from, limit, only, picked, out_next);
    }
    pthread_mutex_unlock(&plans->lock);
    if (st != HM_OK) {
        return st;
    }
    st = hm_store_read(plans->store, read_picked, &ask, err);
    out_hosts->at = hosts;
    if (st == HM_OK) {
        st = plan_picked(&ask, out_hosts, err);
    }
    pthread_mutex_lock(&plans->lock);
    ask.page.job->users--;
    pthread_mutex_unlock(&plans->lock);
    return st;
}

/* ---- open and close -------------------------------------------------------------------------- */

enum hm_status hm_plans_open(struct hm_store *store, const struct hm_shelf *shelf, unsigned threads,
                             struct hm_plans **out_plans, struct hm_err *err)
{
    struct hm_plans *plans = calloc(1, sizeof(*plans));

    if (plans == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for plans");
    }
    plans->store = store;
    plans->shelf = shelf;
    pthread_mutex_init(&plans->lock, NULL);
    pthread_cond_init(&plans->wake, NULL);
    threads = threads < HM_PLAN_THREADS_MAX ? threads : HM_PLAN_THREADS_MAX;
    while (plans->thread_count < threads) {
        if (pthread_create(&plans->threads[plans->thread_count], NULL, work, plans) != 0) {
            hm_plans_close(plans);
            return hm_fail(err, HM_EIO, "no thread for plans");
        }
        plans->thread_count++;
    }
    *out_plans = plans;
    return HM_OK;
}

void hm_plans_close(struct hm_plans *plans)
{
    if (plans == NULL) {
        return;
    }
    pthread_mutex_lock(&plans->lock);
    plans->stopping = true;
    pthread_cond_broadcast(&plans->wake);
    pthread_mutex_unlock(&plans->lock);
    for (unsigned i = 0; i < plans->thread_count; i++) {
        (void)pthread_join(plans->threads[i], NULL);
    }
    while (plans->jobs != NULL) {
        struct hm_plan_job *job = plans->jobs;

        plans->jobs = job->next;
        free_job(job);
    }
    pthread_cond_destroy(&plans->wake);
    pthread_mutex_destroy(&plans->lock);
    free(plans);
}
