/* tests/unit/ports/test_requirement.c — what a host has, and what is a product's own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/requirement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *services[] = {"MSExchangePOP3BE"};
static struct hm_listener listeners[] = {
    {.program = "Microsoft.Exchange.Pop3.exe", .service = "W3SVC"},
    {.program = "",                            .service = ""     },
};

static const struct hm_inventory host = {
    .has_listeners = true,
    .listeners = {listeners, 2},
    .has_services = true,
    .services = {services,  1},
};

static struct hm_detect detect(const char **service, const char **program)
{
    return (struct hm_detect){
        .services = {service, service[0] != NULL},
        .programs = {program, program[0] != NULL},
    };
}

static void test_detect_matches(void **state)
{
    static const struct {
        const char *service, *program;
        bool want;
    } cases[] = {
        {"MSExchangePOP3BE", NULL,               true },
        {"msexchangepop3be", NULL,               true },
        {"MSExchangePOP3",   NULL,               false},
        {"MSExchange*BE",    NULL,               true },
        {"MSExchangePOP?BE", NULL,               true },
        {"w3svc",            NULL,               true }, /* the service of a listener */
        {NULL,               "*.Pop3.EXE",       true },
        {NULL,               "MSExchangePOP3BE", false}, /* a service is no program */
        {"other",            "microsoft.exch*",  true },
        {"other",            "other.exe",        false},
        {NULL,               NULL,               false},
        {"",                 "",                 false}, /* unknown names match nothing */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *service = cases[i].service;
        const char *program = cases[i].program;
        struct hm_detect names = detect(&service, &program);

        assert_int_equal(hm_detect_matches(&names, &host), cases[i].want);
    }
}

static void test_unknown_matches_nothing(void **state)
{
    struct hm_inventory unknown = host;
    const char *service = "*";
    const char *program = "*";
    struct hm_detect names = detect(&service, &program);

    (void)state;
    unknown.has_services = false;
    unknown.has_listeners = false;
    assert_false(hm_detect_matches(&names, &unknown));
    names.always = true;
    assert_true(hm_detect_matches(&names, &unknown));
}

static void test_detect_owns(void **state)
{
    const char *service = "MSSQL$*";
    const char *program = "sqlservr.exe";
    struct hm_detect names = detect(&service, &program);

    (void)state;
    assert_true(hm_detect_owns(&names, "SQLSERVR.EXE", ""));
    assert_true(hm_detect_owns(&names, "", "mssql$prod"));
    assert_true(hm_detect_owns(&names, "other.exe", "MSSQL$PROD"));
    assert_false(hm_detect_owns(&names, "other.exe", "MSSQLSERVER"));
    assert_false(hm_detect_owns(&names, "", ""));
    assert_false(hm_detect_owns(&names, NULL, NULL));
    names.always = true; /* says where it is, not who it is */
    assert_false(hm_detect_owns(&names, "other.exe", ""));
}

static void test_companions(void **state)
{
    const char *service[] = {"semwebsrv"};
    const char *programs[] = {"epmd*"};
    const char *shared[] = {"httpd.exe", "java*.exe"};
    const struct hm_companions companions = {
        {service,  1},
        {programs, 1},
        {shared,   2}
    };

    (void)state;
    assert_true(hm_companions_own(&companions, "httpd.exe", "SEMWEBSRV"));
    assert_true(hm_companions_own(&companions, "EPMD.EXE", "ejabberd"));
    assert_false(hm_companions_own(&companions, "httpd.exe", ""));
    assert_false(hm_companions_own(&companions, "", ""));
    assert_true(hm_companions_share(&companions, "javaw.exe"));
    assert_false(hm_companions_share(&companions, "epmd.exe"));
    assert_false(hm_companions_share(&companions, ""));
    assert_false(hm_companions_share(&companions, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detect_matches),
        cmocka_unit_test(test_unknown_matches_nothing),
        cmocka_unit_test(test_detect_owns),
        cmocka_unit_test(test_companions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
