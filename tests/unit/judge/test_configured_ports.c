/* tests/unit/judge/test_configured_ports.c — ports of HTTP.sys and containers inside exclusions.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

#define KIND "reservation_excluded"

static void exclude(struct hm_build *build, enum hm_protocol protocol, const char *ports)
{
    hm_build_exclude(build, protocol, HM_IPV4, ports);
    hm_build_exclude(build, protocol, HM_IPV6, ports);
}

static void bind_site(struct hm_build *build, uint16_t port, bool manual)
{
    struct hm_configured_list *list = &build->inventory.configured;

    hm_build_configured(build, HM_TCP, port, HM_KIND_HTTPSYS, HM_BY_IIS_BINDING,
                        "https *:8443: (site Intranet)");
    list->at[list->count - 1].manual = manual;
}

/* A listener that reserves its port is judged wherever the port lies, once it is excluded. */
static void test_listener(void **state)
{
    static const struct {
        enum hm_listener_kind kind;
        bool excluded;
        bool blocked;
    } cases[] = {
        {HM_KIND_HTTPSYS,   true,  true },
        {HM_KIND_QUIC,      true,  true },
        {HM_KIND_CONTAINER, true,  true },
        {HM_KIND_HTTPSYS,   false, false},
        {HM_KIND_SOCKET,    true,  false},
        {HM_KIND_KERNEL,    true,  false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;
        const struct hm_finding *finding;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.17763");
        hm_build_listener(&build, HM_TCP, HM_IPV4, 8443, "System", "", cases[i].kind);
        hm_build_listener(&build, HM_TCP, HM_IPV6, 8443, "System", "", cases[i].kind);
        if (cases[i].excluded) {
            exclude(&build, HM_TCP, "8443");
        }
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.count, cases[i].blocked ? 1 : 0);
        finding = hm_build_finding(&build, "reserver_excluded", "tcp 8443");
        assert_int_equal(finding != NULL, cases[i].blocked);
        if (finding != NULL) {
            assert_int_equal(build.judgement.verdicts.at[0].state, HM_BLOCKED);
            assert_int_equal(finding->commands.count, 2); /* the rows, and nothing is added */
            assert_true(hm_build_command(finding, "netsh int ipv4 delete excludedportrange "
                                                  "protocol=tcp startport=8443 numberofports=1 "
                                                  "store=persistent") >= 0);
        }
        hm_build_fini(&build);
    }
}

/* A binding is a requirement where its service starts; otherwise, as for a reservation, a person
 * decides, and nothing is blocked. */
static void test_settings(void **state)
{
    static const struct {
        enum hm_configured_by by;
        enum hm_listener_kind kind;
        const char *service;
        bool manual;
        bool excluded;
        size_t verdicts;
        size_t findings;
    } cases[] = {
        {HM_BY_IIS_BINDING,     HM_KIND_HTTPSYS,   "W3SVC", false, false, 1, 0},
        {HM_BY_IIS_BINDING,     HM_KIND_HTTPSYS,   "WAS",   false, true,  1, 0},
        {HM_BY_IIS_BINDING,     HM_KIND_HTTPSYS,   "W3SVC", true,  true,  0, 1},
        {HM_BY_IIS_BINDING,     HM_KIND_HTTPSYS,   NULL,    false, true,  0, 1},
        {HM_BY_IIS_BINDING,     HM_KIND_HTTPSYS,   NULL,    false, false, 0, 0},
        {HM_BY_URL_RESERVATION, HM_KIND_HTTPSYS,   "W3SVC", false, true,  0, 1},
        {HM_BY_URL_RESERVATION, HM_KIND_HTTPSYS,   "W3SVC", false, false, 0, 0},
        {HM_BY_SSL_BINDING,     HM_KIND_HTTPSYS,   "W3SVC", false, true,  0, 1},
        {HM_BY_PUBLISHED_PORT,  HM_KIND_CONTAINER, "hns",   false, true,  1, 0},
        {HM_BY_PUBLISHED_PORT,  HM_KIND_CONTAINER, "hns",   false, false, 0, 0},
        {HM_BY_PUBLISHED_PORT,  HM_KIND_CONTAINER, NULL,    false, true,  0, 1},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.17763");
        hm_build_configured(&build, HM_TCP, 8443, cases[i].kind, cases[i].by, "x");
        build.configured_rows[0].manual = cases[i].manual;
        if (cases[i].service != NULL) {
            hm_build_service(&build, cases[i].service);
        }
        if (cases[i].excluded) {
            exclude(&build, HM_TCP, "8440-8450");
        }
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.count, cases[i].verdicts);
        if (cases[i].verdicts > 0) {
            assert_int_equal(build.judgement.verdicts.at[0].state,
                             cases[i].excluded ? HM_BLOCKED : HM_SAFE);
        }
        assert_int_equal(hm_build_count_kind(&build, KIND), cases[i].findings);
        if (cases[i].findings > 0) {
            const struct hm_finding *finding = hm_build_finding(&build, KIND, "tcp 8443");

            assert_int_equal(finding->severity, HM_SEVERITY_MEDIUM);
            assert_non_null(strstr(finding->text, hm_configured_by_labels[cases[i].by]));
            assert_int_equal(strstr(finding->text, "error 32") != NULL,
                             cases[i].kind == HM_KIND_HTTPSYS); /* of HTTP.sys only */
        }
        hm_build_fini(&build);
    }
}

