/* server/http/exchange.c — requests in work: taken from a pool, charged, put back small.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/http/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/os/os.h"

#define KEEP_ARENA_BYTES 12000u /* an arena that held less stays for the next request */
#define KEEP_BUF_BYTES 2048u
#define CHARGE_STEP_BYTES 16384u

static const char *exchange_query(const struct hm_req *req, const char *name)
{
    const struct hm_exchange *exchange = req->http_private;
    const char *value =
        MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, name);

    if (value == NULL || strchr(value, '%') == NULL) {
        return value;
    }
    return hm_url_unescape(req->arena, value, strlen(value)); /* was checked: see checks.c */
}

struct pick {
    size_t left;
    const char *name;
};

static enum MHD_Result pick_name(void *cls, enum MHD_ValueKind kind, const char *key,
                                 const char *value)
{
    struct pick *pick = cls;

    (void)kind;
    (void)value;
    if (pick->left > 0) {
        pick->left--;
        return MHD_YES;
    }
    pick->name = key;
    return MHD_NO;
}

static const char *exchange_query_name(const struct hm_req *req, size_t at)
{
    const struct hm_exchange *exchange = req->http_private;
    struct pick pick = {.left = at};

    (void)MHD_get_connection_values(exchange->connection, MHD_GET_ARGUMENT_KIND, pick_name, &pick);
    return pick.name;
}

static const char *exchange_header(const struct hm_req *req, const char *name)
{
    return hm_exchange_header(req->http_private, name);
}

const char *hm_exchange_header(const struct hm_exchange *exchange, const char *name)
{
    const char *value = NULL;

    (void)MHD_lookup_connection_value_n(exchange->connection, MHD_HEADER_KIND, name, strlen(name),
                                        &value, NULL);
    return value;
}

static void rouse(void *holder)
{
    struct hm_exchange *exchange = holder;

    MHD_resume_connection(exchange->connection); /* the exchange may be gone from here on */
}

static struct hm_ticket *exchange_hold(struct hm_req *req, int64_t timeout_ms, hm_handler *resume)
{
    struct hm_exchange *exchange = req->http_private;

    if (exchange->ticket != NULL) {
        return NULL; /* one hold at a time */
    }
    exchange->ticket = hm_ticket_new(rouse, exchange, resume, timeout_ms);
    return exchange->ticket;
}

static const struct hm_req_source source = {exchange_query, exchange_query_name, exchange_header,
                                            exchange_hold};

static struct hm_exchange *new_exchange(struct hm_http *http)
{
    struct hm_exchange *exchange = calloc(1, sizeof(*exchange));

    if (exchange != NULL) {
        exchange->source = &source;
        exchange->http = http;
        hm_arena_init(&exchange->arena, HM_LIMIT_REQUEST_ARENA_BYTES);
        hm_buf_init(&exchange->body.text, HM_LIMIT_API_BODY_BYTES);
        hm_buf_init(&exchange->reply.body, HM_LIMIT_REPLY_BYTES);
    }
    return exchange;
}

static void free_exchange(struct hm_exchange *exchange)
{
    hm_body_reset(&exchange->body, 0);
    hm_buf_fini(&exchange->body.text);
    hm_buf_fini(&exchange->reply.body);
    hm_arena_fini(&exchange->arena);
    free(exchange);
}

struct hm_exchange *hm_exchange_take(struct hm_http *http)
{
    struct hm_exchange *exchange;

