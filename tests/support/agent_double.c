/* tests/support/agent_double.c — a collector without a socket, and agents that speak to it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/agent_double.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/crypto/secret.h"
#include "server/api/access.h"
#include "server/api/api.h"
#include "server/catalogue/shelf.h"
#include "server/fleet/fleet.h"
#include "server/rollout/rollout.h"
#include "server/store/entities_policy.h"

#define WAIT_MS 20000
#define CA_SHA256 "00000000000000000000000000000000000000000000000000000000000000ca"

static void must(enum hm_status st, const struct hm_err *err)
{
    if (st != HM_OK) {
        fail_msg("%s: %s", hm_status_name(st), err->text);
    }
}

/* As the start of the server does. */
static enum hm_status make_fleet_id(struct hm_session *s, void *arg, struct hm_err *err)
{
    const char *id;

    return hm_fleet_id_ensure(s, 1, arg, &id, err);
}

void collector_double_open(struct collector_double *collector, const char *uri)
{
    static const char *const folders[] = {HM_SOURCE_DIR "/schema/catalogue/products"};
    const struct hm_store_options options = {.uri = uri, .readers = 2};
    struct hm_app *app = &collector->app;
    struct hm_err err = {0};

    memset(collector, 0, sizeof(*collector));
    hm_arena_init(&collector->arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    (void)hm_str_copy(collector->uri, sizeof(collector->uri), uri);
    app->interval_s = 300;
    app->silent_after_s = 900;
    app->ca_pem = "";
    (void)hm_str_copy(app->ca_sha256, sizeof(app->ca_sha256), CA_SHA256);
    must(hm_crypto_init(&err), &err);
    must(hm_store_open(&options, &app->store, &err), &err);
    must(hm_store_write(app->store, make_fleet_id, &collector->arena, &err), &err);
    must(hm_shelf_open(folders, 1, &app->shelf, &err), &err);
    must(hm_fleet_open(app->store, &app->fleet, &err), &err);
    must(hm_rollout_open(app->store, app->fleet, app->shelf, app->interval_s, &app->rollout, &err),
         &err);
    must(hm_operators_open(app->store, &app->operators, &err), &err);
}

void collector_double_close(struct collector_double *collector)
{
    struct hm_app *app = &collector->app;

    hm_store_flush(app->store);
    hm_operators_close(app->operators);
    hm_rollout_close(app->rollout);
    hm_fleet_close(app->fleet);
    hm_shelf_close(app->shelf);
    hm_store_close(app->store);
    hm_arena_fini(&collector->arena);
}

static enum hm_status put_token(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_tokens_put(s, arg, err);
}

void collector_double_token(struct collector_double *collector, int64_t now_ms, unsigned uses,
                            char out[200])
{
    static const char *labels[] = {"site=paris"};
    struct hm_token token;
    struct hm_token_row row = {
        .kind = "join",
        .name = "test",
        .role = "",
        .labels = {labels, 1},
        .created_ms = now_ms,
        .expires_ms = now_ms + 900000,
        .uses_left = uses
    };
    struct hm_err err = {0};

    hm_token_new("hmj", now_ms, CA_SHA256, &token);
    row.id = token.id;
    hm_token_hash(&token, row.secret_hash);
    must(hm_store_write(collector->app.store, put_token, &row, &err), &err);
    hm_token_format(&token, out);
}

/* Runs the handler to its answer and keeps what it said. */
static void run(struct agent_double *agent, struct hm_http_double *call, hm_handler *handler)
{
    (void)hm_http_double_call(call, handler);
    while (hm_http_double_held(call)) {
        bool woken = false;

        (void)hm_http_double_wait(call, WAIT_MS, &woken);
        assert_true(woken);
    }
    agent->status = hm_http_double_status(call);
    agent->code[0] = '\0';
    if (call->status != HM_OK) {
        (void)hm_str_copy(agent->code, sizeof(agent->code), hm_err_code(&call->err));
    }
    agent->reenroll[0] = '\0';
    if (call->reply.reenroll_token != NULL) {
        (void)hm_str_copy(agent->reenroll, sizeof(agent->reenroll), call->reply.reenroll_token);
    }
    (void)snprintf(agent->body, sizeof(agent->body), "%.1000s",
                   call->status == HM_OK ? hm_buf_text(&call->reply.body) : call->err.text);
}

unsigned agent_double_enroll(struct agent_double *agent, struct hm_app *app, const char *name,
                             const char *token, int64_t now_ms)
{
    struct hm_http_double call;
    struct hm_enrolled enrolled;
    char body[600];
    int len = snprintf(body, sizeof(body),
                       "{\"token\":\"%s\",\"name\":\"%s\",\"labels\":[\"site=rome\",\"tier=1\"],"
                       "\"version\":\"0.1.0\"}",
                       token, name);

    memset(agent, 0, sizeof(*agent));
    agent->app = app;
    agent->name = name;
    hm_http_double_init(&call, "POST", "/v1/enroll", app, now_ms);
    hm_http_double_body(&call, body, (size_t)len);
    run(agent, &call, hm_api_enroll_post);
    if (agent->status == 200) {
        const struct hm_buf *text = &call.reply.body;
        struct hm_err err = {0};

        must(hm_record_decode(&hm_record_enrolled, hm_buf_text(text), text->len, true, &call.arena,
                              &enrolled, NULL, &err),
             &err);
        (void)hm_str_copy(agent->id, sizeof(agent->id), enrolled.agent_id);
        (void)hm_str_copy(agent->secret, sizeof(agent->secret), enrolled.secret);
    }
    hm_http_double_fini(&call);
    return agent->status;
}

static void read_need(struct agent_double *agent, const struct hm_http_double *call,
                      struct hm_arena *arena)
{
    const struct hm_buf *text = &call->reply.body;
    struct hm_checked_in answer;
    struct hm_err err = {0};

    must(hm_record_decode(&hm_record_checked_in, hm_buf_text(text), text->len, true, arena, &answer,
                          NULL, &err),
         &err);
    for (size_t i = 0; i < answer.need.count; i++) {
        size_t len = strlen(agent->need);

        (void)snprintf(agent->need + len, sizeof(agent->need) - len, "%s%s", i > 0 ? "," : "",
                       answer.need.at[i]);
    }
}

unsigned agent_double_send(struct agent_double *agent, const char *body, size_t len, int64_t now_ms)
{
    struct hm_http_double call;
    enum hm_status st;

    hm_http_double_init(&call, "POST", "/v1/checkin", agent->app, now_ms);
    st = hm_api_access(agent->app, agent->secret, HM_ROLE_AGENT, now_ms, &call.req.who, &call.err);
    agent->need[0] = '\0';
    if (st != HM_OK) {
        agent->status = 401;
        (void)hm_str_copy(agent->code, sizeof(agent->code), hm_err_code(&call.err));
        hm_http_double_fini(&call);
        return agent->status;
    }
    hm_http_double_body(&call, body, len);
    run(agent, &call, hm_api_checkin_post);
    if (agent->status == 200) {
        read_need(agent, &call, &call.arena);
    }
    hm_http_double_fini(&call);
    return agent->status;
}

static void put_ref(struct hm_buf *envelope, struct hm_buf *bodies, const char *kind,
                    const char *body, const char *digest)
{
    char own[HM_DIGEST_TEXT_BYTES];

    if (digest != NULL ? digest[0] == '\0' : body == NULL) {
        return;
    }
    if (digest == NULL) {
        hm_digest_text(body, strlen(body), own);
        digest = own;
    }
    hm_buf_printf(envelope, "%s\"%s\":{\"digest\":\"%s\"",
                  envelope->data[envelope->len - 1] == '{' ? "" : ",", kind, digest);
    if (body != NULL) {
        hm_buf_printf(envelope, ",\"bytes\":%zu", strlen(body));
        hm_buf_printf(bodies, "\n%s", body);
    }
    hm_buf_puts(envelope, "}");
}

unsigned agent_double_checkin(struct agent_double *agent, const struct agent_report *report,
                              int64_t now_ms)
{
    struct hm_buf envelope;
    struct hm_buf bodies;

    hm_buf_init(&envelope, HM_LIMIT_CHECKIN_BYTES);
    hm_buf_init(&bodies, HM_LIMIT_CHECKIN_BYTES);
    hm_buf_printf(&envelope,
                  "{\"boot_id\":\"%s\",\"seq\":%u,\"version\":\"0.1.0\",\"name\":\"%s\","
                  "\"documents\":{",
                  report->boot_id, report->seq, agent->name);
    put_ref(&envelope, &bodies, "inventory", report->inventory, report->inventory_digest);
    put_ref(&envelope, &bodies, "findings", report->findings, report->findings_digest);
    put_ref(&envelope, &bodies, "outcome", report->outcome, report->outcome_digest);
    hm_buf_puts(&envelope, "}}");
    hm_buf_puts(&envelope, hm_buf_text(&bodies));
    hm_buf_puts(&envelope, "\n");
    (void)agent_double_send(agent, hm_buf_text(&envelope), envelope.len, now_ms);
    hm_buf_fini(&bodies);
    hm_buf_fini(&envelope);
    return agent->status;
}

const char *agent_double_inventory(struct hm_arena *arena, const char *dynamic)
{
    static const char *const stacks[HM_STACK_COUNT][2] = {
        {"tcp", "ipv4"},
        {"tcp", "ipv6"},
        {"udp", "ipv4"},
        {"udp", "ipv6"}
    };
    struct hm_buf text;
    const char *copy;

    hm_buf_init(&text, HM_LIMIT_DOCUMENT_BYTES);
    hm_buf_puts(&text, "{\"os\":{\"family\":\"windows\",\"name\":\"Windows Server 2019 Standard\","
                       "\"version\":\"10.0.17763\",\"revision\":5329,\"arch\":\"x86_64\","
                       "\"locale\":\"fr-FR\"},\"stacks\":[");
    for (size_t i = 0; i < HM_STACK_COUNT; i++) {
        hm_buf_printf(&text,
                      "%s{\"protocol\":\"%s\",\"family\":\"%s\",\"dynamic\":\"%s\","
                      "\"administered\":\"\",\"runtime\":\"\"}",
                      i > 0 ? "," : "", stacks[i][0], stacks[i][1], dynamic);
    }
    hm_buf_puts(&text, "],\"registry\":{},\"listeners\":[],\"services\":[\"MSExchangePOP3BE\"]}");
    copy = hm_arena_strdup(arena, hm_buf_text(&text));
    hm_buf_fini(&text);
    assert_non_null(copy);
    return copy;
}
