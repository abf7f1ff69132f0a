/* tests/unit/judge/test_services_unknown.c — services that no product of the catalogue has, or that
 * only the port book knows: what they say themselves counts, and nothing is dropped silently.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/str.h"
#include "tests/support/inventory_builder.h"
#include "tests/support/pop3_host.h"

struct unknown_case {
    const char *name;
    enum hm_service_start start;
    uint32_t exit_code;
    bool found;
    enum hm_severity severity;
};

/* No product has the service, and nobody has seen its port: what it ended with is all there is. */
static void test_failed_service_that_nobody_knows(void **state)
{
    static const struct unknown_case cases[] = {
        {"address in use",        HM_START_AUTOMATIC, 10048,       true,  HM_SEVERITY_HIGH  },
        {"reserved",              HM_START_DELAYED,   10013,       true,  HM_SEVERITY_HIGH  },
        {"as HRESULT",            HM_START_AUTOMATIC, 0x80072740u, true,  HM_SEVERITY_HIGH  },
        {"RPC end point",         HM_START_AUTOMATIC, 1740,        true,  HM_SEVERITY_HIGH  },
        {"triggered",             HM_START_TRIGGERED, 10048,       true,  HM_SEVERITY_HIGH  },
        {"a file or a port",      HM_START_AUTOMATIC, 32,          true,  HM_SEVERITY_MEDIUM},
        {"its dependency",        HM_START_AUTOMATIC, 1068,        false, 0                 },
        {"its account",           HM_START_AUTOMATIC, 1069,        false, 0                 },
        {"another error",         HM_START_AUTOMATIC, 1067,        true,  HM_SEVERITY_LOW   },
        {"another, triggered",    HM_START_TRIGGERED, 1067,        false, 0                 },
        {"on another node",       HM_START_CLUSTER,   10048,       false, 0                 },
        {"somebody started it",   HM_START_MANUAL,    10048,       true,  HM_SEVERITY_HIGH  },
        {"manual, another error", HM_START_MANUAL,    1067,        false, 0                 },
        {"manual, in order",      HM_START_MANUAL,    0,           false, 0                 },
        {"disabled",              HM_START_DISABLED,  10048,       false, 0                 },
        {"in order",              HM_START_AUTOMATIC, 0,           false, 0                 },
        {"nobody has tried",      HM_START_AUTOMATIC, 1077,        false, 0                 },
        {"disabled when started", HM_START_AUTOMATIC, 1058,        false, 0                 },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = pop3_host_new();
        struct hm_service *service = hm_build_service_runs(build, "ContosoLicensing", false);
        const struct hm_finding *finding;

        print_message("%s\n", cases[i].name);
        service->start = cases[i].start;
        service->exit_code = cases[i].exit_code;
        service->program = "licd.exe";
        hm_build_event(build, "Service Control Manager", 7024, "ContosoLicensing");
        hm_build_judge(build);
        finding = hm_build_finding(build, "service_not_running", "service ContosoLicensing");
        assert_int_equal(finding != NULL, cases[i].found);
        assert_int_equal(hm_judgement_is_safe(&build->judgement),
                         !cases[i].found || cases[i].severity != HM_SEVERITY_HIGH);
        if (finding != NULL) {
            assert_int_equal(finding->severity, cases[i].severity);
            assert_string_equal(hm_build_evidence(finding, "program"), "licd.exe");
            assert_non_null(hm_build_evidence(finding, "event"));
            assert_non_null(strstr(finding->text, "not known here"));
            assert_non_null(strstr(finding->remedy, "catalogue file"));
            assert_int_equal(finding->commands.count, 0);
        }
        service->runs = true;
        hm_build_judge(build);
        assert_int_equal(hm_build_count_kind(build, "service_not_running"), 0);
        service->runs = false;
        service->has_runs = false;
        hm_build_judge(build);
        assert_int_equal(hm_build_count_kind(build, "service_not_running"), 0);
        pop3_host_free(build);
    }
}

struct remembered_case {
    const char *name;
    enum hm_service_start start;
    const char *entry_service; /* of the port book's entry */
    uint16_t port;
    uint32_t boots;
    enum { TAKER_NOBODY, TAKER_PROGRAM, TAKER_SISTER, TAKER_SELF, TAKER_BLOCK } taker;
    bool blocked;
};

/* No product has the service, and the port book has seen its port: inside the dynamic range in two
 * boots; any other port was chosen. */
