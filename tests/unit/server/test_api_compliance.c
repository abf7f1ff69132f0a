/* tests/unit/server/test_api_compliance.c — outcomes that hosts report, and what is shown of them:
 * rows, counts, exceptions.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/api/api.h"
#include "server/store/entities_policy.h"
#include "tests/support/api_double.h"

#define NOW_MS INT64_C(1790000000000) /* 2026-09-21T14:13:20Z */
#define DAY_MS INT64_C(86400000)

struct fixture {
    struct collector_double collector;
    struct api_double api;
    struct agent_double agent;
    unsigned seq;
};

static enum hm_status put_policy(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct hm_policy_row row = {.name = arg,
                                      .owner = "anna",
                                      .reason = "POP3",
                                      .mode = "enforce",
                                      .newest = 2,
                                      .state = HM_REVISION_ACTIVE,
                                      .live = 2,
                                      .live_state = HM_REVISION_ACTIVE};

    return hm_policies_put(s, &row, err);
}

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char name[] = "exchange";
    char token[200];

    assert_non_null(f);
    collector_double_open(&f->collector, "sqlite::memory:");
    f->api =
        (struct api_double){.app = &f->collector.app, .role = HM_ROLE_APPROVER, .now_ms = NOW_MS};
    assert_int_equal(hm_store_write(f->collector.app.store, put_policy, name, NULL), HM_OK);
    collector_double_token(&f->collector, NOW_MS, 1, token);
    assert_int_equal(agent_double_enroll(&f->agent, &f->collector.app, "mail01", token, NOW_MS),
                     200);
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

/* One check-in; a body of NULL is not sent. */
static void report(struct fixture *f, const char *inventory, const char *outcome, unsigned status)
{
    const struct agent_report r = {
        .boot_id = "b1", .seq = ++f->seq, .inventory = inventory, .outcome = outcome};

    if (agent_double_checkin(&f->agent, &r, NOW_MS + (int64_t)f->seq * 1000) != status) {
        fail_msg("%u %s %s", f->agent.status, f->agent.code, f->agent.body);
    }
}

static const char *outcome(struct fixture *f, const char *state, const char *more)
{
    return hm_arena_printf(&f->collector.arena,
                           "{\"policies\":[{\"policy\":\"exchange\",\"revision\":2,\"mode\":"
                           "\"enforce\",\"state\":\"%s\",\"since\":\"2026-09-21T14:13:21Z\","
                           "\"text\":\"as told\"%s}]}",
                           state, more);
}

static void call(struct fixture *f, hm_handler *handler, const char *query, unsigned status)
{
    if (api_double_call(&f->api, handler, NULL, query, NULL) != status) {
        fail_msg("%u %s %s", f->api.status, f->api.code, f->api.text);
    }
}

static void says(const struct fixture *f, const char *text)
{
    if (strstr(f->api.body, text) == NULL) {
        fail_msg("no %s in %s", text, f->api.body);
    }
}

static void says_not(const struct fixture *f, const char *text)
{
    if (strstr(f->api.body, text) != NULL) {
        fail_msg("%s in %s", text, f->api.body);
    }
}

static enum hm_status read_services(struct hm_session *s, void *arg, struct hm_err *err);

static enum hm_status keep_services(const struct hm_match_facts *facts, void *arg,
                                    struct hm_err *err)
{
    char *out = arg;

    (void)err;
    assert_string_equal(facts->name, "mail01");
    (void)snprintf(out, 100, "%s", facts->services != NULL ? facts->services : "(unknown)");
    return HM_OK;
}

static enum hm_status read_services(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_hosts_each_match_facts(s, "", 10, keep_services, arg, err);
}

static void test_services_follow_the_inventory(void **state)
{
    struct fixture *f = *state;
    char services[100] = "";

    report(f, agent_double_inventory(&f->collector.arena, "6005-65534"), NULL, 200);
    assert_int_equal(hm_store_read(f->collector.app.store, read_services, services, NULL), HM_OK);
    assert_string_equal(services, "MSExchangePOP3BE");
    report(f,
           "{\"os\":{\"family\":\"linux\",\"name\":\"Debian\",\"version\":\"6.1\",\"arch\":"
           "\"x86_64\"},\"stacks\":[],\"services\":[\"cron\",\"sshd\"]}",
           NULL, 200);
    assert_int_equal(hm_store_read(f->collector.app.store, read_services, services, NULL), HM_OK);
    assert_string_equal(services, "cron\nsshd");
}

