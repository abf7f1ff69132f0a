/* server/api/tokens.c — join and operator tokens: list, make (shown once), revoke.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whoever may use these routes (role operator) may make and revoke join tokens; operator tokens
 * are for admins. */
#include "server/api/api.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/crypto/secret.h"
#include "server/api/access.h"
#include "server/api/change.h"
#include "server/api/labels.h"
#include "server/api/listing.h"
#include "server/api/records.h"

#define JOIN_VALID_S 3600u

static const struct hm_listing listing = {.name = "tokens", .filter = &hm_filter_tokens};

struct ask {
    struct hm_req *req;
    struct hm_page page;
    struct hm_token_rows rows;
};

static enum hm_status read_rows(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct ask *ask = arg;

    return hm_tokens_list(session, &ask->page, ask->req->arena, &ask->rows, err);
}

enum hm_status hm_api_tokens_list(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_app *app = req->app;
    struct ask ask = {.req = req};
    struct hm_api_tokens out = {.next = ""};
    enum hm_status st;
    size_t i;

    st = hm_listing_page(req, &listing, &ask.page, err);
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
    for (i = 0; i < out.items.count; i++) {
        out.items.at[i] = hm_api_token_of(&ask.rows.at[i]);
    }
    return hm_reply_record(reply, &hm_record_api_tokens, &out, err);
}

/* ---- make ---------------------------------------------------------------------------------- */

struct making {
    struct hm_app *app;
    struct hm_token token;
    struct hm_token_row row;
    struct hm_event event;
};

static enum hm_status need_admin(const struct hm_req *req, struct hm_err *err)
{
    return req->who.role >= HM_ROLE_ADMIN
               ? HM_OK
               : hm_fail_code(err, HM_EDENIED, "forbidden",
                              "operator tokens are made and revoked by the role admin; yours is %s",
                              hm_role_names[req->who.role]);
}

static bool is_operator_role(const char *name)
{
    int role;

    for (role = HM_ROLE_VIEWER; role <= HM_ROLE_ADMIN; role++) {
        if (strcmp(hm_role_names[role], name) == 0) {
            return true;
        }
    }
    return false;
}

static enum hm_status check_join(const struct hm_api_token_new *ask, struct hm_err *err)
{
    if (ask->role[0] != '\0') {
        return hm_fail_code(err, HM_EINVAL, "bad_token", "a join token has no role");
    }
    return hm_labels_check(&ask->labels, err);
}

static enum hm_status check_operator(const struct hm_req *req, const struct hm_api_token_new *ask,
                                     struct hm_err *err)
{
    if (ask->labels.count > 0 || ask->uses > 0) {
        return hm_fail_code(err, HM_EINVAL, "bad_token",
                            "labels and uses are for join tokens only");
    }
    if (!is_operator_role(ask->role)) {
        return hm_fail_code(err, HM_EINVAL, "bad_role",
                            "role is one of viewer, author, approver, operator, admin");
    }
    return need_admin(req, err);
}

static enum hm_status check_new(const struct hm_req *req, const struct hm_api_token_new *ask,
                                struct hm_err *err)
{
    const char *at;

    for (at = ask->name; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20u || *at == 0x7f) {
            return hm_fail_code(err, HM_EINVAL, "bad_name", "the name has control characters");
        }
    }
    if (strcmp(ask->kind, "join") == 0) {
        return check_join(ask, err);
    }
    if (strcmp(ask->kind, "operator") == 0) {
        return check_operator(req, ask, err);
    }
    return hm_fail_code(err, HM_EINVAL, "bad_token", "kind is join or operator");
}

/* The strings outlive the request's arena. */
static bool copy_labels(struct hm_arena *arena, const struct hm_strings *labels,
                        struct hm_strings *out)
{
    size_t i;

    out->count = labels->count;
    out->at = hm_arena_alloc(arena, labels->count, sizeof(*out->at));
    for (i = 0; out->at != NULL && i < labels->count; i++) {
        out->at[i] = hm_arena_strdup(arena, labels->at[i]);
        if (out->at[i] == NULL) {
            return false;
        }
    }
    return out->at != NULL;
}

static enum hm_status fill_making(struct making *making, const struct hm_req *req,
                                  const struct hm_api_token_new *ask, struct hm_arena *arena,
                                  struct hm_err *err)
{
    bool join = strcmp(ask->kind, "join") == 0;
    uint32_t valid_s = ask->valid_s != 0 ? ask->valid_s : join ? JOIN_VALID_S : 0;

