/* server/api/agent_routes.c — what agents call: the CA, enrolment, check-in, the desired state.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/crypto/secret.h"
#include "common/os/os.h"
#include "server/api/api.h"
#include "server/api/change.h"
#include "server/api/labels.h"
#include "server/fleet/fleet.h"
#include "server/ingest/checkin.h"
#include "server/ingest/clone.h"
#include "server/rollout/rollout.h"

#define RETRY_MIN_S 1
#define RETRY_SPREAD_S 30 /* who is turned away together must not come back together */
#define SLOW_DOWN_S 60

static uint32_t random_below(uint32_t limit)
{
    uint32_t random;

    hm_crypto_random(&random, sizeof(random));
    return limit > 0 ? random % limit : 0;
}

static enum hm_status put_body(struct hm_reply *reply, const char *text, size_t len,
                               struct hm_err *err)
{
    hm_buf_put(&reply->body, text, len);
    return hm_buf_status(&reply->body, err);
}

enum hm_status hm_api_ca_get(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    const struct hm_app *app = req->app;

    reply->content_type = "application/x-pem-file";
    return put_body(reply, app->ca_pem, strlen(app->ca_pem), err);
}

/* ---- POST /v1/enroll ------------------------------------------------------------------------ */

struct enrolment {
    struct hm_app *app;
    struct hm_arena *arena;
    int64_t now_ms;
    char join_id[HM_ID_TEXT_BYTES];
    unsigned char join_hash[HM_DIGEST_BYTES];
    const char *name;
    const char *version;
    const char *peer;
    struct hm_strings labels; /* as the agent gives them */
    struct hm_token token;    /* of the new agent */
    struct hm_agent_row agent;
};

static enum hm_status store_enrolment(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct enrolment *e = arg;
    struct hm_token_row join;
    struct hm_host_row host = {
        .id = e->agent.id,
        .name = e->name,
        .os_family = "",
        .os_name = "",
        .os_version = "",
        .agent_version = e->version,
        .boot_id = "",
        .inventory_digest = "",
        .findings_digest = "",
        .outcome_digest = "",
        .sample_json = "",
    };
    struct hm_event event = {
        .at_ms = e->now_ms,
        .kind = "host_enrolled",
        .host_id = e->agent.id,
        .host_name = e->name,
        .peer = e->peer,
    };
    enum hm_status st = hm_tokens_use(s, e->join_id, e->join_hash, e->now_ms, e->arena, &join, err);

    if (st == HM_OK) {
        st = hm_labels_merge(&join.labels, &e->labels, e->arena, &host.labels, err);
    }
    if (st == HM_OK) {
        st = hm_agents_put(s, &e->agent, err);
    }
    if (st == HM_OK) {
        st = hm_hosts_put(s, &host, e->now_ms, err);
    }
    if (st == HM_OK) {
        event.actor = hm_arena_printf(e->arena, "token %s", join.name);
        st = hm_events_append(s, &event, err);
    }
    return st;
}

static void enrolment_committed(void *data)
{
    struct enrolment *e = data;

    /* Out of memory: the agent is refused until the next start, and then known. */
    (void)!hm_fleet_put(e->app->fleet, &e->agent, e->name, NULL);
}

static enum hm_status answer_enrolment(struct hm_req *req, struct hm_reply *reply,
                                       struct hm_err *err)
{
    struct enrolment *e = req->state;
    char secret[HM_TOKEN_TEXT_BYTES];
    struct hm_enrolled enrolled = {
        .agent_id = e->agent.id, .secret = secret, .interval_s = e->app->interval_s};
    enum hm_status st;

    enrolled.has_trust_root = hm_rollout_trust(e->app->rollout, req->arena, &enrolled.trust_root);
    hm_token_format(&e->token, secret);
    st = hm_reply_record(reply, &hm_record_enrolled, &enrolled, err);
    hm_crypto_wipe(secret, sizeof(secret));
    hm_crypto_wipe(&e->token, sizeof(e->token));
    return st;
}

/* Copies what the job needs out of the request. */
static enum hm_status fill_enrolment(struct enrolment *e, struct hm_arena *arena,
                                     const struct hm_req *req, const struct hm_enroll *enroll,
                                     const struct hm_token *join, struct hm_err *err)
{
    e->app = req->app;
    e->arena = arena;
    e->now_ms = req->now_ms;
    memcpy(e->join_id, join->id, sizeof(e->join_id));
    hm_token_hash(join, e->join_hash);
    e->name = hm_arena_strdup(arena, enroll->name);
    e->version = hm_arena_strdup(arena, enroll->version);
    e->peer = hm_arena_strdup(arena, req->peer);
    if (e->name == NULL || e->version == NULL || e->peer == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for an enrolment");
    }
    hm_token_new("hma", req->now_ms, NULL, &e->token);
    e->agent.id = e->token.id;
    e->agent.join_token_id = e->join_id;
    e->agent.created_ms = req->now_ms;
    hm_token_hash(&e->token, e->agent.secret_hash);
    return hm_labels_copy(&enroll->labels, arena, &e->labels, err);
}