/* Linux: the listener on a published port blocks it while the engine is down; while it runs, both
 * may use different addresses. */
static void test_published_on_linux(void **state)
{
    (void)state;
    for (unsigned runs = 0; runs < 2; runs++) {
        struct hm_build build;
        const struct hm_finding *finding;

        hm_build_init(&build, NULL);
        hm_build_dynamic(&build, 32768, 60999);
        hm_build_configured(&build, HM_TCP, 40000, HM_KIND_CONTAINER, HM_BY_PUBLISHED_PORT, "web");
        build.inventory.configured.at[0].service = "docker";
        hm_build_service(&build, "docker");
        hm_build_service_runs(&build, "docker", runs == 1);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 40000, "socat", "", HM_KIND_SOCKET);
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.at[0].state, runs ? HM_EXPOSED : HM_BLOCKED);
        assert_null(strstr(build.judgement.verdicts.at[0].text, "nothing has taken it"));
        finding = hm_build_finding(&build, "unknown_listener_on_required_port", NULL);
        assert_int_equal(finding != NULL, runs);
        if (runs) {
            assert_null(strstr(finding->remedy, "Get-HnsEndpoint"));
        }
        hm_build_fini(&build);
    }
}

/* A published port that anybody may be given, or that another program has, is not passed over. */
static void test_published(void **state)
{
    static const struct {
        uint16_t port;
        const char *row; /* NULL none */
        const char *listener;
        bool known;
        enum hm_verdict_state verdict;
    } cases[] = {
        {50555, NULL,          NULL,          true,  HM_EXPOSED},
        {50555, "50555",       NULL,          true,  HM_SAFE   },
        {50555, "50500-50599", NULL,          true,  HM_UNKNOWN},
        {8080,  NULL,          "tomcat9.exe", true,  HM_UNKNOWN},
        {8080,  NULL,          "dockerd.exe", false, HM_SAFE   },
        {8080,  NULL,          NULL,          false, HM_SAFE   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.17763");
        hm_build_configured(&build, HM_TCP, cases[i].port, HM_KIND_CONTAINER, HM_BY_PUBLISHED_PORT,
                            "x");
        hm_build_service(&build, "hns");
        for (unsigned f = 0; f < 2; f++) {
            const enum hm_family family = f == 0 ? HM_IPV4 : HM_IPV6;

            if (cases[i].row != NULL) {
                hm_build_runtime(&build, HM_TCP, family, cases[i].row);
            }
            if (cases[i].listener != NULL) {
                hm_build_listener(&build, HM_TCP, family, cases[i].port, cases[i].listener, "",
                                  HM_KIND_SOCKET);
            }
        }
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.count, cases[i].known ? 1 : 0);
        if (cases[i].known) {
            const struct hm_verdict *verdict = &build.judgement.verdicts.at[0];

            assert_int_equal(verdict->state, cases[i].verdict);
            assert_int_equal(verdict->has_after_boot, verdict->state == HM_SAFE);
        }
        hm_build_fini(&build);
    }
}

