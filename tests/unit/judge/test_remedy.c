/* tests/unit/judge/test_remedy.c — steps of remedies: what stops, in which order, and what does
 * not. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "tests/support/finding_checks.h"

#define ADD(family, protocol, port)                                                                \
    "netsh int " family " add excludedportrange protocol=" protocol " startport=" port             \
    " numberofports=1 store=persistent"
#define ADD_BOTH(protocol, port) ADD("ipv4", protocol, port), ADD("ipv6", protocol, port)
#define KEY "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"

static struct hm_product *product(struct hm_build *build, const char *name, const char *program)
{
    return hm_build_product(build, name, name, program);
}

static void listen(struct hm_build *build, enum hm_protocol protocol, uint16_t port,
                   const char *program, const char *name)
{
    hm_build_listener(build, protocol, HM_IPV4, port, program, name, HM_KIND_SOCKET);
    hm_build_listener(build, protocol, HM_IPV6, port, program, name, HM_KIND_SOCKET);
}

static bool has_stop(const struct hm_finding *finding)
{
    for (size_t i = 0; i < finding->commands.count; i++) {
        if (strncmp(finding->commands.at[i], "net stop", 8) == 0 ||
            strncmp(finding->commands.at[i], "systemctl stop", 14) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- services ------------------------------------------------------------------------------ */

/* What depends on a service stops before it and starts after it, when it ran; one round for all
 * ports of the product, and every finding of it says the same. */
static void test_dependents_ran(void **state)
{
    struct hm_build *build = new_build(W2019);
    struct hm_product *sql = product(build, "MSSQLSERVER", "sqlservr.exe");
    const struct hm_finding *finding;

    (void)state;
    service_row(build, "MSSQLSERVER", true, NULL);
    service_row(build, "SQLSERVERAGENT", true, "mssqlserver");
    service_row(build, "SQLReports", false, "MSSQLSERVER");
    service_row(build, "Jobs", true, "SQLSERVERAGENT");
    hm_build_require(build, sql, "engine", HM_TCP, "50000", HM_KIND_SOCKET);
    hm_build_require(build, sql, "mirror", HM_TCP, "50022", HM_KIND_SOCKET);
    listen(build, HM_TCP, 50000, "sqlservr.exe", "MSSQLSERVER");
    for (unsigned i = 0; i < 2; i++) {
        finding = must_find(build, "required_in_dynamic", i == 0 ? "tcp 50000" : "tcp 50022",
                            COMMANDS("net stop Jobs", "net stop SQLSERVERAGENT",
                                     "net stop MSSQLSERVER", ADD("ipv4", "tcp", "50000"),
                                     ADD("ipv4", "tcp", "50022"), ADD("ipv6", "tcp", "50000"),
                                     ADD("ipv6", "tcp", "50022"), "net start MSSQLSERVER",
                                     "net start SQLSERVERAGENT", "net start Jobs", NULL));
        assert_string_equal(kinds_of(finding), "free reserve start");
        assert_true(finding->steps.at[0].warning[0] != '\0');
        assert_false(finding->needs_reboot);
    }
    free_build(build);
}

/* Who stops a service that is disabled cannot start it again: a person decides. */
static void test_disabled(void **state)
{
    struct hm_build *build = new_build(W2019);
    struct hm_product *own = product(build, "Own", "own.exe");
    struct hm_service *agent;

    (void)state;
    service_row(build, "Own", true, NULL);
    agent = service_row(build, "OwnAgent", true, "Own");
    hm_build_require(build, own, "port", HM_TCP, "50000", HM_KIND_SOCKET);
    listen(build, HM_TCP, 50000, "own.exe", "Own");
    hm_build_judge(build);
    assert_true(has_stop(hm_build_finding(build, "required_in_dynamic", NULL)));
    agent->start = HM_START_DISABLED;
    assert_string_equal(
        kinds_of(must_find(build, "required_in_dynamic", "tcp 50000", COMMANDS(NULL))), "decide");
    free_build(build);
}

/* Not recorded: nothing is stopped, and the remedy says so. A service of Windows itself that tells
 * nothing is no gap, any other one is. */