static enum hm_status submit_enrolment(struct hm_req *req, const struct hm_enroll *enroll,
                                       const struct hm_token *join, struct hm_err *err)
{
    const struct hm_app *app = req->app;
    struct hm_change *change = hm_change_new(sizeof(struct enrolment));
    enum hm_status st;

    if (change == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for an enrolment");
    }
    st = fill_enrolment(hm_change_data(change), hm_change_arena(change), req, enroll, join, err);
    if (st != HM_OK) {
        hm_change_free(change);
        return st;
    }
    return hm_change_submit(change, req, app->store, store_enrolment, enrolment_committed,
                            answer_enrolment, err);
}

struct door {
    const struct hm_req *req;
    const struct hm_token *join;
};

static enum hm_status look_at_token(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct door *door = arg;
    unsigned char hash[HM_DIGEST_BYTES];
    struct hm_token_row row;

    hm_token_hash(door->join, hash);
    return hm_tokens_check(s, door->join->id, hash, door->req->now_ms, door->req->arena, &row, err);
}

/* A token that is no good is refused by a look, without the writer, and uses up nothing of the
 * rate of those who may enrol. */
static enum hm_status at_the_door(struct hm_req *req, const struct hm_token *join,
                                  struct hm_reply *reply, struct hm_err *err)
{
    const struct hm_app *app = req->app;
    struct door door = {req, join};
    enum hm_status st = hm_store_read(app->store, look_at_token, &door, err);

    if (st != HM_OK) {
        return st;
    }
    if (!hm_fleet_may_enroll(app->fleet, hm_os_monotonic_ms())) {
        reply->retry_after_s = RETRY_MIN_S + random_below(RETRY_SPREAD_S);
        return hm_fail_code(err, HM_EBUSY, "too_many_enrolments",
                            "more machines enrol than are taken at once: try again later");
    }
    return HM_OK;
}

enum hm_status hm_api_enroll_post(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_enroll enroll;
    struct hm_token join;
    enum hm_status st = hm_req_record(req, &hm_record_enroll, &enroll, err);

    if (st == HM_OK) {
        st = hm_labels_check(&enroll.labels, err);
    }
    if (st != HM_OK) {
        return st;
    }
    if (hm_token_parse(enroll.token, &join, NULL) != HM_OK || strcmp(join.prefix, "hmj") != 0) {
        return hm_fail_code(err, HM_EDENIED, "unknown_token",
                            "this is no join token: it begins with hmj_");
    }
    st = at_the_door(req, &join, reply, err);
    if (st == HM_OK) {
        st = submit_enrolment(req, &enroll, &join, err);
    }
    hm_crypto_wipe(&join, sizeof(join));
    return st;
}

/* ---- POST /v1/checkin ----------------------------------------------------------------------- */

static enum hm_status answer_checked_in(const struct hm_req *req, const struct hm_ingest *ingest,
                                        struct hm_reply *reply, struct hm_err *err)
{
    const struct hm_app *app = req->app;
    const char *need[HM_FLEET_DOCUMENTS];
    char etag[HM_DIGEST_TEXT_BYTES + 2];
    struct hm_checked_in answer = {
        .interval_s = app->interval_s, .etag = etag, .need = {need, 0}
    };

    hm_rollout_etag(app->rollout, req->who.id, etag);
    if (ingest != NULL) {
        answer.need.count = hm_ingest_need(ingest, need);
    }
    return hm_reply_record(reply, &hm_record_checked_in, &answer, err);
}

static enum hm_status store_checkin(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_ingest_store(s, arg, err);
}

static void checkin_committed(void *data)
{
    struct hm_ingest *ingest = data;
    struct hm_rollout *rollout = ingest->app->rollout;

    hm_ingest_end(ingest, true);
    if (ingest->matched_anew) {
        hm_rollout_host_changed(rollout, ingest->host_id,
                                hm_rollout_facts(ingest->report.name, ingest->os_family,
                                                 ingest->os_version, ingest->services));
    }
    if (ingest->has_outcome) {
        hm_rollout_host_reported(rollout, ingest->host_id, &ingest->outcome.policies);
    }
}

static void checkin_failed(void *data)
{
    hm_ingest_end(data, false);
}

