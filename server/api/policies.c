/* server/api/policies.c — policies and their revisions: list, look, write.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "server/api/change.h"
#include "server/api/listing.h"
#include "server/api/policy_detail.h"
#include "server/api/records.h"
#include "server/policy/acts.h"

static const struct hm_listing listing = {.name = "policies", .filter = &hm_filter_policies};
static const struct hm_listing revisions = {.name = "revisions"};

/* ---- reading --------------------------------------------------------------------------------- */

struct ask_list {
    struct hm_req *req;
    struct hm_page page;
    struct hm_policy_rows rows;
};

static enum hm_status read_list(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct ask_list *ask = arg;

    return hm_policies_list(session, &ask->page, ask->req->arena, &ask->rows, err);
}

enum hm_status hm_api_policies_list(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_app *app = req->app;
    struct ask_list ask = {.req = req};
    struct hm_api_policies out = {.next = ""};
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
        out.next = hm_listing_next(req, &listing, ask.rows.at[ask.page.limit - 1].name);
    }
    if (out.items.at == NULL || out.next == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list");
    }
    for (size_t i = 0; i < out.items.count; i++) {
        out.items.at[i] = hm_api_policy_of(&ask.rows.at[i]);
    }
    return hm_reply_record(reply, &hm_record_api_policies, &out, err);
}

enum hm_status hm_api_policies_get(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    enum hm_status st = hm_params_only(req, NULL, 0, err);

    return st == HM_OK ? hm_api_policy_answer(req, reply, req->path_arg[0], err) : st;
}

struct ask_revisions {
    struct hm_req *req;
    struct hm_page page;
    uint32_t revision; /* that one alone; 0 = a page */
    uint32_t last;     /* cursor of the page; 0 = it was the last one */
    struct hm_api_revision_list out;
};

static enum hm_status read_page(struct hm_session *session, const struct ask_revisions *ask,
                                struct hm_revision_rows *out_rows, struct hm_err *err)
{
    struct hm_policy_row policy; /* an unknown one is no empty list */
    enum hm_status st =
        hm_policies_get(session, ask->req->path_arg[0], ask->req->arena, &policy, err);

    return st == HM_OK
               ? hm_revisions_list(session, policy.name, &ask->page, ask->req->arena, out_rows, err)
               : st;
}

static enum hm_status read_revisions(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct ask_revisions *ask = arg;
    struct hm_arena *arena = ask->req->arena;
    struct hm_revision_rows rows = {NULL, 1};
    struct hm_revision_row one;
    struct hm_trust_now trust;
    enum hm_status st = hm_trust_now(session, ask->req->now_ms, arena, &trust, err);

    if (st == HM_OK && ask->revision != 0) {
        st = hm_revisions_get(session, ask->req->path_arg[0], ask->revision, arena, &one, err);
        rows.at = &one;
    } else if (st == HM_OK) {
        st = read_page(session, ask, &rows, err);
    }
    if (st != HM_OK) {
        return st;
    }
    ask->out.count = rows.count;
    if (ask->revision == 0 && rows.count > ask->page.limit) {
        ask->out.count = ask->page.limit;
        ask->last = rows.at[ask->page.limit - 1].revision;
    }
    ask->out.at = hm_arena_alloc(arena, ask->out.count, sizeof(*ask->out.at));
    if (ask->out.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the revisions");
    }
    for (size_t i = 0; st == HM_OK && i < ask->out.count; i++) {
        st = hm_api_revision_read(session, &rows.at[i], &trust, ask->revision != 0, arena,
                                  &ask->out.at[i], err);
    }
    return st;
}

enum hm_status hm_api_revisions_list(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_app *app = req->app;
    struct ask_revisions ask = {.req = req};
    struct hm_api_revisions out = {.next = ""};
    enum hm_status st = hm_listing_page(req, &revisions, &ask.page, err);

    if (st == HM_OK) {
        st = hm_store_read(app->store, read_revisions, &ask, err);
    }
    if (st != HM_OK) {
        return st;
    }
    out.items = ask.out;
    if (ask.last != 0) {
        out.next = hm_listing_next_number(req, &revisions, ask.last);
    }
    return out.next == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the list")
                            : hm_reply_record(reply, &hm_record_api_revisions, &out, err);
}

enum hm_status hm_api_revisions_get(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_app *app = req->app;
    struct ask_revisions ask = {.req = req};
    const char *number = req->path_arg[1];
    enum hm_status st = hm_params_only(req, NULL, 0, err);

    if (st != HM_OK) {
        return st;
    }
    if (!hm_str_parse_u32(number, strlen(number), UINT32_MAX, &ask.revision) || ask.revision == 0) {
        return hm_fail_code(err, HM_ENOENT, "unknown_revision",
                            "revisions are numbers from 1; \"%.40s\" is none", number);
    }
    st = hm_store_read(app->store, read_revisions, &ask, err);
    return st == HM_OK ? hm_reply_record(reply, &hm_record_api_revision, &ask.out.at[0], err) : st;
}

/* ---- writing --------------------------------------------------------------------------------- */

struct writing {
    struct hm_act_by by;
    struct hm_policy document;
    bool live;
    bool made;
};

static enum hm_status run_writing(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct writing *writing = arg;

    return hm_policy_edit(session, &writing->by, &writing->document, &writing->made, err);
}

static enum hm_status answer_writing(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    const struct writing *writing = req->state;
    const char *name = writing->document.name;
    enum hm_status st = hm_api_policy_answer(req, reply, name, err);

    if (st == HM_OK && writing->made) {
        reply->status = 201;
        reply->location = hm_arena_printf(req->arena, "/v1/policies/%s/revisions", name);
    }
    return st;
}

/* The document lives in the change's arena: the request may be gone before the writer is done. */
static enum hm_status fill_writing(struct writing *writing, struct hm_req *req,
                                   struct hm_arena *arena, struct hm_err *err)
{
    struct hm_policy first;
    enum hm_status st = hm_req_record(req, &hm_record_policy, &first, err);

    if (st == HM_OK && strcmp(first.name, req->path_arg[0]) != 0) {
        st = hm_fail_code(err, HM_EINVAL, "other_name",
                          "the document is called \"%s\", the path says \"%.80s\"", first.name,
                          req->path_arg[0]);
    }
    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_policy, req->body, req->body_len, true, arena,
                              &writing->document, NULL, err);
    }
    return st == HM_OK ? hm_api_act_by(req, arena, hm_req_query(req, "why"), &writing->live,
                                       &writing->by, err)
                       : st;
}

enum hm_status hm_api_policies_put(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    static const char *const names[] = {"why"};
    struct hm_app *app = req->app;
    struct hm_change *change;
    enum hm_status st = hm_params_only(req, names, HM_COUNT(names), err);

    (void)reply;
    if (st != HM_OK) {
        return st;
    }
    change = hm_change_new(sizeof(struct writing));
    if (change == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the policy");
    }
    st = fill_writing(hm_change_data(change), req, hm_change_arena(change), err);
    if (st != HM_OK) {
        hm_change_free(change);
        return st;
    }
    hm_change_set_bytes(change, req->body_len);
    return hm_change_submit(change, req, app->store, run_writing, NULL, answer_writing, err);
}