static void test_dependents_unknown(void **state)
{
    static const char *const others[] = {"RpcSs", "Backup"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct hm_build *build = new_build(W2019);
        struct hm_product *sql = product(build, "MSSQLSERVER", "sqlservr.exe");
        const struct hm_finding *finding;

        hm_build_require(build, sql, "engine", HM_TCP, "50000", HM_KIND_SOCKET);
        listen(build, HM_TCP, 50000, "sqlservr.exe", "MSSQLSERVER");
        if (i == 2) {
            hm_build_service(build, "MSSQLSERVER"); /* no details at all */
        } else {
            service_row(build, "MSSQLSERVER", true, NULL);
            hm_build_service(build, others[i]);
        }
        hm_build_judge(build);
        finding = hm_build_finding(build, "required_in_dynamic", "tcp 50000");
        assert_non_null(finding);
        assert_int_equal(has_stop(finding), i == 0);
        if (i > 0) {
            assert_string_equal(kinds_of(finding), "free reserve start"); /* by hand */
            assert_non_null(strstr(finding->steps.at[0].text, "not recorded"));
            assert_int_equal(finding->commands.count, 2);
            assert_non_null(strstr(finding->steps.at[1].precondition, "MSSQLSERVER is stopped"));
        }
        free_build(build);
    }
}

/* The system's own range is off the ports: a cure that stops nothing. Not where a product's set-up
 * makes the range, or where it would be too small, or would reach ports that are safe now. */
static void test_range_back_needs_no_stop(void **state)
{
    static const struct {
        struct hm_range dynamic;
        uint32_t in_use;
        uint16_t listener;
        bool back;
    } cases[] = {
        {{1024, 65534},  100,   0,     true },
        {{6005, 65534},  100,   0,     false},
        {{1024, 65534},  15000, 0,     false},
        {{10000, 50000}, 100,   60000, false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(W2019);
        struct hm_product *sql = product(build, "MSSQLSERVER", "sqlservr.exe");
        const struct hm_finding *finding;
        const struct hm_finding *moved;

        hm_build_effect(build, sql, "its set-up makes it", "6005-65534")->keep = true;
        hm_build_require(build, sql, "engine", HM_TCP, "14330", HM_KIND_SOCKET);
        hm_build_service(build, "MSSQLSERVER");
        listen(build, HM_TCP, 14330, "sqlservr.exe", "MSSQLSERVER");
        if (cases[i].listener != 0) {
            listen(build, HM_TCP, cases[i].listener, "other.exe", "Other");
        }
        for (unsigned f = 0; f < 2; f++) {
            hm_build_stack(build, HM_TCP, f == 0 ? HM_IPV4 : HM_IPV6)->dynamic = cases[i].dynamic;
        }
        hm_build_sample(build, HM_TCP, HM_IPV4, 60000, cases[i].in_use);
        hm_build_judge(build);
        finding = hm_build_finding(build, "required_in_dynamic", "tcp 14330");
        moved = hm_build_finding(build, "dynamic_range_moved", NULL);
        assert_false(has_stop(finding));
        assert_int_equal(finding->steps.at[0].kind, cases[i].back ? HM_STEP_SET : HM_STEP_FREE);
        assert_int_equal(moved->steps.at[0].kind, cases[i].back ? HM_STEP_SET : HM_STEP_DECIDE);
        assert_int_equal(moved->commands.count, cases[i].back ? 2 : 0);
        free_build(build);
    }
}

/* It carries the connection of the person who types: one line, and the last. */
static void test_remote_desktop(void **state)
{
    struct hm_build *build = new_build(W2019);
    struct hm_product *rdp = product(build, "TermService", NULL);
    const struct hm_finding *finding;

    (void)state;
    service_row(build, "TermService", true, NULL);
    service_row(build, "UmRdpService", true, "TermService");
    hm_build_require(build, rdp, "rdp", HM_TCP, "50389", HM_KIND_SOCKET);
    listen(build, HM_TCP, 50389, "svchost.exe", "TermService");
    finding = must_find(
        build, "required_in_dynamic", "tcp 50389",
        COMMANDS("net stop TermService /y & " ADD("ipv4", "tcp", "50389") " & " ADD(
                     "ipv6", "tcp", "50389") " & net start TermService & net start UmRdpService",
                 NULL));
    assert_non_null(strstr(finding->steps.at[0].warning, "session"));
    assert_non_null(strstr(finding->steps.at[0].text, "one line"));
    free_build(build);
}

/* It runs without its port: once that is free, it starts again in one line. So does WinRM. */
static void test_connection_without_port(void **state)
{
    static const char *const names[] = {"TermService", "WinRM"};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(names); i++) {
        struct hm_build *build = new_build(W2019);
        const struct hm_finding *finding;
        const struct hm_remedy_step *last;

        service_row(build, names[i], true, NULL);
        service_row(build, "Acme", true, NULL);
        hm_build_require(build, product(build, names[i], NULL), "r", HM_TCP, "50389",
                         HM_KIND_SOCKET);
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 50389, "acme.exe", "Acme");
        hm_build_judge(build);
        finding = hm_build_finding(build, "required_port_held", "tcp 50389");
        assert_string_equal(kinds_of(finding), "free reserve start start");
        last = &finding->steps.at[3];
        assert_string_equal(last->commands.at[0],
                            i == 0 ? "net stop TermService /y & net start TermService"
                                   : "net stop WinRM /y & net start WinRM");
        assert_true(last->warning[0] != '\0');
        assert_int_equal(strstr(last->text, "it continues") != NULL, i == 0);
        free_build(build);
    }
}

