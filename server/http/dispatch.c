/* server/http/dispatch.c — the way of one request: head, body, handler, hold, answer.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The library calls hm_dispatch with the head, with each piece of the body, once at the end, and
 * once more after each hold. */
#include <string.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"
#include "server/http/exchange.h"
#include "server/http/tls.h"

/* A refused body up to this size is read and thrown away, because that keeps the connection; for
 * a larger one it is closed. */
#define DRAIN_BYTES (2u * 1024u * 1024u)

/* 26 characters in the form of crypto/id.h without its price: time, instance, count. */
static void make_request_id(struct hm_http *http, int64_t now_ms, char out[27])
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint64_t count = atomic_fetch_add_explicit(&http->request_count, 1, memory_order_relaxed);
    uint64_t time_ms = (uint64_t)now_ms;
    uint64_t instance = http->instance;
    size_t at = 26;

    out[at] = '\0';
    for (int i = 0; i < 9; i++, count >>= 5) {
        out[--at] = digits[count & 31];
    }
    for (int i = 0; i < 7; i++, instance >>= 5) {
        out[--at] = digits[instance & 31];
    }
    while (at > 0) {
        out[--at] = digits[time_ms & 31];
        time_ms >>= 5;
    }
}

static void fill_request(struct hm_exchange *exchange, const char *url, const char *method)
{
    struct hm_http *http = exchange->http;
    struct hm_req *req = &exchange->req;

    req->method = method;
    req->path = url;
    req->body = "";
    req->body_len = 0;
    req->now_ms = hm_clock_now_ms();
    req->arena = &exchange->arena;
    req->app = http->options.app;
    req->state = NULL;
    req->stopping = false;
    req->http_private = exchange;
    memcpy(req->peer, exchange->conn->peer, sizeof(req->peer));
    make_request_id(http, req->now_ms, req->request_id);
}

/* A failure waits for the end of the body, so that the connection can go on. */
static enum MHD_Result refuse(struct hm_exchange *exchange, const struct hm_err *err)
{
    const char *expect;

    exchange->failure = hm_arena_alloc(&exchange->arena, 1, sizeof(*exchange->failure));
    if (exchange->failure == NULL) {
        return MHD_NO;
    }
    *exchange->failure = *err;
    if (!exchange->has_body) {
        return MHD_YES;
    }
    expect = hm_exchange_header(exchange, MHD_HTTP_HEADER_EXPECT);
    if (expect == NULL && exchange->announced_bytes <= DRAIN_BYTES) {
        return MHD_YES;
    }
    return hm_reply_send(exchange, err->status, err);
}

static enum MHD_Result begin(struct hm_http *http, struct MHD_Connection *connection,
                             const char *url, const char *method, void **out_exchange)
{
    struct hm_conn *conn =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    struct hm_exchange *exchange = conn == NULL ? NULL : hm_exchange_take(http);
    struct hm_err err = {.status = HM_OK};

    if (exchange == NULL) {
        return MHD_NO; /* no memory: the connection is closed */
    }
    *out_exchange = exchange;
    exchange->connection = connection;
    exchange->conn = conn;
    exchange->deadline_ms = hm_os_monotonic_ms() + hm_http_idle_ms(http);
    atomic_store_explicit(&exchange->conn->deadline_ms, 0, memory_order_relaxed);
    fill_request(exchange, url, method);
    if (hm_exchange_check(exchange, &err) != HM_OK) {
        return refuse(exchange, &err);
    }
    return MHD_YES;
}

static enum MHD_Result take_piece(struct hm_exchange *exchange, const char *bytes, size_t len)
{
    struct hm_err err = {.status = HM_OK};

    if (hm_os_monotonic_ms() > exchange->deadline_ms) {
        (void)atomic_fetch_add_explicit(&exchange->http->slow_cut, 1, memory_order_relaxed);
        return MHD_NO;
    }
    if (exchange->failure != NULL) {
        exchange->drained_bytes += len;
        return exchange->drained_bytes > DRAIN_BYTES ? MHD_NO : MHD_YES;
    }
    if (hm_body_put(&exchange->body, bytes, len, &err) == HM_OK) {
        if (hm_exchange_charge(exchange, exchange->body.text.len)) {
            return MHD_YES;
        }
        (void)hm_fail_code(&err, HM_EBUSY, "busy",
                           "too many requests are being received; try again later");
    }
    hm_body_reset(&exchange->body, 0);
    exchange->failure = hm_arena_alloc(&exchange->arena, 1, sizeof(err));
    if (exchange->failure == NULL) {
        return MHD_NO;
    }
    *exchange->failure = err;
    return MHD_YES;
}

static void drop_ticket(struct hm_exchange *exchange)
{
    struct hm_ticket *ticket = exchange->ticket;

    exchange->ticket = NULL;
    hm_timers_remove(exchange->http->timers, &ticket->timer);
    hm_ticket_rouse(ticket); /* from here on nobody else rouses it */
    hm_ticket_unref(ticket);
}

static int64_t ticket_fire(struct hm_timer *timer, int64_t now_ms)
{
    struct hm_ticket *ticket =
        (struct hm_ticket *)(void *)((char *)timer - offsetof(struct hm_ticket, timer));

    (void)now_ms;
    hm_ticket_ref(ticket); /* until ticket_after */
    return 0;
}

static void ticket_after(struct hm_timer *timer)
{
    struct hm_ticket *ticket =
        (struct hm_ticket *)(void *)((char *)timer - offsetof(struct hm_ticket, timer));

    hm_ticket_rouse(ticket);
    hm_ticket_unref(ticket);
}

