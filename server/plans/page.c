/* server/plans/page.c — some hosts of a plan: read, planned, added to what was found.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/plans/job.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/ports/listener_ranges.h"

/* One that cannot be read is as one that is not there: that host is not known, the others are. */
static enum hm_status read_document(struct hm_session *s, const char *digest,
                                    const struct hm_record *record, struct hm_arena *arena,
                                    void *out, bool *out_has, struct hm_err *err)
{
    struct hm_err bad = {.status = HM_OK};
    const char *text;
    size_t len;
    enum hm_status st = HM_ENOENT;

    *out_has = false;
    if (digest[0] != '\0') {
        st = hm_documents_get(s, digest, arena, &text, &len, err);
    }
    if (st == HM_OK) {
        st = hm_record_decode(record, text, len, false, arena, out, NULL, &bad);
        *out_has = st == HM_OK;
        if (st == HM_ENOMEM) {
            return hm_fail(err, st, "%s", bad.text);
        }
    }
    return st == HM_ENOENT || st == HM_EINVAL || st == HM_ETOOBIG ? HM_OK : st;
}

static enum hm_status read_host(struct hm_session *s, struct hm_plan_page *page, size_t at,
                                struct hm_err *err)
{
    const struct hm_host_row *row = &page->hosts.at[at];
    struct hm_outcome_report report = {.refused = ""};
    bool has;
    enum hm_status st =
        read_document(s, row->outcome_digest, &hm_record_outcome, page->arena, &report, &has, err);

    page->ledgers[at] = has ? report.ledger
                            : (struct hm_ledger){
                                  .exclusions = {NULL, 0}
    };
    page->known[at] = row->inventory_digest[0] != '\0';
    page->idle[at] = page->known[at] && st == HM_OK &&
                     hm_host_plan_is_idle(&page->job->order, row, &page->ledgers[at]);
    if (st == HM_OK && !page->idle[at]) {
        st = read_document(s, row->inventory_digest, &hm_record_inventory, page->arena,
                           &page->inventories[at], &page->known[at], err);
        if (st == HM_OK && page->known[at]) {
            st = hm_listeners_from_rows(&page->inventories[at].listeners, page->arena,
                                        &page->inventories[at].listeners, err);
        }
    }
    if (st == HM_OK && !page->idle[at] && row->blocked > 0) {
        st = read_document(s, row->findings_digest, &hm_record_findings, page->arena,
                           &page->judgements[at], &has, err);
        if (!has) {
            page->judgements[at] = (struct hm_judgement){
                .verdicts = {NULL, 0}
            };
        }
    }
    return st;
}

struct hm_plan_subject hm_plan_page_subject(const struct hm_plan_page *page, size_t at)
{
    const struct hm_verdicts *verdicts = &page->judgements[at].verdicts;

    return (struct hm_plan_subject){&page->hosts.at[at], &page->inventories[at], &page->ledgers[at],
                                    verdicts->count > 0 ? verdicts : NULL};
}

enum hm_status hm_plan_page_read_facts(struct hm_session *s, struct hm_plan_page *page,
                                       struct hm_err *err)
{
    const size_t count = page->hosts.count;
    enum hm_status st = HM_OK;

    page->inventories = hm_arena_alloc(page->arena, count, sizeof(*page->inventories));
    page->ledgers = hm_arena_alloc(page->arena, count, sizeof(*page->ledgers));
    page->judgements = hm_arena_alloc(page->arena, count, sizeof(*page->judgements));
    page->known = hm_arena_alloc(page->arena, count, sizeof(*page->known));
    page->idle = hm_arena_alloc(page->arena, count, sizeof(*page->idle));
    if (page->inventories == NULL || page->ledgers == NULL || page->known == NULL ||
        page->idle == NULL || page->judgements == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a plan");
    }
    for (size_t i = 0; st == HM_OK && i < count; i++) {
        st = read_host(s, page, i, err);
    }
    return st;
}

