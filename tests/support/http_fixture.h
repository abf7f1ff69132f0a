/* tests/support/http_fixture.h — the HTTPS server on loopback, with routes of a test's own.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/http/certificates.h"
#include "server/http/http.h"

struct http_fixture {
    struct hm_arena arena;
    struct hm_keypair ca;
    struct hm_keypair server;
    struct hm_http *http;
    uint16_t port;
};

/* options: routes, access and app, and what else a test wants; the rest is filled in. */
void http_fixture_start(struct http_fixture *fixture, struct hm_http_server_options options);
void http_fixture_stop(struct http_fixture *fixture);

/* Bearer "agent" is an agent, "viewer" and "admin" are operators; others are nobody. */
hm_access http_fixture_access;
