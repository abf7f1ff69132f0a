/* server/plans/order.c — what is asked, and what is live, as a plan's order.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "server/plans/job.h"
#include "server/store/entities_policy.h"
#include "server/store/filter.h"

#define LIVE ((1u << HM_REVISION_ACTIVE) | (1u << HM_REVISION_PAUSED))

struct start {
    struct hm_plan_job *job;
    const struct hm_plan_wish *wish;
};

static enum hm_status decode_policy(struct hm_arena *arena, const char *document, size_t len,
                                    struct hm_policy **out_policy, struct hm_err *err)
{
    struct hm_policy *policy = hm_arena_alloc(arena, 1, sizeof(*policy));
    enum hm_status st;

    if (policy == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a plan");
    }
    st = hm_record_decode(&hm_record_policy, document, len, true, arena, policy, NULL, err);
    if (st == HM_OK) {
        *out_policy = policy;
    }
    return st;
}

static enum hm_status read_wished(struct start *start, struct hm_err *err)
{
    struct hm_plan_order *order = &start->job->order;
    const char *document = start->wish->document;
    struct hm_policy *policy = NULL;
    enum hm_status st;

    if (document[0] == '\0') {
        return HM_OK;
    }
    st = decode_policy(&start->job->order_arena, document, strlen(document), &policy, err);
    if (st == HM_OK && start->wish->retire) {
        policy->mode = HM_POLICY_RETIRE;
    }
    if (st == HM_OK) {
        st = hm_policy_check(policy, err);
    }
    if (st == HM_OK) {
        order->policy = policy;
    }
    return st;
}

static enum hm_status read_live(struct hm_session *s, struct start *start, struct hm_err *err)
{
    struct hm_arena *arena = &start->job->order_arena;
    struct hm_plan_order *order = &start->job->order;
    struct hm_revision_rows rows;
    enum hm_status st = hm_revisions_in(s, LIVE, arena, &rows, err);

    if (st == HM_OK) {
        order->live.at = hm_arena_alloc(arena, rows.count, sizeof(*order->live.at));
        if (order->live.at == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for a plan");
        }
    }
    for (size_t i = 0; st == HM_OK && i < rows.count; i++) {
        const char *document = rows.at[i].document;
        struct hm_err bad = {.status = HM_OK};
        struct hm_policy *policy = NULL;

        st = decode_policy(arena, document, strlen(document), &policy, &bad);
        if (st == HM_ENOMEM) {
            return hm_fail(err, st, "%s", bad.text);
        }
        if (st != HM_OK) { /* nobody is offered it, so it is no part of a plan either */
            hm_err_prefix(&bad, "policy %s revision %u", rows.at[i].policy, rows.at[i].revision);
            hm_log_failure(HM_LOG_ERROR, "policy_not_planned", &bad);
            st = HM_OK;
        } else if (order->policy != NULL && strcmp(order->policy->name, policy->name) == 0) {
            order->was = policy;
        } else {
            order->live.at[order->live.count++] = policy;
        }
    }
    return st;
}

static enum hm_status read_scope(struct hm_session *s, struct start *start, struct hm_err *err)
{
    const struct hm_plan_wish *wish = start->wish;
    struct hm_plan_job *job = start->job;
    struct hm_value *value = hm_arena_alloc(&job->order_arena, 1, sizeof(*value));
    const char *filter = hm_arena_strdup(&job->order_arena, wish->filter);
    struct hm_host_row row;
    enum hm_status st;

    if (value == NULL || filter == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a plan");
    }
    if (wish->host[0] == '\0') {
        return hm_filter_compile(&hm_filter_hosts, filter[0] == '\0' ? NULL : filter, wish->now_ms,
                                 &job->order_arena, &job->where, err);
    }
    st = hm_hosts_get(s, wish->host, &job->order_arena, &row, err);
    if (st == HM_OK) {
        *value = hm_value_text(row.id);
        job->where = (struct hm_where){.sql = "id=$1", .values = value, .count = 1};
    }
    return st;
}

static enum hm_status read_order(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct start *start = arg;
    enum hm_status st = read_wished(start, err);

    if (st == HM_OK) {
        st = read_live(s, start, err);
    }
    return st == HM_OK ? read_scope(s, start, err) : st;
}

enum hm_status hm_plan_job_read(struct hm_plans *plans, const struct hm_plan_wish *wish,
                                struct hm_plan_job *job, struct hm_err *err)
{
    struct start start = {.job = job, .wish = wish};

    return hm_store_read(plans->store, read_order, &start, err);
}