static enum hm_status read_hosts(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct hm_plan_page *page = arg;

    return hm_hosts_list(s, page->asked, page->arena, &page->hosts, err);
}

static enum hm_status read_page_facts(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_plan_page_read_facts(s, arg, err);
}

static bool is_fetched(struct hm_plans *plans, const struct hm_plan_job *job)
{
    bool fetched;

    pthread_mutex_lock(&plans->lock);
    fetched = job->fetched_all;
    pthread_mutex_unlock(&plans->lock);
    return fetched;
}

static void set_fetched(struct hm_plans *plans, struct hm_plan_job *job)
{
    pthread_mutex_lock(&plans->lock);
    job->fetched_all = true;
    pthread_mutex_unlock(&plans->lock);
}

/* The next hosts in order of id; none at the end. */
static enum hm_status fetch_hosts(struct hm_plan_page *page, struct hm_err *err)
{
    struct hm_plan_job *job = page->job;
    const struct hm_page asked = {
        .where = job->where, .after = job->after, .limit = HM_PLAN_PAGE_HOSTS};
    enum hm_status st = HM_OK;

    pthread_mutex_lock(&job->page_lock);
    if (!is_fetched(page->plans, job)) {
        page->asked = &asked;
        st = hm_store_read(page->plans->store, read_hosts, page, err);
        if (st == HM_OK && page->hosts.count > HM_PLAN_PAGE_HOSTS) {
            page->hosts.count = HM_PLAN_PAGE_HOSTS; /* one more tells that there is more */
            (void)hm_str_copy(job->after, sizeof(job->after),
                              page->hosts.at[HM_PLAN_PAGE_HOSTS - 1].id);
        } else {
            set_fetched(page->plans, job);
        }
    }
    pthread_mutex_unlock(&job->page_lock);
    return st;
}

/* ---- what a page adds to the job ------------------------------------------------------------- */

static void count_host(struct hm_api_plan_counts *counts, const struct hm_host_plan *plan)
{
    const struct {
        unsigned is;
        uint64_t *count;
    } rows[] = {
        {HM_PLAN_CHANGED, &counts->changed      },
        {HM_PLAN_THERE,   &counts->already_there},
        {HM_PLAN_TAKEN,   &counts->taken        },
        {HM_PLAN_BUSY,    &counts->busy         },
        {HM_PLAN_REFUSED, &counts->refused      },
        {HM_PLAN_WAITING, &counts->waiting      },
        {HM_PLAN_REBOOT,  &counts->needs_reboot },
        {HM_PLAN_BETTER,  &counts->better       },
        {HM_PLAN_WORSE,   &counts->worse        },
    };

    counts->matched++;
    counts->actions += plan->plan.actions.count;
    for (size_t i = 0; i < plan->plan.actions.count; i++) {
        const struct hm_action *action = &plan->plan.actions.at[i];

        counts->removals += action->kind == HM_ACTION_REMOVE_EXCLUSION || action->restores ? 1 : 0;
    }
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        *rows[i].count += (plan->is & rows[i].is) != 0 ? 1 : 0;
    }
}

struct result {
    struct hm_api_plan_counts counts;
    unsigned char sum[HM_DIGEST_BYTES];
    struct hm_plan_row rows[HM_PLAN_PAGE_HOSTS];
    size_t row_count;
};

