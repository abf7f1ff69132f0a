/* tests/unit/judge/test_finding_required.c — findings about one required port, and the exact
 * commands. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/finding_checks.h"

static void test_in_dynamic_modern(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_finding *finding;

    (void)state;
    require(build, HM_TCP, "9955", HM_KIND_SOCKET);
    must_miss(build, "required_in_dynamic");
    hm_build_dynamic(build, 6005, 65534);
    finding = must_find(build, "required_in_dynamic", "tcp 9955",
                        COMMANDS("netsh int ipv4 add excludedportrange protocol=tcp startport=9955 "
                                 "numberofports=1 store=persistent",
                                 "netsh int ipv6 add excludedportrange protocol=tcp startport=9955 "
                                 "numberofports=1 store=persistent",
                                 NULL));
    assert_int_equal(finding->severity, HM_SEVERITY_MEDIUM);
    assert_false(finding->needs_reboot);
    assert_string_equal(hm_build_evidence(finding, "dynamic_range"), "tcp/ipv4 6005-65534");
    assert_string_equal(hm_build_evidence(finding, "families"), "ipv4 and ipv6");
    hm_build_exclude(build, HM_TCP, HM_IPV4, "9955");
    hm_build_exclude(build, HM_TCP, HM_IPV6, "9955");
    must_miss(build, "required_in_dynamic");
    free_build(build);
}

/* Existing lines stay, neighbours become one range, a lone port gets its dash. */
static void test_in_dynamic_legacy(void **state)
{
    struct hm_build *build = new_build(W2003);
    const struct hm_finding *finding;

    (void)state;
    require(build, HM_UDP, "1813", HM_KIND_SOCKET);
    hm_build_reserved(build, "1645-1646");
    hm_build_reserved(build, "1812-1812");
    hm_build_reserved(build, "2883");
    finding =
        must_find(build, "required_in_dynamic", "udp 1813",
                  COMMANDS("reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters "
                           "/v ReservedPorts /t REG_MULTI_SZ /d "
                           "\"1645-1646\\01812-1813\\02883-2883\" /f",
                           NULL));
    assert_true(finding->needs_reboot);
    build->lines[1] = "1812-1813";
    must_miss(build, "required_in_dynamic");
    free_build(build);
}

static void test_in_dynamic_linux(void **state)
{
    struct hm_build *build = new_build(NULL);

    (void)state;
    require(build, HM_TCP, "50000", HM_KIND_SOCKET);
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        build->stacks[i].administered = hm_build_ports(build, "8080,49999");
    }
    must_find(build, "required_in_dynamic", "tcp 50000",
              COMMANDS("echo 'net.ipv4.ip_local_reserved_ports = 8080,49999-50000' > "
                       "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf",
                       "sysctl -p /etc/sysctl.d/zzzzzzzz-reserved-ports.conf", NULL));
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        build->stacks[i].administered = hm_build_ports(build, "8080,49999-50000");
    }
    must_miss(build, "required_in_dynamic");
    free_build(build);
}

