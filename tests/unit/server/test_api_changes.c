/* tests/unit/server/test_api_changes.c — tokens and hosts: who may, what is said, what is logged.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/secret.h"
#include "server/api/access.h"
#include "server/api/api.h"
#include "server/store/entities.h"
#include "tests/support/api_double.h"

#define NOW_MS INT64_C(1790000000000)
#define NO_FINDINGS "{\"verdicts\":[],\"findings\":[],\"unknown\":[]}"

struct fixture {
    struct collector_double collector;
    struct api_double api;
};

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    collector_double_open(&f->collector, "sqlite::memory:");
    f->api = (struct api_double){.app = &f->collector.app, .role = HM_ROLE_ADMIN, .now_ms = NOW_MS};
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    collector_double_close(&f->collector);
    free(f);
    return 0;
}

static void expect_events(struct fixture *f, const char *filter, const char *says, unsigned count)
{
    const char *at;
    unsigned found = 0;

    assert_int_equal(api_double_call(&f->api, hm_api_events_list, NULL, filter, NULL), 200);
    for (at = f->api.body; (at = strstr(at, "\"hash\":")) != NULL; at++) {
        found++;
    }
    assert_int_equal(found, count);
    if (says != NULL && strstr(f->api.body, says) == NULL) {
        fail_msg("no %s in %s", says, f->api.body);
    }
}

static const struct {
    enum hm_role role;
    const char *body;
    unsigned status;
    const char *code;
} asked[] = {
    {HM_ROLE_OPERATOR, "{\"kind\":\"join\",\"name\":\"a\"}",                                       201, ""         },
    {HM_ROLE_OPERATOR, "{\"kind\":\"join\",\"name\":\"a\",\"labels\":[\"site=x\"],\"uses\":5}",    201,
     ""                                                                                                            },
    {HM_ROLE_OPERATOR, "{\"kind\":\"operator\",\"name\":\"a\",\"role\":\"viewer\"}",               403,
     "forbidden"                                                                                                   },
    {HM_ROLE_ADMIN,    "{\"kind\":\"operator\",\"name\":\"a\",\"role\":\"viewer\"}",               201, ""         },
    {HM_ROLE_ADMIN,    "{\"kind\":\"operator\",\"name\":\"a\",\"role\":\"admin\",\"valid_s\":60}", 201,
     ""                                                                                                            },
    {HM_ROLE_ADMIN,    "{\"kind\":\"operator\",\"name\":\"a\"}",                                   400, "bad_role" },
    {HM_ROLE_ADMIN,    "{\"kind\":\"operator\",\"name\":\"a\",\"role\":\"agent\"}",                400, "bad_role" },
    {HM_ROLE_ADMIN,    "{\"kind\":\"operator\",\"name\":\"a\",\"role\":\"viewer\",\"uses\":1}",    400,
     "bad_token"                                                                                                   },
    {HM_ROLE_ADMIN,    "{\"kind\":\"join\",\"name\":\"a\",\"role\":\"admin\"}",                    400, "bad_token"},
    {HM_ROLE_ADMIN,    "{\"kind\":\"join\",\"name\":\"a\",\"labels\":[\"nolabel\"]}",              400,
     "bad_label"                                                                                                   },
    {HM_ROLE_ADMIN,    "{\"kind\":\"join\",\"name\":\"a\",\"labels\":[\"=x\"]}",                   400, "bad_label"},
    {HM_ROLE_ADMIN,    "{\"kind\":\"join\",\"name\":\"a\\n\"}",                                    400, "bad_name" },
    {HM_ROLE_ADMIN,    "{\"kind\":\"magic\",\"name\":\"a\"}",                                      400, "bad_token"},
    {HM_ROLE_ADMIN,    "{\"kind\":\"join\",\"name\":\"\"}",                                        400, NULL       },
    {HM_ROLE_ADMIN,    "{\"kind\":\"join\"}",                                                      400, NULL       },
    {HM_ROLE_ADMIN,    "{\"kind\":\"join\",\"name\":\"a\",\"colour\":1}",                          400, NULL       },
    {HM_ROLE_ADMIN,    "[]",                                                                       400, NULL       },
    {HM_ROLE_ADMIN,    NULL,                                                                       400, "no_body"  },
};

static void test_making(void **state)
{
    struct fixture *f = *state;
    unsigned made = 0;
    size_t i;

    for (i = 0; i < HM_COUNT(asked); i++) {
        f->api.role = asked[i].role;
        if (api_double_call(&f->api, hm_api_tokens_post, NULL, NULL, asked[i].body) !=
                asked[i].status ||
            (asked[i].code != NULL && strcmp(f->api.code, asked[i].code) != 0)) {
            fail_msg("%s: %u %s %s", asked[i].body, f->api.status, f->api.code, f->api.text);
        }
        made += f->api.status == 201;
    }
    f->api.role = HM_ROLE_ADMIN;
    expect_events(f, "filter=kind=token_created", "\"actor\":\"token tester\"", made);
}

/* The secret works, is in no list, and stops working when it is revoked. */
static void test_secret(void **state)
{
    struct fixture *f = *state;
    struct hm_principal who;
    char secret[200];
    char id[64];
    struct hm_token token;

    assert_int_equal(api_double_call(&f->api, hm_api_tokens_post, NULL, NULL,
                                     "{\"kind\":\"operator\",\"name\":\"anna\",\"role\":"
                                     "\"viewer\",\"why\":\"new laptop\"}"),
                     201);
    api_double_member(&f->api, "secret", secret, sizeof(secret));
    api_double_member(&f->api, "id", id, sizeof(id));
    assert_int_equal(hm_token_parse(secret, &token, NULL), HM_OK);
    assert_int_equal(hm_api_access(f->api.app, secret, HM_ROLE_VIEWER, NOW_MS, &who, NULL), HM_OK);
    assert_int_equal(who.role, HM_ROLE_VIEWER);
    assert_int_equal(hm_api_access(f->api.app, secret, HM_ROLE_OPERATOR, NOW_MS, &who, NULL),
                     HM_EDENIED);
    assert_int_equal(api_double_call(&f->api, hm_api_tokens_list, NULL, NULL, NULL), 200);
    assert_non_null(strstr(f->api.body, id));
    assert_null(strstr(f->api.body, token.secret));
    expect_events(f, "filter=kind=token_created", "\"why\":\"new laptop\"", 1);
    assert_null(strstr(f->api.body, token.secret));

    f->api.role = HM_ROLE_OPERATOR;
    assert_int_equal(api_double_call(&f->api, hm_api_tokens_delete, id, NULL, NULL), 403);
    f->api.role = HM_ROLE_ADMIN;
    assert_int_equal(api_double_call(&f->api, hm_api_tokens_delete, id, "why=left", NULL), 204);
    assert_int_equal(hm_api_access(f->api.app, secret, HM_ROLE_VIEWER, NOW_MS, &who, NULL),
                     HM_EDENIED);
    assert_int_equal(api_double_call(&f->api, hm_api_tokens_delete, id, NULL, NULL), 204);
    expect_events(f, "filter=kind=token_revoked", "\"why\":\"left\"", 1);
    assert_int_equal(api_double_call(&f->api, hm_api_tokens_delete, "01zz", NULL, NULL), 404);
    assert_int_equal(api_double_call(&f->api, hm_api_tokens_delete, id, "x=1", NULL), 400);
}

