/* tests/unit/judge/test_services_down.c — a service that is down is the one that matters: what it
 * needs is judged, and when its port is the reason, that is said; but nobody cries wolf.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/str.h"
#include "common/judge/service_events.h"
#include "tests/support/inventory_builder.h"
#include "tests/support/pop3_host.h"

struct start_case {
    enum hm_service_start start;
    bool finding; /* with its port held */
    bool quiet;   /* with the port free, and with events that say it failed */
};

/* Cluster: it may run on another node. Manual and disabled: nobody wants it. */
static void test_which_starts_count(void **state)
{
    static const struct start_case cases[] = {
        {HM_START_AUTOMATIC, true,  false},
        {HM_START_DELAYED,   true,  false},
        {HM_START_TRIGGERED, true,  true },
        {HM_START_CLUSTER,   false, true },
        {HM_START_MANUAL,    false, true },
        {HM_START_DISABLED,  false, true },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = pop3_host_new();

        print_message("%s\n", hm_service_start_names[cases[i].start]);
        pop3_host_put_product(build);
        pop3_host_put_down(build, cases[i].start);
        hm_build_judge(build);
        assert_int_equal(hm_build_verdict(build, "pop3", "back-end")->state, HM_EXPOSED);
        assert_int_equal(hm_build_count_kind(build, "service_not_running"), 0); /* no wolf */
        hm_build_event(build, "Service Control Manager", 7023, "msexchangepop3be");
        hm_build_judge(build);
        assert_int_equal(hm_build_count_kind(build, "service_not_running"), !cases[i].quiet);
        pop3_host_put_holder(build);
        hm_build_judge(build);
        assert_int_equal(hm_build_verdict(build, "pop3", "back-end")->state, HM_BLOCKED);
        assert_int_equal(hm_build_count_kind(build, "service_not_running"), cases[i].finding);
        pop3_host_free(build);
    }
}

static void test_held_port(void **state)
{
    struct hm_build *build = pop3_host_new();
    const struct hm_finding *finding;

    (void)state;
    pop3_host_put_product(build);
    pop3_host_put_down(build, HM_START_AUTOMATIC)->exit_code = 10048;
    pop3_host_put_holder(build);
    hm_build_event(build, "Service Control Manager", 7024, "MSExchangePOP3BE");
    hm_build_event(build, "Service Control Manager", 7023, "Spooler");
    hm_build_judge(build);
    finding = hm_build_finding(build, "service_not_running", "service MSExchangePOP3BE");
    assert_non_null(finding);
    assert_int_equal(finding->severity, HM_SEVERITY_HIGH);
    assert_non_null(strstr(finding->text, "MSExchangePOP3BE starts by itself and does not run."));
    assert_non_null(strstr(finding->text, "lsass.exe (service Netlogon)"));
    assert_string_equal(hm_build_evidence(finding, "start"), "automatic");
    assert_string_equal(hm_build_evidence(finding, "exit_code"), "10048");
    assert_string_equal(hm_build_evidence(finding, "holder"), "lsass.exe");
    assert_string_equal(hm_build_evidence(finding, "holder_port"), "9955");
    assert_string_equal(hm_build_evidence(finding, "event"),
                        "Service Control Manager 7024, 2 times since the boot: the service ended "
                        "with an error of its own");
    assert_true(hm_build_command(finding, "net start MSExchangePOP3BE") >
                hm_build_command(finding, "netsh int ipv4 add excludedportrange protocol=tcp "
                                          "startport=9955 numberofports=1 store=persistent"));
    build->inventory.service_details.at[0].runs = true; /* it has started: another port is enough */
    hm_build_judge(build);
    assert_int_equal(hm_build_count_kind(build, "service_not_running"), 0);
    build->inventory.service_details.at[0].has_runs = false; /* and of what is not known, nothing */
    hm_build_judge(build);
    assert_int_equal(hm_build_count_kind(build, "service_not_running"), 0);
    pop3_host_free(build);
}

