/* tests/unit/plan/test_policy.c — whom a policy means, when it may act, what it wants.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/plan_model.h"

#define MINUTE_MS 60000
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/* The document with this match tree, for the host below. */
struct match_case {
    const char *match;
    bool meets;
};

static const struct match_case match_cases[] = {
    {"{}",                                                                                false}, /* no condition meets nobody */
    {"{\"hosts\":[\"*\"]}",                                                               true },
    {"{\"hosts\":[\"MBX*\"]}",                                                            true },
    {"{\"hosts\":[\"web*\",\"mbx0?\"]}",                                                  true },
    {"{\"hosts\":[\"web*\"]}",                                                            false},
    {"{\"labels\":[\"site=paris\"]}",                                                     true },
    {"{\"labels\":[\"site=*\",\"tier=mail\"]}",                                           true },
    {"{\"labels\":[\"site=paris\",\"tier=web\"]}",                                        false},
    {"{\"os_family\":\"windows\"}",                                                       true },
    {"{\"os_family\":\"linux\"}",                                                         false},
    {"{\"version_min\":\"6.2\",\"version_max\":\"6.3\"}",                                 true },
    {"{\"version_min\":\"6.3.9600\"}",                                                    true },
    {"{\"version_min\":\"6.3.9601\"}",                                                    false},
    {"{\"version_min\":\"6.3.9600.1\"}",                                                  false},
    {"{\"version_max\":\"6.3.9599\"}",                                                    false},
    {"{\"version_max\":\"6\"}",                                                           true },
    {"{\"version_max\":\"10\"}",                                                          true },
    {"{\"version_min\":\"10.0\"}",                                                        false},
    {"{\"services\":[\"msexchange*\"]}",                                                  true },
    {"{\"services\":[\"MSExchangePOP3BE\",\"DNS\"]}",                                     false},
    {"{\"hosts\":[\"*\"],\"os_family\":\"linux\"}",                                       false},
    {"{\"any\":[{\"hosts\":[\"web*\"]},{\"labels\":[\"tier=mail\"]}]}",                   true },
    {"{\"any\":[{\"hosts\":[\"web*\"]},{\"labels\":[\"tier=web\"]}]}",                    false},
    {"{\"all\":[{\"hosts\":[\"mbx*\"]},{\"labels\":[\"tier=mail\"]}]}",                   true },
    {"{\"all\":[{\"hosts\":[\"mbx*\"]},{\"labels\":[\"tier=web\"]}]}",                    false},
    {"{\"not\":[{\"labels\":[\"tier=web\"]}]}",                                           true },
    {"{\"not\":[{\"labels\":[\"tier=mail\"]}]}",                                          false},
    {"{\"hosts\":[\"*\"],\"not\":[{\"labels\":[\"tier=web\"]},{\"hosts\":[\"mbx01\"]}]}", false},
    {"{\"not\":[{}]}",                                                                    false}, /* nor does the opposite of no condition meet all */
    {"{\"any\":[{\"all\":[{\"hosts\":[\"mbx*\"]}],\"not\":[{\"services\":[\"DNS\"]}]}]}", true },
};

static const struct hm_policy *matching(struct hm_model *model, const char *match)
{
    return hm_model_document(
        model, hm_arena_printf(&model->host.arena,
                               "{\"name\":\"p\",\"owner\":\"o\",\"reason\":\"r\",\"review\":"
                               "\"2030-01-01T00:00:00Z\",\"mode\":\"audit\",\"match\":%s}",
                               match));
}

static void test_match(void **state)
{
    static const char *label_rows[] = {"site=paris", "tier=mail"};
    const struct hm_strings labels = {label_rows, HM_COUNT(label_rows)};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(match_cases); i++) {
        struct hm_model model;

        hm_model_init(&model, "6.3.9600");
        hm_build_service(&model.host, "MSExchangePOP3BE");
        if (hm_policy_matches(matching(&model, match_cases[i].match), &model.host.inventory,
                              &labels, "mbx01") != match_cases[i].meets) {
            fail_msg("%s should %smeet the host", match_cases[i].match,
                     match_cases[i].meets ? "" : "not ");
        }
        hm_model_fini(&model);
    }
}