/* A join token made over the API lets a host in; a removed host is out. */
static void test_host_life(void **state)
{
    struct fixture *f = *state;
    const struct agent_report report = {
        .boot_id = "boot-1",
        .seq = 1,
        .inventory = agent_double_inventory(&f->collector.arena, "6005-65534"),
        .findings = NO_FINDINGS,
    };
    struct agent_double agent;
    struct hm_principal who;
    char secret[200];

    assert_int_equal(api_double_call(&f->api, hm_api_tokens_post, NULL, NULL,
                                     "{\"kind\":\"join\",\"name\":\"rack\"}"),
                     201);
    api_double_member(&f->api, "secret", secret, sizeof(secret));
    assert_int_equal(agent_double_enroll(&agent, f->api.app, "mail01", secret, NOW_MS), 200);
    assert_int_equal(agent_double_checkin(&agent, &report, NOW_MS + 1000), 200);

    f->api.now_ms = NOW_MS + 2000;
    assert_int_equal(api_double_call(&f->api, hm_api_hosts_delete, "mail01", "why=scrapped", NULL),
                     204);
    assert_int_equal(api_double_call(&f->api, hm_api_hosts_get, "mail01", NULL, NULL), 404);
    assert_int_equal(
        hm_api_access(f->api.app, agent.secret, HM_ROLE_AGENT, NOW_MS + 3000, &who, NULL),
        HM_EDENIED);
    expect_events(f, "filter=kind=host_removed", "\"why\":\"scrapped\"", 1);
    assert_int_equal(
        api_double_call(&f->api, hm_api_hosts_get, agent.id, "at=2026-09-21T14:13:21Z", NULL),
        200); /* its past stays */
    assert_int_equal(api_double_call(&f->api, hm_api_hosts_delete, "mail01", NULL, NULL), 404);
}