static bool find_command(const struct hm_finding *finding, const char *command)
{
    for (size_t i = 0; i < finding->commands.count; i++) {
        if (strcmp(finding->commands.at[i], command) == 0) {
            return true;
        }
    }
    print_message("no \"%s\" in: %s\n", command, finding->remedy);
    return false;
}

struct failed_case {
    const char *name;
    uint32_t exit_code;
    const char *provider;
    uint32_t event;
    uint16_t dynamic_first;
    bool found;
    enum hm_severity severity;
};

/* The holder may be gone again: the system says that the service failed. */
static void test_failed_with_a_free_port(void **state)
{
    static const struct failed_case cases[] = {
        {"stopped in order",     0,     "",                        0,    6005,  false, 0                 },
        {"nobody has tried",     1077,  "",                        0,    6005,  false, 0                 },
        {"address in use",       10048, "",                        0,    49152, true,  HM_SEVERITY_HIGH  },
        {"reserved",             10013, "",                        0,    6005,  true,  HM_SEVERITY_HIGH  },
        {"a file or a port",     32,    "",                        0,    49152, true,  HM_SEVERITY_MEDIUM},
        {"failed, in the range", 1,     "Service Control Manager", 7034, 6005,  true,
         HM_SEVERITY_MEDIUM                                                                              },
        {"failed, outside it",   1,     "Service Control Manager", 7034, 49152, true,  HM_SEVERITY_LOW   },
        {"another event",        1,     "Service Control Manager", 7036, 6005,  true,  HM_SEVERITY_MEDIUM},
        {"of somebody else",     1,     "Another Manager",         7023, 6005,  true,  HM_SEVERITY_MEDIUM},
        {"ended, outside it",    1067,  "",                        0,    49152, true,  HM_SEVERITY_LOW   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = pop3_host_new();
        const struct hm_finding *finding;

        print_message("%s\n", cases[i].name);
        hm_build_dynamic(build, cases[i].dynamic_first, 65534);
        pop3_host_put_product(build);
        pop3_host_put_down(build, HM_START_AUTOMATIC)->exit_code = cases[i].exit_code;
        if (cases[i].event != 0) {
            hm_build_event(build, cases[i].provider, cases[i].event, "MSExchangePOP3BE");
        }
        hm_build_judge(build);
        finding = hm_build_finding(build, "service_not_running", NULL);
        assert_int_equal(finding != NULL, cases[i].found);
        if (finding != NULL) {
            assert_int_equal(finding->severity, cases[i].severity);
            assert_true(find_command(finding, "net start MSExchangePOP3BE"));
            assert_null(strstr(finding->text, "Nothing holds")); /* nobody knows that */
        }
        if (cases[i].exit_code > 1 && cases[i].exit_code != 1077 &&
            cases[i].exit_code != 1067) { /* the cause may be there yet */
            assert_false(hm_judgement_is_safe(&build->judgement));
            assert_int_equal(hm_build_verdict(build, "pop3", "back-end")->state,
                             cases[i].dynamic_first > 9955 ? HM_UNKNOWN : HM_EXPOSED);
        }
        pop3_host_free(build);
    }
}

static size_t count_optional(const struct hm_build *build)
{
    const struct hm_observed_list *observed = &build->judgement.observed;
    size_t count = 0;

    for (size_t i = 0; i < observed->count; i++) {
        count += observed->at[i].why == HM_OBSERVED_OPTIONAL;
    }
    return count;
}

/* A port that few set-ups use: nothing says that this host does. It is listed, not judged, while
 * nothing has it and nothing may be given it; it counts otherwise, whatever the service ended with.
 */
static void test_optional_requirement_that_nobody_has_seen(void **state)
{
    struct hm_build *build = pop3_host_new();
    struct hm_service *service;

    (void)state;
    pop3_host_put_product(build)->optional = true;
    service = pop3_host_put_down(build, HM_START_AUTOMATIC);
    hm_build_dynamic(build, 49152, 65535);
    hm_build_judge(build);
    assert_int_equal(build->judgement.verdicts.count, 0);
    assert_true(hm_judgement_is_safe(&build->judgement));
    assert_int_equal(count_optional(build), 1);
    assert_string_equal(build->judgement.observed.at[0].name, "pop3");
    hm_build_dynamic(build, 6005, 65534); /* any client may be given it */
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "pop3", "back-end")->state, HM_EXPOSED);
    assert_int_equal(count_optional(build), 0);
    hm_build_exclude(build, HM_TCP, HM_IPV4, "9955");
    hm_build_exclude(build, HM_TCP, HM_IPV6, "9955");
    hm_build_judge(build);
    assert_true(hm_judgement_is_safe(&build->judgement));
    assert_int_equal(count_optional(build), 1);
    pop3_host_put_holder(build);
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "pop3", "back-end")->state, HM_BLOCKED);
    assert_string_equal(
        hm_build_evidence(hm_build_finding(build, "service_not_running", NULL), "holder"),
        "lsass.exe");
    assert_int_equal(count_optional(build), 0);
    service->runs = true; /* without the port, so it does not use it */
    hm_build_judge(build);
    assert_null(hm_build_verdict(build, "pop3", "back-end"));
    service->runs = false;
    service->start = HM_START_MANUAL;
    hm_build_judge(build);
    assert_null(hm_build_verdict(build, "pop3", "back-end"));
    assert_int_equal(count_optional(build), 0);
    pop3_host_free(build);
}