static void test_outcome_is_followed(void **state)
{
    struct fixture *f = *state;
    const char *busy = ",\"why\":\"busy\",\"failing_since\":\"2026-09-21T14:13:21Z\",\"notes\":[{"
                       "\"policy\":\"exchange\",\"kind\":\"busy\","
                       "\"protocol\":\"tcp\",\"family\":\"ipv4\",\"ports\":\"9955\",\"text\":"
                       "\"held by lsass.exe\"}]";

    report(f, NULL, outcome(f, "waiting", busy), 200);
    call(f, hm_api_host_policies_list, NULL, 200);
    says(f, "\"host\":\"mail01\"");
    says(f, "\"policy\":\"exchange\",\"revision\":2,\"mode\":\"enforce\",\"state\":\"waiting\","
            "\"why\":\"busy\",\"text\":\"as told\"");
    says(f, "held by lsass.exe");
    says(f, "\"failing_since\":");
    says_not(f, "\"code\"");
    report(f, NULL, outcome(f, "verified", ""), 200);
    call(f, hm_api_host_policies_list, "filter=state=verified host=mail01", 200);
    says(f, "\"verified\":\"2026-09-21T14:13:2");
    says_not(f, "failing_since");
    call(f, hm_api_host_policies_list, "filter=state=waiting", 200);
    says_not(f, "mail01");
    call(f, hm_api_events_list, "filter=kind=policy_verified", 200);
    says(f, "\"actor\":\"agent mail01\"");
}

/* A report that cannot be read changes nothing, not half of it. */
static void test_bad_outcome(void **state)
{
    static const char *const bodies[] = {
        "[]", "{}", "{\"policies\":[{\"policy\":\"exchange\"}]}",
        ("{\"policies\":[{\"policy\":\"exchange\",\"revision\":2,\"mode\":\"enforce\",\"state\":"
         "\"excellent\",\"since\":\"2026-09-21T14:13:21Z\"}]}")};
    struct fixture *f = *state;

    for (size_t i = 0; i < HM_COUNT(bodies); i++) {
        report(f, NULL, bodies[i], 400);
        assert_string_equal(f->agent.code, "bad_document");
    }
    call(f, hm_api_host_policies_list, NULL, 200);
    says(f, "\"items\":[]");
    report(f, NULL, outcome(f, "verified", ",\"from_the_future\":1"), 200);
    call(f, hm_api_host_policies_list, NULL, 200);
    says(f, "\"state\":\"verified\"");
}

static enum hm_status silence(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct fixture *f = arg;
    struct hm_host_row row;
    enum hm_status st = hm_hosts_get_by_id(s, f->agent.id, &f->collector.arena, &row, err);

    row.silent_since_ms = NOW_MS;
    return st == HM_OK ? hm_hosts_put(s, &row, NOW_MS, err) : st;
}

static void test_counts(void **state)
{
    struct fixture *f = *state;

    call(f, hm_api_compliance_get, NULL, 200);
    says(f, "\"fleet\":{\"hosts\":0");
    says(f, "\"items\":[]");
    report(f, NULL, outcome(f, "verified", ""), 200);
    call(f, hm_api_compliance_get, NULL, 200);
    says(f, "\"fleet\":{\"hosts\":1,\"compliant\":1,");
    says(f, "\"items\":[{\"policy\":\"exchange\",\"hosts\":1,\"compliant\":1,");
    call(f, hm_api_compliance_get, "policy=exchange&label=site", 200);
    says(f, "{\"policy\":\"exchange\",\"group\":\"paris\",\"hosts\":1,");
    says(f, "\"fleet\":{\"hosts\":1,\"compliant\":1,");
    call(f, hm_api_compliance_get, "label=none", 200);
    says(f, "\"items\":[{\"policy\":\"exchange\",\"hosts\":1,");
    call(f, hm_api_compliance_get, "policy=none", 404);
    assert_string_equal(f->api.code, "unknown_policy");
    call(f, hm_api_compliance_get, "policy=", 400);
    call(f, hm_api_compliance_get, "filter=x", 400);

    /* Whoever is not heard of is not known to comply. */
    assert_int_equal(hm_store_write(f->collector.app.store, silence, f, NULL), HM_OK);
    call(f, hm_api_compliance_get, NULL, 200);
    says(f,
         "\"fleet\":{\"hosts\":1,\"compliant\":0,\"pending\":0,\"noncompliant\":0,\"unknown\":1");
    call(f, hm_api_host_policies_list, NULL, 200);
    says(f, "\"silent\":true");
}

