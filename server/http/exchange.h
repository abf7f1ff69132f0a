/* server/http/exchange.h — one request on its way through the server, and its connection.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to server/http. An exchange is used by one worker at a time; while it is held, by
 * nobody. Exchanges are pooled: the memory of small ones is used again. */
#pragma once

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "server/http/body.h"
#include "server/http/request.h"
#include "server/http/router.h"

#define HM_CLASS_COUNT 6 /* status / 100; 0 and 1 stay 0 */

/* Lives as long as the TCP connection. */
struct hm_conn {
    struct hm_http *http;
    struct hm_timer timer;
    _Atomic int64_t deadline_ms; /* monotonic; 0 = a request is being worked on */
    int fd;
    char peer[48];
};

/* Borrowed from the pool from the first call of a request until its completion. */
struct hm_exchange {
    const struct hm_req_source *source; /* first: see request.h */
    struct hm_exchange *next;           /* in the pool */
    struct hm_http *http;
    struct MHD_Connection *connection;
    struct hm_conn *conn;
    struct hm_req req;
    struct hm_reply reply;
    struct hm_arena arena;
    struct hm_body body;
    const struct hm_route *route; /* NULL: none was met */
    size_t route_at;              /* route_count: none was met */
    const char *allow;            /* with 405 */
    bool has_body;
    size_t announced_bytes; /* Content-Length; 0 when the sender does not tell */
    struct hm_err *failure; /* found before the whole body was here; in the arena */
    size_t charged_bytes;   /* of bodies_in_flight_bytes */
    size_t drained_bytes;
    int64_t deadline_ms; /* monotonic: for the body */
    struct hm_ticket *ticket;
    bool stays_open; /* the client has not asked for an end after this answer */
    bool collecting; /* see tls.h */
    unsigned status; /* of the answer, once it was queued */
};

struct hm_http {
    struct hm_http_server_options options;
    unsigned threads;
    int listen_fd;
    uint16_t port;
    struct MHD_Daemon *daemon;
    struct hm_router *router;
    struct hm_timers *timers;
    struct hm_pack_cache *packs;
    pthread_mutex_t pool_lock;
    struct hm_exchange *pool;
    uint32_t instance; /* random: part of the request ids */
    atomic_bool stopping;
    _Atomic uint64_t request_count;
    _Atomic uint64_t active; /* exchanges out of the pool */
    _Atomic uint64_t connections;
    _Atomic uint64_t connections_total;
    _Atomic uint64_t connections_over;
    _Atomic uint64_t slow_cut;
    _Atomic uint64_t held;
    _Atomic uint64_t in_flight_bytes;
    _Atomic uint64_t bodies_over;
    _Atomic uint64_t (*answers)[HM_CLASS_COUNT]; /* route_count + 1 rows */
};

/* exchange.c */
struct hm_exchange *hm_exchange_take(struct hm_http *http);
void hm_exchange_put(struct hm_exchange *exchange);
void hm_exchange_pool_fini(struct hm_http *http);
/* Makes a waiting exchange small: what it does not use is freed. */
void hm_exchange_shrink(struct hm_exchange *exchange);
/* false: over bodies_in_flight_bytes. */
bool hm_exchange_charge(struct hm_exchange *exchange, size_t bytes);
int64_t hm_http_idle_ms(const struct hm_http *http);

/* dispatch.c: the callbacks of the library. */
enum MHD_Result hm_dispatch(void *cls, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *upload,
                            size_t *upload_len, void **exchange);
void hm_dispatch_completed(void *cls, struct MHD_Connection *connection, void **exchange,
                           enum MHD_RequestTerminationCode why);

/* checks.c: all that is decided by the head alone: route, access, body's form and size. A failure
 * may have set reply.status. */
enum hm_status hm_exchange_check(struct hm_exchange *exchange, struct hm_err *err) HM_MUST_CHECK;

/* reply.c: queues the answer: the reply, or a problem document when st is a failure. */
enum MHD_Result hm_reply_send(struct hm_exchange *exchange, enum hm_status st,
                              const struct hm_err *err);

/* access_log.c: one line for an answer that is a failure. */
void hm_access_log(const struct hm_exchange *exchange, const struct hm_err *err);

const char *hm_exchange_header(const struct hm_exchange *exchange, const char *name);