/* Which of the service's ports the error of a bind was about is not known. */
static void test_optional_requirement_and_the_error_of_a_port(void **state)
{
    struct hm_build *build = pop3_host_new();
    struct hm_requirement *requirement = pop3_host_put_product(build);

    (void)state;
    requirement->optional = true;
    pop3_host_put_down(build, HM_START_AUTOMATIC)->exit_code = 10048;
    hm_build_dynamic(build, 49152, 65535);
    hm_build_judge(build);
    assert_int_equal(build->judgement.verdicts.count, 0);
    assert_int_equal(count_optional(build), 1);
    assert_non_null(hm_build_finding(build, "service_not_running", NULL));
    requirement->reserve_only = true; /* any port of it will do: one that is given harms nobody */
    hm_build_dynamic(build, 6005, 65534);
    hm_build_judge(build);
    assert_int_equal(build->judgement.verdicts.count, 0);
    pop3_host_free(build);
}

/* Stopped in order, and manual: it starts at boot all the same when an automatic one depends on it.
 */
static void test_manual_service_that_another_needs(void **state)
{
    struct hm_build *build = pop3_host_new();
    struct hm_service *service;
    const struct hm_finding *finding;

    (void)state;
    (void)pop3_host_put_product(build);
    service = pop3_host_put_down(build, HM_START_MANUAL);
    pop3_host_put_holder(build);
    hm_build_judge(build);
    assert_int_equal(hm_build_count_kind(build, "service_not_running"), 0);
    service->start = HM_START_DEPENDENCY;
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "pop3", "back-end")->state, HM_BLOCKED);
    finding = hm_build_finding(build, "service_not_running", NULL);
    assert_non_null(finding);
    assert_non_null(strstr(finding->text, "a service that starts by itself and depends on it"));
    pop3_host_free(build);
}

/* The random ports of the DNS Server, where no client of the host gets any. */
static void test_optional_requirement_that_the_dns_pool_reaches(void **state)
{
    struct hm_build *build = pop3_host_new();
    struct hm_requirement *requirement = pop3_host_put_product(build);

    (void)state;
    requirement->optional = true;
    requirement->protocol = HM_UDP;
    pop3_host_put_down(build, HM_START_AUTOMATIC);
    hm_build_service_runs(build, "DNS", true)->program = "dns.exe";
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "pop3", "back-end")->state, HM_EXPOSED);
    assert_false(hm_judgement_is_safe(&build->judgement));
    pop3_host_free(build);
}