/* Only a restart of the host takes its port from lsass.exe. After that it has the port, whatever
 * its start type: manual is the one of Windows 2012 and later, where it runs all the same. */
static void test_remote_desktop_after_boot(void **state)
{
    static const enum hm_service_start starts[] = {HM_START_MANUAL, HM_START_AUTOMATIC};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(starts); i++) {
        struct hm_build *build = new_build(W2019);
        struct hm_product *rdp = product(build, "TermService", NULL);
        const struct hm_finding *finding;

        service_row(build, "TermService", true, NULL);
        build->inventory.service_details.at[0].start = starts[i];
        service_row(build, "SamSs", true, NULL);
        hm_build_require(build, rdp, "rdp", HM_TCP, "50389", HM_KIND_SOCKET);
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 50389, "lsass.exe", "SamSs");
        finding =
            must_find(build, "required_port_held", "tcp 50389",
                      COMMANDS("net stop TermService /y & " ADD("ipv4", "tcp", "50389") " & " ADD(
                                   "ipv6", "tcp", "50389") " & net start TermService",
                               NULL));
        assert_int_equal(finding->steps.count, 2);
        assert_int_equal(finding->steps.at[0].kind, HM_STEP_BOOT);
        assert_non_null(strstr(finding->steps.at[0].text, "then starts by itself"));
        free_build(build);
    }
}

/* A name is quoted; one that quotes cannot hold never enters a command; a worker's service comes
 * from the catalogue. */
static void test_names(void **state)
{
    static const struct {
        const char *of_listener;
        const char *of_host;
        const char *command; /* NULL: none is stopped */
    } cases[] = {
        {"My Own Service",  "My Own Service",  "net stop \"My Own Service\""},
        {"x & format c:",   "x & format c:",   "net stop \"x & format c:\"" },
        {"x\" & format c:", "x\" & format c:", NULL                         },
        {"%x% format c:",   "%x% format c:",   NULL                         },
        {"",                "Own",             "net stop Own"               },
        {"MSSQL$PAYROLL",   "MSSQL$PAYROLL",   "net stop MSSQL$PAYROLL"     },
        {"-h",              "-h",              NULL                         },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(W2019);
        struct hm_product *own = product(build, cases[i].of_host, "own.exe");
        const struct hm_finding *finding;

        service_row(build, cases[i].of_host, true, NULL);
        hm_build_require(build, own, "port", HM_TCP, "50000", HM_KIND_SOCKET);
        listen(build, HM_TCP, 50000, "own.exe", cases[i].of_listener);
        hm_build_judge(build);
        finding = hm_build_finding(build, "required_in_dynamic", "tcp 50000");
        assert_int_equal(has_stop(finding), cases[i].command != NULL);
        if (cases[i].command != NULL) {
            assert_string_equal(finding->commands.at[0], cases[i].command);
            assert_int_equal(strstr(finding->steps.at[0].warning, "cmd.exe") != NULL,
                             strchr(cases[i].command, '$') != NULL);
        } else {
            for (size_t k = 0; k < finding->commands.count; k++) {
                assert_null(strstr(finding->commands.at[k], "format"));
            }
        }
        free_build(build);
    }
}

/* ---- who has the port ---------------------------------------------------------------------- */