/* Services that nobody read are neither there nor absent. */
static void test_unknown_is_neither(void **state)
{
    struct hm_model model;
    const struct hm_inventory *host;

    (void)state;
    hm_model_init(&model, "6.3.9600");
    host = &model.host.inventory;
    model.host.inventory.has_services = false;
    assert_false(hm_policy_matches(matching(&model, "{\"services\":[\"DNS\"]}"), host, NULL, "a"));
    assert_false(hm_policy_matches(matching(&model, "{\"not\":[{\"services\":[\"DNS\"]}]}"), host,
                                   NULL, "a"));
    assert_true(hm_policy_matches(
        matching(&model, "{\"any\":[{\"services\":[\"DNS\"]},{\"hosts\":[\"a\"]}]}"), host, NULL,
        "a"));
    model.host.inventory.os.version = "";
    assert_false(hm_policy_matches(matching(&model, "{\"not\":[{\"version_min\":\"10\"}]}"), host,
                                   NULL, "a"));
    hm_model_fini(&model);
}

static void test_may_meet(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        bool may;
    } rows[] = {
        {"{\"hosts\":[\"a\"]}",            "{\"hosts\":[\"b\"]}",              true },
        {"{\"os_family\":\"linux\"}",      "{\"os_family\":\"windows\"}",      false},
        {"{\"os_family\":\"linux\"}",      "{\"hosts\":[\"*\"]}",              true },
        {"{\"version_min\":\"6.1\"}",      "{\"version_max\":\"5.2\"}",        false},
        {"{\"version_min\":\"5.2.3790\"}", "{\"version_max\":\"5.2\"}",        true },
        {"{\"version_min\":\"10\"}",       "{\"version_max\":\"10.0.17763\"}", true },
        {"{\"version_min\":\"6.1\"}",      "{\"version_min\":\"10.0\"}",       true },
        {"{\"labels\":[\"site=paris\"]}",  "{\"labels\":[\"site=rome\"]}",     false},
        {"{\"labels\":[\"site=paris\"]}",  "{\"labels\":[\"tier=rome\"]}",     true },
        {"{\"labels\":[\"site=p*\"]}",     "{\"labels\":[\"site=rome\"]}",     true },
        {"{\"labels\":[\"site=paris\"]}",  "{\"labels\":[\"SITE=Paris\"]}",    true },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_model model;
        const struct hm_policy *a;
        const struct hm_policy *b;

        hm_model_init(&model, NULL);
        a = matching(&model, rows[i].a);
        b = matching(&model, rows[i].b);
        assert_int_equal(hm_policies_may_meet(a, b), rows[i].may);
        assert_int_equal(hm_policies_may_meet(b, a), rows[i].may);
        hm_model_fini(&model);
    }
}

/* 1970-01-01 was a Thursday; the window is Saturday 22:00 for four hours. */
static void test_window(void **state)
{
    static const char *days[] = {"sat"};
    const struct hm_window window = {
        {days, 1},
        22 * 60, 240
    };
    const int64_t saturday = 2 * (int64_t)DAY_MS;
    static const struct {
        int64_t at;
        bool open;
    } rows[] = {
        {22 * HOUR_MS - 1,                   false},
        {22 * HOUR_MS,                       true },
        {24 * HOUR_MS,                       true },
        {26 * HOUR_MS - 1,                   true },
        {26 * HOUR_MS,                       false},
        {-2 * HOUR_MS,                       false}, /* Friday evening */
        {(int64_t)7 * DAY_MS + 23 * HOUR_MS, true },
        {-DAY_MS,                            false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(hm_window_is_open(&window, saturday + rows[i].at), rows[i].open);
    }
}

/* Each document has exactly one thing that cannot be. */
static const struct {
    const char *members;
    const char *word; /* of the reason; NULL = all is well */
} checks[] = {
    {"\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"1433\"}]",                      NULL              },
    {"\"reservations\":[{\"product\":\"x\",\"requirement\":\"y\"}]",                      NULL              },
    {"\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"1024-65535\"}]",                      NULL              },
    {"\"tcp_timed_wait_delay_s\":30",                                                     NULL              },
    {"\"tcp_timed_wait_delay_s\":300",                                                    NULL              },
    {"\"watch_s\":1",                                                                     "reserves nothing"},
    {"\"reservations\":[{\"protocol\":\"tcp\"}]",                                         "either"          },
    {"\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"1\",\"product\":\"x\"}]",       "either"          },
    {"\"reservations\":[{\"ports\":\"1433\"}]",                                           "protocol"        },
    {"\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"0-5\"}]",                       "port 0"          },
    {"\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"5\",\"requirement\":\"y\"}]",   "product"         },
    {"\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"1023-65535\"}]",                      "1024"            },
    {"\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"2000-2253\"}]",                       "255"             },
    {"\"ranges\":[{\"protocol\":\"udp\",\"range\":\"2000-3000\",\"headroom_min\":1002}]",
     "headroom_min"                                                                                         },
    {"\"ranges\":[{\"protocol\":\"udp\",\"range\":\"2000-3000\"},{\"protocol\":\"udp\",\"range\":"
     "\"2000-3000\"}]",                                                              "second"          },
    {"\"reservations\":[{\"product\":\"x\"}],\"window\":{\"weekdays\":[\"someday\"],"
     "\"start_minute\":0,\"minutes\":9}",                                            "someday"         },
};

static void test_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(checks); i++) {
        struct hm_model model;
        struct hm_err err = {0};
        struct hm_policy *policy;

        hm_model_init(&model, NULL);
        policy = hm_model_policy(&model, "p", checks[i].members);
        assert_int_equal(hm_policy_check(policy, &err), checks[i].word == NULL ? HM_OK : HM_EINVAL);
        assert_true(checks[i].word == NULL || strstr(err.text, checks[i].word) != NULL);
        hm_model_fini(&model);
    }
}