static void test_service_that_only_the_port_book_knows(void **state)
{
    static const struct remembered_case cases[] = {
        {"in the range",      HM_START_AUTOMATIC, "Contoso", 51000, 2, TAKER_PROGRAM, true },
        {"once: random",      HM_START_AUTOMATIC, "Contoso", 51000, 1, TAKER_PROGRAM, false},
        {"outside the range", HM_START_AUTOMATIC, "Contoso", 8085,  1, TAKER_PROGRAM, true },
        {"delayed",           HM_START_DELAYED,   "Contoso", 8085,  1, TAKER_PROGRAM, true },
        {"triggered",         HM_START_TRIGGERED, "Contoso", 8085,  1, TAKER_PROGRAM, true },
        {"cluster",           HM_START_CLUSTER,   "Contoso", 8085,  1, TAKER_PROGRAM, false},
        {"manual",            HM_START_MANUAL,    "Contoso", 8085,  1, TAKER_PROGRAM, false},
        {"no service",        HM_START_AUTOMATIC, "",        8085,  1, TAKER_PROGRAM, false},
        {"free",              HM_START_AUTOMATIC, "Contoso", 8085,  1, TAKER_NOBODY,  false},
        {"sister service",    HM_START_AUTOMATIC, "Contoso", 8085,  1, TAKER_SISTER,  true },
        {"itself",            HM_START_AUTOMATIC, "Contoso", 8085,  1, TAKER_SELF,    false},
        {"WinNAT",            HM_START_AUTOMATIC, "Contoso", 8085,  1, TAKER_BLOCK,   true },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = pop3_host_new();
        const struct hm_finding *finding;
        char subject[16];

        print_message("%s\n", cases[i].name);
        hm_build_dynamic(build, 49152, 65535);
        hm_build_service_runs(build, "Contoso", false)->start = cases[i].start;
        hm_build_remember(build, HM_TCP, cases[i].port, "java.exe", cases[i].entry_service,
                          HM_KIND_SOCKET, cases[i].boots);
        if (cases[i].taker == TAKER_BLOCK) {
            hm_build_runtime(build, HM_TCP, HM_IPV4, "8064-8163");
        } else if (cases[i].taker != TAKER_NOBODY) {
            hm_build_listener(build, HM_TCP, HM_IPV4, cases[i].port,
                              cases[i].taker == TAKER_PROGRAM ? "other.exe" : "java.exe",
                              cases[i].taker == TAKER_SISTER ? "Sister"
                              : cases[i].taker == TAKER_SELF ? "Contoso"
                                                             : "",
                              HM_KIND_SOCKET);
        }
        hm_build_judge(build);
        finding = hm_build_finding(build, "service_not_running", "service Contoso");
        assert_int_equal(finding != NULL, cases[i].blocked);
        assert_int_equal(hm_judgement_is_safe(&build->judgement), !cases[i].blocked);
        (void)snprintf(subject, sizeof(subject), "tcp-%u", (unsigned)cases[i].port);
        assert_int_equal(hm_build_verdict(build, "Contoso", subject) != NULL, cases[i].blocked);
        if (finding != NULL) {
            assert_int_equal(finding->severity, HM_SEVERITY_HIGH);
            assert_non_null(strstr(finding->text, "Contoso (observed): TCP "));
            assert_true(finding->steps.count > 0);
        }
        pop3_host_free(build);
    }
}

/* Its port belongs to a product of this host: that does not make the service start. */
static void test_port_of_a_product_that_a_service_had(void **state)
{
    struct hm_build *build = pop3_host_new();

    (void)state;
    pop3_host_put_product(build);
    hm_build_listener(build, HM_TCP, HM_IPV4, 9955, "pop3.exe", "MSExchangePOP3BE", HM_KIND_SOCKET);
    hm_build_service_runs(build, "Contoso", false);
    hm_build_remember(build, HM_TCP, 9955, "java.exe", "Contoso", HM_KIND_SOCKET, 3);
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "Contoso", "tcp-9955")->state, HM_BLOCKED);
    assert_non_null(hm_build_finding(build, "service_not_running", "service Contoso"));
    pop3_host_free(build);
}

struct retired_case {
    enum hm_entry_service state;
    enum hm_observed_why why;
};