struct held_host {
    struct hm_build *build;
    struct hm_socket *socket;
};

/* Own needs tcp 50000, is down, and somebody has the port; its dependent waits with it. */
static struct held_host held(const char *version, const char *program, const char *name,
                             enum hm_socket_state state)
{
    struct held_host host = {.build = new_build(version)};
    struct hm_product *own = product(host.build, "Own", "own.exe");

    hm_build_require(host.build, own, "port", HM_TCP, "50000", HM_KIND_SOCKET);
    service_row(host.build, "Own", false, NULL);
    service_row(host.build, "OwnAgent", false, "Own")->start = HM_START_DELAYED;
    service_row(host.build, "ByHand", false, "Own")->start = HM_START_MANUAL;
    host.socket = hm_build_socket(host.build, HM_TCP, HM_IPV4, state, 50000, program, name);
    return host;
}

static void test_outgoing_connection(void **state)
{
    struct held_host host = held(W2019, "svchost.exe", "BITS", HM_SOCKET_ESTABLISHED);
    const struct hm_finding *finding;

    (void)state;
    service_row(host.build, "BITS", true, NULL);
    finding = must_find(host.build, "required_port_held", "tcp 50000",
                        COMMANDS("net stop BITS", ADD_BOTH("tcp", "50000"), "net start Own",
                                 "net start OwnAgent", "net start BITS", NULL));
    assert_string_equal(kinds_of(finding), "free reserve start");
    free_build(host.build);
}

/* What is down depends on the holder: its start starts the holder, too. */
static void test_holder_that_is_needed(void **state)
{
    struct held_host host = held(W2019, "parent.exe", "Parent", HM_SOCKET_ESTABLISHED);

    (void)state;
    service_row(host.build, "Parent", true, NULL);
    host.build->service_details[0].depends_on = hm_build_names(host.build, "Parent");
    must_find(host.build, "required_port_held", "tcp 50000",
              COMMANDS("net stop Parent", ADD_BOTH("tcp", "50000"), "net start Own",
                       "net start OwnAgent", NULL));
    free_build(host.build);
}

/* Judging sorts the services. */
static void set_runs(struct hm_build *build, const char *name, bool runs)
{
    struct hm_services *details = &build->inventory.service_details;

    for (size_t i = 0; i < details->count; i++) {
        if (strcmp(details->at[i].name, name) == 0) {
            details->at[i].runs = runs;
        }
    }
}

static const char *const mail_child[] = {"child.exe"};

static void put_children(struct held_host *host, struct hm_product *of, const char *service)
{
    struct hm_children *children = hm_arena_alloc(&host->build->arena, 1, sizeof(*children));

    assert_non_null(children);
    *children = (struct hm_children){
        service, {(const char **)mail_child, 1}
    };
    of->children = (struct hm_children_list){children, 1};
}

/* A child carries no service; where the catalogue says which one it ends with, that one stops, with
 * what depends on it. Nothing else is certain enough. */
static void test_holder_that_is_a_child(void **state)
{
    struct held_host host = held(W2019, "child.exe", "", HM_SOCKET_ESTABLISHED);
    struct hm_product *mail = product(host.build, "Mail", "mail.exe");
    struct hm_product *other = product(host.build, "Other", "other.exe");
    const struct hm_finding *finding;

    (void)state;
    service_row(host.build, "Mail", true, NULL);
    service_row(host.build, "MailSearch", true, "Mail");
    put_children(&host, mail, "Mail");
    finding = must_find(host.build, "required_port_held", "tcp 50000",
                        COMMANDS("net stop MailSearch", "net stop Mail", ADD_BOTH("tcp", "50000"),
                                 "net start Own", "net start OwnAgent", "net start Mail",
                                 "net start MailSearch", NULL));
    assert_string_equal(kinds_of(finding), "free reserve start");
    /* The program of two services, both of which run. */
    service_row(host.build, "Other", true, NULL);
    put_children(&host, other, "Other");
    hm_build_judge(host.build);
    finding = hm_build_finding(host.build, "required_port_held", "tcp 50000");
    assert_int_equal(hm_build_command(finding, "net stop Mail"), -1);
    other->children.count = 0;
    /* It is down: the child is not its. */
    set_runs(host.build, "Mail", false);
    hm_build_judge(host.build);
    finding = hm_build_finding(host.build, "required_port_held", "tcp 50000");
    assert_int_equal(hm_build_command(finding, "net stop Mail"), -1);
    set_runs(host.build, "Mail", true);
    mail->children.count = 0;
    hm_build_judge(host.build);
    finding = hm_build_finding(host.build, "required_port_held", "tcp 50000");
    assert_int_equal(hm_build_command(finding, "net stop Mail"), -1);
    free_build(host.build);
}