/* An exclusion keeps an HTTP.sys service down: it is deleted, and the service starts. */
static void test_excluded_by_an_administrator(void **state)
{
    struct hm_build *build = pop3_host_new();
    const struct hm_finding *finding;

    (void)state;
    pop3_host_put_product(build)->kind = HM_KIND_HTTPSYS;
    pop3_host_put_down(build, HM_START_AUTOMATIC);
    hm_build_exclude(build, HM_TCP, HM_IPV4, "9955");
    hm_build_judge(build);
    finding = hm_build_finding(build, "service_not_running", NULL);
    assert_non_null(finding);
    assert_true(find_command(finding, "netsh int ipv4 delete excludedportrange protocol=tcp "
                                      "startport=9955 numberofports=1 store=persistent"));
    assert_true(find_command(finding, "net start MSExchangePOP3BE"));
    pop3_host_free(build);
}

/* Nothing listens while the service is down: that is no sign that nothing will. */
static void test_default_port_of_a_service_that_is_down(void **state)
{
    struct hm_build *build = pop3_host_new();
    struct hm_requirement *requirement;
    struct hm_service *service;

    (void)state;
    requirement = pop3_host_put_product(build);
    requirement->optional = true;
    requirement->when_down = true;
    service = pop3_host_put_down(build, HM_START_AUTOMATIC);
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "pop3", "back-end")->state, HM_EXPOSED);
    pop3_host_put_holder(build);
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "pop3", "back-end")->state, HM_BLOCKED);
    /* The port book has seen the service, and only on another port. */
    hm_build_remember(build, HM_TCP, 995, "Microsoft.Exchange.Pop3Service.exe", "MSExchangePOP3BE",
                      HM_KIND_SOCKET, 3);
    hm_build_judge(build);
    assert_null(hm_build_verdict(build, "pop3", "back-end"));
    build->inventory.has_port_book = false;
    service->start = HM_START_TRIGGERED; /* such a one stops by itself: nobody cries wolf */
    hm_build_judge(build);
    assert_null(hm_build_verdict(build, "pop3", "back-end"));
    service->start = HM_START_AUTOMATIC;
    service->runs = true;
    hm_build_judge(build);
    assert_null(hm_build_verdict(build, "pop3", "back-end"));
    pop3_host_free(build);
}

/* sppsvc of a host that is no Key Management Service host: the service exists on every Windows and
 * stops by itself. Only a listener, or the port book, shows that the port is needed. */
static void test_service_of_every_windows_is_no_sign(void **state)
{
    struct hm_build *build = pop3_host_new();
    struct hm_requirement *requirement = pop3_host_put_product(build);
    struct hm_service *service = pop3_host_put_down(build, HM_START_AUTOMATIC);

    (void)state;
    build->products[0].in_every_windows = true;
    for (int optional = 0; optional < 2; optional++) {
        requirement->optional = optional != 0;
        service->runs = false;
        hm_build_judge(build);
        assert_null(hm_build_verdict(build, "pop3", "back-end"));
        service->runs = true;
        hm_build_judge(build);
        assert_null(hm_build_verdict(build, "pop3", "back-end"));
    }
    service->runs = false;
    hm_build_remember(build, HM_TCP, 9955, "Microsoft.Exchange.Pop3Service.exe", "MSExchangePOP3BE",
                      HM_KIND_SOCKET, 3);
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "pop3", "back-end")->state, HM_EXPOSED);
    build->inventory.has_port_book = false;
    hm_build_listener(build, HM_TCP, HM_IPV4, 9955, "", "MSExchangePOP3BE", HM_KIND_SOCKET);
    hm_build_judge(build);
    assert_non_null(hm_build_verdict(build, "pop3", "back-end"));
    pop3_host_free(build);
}