    making->app = req->app;
    hm_token_new(join ? "hmj" : "hmo", req->now_ms, join ? making->app->ca_sha256 : NULL,
                 &making->token);
    making->row = (struct hm_token_row){
        .id = making->token.id,
        .kind = join ? "join" : "operator",
        .name = hm_arena_strdup(arena, ask->name),
        .role = hm_arena_strdup(arena, ask->role),
        .created_ms = req->now_ms,
        .expires_ms = valid_s == 0 ? 0 : req->now_ms + (int64_t)valid_s * 1000,
        .uses_left = join ? (ask->uses == 0 ? 1 : ask->uses) : 0,
    };
    hm_token_hash(&making->token, making->row.secret_hash);
    making->event = hm_api_event_by(req, arena, "token_created", ask->why);
    making->event.after =
        join ? hm_arena_printf(arena, "join token %s \"%s\", uses %u, labels %zu", making->row.id,
                               ask->name, making->row.uses_left, ask->labels.count)
             : hm_arena_printf(arena, "operator token %s \"%s\", role %s", making->row.id,
                               ask->name, ask->role);
    if (making->row.name == NULL || making->row.role == NULL || making->event.after == NULL ||
        !copy_labels(arena, &ask->labels, &making->row.labels)) {
        return hm_fail(err, HM_ENOMEM, "no memory for the token");
    }
    return HM_OK;
}

static enum hm_status run_making(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct making *making = arg;
    enum hm_status st = hm_tokens_put(session, &making->row, err);

    return st == HM_OK ? hm_events_append(session, &making->event, err) : st;
}

static void making_committed(void *data)
{
    struct making *making = data;

    if (making->app->operators != NULL) {
        hm_operators_changed(making->app->operators);
    }
}

static enum hm_status answer_making(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct making *making = req->state;
    char secret[HM_TOKEN_TEXT_BYTES];
    struct hm_api_token_made out = {.token = hm_api_token_of(&making->row), .secret = secret};
    enum hm_status st;

    hm_token_format(&making->token, secret);
    st = hm_reply_record(reply, &hm_record_api_token_made, &out, err);
    hm_crypto_wipe(secret, sizeof(secret));
    hm_crypto_wipe(making->token.secret, sizeof(making->token.secret));
    if (st == HM_OK) {
        reply->status = 201;
        reply->location = hm_arena_printf(req->arena, "/v1/tokens/%s", making->row.id);
    }
    return st;
}

enum hm_status hm_api_tokens_post(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_app *app = req->app;
    struct hm_api_token_new ask;
    struct hm_change *change;
    enum hm_status st;

    (void)reply;
    st = hm_params_only(req, NULL, 0, err);
    if (st == HM_OK) {
        st = hm_req_record(req, &hm_record_api_token_new, &ask, err);
    }
    if (st == HM_OK) {
        st = check_new(req, &ask, err);
    }
    if (st != HM_OK) {
        return st;
    }
    change = hm_change_new(sizeof(struct making));
    if (change == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the token");
    }
    st = fill_making(hm_change_data(change), req, &ask, hm_change_arena(change), err);
    if (st != HM_OK) {
        hm_change_free(change);
        return st;
    }
    return hm_change_submit(change, req, app->store, run_making, making_committed, answer_making,
                            err);
}

/* ---- revoke -------------------------------------------------------------------------------- */

struct revoking {
    struct hm_app *app;
    struct hm_arena *arena;
    const char *id;
    bool by_admin;
    struct hm_event event;
};

static enum hm_status run_revoking(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct revoking *revoking = arg;
    struct hm_token_row row;
    enum hm_status st = hm_tokens_get(session, revoking->id, revoking->arena, &row, err);

    if (st != HM_OK || row.revoked) {
        return st; /* revoked before: what was asked for is so */
    }
    if (strcmp(row.kind, "operator") == 0 && !revoking->by_admin) {
        return hm_fail_code(err, HM_EDENIED, "forbidden",
                            "operator tokens are revoked by the role admin");
    }
    st = hm_tokens_revoke(session, row.id, err);
    if (st != HM_OK) {
        return st;
    }
    revoking->event.before =
        hm_arena_printf(revoking->arena, "%s token %s \"%s\"", row.kind, row.id, row.name);
    if (revoking->event.before == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the event");
    }
    return hm_events_append(session, &revoking->event, err);
}

static void revoking_committed(void *data)
{
    struct revoking *revoking = data;

    if (revoking->app->operators != NULL) {
        hm_operators_changed(revoking->app->operators);
    }
}

static enum hm_status answer_revoking(struct hm_req *req, struct hm_reply *reply,
                                      struct hm_err *err)
{
    (void)req;
    (void)err;
    reply->status = 204;
    return HM_OK;
}

enum hm_status hm_api_tokens_delete(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    static const char *const names[] = {"why"};
    struct hm_app *app = req->app;
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
    revoking->app = app;
    revoking->arena = hm_change_arena(change);
    revoking->id = hm_arena_strdup(revoking->arena, req->path_arg[0]);
    revoking->by_admin = req->who.role >= HM_ROLE_ADMIN;
    revoking->event =
        hm_api_event_by(req, revoking->arena, "token_revoked", hm_req_query(req, "why"));
    if (revoking->id == NULL) {
        hm_change_free(change);
        return hm_fail(err, HM_ENOMEM, "no memory for the change");
    }
    return hm_change_submit(change, req, app->store, run_revoking, revoking_committed,
                            answer_revoking, err);
}