/* Nobody may stop lsass.exe: a boot ends its connection, and the product has the port then. */
static void test_holder_that_may_not_stop(void **state)
{
    struct held_host host = held(W2012R2, "lsass.exe", "", HM_SOCKET_ESTABLISHED);
    const struct hm_finding *finding;

    (void)state;
    finding = must_find(host.build, "required_port_held", "tcp 50000",
                        COMMANDS("net stop OwnAgent", "net stop Own", ADD_BOTH("tcp", "50000"),
                                 "net start Own", "net start OwnAgent", NULL));
    assert_string_equal(kinds_of(finding), "boot free reserve start");
    assert_true(finding->needs_reboot);
    assert_non_null(strstr(finding->steps.at[0].text, "lsass.exe"));
    host.build->inventory.has_service_details =
        false; /* nothing known: the last step is for later */
    hm_build_judge(host.build);
    finding = hm_build_finding(host.build, "required_port_held", "tcp 50000");
    assert_string_equal(kinds_of(finding), "boot free reserve start");
    free_build(host.build);
}

/* Two products are set up for one port: no command only moves the fault. */
static void test_conflict(void **state)
{
    struct held_host host = held(W2019, "other.exe", "Other", HM_SOCKET_LISTEN);
    const struct hm_finding *finding;

    (void)state;
    service_row(host.build, "Other", true, NULL);
    finding = must_find(host.build, "required_port_held", "tcp 50000", COMMANDS(NULL));
    assert_string_equal(kinds_of(finding), "decide");
    free_build(host.build);
}

/* A block of kube-proxy is not freed by a command: HNS is never stopped. */
static void test_blocks(void **state)
{
    struct hm_build *build = new_build(W2019);
    struct hm_product *own = product(build, "Own", "own.exe");

    (void)state;
    service_row(build, "Own", false, NULL);
    hm_build_require(build, own, "port", HM_TCP, "50080", HM_KIND_SOCKET);
    hm_build_runtime(build, HM_TCP, HM_IPV4, "50048-50111");
    assert_string_equal(kinds_of(must_find(build, "required_in_runtime_exclusion", "tcp 50080",
                                           COMMANDS("net stop Own", ADD_BOTH("tcp", "50080"),
                                                    "net start Own", NULL))),
                        "boot free reserve start");
    hm_build_runtime(build, HM_TCP, HM_IPV4, "50048-50147");
    must_find(build, "required_in_runtime_exclusion", "tcp 50080",
              COMMANDS("net stop winnat", ADD_BOTH("tcp", "50080"), "net start winnat",
                       "net start Own", NULL));
    free_build(build);
}

/* The pool has the port: its list, a restart, and the service that was down before it. */
static void test_dns_pool_has_it(void **state)
{
    static const char *const versions[] = {W2019, W2008, W2003};
    const char *const *const commands[] = {
        COMMANDS("dnscmd /Config /SocketPoolExcludedPortRanges 50011-50011 60000-60009",
                 "net stop DNS", ADD_BOTH("udp", "50011"), "net start Own", "net start DNS", NULL),
        COMMANDS("net stop DNS", ADD_BOTH("udp", "50011"), "net start Own", "net start DNS", NULL),
        COMMANDS("net stop DNS",
                 "reg add " KEY " /v ReservedPorts /t REG_MULTI_SZ /d \"50011-50011\" /f",
                 "net start Own", "net start DNS", NULL),
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(versions); i++) {
        struct hm_build *build = new_build(versions[i]);
        struct hm_product *own = product(build, "Own", "own.exe");
        const struct hm_finding *finding;

        hm_build_dynamic(build, 49152, 65535);
        service_row(build, "Own", false, NULL);
        service_row(build, "DNS", true, NULL);
        hm_build_require(build, own, "port", HM_UDP, "50011", HM_KIND_SOCKET);
        hm_build_socket(build, HM_UDP, HM_IPV4, HM_SOCKET_LISTEN, 50011, "dns.exe", "DNS");
        build->inventory.registry.has_dns_socket_pool = i == 0;
        build->inventory.registry.dns_socket_pool =
            (struct hm_dns_pool){2500, hm_build_ports(build, "60000-60009")};
        finding = must_find(build, "required_port_held", "udp 50011", commands[i]);
        assert_string_equal(kinds_of(finding), i == 0   ? "set free reserve start"
                                               : i == 1 ? "free reserve start"
                                                        : "free reserve start boot");
        assert_non_null(strstr(finding->steps.at[i == 0 ? 1 : 0].warning, "domain controller"));
        must_find(build, "dns_pool_overlap", "dns socket pool", commands[i]);
        free_build(build);
    }
}