static enum hm_status answer_checkin(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    return answer_checked_in(req, req->state, reply, err);
}

/* The fleet has marked the host busy: every way out of here ends that. */
static enum hm_status submit_checkin(struct hm_req *req, const struct hm_ingest *read,
                                     struct hm_err *err)
{
    struct hm_change *change = hm_change_new(sizeof(struct hm_ingest));
    struct hm_ingest failed = *read;
    struct hm_ingest *ingest;
    enum hm_status st;

    if (change == NULL) {
        hm_ingest_end(&failed, false);
        return hm_fail(err, HM_ENOMEM, "no memory for a check-in");
    }
    ingest = hm_change_data(change);
    *ingest = *read;
    st = hm_ingest_prepare(ingest, hm_change_arena(change), err);
    if (st != HM_OK) {
        hm_ingest_end(&failed, false);
        hm_change_free(change);
        return st;
    }
    hm_change_set_bytes(change, hm_change_arena(change)->used_bytes);
    hm_change_on_failure(change, checkin_failed);
    return hm_change_submit(change, req, read->app->store, store_checkin, checkin_committed,
                            answer_checkin, err);
}

static enum hm_status store_clone(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_clone_store(s, arg, err);
}

static void clone_committed(void *data)
{
    hm_clone_end(data);
}

static enum hm_status answer_clone(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_clone *clone = req->state;
    char *token = hm_arena_alloc(req->arena, HM_TOKEN_TEXT_BYTES, 1);

    if (token == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a join token");
    }
    hm_token_format(&clone->token, token);
    hm_crypto_wipe(&clone->token, sizeof(clone->token));
    reply->status = 409;
    reply->reenroll_token = token;
    return hm_fail_code(err, HM_ECONFLICT, "clone_detected",
                        "two machines report with this identity: enrol again with the token given");
}

static enum hm_status submit_clone(struct hm_req *req, const struct hm_ingest *read,
                                   struct hm_err *err)
{
    struct hm_change *change = hm_change_new(sizeof(struct hm_clone));
    struct hm_clone *clone;
    enum hm_status st;

    if (change == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a clone's report");
    }
    clone = hm_change_data(change);
    *clone = (struct hm_clone){.app = read->app,
                               .host_id = read->host_id,
                               .peer = read->peer,
                               .boot_id = read->report.boot_id,
                               .now_ms = read->now_ms};
    st = hm_clone_prepare(clone, hm_change_arena(change), err);
    if (st != HM_OK) {
        hm_change_free(change);
        return st;
    }
    return hm_change_submit(change, req, read->app->store, store_clone, clone_committed,
                            answer_clone, err);
}

/* Its own doing: it waits longer than who merely came at a bad moment. */
static enum hm_status slow_down(struct hm_reply *reply, const char *code, const char *text,
                                struct hm_err *err)
{
    reply->status = 429;
    reply->retry_after_s = SLOW_DOWN_S + random_below(SLOW_DOWN_S);
    return hm_fail_code(err, HM_EBUSY, code, "%s", text);
}

static enum hm_status take_report(struct hm_req *req, struct hm_ingest *ingest,
                                  struct hm_reply *reply, struct hm_err *err)
{
    const struct hm_app *app = req->app;

    switch (hm_fleet_report_begin(app->fleet, ingest->host, &ingest->report, req->now_ms,
                                  &ingest->known)) {
    case HM_FLEET_UNCHANGED:
        return answer_checked_in(req, NULL, reply, err);
    case HM_FLEET_CLONED:
        return submit_clone(req, ingest, err);
    case HM_FLEET_BUSY:
        reply->retry_after_s = RETRY_MIN_S;
        return hm_fail_code(err, HM_EBUSY, "report_in_progress",
                            "an earlier report of this host is being stored: try again");
    case HM_FLEET_OVER:
        return slow_down(reply, "too_many_changes",
                         "this host reports more changes than one host may make: it is heard again "
                         "later",
                         err);
    case HM_FLEET_CLONED_OVER:
        return slow_down(reply, "too_many_clones",
                         "more machines than are served at once report with this identity: try "
                         "again later",
                         err);
    case HM_FLEET_CHANGED:
        break;
    }
    return submit_checkin(req, ingest, err);
}

enum hm_status hm_api_checkin_post(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    const struct hm_app *app = req->app;
    struct hm_ingest ingest;
    enum hm_status st = hm_ingest_read(req->body, req->body_len, req->arena, &ingest, err);

    if (st == HM_OK) {
        ingest.app = app;
        ingest.host = req->who.agent;
        ingest.host_id = req->who.id;
        ingest.peer = req->peer;
        ingest.now_ms = req->now_ms;
        st = take_report(req, &ingest, reply, err);
    }
    if (st != HM_OK) {
        hm_fleet_count_refused(app->fleet);
    }
    return st;
}

