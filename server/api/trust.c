/* server/api/trust.c — GET and POST /v1/trust: the fleet's id, and whose signatures count.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The next root counts because the threshold of the one before it signed it; the role admin alone
 * changes nothing but the first. */
#include "server/api/api.h"

#include "common/base/limits.h"
#include "server/api/change.h"
#include "server/api/listing.h"
#include "server/api/policy_detail.h"
#include "server/api/records.h"
#include "server/policy/trust.h"
#include "server/rollout/rollout.h"

struct ask {
    struct hm_req *req;
    struct hm_trust_now trust;
};

static enum hm_status read_trust(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct ask *ask = arg;

    return hm_trust_now(session, ask->req->now_ms, ask->req->arena, &ask->trust, err);
}

static enum hm_status answer(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    const struct hm_app *app = req->app;
    struct ask ask = {.req = req};
    struct hm_api_trust out = {.version = 0};
    enum hm_status st = hm_store_read(app->store, read_trust, &ask, err);

    if (st != HM_OK) {
        return st;
    }
    out.fleet = ask.trust.fleet;
    if (ask.trust.has_root) {
        out.version = ask.trust.root.version;
        out.threshold = ask.trust.root.threshold;
        out.single_operator = ask.trust.root.single_operator;
        out.approvers = ask.trust.root.approvers;
    }
    out.roots.at = hm_arena_alloc(req->arena, ask.trust.rows.count, sizeof(*out.roots.at));
    if (out.roots.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the trust roots");
    }
    for (; st == HM_OK && out.roots.count < ask.trust.rows.count; out.roots.count++) {
        st = hm_envelope_read(ask.trust.rows.at[out.roots.count].envelope, req->arena,
                              &out.roots.at[out.roots.count], err);
    }
    return st == HM_OK ? hm_reply_record(reply, &hm_record_api_trust, &out, err) : st;
}

enum hm_status hm_api_trust_get(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    enum hm_status st = hm_params_only(req, NULL, 0, err);

    return st == HM_OK ? answer(req, reply, err) : st;
}

/* ---- the next root --------------------------------------------------------------------------- */

struct turning {
    struct hm_app *app;
    struct hm_arena *arena;
    struct hm_envelope envelope;
    struct hm_event event;
};

static enum hm_status run_turning(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct turning *turning = arg;

    return hm_trust_turn(session, &turning->envelope, &turning->event, turning->arena, err);
}

static void turning_committed(void *data)
{
    const struct turning *turning = data;

    if (turning->app->rollout != NULL) {
        hm_rollout_refresh(turning->app->rollout);
    }
}

enum hm_status hm_api_trust_post(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    static const char *const names[] = {"why"};
    struct hm_app *app = req->app;
    struct turning *turning;
    struct hm_change *change;
    enum hm_status st = hm_params_only(req, names, HM_COUNT(names), err);

    (void)reply;
    if (st != HM_OK) {
        return st;
    }
    change = hm_change_new(sizeof(*turning));
    if (change == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the change");
    }
    turning = hm_change_data(change);
    turning->app = app;
    turning->arena = hm_change_arena(change);
    turning->event =
        hm_api_event_by(req, turning->arena, "trust_changed", hm_req_query(req, "why"));
    st = hm_req_record(req, &hm_record_envelope, &turning->envelope, err);
    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_envelope, req->body, req->body_len, true, turning->arena,
                              &turning->envelope, NULL, err);
    }
    if (st != HM_OK) {
        hm_change_free(change);
        return st;
    }
    hm_change_set_bytes(change, req->body_len);
    return hm_change_submit(change, req, app->store, run_turning, turning_committed, answer, err);
}
