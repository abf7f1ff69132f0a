/* server/api/exceptions.c — hosts that may deviate: list, make, revoke.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Somebody answers for each, by name, and until a day: there is no exception for ever. */
#include "server/api/api.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/wire/records_policies.h"
#include "server/api/change.h"
#include "server/api/listing.h"
#include "server/api/records.h"

#define LONGEST_MS (366 * INT64_C(86400000))
#define ACTOR_PREFIX "token "

static const struct hm_listing listing = {.name = "exceptions", .filter = &hm_filter_exceptions};

struct ask {
    struct hm_req *req;
    struct hm_page page;
    struct hm_exception_rows rows;
};

static enum hm_status read_rows(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct ask *ask = arg;

    return hm_exceptions_list(session, &ask->page, ask->req->arena, &ask->rows, err);
}

static struct hm_api_exception exception_of(const struct hm_exception_row *row)
{
    return (struct hm_api_exception){
        .id = row->id,
        .policy = row->policy,
        .host_id = row->host_id,
        .host = row->host_name,
        .reason = row->reason,
        .approver = row->approver,
        .created = row->created_ms,
        .expires = row->expires_ms,
        .revoked = row->revoked,
    };
}

enum hm_status hm_api_exceptions_list(struct hm_req *req, struct hm_reply *reply,
                                      struct hm_err *err)
{
    const struct hm_app *app = req->app;
    struct ask ask = {.req = req};
    struct hm_api_exceptions out = {.next = ""};
    enum hm_status st = hm_listing_page(req, &listing, &ask.page, err);

    if (st == HM_OK) {
        st = hm_store_read(app->store, read_rows, &ask, err);
    }
    if (st != HM_OK) {
        return st;
    }
    out.items.count = ask.rows.count < ask.page.limit ? ask.rows.count : ask.page.limit;
    out.items.at = hm_arena_alloc(req->arena, out.items.count, sizeof(*out.items.at));
    if (ask.rows.count > ask.page.limit) {
        out.next = hm_listing_next(req, &listing, ask.rows.at[ask.page.limit - 1].id);
    }
    if (out.items.at == NULL || out.next == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list");
    }
    for (size_t i = 0; i < out.items.count; i++) {
        out.items.at[i] = exception_of(&ask.rows.at[i]);
    }
    return hm_reply_record(reply, &hm_record_api_exceptions, &out, err);
}

/* ---- make ---------------------------------------------------------------------------------- */

struct making {
    struct hm_arena *arena;
    const char *host; /* id or name */
    char id[HM_ID_TEXT_BYTES];
    struct hm_exception_row row;
    struct hm_event event;
};

static bool is_blank(const char *text)
{
    return hm_str_trim(text, strlen(text)).len == 0;
}

static enum hm_status check_new(const struct hm_req *req, const struct hm_api_exception_new *ask,
                                struct hm_err *err)
{
    if (is_blank(ask->reason)) {
        return hm_fail_code(err, HM_EINVAL, "no_reason", "an exception needs a reason");
    }
    if (ask->expires <= req->now_ms) {
        return hm_fail_code(err, HM_EINVAL, "bad_expiry", "expires: that is past already");
    }
    if (ask->expires > req->now_ms + LONGEST_MS) {
        return hm_fail_code(err, HM_EINVAL, "bad_expiry",
                            "expires: at most 366 days ahead; make a new one then");
    }
    return HM_OK;
}

static enum hm_status run_making(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct making *making = arg;
    char until[HM_TIME_TEXT_BYTES];
    struct hm_policy_row policy;
    struct hm_host_row host;
    enum hm_status st = HM_OK;

    if (making->row.policy[0] != '\0') {
        st = hm_policies_get(session, making->row.policy, making->arena, &policy, err);
    }
    if (st == HM_OK) {
        st = hm_hosts_get(session, making->host, making->arena, &host, err);
    }
    if (st != HM_OK) {
        return st;
    }
    making->row.host_id = host.id;
    making->row.host_name = host.name;
    making->event.host_id = host.id;
    making->event.host_name = host.name;
    making->event.after =
        hm_arena_printf(making->arena, "exception %s from %s until %s", making->row.id,
                        making->row.policy[0] != '\0' ? making->row.policy : "every policy",
                        hm_clock_format(making->row.expires_ms, until));
    if (making->event.after == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the event");
    }
    st = hm_exceptions_put(session, &making->row, err);
    return st == HM_OK ? hm_events_append(session, &making->event, err) : st;
}