/* ---- GET /v1/desired ------------------------------------------------------------------------ */

struct held {
    struct hm_ticket *ticket;
    const char *etag; /* that the agent has */
};

/* "wait=300", alone or in a list, RFC 7240; 0 when it is not asked for. */
static uint32_t preferred_wait_s(const char *prefer)
{
    const char *at = prefer;
    uint32_t wait_s = 0;

    while (at != NULL && *at != '\0') {
        size_t len = strcspn(at, ",;");
        struct hm_span item = hm_str_trim(at, len);

        if (item.len > 5 && memcmp(item.at, "wait=", 5) == 0 &&
            hm_str_parse_u32(item.at + 5, item.len - 5, UINT32_MAX, &wait_s)) {
            break;
        }
        at += len + (at[len] != '\0');
    }
    return wait_s < HM_LIMIT_WAIT_S ? wait_s : HM_LIMIT_WAIT_S;
}

/* If-None-Match: "*" or a list of tags; ours has no commas. */
static bool matches(const char *if_none_match, const char *etag)
{
    return if_none_match != NULL &&
           (strcmp(if_none_match, "*") == 0 || strstr(if_none_match, etag) != NULL);
}

static enum hm_status answer_body(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    const struct hm_app *app = req->app;
    struct hm_desired_answer answer;
    enum hm_status st =
        hm_rollout_desired(app->rollout, req->who.id, hm_req_query(req, "catalogue"), &answer, err);

    if (st == HM_OK) {
        (void)hm_str_copy(reply->etag, sizeof(reply->etag), answer.etag);
        st = put_body(reply, answer.body, answer.len, err);
        hm_desired_release(&answer);
    }
    return st;
}

/* The whole of it, or 304 when the agent has it already. */
static enum hm_status answer_desired(struct hm_req *req, struct hm_reply *reply, const char *has,
                                     struct hm_err *err)
{
    const struct hm_app *app = req->app;
    char etag[HM_DIGEST_TEXT_BYTES + 2];

    hm_rollout_etag(app->rollout, req->who.id, etag);
    if (!matches(has, etag)) {
        return answer_body(req, reply, err);
    }
    (void)hm_str_copy(reply->etag, sizeof(reply->etag), etag);
    reply->status = 304;
    return HM_OK;
}

static enum hm_status resume_desired(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    const struct hm_app *app = req->app;
    struct held *held = req->state;

    if (hm_fleet_release(app->fleet, req->who.agent, held->ticket)) {
        hm_ticket_drop(held->ticket);
    }
    return answer_desired(req, reply, held->etag, err);
}

/* It may have changed between the look at it and the hold, and nobody was there to be woken. The
 * request itself may be answered and gone by now. */
static void look_again(struct hm_app *app, struct hm_fleet_host *host, struct hm_ticket *ticket,
                       const char *host_id, const char *before)
{
    char now[HM_DIGEST_TEXT_BYTES + 2];

    hm_rollout_etag(app->rollout, host_id, now);
    if (strcmp(now, before) != 0 && hm_fleet_release(app->fleet, host, ticket)) {
        hm_ticket_wake(ticket);
    }
}

static enum hm_status hold_desired(struct hm_req *req, const char *has, const char *etag,
                                   uint32_t wait_ms, struct hm_err *err)
{
    struct hm_app *app = req->app;
    const struct hm_principal who = req->who;
    struct held *held = hm_arena_alloc(req->arena, 1, sizeof(*held));
    struct hm_ticket *ticket;

    if (held == NULL || (held->etag = hm_arena_strdup(req->arena, has)) == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to wait");
    }
    req->state = held;
    /* Agents that were started together drift apart. */
    ticket = hm_req_hold(req, wait_ms - random_below(wait_ms / 16), resume_desired);
    if (ticket == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to wait");
    }
    held->ticket = ticket;
    hm_fleet_hold(app->fleet, who.agent, ticket);
    look_again(app, who.agent, ticket, who.id, etag);
    return HM_OK;
}

enum hm_status hm_api_desired_get(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    const struct hm_app *app = req->app;
    const char *has = hm_req_header(req, "If-None-Match");
    uint32_t wait_ms = preferred_wait_s(hm_req_header(req, "Prefer")) * 1000;
    char etag[HM_DIGEST_TEXT_BYTES + 2];

    hm_rollout_etag(app->rollout, req->who.id, etag);
    if (wait_ms == 0 || !matches(has, etag)) {
        return answer_desired(req, reply, has, err);
    }
    return hold_desired(req, has, etag, wait_ms, err);
}
