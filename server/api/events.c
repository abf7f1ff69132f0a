/* server/api/events.c — GET /v1/events: what changed, by whom; ?after= follows the log.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api.h"

#include <string.h>

#include "common/base/str.h"
#include "server/api/listing.h"
#include "server/api/records.h"

/* Two orders, two kinds of cursor. */
static const struct hm_listing oldest_first = {
    .name = "events", .filter = &hm_filter_events, .extra = {"after", "order"}
};
static const struct hm_listing newest_first = {
    .name = "events-newest", .filter = &hm_filter_events, .extra = {"after", "order"}
};

struct ask {
    struct hm_req *req;
    struct hm_page page;
    bool newest;
    struct hm_events rows;
};

static enum hm_status read_rows(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct ask *ask = arg;

    return hm_events_list(session, &ask->page, ask->newest, ask->req->arena, &ask->rows, err);
}

static enum hm_status read_params(struct hm_req *req, struct ask *ask, struct hm_err *err)
{
    const char *order = hm_req_query(req, "order");
    const char *after = hm_req_query(req, "after");
    uint64_t id;
    enum hm_status st;

    if (order != NULL && strcmp(order, "oldest") != 0 && strcmp(order, "newest") != 0) {
        return hm_fail_code(err, HM_EINVAL, "bad_order", "order is oldest or newest");
    }
    ask->newest = order != NULL && strcmp(order, "newest") == 0;
    st = hm_listing_page(req, ask->newest ? &newest_first : &oldest_first, &ask->page, err);
    if (st != HM_OK || after == NULL) {
        return st;
    }
    if (ask->newest || hm_req_query(req, "cursor") != NULL ||
        !hm_str_parse_u64(after, strlen(after), INT64_MAX, &id)) {
        return hm_fail_code(err, HM_EINVAL, "bad_after",
                            "after is the number of an event, without order=newest and cursor");
    }
    ask->page.after = after;
    return HM_OK;
}

enum hm_status hm_api_events_list(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_app *app = req->app;
    struct ask ask = {.req = req};
    struct hm_api_events out = {.next = ""};
    enum hm_status st;
    size_t i;

    st = read_params(req, &ask, err);
    if (st == HM_OK) {
        st = hm_store_read(app->store, read_rows, &ask, err);
    }
    if (st != HM_OK) {
        return st;
    }
    out.items.count = ask.rows.count < ask.page.limit ? ask.rows.count : ask.page.limit;
    out.items.at = hm_arena_alloc(req->arena, out.items.count, sizeof(*out.items.at));
    if (ask.rows.count > ask.page.limit) {
        out.next = hm_listing_next_number(req, ask.newest ? &newest_first : &oldest_first,
                                          ask.rows.at[ask.page.limit - 1].id);
    }
    if (out.items.at == NULL || out.next == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list");
    }
    for (i = 0; i < out.items.count; i++) {
        out.items.at[i] = hm_api_event_of(&ask.rows.at[i]);
    }
    return hm_reply_record(reply, &hm_record_api_events, &out, err);
}