static enum hm_status answer_making(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct making *making = req->state;
    struct hm_api_exception out = exception_of(&making->row);
    enum hm_status st = hm_reply_record(reply, &hm_record_api_exception, &out, err);

    if (st == HM_OK) {
        reply->status = 201;
        reply->location = hm_arena_printf(req->arena, "/v1/exceptions/%s", making->id);
    }
    return st;
}

/* Texts outlive the request. */
static enum hm_status fill_making(struct making *making, const struct hm_req *req,
                                  const struct hm_api_exception_new *ask, struct hm_arena *arena,
                                  struct hm_err *err)
{
    const char *who = req->who.name;

    if (strncmp(who, ACTOR_PREFIX, strlen(ACTOR_PREFIX)) == 0) {
        who += strlen(ACTOR_PREFIX);
    }
    hm_id_new(req->now_ms, making->id);
    making->arena = arena;
    making->host = hm_arena_strdup(arena, ask->host);
    making->row = (struct hm_exception_row){
        .id = making->id,
        .policy = hm_arena_strdup(arena, ask->policy),
        .reason = hm_arena_strdup(arena, ask->reason),
        .approver = hm_arena_strdup(arena, who),
        .created_ms = req->now_ms,
        .expires_ms = ask->expires,
    };
    making->event = hm_api_event_by(req, arena, "exception_made", ask->reason);
    if (making->host == NULL || making->row.policy == NULL || making->row.reason == NULL ||
        making->row.approver == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the exception");
    }
    return HM_OK;
}

enum hm_status hm_api_exceptions_post(struct hm_req *req, struct hm_reply *reply,
                                      struct hm_err *err)
{
    const struct hm_app *app = req->app;
    struct hm_api_exception_new ask;
    struct hm_change *change;
    enum hm_status st = hm_params_only(req, NULL, 0, err);

    (void)reply;
    if (st == HM_OK) {
        st = hm_req_record(req, &hm_record_api_exception_new, &ask, err);
    }
    if (st == HM_OK) {
        st = check_new(req, &ask, err);
    }
    if (st != HM_OK) {
        return st;
    }
    change = hm_change_new(sizeof(struct making));
    if (change == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the exception");
    }
    st = fill_making(hm_change_data(change), req, &ask, hm_change_arena(change), err);
    if (st != HM_OK) {
        hm_change_free(change);
        return st;
    }
    return hm_change_submit(change, req, app->store, run_making, NULL, answer_making, err);
}

/* ---- revoke -------------------------------------------------------------------------------- */

struct revoking {
    struct hm_arena *arena;
    const char *id;
    struct hm_event event;
};

static enum hm_status run_revoking(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct revoking *revoking = arg;
    struct hm_exception_row row;
    enum hm_status st = hm_exceptions_get(session, revoking->id, revoking->arena, &row, err);

    if (st != HM_OK || row.revoked) {
        return st; /* revoked before: what was asked for is so */
    }
    row.revoked = true;
    st = hm_exceptions_put(session, &row, err);
    if (st != HM_OK) {
        return st;
    }
    revoking->event.host_id = row.host_id;
    revoking->event.host_name = row.host_name;
    revoking->event.before =
        hm_arena_printf(revoking->arena, "exception %s from %s, of %s", row.id,
                        row.policy[0] != '\0' ? row.policy : "every policy", row.approver);
    if (revoking->event.before == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the event");
    }
    return hm_events_append(session, &revoking->event, err);
}

static enum hm_status answer_revoking(struct hm_req *req, struct hm_reply *reply,
                                      struct hm_err *err)
{
    (void)req;
    (void)err;
    reply->status = 204;
    return HM_OK;
}

enum hm_status hm_api_exceptions_delete(struct hm_req *req, struct hm_reply *reply,
                                        struct hm_err *err)
{
    static const char *const names[] = {"why"};
    const struct hm_app *app = req->app;
    struct hm_change *change;
    struct revoking *revoking;
    enum hm_status st = hm_params_only(req, names, HM_COUNT(names), err);

    (void)reply;
    if (st != HM_OK) {
        return st;
    }
    change = hm_change_new(sizeof(struct revoking));
    if (change == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the change");
    }
    revoking = hm_change_data(change);
    revoking->arena = hm_change_arena(change);
    revoking->id = hm_arena_strdup(revoking->arena, req->path_arg[0]);
    revoking->event =
        hm_api_event_by(req, revoking->arena, "exception_revoked", hm_req_query(req, "why"));
    if (revoking->id == NULL) {
        hm_change_free(change);
        return hm_fail(err, HM_ENOMEM, "no memory for the change");
    }
    return hm_change_submit(change, req, app->store, run_revoking, NULL, answer_revoking, err);
}