/* Nobody can start it: its ports are not judged, and a line says so. */
static void test_service_that_is_disabled_or_gone(void **state)
{
    static const struct retired_case cases[] = {
        {HM_ENTRY_SERVICE_DISABLED, HM_OBSERVED_DISABLED},
        {HM_ENTRY_SERVICE_GONE,     HM_OBSERVED_GONE    },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = pop3_host_new();
        struct hm_port_entry *catalogued;
        struct hm_port_entry *observed;

        pop3_host_put_product(build);
        pop3_host_put_holder(build);
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 51000, "lsass.exe",
                        "Netlogon");
        catalogued = hm_build_remember(build, HM_TCP, 9955, "Pop3Service.exe", "MSExchangePOP3BE",
                                       HM_KIND_SOCKET, 5);
        observed =
            hm_build_remember(build, HM_TCP, 51000, "java.exe", "Contoso", HM_KIND_SOCKET, 5);
        hm_build_judge(build);
        assert_int_equal(hm_build_verdict(build, "pop3", "back-end")->state, HM_BLOCKED);
        assert_int_equal(hm_build_verdict(build, "Contoso", "tcp-51000")->state, HM_BLOCKED);
        catalogued->service_state = observed->service_state = cases[i].state;
        hm_build_judge(build);
        assert_int_equal(build->judgement.verdicts.count, 0);
        assert_true(hm_judgement_is_safe(&build->judgement));
        assert_int_equal(build->judgement.observed.count, 2);
        assert_int_equal(build->judgement.observed.at[0].why, cases[i].why);
        assert_string_equal(build->judgement.observed.at[0].name, "Contoso");
        assert_string_equal(build->judgement.observed.at[1].name, "MSExchangePOP3BE");
        pop3_host_free(build);
    }
}

/* A named instance of SQL Server: its port is dynamic or configured, and the catalogue cannot know
 * it; the Agent is down only because the instance is. */
static void test_named_instance(void **state)
{
    struct hm_build *build = pop3_host_new();
    struct hm_product *product = hm_build_product(build, "sql-server", "MSSQL$*|MSSQLSERVER", NULL);
    struct hm_requirement *engine =
        hm_build_require(build, product, "engine", HM_TCP, "1433", HM_KIND_SOCKET);
    struct hm_service *service = hm_build_service_runs(build, "MSSQL$PROD", false);
    const struct hm_finding *finding;

    (void)state;
    product->detect.services = hm_build_names(build, "MSSQL$*|MSSQLSERVER");
    engine->detect.services = hm_build_names(build, "MSSQLSERVER");
    service->exit_code = 1;
    hm_build_service_runs(build, "SQLAgent$PROD", false)->exit_code = 1068;
    hm_build_judge(build);
    assert_int_equal(build->judgement.findings.count,
                     1 + hm_build_count_kind(build, "dynamic_range_moved"));
    assert_int_equal(hm_build_finding(build, "service_not_running", NULL)->severity,
                     HM_SEVERITY_LOW);
    hm_build_event(build, "MSSQL$PROD", 26023, "");
    hm_build_judge(build);
    finding = hm_build_finding(build, "service_not_running", "service MSSQL$PROD");
    assert_int_equal(finding->severity, HM_SEVERITY_HIGH);
    assert_non_null(strstr(finding->text, "its log says that it did not get a port"));
    assert_non_null(strstr(finding->remedy, "TCP Dynamic Ports"));
    assert_null(hm_build_verdict(build, "sql-server", "engine")); /* 1433 is the default one's */
    assert_false(hm_judgement_is_safe(&build->judgement));
    pop3_host_free(build);
}

struct contradicting_case {
    const char *service; /* of the host */
    enum hm_service_start start;
    uint32_t exit_code;
    uint32_t error; /* of the event */
    bool runs;
    bool safe;
};

