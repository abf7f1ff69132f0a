/* tests/unit/plan/test_policy_lint.c — what is wrong with a policy, one case a problem.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/policy_lint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/plan_model.h"

/* The policy "p", beside an active policy "q" (NULL: none); the catalogue is made below. */
struct lint_case {
    const char *members;
    const char *other;
    const char *problems; /* "code/severity[/other]" of each, but for "everybody" */
};

#define PORTS(protocol, ports) "{\"protocol\":\"" protocol "\",\"ports\":\"" ports "\"}"
#define RESERVE(rows) "\"reservations\":[" rows "]"
#define RANGE(range) "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"" range "\"}]"
#define ROOM(range, min)                                                                           \
    "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"" range "\",\"headroom_min\":" min "}]"

static const struct lint_case cases[] = {
    {RESERVE(PORTS("tcp",                                      "9933,9955")),                          NULL,""},
    {RESERVE(PORTS("tcp",                                                        "9933,9955")),                                                                            RESERVE(PORTS("tcp","1433")), ""},
    {RESERVE(PORTS("tcp",                                                "9933") "," PORTS("tcp",                                                                                    "9930-9940")),                                                                             NULL, "overlap/warning"},
    {RESERVE(PORTS("tcp","9933") "," PORTS("udp","9933")),NULL, ""},
    {RESERVE("{\"protocol\":\"tcp\",\"ports\":\"5\",\"families\":\"ipv4\"},"
             "{\"protocol\":\"tcp\",\"ports\":\"5\",\"families\":\"ipv6\"}"),
     NULL,                                                                            ""},
    {RESERVE(PORTS("udp",                                                    "9506,9507")),                                                                                        NULL,                                                                                                                                                                                                                                                 "neighbours/warning"},
    {RESERVE(PORTS("udp",                                                     "9506") "," PORTS("udp",              "9507")),NULL, "neighbours/warning"},
    {RESERVE(PORTS("tcp","20000-24096")),NULL,"too_large/warning"},
    {RESERVE(PORTS("tcp",                                      "20000-28192")), NULL,"too_large/error"},
    {RESERVE(PORTS("tcp",                                    "8530")),                                                                          NULL,"must_not_exclude/error"},
    {RESERVE(PORTS("tcp",                                                    "8080")),                                                                                                                                     NULL,                                                                                                                                                                                                                                                                                                                                                                                                                                                                       "must_not_exclude/warning"},
    {RESERVE(PORTS("tcp",    "443")),                                      NULL,                                          "must_not_exclude/warning"},
    {RESERVE(PORTS("udp",                                      "5353")),                                 NULL,"must_not_exclude/error"},
    {RESERVE(PORTS("tcp",                                                        "5830")),                                                                            NULL,"own_port/note"},
    {RESERVE("{\"product\":\"nobody\"}"),                              NULL,                                                                    "product/error"},
    {RESERVE("{\"product\":\"wsus\"}"),                                                    NULL,                           "product/error"},
    {RESERVE("{\"product\":\"proxy\"}"),           NULL,             "must_not_exclude/warning"                                 },
    {RESERVE("{\"product\":\"payroll\"}"),                                      NULL,             ""},
    {RESERVE("{\"product\":\"payroll\"}," PORTS("udp",                                                        "9508")),                                                            NULL,"neighbours/warning"},
    {RANGE("49152-65535"),                                                        NULL,                                                              ""                                                                                                                                                                                                                                                                                                                                                                                                                           },
    {RANGE("1024-65535"),                                                        NULL,                                                             "own_port/warning range_floor/warning range_floor/note"                                                             },
    {RANGE("1025-65535") "," RESERVE(PORTS("tcp",                                                        "5830")),                                                           NULL,"own_port/note range_floor/note"},
    {ROOM("49152-50000",                                                        "849"),                                               NULL,                                                   ""},
    {ROOM("49152-50000",                                    "849") "," RESERVE(PORTS("tcp",                                                                          "49999")),                             NULL, "range_floor/error"},
    {RANGE("49152-65535"),                                                      RANGE("49152-65535"),                               ""},
    {RANGE("49152-65535"), RANGE("20000-65535"),"contradiction/error/q"},
    {RESERVE(PORTS("tcp",                                                    "49160")),ROOM("49152-50000",                "849"), "contradiction/error/q"},
    {ROOM("49152-50000","849"),RESERVE(PORTS("tcp","49160")), "contradiction/error/q"},
    {RESERVE(PORTS("tcp",                                       "9933")),            RESERVE(PORTS("tcp","9930-9940")), "overlap/note/q"},
    {"\"expires\":\"2020-01-01T00:00:00Z\"," RESERVE(PORTS("tcp",                                     "9933")),                                                                           NULL,"expired/error"},
    {"\"watch_s\":5",                                                      NULL,                                                              "invalid/error"                                                                                                                                                                                                                                                                                                                                                                                                                                                         },
};

