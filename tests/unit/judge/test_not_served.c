/* tests/unit/judge/test_not_served.c — a product that runs and did not get its port.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"
#include "tests/support/pop3_host.h"

struct refused_case {
    const char *product;
    const char *provider;
    uint32_t id;
    const char *about;
    bool httpsys;
    bool refused;
};

/* The product runs, did not get its port since the boot, and nobody is seen there. */
static void test_product_that_runs_without_its_port(void **state)
{
    static const struct refused_case cases[] = {
        {"web",        "Microsoft-Windows-HttpEvent", 15005, "[::]:9955",    true,  true },
        {"web",        "Microsoft-Windows-HttpEvent", 15005, "0.0.0.0:9956", true,  false},
        {"web",        "Microsoft-Windows-HttpEvent", 15005, "",             true,  false},
        {"dns-server", "DNS",                         404,   "",             false, true },
        {"dns-server", "DNS",                         407,   "",             false, false},
        {"dns-server", "DNS",                         408,   "",             false, true },
        {"web",        "DNS",                         408,   "",             false, false},
        {"sql-server", "MSSQLSERVER",                 26023, "9955",         false, true },
        {"sql-server", "MSSQLSERVER",                 26023, "1433",         false, false},
        {"sql-server", "MSSQLSERVER",                 17182, "",             false, true },
        {"sql-server", "MSSQL$ACME",                  17182, "",             false, false},
        {"sql-server", "MSSQLSERVER",                 17826, "",             false, false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = pop3_host_new();
        struct hm_product *product = hm_build_product(build, cases[i].product, "Contoso", NULL);
        struct hm_service *service;
        const struct hm_verdict *verdict;
        const struct hm_finding *finding;

        print_message("%s %u %s\n", cases[i].provider, (unsigned)cases[i].id, cases[i].about);
        hm_build_dynamic(build, 49152, 65535);
        hm_build_require(build, product, "port", HM_TCP, "9955",
                         cases[i].httpsys ? HM_KIND_HTTPSYS : HM_KIND_SOCKET);
        service = hm_build_service_runs(build, "Contoso", true);
        service->start = HM_START_AUTOMATIC;
        hm_build_event(build, cases[i].provider, cases[i].id, cases[i].about);
        hm_build_judge(build);
        verdict = hm_build_verdict(build, cases[i].product, "port");
        finding = hm_build_finding(build, "required_port_not_served", "tcp 9955");
        assert_int_equal(verdict->state, cases[i].refused ? HM_UNKNOWN : HM_SAFE);
        assert_int_equal(hm_judgement_is_safe(&build->judgement), !cases[i].refused);
        assert_int_equal(finding != NULL, cases[i].refused);
        if (finding != NULL) {
            assert_non_null(strstr(verdict->text, cases[i].provider));
            assert_non_null(hm_build_evidence(finding, "event"));
        }
        hm_build_listener(build, HM_TCP, HM_IPV4, 9955, cases[i].httpsys ? "System" : "contoso.exe",
                          cases[i].httpsys ? "" : "Contoso",
                          cases[i].httpsys ? HM_KIND_HTTPSYS : HM_KIND_SOCKET);
        hm_build_judge(build);
        assert_null(hm_build_finding(build, "required_port_not_served", "tcp 9955"));
        pop3_host_free(build);
    }
}

/* SQL Server's event 17182 names no port: 26023 beside it does, and so does a listener. */
static void test_event_without_a_port(void **state)
{
    struct hm_build *build = pop3_host_new();
    struct hm_product *product = hm_build_product(build, "sql-server", "Contoso", NULL);

    (void)state;
    hm_build_dynamic(build, 49152, 65535);
    hm_build_require(build, product, "engine", HM_TCP, "1433", HM_KIND_SOCKET);
    hm_build_require(build, product, "admin", HM_TCP, "1434", HM_KIND_SOCKET);
    hm_build_service_runs(build, "Contoso", true)->start = HM_START_AUTOMATIC;
    hm_build_event(build, "MSSQLSERVER", 17182, "");
    hm_build_judge(build);
    assert_int_equal(hm_build_count_kind(build, "required_port_not_served"), 2);
    hm_build_event(build, "MSSQLSERVER", 26023, "1433");
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "sql-server", "engine")->state, HM_UNKNOWN);
    assert_int_equal(hm_build_verdict(build, "sql-server", "admin")->state, HM_SAFE);
    build->events.count = 1;
    hm_build_listener(build, HM_TCP, HM_IPV4, 1433, "contoso.exe", "Contoso", HM_KIND_SOCKET);
    hm_build_judge(build);
    assert_int_equal(hm_build_count_kind(build, "required_port_not_served"), 0);
    pop3_host_free(build);
}