static enum hm_status add_digest(struct result *result, const char *id,
                                 const struct hm_host_plan *plan, struct hm_err *err)
{
    unsigned char digest[HM_DIGEST_BYTES];
    struct hm_buf text;
    enum hm_status st;

    hm_buf_init(&text, HM_LIMIT_REPLY_BYTES);
    (void)hm_buf_puts(&text, id);
    st = hm_record_encode(&hm_record_plan, &plan->plan, &text, err);
    for (size_t i = 0; i < plan->verdicts.count; i++) {
        const struct hm_api_verdict_change *change = &plan->verdicts.at[i];

        (void)hm_buf_printf(&text, "\n%s %s %s %s", change->product, change->requirement,
                            change->before, change->after);
    }
    if (st == HM_OK) {
        st = hm_buf_status(&text, err);
    }
    if (st == HM_OK) {
        hm_digest(text.data, text.len, digest);
        for (size_t i = 0; i < HM_DIGEST_BYTES; i++) {
            result->sum[i] = (unsigned char)(result->sum[i] + digest[i]);
        }
    }
    hm_buf_fini(&text);
    return st;
}

static enum hm_status plan_hosts(struct hm_plan_page *page, struct result *result,
                                 struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < page->hosts.count; i++) {
        const struct hm_host_row *row = &page->hosts.at[i];
        const struct hm_plan_subject subject = hm_plan_page_subject(page, i);
        struct hm_host_plan plan = {.matched = false};
        struct hm_plan_row *put = &result->rows[result->row_count];

        result->counts.hosts++;
        if (page->idle[i]) {
            continue;
        }
        if (!page->known[i]) {
            result->counts.facts_missing++;
            continue;
        }
        st = hm_host_plan(&page->job->order, &subject, page->arena, &plan, err);
        if (st == HM_OK && plan.matched) {
            count_host(&result->counts, &plan);
            st = add_digest(result, row->id, &plan, err);
            put->name = row->name;
            put->is = plan.is;
            (void)hm_str_copy(put->id, sizeof(put->id), row->id);
            result->row_count++;
        }
    }
    return st;
}

/* The struct is counters and nothing else. */
static void add_counts(struct hm_api_plan_counts *to, const struct hm_api_plan_counts *from)
{
    uint64_t *sums = (uint64_t *)to;
    const uint64_t *parts = (const uint64_t *)from;

    for (size_t i = 0; i < sizeof(*to) / sizeof(*sums); i++) {
        sums[i] += parts[i];
    }
}

static enum hm_status merge(struct hm_plan_job *job, const struct result *result,
                            struct hm_err *err)
{
    add_counts(&job->counts, &result->counts);
    for (size_t i = 0; i < HM_DIGEST_BYTES; i++) {
        job->sum[i] = (unsigned char)(job->sum[i] + result->sum[i]);
    }
    for (size_t i = 0; i < result->row_count; i++) {
        struct hm_plan_row row = result->rows[i];

        row.name = hm_arena_strdup(&job->rows_arena, row.name);
        if (row.name == NULL || hm_arena_grow(&job->rows_arena, (void **)&job->rows, job->row_count,
                                              &job->row_room, sizeof(*job->rows)) != 0) {
            return hm_fail(err, HM_ENOMEM, "no memory for so many hosts: give a filter");
        }
        job->rows[job->row_count++] = row;
    }
    return HM_OK;
}

/* *out_more: there may be another page. */
enum hm_status hm_plan_job_run_page(struct hm_plans *plans, struct hm_plan_job *job,
                                    struct hm_arena *arena, bool *out_more, struct hm_err *err)
{
    struct hm_plan_page page = {.plans = plans, .job = job, .arena = arena};
    struct result *result = calloc(1, sizeof(*result));
    enum hm_status st = HM_OK;

    if (result == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a plan");
    }
    st = fetch_hosts(&page, err);
    *out_more = st == HM_OK && page.hosts.count > 0;
    if (*out_more) {
        st = hm_store_read(plans->store, read_page_facts, &page, err);
    }
    if (st == HM_OK && *out_more) {
        st = plan_hosts(&page, result, err);
    }
    if (st == HM_OK && *out_more) {
        pthread_mutex_lock(&plans->lock);
        st = merge(job, result, err);
        pthread_mutex_unlock(&plans->lock);
    }
    hm_arena_reset(arena);
    free(result);
    return st;
}