#define DELAY(s) "\"tcp_timed_wait_delay_s\":" s

static const struct lint_case delay_cases[] = {
    {DELAY("60"), NULL,        "no_effect/warning"                      },
    {DELAY("60"), DELAY("60"), "no_effect/warning"                      },
    {DELAY("60"), DELAY("90"), "contradiction/error/q no_effect/warning"},
};

/* "match" in place of the one that matches every host. */
static const struct {
    const char *match;
    const char *problems;
} delay_matches[] = {
    {"{\"os_family\":\"windows\",\"version_max\":\"5.2\"}",             ""                 },
    {"{\"os_family\":\"windows\",\"version_max\":\"5.2\",\"services\":[\"MDaemon\"],"
     "\"labels\":[\"site=paris\"],\"hosts\":[\"m*\"]}",            ""                 },
    {"{\"all\":[{\"os_family\":\"windows\"},{\"any\":[{\"version_max\":\"5.0\"},"
     "{\"version_min\":\"5.2\",\"version_max\":\"5.2\"}]}]}",      ""                 },
    {"{\"os_family\":\"windows\",\"not\":[{\"version_min\":\"6\"}]}",   ""                 },
    {"{\"version_max\":\"5.2\"}",                                       "no_effect/warning"}, /* Linux 3.10 */
    {"{\"os_family\":\"windows\"}",                                     "no_effect/warning"},
    {"{\"services\":[\"MDaemon\"]}",                                    "no_effect/warning"},
    {"{\"labels\":[\"os=2003\"]}",                                      "no_effect/warning"},
    {"{\"os_family\":\"linux\"}",                                       "no_effect/error"  },
    {"{\"os_family\":\"windows\",\"version_min\":\"6\"}",               "no_effect/error"  },
    {"{\"version_min\":\"10.0.22000\",\"version_max\":\"10.0.22631\"}", "no_effect/error"  },
};

static void make_catalogue(struct hm_build *host)
{
    struct hm_product *product = hm_build_product(host, "wsus", "Wsus", NULL);
    struct hm_requirement *row =
        hm_build_require(host, product, "http", HM_TCP, "8530-8531", HM_KIND_HTTPSYS);

    row->by_iis_bindings = true; /* of this product alone: no port of many makers */
    (void)hm_build_require(host, product, "alt", HM_TCP, "8080", HM_KIND_HTTPSYS);
    product = hm_build_product(host, "iis", "W3SVC", NULL);
    row = hm_build_require(host, product, "https", HM_TCP, "443", HM_KIND_HTTPSYS);
    row->by_iis_bindings = true;
    row->optional = true;
    product = hm_build_product(host, "proxy", "proxy", NULL);
    (void)hm_build_require(host, product, "http", HM_TCP, "8080", HM_KIND_SOCKET);
    product = hm_build_product(host, "mdns", NULL, NULL);
    (void)hm_build_require(host, product, "mdns", HM_UDP, "5353", HM_KIND_SHARED);
    product = hm_build_product(host, "payroll", NULL, NULL);
    (void)hm_build_require(host, product, "manager", HM_UDP, "9506", HM_KIND_SOCKET);
    (void)hm_build_require(host, product, "console", HM_UDP, "9507", HM_KIND_SOCKET);
    product = hm_build_product(host, "havenmaster-collector", "hm-collector", NULL);
    (void)hm_build_require(host, product, "https", HM_TCP, "5830", HM_KIND_SOCKET);
}

