/* tests/support/http_fixture.c — the HTTPS server on loopback, with routes of a test's own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/http_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/str.h"

static void must(enum hm_status st, const struct hm_err *err)
{
    if (st != HM_OK) {
        (void)fprintf(stderr, "http_fixture: %s\n", err->text);
        abort();
    }
}

void http_fixture_start(struct http_fixture *fixture, struct hm_http_server_options options)
{
    const char *names[] = {"localhost", "127.0.0.1"};
    const struct hm_strings all = {names, 2};
    struct hm_err err = {.status = HM_OK};

    memset(fixture, 0, sizeof(*fixture));
    hm_arena_init(&fixture->arena, 1024u * 1024u);
    must(hm_certificates_make_ca("Test CA", hm_clock_now_ms(), &fixture->arena, &fixture->ca, &err),
         &err);
    must(hm_certificates_make_server(&fixture->ca, &all, hm_clock_now_ms(), &fixture->arena,
                                     &fixture->server, &err),
         &err);
    options.listen_address = "127.0.0.1";
    options.certificate_pem = fixture->server.certificate_pem;
    options.key_pem = fixture->server.key_pem;
    options.threads = options.threads == 0 ? 2 : options.threads;
    options.connections_max = options.connections_max == 0 ? 200 : options.connections_max;
    options.idle_timeout_s = options.idle_timeout_s == 0 ? 30 : options.idle_timeout_s;
    if (options.bodies_in_flight_bytes == 0) {
        options.bodies_in_flight_bytes = 16u * 1024u * 1024u;
    }
    if (options.access == NULL) {
        options.access = http_fixture_access;
    }
    must(hm_http_bind(&options, &fixture->http, &err), &err);
    must(hm_http_serve(fixture->http, &err), &err);
    fixture->port = hm_http_port(fixture->http);
}

void http_fixture_stop(struct http_fixture *fixture)
{
    hm_http_stop(fixture->http);
    hm_arena_fini(&fixture->arena);
}

enum hm_status http_fixture_access(void *app, const char *bearer, enum hm_role needed,
                                   int64_t now_ms, struct hm_principal *out_who, struct hm_err *err)
{
    static const struct {
        const char *bearer;
        enum hm_role role;
    } known[] = {
        {"agent",  HM_ROLE_AGENT },
        {"viewer", HM_ROLE_VIEWER},
        {"admin",  HM_ROLE_ADMIN },
    };

    (void)app;
    (void)now_ms;
    for (size_t i = 0; bearer != NULL && i < HM_COUNT(known); i++) {
        if (strcmp(known[i].bearer, bearer) != 0) {
            continue;
        }
        if ((needed == HM_ROLE_AGENT) != (known[i].role == HM_ROLE_AGENT) ||
            known[i].role < needed) {
            return hm_fail_code(err, HM_EDENIED, "forbidden", "not for %s", bearer);
        }
        out_who->role = known[i].role;
        (void)hm_str_copy(out_who->name, sizeof(out_who->name), bearer);
        return HM_OK;
    }
    return hm_fail_code(err, HM_EDENIED, "unauthenticated", "who are you?");
}
