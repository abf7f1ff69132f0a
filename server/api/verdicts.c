/* server/api/verdicts.c — GET /v1/verdicts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api.h"

#include "server/api/listing.h"
#include "server/api/records.h"

static const struct hm_listing listing = {
    .name = "verdicts", .filter = &hm_filter_verdicts, .has_history = true};

struct ask {
    struct hm_req *req;
    struct hm_page page;
    struct hm_verdict_rows rows;
};

static enum hm_status read_rows(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct ask *ask = arg;

    return hm_verdicts_list(session, &ask->page, ask->req->arena, &ask->rows, err);
}

enum hm_status hm_api_verdicts_list(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_app *app = req->app;
    struct ask ask = {.req = req};
    struct hm_api_verdicts out = {.next = ""};
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
        out.next = hm_listing_next_number(req, &listing, ask.rows.at[ask.page.limit - 1].id);
    }
    if (out.items.at == NULL || out.next == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list");
    }
    for (i = 0; i < out.items.count; i++) {
        out.items.at[i] = hm_api_verdict_of(app, &ask.rows.at[i], req->now_ms, ask.page.has_at);
    }
    return hm_reply_record(reply, &hm_record_api_verdicts, &out, err);
}