    (void)pthread_mutex_lock(&http->pool_lock);
    exchange = http->pool;
    if (exchange != NULL) {
        http->pool = exchange->next;
    }
    (void)pthread_mutex_unlock(&http->pool_lock);
    if (exchange == NULL) {
        exchange = new_exchange(http);
    }
    if (exchange != NULL) {
        (void)atomic_fetch_add_explicit(&http->active, 1, memory_order_relaxed);
        exchange->reply.status = 200;
        exchange->reply.content_type = "application/json";
        exchange->reply.etag[0] = '\0';
        exchange->reply.retry_after_s = -1;
        exchange->reply.location = NULL;
        exchange->reply.reenroll_token = NULL;
        exchange->route = NULL;
        exchange->route_at = http->options.route_count;
        exchange->allow = NULL;
        exchange->failure = NULL;
        exchange->drained_bytes = 0;
        exchange->ticket = NULL;
        exchange->stays_open = false;
        exchange->collecting = false;
        exchange->status = 0;
    }
    return exchange;
}

static void uncharge(struct hm_exchange *exchange)
{
    if (exchange->charged_bytes > 0) {
        (void)atomic_fetch_sub_explicit(&exchange->http->in_flight_bytes, exchange->charged_bytes,
                                        memory_order_relaxed);
        exchange->charged_bytes = 0;
    }
}

static void reset(struct hm_exchange *exchange)
{
    uncharge(exchange);
    hm_body_reset(&exchange->body, KEEP_BUF_BYTES);
    if (exchange->reply.body.room > KEEP_BUF_BYTES) {
        hm_buf_fini(&exchange->reply.body);
    }
    hm_buf_reset(&exchange->reply.body);
    if (exchange->arena.used_bytes > KEEP_ARENA_BYTES) {
        hm_arena_fini(&exchange->arena);
    }
    hm_arena_reset(&exchange->arena);
}

void hm_exchange_put(struct hm_exchange *exchange)
{
    struct hm_http *http = exchange->http;

    reset(exchange);
    (void)pthread_mutex_lock(&http->pool_lock);
    exchange->next = http->pool;
    http->pool = exchange;
    (void)pthread_mutex_unlock(&http->pool_lock);
    (void)atomic_fetch_sub_explicit(&http->active, 1, memory_order_release);
}

void hm_exchange_pool_fini(struct hm_http *http)
{
    while (http->pool != NULL) {
        struct hm_exchange *exchange = http->pool;

        http->pool = exchange->next;
        free_exchange(exchange);
    }
}

void hm_exchange_shrink(struct hm_exchange *exchange)
{
    if (exchange->arena.used_bytes == 0) {
        hm_arena_fini(&exchange->arena);
    }
    if (exchange->req.body_len == 0) {
        hm_buf_fini(&exchange->body.text);
        exchange->req.body = "";
    }
    if (exchange->reply.body.len == 0) {
        hm_buf_fini(&exchange->reply.body);
    }
}

/* What is charged for so many bytes: in steps, but not beyond the whole body where that is known.
 */
static size_t charge_for(const struct hm_exchange *exchange, size_t bytes)
{
    const size_t steps = (bytes + CHARGE_STEP_BYTES - 1) / CHARGE_STEP_BYTES * CHARGE_STEP_BYTES;
    const size_t whole = exchange->announced_bytes;

    if (exchange->charged_bytes == 0) {
        return bytes; /* the head alone */
    }
    return exchange->body.unpacker == NULL && whole >= bytes && whole < steps ? whole : steps;
}

bool hm_exchange_charge(struct hm_exchange *exchange, size_t bytes)
{
    struct hm_http *http = exchange->http;
    const size_t room = http->options.bodies_in_flight_bytes;
    size_t more;

    if (bytes <= exchange->charged_bytes) {
        return true;
    }
    more = charge_for(exchange, bytes) - exchange->charged_bytes;
    exchange->charged_bytes += more;
    if (atomic_fetch_add_explicit(&http->in_flight_bytes, more, memory_order_relaxed) + more <=
            room ||
        room == 0) {
        return true;
    }
    uncharge(exchange);
    (void)atomic_fetch_add_explicit(&http->bodies_over, 1, memory_order_relaxed);
    return false;
}

int64_t hm_http_idle_ms(const struct hm_http *http)
{
    return (int64_t)http->options.idle_timeout_s * 1000;
}