struct place_case {
    const char *about; /* of the event */
    const char *seen;  /* address of the product's listener */
    bool served;
};

/* A service that bound one of two addresses serves a part of its clients. */
static void test_one_address_of_two(void **state)
{
    static const struct place_case cases[] = {
        {"10.1.1.5 <ipv4> 1433",  "127.0.0.1", false},
        {"10.1.1.5 <ipv4> 1433",  "10.1.1.6",  false},
        {"10.1.1.5 <ipv4> 1433",  "10.1.1.5",  true },
        {"10.1.1.5 <ipv4> 1433",  "0.0.0.0",   true },
        {"'any' <ipv4> 1433",     "127.0.0.1", false},
        {"'any' <ipv4> 1433",     "10.1.1.5",  true },
        {"'any' <ipv6> 1433",     "0.0.0.0",   false}, /* [::1]:2 shows that IPv6 was read */
        {"'any' <ipv6> 1433",     "::",        true },
        {"'any' <ipv6> 1433",     "::1",       false},
        {"FE80::1%3 <ipv6> 1433", "fe80::1%7", true },
        {"1433",                  "127.0.0.1", false},
        {"1433",                  "10.1.1.5",  true },
        {"1434",                  "127.0.0.1", true },
        {"",                      "127.0.0.1", false},
        {"",                      "10.1.1.5",  true },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const enum hm_family family = strchr(cases[i].seen, ':') != NULL ? HM_IPV6 : HM_IPV4;
        struct hm_build *build = pop3_host_new();
        struct hm_product *product = hm_build_product(build, "sql-server", "Contoso", NULL);
        const struct hm_verdict *verdict;

        print_message("%s, seen on %s\n", cases[i].about, cases[i].seen);
        hm_build_dynamic(build, 49152, 65535);
        hm_build_require(build, product, "engine", HM_TCP, "1433", HM_KIND_SOCKET);
        hm_build_service_runs(build, "Contoso", true)->start = HM_START_AUTOMATIC;
        hm_build_event(build, "MSSQLSERVER", 26023, cases[i].about);
        hm_build_listener(build, HM_TCP, HM_IPV6, 2, "other.exe", "", HM_KIND_SOCKET);
        hm_build_listener(build, HM_TCP, family, 1433, "contoso.exe", "Contoso", HM_KIND_SOCKET);
        build->listeners[build->inventory.listeners.count - 1].address = cases[i].seen;
        hm_build_judge(build);
        verdict = hm_build_verdict(build, "sql-server", "engine");
        assert_int_equal(verdict->state, cases[i].served ? HM_SAFE : HM_UNKNOWN);
        assert_int_equal(hm_build_count_kind(build, "required_port_not_served"), !cases[i].served);
        if (!cases[i].served) {
            assert_non_null(strstr(verdict->text, cases[i].seen));
        }
        pop3_host_free(build);
    }
}

struct lost_case {
    const char *provider;
    uint32_t id;
    const char *about;
    uint32_t error;
    const char *own;    /* address of the product's listener; NULL none */
    const char *holder; /* address of the other program's listener */
    enum hm_verdict_state verdict;
};

/* The product runs, did not get the port, and another program is seen to have it: that program is
 * no part of the product, and it is named. */