/* ---- operators at the door ------------------------------------------------------------------- */

static enum hm_status put_operator(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_tokens_put(s, arg, err);
}

/* Each row is a good token with one thing wrong. */
static void test_operators_at_the_door(void **state)
{
    static const struct {
        const char *kind;
        int64_t expires_ms;
        bool revoked;
        bool other_secret;
        bool as_agent;
        enum hm_status want;
    } rows[] = {
        {"operator", 0,          false, false, false, HM_OK     },
        {"operator", NOW_MS + 1, false, false, false, HM_OK     },
        {"operator", NOW_MS,     false, false, false, HM_EDENIED},
        {"operator", 0,          true,  false, false, HM_EDENIED},
        {"operator", 0,          false, true,  false, HM_EDENIED},
        {"operator", 0,          false, false, true,  HM_EDENIED},
        {"join",     0,          false, false, false, HM_EDENIED},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_principal who = {.role = HM_ROLE_ANYONE};
        struct hm_err err = {.status = HM_OK};
        char text[HM_TOKEN_TEXT_BYTES];
        struct hm_token other;
        struct hm_token token;
        struct hm_token_row row = {.kind = rows[i].kind,
                                   .name = "anna",
                                   .role = "admin",
                                   .expires_ms = rows[i].expires_ms,
                                   .uses_left = 1,
                                   .revoked = rows[i].revoked};

        hm_token_new(rows[i].as_agent ? "hma" : "hmo", NOW_MS, NULL, &token);
        hm_token_new("hmo", NOW_MS, NULL, &other);
        row.id = token.id;
        hm_token_hash(rows[i].other_secret ? &other : &token, row.secret_hash);
        assert_int_equal(hm_store_write(f->collector.app.store, put_operator, &row, NULL), HM_OK);
        hm_operators_changed(f->collector.app.operators);
        hm_token_format(&token, text);
        if (hm_api_access(f->api.app, text, HM_ROLE_VIEWER, NOW_MS, &who, &err) != rows[i].want) {
            fail_msg("row %zu: %s", i, err.text);
        }
        assert_int_equal(who.role, rows[i].want == HM_OK ? HM_ROLE_ADMIN : HM_ROLE_ANYONE);
        if (rows[i].want != HM_OK) {
            assert_string_equal(hm_err_code(&err), "unauthenticated");
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_making, begin, end),
        cmocka_unit_test_setup_teardown(test_secret, begin, end),
        cmocka_unit_test_setup_teardown(test_host_life, begin, end),
        cmocka_unit_test_setup_teardown(test_operators_at_the_door, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
