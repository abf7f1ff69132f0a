/* tests/support/http_double.c — a request made by hand, for handler tests without a socket.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/http_double.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "server/http/status_map.h"

static const char *find(const struct hm_http_double_pair *pairs, const char *name, bool fold)
{
    for (size_t i = 0; i < HM_HTTP_DOUBLE_PAIRS && pairs[i].name != NULL; i++) {
        if (fold ? hm_str_equal_nocase(pairs[i].name, name) : strcmp(pairs[i].name, name) == 0) {
            return pairs[i].value;
        }
    }
    return NULL;
}

static const char *double_query(const struct hm_req *req, const char *name)
{
    return find(((const struct hm_http_double *)req->http_private)->query, name, false);
}

static const char *double_query_name(const struct hm_req *req, size_t at)
{
    return at < HM_HTTP_DOUBLE_PAIRS
               ? ((const struct hm_http_double *)req->http_private)->query[at].name
               : NULL;
}

static const char *double_header(const struct hm_req *req, const char *name)
{
    return find(((const struct hm_http_double *)req->http_private)->headers, name, true);
}

static void rouse(void *holder)
{
    struct hm_http_double *call = holder;

    (void)pthread_mutex_lock(&call->lock);
    call->woken = true;
    (void)pthread_cond_signal(&call->roused);
    (void)pthread_mutex_unlock(&call->lock);
}

static struct hm_ticket *double_hold(struct hm_req *req, int64_t timeout_ms, hm_handler *resume)
{
    struct hm_http_double *call = req->http_private;

    assert(call->ticket == NULL); /* one hold at a time */
    call->ticket = hm_ticket_new(rouse, call, resume, timeout_ms);
    call->hold_timeout_ms = timeout_ms;
    call->holds++;
    call->woken = false;
    return call->ticket;
}

static const struct hm_req_source source = {double_query, double_query_name, double_header,
                                            double_hold};

void hm_http_double_init(struct hm_http_double *call, const char *method, const char *path,
                         void *app, int64_t now_ms)
{
    memset(call, 0, sizeof(*call));
    call->source = &source;
    call->req.method = method;
    call->req.path = path;
    call->req.body = "";
    call->req.app = app;
    call->req.now_ms = now_ms;
    call->req.arena = &call->arena;
    call->req.http_private = call;
    (void)hm_str_copy(call->req.peer, sizeof(call->req.peer), "192.0.2.7");
    (void)hm_str_copy(call->req.request_id, sizeof(call->req.request_id),
                      "01jd000000000000000000000d");
    hm_arena_init(&call->arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    hm_buf_init(&call->reply.body, HM_LIMIT_REPLY_BYTES);
    call->reply.status = 200;
    call->reply.content_type = "application/json";
    call->reply.retry_after_s = -1;
    (void)pthread_mutex_init(&call->lock, NULL);
    (void)pthread_cond_init(&call->roused, NULL);
}

void hm_http_double_fini(struct hm_http_double *call)
{
    if (call->ticket != NULL) {
        hm_ticket_unref(call->ticket);
    }
    hm_buf_fini(&call->reply.body);
    hm_arena_fini(&call->arena);
    (void)pthread_cond_destroy(&call->roused);
    (void)pthread_mutex_destroy(&call->lock);
}

static void add(struct hm_http_double_pair *pairs, const char *name, const char *value)
{
    for (size_t i = 0; i < HM_HTTP_DOUBLE_PAIRS; i++) {
        if (pairs[i].name == NULL) {
            pairs[i] = (struct hm_http_double_pair){name, value};
            return;
        }
    }
    assert(pairs == NULL); /* HM_HTTP_DOUBLE_PAIRS is too small */
}

void hm_http_double_query(struct hm_http_double *call, const char *name, const char *value)
{
    add(call->query, name, value);
}

void hm_http_double_header(struct hm_http_double *call, const char *name, const char *value)
{
    add(call->headers, name, value);
}

void hm_http_double_body(struct hm_http_double *call, const char *body, size_t len)
{
    call->req.body = body;
    call->req.body_len = len;
}

static enum hm_status run(struct hm_http_double *call, hm_handler *handler)
{
    memset(&call->err, 0, sizeof(call->err));
    call->status = handler(&call->req, &call->reply, &call->err);
    if (call->ticket != NULL && !hm_ticket_settle(call->ticket)) {
        rouse(call);
    }
    return call->status;
}

enum hm_status hm_http_double_call(struct hm_http_double *call, hm_handler *handler)
{
    return run(call, handler);
}

bool hm_http_double_held(const struct hm_http_double *call)
{
    return call->ticket != NULL;
}

enum hm_status hm_http_double_resume(struct hm_http_double *call, bool stopping)
{
    struct hm_ticket *ticket = call->ticket;
    hm_handler *resume;

    assert(ticket != NULL);
    hm_ticket_rouse(ticket); /* no wake finds it asleep from here */
    resume = ticket->resume;
    call->ticket = NULL;
    hm_ticket_unref(ticket);
    call->req.stopping = stopping;
    return run(call, resume);
}

enum hm_status hm_http_double_wait(struct hm_http_double *call, int64_t timeout_ms, bool *out_woken)
{
    struct timespec until;
    int waited = 0;
    bool woken;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    (void)pthread_mutex_lock(&call->lock);
    while (!call->woken && waited == 0) {
        waited = pthread_cond_timedwait(&call->roused, &call->lock, &until);
    }
    woken = call->woken;
    (void)pthread_mutex_unlock(&call->lock);
    if (out_woken != NULL) {
        *out_woken = woken;
    }
    return hm_http_double_resume(call, false);
}

unsigned hm_http_double_status(const struct hm_http_double *call)
{
    return hm_http_status(&call->reply, call->status, &call->err);
}