/* The remedy names the file that would set another list at the next boot. */
static void test_file_read_after_the_remedy(void **state)
{
    static const struct {
        const char *behind;
        const char *said;
        const char *not_said;
        const char *command; /* one of them; NULL as without such a file */
    } cases[] = {
        {NULL,                                   "another file in sysctl.d sorts behind it",       "reserves ports, too", NULL},
        {"",                                     "A write replaces the whole list.",               "behind it",           NULL},
        {"/etc/sysctl.d/zzzzzzzzzz-v.conf",
         "into /etc/sysctl.d/zzzzzzzzzz-v.conf, which is read after other files",                  "after all others",
         "echo 'net.ipv4.ip_local_reserved_ports = 50000' >> /etc/sysctl.d/zzzzzzzzzz-v.conf"                                 },
        {"/run/sysctl.d/zzzzzzzzz.conf",
         "into a file that is read at boot after /run/sysctl.d/zzzzzzzzz.conf,",                   "behind it",
         "echo 'net.ipv4.ip_local_reserved_ports = 50000' >> "
         "/etc/sysctl.d/zzzzzzzzz_reserved-ports.conf"                                                                        },
        {"/etc/sysctl.d/zzzzzzzzz $x.conf",
         "into /etc/sysctl.d/zzzzzzzzz $x.conf, which is read after other files",                  "after all others",
         "echo 'net.ipv4.ip_local_reserved_ports = 50000' >> '/etc/sysctl.d/zzzzzzzzz $x.conf'"                               },
        {"/etc/sysctl.d/zzzzzzzzz it's.conf",
         "into /etc/sysctl.d/zzzzzzzzz it's.conf, which is read after other files",                "after all others",
         "echo 'net.ipv4.ip_local_reserved_ports = 50000' >> '/etc/sysctl.d/zzzzzzzzz "
         "it'\\''s.conf'"                                                                                                     },
        {"/run/sysctl.d/zzzzzzzzz $x.conf",
         "a file that is read at boot after /run/sysctl.d/zzzzzzzzz $x.conf,",                     "behind it",
         "echo 'net.ipv4.ip_local_reserved_ports = 50000' >> '/etc/sysctl.d/zzzzzzzzz "
         "$x_reserved-ports.conf'"                                                                                            },
        {"/etc/sysctl.d/zzzzzzzzz\xC3\xA4.conf", ".conf is read after it and reserves ports, too",
         "behind it",                                                                                                     NULL},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(NULL);
        const struct hm_finding *finding;

        require(build, HM_TCP, "50000", HM_KIND_SOCKET);
        build->reserved_behind = cases[i].behind;
        (void)hm_build_judge(build);
        finding = hm_build_finding(build, "required_in_dynamic", "tcp 50000");
        assert_non_null(finding);
        assert_non_null(strstr(finding->steps.at[0].text, cases[i].said));
        assert_null(strstr(finding->steps.at[0].text, cases[i].not_said));
        if (cases[i].command != NULL) {
            assert_int_equal(finding->steps.at[0].commands.count, 3);
            assert_non_null(strstr(finding->steps.at[0].commands.at[0], "sed -i"));
            assert_string_equal(finding->steps.at[0].commands.at[1], cases[i].command);
            assert_string_equal(finding->steps.at[0].commands.at[2],
                                "sysctl -w net.ipv4.ip_local_reserved_ports=50000");
        } else {
            assert_non_null(strstr(finding->steps.at[0].commands.at[0],
                                   "> /etc/sysctl.d/zzzzzzzz-reserved-ports.conf"));
        }
        free_build(build);
    }
}

/* A write replaces the list: each command has the ports of every finding, so none undoes another.
 */
static void test_replacing_commands_are_complete(void **state)
{
    static const char *const versions[] = {NULL, W2003};
    static const char *const commands[] = {
        "echo 'net.ipv4.ip_local_reserved_ports = 1700,40000-40001,50000' > "
        "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf",
        "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters /v ReservedPorts /t "
        "REG_MULTI_SZ /d \"1700-1700\\040000-40001\\050000-50000\" /f",
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(versions); i++) {
        struct hm_build *build = new_build(versions[i]);
        struct hm_product *more = hm_build_product(build, "more", "Own", NULL);

        hm_build_require(build, more, "udp", HM_UDP, "40000-40001", HM_KIND_SOCKET);
        hm_build_require(build, more, "held", HM_TCP, "1700", HM_KIND_SOCKET);
        require(build, HM_TCP, "50000", HM_KIND_SOCKET);
        hm_build_dynamic(build, 1024, 60000);
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_BOUND, 1700, "other", "");
        hm_build_judge(build);
        assert_int_equal(
            hm_build_command(hm_build_finding(build, "required_in_dynamic", "tcp 50000"),
                             commands[i]),
            0);
        assert_int_equal(
            hm_build_command(hm_build_finding(build, "required_in_dynamic", "udp 40000-40001"),
                             commands[i]),
            0);
        assert_int_equal(hm_build_command(hm_build_finding(build, "required_port_held", "tcp 1700"),
                                          commands[i]),
                         0);
        free_build(build);
    }
}