/* The log says that it ended with the error of a port, its state says nothing of the kind. */
static void test_log_contradicts_the_state(void **state)
{
    static const struct contradicting_case cases[] = {
        {"Contoso",  HM_START_AUTOMATIC, 0,    10048, false, false},
        {"Contoso",  HM_START_AUTOMATIC, 1067, 10048, false, false},
        {"Contoso",  HM_START_DELAYED,   0,    10013, false, false},
        {"Contoso",  HM_START_AUTOMATIC, 0,    13,    false, true }, /* no error of a port */
        {"Contoso",  HM_START_AUTOMATIC, 0,    0,     false, true }, /* a later start is known */
        {"Contoso",  HM_START_AUTOMATIC, 0,    10048, true,  true },
        {"Contoso",  HM_START_AUTOMATIC, 1077, 10048, false, true },
        {"Contoso",  HM_START_TRIGGERED, 0,    10048, false, true }, /* it stops by itself */
        {"Contoso",  HM_START_MANUAL,    0,    10048, false, true },
        {"Contoso",  HM_START_CLUSTER,   0,    10048, false, true },
        {"Fabrikam", HM_START_AUTOMATIC, 0,    10048, false, true }, /* another service's event */
    };

    (void)state;
    for (size_t known = 0; known < 2; known++) {
        for (size_t i = 0; i < HM_COUNT(cases); i++) {
            struct hm_build *build = pop3_host_new();
            struct hm_service *service =
                hm_build_service_runs(build, cases[i].service, cases[i].runs);

            print_message("%zu, %s\n", i, known ? "of a product" : "unknown");
            hm_build_dynamic(build, 49152, 65535);
            if (known) {
                hm_build_require(build, hm_build_product(build, "web", cases[i].service, NULL),
                                 "port", HM_TCP, "8443", HM_KIND_SOCKET);
            }
            service->start = cases[i].start;
            service->exit_code = cases[i].exit_code;
            hm_build_event(build, "Service Control Manager", 7024, "Contoso");
            build->event_rows[0].error = cases[i].error;
            hm_build_judge(build);
            assert_int_equal(hm_judgement_is_safe(&build->judgement), cases[i].safe);
            if (known) {
                assert_int_equal(hm_build_verdict(build, "web", "port")->state,
                                 cases[i].safe ? HM_SAFE : HM_UNKNOWN);
            }
            if (!cases[i].safe) {
                const struct hm_finding *finding =
                    hm_build_finding(build, "service_not_running", "service Contoso");

                assert_int_equal(finding->severity, HM_SEVERITY_HIGH);
                assert_non_null(strstr(finding->text, "the system's log says that it ended with"));
            }
            pop3_host_free(build);
        }
    }
}

/* On Linux an exit code is the program's own: 32 or 10048 say nothing of a port. */
static void test_exit_codes_of_linux(void **state)
{
    struct hm_build *build = calloc(1, sizeof(*build));
    struct hm_service *service;

    (void)state;
    assert_non_null(build);
    hm_build_init(build, NULL);
    service = hm_build_service_runs(build, "contoso", false);
    service->exit_code = 32;
    hm_build_judge(build);
    assert_true(hm_judgement_is_safe(&build->judgement));
    assert_int_equal(hm_build_finding(build, "service_not_running", NULL)->severity,
                     HM_SEVERITY_LOW);
    pop3_host_free(build);
}

/* Linux: a process of no unit with the program's name is not the service that is down. */
static void test_squatter_of_the_same_name(void **state)
{
    static const struct {
        bool runs;
        enum hm_verdict_state state;
    } cases[] = {
        {false, HM_BLOCKED},
        {true,  HM_EXPOSED}
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = malloc(sizeof(*build));

        assert_non_null(build);
        hm_build_init(build, NULL);
        hm_build_dynamic(build, 32768, 60999);
        hm_build_service_runs(build, "fixed", cases[i].runs);
        hm_build_remember(build, HM_TCP, 50100, "python3", "fixed", HM_KIND_SOCKET, 2);
        hm_build_listener(build, HM_TCP, HM_IPV4, 50100, "python3", "", HM_KIND_SOCKET);
        hm_build_judge(build);
        assert_int_equal(build->judgement.verdicts.count, 1);
        assert_int_equal(build->judgement.verdicts.at[0].state, cases[i].state);
        if (!cases[i].runs) {
            assert_string_equal(build->judgement.verdicts.at[0].product, "fixed");
        }
        hm_build_fini(build);
        free(build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failed_service_that_nobody_knows),
        cmocka_unit_test(test_service_that_only_the_port_book_knows),
        cmocka_unit_test(test_squatter_of_the_same_name),
        cmocka_unit_test(test_port_of_a_product_that_a_service_had),
        cmocka_unit_test(test_service_that_is_disabled_or_gone),
        cmocka_unit_test(test_named_instance),
        cmocka_unit_test(test_log_contradicts_the_state),
        cmocka_unit_test(test_exit_codes_of_linux),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