/* What another process binds is not known to be wanted because this service is down. */
static void test_optional_requirement_that_is_bound_elsewhere(void **state)
{
    struct hm_build *build = pop3_host_new();
    struct hm_requirement *requirement = pop3_host_put_product(build);

    (void)state;
    requirement->optional = true;
    pop3_host_put_down(build, HM_START_AUTOMATIC);
    requirement->companions.programs = hm_build_names(build, "proxy.exe");
    hm_build_judge(build);
    assert_null(hm_build_verdict(build, "pop3", "back-end"));
    requirement->when_down = true; /* the product always takes it, be it by a companion */
    hm_build_judge(build);
    assert_non_null(hm_build_verdict(build, "pop3", "back-end"));
    requirement->when_down = false;
    requirement->detect.services = hm_build_names(build, "MSExchangePOP3BE");
    hm_build_judge(build);
    assert_non_null(hm_build_verdict(build, "pop3", "back-end"));
    requirement->detect.services.count = 0;
    requirement->companions.programs.count = 0;
    requirement->kind = HM_KIND_KERNEL;
    hm_build_judge(build);
    assert_null(hm_build_verdict(build, "pop3", "back-end"));
    requirement->when_down = true; /* a tunnel: the kernel binds what its service asks for */
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "pop3", "back-end")->state, HM_EXPOSED);
    pop3_host_put_holder(build);
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "pop3", "back-end")->state, HM_BLOCKED);
    pop3_host_free(build);
}

/* What makes a product known: a service that starts by itself, though nothing else names it; its
 * program; what the port book remembers. */
static void test_what_is_known_of_services_detects_products(void **state)
{
    struct hm_build *build = pop3_host_new();
    struct hm_product *by_service = hm_build_product(build, "by-service", "MSSQLSERVER", NULL);
    struct hm_product *by_program = hm_build_product(build, "by-program", NULL, "mdaemon.exe");
    struct hm_product *by_book = hm_build_product(build, "by-book", "Seen", NULL);
    struct hm_product *by_book_too = hm_build_product(build, "by-book-too", NULL, "seen.exe");
    struct hm_product *not_there = hm_build_product(build, "not-there", "Manual", NULL);
    struct hm_service details[] = {
        {.name = "MSSQLSERVER", .program = "sqlservr.exe", .start = HM_START_CLUSTER},
        {.name = "Mail",        .program = "MDaemon.exe",  .start = HM_START_DELAYED},
        {.name = "Manual",      .program = "m.exe",        .start = HM_START_MANUAL },
    };
    struct hm_port_entry book[] = {
        {.port = 7000, .program = "seen.exe", .service = "Seen", .boots = 3},
    };

    (void)state;
    hm_build_require(build, by_service, "r", HM_TCP, "1433", HM_KIND_SOCKET);
    hm_build_require(build, by_program, "r", HM_TCP, "25", HM_KIND_SOCKET);
    hm_build_require(build, by_book, "r", HM_TCP, "7000", HM_KIND_SOCKET);
    hm_build_require(build, by_book_too, "r", HM_TCP, "7001", HM_KIND_SOCKET);
    hm_build_require(build, not_there, "r", HM_TCP, "7002", HM_KIND_SOCKET);
    hm_build_judge(build);
    assert_int_equal(build->judgement.verdicts.count, 0);
    build->inventory.has_service_details = true;
    build->inventory.service_details = (struct hm_services){details, HM_COUNT(details)};
    build->inventory.has_port_book = true;
    build->inventory.port_book = (struct hm_port_book){book, 1};
    hm_build_judge(build);
    assert_non_null(hm_build_verdict(build, "by-service", "r"));
    assert_non_null(hm_build_verdict(build, "by-program", "r"));
    assert_non_null(hm_build_verdict(build, "by-book", "r"));
    assert_non_null(hm_build_verdict(build, "by-book-too", "r"));
    assert_null(hm_build_verdict(build, "not-there", "r"));
    pop3_host_free(build);
}

