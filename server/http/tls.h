/* server/http/tls.h — head and body of a small answer as one TLS record.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP library sends them one by one over TLS: two system calls, two packets, two wake-ups of
 * the client. Between these two calls GnuTLS collects instead. Threads: the connection's worker. */
#pragma once

#include <stdbool.h>

struct MHD_Connection;

/* Only for answers that are small against a socket's buffer, on a connection that stays open. */
void hm_tls_collect(struct MHD_Connection *connection);

/* Sends what was collected. false: it does not go out (the client reads nothing), end it. */
bool hm_tls_flush(struct MHD_Connection *connection, int fd);