/* HTTP.sys and its like: move the range, never exclude. */
static void test_in_dynamic_reserver(void **state)
{
    static const struct {
        enum hm_listener_kind kind;
        const char *ports;
        const char *command;
    } cases[] = {
        {HM_KIND_HTTPSYS, "49443",
         "netsh int ipv4 set dynamicportrange protocol=tcp startport=49444 numberofports=16092 "
         "store=persistent"},
        {HM_KIND_HTTPSYS, "8530-8531",
         "netsh int ipv4 set dynamicportrange protocol=tcp startport=49152 numberofports=16384 "
         "store=persistent"},
        {HM_KIND_SHARED,  "65000",
         "netsh int ipv4 set dynamicportrange protocol=tcp startport=49152 numberofports=15848 "
         "store=persistent"},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(W2012R2);
        const struct hm_finding *finding;

        require(build, HM_TCP, cases[i].ports, cases[i].kind);
        hm_build_dynamic(build, 1025, 65535);
        hm_build_judge(build);
        finding = hm_build_finding(build, "required_in_dynamic", NULL);
        assert_non_null(finding);
        assert_int_equal(finding->commands.count, 2);
        assert_string_equal(finding->commands.at[0], cases[i].command);
        free_build(build);
    }
}

static void test_in_dynamic_severity(void **state)
{
    struct hm_build *build = new_build(W2019);
    struct hm_product *product;

    (void)state;
    hm_build_listener(build, HM_TCP, HM_IPV4, 50005, "x.exe", "", HM_KIND_SOCKET);
    hm_build_remember(build, HM_TCP, 50005, "x.exe", "", HM_KIND_SOCKET, HM_PORT_BOOK_FIXED);
    hm_build_sample(build, HM_TCP, HM_IPV4, 16384, 100);
    hm_build_judge(build);
    assert_int_equal(hm_build_finding(build, "required_in_dynamic", "tcp 50005")->severity,
                     HM_SEVERITY_LOW); /* observed only */
    product = hm_build_product(build, "product", NULL, "x.exe");
    hm_build_require(build, product, "port", HM_TCP, "50005", HM_KIND_SOCKET);
    hm_build_judge(build);
    assert_int_equal(hm_build_finding(build, "required_in_dynamic", "tcp 50005")->severity,
                     HM_SEVERITY_MEDIUM);
    build->sample_rows[0].in_use = 5000;
    hm_build_judge(build);
    assert_int_equal(hm_build_finding(build, "required_in_dynamic", "tcp 50005")->severity,
                     HM_SEVERITY_HIGH);
    assert_int_equal(hm_build_count_kind(build, "required_in_dynamic"), 1);
    free_build(build);
}

/* Two products on one port: one finding. A family whose range is elsewhere needs no exclusion. */
static void test_in_dynamic_is_said_once_and_only_where_it_matters(void **state)
{
    struct hm_build *build = new_build(W2019);
    struct hm_product *twin = hm_build_product(build, "a-twin", "Own", NULL);

    (void)state;
    hm_build_require(build, twin, "port", HM_TCP, "9955", HM_KIND_SOCKET);
    require(build, HM_TCP, "9955", HM_KIND_SOCKET);
    hm_build_stack(build, HM_TCP, HM_IPV6)->dynamic = (struct hm_range){6005, 65534};
    must_find(build, "required_in_dynamic", "tcp 9955",
              COMMANDS("netsh int ipv6 add excludedportrange protocol=tcp startport=9955 "
                       "numberofports=1 store=persistent",
                       NULL));
    assert_int_equal(build->judgement.verdicts.count, 2);
    assert_int_equal(hm_build_count_kind(build, "required_in_dynamic"), 1);
    free_build(build);
}

