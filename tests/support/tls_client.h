/* tests/support/tls_client.h — raw bytes over TLS to loopback, for what no HTTP library sends.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Verifies the server against the CA given. Failures of the connection itself end the test.
 * Threads: one client, one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_client;

struct tls_reply {
    unsigned status; /* 0: the server closed without an answer */
    char head[8192];
    char *body; /* malloc'ed; NUL-terminated */
    size_t body_len;
    bool closed; /* the connection ended with, or instead of, this answer */
};

struct tls_client *tls_open(uint16_t port, const char *ca_pem);
/* false when a new connection is closed at once, before any TLS. */
bool tls_is_taken(uint16_t port);
void tls_close(struct tls_client *client);

/* false when the server has gone. */
bool tls_send(struct tls_client *client, const void *bytes, size_t len);
bool tls_send_text(struct tls_client *client, const char *text);

/* Reads one answer (interim 100 answers are skipped), at most timeout_ms. no_body: to HEAD. */
void tls_read(struct tls_client *client, struct tls_reply *out_reply, bool no_body,
              int64_t timeout_ms);
void tls_reply_fini(struct tls_reply *reply);

/* Value of a header, in out; "" when there is none. */
const char *tls_header(const struct tls_reply *reply, const char *name, char *out, size_t size);

/* One request on the connection, and its answer. headers: whole lines with \r\n, or "". */
void tls_call(struct tls_client *client, const char *method, const char *path, const char *headers,
              const void *body, size_t body_len, struct tls_reply *out_reply);
