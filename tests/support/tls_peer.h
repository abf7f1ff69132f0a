/* tests/support/tls_peer.h — an HTTPS server on loopback that behaves as its paths are named.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   /plain     200 "hello", ETag "\"e1\"", Content-Type text/plain
 *   /echo      200, the request's head and body as they came
 *   /gzip      200, gzip, 5,000 times 'z'
 *   /bomb      200, gzip, 4 MB of zeros
 *   /long      200, 2 MB announced and sent
 *   /redirect  302 to /plain
 *   /busy      503, Retry-After: 7
 *   /empty     304
 *   /hold      never answers
 *   /close     closes the connection instead of an answer
 *   /v1/ca     200, its certificate, and another one behind it
 * One connection at a time; close clients before tls_peer_stop.
 */
#pragma once

#include <stddef.h>

struct tls_peer;

/* priority: GnuTLS priority string; NULL = "NORMAL". name: in the certificate. */
struct tls_peer *tls_peer_start(const char *priority, const char *name);
void tls_peer_stop(struct tls_peer *peer);

const char *tls_peer_url(const struct tls_peer *peer);     /* "https://localhost:PORT" */
const char *tls_peer_ca_path(const struct tls_peer *peer); /* file that vouches for it */
const char *tls_peer_sha256(const struct tls_peer *peer);  /* of its certificate */
unsigned tls_peer_connections(struct tls_peer *peer);      /* handshakes that worked */
unsigned tls_peer_requests(struct tls_peer *peer);