static const char *lint(struct hm_model *model, struct hm_lint_problems *out_problems)
{
    const struct hm_lint_input input = {
        .policy = model->policies[0],
        .catalogue = &model->host.catalogue,
        .others = {model->policies, model->count}, /* itself is passed over */
        .now_ms = model->now_ms,
    };
    const char *text = "";

    assert_int_equal(hm_policy_lint(&input, &model->host.arena, out_problems, NULL), HM_OK);
    for (size_t i = 0; i < out_problems->count; i++) {
        const struct hm_lint_problem *row = &out_problems->at[i];

        assert_true(row->text[0] != '\0');
        if (strcmp(row->code, "everybody") != 0) {
            text = hm_arena_printf(&model->host.arena, "%s%s%s/%s%s%s", text,
                                   text[0] == '\0' ? "" : " ", row->code,
                                   hm_lint_severity_names[row->severity],
                                   row->other[0] == '\0' ? "" : "/", row->other);
        }
    }
    return text;
}

/* Who names SAP by its product is told to name the ports: moving the range is no cure for it. */
static void test_numbered_product(void **state)
{
    struct hm_lint_problems problems;
    struct hm_product *product;
    struct hm_model model;

    (void)state;
    hm_model_init(&model, NULL);
    product = hm_build_product(&model.host, "sap", "SAP???_??", NULL);
    hm_build_require(&model.host, product, "http", HM_TCP, "", HM_KIND_SOCKET)->numbered =
        (struct hm_numbered){"SAP???_##", "5##13"};
    product->requirements.at[0].has_numbered = true;
    (void)hm_model_policy(&model, "p", RESERVE("{\"product\":\"sap\"}"));
    assert_string_equal(lint(&model, &problems), "product/error");
    for (size_t i = 0; i < problems.count; i++) {
        if (strcmp(problems.at[i].code, "product") == 0) {
            assert_non_null(strstr(problems.at[i].text, "Name them: protocol and ports"));
            assert_null(strstr(problems.at[i].text, "Move the dynamic range"));
        }
    }
    hm_model_fini(&model);
}

static void check_case(const struct lint_case *row)
{
    struct hm_model model;
    struct hm_lint_problems problems;

    hm_model_init(&model, NULL);
    make_catalogue(&model.host);
    (void)hm_model_policy(&model, "p", row->members);
    if (row->other != NULL) {
        (void)hm_model_policy(&model, "q", row->other);
    }
    assert_string_equal(lint(&model, &problems), row->problems);
    hm_model_fini(&model);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        check_case(&cases[i]);
    }
}

static void test_timed_wait_delay(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(delay_cases); i++) {
        check_case(&delay_cases[i]);
    }
    for (size_t i = 0; i < HM_COUNT(delay_matches); i++) {
        struct hm_model model;
        struct hm_lint_problems problems;

        hm_model_init(&model, NULL);
        (void)hm_model_document(
            &model,
            hm_arena_printf(
                &model.host.arena,
                "{\"name\":\"p\",\"owner\":\"o\",\"reason\":\"r\",\"review\":"
                "\"2030-01-01T00:00:00Z\",\"mode\":\"enforce\",\"match\":%s," DELAY("60") "}",
                delay_matches[i].match));
        assert_string_equal(lint(&model, &problems), delay_matches[i].problems);
        hm_model_fini(&model);
    }
}

/* Both names are in the text; policies that cannot meet do not contradict. */
static void test_contradiction_names_both(void **state)
{
    struct hm_model model;
    struct hm_lint_problems problems;
    struct hm_policy *policies[2];

    (void)state;
    hm_model_init(&model, NULL);
    policies[0] = hm_model_policy(&model, "mail", RANGE("49152-65535"));
    policies[1] = hm_model_policy(&model, "web", RANGE("20000-65535"));
    (void)lint(&model, &problems);
    assert_int_equal(hm_lint_worst(&problems), HM_LINT_ERROR);
    assert_string_equal(problems.at[0].other, "web");
    assert_non_null(strstr(problems.at[0].text, "mail"));
    assert_non_null(strstr(problems.at[0].text, "web"));
    for (size_t i = 0; i < 2; i++) {
        policies[i]->match.has_os_family = true;
        policies[i]->match.os_family = i == 0 ? HM_OS_LINUX : HM_OS_WINDOWS;
    }
    assert_string_equal(lint(&model, &problems), "");
    assert_int_equal(hm_lint_worst(&problems), HM_LINT_NOTE);
    hm_model_fini(&model);
}