/* Somebody's service should run and does not: the reservation may be for it. */
static void test_reservation_beside_a_service_that_is_down(void **state)
{
    (void)state;
    for (unsigned runs = 0; runs < 2; runs++) {
        struct hm_build build;

        hm_build_init(&build, "10.0.17763");
        hm_build_configured(&build, HM_TCP, 8443, HM_KIND_HTTPSYS, HM_BY_URL_RESERVATION, "x");
        hm_build_service(&build, "ReportServer");
        (void)hm_build_service_runs(&build, "ReportServer", runs == 1);
        exclude(&build, HM_TCP, "8443");
        (void)hm_build_judge(&build);
        assert_int_equal(hm_build_finding(&build, KIND, "tcp 8443")->severity,
                         runs == 1 ? HM_SEVERITY_MEDIUM : HM_SEVERITY_HIGH);
        hm_build_fini(&build);
    }
}

/* The catalogue knows the default of such a product alone, all of a product with fixed ports. */
static void test_reservation_beside_a_known_product(void **state)
{
    (void)state;
    for (unsigned fixed = 0; fixed < 2; fixed++) {
        struct hm_requirement *requirement;
        struct hm_build build;

        hm_build_init(&build, "10.0.17763");
        requirement =
            hm_build_require(&build, hm_build_product(&build, "reports", "ReportServer", NULL),
                             "web", HM_TCP, "80", HM_KIND_HTTPSYS);
        requirement->safe_to_exclude = HM_EXCLUDE_NO;
        requirement->optional = fixed == 0;
        hm_build_configured(&build, HM_TCP, 8443, HM_KIND_HTTPSYS, HM_BY_URL_RESERVATION, "x");
        hm_build_service(&build, "ReportServer");
        (void)hm_build_service_runs(&build, "ReportServer", false);
        exclude(&build, HM_TCP, "8443");
        (void)hm_build_judge(&build);
        assert_int_equal(hm_build_finding(&build, KIND, "tcp 8443")->severity,
                         fixed == 1 ? HM_SEVERITY_MEDIUM : HM_SEVERITY_HIGH);
        hm_build_fini(&build);
    }
}

/* So does a reservation of it whose port another program has. */
static void test_refused_reservation_of_a_known_product(void **state)
{
    (void)state;
    for (unsigned fixed = 0; fixed < 2; fixed++) {
        size_t reservations = 0;
        struct hm_build build;

        hm_build_init(&build, "10.0.17763");
        hm_build_require(&build, hm_build_product(&build, "reports", "ReportServer", NULL), "web",
                         HM_TCP, "80", HM_KIND_HTTPSYS)
            ->optional = fixed == 0;
        hm_build_configured(&build, HM_TCP, 8443, HM_KIND_HTTPSYS, HM_BY_URL_RESERVATION, "x");
        hm_build_service(&build, "ReportServer");
        hm_build_service_runs(&build, "ReportServer", false)->exit_code = 32;
        hm_build_listener(&build, HM_TCP, HM_IPV4, 8443, "other.exe", "", HM_KIND_SOCKET);
        (void)hm_build_judge(&build);
        for (size_t i = 0; i < build.judgement.verdicts.count; i++) {
            reservations += strstr(build.judgement.verdicts.at[i].title, "URL reservation") != NULL;
        }
        assert_int_equal(reservations, fixed == 0);
        hm_build_fini(&build);
    }
}

#define BRANCH_CACHE "http://+:80/0131501b-d67f-491b-9a40-c4bf27bcb4d4/"

/* But a default of Windows is not its. */
static void test_default_beside_a_service_that_is_down(void **state)
{
    struct hm_build build;

    (void)state;
    hm_build_init(&build, "10.0.17763");
    hm_build_configured(&build, HM_TCP, 10243, HM_KIND_HTTPSYS, HM_BY_URL_RESERVATION,
                        "http://+:10243/WMPNSSv4/");
    hm_build_service_runs(&build, "AcmeWcf", false)->exit_code = 32;
    exclude(&build, HM_TCP, "10240-10250");
    (void)hm_build_judge(&build);
    assert_int_equal(hm_build_finding(&build, KIND, "tcp 10243")->severity, HM_SEVERITY_MEDIUM);
    hm_build_fini(&build);
}

/* A service that nobody knows ended with the error by which HTTP.sys finds a port in use: the port
 * of a reservation that another program has is what it needs. Those of every Windows say nothing.
 */
