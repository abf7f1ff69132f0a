/* server/api/policy_detail.c — policies of the store as records of the API.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/policy_detail.h"

#include "common/base/limits.h"
#include "server/app.h"
#include "server/catalogue/shelf.h"
#include "server/policy/review.h"

struct hm_api_policy hm_api_policy_of(const struct hm_policy_row *row)
{
    return (struct hm_api_policy){
        .name = row->name,
        .owner = row->owner,
        .reason = row->reason,
        .mode = row->mode,
        .review = row->review_ms,
        .newest = row->newest,
        .state = hm_revision_state_names[row->state],
        .live = row->live,
        .live_state = row->live == 0 ? "" : hm_revision_state_names[row->live_state],
        .created = row->created_ms,
        .changed = row->changed_ms,
        .ends = row->ends_ms,
    };
}

static enum hm_status read_approvals(struct hm_session *session, const struct hm_revision_row *row,
                                     struct hm_arena *arena, struct hm_api_approval_list *out_list,
                                     struct hm_err *err)
{
    struct hm_approval_rows rows = {NULL, 0};
    enum hm_status st = hm_approvals_list(session, row->policy, row->revision, arena, &rows, err);

    if (st != HM_OK) {
        return st;
    }
    out_list->count = rows.count < HM_LIMIT_SIGNATURES ? rows.count : HM_LIMIT_SIGNATURES;
    out_list->at = hm_arena_alloc(arena, out_list->count, sizeof(*out_list->at));
    if (out_list->at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the approvals");
    }
    for (size_t i = 0; i < out_list->count; i++) {
        const struct hm_approval_row *from = &rows.at[i];

        out_list->at[i] = (struct hm_api_approval){from->approver, from->key_id, from->actor,
                                                   from->comment, from->at_ms};
    }
    return HM_OK;
}

enum hm_status hm_api_revision_read(struct hm_session *session, const struct hm_revision_row *row,
                                    const struct hm_trust_now *trust, bool whole,
                                    struct hm_arena *arena, struct hm_api_revision *out_revision,
                                    struct hm_err *err)
{
    struct hm_api_revision out = {
        .policy = row->policy,
        .revision = row->revision,
        .state = hm_revision_state_names[row->state],
        .mode = row->mode,
        .author = row->author,
        .digest = row->digest,
        .why = row->why,
        .created = row->created_ms,
        .changed = row->changed_ms,
        .submitted = row->submitted_ms,
        .approved = row->approved_ms,
        .activated = row->activated_ms,
        .expires = row->expires_ms,
        .threshold = trust->has_root ? trust->root.threshold : 0,
        .document = whole ? row->document : "",
        .has_envelope = whole && row->envelope[0] != '\0',
    };
    enum hm_status st = read_approvals(session, row, arena, &out.approvals, err);

    if (st == HM_OK && out.has_envelope) {
        st = hm_envelope_read(row->envelope, arena, &out.envelope, err);
    }
    if (st == HM_OK) {
        *out_revision = out;
    }
    return st;
}

enum hm_status hm_api_lint_of(const struct hm_lint_problems *problems, struct hm_arena *arena,
                              struct hm_api_lint_list *out_list, struct hm_err *err)
{
    struct hm_api_lint_list list = {NULL, problems->count};

    list.count = list.count < HM_LIMIT_PAGE_ROWS ? list.count : HM_LIMIT_PAGE_ROWS;
    list.at = hm_arena_alloc(arena, list.count, sizeof(*list.at));
    if (list.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for what is wrong with a policy");
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct hm_lint_problem *from = &problems->at[i];

        list.at[i] = (struct hm_api_lint_problem){
            from->code, hm_lint_severity_names[from->severity], from->other, from->text};
    }
    *out_list = list;
    return HM_OK;
}

struct ask {
    struct hm_req *req;
    const char *name;
    struct hm_api_policy_detail out;
};

static enum hm_status read_problems(struct hm_session *session, struct ask *ask,
                                    const struct hm_revision_row *newest, struct hm_err *err)
{
    const struct hm_app *app = ask->req->app;
    struct hm_lint_problems problems;
    struct hm_policy policy;
    enum hm_status st = hm_revision_document(newest, ask->req->arena, &policy, err);

    if (st == HM_OK) {
        st = hm_policy_review(session, &policy, hm_shelf_catalogue(app->shelf), ask->req->now_ms,
                              ask->req->arena, &problems, err);
    }
    return st == HM_OK ? hm_api_lint_of(&problems, ask->req->arena, &ask->out.problems, err) : st;
}

static enum hm_status read_detail(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct ask *ask = arg;
    struct hm_arena *arena = ask->req->arena;
    struct hm_revision_row row;
    struct hm_policy_row policy;
    struct hm_trust_now trust;
    enum hm_status st = hm_policies_get(session, ask->name, arena, &policy, err);

    if (st == HM_OK) {
        st = hm_trust_now(session, ask->req->now_ms, arena, &trust, err);
    }
    if (st == HM_OK) {
        st = hm_revisions_get(session, ask->name, policy.newest, arena, &row, err);
    }
    if (st == HM_OK) {
        st = hm_api_revision_read(session, &row, &trust, true, arena, &ask->out.newest, err);
    }
    if (st == HM_OK) {
        st = read_problems(session, ask, &row, err);
    }
    if (st != HM_OK) {
        return st;
    }
    ask->out.policy = hm_api_policy_of(&policy);
    ask->out.has_live = policy.live != 0 && policy.live != policy.newest;
    if (ask->out.has_live) {
        st = hm_revisions_get(session, ask->name, policy.live, arena, &row, err);
        if (st == HM_OK) {
            st = hm_api_revision_read(session, &row, &trust, true, arena, &ask->out.live, err);
        }
    }
    return st;
}

enum hm_status hm_api_policy_answer(struct hm_req *req, struct hm_reply *reply, const char *name,
                                    struct hm_err *err)
{
    const struct hm_app *app = req->app;
    struct ask ask = {.req = req, .name = name};
    enum hm_status st = hm_store_read(app->store, read_detail, &ask, err);

    return st == HM_OK ? hm_reply_record(reply, &hm_record_api_policy_detail, &ask.out, err) : st;
}
