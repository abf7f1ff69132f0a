/* server/api/compliance.c — how far hosts are with policies: the rows, and their counts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/wire/records_policies.h"
#include "server/api/listing.h"
#include "server/api/records.h"

/* ---- GET /v1/host-policies ------------------------------------------------------------------ */

static const struct hm_listing listing = {.name = "host_policies",
                                          .filter = &hm_filter_host_policies};

struct ask_list {
    struct hm_req *req;
    struct hm_page page;
    struct hm_host_policy_rows rows;
};

static enum hm_status read_list(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct ask_list *ask = arg;

    return hm_host_policies_list(session, &ask->page, ask->req->now_ms, ask->req->arena, &ask->rows,
                                 err);
}

enum hm_status hm_api_host_policies_list(struct hm_req *req, struct hm_reply *reply,
                                         struct hm_err *err)
{
    const struct hm_app *app = req->app;
    struct ask_list ask = {.req = req};
    struct hm_api_host_policies out = {.next = ""};
    enum hm_status st = hm_listing_page(req, &listing, &ask.page, err);

    if (st == HM_OK) {
        st = hm_store_read(app->store, read_list, &ask, err);
    }
    if (st != HM_OK) {
        return st;
    }
    out.items.count = ask.rows.count < ask.page.limit ? ask.rows.count : ask.page.limit;
    out.items.at = hm_arena_alloc(req->arena, out.items.count, sizeof(*out.items.at));
    if (ask.rows.count > ask.page.limit) {
        out.next = hm_listing_next_number(req, &listing, ask.rows.at[ask.page.limit - 1].id);
    }
    if (out.items.at == NULL || out.next == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list");
    }
    for (size_t i = 0; st == HM_OK && i < out.items.count; i++) {
        st = hm_api_host_policy_of(app, &ask.rows.at[i], req->now_ms, req->arena, &out.items.at[i],
                                   err);
    }
    return st == HM_OK ? hm_reply_record(reply, &hm_record_api_host_policies, &out, err) : st;
}

/* ---- GET /v1/compliance --------------------------------------------------------------------- */

struct ask_counts {
    struct hm_req *req;
    const char *policy;             /* NULL = every one */
    const char *label;              /* NULL = no grouping */
    struct hm_compliance_rows all;  /* the fleet, then every policy */
    struct hm_compliance_rows rows; /* what was asked for */
};

static enum hm_status read_counts(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct ask_counts *ask = arg;
    struct hm_arena *arena = ask->req->arena;
    const struct hm_compliance_question whole = {.fleet = true, .now_ms = ask->req->now_ms};
    const struct hm_compliance_question part = {
        .policy = ask->policy, .label = ask->label, .now_ms = ask->req->now_ms};
    enum hm_status st = hm_compliance_count(session, &whole, arena, &ask->all, err);

    if (st == HM_OK && (ask->policy != NULL || ask->label != NULL)) {
        st = hm_compliance_count(session, &part, arena, &ask->rows, err);
    }
    if (st == HM_OK && ask->policy != NULL && ask->rows.count == 0) {
        struct hm_policy_row row; /* offered to nobody, or none at all? */

        st = hm_policies_get(session, ask->policy, arena, &row, err);
    }
    return st;
}

static struct hm_api_compliance_row row_of(const struct hm_compliance_row *row)
{
    return (struct hm_api_compliance_row){
        .policy = row->policy,
        .group = row->group,
        .hosts = row->hosts,
        .compliant = row->compliant,
        .pending = row->pending,
        .noncompliant = row->noncompliant,
        .unknown = row->unknown,
        .excepted = row->excepted,
        .audit = row->audit,
        .failing_since = row->failing_since_ms,
    };
}

static enum hm_status fill_counts(struct hm_req *req, const struct ask_counts *ask,
                                  struct hm_api_compliance *out, struct hm_err *err)
{
    bool whole = ask->policy == NULL && ask->label == NULL;
    const struct hm_compliance_rows *rows = whole ? &ask->all : &ask->rows;
    struct hm_api_compliance_list *items = &out->items;

    items->at = hm_arena_alloc(req->arena, rows->count, sizeof(*items->at));
    if (items->at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the counts");
    }
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->at[i].policy[0] != '\0') {
            items->at[items->count++] = row_of(&rows->at[i]);
        }
    }
    if (items->count > HM_LIMIT_PAGE_ROWS) {
        return hm_fail_code(err, HM_ETOOBIG, "too_many_groups",
                            "these are %zu counts, at most %u are given: ask for one policy, or "
                            "for a label with fewer values",
                            items->count, HM_LIMIT_PAGE_ROWS);
    }
    out->fleet = (struct hm_api_compliance_row){.policy = "", .group = ""};
    if (ask->all.count > 0 && ask->all.at[0].policy[0] == '\0') {
        out->fleet = row_of(&ask->all.at[0]);
    }
    return HM_OK;
}

enum hm_status hm_api_compliance_get(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    static const char *const names[] = {"policy", "label"};
    const struct hm_app *app = req->app;
    struct ask_counts ask = {
        .req = req, .policy = hm_req_query(req, "policy"), .label = hm_req_query(req, "label")};
    struct hm_api_compliance out = {.at = req->now_ms};
    enum hm_status st = hm_params_only(req, names, HM_COUNT(names), err);

    if (st == HM_OK && ((ask.policy != NULL && ask.policy[0] == '\0') ||
                        (ask.label != NULL && ask.label[0] == '\0'))) {
        st = hm_fail_code(err, HM_EINVAL, "bad_parameter",
                          "policy and label name something: leave them out for everything");
    }
    if (st == HM_OK) {
        st = hm_store_read(app->store, read_counts, &ask, err);
    }
    if (st == HM_OK) {
        st = fill_counts(req, &ask, &out, err);
    }
    return st == HM_OK ? hm_reply_record(reply, &hm_record_api_compliance, &out, err) : st;
}
