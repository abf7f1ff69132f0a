/* tests/support/http_double.h — a request made by hand, for handler tests without a socket.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     struct hm_http_double call;
 *
 *     hm_http_double_init(&call, "GET", "/v1/hosts/mail01", &app, NOW_MS);
 *     call.req.path_arg[0] = "mail01";
 *     call.req.who.role = HM_ROLE_VIEWER;
 *     hm_http_double_query(&call, "at", "2026-11-22T11:05:00Z");
 *     assert_int_equal(hm_http_double_call(&call, hm_api_hosts_get), HM_OK);
 *     assert_int_equal(hm_http_double_status(&call), 200);
 *     assert_string_equal(hm_buf_text(&call.reply.body), "{…}");
 *     hm_http_double_fini(&call);
 *
 * A handler that holds: hm_http_double_held is true after the call. Then either
 * hm_http_double_wait (sleeps until a thread wakes the ticket, then runs the resume; after
 * timeout_ms runs it as the time-out does), or hm_http_double_resume (runs it now).
 * Threads: one test thread; other threads may wake and drop tickets. */
#pragma once

#include <pthread.h>

#include "server/http/request.h"

#define HM_HTTP_DOUBLE_PAIRS 8

struct hm_http_double_pair {
    const char *name;
    const char *value;
};

struct hm_http_double {
    const struct hm_req_source *source; /* first: see request.h */
    struct hm_req req;
    struct hm_reply reply;
    struct hm_err err;
    enum hm_status status; /* of the handler's last run */
    struct hm_arena arena;
    struct hm_http_double_pair query[HM_HTTP_DOUBLE_PAIRS];
    struct hm_http_double_pair headers[HM_HTTP_DOUBLE_PAIRS];
    struct hm_ticket *ticket; /* of the hold that waits; NULL none */
    unsigned holds;           /* hm_req_hold calls so far */
    int64_t hold_timeout_ms;  /* of the last hold */
    pthread_mutex_t lock;
    pthread_cond_t roused;
    bool woken;
};

/* All texts are borrowed. */
void hm_http_double_init(struct hm_http_double *call, const char *method, const char *path,
                         void *app, int64_t now_ms);
void hm_http_double_fini(struct hm_http_double *call);

void hm_http_double_query(struct hm_http_double *call, const char *name, const char *value);
void hm_http_double_header(struct hm_http_double *call, const char *name, const char *value);
void hm_http_double_body(struct hm_http_double *call, const char *body, size_t len);

/* Runs the handler. */
enum hm_status hm_http_double_call(struct hm_http_double *call, hm_handler *handler);

/* The answer comes later: a ticket waits (it may have been woken already). */
bool hm_http_double_held(const struct hm_http_double *call);

/* Runs the resume of the hold. The resume may hold again. */
enum hm_status hm_http_double_resume(struct hm_http_double *call, bool stopping);

/* Waits for the wake, at most timeout_ms, then runs the resume; *out_woken tells which it was
 * (may be NULL). */
enum hm_status hm_http_double_wait(struct hm_http_double *call, int64_t timeout_ms,
                                   bool *out_woken);

/* What the server would answer now: reply.status, or the mapping of the handler's failure. */
unsigned hm_http_double_status(const struct hm_http_double *call);
