/* common/net/http_client.h — one kept HTTPS connection to one server.
 * SPDX-License-Identifier: Apache-2.0
 *
 * libcurl inside. TLS 1.2 or later, verified against ca_path only (a private CA) or, where it is
 * NULL, the system's store. There is no switch that turns verification off. Redirects are not
 * followed. Threads: one client, one thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"

struct hm_http_client;

struct hm_http_options {
    const char *base_url;   /* "https://collector.example:5830", without trailing slash; on Windows
                             * with a CA file no address instead of the name */
    const char *ca_path;    /* PEM file; NULL = the system's store */
    const char *user_agent; /* "hm-agent/0.1.0" */
    int stop_fd;            /* becomes readable = give up with HM_EBUSY, code "stopped"; -1 none */
    size_t reply_cap_bytes; /* longest body taken; more is HM_ETOOBIG */
    int64_t connect_timeout_ms;
};

struct hm_http_header {
    const char *name;
    const char *value;
};

struct hm_http_request {
    const char *method;       /* "GET", "POST", "PUT", "DELETE" */
    const char *path;         /* "/v1/checkin?x=y", already escaped */
    const char *bearer;       /* token for Authorization, or NULL */
    const char *content_type; /* with a body */
    const void *body;
    size_t body_len;
    const struct hm_http_header *headers;
    size_t header_count;
    int64_t timeout_ms; /* of the whole exchange */
};

struct hm_http_reply {
    unsigned status;  /* 200, 304, 503 … */
    const char *body; /* in the arena; NUL-terminated */
    size_t body_len;
    const char *content_type; /* "" none */
    const char *etag;         /* "" none; with its quotes */
    int64_t retry_after_s;    /* -1 none; the date form is taken too */
    int64_t date_ms;          /* when it was sent by the server's clock; 0 none */
};

/* Once a program, before any thread. */
enum hm_status hm_http_init(struct hm_err *err) HM_MUST_CHECK;

enum hm_status hm_http_open(const struct hm_http_options *options,
                            struct hm_http_client **out_client, struct hm_err *err) HM_MUST_CHECK;
void hm_http_close(struct hm_http_client *client);

/* HM_OK for every HTTP answer whatever its status; HM_EIO when there was none, with a text that
 * names host, port and what to do (certificate, name, refused, time-out). */
enum hm_status hm_http_call(struct hm_http_client *client, const struct hm_http_request *request,
                            struct hm_arena *arena, struct hm_http_reply *out_reply,
                            struct hm_err *err) HM_MUST_CHECK;

/* First contact: fetches GET /v1/ca, and answers its PEM only when SHA-256 of the certificate's
 * DER bytes is ca_sha256 (64 hex digits): the one exchange that cannot be verified by a CA file,
 * which is why nothing secret is sent in it. HM_EDENIED when the fingerprint differs. */
enum hm_status hm_http_fetch_ca(const char *base_url, const char *ca_sha256, const char *user_agent,
                                struct hm_arena *arena, const char **out_pem,
                                struct hm_err *err) HM_MUST_CHECK;

/* Percent-escapes one query value or path segment. NULL on no memory. */
const char *hm_http_escape(struct hm_arena *arena, const char *text);