static void test_reservation_of_a_service_that_failed(void **state)
{
    static const struct {
        uint32_t exit_code;
        const char *subject;
        const char *program; /* listens on the port; NULL: nobody */
        uint16_t port;
        size_t verdicts;
        enum hm_verdict_state verdict;
    } cases[] = {
        {32,          "http://+:8099/acme/",                     "java.exe", 8099,  1, HM_BLOCKED},
        {0x80070020u, "http://+:8099/acme/",                     "java.exe", 8099,  1, HM_BLOCKED},
        {32,          "http://+:58099/acme/",                    NULL,       58099, 1, HM_EXPOSED},
        {32,          "http://+:8099/acme/",                     NULL,       8099,  0, HM_SAFE   },
        {32,          "http://+:8099/acme/",                     "System",   8099,  0, HM_SAFE   },
        {32,          "http://+:80/Temporary_Listen_Addresses/", "java.exe", 80,    0, HM_SAFE   },
        {32,          "http://*:5357/",                          "java.exe", 5357,  0, HM_SAFE   },
        {32,          BRANCH_CACHE,                              "java.exe", 80,    0, HM_SAFE   },
        {32,          "https://+:10245/WMPNSSv4/",               "java.exe", 10245, 0, HM_SAFE   },
        {10048,       "http://+:8099/acme/",                     "java.exe", 8099,  1, HM_BLOCKED},
        {0,           "http://+:8099/acme/",                     "java.exe", 8099,  1, HM_BLOCKED},
        {10048,       "http://+:8099/x/",                        NULL,       8099,  0, HM_SAFE   },
        {0,           "http://+:8099/x/",                        "java.exe", 8099,  0, HM_SAFE   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;
        const struct hm_finding *finding;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.17763");
        hm_build_configured(&build, HM_TCP, cases[i].port, HM_KIND_HTTPSYS, HM_BY_URL_RESERVATION,
                            cases[i].subject);
        hm_build_service(&build, "AcmeWcf");
        hm_build_service_runs(&build, "AcmeWcf", false)->exit_code = cases[i].exit_code;
        for (unsigned f = 0; cases[i].program != NULL && f < 2; f++) {
            hm_build_listener(&build, HM_TCP, f == 0 ? HM_IPV4 : HM_IPV6, cases[i].port,
                              cases[i].program, "", HM_KIND_SOCKET);
        }
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.count, cases[i].verdicts);
        finding = hm_build_finding(&build, "service_not_running", "service AcmeWcf");
        if (cases[i].verdicts > 0) {
            assert_int_equal(build.judgement.verdicts.at[0].state, cases[i].verdict);
            assert_string_equal(
                build.judgement.verdicts.at[0].title,
                hm_arena_printf(&build.arena, "URL reservation %s", cases[i].subject));
            assert_non_null(finding);
            assert_int_equal(finding->severity, cases[i].verdict == HM_BLOCKED
                                                    ? HM_SEVERITY_HIGH
                                                    : HM_SEVERITY_MEDIUM);
        }
        hm_build_fini(&build);
    }
}

/* A default of Windows is one service's; of the others the path says whose they are. */
static void test_whose_reservation(void **state)
{
    static const struct {
        const char *url;
        const char *service;
        const char *program;
        size_t blocked;
    } cases[] = {
        {BRANCH_CACHE,                        "PeerDistSvc",                "svchost.exe",   1},
        {BRANCH_CACHE,                        "AcmeWcf",                    "acme.exe",      0},
        {"http://*:80/acme/",                 "AcmeWcf",                    "acme.exe",      1},
        {"http://*:80/acme/",                 "OrderGateway",               "gate.exe",      0},
        {"http://*:80/x/",                    "OrderGateway",               "gate.exe",      1},
        {"http://*:80/x/",                    "Spooler",                    "spoolsv.exe",   0},
        {"http://*:80/api/",                  "apiGateway",                 "svchost.exe",   1},
        {"http://+:80/ReportServer_SQL2019/", "SQLServerReportingServices", "ReportSvc.exe", 1},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;
        struct hm_service *service;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.17763");
        hm_build_configured(&build, HM_TCP, 80, HM_KIND_HTTPSYS, HM_BY_URL_RESERVATION,
                            cases[i].url);
        if (strcmp(cases[i].service, "AcmeWcf") != 0) {
            hm_build_service_runs(&build, "AcmeWcf", true)->start = HM_START_MANUAL;
        }
        service = hm_build_service_runs(&build, cases[i].service, false);
        service->exit_code = 32;
        service->program = cases[i].program;
        hm_build_listener(&build, HM_TCP, HM_IPV4, 80, "httpd.exe", "Apache", HM_KIND_SOCKET);
        (void)hm_build_judge(&build);
        assert_int_equal(hm_build_count_kind(&build, "required_port_held"), cases[i].blocked);
        hm_build_fini(&build);
    }
}