/* true: the request sleeps, and is not to be touched any more. */
static bool fall_asleep(struct hm_exchange *exchange)
{
    struct hm_http *http = exchange->http;
    struct hm_ticket *ticket = exchange->ticket;
    int64_t wait_ms = ticket->timeout_ms;

    if (hm_ticket_is_woken(ticket)) {
        return false;
    }
    if (wait_ms < 0 || wait_ms > (int64_t)HM_LIMIT_WAIT_S * 1000) {
        wait_ms = (int64_t)HM_LIMIT_WAIT_S * 1000;
    }
    hm_exchange_shrink(exchange);
    ticket->timer.expires = true;
    ticket->timer.fire = ticket_fire;
    ticket->timer.after = ticket_after;
    hm_ticket_ref(ticket); /* the exchange may be gone before this function ends */
    if (!hm_timers_add(http->timers, &ticket->timer, hm_os_monotonic_ms() + wait_ms)) {
        hm_ticket_unref(ticket);
        return false; /* the server stops */
    }
    (void)atomic_fetch_add_explicit(&http->held, 1, memory_order_relaxed);
    MHD_suspend_connection(exchange->connection);
    if (!hm_ticket_settle(ticket)) {
        MHD_resume_connection(exchange->connection); /* it was woken meanwhile */
    }
    hm_ticket_unref(ticket);
    return true;
}

static hm_handler *end_hold(struct hm_exchange *exchange)
{
    hm_handler *resume = exchange->ticket->resume;

    drop_ticket(exchange);
    exchange->req.stopping = atomic_load_explicit(&exchange->http->stopping, memory_order_relaxed);
    exchange->req.now_ms = hm_clock_now_ms();
    return resume;
}

/* Runs the handler, and its resumes for as long as they need not wait. */
static enum MHD_Result run(struct hm_exchange *exchange, hm_handler *handler)
{
    for (;;) {
        struct hm_err err = {.status = HM_OK};
        enum hm_status st = handler(&exchange->req, &exchange->reply, &err);

        if (exchange->ticket == NULL) {
            return hm_reply_send(exchange, st, &err);
        }
        if (st != HM_OK) {
            drop_ticket(exchange);
            return hm_reply_send(exchange, st, &err);
        }
        if (exchange->req.stopping) {
            drop_ticket(exchange);
            st = hm_fail_code(&err, HM_EBUSY, "stopping", "the collector is being stopped");
            return hm_reply_send(exchange, st, &err);
        }
        if (fall_asleep(exchange)) {
            return MHD_YES;
        }
        handler = end_hold(exchange);
    }
}

static enum MHD_Result finish(struct hm_exchange *exchange, const char *version)
{
    struct hm_err err = {.status = HM_OK};
    enum hm_status st = HM_OK;

    exchange->stays_open = strcmp(version, MHD_HTTP_VERSION_1_1) == 0 &&
                           hm_exchange_header(exchange, MHD_HTTP_HEADER_CONNECTION) == NULL &&
                           !atomic_load_explicit(&exchange->http->stopping, memory_order_relaxed);
    if (exchange->failure != NULL) {
        return hm_reply_send(exchange, exchange->failure->status, exchange->failure);
    }
    if (exchange->has_body) {
        st = hm_body_end(&exchange->body, &err);
    }
    if (st != HM_OK) {
        return hm_reply_send(exchange, st, &err);
    }
    exchange->req.body = hm_buf_text(&exchange->body.text);
    exchange->req.body_len = exchange->body.text.len;
    return run(exchange, exchange->route->handler);
}

enum MHD_Result hm_dispatch(void *cls, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *upload,
                            size_t *upload_len, void **exchange)
{
    struct hm_exchange *known = *exchange;

    if (known == NULL) {
        return begin(cls, connection, url, method, exchange);
    }
    if (*upload_len > 0) {
        const size_t len = *upload_len;

        *upload_len = 0;
        return take_piece(known, upload, len);
    }
    if (known->ticket != NULL) {
        (void)atomic_fetch_sub_explicit(&known->http->held, 1, memory_order_relaxed);
        return run(known, end_hold(known));
    }
    return finish(known, version);
}

/* The connection broke while the request was held: the handler ends its part all the same. */
static void end_broken(struct hm_exchange *exchange)
{
    struct hm_err err = {.status = HM_OK};
    hm_handler *resume;

    (void)atomic_fetch_sub_explicit(&exchange->http->held, 1, memory_order_relaxed);
    resume = end_hold(exchange);
    exchange->req.stopping = true; /* nobody waits for this answer */
    (void)resume(&exchange->req, &exchange->reply, &err);
    if (exchange->ticket != NULL) {
        drop_ticket(exchange);
    }
}

void hm_dispatch_completed(void *cls, struct MHD_Connection *connection, void **exchange,
                           enum MHD_RequestTerminationCode why)
{
    struct hm_http *http = cls;
    struct hm_exchange *known = *exchange;
    const unsigned class = known == NULL ? 0 : known->status / 100;

    (void)why;
    if (known == NULL) {
        return;
    }
    *exchange = NULL;
    if (known->ticket != NULL) {
        end_broken(known);
    }
    if (known->collecting && !hm_tls_flush(connection, known->conn->fd)) {
        (void)shutdown(known->conn->fd, SHUT_RDWR);
    }
    if (class > 0 && class < HM_CLASS_COUNT) {
        (void)atomic_fetch_add_explicit(&http->answers[known->route_at][class], 1,
                                        memory_order_relaxed);
    }
    atomic_store_explicit(&known->conn->deadline_ms, hm_os_monotonic_ms() + hm_http_idle_ms(http),
                          memory_order_relaxed);
    hm_exchange_put(known);
}
