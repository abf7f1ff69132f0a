/* server/api/lint.c — POST /v1/lint: what is wrong with a policy that is not there yet.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api.h"

#include "server/api/listing.h"
#include "server/api/policy_detail.h"
#include "server/catalogue/shelf.h"
#include "server/policy/review.h"

struct ask {
    struct hm_req *req;
    struct hm_policy policy;
    struct hm_lint_problems problems;
};

static enum hm_status look(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct ask *ask = arg;
    const struct hm_app *app = ask->req->app;

    return hm_policy_review(session, &ask->policy, hm_shelf_catalogue(app->shelf), ask->req->now_ms,
                            ask->req->arena, &ask->problems, err);
}

enum hm_status hm_api_lint_post(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    const struct hm_app *app = req->app;
    struct ask ask = {.req = req};
    struct hm_api_lint out;
    enum hm_status st = hm_params_only(req, NULL, 0, err);

    if (st == HM_OK) {
        st = hm_req_record(req, &hm_record_policy, &ask.policy, err);
    }
    if (st == HM_OK) {
        st = hm_store_read(app->store, look, &ask, err);
    }
    if (st == HM_OK) {
        st = hm_api_lint_of(&ask.problems, req->arena, &out.problems, err);
    }
    return st == HM_OK ? hm_reply_record(reply, &hm_record_api_lint, &out, err) : st;
}
