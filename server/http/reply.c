/* server/http/reply.c — a reply, or a problem document, on its way out.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "common/base/str.h"
#include "common/os/os.h"
#include "common/wire/records.h"
#include "server/http/exchange.h"
#include "server/http/status_map.h"
#include "server/http/tls.h"

#define PACK_FROM_BYTES 1024u
#define COLLECT_BYTES 4096u     /* fits any socket's buffer beside what may be there */
#define SLOWEST_BYTES_PER_MS 16 /* a reader slower than 16 KB/s beyond the idle time is cut */
#define RETRY_FIRST_S 2
#define RETRY_SPREAD_S 28

/* Spread, so that all who were refused do not come back together. */
static int64_t random_retry_s(const struct hm_req *req)
{
    return RETRY_FIRST_S +
           (int64_t)(hm_str_hash(HM_HASH_START, req->request_id, sizeof(req->request_id)) %
                     RETRY_SPREAD_S);
}

static enum hm_status fill_problem(struct hm_exchange *exchange, enum hm_status st,
                                   const struct hm_err *err)
{
    struct hm_reply *reply = &exchange->reply;
    const unsigned status = hm_http_status(reply, st, err);
    const struct hm_problem problem = {
        .type = hm_arena_printf(&exchange->arena, "urn:havenmaster:problem:%s", hm_err_code(err)),
        .title = hm_http_reason(status),
        .status = status,
        .code = hm_err_code(err),
        .detail = err->text,
        .request_id = exchange->req.request_id,
        .reenroll_token = reply->reenroll_token == NULL ? "" : reply->reenroll_token,
    };

    reply->status = status;
    reply->content_type = "application/problem+json";
    reply->etag[0] = '\0';
    if (st == HM_EBUSY && reply->retry_after_s < 0) {
        reply->retry_after_s = random_retry_s(&exchange->req);
    }
    hm_buf_reset(&reply->body);
    if (problem.type == NULL) {
        return HM_ENOMEM;
    }
    return hm_record_encode(&hm_record_problem, &problem, &reply->body, NULL);
}

static bool wants_gzip(const struct hm_exchange *exchange)
{
    const char *accepts = hm_exchange_header(exchange, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    const char *at = accepts == NULL ? NULL : strstr(accepts, "gzip");

    return at != NULL && strncmp(at, "gzip;q=0", 8) != 0;
}

static bool put_header(struct MHD_Response *response, const char *name, const char *value)
{
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool put_rare_headers(const struct hm_exchange *exchange, struct MHD_Response *response)
{
    const struct hm_reply *reply = &exchange->reply;
    char number[24];
    bool ok = true;

    if (reply->retry_after_s >= 0) {
        (void)snprintf(number, sizeof(number), "%lld", (long long)reply->retry_after_s);
        ok = ok && put_header(response, MHD_HTTP_HEADER_RETRY_AFTER, number);
    }
    if (reply->location != NULL) {
        ok = ok && put_header(response, MHD_HTTP_HEADER_LOCATION, reply->location);
    }
    if (reply->status == 401) {
        ok = ok && put_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    }
    if (exchange->allow != NULL) {
        ok = ok && put_header(response, MHD_HTTP_HEADER_ALLOW, exchange->allow);
    }
    return ok;
}

static bool put_headers(const struct hm_exchange *exchange, struct MHD_Response *response,
                        bool packed)
{
    const struct hm_reply *reply = &exchange->reply;
    bool ok = put_header(response, "X-Request-Id", exchange->req.request_id);

    if (reply->body.len > 0) {
        ok = ok && put_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->content_type);
    }
    if (reply->etag[0] != '\0') {
        ok = ok && put_header(response, MHD_HTTP_HEADER_ETAG, reply->etag);
    }
    if (exchange->route != NULL && exchange->route->role > HM_ROLE_AGENT) {
        ok = ok && put_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    }
    if (packed) {
        ok = ok && put_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip") &&
             put_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    }
    return ok && put_rare_headers(exchange, response);
}

enum MHD_Result hm_reply_send(struct hm_exchange *exchange, enum hm_status st,
                              const struct hm_err *err)
{
    struct hm_reply *reply = &exchange->reply;
    enum MHD_Result result = MHD_NO;
    struct MHD_Response *response;
    bool packed = false;

    if (st == HM_OK && reply->body.status != HM_OK) {
        st = reply->body.status; /* a put that the handler did not look at */
        err = &(const struct hm_err){.status = st, .text = "the answer is too big"};
    }
    if (st != HM_OK && fill_problem(exchange, st, err) != HM_OK) {
        hm_buf_reset(&reply->body); /* the status alone must do */
    }
    if (reply->status >= 400) {
        hm_access_log(exchange, err);
    }
    if (reply->body.len > PACK_FROM_BYTES && wants_gzip(exchange)) {
        packed = hm_body_pack(exchange->http->packs, reply->etag, &reply->body);
    }
    /* The exchange, and so the body, lives until the library has sent it. */
    response = MHD_create_response_from_buffer(reply->body.len,
                                               reply->body.len == 0 ? (void *)"" : reply->body.data,
                                               MHD_RESPMEM_PERSISTENT);
    if (response != NULL) {
        if (put_headers(exchange, response, packed)) {
            exchange->status = reply->status;
            if (exchange->stays_open && reply->body.len > 0 && reply->body.len <= COLLECT_BYTES) {
                exchange->collecting = true;
                hm_tls_collect(exchange->connection);
            }
            result = MHD_queue_response(exchange->connection, reply->status, response);
        }
        MHD_destroy_response(response);
    }
    atomic_store_explicit(&exchange->conn->deadline_ms,
                          hm_os_monotonic_ms() + hm_http_idle_ms(exchange->http) +
                              (int64_t)(reply->body.len / SLOWEST_BYTES_PER_MS),
                          memory_order_relaxed);
    return result;
}