/* Its program is known of the service, and does not run: who listens there is no companion. */
static void test_program_of_a_service_that_is_down_does_not_run(void **state)
{
    struct hm_build *build = pop3_host_new();
    struct hm_product *product = hm_build_product(build, "mongodb", "mongod", "mongod.exe");
    struct hm_service *service;

    (void)state;
    hm_build_require(build, product, "server", HM_TCP, "27017", HM_KIND_SOCKET);
    service = hm_build_service_runs(build, "mongod", false);
    service->program = "mongod.exe";
    hm_build_listener(build, HM_TCP, HM_IPV4, 27017, "telegraf.exe", "collector", HM_KIND_SOCKET);
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "mongodb", "server")->state, HM_BLOCKED);
    assert_non_null(hm_build_finding(build, "service_not_running", "service mongod"));
    service->has_runs = false; /* nor does the service speak for it while nobody knows */
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "mongodb", "server")->state, HM_BLOCKED);
    pop3_host_free(build);
}

/* Events of products, as evidence beside the port that they are about. */
static void test_events_of_products(void **state)
{
    struct hm_build *build = pop3_host_new();
    struct hm_product *sql = hm_build_product(build, "sql-server", "MSSQL$ERP", NULL);
    struct hm_product *autd = hm_build_product(build, "exchange-2003-autd", "RESvc", NULL);
    const struct hm_finding *finding;

    (void)state;
    hm_build_require(build, sql, "engine", HM_TCP, "50000", HM_KIND_SOCKET);
    hm_build_require(build, autd, "autd", HM_UDP, "50001", HM_KIND_SOCKET);
    hm_build_service_runs(build, "MSSQL$ERP", false);
    hm_build_service(build, "RESvc");
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 50000, "x.exe", "");
    hm_build_socket(build, HM_UDP, HM_IPV4, HM_SOCKET_LISTEN, 50001, "dns.exe", "DNS");
    hm_build_event(build, "MSSQL$ERP", 26023, "'any' <ipv4> 50000");
    hm_build_event(build, "Server ActiveSync", 3024, "");
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_port_held", "tcp 50000");
    assert_string_equal(hm_build_evidence(finding, "event"),
                        "MSSQL$ERP 26023, 2 times since the boot: the TCP port is in use already");
    finding = hm_build_finding(build, "service_not_running", "service MSSQL$ERP");
    assert_non_null(hm_build_evidence(finding, "event"));
    finding = hm_build_finding(build, "required_port_held", "udp 50001");
    assert_string_equal(hm_build_evidence(finding, "event"),
                        "Server ActiveSync 3024, 2 times since the boot: notifications could not "
                        "be set up");
    pop3_host_free(build);
}

struct address_case {
    const char *about;
    bool cited;
};

/* HTTP.sys names the address that it could not take. */
static void test_event_of_a_port(void **state)
{
    static const struct address_case cases[] = {
        {"0.0.0.0:9955", true },
        {"[::]:9955",    true },
        {"0.0.0.0:443",  false},
        {"",             true }, /* a person's file, or an older system: which is not known */
        {"an address",   true },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = pop3_host_new();
        const struct hm_finding *finding;

        print_message("%s\n", cases[i].about);
        pop3_host_put_product(build)->kind = HM_KIND_HTTPSYS;
        pop3_host_put_down(build, HM_START_AUTOMATIC)->exit_code = 10048;
        pop3_host_put_holder(build);
        hm_build_event(build, "Microsoft-Windows-HttpEvent", 15005, cases[i].about);
        hm_build_judge(build);
        finding = hm_build_finding(build, "service_not_running", "service MSExchangePOP3BE");
        assert_non_null(finding);
        assert_int_equal(hm_build_evidence(finding, "event") != NULL, cases[i].cited);
        pop3_host_free(build);
    }
}