static void test_in_runtime_exclusion(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_finding *finding;

    (void)state;
    require(build, HM_TCP, "50080", HM_KIND_SOCKET);
    hm_build_runtime(build, HM_TCP, HM_IPV4, "49952-50051");
    must_miss(build, "required_in_runtime_exclusion");
    hm_build_runtime(build, HM_TCP, HM_IPV4, "50052-50151");
    finding = must_find(build, "required_in_runtime_exclusion", "tcp 50080",
                        COMMANDS("net stop winnat",
                                 "netsh int ipv4 add excludedportrange protocol=tcp "
                                 "startport=50080 numberofports=1 store=persistent",
                                 "netsh int ipv6 add excludedportrange protocol=tcp "
                                 "startport=50080 numberofports=1 store=persistent",
                                 "net start winnat", "net start Own", NULL));
    assert_string_equal(hm_build_evidence(finding, "runtime_exclusion"), "tcp/ipv4 50052-50151");
    /* a single port is HTTP.sys, and no exclusion helps */
    hm_build_runtime(build, HM_TCP, HM_IPV4, "50080");
    must_find(build, "required_in_runtime_exclusion", "tcp 50080", COMMANDS(NULL));
    assert_non_null(strstr(build->judgement.findings.at[0].steps.at[0].text, "servicestate"));
    free_build(build);
}

static void test_held(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_finding *finding;
    struct hm_socket *socket;

    (void)state;
    require(build, HM_TCP, "8000", HM_KIND_SOCKET);
    socket = hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 8000, "own.exe", "Own");
    must_miss(build, "required_port_held");
    socket->program = "other.exe";
    socket->service = "Other";
    socket->pid = 4711;
    finding = must_find(build, "required_port_held", "tcp 8000", COMMANDS(NULL));
    assert_int_equal(finding->steps.count, 1); /* two programs for one port: a person decides */
    assert_int_equal(finding->steps.at[0].kind, HM_STEP_DECIDE);
    assert_string_equal(hm_build_evidence(finding, "holder"), "other.exe");
    assert_string_equal(hm_build_evidence(finding, "holder_pid"), "4711");
    assert_null(strstr(finding->text, "4711"));
    assert_true(finding->counts);
    /* a listener of the inventory tells it too */
    build->has_sockets = false;
    hm_build_listener(build, HM_TCP, HM_IPV6, 8000, "third.exe", "", HM_KIND_SOCKET);
    finding = must_find(build, "required_port_held", "tcp 8000", COMMANDS(NULL));
    assert_string_equal(hm_build_evidence(finding, "holder"), "third.exe");
    free_build(build);
}

static void test_reserver_excluded(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_finding *finding;

    (void)state;
    require(build, HM_TCP, "8530", HM_KIND_HTTPSYS);
    hm_build_exclude(build, HM_TCP, HM_IPV4, "8531-8540");
    must_miss(build, "reserver_excluded");
    hm_build_exclude(build, HM_TCP, HM_IPV4, "8530-8532,8540");
    finding =
        must_find(build, "reserver_excluded", "tcp 8530",
                  COMMANDS("netsh int ipv4 delete excludedportrange protocol=tcp startport=8530 "
                           "numberofports=3 store=persistent",
                           NULL)); /* nobody is given 8531 */
    assert_string_equal(hm_build_evidence(finding, "exclusion"), "tcp/ipv4 8530-8532");
    /* inside the range the rest is added back, but for what must not be excluded either */
    hm_build_stack(build, HM_TCP, HM_IPV4)->dynamic = (struct hm_range){1024, 65535};
    hm_build_require(build, &build->products[0], "tls", HM_TCP, "8532", HM_KIND_HTTPSYS)->optional =
        true;
    must_find(build, "reserver_excluded", "tcp 8530",
              COMMANDS("netsh int ipv4 delete excludedportrange protocol=tcp startport=8530 "
                       "numberofports=3 store=persistent",
                       "netsh int ipv4 add excludedportrange protocol=tcp startport=8531 "
                       "numberofports=1 store=persistent",
                       "netsh int ipv4 set dynamicportrange protocol=tcp startport=49152 "
                       "numberofports=16384 store=persistent",
                       NULL));
    free_build(build);
}