static unsigned make(struct fixture *f, const char *policy, const char *host, const char *reason,
                     const char *expires)
{
    const char *body = hm_arena_printf(
        &f->collector.arena, "{\"policy\":\"%s\",\"host\":\"%s\",\"reason\":\"%s\"%s%s%s}", policy,
        host, reason, expires[0] != '\0' ? ",\"expires\":\"" : "", expires,
        expires[0] != '\0' ? "\"" : "");

    return api_double_call(&f->api, hm_api_exceptions_post, NULL, NULL, body);
}

static void test_exceptions(void **state)
{
    static const struct {
        const char *policy;
        const char *host;
        const char *reason;
        const char *expires;
        unsigned status;
        const char *code;
    } cases[] = {
        {"exchange", "mail01", "vendor", "2026-10-21T00:00:00Z", 201, ""              },
        {"",         "mail01", "vendor", "2027-09-22T14:13:20Z", 201, ""              },
        {"exchange", "mail01", "vendor", "2027-09-22T14:13:21Z", 400, "bad_expiry"    },
        {"exchange", "mail01", "vendor", "2026-09-21T14:13:20Z", 400, "bad_expiry"    },
        {"exchange", "mail01", "vendor", "",                     400, NULL            },
        {"exchange", "mail01", "",       "2026-10-21T00:00:00Z", 400, NULL            },
        {"exchange", "mail01", " \\t ",  "2026-10-21T00:00:00Z", 400, "no_reason"     },
        {"exchange", "mail02", "vendor", "2026-10-21T00:00:00Z", 404, NULL            },
        {"other",    "mail01", "vendor", "2026-10-21T00:00:00Z", 404, "unknown_policy"},
    };
    struct fixture *f = *state;
    char id[64];

    report(f, NULL, outcome(f, "failed", ""), 200);
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        if (make(f, cases[i].policy, cases[i].host, cases[i].reason, cases[i].expires) !=
                cases[i].status ||
            (cases[i].code != NULL && strcmp(f->api.code, cases[i].code) != 0)) {
            fail_msg("case %zu: %u %s %s", i, f->api.status, f->api.code, f->api.text);
        }
        if (i == 0) {
            api_double_member(&f->api, "id", id, sizeof(id));
            says(f, "\"approver\":\"tester\"");
            says(f, "\"host\":\"mail01\"");
        }
    }
    call(f, hm_api_exceptions_list, "filter=revoked=false", 200);
    says(f, id);
    call(f, hm_api_compliance_get, NULL, 200);
    says(f, "\"noncompliant\":0,\"unknown\":0,\"excepted\":1");
    call(f, hm_api_events_list, "filter=kind=exception_made", 200);
    says(f, "exchange until 2026-10-21T00:00:00Z");
    says(f, "\"why\":\"vendor\"");

    assert_int_equal(api_double_call(&f->api, hm_api_exceptions_delete, id, "why=fixed", NULL),
                     204);
    assert_int_equal(api_double_call(&f->api, hm_api_exceptions_delete, id, NULL, NULL), 204);
    assert_int_equal(api_double_call(&f->api, hm_api_exceptions_delete, "none", NULL, NULL), 404);
    call(f, hm_api_exceptions_list, "filter=revoked=true", 200);
    says(f, id);
    call(f, hm_api_events_list, "filter=kind=exception_revoked", 200);
    says(f, "\"why\":\"fixed\"");
    says_not(f, "\"id\":99");

    /* The other one has ended by itself a year later. */
    f->api.now_ms = NOW_MS + 367 * DAY_MS;
    call(f, hm_api_compliance_get, NULL, 200);
    says(f, "\"excepted\":0");
    f->api.now_ms = NOW_MS;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_services_follow_the_inventory, begin, end),
        cmocka_unit_test_setup_teardown(test_outcome_is_followed, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_outcome, begin, end),
        cmocka_unit_test_setup_teardown(test_counts, begin, end),
        cmocka_unit_test_setup_teardown(test_exceptions, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