static void test_table_of_events(void **state)
{
    const struct hm_event_count scm = {"Service Control Manager", 7023, 1, "IAS", NULL, 0};
    const struct hm_event_count unknown = {"Service Control Manager", 7036, 1, "IAS", NULL, 0};
    const struct hm_event_count ipsec = {"IPSec", 4292, 1, "", NULL, 0};

    (void)state;
    for (size_t i = 0; i < hm_service_events_count; i++) {
        const struct hm_service_event *row = &hm_service_events[i];

        assert_true(hm_str_equal(row->log, "System") || hm_str_equal(row->log, "Application") ||
                    hm_str_equal(row->log, "DNS Server"));
        assert_true(row->provider[0] != '\0' && row->says[0] != '\0');
    }
    assert_true(hm_service_event_concerns(&scm, "ias", ""));
    assert_false(hm_service_event_concerns(&scm, "DNS", "ias-nps"));
    assert_false(hm_service_event_concerns(&scm, "", ""));
    assert_false(hm_service_event_concerns(&unknown, "IAS", ""));
    assert_true(hm_service_event_concerns(&ipsec, "PolicyAgent", "ipsec"));
    assert_false(hm_service_event_concerns(&ipsec, "PolicyAgent", "dns-server"));
}

/* A part without which the service starts is missing while somebody has its port, and says nothing
 * of why the service is down. */
static void test_part_without_which_it_starts(void **state)
{
    const struct hm_finding *finding;
    struct hm_build build;
    struct hm_product *product;
    struct hm_service *service;

    (void)state;
    hm_build_init(&build, "10.0.17763");
    product = hm_build_product(&build, "mysql", "MySQL80", "mysqld.exe");
    hm_build_require(&build, product, "server", HM_TCP, "3306", HM_KIND_SOCKET);
    hm_build_require(&build, product, "x", HM_TCP, "33060", HM_KIND_SOCKET)->starts_without = true;
    service = hm_build_service_runs(&build, "MySQL80", false);
    service->start = HM_START_AUTOMATIC;
    service->exit_code = 10048;
    hm_build_listener(&build, HM_TCP, HM_IPV4, 33060, "foo.exe", "Foo", HM_KIND_SOCKET);
    hm_build_judge(&build);
    assert_int_equal(HM_BLOCKED, hm_build_verdict(&build, "mysql", "x")->state);
    assert_non_null(strstr(hm_build_verdict(&build, "mysql", "x")->text,
                           " can start without it, but not serve it until it is free."));
    assert_int_equal(HM_UNKNOWN, hm_build_verdict(&build, "mysql", "server")->state);
    finding = hm_build_finding(&build, "required_port_held", "tcp 33060");
    assert_non_null(finding);
    assert_int_equal(HM_SEVERITY_MEDIUM, finding->severity);
    finding = hm_build_finding(&build, "service_not_running", NULL);
    assert_non_null(finding);
    assert_non_null(strstr(finding->text, "ended with error 10048"));
    assert_null(strstr(finding->text, "33060"));
    hm_build_fini(&build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_starts_count),
        cmocka_unit_test(test_held_port),
        cmocka_unit_test(test_failed_with_a_free_port),
        cmocka_unit_test(test_excluded_by_an_administrator),
        cmocka_unit_test(test_optional_requirement_that_nobody_has_seen),
        cmocka_unit_test(test_manual_service_that_another_needs),
        cmocka_unit_test(test_optional_requirement_and_the_error_of_a_port),
        cmocka_unit_test(test_optional_requirement_that_the_dns_pool_reaches),
        cmocka_unit_test(test_default_port_of_a_service_that_is_down),
        cmocka_unit_test(test_optional_requirement_that_is_bound_elsewhere),
        cmocka_unit_test(test_service_of_every_windows_is_no_sign),
        cmocka_unit_test(test_what_is_known_of_services_detects_products),
        cmocka_unit_test(test_program_of_a_service_that_is_down_does_not_run),
        cmocka_unit_test(test_events_of_products),
        cmocka_unit_test(test_event_of_a_port),
        cmocka_unit_test(test_table_of_events),
        cmocka_unit_test(test_part_without_which_it_starts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
