/* server/api/policy_acts.c — submit, approve, reject, activate, pause, resume, retire, withdraw.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Roles keep people out of each other's way; what protects hosts are the signatures. */
#include "server/api/api.h"

#include <string.h>

#include "server/api/change.h"
#include "server/api/listing.h"
#include "server/api/policy_detail.h"
#include "server/api/records.h"
#include "server/catalogue/shelf.h"
#include "server/rollout/rollout.h"

#define TOKEN "token " /* before an operator's name in struct hm_principal */

enum hm_status hm_api_act_by(const struct hm_req *req, struct hm_arena *arena, const char *why,
                             bool *out_live, struct hm_act_by *out_by, struct hm_err *err)
{
    const struct hm_app *app = req->app;
    const char *name = req->who.name;

    if (strncmp(name, TOKEN, strlen(TOKEN)) == 0) {
        name += strlen(TOKEN);
    }
    *out_by = (struct hm_act_by){
        .event = hm_api_event_by(req, arena, "", why),
        .operator_name = hm_arena_strdup(arena, name),
        .catalogue = hm_shelf_catalogue(app->shelf),
        .arena = arena,
        .out_live = out_live,
    };
    return out_by->operator_name == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the change")
                                         : HM_OK;
}

struct acting {
    struct hm_app *app;
    struct hm_act_by by;
    const char *name;
    enum hm_act act;
    struct hm_api_policy_act ask;
    bool live;
};

static enum hm_status run_acting(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct acting *acting = arg;

    return hm_policy_do(session, &acting->by, acting->name, acting->act, &acting->ask, err);
}

static void acting_committed(void *data)
{
    const struct acting *acting = data;

    if (acting->live && acting->app->rollout != NULL) {
        hm_rollout_refresh(acting->app->rollout);
    }
}

static enum hm_status answer_acting(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    return hm_api_policy_answer(req, reply, ((const struct acting *)req->state)->name, err);
}

/* Decoded again into the change's arena: the request may be gone before the writer is done. */
static enum hm_status fill_acting(struct acting *acting, struct hm_req *req, enum hm_act act,
                                  struct hm_arena *arena, struct hm_err *err)
{
    enum hm_status st = hm_req_record(req, &hm_record_api_policy_act, &acting->ask, err);

    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_api_policy_act, req->body, req->body_len, true, arena,
                              &acting->ask, NULL, err);
    }
    if (st == HM_OK) {
        acting->app = req->app;
        acting->act = act;
        acting->name = hm_arena_strdup(arena, req->path_arg[0]);
        st = acting->name == NULL
                 ? hm_fail(err, HM_ENOMEM, "no memory for the change")
                 : hm_api_act_by(req, arena, acting->ask.comment, &acting->live, &acting->by, err);
    }
    return st;
}

static enum hm_status act_on(struct hm_req *req, enum hm_act act, struct hm_err *err)
{
    struct hm_app *app = req->app;
    struct hm_change *change;
    enum hm_status st = hm_params_only(req, NULL, 0, err);

    if (st != HM_OK) {
        return st;
    }
    change = hm_change_new(sizeof(struct acting));
    if (change == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the change");
    }
    st = fill_acting(hm_change_data(change), req, act, hm_change_arena(change), err);
    if (st != HM_OK) {
        hm_change_free(change);
        return st;
    }
    hm_change_set_bytes(change, req->body_len);
    return hm_change_submit(change, req, app->store, run_acting, acting_committed, answer_acting,
                            err);
}

enum hm_status hm_api_policy_submit(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)reply;
    return act_on(req, HM_ACT_SUBMIT, err);
}

enum hm_status hm_api_policy_approve(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)reply;
    return act_on(req, HM_ACT_APPROVE, err);
}

enum hm_status hm_api_policy_reject(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)reply;
    return act_on(req, HM_ACT_REJECT, err);
}

enum hm_status hm_api_policy_activate(struct hm_req *req, struct hm_reply *reply,
                                      struct hm_err *err)
{
    (void)reply;
    return act_on(req, HM_ACT_ACTIVATE, err);
}

enum hm_status hm_api_policy_pause(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)reply;
    return act_on(req, HM_ACT_PAUSE, err);
}

enum hm_status hm_api_policy_resume(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)reply;
    return act_on(req, HM_ACT_RESUME, err);
}

enum hm_status hm_api_policy_retire(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)reply;
    return act_on(req, HM_ACT_RETIRE, err);
}

enum hm_status hm_api_policy_withdraw(struct hm_req *req, struct hm_reply *reply,
                                      struct hm_err *err)
{
    (void)reply;
    return act_on(req, HM_ACT_WITHDRAW, err);
}
