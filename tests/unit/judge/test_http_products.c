/* tests/unit/judge/test_http_products.c — products of HTTP.sys: nobody but System listens for them,
 * and the settings of HTTP.sys and IIS say on which ports.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

static void listen(struct hm_build *build, uint16_t port, const char *program,
                   enum hm_listener_kind kind)
{
    hm_build_listener(build, HM_TCP, HM_IPV4, port, program, "", kind);
    hm_build_listener(build, HM_TCP, HM_IPV6, port, program, "", kind);
}

/* The product runs, and another program has its port: it is no part of it. Unless the product
 * serves what may be used instead: then it may not need this one. */
static void test_foreign_program(void **state)
{
    static const struct {
        enum hm_listener_kind kind;
        const char *alternative;
        uint16_t served; /* by System, too; 0 none */
        enum hm_verdict_state verdict;
    } cases[] = {
        {HM_KIND_HTTPSYS, "",      0,    HM_BLOCKED},
        {HM_KIND_HTTPSYS, "",      5986, HM_BLOCKED},
        {HM_KIND_HTTPSYS, "https", 0,    HM_BLOCKED},
        {HM_KIND_HTTPSYS, "https", 5986, HM_UNKNOWN},
        {HM_KIND_SOCKET,  "",      0,    HM_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;
        struct hm_product *product;
        struct hm_requirement *row;
        const struct hm_verdict *verdict;
        const struct hm_finding *finding;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.17763");
        product = hm_build_product(&build, "winrm", "WinRM", NULL);
        row = hm_build_require(&build, product, "http", HM_TCP, "5985", cases[i].kind);
        row->alternative = cases[i].alternative;
        row = hm_build_require(&build, product, "https", HM_TCP, "5986", HM_KIND_HTTPSYS);
        row->optional = true;
        hm_build_service(&build, "WinRM");
        (void)hm_build_service_runs(&build, "WinRM", true);
        listen(&build, 5985, "java.exe", HM_KIND_SOCKET);
        if (cases[i].served != 0) {
            listen(&build, cases[i].served, "System", HM_KIND_HTTPSYS);
        }
        (void)hm_build_judge(&build);
        verdict = hm_build_verdict(&build, "winrm", "http");
        assert_non_null(verdict);
        assert_int_equal(verdict->state, cases[i].verdict);
        finding = hm_build_finding(&build, "required_port_held", "tcp 5985");
        assert_int_equal(finding != NULL, cases[i].verdict == HM_BLOCKED);
        finding = hm_build_finding(&build, "unknown_listener_on_required_port", "tcp 5985");
        assert_int_equal(finding != NULL, cases[i].verdict == HM_UNKNOWN);
        if (finding != NULL) { /* only a part of the product may become a companion */
            assert_int_equal(strstr(finding->steps.at[0].text, "companions") != NULL,
                             cases[i].kind == HM_KIND_SOCKET);
        }
        hm_build_fini(&build);
    }
}

/* Where all SSL bindings are known, they say whether a requirement counts that needs one. */
static void test_ssl_bindings(void **state)
{
    static const struct {
        uint16_t bound; /* 0: no SSL binding */
        bool partial;
        bool served;
        bool counts;
    } cases[] = {
        {0,     false, false, true },
        {443,   false, false, false},
        {443,   true,  false, true },
        {443,   false, true,  true },
        {49443, false, false, true },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.17763");
        hm_build_require(&build, hm_build_product(&build, "adfs", "adfssrv", NULL), "cert", HM_TCP,
                         "49443", HM_KIND_HTTPSYS)
            ->by_ssl_bindings = true;
        hm_build_service(&build, "adfssrv");
        if (cases[i].bound != 0) {
            hm_build_configured(&build, HM_TCP, cases[i].bound, HM_KIND_HTTPSYS, HM_BY_SSL_BINDING,
                                "x");
        }
        build.inventory.configured_partial = cases[i].partial;
        if (cases[i].served) {
            listen(&build, 49443, "System", HM_KIND_HTTPSYS);
        }
        (void)hm_build_judge(&build);
        assert_int_equal(hm_build_verdict(&build, "adfs", "cert") != NULL, cases[i].counts);
        hm_build_fini(&build);
    }
}

/* The bindings of IIS say it of web products, also where another source of the settings is missing;
 * a binding of theirs that another program has is blocked. */
static void test_iis_bindings(void **state)
{
    static const struct {
        uint16_t bound;
        bool partial;
        bool bindings_known;
        bool counts;
    } cases[] = {
        {80,   false, false, false},
        {80,   true,  true,  false},
        {80,   true,  false, true },
        {8530, false, false, true },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;
        const struct hm_verdict *verdict;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.17763");
        hm_build_require(&build, hm_build_product(&build, "wsus", "WsusService", NULL), "http",
                         HM_TCP, "8530", HM_KIND_HTTPSYS)
            ->by_iis_bindings = true;
        hm_build_service(&build, "WsusService");
        hm_build_service(&build, "W3SVC");
        hm_build_configured(&build, HM_TCP, cases[i].bound, HM_KIND_HTTPSYS, HM_BY_IIS_BINDING,
                            "http x");
        build.inventory.configured_partial = cases[i].partial;
        build.inventory.bindings_known = cases[i].bindings_known;
        listen(&build, 8530, "nginx.exe", HM_KIND_SOCKET);
        (void)hm_build_judge(&build);
        verdict = hm_build_verdict(&build, "wsus", "http");
        assert_int_equal(verdict != NULL, cases[i].counts);
        assert_true(verdict == NULL || verdict->state == HM_BLOCKED);
        hm_build_fini(&build);
    }
}

/* A product that was moved to another port does not serve it now: the settings of HTTP.sys name it.
 */
static void test_moved_and_not_served(void **state)
{
    enum how { DOWN, PENDING, RUNS, RUNS_BESIDE, RUNS_ELSEWHERE };
    static const struct {
        const char *service;
        const char *url; /* NULL: an SSL binding */
        enum how how;
        uint32_t exit_code;
        bool held;
        size_t verdicts;
        enum hm_verdict_state state;
    } cases[] = {
        {"SQLServerReportingServices", "http://+:50080/ReportServer/", DOWN,           0,    false, 1,
         HM_EXPOSED                                                                                              },
        {"SQLServerReportingServices", "http://+:50080/ReportServer/", DOWN,           1067, true,  1,
         HM_BLOCKED                                                                                              },
        {"SQLServerReportingServices", "http://+:50080/ReportServer/", PENDING,        0,    true,  1,
         HM_BLOCKED                                                                                              },
        {"SQLServerReportingServices", "http://+:50080/ReportServer/", RUNS,           0,    true,  1,
         HM_BLOCKED                                                                                              },
        {"SQLServerReportingServices", "http://+:50080/ReportServer/", RUNS,           0,    false, 0, HM_SAFE   },
        {"SQLServerReportingServices", "http://+:50080/ReportServer/", RUNS_BESIDE,    0,    true,  1,
         HM_UNKNOWN                                                                                              },
        {"SQLServerReportingServices", "http://+:50080/ReportServer/", RUNS_ELSEWHERE, 0,    true,  0,
         HM_SAFE                                                                                                 },
        {"WMSVC",                      NULL,                           DOWN,           0,    false, 1, HM_EXPOSED},
        {"WMSVC",                      NULL,                           DOWN,           1067, true,  1, HM_BLOCKED},
        {"WMSVC",                      "http://+:50080/acme/",         DOWN,           0,    false, 0, HM_SAFE   },
        {"AcmeWeb",                    "http://+:50080/acme/",         DOWN,           0,    false, 1, HM_EXPOSED},
        {"AcmeWeb",                    "http://+:50080/acme/",         RUNS,           0,    true,  1, HM_BLOCKED},
        {"AcmeWeb",                    "http://+:50080/x/",            DOWN,           1067, false, 1, HM_UNKNOWN},
        {"AcmeWeb",                    "http://+:50080/x/",            DOWN,           0,    false, 0, HM_SAFE   },
        {"AcmeWeb",                    "http://+:50080/x/",            RUNS,           0,    true,  0, HM_SAFE   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;
        struct hm_product *product;
        struct hm_requirement *row;
        struct hm_service *service;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.17763");
        product = hm_build_product(&build, "iis-management", "WMSVC", NULL);
        row = hm_build_require(&build, product, "remote", HM_TCP, "8172", HM_KIND_HTTPSYS);
        row->by_ssl_bindings = true;
        hm_build_service(&build, cases[i].service);
        service = hm_build_service_runs(&build, cases[i].service, cases[i].how >= RUNS);
        service->exit_code = cases[i].exit_code;
        service->has_runs = cases[i].how != PENDING;
        hm_build_configured(&build, HM_TCP, 50080, HM_KIND_HTTPSYS,
                            cases[i].url == NULL ? HM_BY_SSL_BINDING : HM_BY_URL_RESERVATION,
                            cases[i].url == NULL ? "0.0.0.0:50080" : cases[i].url);
        if (cases[i].how >= RUNS_BESIDE) {
            hm_build_configured(&build, HM_TCP, 8080, HM_KIND_HTTPSYS, HM_BY_URL_RESERVATION,
                                cases[i].how == RUNS_BESIDE ? "http://+:8080/Reports/"
                                                            : "http://+:8080/ReportServer/");
            listen(&build, 8080, "System", HM_KIND_HTTPSYS);
        }
        hm_build_configured(&build, HM_TCP, 443, HM_KIND_HTTPSYS, HM_BY_SSL_BINDING, "0.0.0.0:443");
        listen(&build, 443, "System", HM_KIND_HTTPSYS);
        if (cases[i].held) {
            listen(&build, 50080, "java.exe", HM_KIND_SOCKET);
        }
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.count, cases[i].verdicts);
        if (cases[i].verdicts > 0) {
            assert_int_equal(build.judgement.verdicts.at[0].state, cases[i].state);
        }
        hm_build_fini(&build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreign_program),
        cmocka_unit_test(test_ssl_bindings),
        cmocka_unit_test(test_iis_bindings),
        cmocka_unit_test(test_moved_and_not_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
