/* server/http/http.h — the HTTPS server: routes in, handlers called, problems out.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The only user of libmicrohttpd. It owns limits, body (gzip too), authorization by a callback,
 * status mapping, access metrics and the log line; it knows no store. A handler sees hm_req and
 * hm_reply and is tested without a socket.
 * Threads: handlers run on worker threads, several at once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/wire/fields.h"

struct hm_http;
struct hm_ticket;

/* What a route asks for. Operator roles: viewer < author < approver < operator < admin. */
enum hm_role {
    HM_ROLE_ANYONE,
    HM_ROLE_AGENT,
    HM_ROLE_VIEWER,
    HM_ROLE_AUTHOR,
    HM_ROLE_APPROVER,
    HM_ROLE_OPERATOR,
    HM_ROLE_ADMIN,
};
#define HM_ROLE_COUNT 7
extern const char *const hm_role_names[HM_ROLE_COUNT];

/* Who asks, filled by the access callback. */
struct hm_principal {
    enum hm_role role;
    char id[32];    /* agent id or token id; "" for anyone */
    char name[128]; /* for events: "token laptop-anna", "agent mail01" */
    void *agent;    /* the fleet's entry, for HM_ROLE_AGENT */
};

struct hm_req {
    const char *method;
    const char *path;
    const char *path_arg[2]; /* what stood for {…} in the route; unescaped */
    const char *body;        /* unpacked; NUL-terminated */
    size_t body_len;
    struct hm_principal who;
    char peer[48];       /* address of the client, "192.0.2.7" or "2001:db8::7" */
    char request_id[27]; /* also in X-Request-Id and in problem documents */
    int64_t now_ms;
    struct hm_arena *arena; /* of this request */
    void *app;              /* struct hm_http_server_options.app */
    void *state;            /* the handler's own, from hold to resume */
    bool stopping;          /* in a resume: the server stops, answer quickly */
    void *http_private;
};

struct hm_reply {
    unsigned status;          /* 200 unless set; a handler that fails leaves it */
    const char *content_type; /* "application/json" unless set; static text */
    struct hm_buf body;
    char etag[100];             /* with quotes; "" none */
    int64_t retry_after_s;      /* -1 none */
    const char *location;       /* or NULL; arena */
    const char *reenroll_token; /* see struct hm_problem */
};

/* Answers the request. A failure becomes a problem document: HM_EINVAL 400, HM_EDENIED 403 (401
 * when nobody is known), HM_ENOENT 404, HM_ECONFLICT 409, HM_ETOOBIG 413, HM_EBUSY 503 with
 * Retry-After, HM_EUNSUPPORTED 501, the rest 500; reply->status, when a handler set it to 4xx or
 * 5xx, outranks the mapping; code is hm_err_code. */
typedef enum hm_status hm_handler(struct hm_req *req, struct hm_reply *reply, struct hm_err *err);

struct hm_route {
    const char *method;
    const char *path; /* "/v1/hosts/{id}" */
    enum hm_role role;
    size_t body_cap; /* 0 = no body is taken */
    hm_handler *handler;
    const char *body_type; /* media type of the body; NULL = "application/json" */
};

/* HM_EDENIED with code "unauthenticated" (401) or "forbidden" (403). bearer is NULL when the
 * request has none. */
typedef enum hm_status hm_access(void *app, const char *bearer, enum hm_role needed, int64_t now_ms,
                                 struct hm_principal *out_who, struct hm_err *err);

struct hm_http_server_options {
    const char *listen_address;  /* "0.0.0.0", "::" (both families), "127.0.0.1" */
    uint16_t port;               /* 0 = any, see hm_http_port */
    const char *certificate_pem; /* chain */
    const char *key_pem;
    const char *tls_priorities; /* GnuTLS; NULL = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" */
    unsigned threads;           /* 0 = one a core */
    unsigned connections_max;
    unsigned idle_timeout_s;       /* of a connection that sends nothing, or too slowly */
    size_t bodies_in_flight_bytes; /* received and not answered; over it: 503 with Retry-After */
    const struct hm_route *routes;
    size_t route_count;
    hm_access *access;
    void *app;
};

/* Binds, then serves. Two steps so that privileges can be dropped in between. */
enum hm_status hm_http_bind(const struct hm_http_server_options *options, struct hm_http **out_http,
                            struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_http_serve(struct hm_http *http, struct hm_err *err) HM_MUST_CHECK;

/* Wakes all held requests (req->stopping), waits for their answers, closes. NULL is fine. */
void hm_http_stop(struct hm_http *http);

uint16_t hm_http_port(const struct hm_http *http);

/* What happened since the start, and stands now; for metrics. */
struct hm_http_stats {
    uint64_t connections;       /* open now */
    uint64_t connections_total; /* accepted */
    uint64_t connections_over;  /* closed at once: connections_max */
    uint64_t slow_cut;          /* closed: head, body or reading the answer took too long */
    uint64_t held;              /* requests that wait now */
    uint64_t bodies_in_flight_bytes;
    uint64_t bodies_over; /* answered 503: bodies_in_flight_bytes */
};
void hm_http_stats(const struct hm_http *http, struct hm_http_stats *out_stats);

/* Answers of a row of options.routes by status class (2 to 5; others give 0); route route_count
 * stands for requests that met no row. */
uint64_t hm_http_answers(const struct hm_http *http, size_t route, unsigned status_class);

/* Inside a handler only: "the answer comes later". The handler then returns HM_OK with reply
 * untouched. resume is called once on a worker thread: after hm_ticket_wake, after timeout_ms,
 * or when the server stops. The owner must call hm_ticket_wake or hm_ticket_drop exactly once
 * for each ticket, from any thread, before or after the resume ran; both are safe then. The
 * request and its arena live until the answer is sent. NULL when there is no memory. */
struct hm_ticket *hm_req_hold(struct hm_req *req, int64_t timeout_ms, hm_handler *resume);
void hm_ticket_wake(struct hm_ticket *ticket);
void hm_ticket_drop(struct hm_ticket *ticket);

/* Query parameter, unescaped; NULL when absent. Header likewise, case folded. */
const char *hm_req_query(const struct hm_req *req, const char *name);
const char *hm_req_header(const struct hm_req *req, const char *name);

/* Name of the query parameter at a place, from 0; NULL past the last one. */
const char *hm_req_query_name(const struct hm_req *req, size_t at);

/* Decodes the body strictly (unknown members are refused). */
enum hm_status hm_req_record(struct hm_req *req, const struct hm_record *record, void *out,
                             struct hm_err *err) HM_MUST_CHECK;

/* Encodes one record as the whole body. */
enum hm_status hm_reply_record(struct hm_reply *reply, const struct hm_record *record,
                               const void *in, struct hm_err *err) HM_MUST_CHECK;

/* For tests of handlers without a socket: a request made by hand whose holds are kept in a list
 * that the test can wake. See tests/support/http_double.h. */
struct hm_http_double;