/* Two settings of one port: the one that carries the service's name speaks. */
static void test_reservation_with_the_name(void **state)
{
    struct hm_build build;

    (void)state;
    hm_build_init(&build, "10.0.17763");
    hm_build_configured(&build, HM_TCP, 80, HM_KIND_HTTPSYS, HM_BY_URL_RESERVATION, BRANCH_CACHE);
    hm_build_configured(&build, HM_TCP, 80, HM_KIND_HTTPSYS, HM_BY_URL_RESERVATION,
                        "http://+:80/Reports/");
    hm_build_configured(&build, HM_TCP, 80, HM_KIND_HTTPSYS, HM_BY_URL_RESERVATION,
                        "http://+:80/ReportServer/");
    hm_build_service_runs(&build, "ReportServer", false)->exit_code = 32;
    hm_build_listener(&build, HM_TCP, HM_IPV4, 80, "nginx.exe", "", HM_KIND_SOCKET);
    (void)hm_build_judge(&build);
    assert_int_equal(build.judgement.verdicts.count, 1);
    assert_string_equal(build.judgement.verdicts.at[0].title,
                        "URL reservation http://+:80/ReportServer/");
    hm_build_fini(&build);
}

/* What HTTP.sys serves and a setting names was given to nobody, though its row is there. */
static void test_served_reservation(void **state)
{
    static const struct {
        enum hm_configured_by by;
        uint16_t named;
        bool exposed;
    } cases[] = {
        {HM_BY_URL_RESERVATION, 58086, true },
        {HM_BY_SSL_BINDING,     58086, true },
        {HM_BY_URL_RESERVATION, 58085, false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.17763");
        hm_build_configured(&build, HM_TCP, cases[i].named, HM_KIND_HTTPSYS, cases[i].by, "x");
        for (unsigned f = 0; f < 2; f++) {
            const enum hm_family family = f == 0 ? HM_IPV4 : HM_IPV6;

            hm_build_listener(&build, HM_TCP, family, 58086, "System", "", HM_KIND_HTTPSYS);
            hm_build_runtime(&build, HM_TCP, family, "58086");
        }
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.count, cases[i].exposed ? 1 : 0);
        assert_int_equal(build.judgement.observed.count, cases[i].exposed ? 0 : 1);
        if (cases[i].exposed) {
            assert_int_equal(build.judgement.verdicts.at[0].state, HM_EXPOSED);
        }
        hm_build_fini(&build);
    }
}

/* The catalogue's ports of IIS count where no binding is known, or not all of them; otherwise the
 * bindings say. */
static void test_bindings_outrank_the_catalogue(void **state)
{
    static const struct {
        bool known;
        bool partial;
        size_t verdicts;
    } cases[] = {
        {false, false, 1},
        {true,  false, 1},
        {true,  true,  2},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;
        struct hm_product *product;
        struct hm_requirement *row;

        hm_build_init(&build, "10.0.17763");
        product = hm_build_product(&build, "iis", "W3SVC", NULL);
        row = hm_build_require(&build, product, "http", HM_TCP, "80", HM_KIND_HTTPSYS);
        row->optional = true;
        row->when_down = true;
        row->by_iis_bindings = true;
        hm_build_service(&build, "W3SVC");
        (void)hm_build_service_runs(&build, "W3SVC", false);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 80, "nginx.exe", "nginx", HM_KIND_SOCKET);
        if (cases[i].known) {
            bind_site(&build, 8443, false);
        }
        build.inventory.configured_partial = cases[i].partial;
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.count, cases[i].verdicts);
        assert_int_equal(build.judgement.verdicts.at[0].state,
                         cases[i].known && !cases[i].partial ? HM_SAFE : HM_BLOCKED);
        assert_string_equal(build.judgement.verdicts.at[0].product, "iis");
        hm_build_fini(&build);
    }
}