static void test_port_that_another_program_has(void **state)
{
    static const struct lost_case cases[] = {
        {"MSSQLSERVER",             26023, "'any' <ipv4> 1433",    0,     NULL,       "0.0.0.0",  HM_BLOCKED},
        {"MSSQLSERVER",             26023, "'any' <ipv4> 1433",    0,     NULL,       "10.1.1.6", HM_BLOCKED},
        {"MSSQLSERVER",             26023, "10.1.1.6 <ipv4> 1433", 0,     "10.1.1.5", "10.1.1.6", HM_BLOCKED},
        {"MSSQLSERVER",             26023, "10.1.1.6 <ipv4> 1433", 0,     "10.1.1.5", "10.1.1.7", HM_UNKNOWN},
        {"MSSQLSERVER",             26023, "10.1.1.6 <ipv4> 1433", 0,     "10.1.1.6", "10.1.1.7", HM_SAFE   },
        {"MSSQLSERVER",             26023, "'any' <ipv4> 1434",    0,     NULL,       "0.0.0.0",  HM_UNKNOWN},
        {"MSSQLSERVER",             17182, "",                     0,     NULL,       "0.0.0.0",  HM_BLOCKED},
        {"MSSQL$ACME",              17182, "",                     0,     NULL,       "0.0.0.0",  HM_UNKNOWN},
        {"Service Control Manager", 7024,  "Contoso",              10048, NULL,       "0.0.0.0",  HM_BLOCKED},
        {"Service Control Manager", 7024,  "Contoso",              5,     NULL,       "0.0.0.0",  HM_UNKNOWN},
        {"Service Control Manager", 7024,  "Other",                10048, NULL,       "0.0.0.0",  HM_UNKNOWN},
        {"Service Control Manager", 7024,  "Contoso",              10048, "10.1.1.5", "10.1.1.6", HM_SAFE   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = pop3_host_new();
        struct hm_product *product = hm_build_product(build, "sql-server", "Contoso", NULL);
        const struct hm_finding *finding;

        print_message("case %zu: %s\n", i, cases[i].about);
        hm_build_dynamic(build, 49152, 65535);
        hm_build_require(build, product, "engine", HM_TCP, "1433", HM_KIND_SOCKET);
        hm_build_service_runs(build, "Contoso", true)->start = HM_START_AUTOMATIC;
        hm_build_event(build, cases[i].provider, cases[i].id, cases[i].about);
        build->event_rows[0].error = cases[i].error;
        if (cases[i].own != NULL) {
            hm_build_listener(build, HM_TCP, HM_IPV4, 1433, "contoso.exe", "Contoso",
                              HM_KIND_SOCKET);
            build->listeners[build->inventory.listeners.count - 1].address = cases[i].own;
        }
        hm_build_listener(build, HM_TCP, HM_IPV4, 1433, "java.exe", "AcmeT", HM_KIND_SOCKET);
        build->listeners[build->inventory.listeners.count - 1].address = cases[i].holder;
        hm_build_judge(build);
        assert_int_equal(hm_build_verdict(build, "sql-server", "engine")->state, cases[i].verdict);
        finding = hm_build_finding(build, "required_port_held", "tcp 1433");
        assert_int_equal(finding != NULL, cases[i].verdict == HM_BLOCKED);
        if (finding != NULL) {
            assert_int_equal(finding->severity, HM_SEVERITY_HIGH);
            assert_string_equal(hm_build_evidence(finding, "holder"), "java.exe");
            assert_non_null(hm_build_evidence(finding, "event"));
            assert_non_null(strstr(finding->text, "does not serve it"));
            assert_null(strstr(finding->text, "is not known"));
            assert_int_equal(hm_build_count_kind(build, "unknown_listener_on_required_port"), 0);
        }
        pop3_host_free(build);
    }
}

struct asked_case {
    const char *about;
    const char *holder; /* program that listens on 9999; NULL nobody */
    const char *url;    /* a URL reservation of the port; NULL none */
    uint16_t port;
    bool found;
    enum hm_severity severity;
};

/* Somebody whom no product explains asked HTTP.sys for a port, and HTTP.sys does not serve it. */
static void test_port_that_http_sys_did_not_get(void **state)
{
    static const struct asked_case cases[] = {
        {"[::]:9999",     "java.exe", "http://+:9999/acme/", 9999, true,  HM_SEVERITY_HIGH  },
        {"0.0.0.0:9999",  "java.exe", NULL,                  9999, true,  HM_SEVERITY_HIGH  },
        {"[::]:9999",     NULL,       "http://+:9999/acme/", 9999, true,  HM_SEVERITY_HIGH  },
        {"[::]:9999",     NULL,       NULL,                  9999, true,  HM_SEVERITY_MEDIUM},
        {"[::]:5357",     NULL,       "http://*:5357/",      5357, true,  HM_SEVERITY_MEDIUM},
        {"[::]:9999",     "System",   "http://+:9999/acme/", 9999, false, HM_SEVERITY_LOW   },
        {"10.1.1.5:9999", "System",   NULL,                  9999, false, HM_SEVERITY_LOW   },
        {"",              "java.exe", NULL,                  9999, false, HM_SEVERITY_LOW   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = pop3_host_new();
        const struct hm_finding *finding;

        print_message("%s %s\n", cases[i].about, cases[i].holder == NULL ? "" : cases[i].holder);
        hm_build_dynamic(build, 49152, 65535);
        hm_build_event(build, "Microsoft-Windows-HttpEvent", 15005, cases[i].about);
        if (cases[i].holder != NULL) {
            const bool system = strcmp(cases[i].holder, "System") == 0;

            hm_build_listener(build, HM_TCP, HM_IPV4, cases[i].port, cases[i].holder, "",
                              system ? HM_KIND_HTTPSYS : HM_KIND_SOCKET);
        }
        if (cases[i].url != NULL) {
            build->configured_rows[0] = (struct hm_configured){.protocol = HM_TCP,
                                                               .port = cases[i].port,
                                                               .kind = HM_KIND_HTTPSYS,
                                                               .by = HM_BY_URL_RESERVATION,
                                                               .subject = cases[i].url};
            build->inventory.has_configured = true;
            build->inventory.configured = (struct hm_configured_list){build->configured_rows, 1};
        }
        hm_build_judge(build);
        finding = hm_build_finding(build, "required_port_not_served", NULL);
        assert_int_equal(finding != NULL, cases[i].found);
        if (finding != NULL) {
            assert_int_equal(finding->severity, cases[i].severity);
        }
        assert_int_equal(hm_judgement_is_safe(&build->judgement),
                         !cases[i].found || cases[i].severity != HM_SEVERITY_HIGH);
        pop3_host_free(build);
    }
}

/* HTTP.sys could not take one address: does the host still have it? */
static void test_address_that_is_gone(void **state)
{
    static const struct {
        const char *program; /* has a socket on that address; NULL: nobody */
        uint16_t port;
        enum hm_verdict_state verdict;
    } cases[] = {
        {NULL,      0,  HM_SAFE   },
        {"dns.exe", 53, HM_UNKNOWN},
        {"svc.exe", 54, HM_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = pop3_host_new();
        struct hm_product *product = hm_build_product(build, "web", "Contoso", NULL);
        const struct hm_finding *finding;

        print_message("case %zu\n", i);
        hm_build_dynamic(build, 49152, 65535);
        hm_build_require(build, product, "port", HM_TCP, "9955", HM_KIND_HTTPSYS);
        hm_build_service_runs(build, "Contoso", true)->start = HM_START_AUTOMATIC;
        hm_build_event(build, "Microsoft-Windows-HttpEvent", 15005, "10.1.1.77:9955");
        hm_build_listener(build, HM_TCP, HM_IPV4, 9955, "System", "", HM_KIND_HTTPSYS);
        build->listeners[build->inventory.listeners.count - 1].address = "10.1.1.5";
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 9955, "System", "")->address =
            "10.1.1.5";
        if (cases[i].program != NULL) {
            hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, cases[i].port,
                            cases[i].program, "")
                ->address = "10.1.1.77";
        }
        hm_build_judge(build);
        assert_int_equal(hm_build_verdict(build, "web", "port")->state, cases[i].verdict);
        finding = hm_build_finding(build, "required_port_not_served", "tcp 9955");
        assert_non_null(finding);
        assert_int_equal(finding->severity,
                         cases[i].verdict == HM_SAFE ? HM_SEVERITY_LOW : HM_SEVERITY_MEDIUM);
        pop3_host_free(build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product_that_runs_without_its_port),
        cmocka_unit_test(test_event_without_a_port),
        cmocka_unit_test(test_one_address_of_two),
        cmocka_unit_test(test_port_that_another_program_has),
        cmocka_unit_test(test_port_that_http_sys_did_not_get),
        cmocka_unit_test(test_address_that_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