/* A write replaces the DNS Server's list: each remedy has the ports of every product. */
static void test_dns_list_is_whole(void **state)
{
    struct hm_build *build = new_build(W2019);
    struct hm_product *one = product(build, "One", "one.exe");
    struct hm_product *two = product(build, "Two", "two.exe");
    static const char *const subjects[] = {"udp 50001", "udp 50002"};

    (void)state;
    service_row(build, "One", true, NULL);
    service_row(build, "Two", false, NULL);
    service_row(build, "DNS", true, NULL);
    service_row(build, "BITS", true, NULL);
    hm_build_require(build, one, "port", HM_UDP, "50001", HM_KIND_SOCKET);
    hm_build_require(build, two, "port", HM_UDP, "50002", HM_KIND_SOCKET);
    hm_build_socket(build, HM_UDP, HM_IPV4, HM_SOCKET_LISTEN, 50002, "svchost.exe", "BITS");
    hm_build_judge(build);
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_finding *finding = hm_build_finding(
            build, i == 0 ? "required_in_dynamic" : "required_port_held", subjects[i]);

        assert_non_null(finding);
        assert_string_equal(finding->commands.at[0],
                            "dnscmd /Config /SocketPoolExcludedPortRanges 50001-50002");
    }
    free_build(build);
}

/* One busy port keeps its neighbours from nothing, and a row that is there is not added again. */
static void test_split(void **state)
{
    struct hm_build *build = new_build(W2019);
    struct hm_product *own = product(build, "Own", "own.exe");
    const struct hm_finding *finding;

    (void)state;
    hm_build_service(build, "Own");
    hm_build_require(build, own, "ports", HM_TCP, "50000-50004", HM_KIND_SOCKET);
    hm_build_exclude(build, HM_TCP, HM_IPV4, "50000");
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_BOUND, 50002, "chrome.exe", "");
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_port_held", NULL);
    assert_non_null(finding);
    assert_string_equal(kinds_of(finding), "boot free reserve start");
    assert_int_equal(finding->commands.count, 2); /* 50001-50004, and 50000-50004 */
    free_build(build);
}

/* More than a person types: all or nothing. */
static void test_too_much(void **state)
{
    struct hm_build *build = new_build(W2019);
    struct hm_product *own = product(build, "Own", "own.exe");
    const struct hm_finding *finding;
    char list[4096] = "";

    (void)state;
    for (unsigned port = 50000; port < 50400; port += 2) {
        (void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%u",
                       list[0] == '\0' ? "" : ",", port);
    }
    hm_build_service(build, "Own");
    hm_build_require(build, own, "ports", HM_TCP, list, HM_KIND_SOCKET);
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_in_dynamic", NULL);
    assert_string_equal(kinds_of(finding), "decide");
    assert_int_equal(finding->commands.count, 0);
    assert_non_null(strstr(finding->remedy, "policy"));
    free_build(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dependents_ran),
        cmocka_unit_test(test_disabled),
        cmocka_unit_test(test_dependents_unknown),
        cmocka_unit_test(test_range_back_needs_no_stop),
        cmocka_unit_test(test_remote_desktop),
        cmocka_unit_test(test_connection_without_port),
        cmocka_unit_test(test_remote_desktop_after_boot),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_outgoing_connection),
        cmocka_unit_test(test_holder_that_is_needed),
        cmocka_unit_test(test_holder_that_is_a_child),
        cmocka_unit_test(test_holder_that_may_not_stop),
        cmocka_unit_test(test_conflict),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_dns_pool_has_it),
        cmocka_unit_test(test_dns_list_is_whole),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_too_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