/* A site of FTP or net.tcp has a plain socket: an exclusion protects it, a program that has its
 * port keeps it from it, and its port is not one that the system gave its svchost.exe. */
static void test_sockets_of_bindings(void **state)
{
    static const struct {
        uint16_t port;
        bool manual;
        bool excluded;
        const char *program; /* listens */
        const char *service;
        size_t verdicts;
        enum hm_verdict_state verdict;
    } cases[] = {
        {50021, false, false, "svchost.exe",   "ftpsvc", 1, HM_EXPOSED},
        {50021, false, true,  "svchost.exe",   "ftpsvc", 1, HM_SAFE   },
        {50021, true,  false, "svchost.exe",   "ftpsvc", 0, HM_SAFE   },
        {2121,  false, false, "svchost.exe",   "ftpsvc", 1, HM_SAFE   },
        {2121,  false, false, "filezilla.exe", "",       1, HM_BLOCKED},
        {2121,  true,  false, "filezilla.exe", "",       0, HM_SAFE   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        for (unsigned known = 0; known < 2; known++) {
            struct hm_build build;

            print_message("case %zu, %u\n", i, known);
            hm_build_init(&build, "10.0.17763");
            if (known == 1) { /* the product, too */
                hm_build_require(&build, hm_build_product(&build, "iis-ftp", "ftpsvc", NULL), "ftp",
                                 HM_TCP, "21", HM_KIND_SOCKET)
                    ->by_iis_bindings = true;
            }
            hm_build_service(&build, "ftpsvc");
            (void)hm_build_service_runs(&build, "ftpsvc", true);
            hm_build_configured(&build, HM_TCP, cases[i].port, HM_KIND_SOCKET, HM_BY_FTP_BINDING,
                                "ftp *:50021: (site a)");
            build.configured_rows[0].manual = cases[i].manual;
            for (unsigned f = 0; f < 2; f++) {
                hm_build_listener(&build, HM_TCP, f == 0 ? HM_IPV4 : HM_IPV6, cases[i].port,
                                  cases[i].program, cases[i].service, HM_KIND_SOCKET);
            }
            if (cases[i].excluded) {
                exclude(&build, HM_TCP, "50021");
            }
            (void)hm_build_judge(&build);
            assert_int_equal(build.judgement.verdicts.count, cases[i].verdicts);
            if (cases[i].verdicts > 0) {
                assert_int_equal(build.judgement.verdicts.at[0].state, cases[i].verdict);
            }
            for (size_t k = 0; k < build.judgement.observed.count; k++) {
                assert_int_not_equal(build.judgement.observed.at[k].why, HM_OBSERVED_RPC_ENDPOINT);
            }
            hm_build_fini(&build);
        }
    }
}

/* Reserved ports of 2003 and Linux hinder no bind. */
static void test_other_systems(void **state)
{
    static const char *const versions[] = {"5.2.3790", NULL};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(versions); i++) {
        struct hm_build build;

        hm_build_init(&build, versions[i]);
        bind_site(&build, 8443, true);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 8443, "System", "", HM_KIND_CONTAINER);
        hm_build_exclude(&build, HM_TCP, HM_IPV4, "8443");
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.count, 0);
        assert_int_equal(hm_build_count_kind(&build, KIND), 0);
        hm_build_fini(&build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listener),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_published_on_linux),
        cmocka_unit_test(test_reservation_beside_a_service_that_is_down),
        cmocka_unit_test(test_reservation_beside_a_known_product),
        cmocka_unit_test(test_refused_reservation_of_a_known_product),
        cmocka_unit_test(test_reservation_of_a_service_that_failed),
        cmocka_unit_test(test_default_beside_a_service_that_is_down),
        cmocka_unit_test(test_whose_reservation),
        cmocka_unit_test(test_reservation_with_the_name),
        cmocka_unit_test(test_served_reservation),
        cmocka_unit_test(test_bindings_outrank_the_catalogue),
        cmocka_unit_test(test_sockets_of_bindings),
        cmocka_unit_test(test_other_systems),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
