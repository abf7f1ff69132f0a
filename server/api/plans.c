/* server/api/plans.c — POST /v1/plans, POST /v1/whatif, and what came of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/wire/records_policies.h"
#include "server/api/listing.h"
#include "server/plans/plans.h"
#include "server/store/entities_policy.h"

#define WHATIF_NAME "what-if"
#define HOSTS_MAX 100u /* of one page: each is worked out again */
#define REVIEW_MS ((int64_t)86400000)

static enum hm_status start(struct hm_req *req, struct hm_reply *reply,
                            const struct hm_plan_wish *wish, struct hm_err *err)
{
    const struct hm_app *app = req->app;
    char id[HM_ID_TEXT_BYTES];
    struct hm_api_plan plan;
    enum hm_status st = hm_plans_start(app->plans, wish, id, err);

    if (st == HM_OK) {
        st = hm_plans_get(app->plans, id, req->arena, &plan, err);
    }
    if (st == HM_OK) {
        reply->status = 202;
        reply->location = hm_arena_printf(req->arena, "/v1/plans/%s", id);
        st = hm_reply_record(reply, &hm_record_api_plan, &plan, err);
    }
    return st;
}

/* The policy as the document that a plan takes. */
static enum hm_status encode(const struct hm_policy *policy, struct hm_arena *arena,
                             const char **out_document, struct hm_err *err)
{
    struct hm_buf json;
    enum hm_status st;

    hm_buf_init(&json, HM_LIMIT_POLICY_BYTES);
    st = hm_record_encode(&hm_record_policy, policy, &json, err);
    if (st == HM_OK) {
        *out_document = hm_arena_strdup(arena, hm_buf_text(&json));
        if (*out_document == NULL) {
            st = hm_fail(err, HM_ENOMEM, "no memory for a plan");
        }
    }
    hm_buf_fini(&json);
    return st;
}

struct stored {
    const struct hm_req *req;
    const char *name;
    uint32_t revision; /* 0 = the newest */
    struct hm_revision_row row;
};

static enum hm_status read_stored(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct stored *stored = arg;
    struct hm_policy_row policy;
    enum hm_status st = HM_OK;

    if (stored->revision == 0) {
        st = hm_policies_get(s, stored->name, stored->req->arena, &policy, err);
        stored->revision = st == HM_OK ? policy.newest : 0;
    }
    return st == HM_OK ? hm_revisions_get(s, stored->name, stored->revision, stored->req->arena,
                                          &stored->row, err)
                       : st;
}

static enum hm_status choose_document(struct hm_req *req, const struct hm_api_plan_new *asked,
                                      const char **out_document, struct hm_err *err)
{
    const struct hm_app *app = req->app;
    struct stored stored = {.req = req, .name = asked->policy, .revision = asked->revision};
    enum hm_status st = HM_OK;

    if (asked->has_document && asked->policy[0] != '\0') {
        return hm_fail_code(err, HM_EINVAL, "bad_plan", "give policy or document, not both");
    }
    if (asked->has_document) {
        return encode(&asked->document, req->arena, out_document, err);
    }
    *out_document = "";
    if (asked->policy[0] != '\0') {
        st = hm_store_read(app->store, read_stored, &stored, err);
        *out_document = st == HM_OK ? stored.row.document : "";
    } else if (asked->retire) {
        st = hm_fail_code(err, HM_EINVAL, "bad_plan", "which policy shall be retired?");
    }
    return st;
}

enum hm_status hm_api_plans_post(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_plan_wish wish = {.now_ms = req->now_ms};
    struct hm_api_plan_new asked;
    enum hm_status st = hm_params_only(req, NULL, 0, err);

    if (st == HM_OK) {
        st = hm_req_record(req, &hm_record_api_plan_new, &asked, err);
    }
    if (st == HM_OK) {
        st = choose_document(req, &asked, &wish.document, err);
    }
    if (st != HM_OK) {
        return st;
    }
    wish.retire = asked.retire;
    wish.host = asked.host;
    wish.filter = asked.filter;
    return start(req, reply, &wish, err);
}