/* The row of HNS itself is never deleted by netsh. */
static void test_reserver_excluded_by_hns(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_finding *finding;

    (void)state;
    require(build, HM_TCP, "50005", HM_KIND_HTTPSYS);
    hm_build_dynamic(build, 60000, 65000);
    hm_build_exclude(build, HM_TCP, HM_IPV4, "50000-50059");
    hm_build_service(build, "hns");
    finding = must_find(build, "reserver_excluded", "tcp 50005",
                        COMMANDS("reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\hns\\State /v "
                                 "EnableExcludedPortRange /t REG_DWORD /d 0 /f",
                                 NULL));
    assert_true(finding->needs_reboot);
    build->inventory.registry.has_hns = true; /* without start and count: the default ones */
    build->inventory.registry.hns = (struct hm_hns_state){true, 0, 0};
    hm_build_judge(build);
    finding = hm_build_finding(build, "reserver_excluded", "tcp 50005");
    assert_int_equal(finding->commands.count, 1);
    assert_non_null(strstr(finding->commands.at[0], "EnableExcludedPortRange"));
    /* turned off, and not booted since: the row goes with the boot, and nothing is deleted */
    build->inventory.registry.hns = (struct hm_hns_state){false, 50000, 60};
    hm_build_judge(build);
    finding = hm_build_finding(build, "reserver_excluded", "tcp 50005");
    assert_int_equal(finding->commands.count, 0);
    assert_true(finding->needs_reboot);
    assert_true(build->judgement.verdicts.at[0].has_after_boot);
    assert_int_equal(build->judgement.verdicts.at[0].after_boot, HM_SAFE);
    /* another range is somebody's */
    build->inventory.registry.hns = (struct hm_hns_state){false, 51000, 60};
    hm_build_judge(build);
    finding = hm_build_finding(build, "reserver_excluded", "tcp 50005");
    assert_int_equal(hm_build_command(finding,
                                      "netsh int ipv4 delete excludedportrange protocol=tcp "
                                      "startport=50000 numberofports=60 store=persistent"),
                     0);
    free_build(build);
}

/* The same row where HNS is not, or may not be: a person made it. */
static void test_reserver_excluded_without_hns(void **state)
{
    static const struct {
        const char *windows;
        bool partial;
        int commands;
    } rows[] = {
        {W2012R2, true,  2},
        {W2019,   false, 2},
        {W2019,   true,  0},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_build *build = new_build(rows[i].windows);
        const struct hm_finding *finding;

        require(build, HM_TCP, "50005", HM_KIND_HTTPSYS);
        hm_build_dynamic(build, 60000, 65000);
        hm_build_exclude(build, HM_TCP, HM_IPV4, "50000-50059");
        hm_build_exclude(build, HM_TCP, HM_IPV6, "50000-50059");
        build->inventory.services_partial = rows[i].partial;
        hm_build_judge(build);
        finding = hm_build_finding(build, "reserver_excluded", "tcp 50005");
        assert_non_null(finding);
        assert_int_equal(finding->commands.count, rows[i].commands);
        assert_false(finding->needs_reboot);
        if (rows[i].commands > 0) {
            assert_int_equal(hm_build_command(finding, "netsh int ipv4 delete excludedportrange "
                                                       "protocol=tcp startport=50000 "
                                                       "numberofports=60 store=persistent"),
                             0);
        } else { /* both possibilities, for a person to decide */
            assert_non_null(strstr(finding->remedy, "sc query hns"));
            assert_non_null(strstr(finding->remedy, "EnableExcludedPortRange"));
            assert_non_null(strstr(finding->remedy, "delete excludedportrange"));
        }
        free_build(build);
    }
}

/* IP Helper has the port of a service for an entry of a port proxy, which has a command of its own.
 */
static void test_held_by_port_proxy(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_finding *finding;

    (void)state;
    require(build, HM_TCP, "1433", HM_KIND_SOCKET);
    hm_build_service(build, "iphlpsvc");
    hm_build_listener(build, HM_TCP, HM_IPV4, 1433, "svchost.exe", "iphlpsvc", HM_KIND_SOCKET);
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 1433, "svchost.exe", "iphlpsvc");
    hm_build_configured(build, HM_TCP, 1433, HM_KIND_SOCKET, HM_BY_PORT_PROXY,
                        "v4tov4 0.0.0.0/1433");
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_port_held", "tcp 1433");
    assert_non_null(finding);
    assert_non_null(strstr(finding->steps.at[0].text,
                           "netsh interface portproxy delete v4tov4 listenport=1433 "
                           "listenaddress=0.0.0.0"));
    free_build(build);
}