/* Documents with such values are not read at all; other callers fill the member in. */
static void test_check_timed_wait_delay(void **state)
{
    static const struct {
        uint32_t s;
        enum hm_status status;
    } rows[] = {
        {0,   HM_EINVAL},
        {29,  HM_EINVAL},
        {30,  HM_OK    },
        {300, HM_OK    },
        {301, HM_EINVAL},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_model model;
        struct hm_policy *policy;

        hm_model_init(&model, NULL);
        policy = hm_model_policy(&model, "p", "\"tcp_timed_wait_delay_s\":60");
        policy->tcp_timed_wait_delay_s = rows[i].s;
        assert_int_equal(hm_policy_check(policy, NULL), rows[i].status);
        hm_model_fini(&model);
    }
}

static void test_check_names(void **state)
{
    static const char *const bad[] = {"", "-a", "a-", "a--b", "A", "a b", "../a"};
    struct hm_model model;
    struct hm_policy *policy;

    (void)state;
    hm_model_init(&model, NULL);
    policy = hm_model_reserve(&model, "a-1", "tcp", "5");
    assert_int_equal(hm_policy_check(policy, NULL), HM_OK);
    for (size_t i = 0; i < HM_COUNT(bad); i++) {
        policy->name = bad[i];
        assert_int_equal(hm_policy_check(policy, NULL), HM_EINVAL);
    }
    policy->name = "a";
    policy->match.hosts.count = 0;
    assert_int_equal(hm_policy_check(policy, NULL), HM_EINVAL);
    hm_model_fini(&model);
}

static void test_wants(void **state)
{
    struct hm_model model;
    struct hm_product *product;
    struct hm_wants wants;
    const char *missing;

    (void)state;
    hm_model_init(&model, NULL);
    product = hm_build_product(&model.host, "mail", NULL, NULL);
    (void)hm_build_require(&model.host, product, "pop", HM_TCP, "9955", HM_KIND_SOCKET);
    (void)hm_build_require(&model.host, product, "web", HM_TCP, "444", HM_KIND_HTTPSYS);
    hm_build_require(&model.host, product, "v4", HM_TCP, "77", HM_KIND_RPC)->families =
        HM_FAMILIES_IPV4;
    (void)hm_model_policy(&model, "p",
                          "\"reservations\":[{\"product\":\"mail\",\"families\":\"ipv6\"},"
                          "{\"product\":\"gone\"},{\"protocol\":\"tcp\",\"ports\":\"5-6,9\"}]");
    assert_int_equal(hm_policy_wants(model.policies[0], &model.host.catalogue, &model.host.arena,
                                     &wants, &missing, NULL),
                     HM_OK);
    assert_string_equal(missing, "gone");
    assert_int_equal(wants.count, 3);
    assert_int_equal(wants.at[0].range.first, 5);
    assert_int_equal(wants.at[0].families, HM_FAMILIES_BOTH);
    assert_int_equal(wants.at[1].range.first, 9);
    assert_int_equal(wants.at[2].range.first, 9955);
    assert_int_equal(wants.at[2].families, HM_FAMILIES_IPV6);
    assert_string_equal(wants.at[2].product, "mail");
    hm_model_fini(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),       cmocka_unit_test(test_unknown_is_neither),
        cmocka_unit_test(test_may_meet),    cmocka_unit_test(test_window),
        cmocka_unit_test(test_check),       cmocka_unit_test(test_check_timed_wait_delay),
        cmocka_unit_test(test_check_names), cmocka_unit_test(test_wants),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