/* The collector is no Windows program. */
static void test_own_port_by_system(void **state)
{
    struct hm_model model;
    struct hm_lint_problems problems;
    struct hm_policy *policy;

    (void)state;
    hm_model_init(&model, NULL);
    make_catalogue(&model.host);
    policy = hm_model_policy(&model, "p", RANGE("1025-65534"));
    policy->match.has_os_family = true;
    policy->match.os_family = HM_OS_LINUX;
    assert_string_equal(lint(&model, &problems), "own_port/warning range_floor/note");
    policy->match.os_family = HM_OS_WINDOWS;
    assert_string_equal(lint(&model, &problems), "range_floor/note");
    hm_model_fini(&model);
}

/* What breaks on Windows alone is no matter for a policy that no Windows host can match, and no
 * word of it speaks of Windows. One for both systems is told all. */
static void test_linux_alone(void **state)
{
    static const struct {
        const char *body;
        const char *linux_alone;
        const char *windows_too;
    } systems[] = {
        {RESERVE(PORTS("tcp", "8530")),                                                      "",                         "must_not_exclude/error"  },
        {RESERVE(PORTS("udp", "5353")),                                                      "",                         "must_not_exclude/error"  },
        {RESERVE(PORTS("tcp", "443")),                                                       "",                         "must_not_exclude/warning"},
        {RESERVE(PORTS("udp", "9506") "," PORTS("udp",                                       "9507")),                   "neighbours/warning",
         "neighbours/warning"},
        {"\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"1024-65535\"},"
         "{\"protocol\":\"udp\",\"range\":\"1024-65535\"}]," RESERVE(PORTS("tcp",                   "5830")),
         "own_port/note range_floor/note", "range_floor/warning own_port/note range_floor/note"                                                                                                          },
    };
    static const char *const words[] = {"Windows", "RPC", "2003", "KB8", "1025", "netsh"};

    (void)state;
    for (size_t i = 0; i < 2 * HM_COUNT(systems); i++) {
        const bool alone = i % 2 == 0;
        struct hm_model model;
        struct hm_lint_problems problems;
        struct hm_policy *policy;

        print_message("%zu\n", i);
        hm_model_init(&model, NULL);
        make_catalogue(&model.host);
        policy = hm_model_policy(&model, "p", systems[i / 2].body);
        policy->match.has_os_family = alone;
        policy->match.os_family = HM_OS_LINUX;
        assert_string_equal(lint(&model, &problems),
                            alone ? systems[i / 2].linux_alone : systems[i / 2].windows_too);
        for (size_t k = 0; alone && k < problems.count; k++) {
            for (size_t j = 0; j < HM_COUNT(words); j++) {
                assert_null(strstr(problems.at[k].text, words[j]));
            }
        }
        hm_model_fini(&model);
    }
}

static void check_code(const char *problems)
{
    size_t len = strcspn(problems, "/");
    bool found = len == 0;

    for (size_t k = 0; k < hm_lint_codes_count; k++) {
        found = found || (strlen(hm_lint_codes[k].code) == len &&
                          strncmp(hm_lint_codes[k].code, problems, len) == 0);
    }
    assert_true(found);
}

/* Every code that is used is in the table, which is sorted. */
static void test_codes(void **state)
{
    (void)state;
    for (size_t i = 1; i < hm_lint_codes_count; i++) {
        assert_true(strcmp(hm_lint_codes[i - 1].code, hm_lint_codes[i].code) < 0);
    }
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        check_code(cases[i].problems);
    }
    for (size_t i = 0; i < HM_COUNT(delay_matches); i++) {
        check_code(delay_matches[i].problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_numbered_product),
        cmocka_unit_test(test_timed_wait_delay),
        cmocka_unit_test(test_contradiction_names_both),
        cmocka_unit_test(test_own_port_by_system),
        cmocka_unit_test(test_linux_alone),
        cmocka_unit_test(test_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