/* A web site that could not have its port stays stopped: said, and the last step. */
static void test_reserver_excluded_site(void **state)
{
    (void)state;
    for (unsigned served = 0; served < 2; served++) {
        struct hm_build *build = new_build(W2019);
        const struct hm_finding *finding;
        const struct hm_remedy_steps *steps;

        hm_build_exclude(build, HM_TCP, HM_IPV4, "50030");
        hm_build_service(build, "W3SVC");
        hm_build_service_runs(build, "W3SVC", true);
        hm_build_configured(build, HM_TCP, 50030, HM_KIND_HTTPSYS, HM_BY_IIS_BINDING, "*:50030:");
        if (served == 1) {
            hm_build_listener(build, HM_TCP, HM_IPV4, 50030, "System", "", HM_KIND_HTTPSYS);
        }
        hm_build_judge(build);
        finding = hm_build_finding(build, "reserver_excluded", "tcp 50030");
        assert_non_null(finding);
        steps = &finding->steps;
        assert_int_equal(strstr(finding->text, "not served now") == NULL, served);
        assert_int_equal(strstr(steps->at[steps->count - 1].text, "Start the web site") == NULL,
                         served);
        free_build(build);
    }
}

static void test_shared_excluded(void **state)
{
    struct hm_build *build = new_build(W2012R2);

    (void)state;
    require(build, HM_UDP, "5355", HM_KIND_SHARED);
    hm_build_exclude(build, HM_UDP, HM_IPV6, "5355");
    must_find(build, "reserver_excluded", "udp 5355",
              COMMANDS("netsh int ipv6 delete excludedportrange protocol=udp startport=5355 "
                       "numberofports=1 store=persistent",
                       NULL));
    build->inventory.os.version = W2019;
    must_miss(build, "reserver_excluded");
    free_build(build);
}

static void test_own_port(void **state)
{
    struct hm_build *build = new_build(NULL);
    struct hm_product *product =
        hm_build_product(build, "havenmaster-collector", NULL, "hm-collector");
    const struct hm_finding *finding;

    (void)state;
    hm_build_require(build, product, "https", HM_TCP, "40443", HM_KIND_SOCKET);
    hm_build_listener(build, HM_TCP, HM_IPV6, 40443, "hm-collector", "hm-collector",
                      HM_KIND_SOCKET);
    finding = must_find(build, "own_port_at_risk", "tcp 40443",
                        COMMANDS("echo 'net.ipv4.ip_local_reserved_ports = 40443' > "
                                 "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf",
                                 "sysctl -p /etc/sysctl.d/zzzzzzzz-reserved-ports.conf", NULL));
    assert_int_equal(finding->severity, HM_SEVERITY_HIGH);
    assert_null(hm_build_finding(build, "required_in_dynamic", NULL));
    product->id = "hm-collector-of-others";
    must_miss(build, "own_port_at_risk");
    free_build(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_dynamic_modern),
        cmocka_unit_test(test_in_dynamic_legacy),
        cmocka_unit_test(test_in_dynamic_linux),
        cmocka_unit_test(test_file_read_after_the_remedy),
        cmocka_unit_test(test_replacing_commands_are_complete),
        cmocka_unit_test(test_in_dynamic_reserver),
        cmocka_unit_test(test_in_dynamic_severity),
        cmocka_unit_test(test_in_dynamic_is_said_once_and_only_where_it_matters),
        cmocka_unit_test(test_in_runtime_exclusion),
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_reserver_excluded),
        cmocka_unit_test(test_reserver_excluded_by_hns),
        cmocka_unit_test(test_reserver_excluded_without_hns),
        cmocka_unit_test(test_held_by_port_proxy),
        cmocka_unit_test(test_reserver_excluded_site),
        cmocka_unit_test(test_shared_excluded),
        cmocka_unit_test(test_own_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