/* A policy that nobody has: for everyone, at once. */
enum hm_status hm_api_whatif_post(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    const char *everyone[] = {"*"};
    struct hm_plan_wish wish = {.whatif = true, .now_ms = req->now_ms};
    struct hm_policy policy = {
        .name = WHATIF_NAME,
        .owner = WHATIF_NAME,
        .reason = WHATIF_NAME,
        .review = req->now_ms + REVIEW_MS,
        .mode = HM_POLICY_ENFORCE,
        .match = {.version_min = "", .version_max = "", .hosts = {everyone, 1}},
    };
    struct hm_api_whatif_new asked;
    enum hm_status st = hm_params_only(req, NULL, 0, err);

    if (st == HM_OK) {
        st = hm_req_record(req, &hm_record_api_whatif_new, &asked, err);
    }
    if (st == HM_OK && asked.reserve.count + asked.ranges.count == 0) {
        st = hm_fail_code(err, HM_EINVAL, "bad_plan", "what if what? give reserve or ranges");
    }
    if (st == HM_OK) {
        policy.reservations = asked.reserve;
        policy.ranges = asked.ranges;
        st = encode(&policy, req->arena, &wish.document, err);
    }
    if (st != HM_OK) {
        return st;
    }
    wish.host = asked.host;
    wish.filter = asked.filter;
    return start(req, reply, &wish, err);
}

enum hm_status hm_api_plans_get(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    const struct hm_app *app = req->app;
    struct hm_api_plan plan;
    enum hm_status st = hm_params_only(req, NULL, 0, err);

    if (st == HM_OK) {
        st = hm_plans_get(app->plans, req->path_arg[0], req->arena, &plan, err);
    }
    return st == HM_OK ? hm_reply_record(reply, &hm_record_api_plan, &plan, err) : st;
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned is;
} parts[] = {
    {"audit",   HM_PLAN_AUDIT  },
    {"better",  HM_PLAN_BETTER },
    {"busy",    HM_PLAN_BUSY   },
    {"changed", HM_PLAN_CHANGED},
    {"reboot",  HM_PLAN_REBOOT },
    {"refused", HM_PLAN_REFUSED},
    {"removes", HM_PLAN_REMOVES},
    {"taken",   HM_PLAN_TAKEN  },
    {"there",   HM_PLAN_THERE  },
    {"waiting", HM_PLAN_WAITING},
    {"worse",   HM_PLAN_WORSE  },
};

static enum hm_status read_only(const struct hm_req *req, unsigned *out_only, struct hm_err *err)
{
    const char *text = hm_req_query(req, "only");

    *out_only = 0;
    for (size_t i = 0; text != NULL && i < HM_COUNT(parts); i++) {
        if (strcmp(text, parts[i].name) == 0) {
            *out_only = parts[i].is;
        }
    }
    if (text != NULL && *out_only == 0) {
        return hm_fail_code(err, HM_EINVAL, "bad_parameter",
                            "only is audit, better, busy, changed, reboot, refused, removes, "
                            "taken, there, waiting or worse");
    }
    return HM_OK;
}

enum hm_status hm_api_plan_hosts_list(struct hm_req *req, struct hm_reply *reply,
                                      struct hm_err *err)
{
    static const struct hm_listing listing = {.name = "plan_hosts", .extra = {"only"}};
    const struct hm_app *app = req->app;
    struct hm_api_plan_hosts out = {.next = ""};
    struct hm_page page;
    uint32_t from = 0;
    unsigned only;
    size_t next = 0;
    enum hm_status st = hm_listing_page(req, &listing, &page, err);

    if (st == HM_OK) {
        st = read_only(req, &only, err);
    }
    if (st != HM_OK) {
        return st;
    }
    if (page.after[0] != '\0' &&
        !hm_str_parse_u32(page.after, strlen(page.after), UINT32_MAX, &from)) {
        return hm_fail_code(err, HM_EINVAL, "bad_cursor",
                            "the cursor is not one that this list gave: start without it");
    }
    st = hm_plans_hosts(app->plans, req->path_arg[0], from,
                        page.limit < HOSTS_MAX ? page.limit : HOSTS_MAX, only, req->arena,
                        &out.items, &next, err);
    if (st == HM_OK && next != 0) {
        out.next = hm_listing_next_number(req, &listing, (int64_t)next);
        if (out.next == NULL) {
            st = hm_fail(err, HM_ENOMEM, "no memory for the list");
        }
    }
    return st == HM_OK ? hm_reply_record(reply, &hm_record_api_plan_hosts, &out, err) : st;
}
