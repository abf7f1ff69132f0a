/* tests/unit/judge/test_remedy_lists.c — remedies where one list holds all ports.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "tests/support/finding_checks.h"

#define KEY "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"

/* ---- 2000 to 2003 -------------------------------------------------------------------------- */

/* What regedit reads from the lines that echo writes: the value's lines, joined by '|'. */
static void read_reg_lines(const struct hm_finding *finding, char *out, size_t size)
{
    size_t len = 0;

    for (size_t i = 0; i < finding->commands.count; i++) {
        const char *at = finding->commands.at[i];
        const char *end = strstr(at, ">>");
        const char *hex = strstr(at, "hex(7):");

        if (end == NULL || (hex == NULL && strncmp(at, "echo   ", 7) != 0)) {
            continue;
        }
        at = hex != NULL ? hex + 7 : at + 7;
        for (; at < end && at[0] != '\\' && len + 1 < size; at += 6) {
            unsigned low = 0;
            unsigned high = 1;

            assert_int_equal(sscanf(at, "%2x,%2x", &low, &high), 2);
            assert_int_equal(high, 0);
            out[len++] = low == 0 ? '|' : (char)low;
        }
    }
    out[len] = '\0';
}

static void test_no_reg_on_2000(void **state)
{
    struct hm_build *build = new_build("5.0.2195");
    struct hm_product *own = hm_build_product(build, "Own", "Own", "own.exe");
    const struct hm_finding *finding;
    char text[1024];

    (void)state;
    hm_build_service(build, "Own");
    hm_build_require(build, own, "ports", HM_UDP, "2883,4500", HM_KIND_SOCKET);
    hm_build_reserved(build, "1645-1646");
    hm_build_reserved(build, "1812-1813");
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_in_dynamic", NULL);
    assert_string_equal(kinds_of(finding), "reserve boot");
    assert_string_equal(finding->commands.at[0],
                        "echo Windows Registry Editor Version 5.00>tcpip-parameters.reg");
    assert_string_equal(finding->commands.at[finding->commands.count - 1],
                        "start \"\" /wait regedit /s \"tcpip-parameters.reg\"");
    read_reg_lines(finding, text, sizeof(text));
    assert_string_equal(text, "1645-1646|1812-1813|2883-2883|4500-4500||");
    for (size_t i = 0; i < finding->commands.count; i++) {
        assert_int_not_equal(strncmp(finding->commands.at[i], "reg ", 4), 0);
    }
    /* MaxUserPort, likewise */
    hm_build_dynamic(build, 1024, 60000);
    hm_build_judge(build);
    finding = hm_build_finding(build, "dynamic_range_moved", NULL);
    assert_true(hm_build_command(finding, "echo \"MaxUserPort\"=->>tcpip-parameters.reg") >= 0);
    free_build(build);
}

/* A value that is too long for reg.exe is written by regedit, whole. */
static void test_long_value_on_2003(void **state)
{
    struct hm_build *build = new_build(W2003);
    struct hm_product *own = hm_build_product(build, "Own", "Own", "own.exe");
    const struct hm_finding *finding;
    static char lines[170][16];
    char text[4096];
    char wanted[4096] = "";

    (void)state;
    hm_build_service(build, "Own");
    hm_build_require(build, own, "port", HM_UDP, "1027", HM_KIND_SOCKET);
    (void)snprintf(wanted, sizeof(wanted), "1027-1027|");
    for (unsigned i = 0; i < HM_COUNT(lines); i++) {
        (void)snprintf(lines[i], sizeof(lines[i]), "%u-%u", 1030 + 3 * i, 1030 + 3 * i);
        hm_build_reserved(build, lines[i]);
        (void)snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), "%s|", lines[i]);
    }
    (void)snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), "|");
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_in_dynamic", NULL);
    read_reg_lines(finding, text, sizeof(text));
    assert_string_equal(text, wanted);
    for (size_t i = 0; i < finding->commands.count; i++) {
        assert_true(strlen(finding->commands.at[i]) < HM_LIMIT_TEXT_BYTES);
    }
    free_build(build);
}

/* A part of the product that does not show now is reserved with the rest: a console while it is
 * closed. Not one whose own service is not there. */
static void test_dormant_parts(void **state)
{
    struct hm_build *build = new_build(W2003);
    struct hm_product *own = hm_build_product(build, "Own", "Own", "own.exe");
    struct hm_requirement *console;
    struct hm_requirement *other;

    (void)state;
    hm_build_service(build, "Own");
    hm_build_require(build, own, "port", HM_UDP, "2506", HM_KIND_SOCKET);
    console = hm_build_require(build, own, "console", HM_UDP, "2507", HM_KIND_SOCKET);
    console->detect.programs = hm_build_names(build, "console.exe");
    other = hm_build_require(build, own, "other", HM_UDP, "2509", HM_KIND_SOCKET);
    other->detect.services = hm_build_names(build, "Other");
    must_find(
        build, "required_in_dynamic", "udp 2506",
        COMMANDS("reg add " KEY " /v ReservedPorts /t REG_MULTI_SZ /d \"2506-2507\" /f", NULL));
    free_build(build);
}

/* A larger range reaches more ports: they are reserved before it. */
static void test_larger_range_reserves_first(void **state)
{
    struct hm_build *build = new_build(W2003);
    struct hm_product *own = hm_build_product(build, "Own", "Own", "own.exe");
    const struct hm_finding *finding;

    (void)state;
    hm_build_service(build, "Own");
    hm_build_require(build, own, "port", HM_TCP, "8443", HM_KIND_SOCKET);
    hm_build_listener(build, HM_TCP, HM_IPV4, 9100, "x.exe", "X", HM_KIND_SOCKET);
    hm_build_sample(build, HM_TCP, HM_IPV4, 3976, 3900);
    finding = must_find(
        build, "low_headroom", "tcp dynamic range",
        COMMANDS("reg add " KEY " /v ReservedPorts /t REG_MULTI_SZ /d \"8443-8443\\09100-9100\" /f",
                 "reg add " KEY " /v MaxUserPort /t REG_DWORD /d 65534 /f",
                 "reg add " KEY " /v TcpTimedWaitDelay /t REG_DWORD /d 60 /f", NULL));
    assert_string_equal(kinds_of(finding), "reserve set boot");
    free_build(build);
}

/* ---- Linux --------------------------------------------------------------------------------- */

static void test_linux(void **state)
{
    struct hm_build *build = new_build(NULL);
    struct hm_product *own = hm_build_product(build, "Own", "Own", "own");
    const struct hm_finding *finding;

    (void)state;
    hm_build_require(build, own, "port", HM_TCP, "50000", HM_KIND_SOCKET);
    service_row(build, "Own", false, NULL);
    service_row(build, "OwnAgent", false, "Own");
    service_row(build, "sync", true, NULL);
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 50000, "curl", "sync");
    finding = must_find(build, "required_port_held", "tcp 50000",
                        COMMANDS("echo 'net.ipv4.ip_local_reserved_ports = 50000' > "
                                 "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf",
                                 "sysctl -p /etc/sysctl.d/zzzzzzzz-reserved-ports.conf",
                                 "systemctl stop sync", "systemctl start Own",
                                 "systemctl start OwnAgent", "systemctl start sync", NULL));
    assert_string_equal(kinds_of(finding), "reserve free start");
    assert_non_null(strstr(finding->steps.at[0].text,
                           "never into zzzzzzzzz-havenmaster.conf")); /* sorts last */
    assert_null(strstr(finding->remedy, "netsh"));
    build->socket_rows[0].service = "run-u12"; /* a job of a moment: nobody can start it again */
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_port_held", "tcp 50000");
    assert_string_equal(kinds_of(finding), "reserve boot");
    build->socket_rows[0].service = "sync";
    build->inventory.has_service_details = false;
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_port_held", "tcp 50000");
    assert_string_equal(kinds_of(finding), "reserve boot");
    free_build(build);
}

static bool has_reserve(const struct hm_finding *finding)
{
    for (size_t i = 0; i < finding->commands.count; i++) {
        if (strstr(finding->commands.at[i], "ip_local_reserved_ports = 30000") != NULL ||
            strstr(finding->commands.at[i], "add excludedportrange") != NULL) {
            return true;
        }
    }
    return false;
}

/* The ports at risk are the whole dynamic range: reserved as it is, no program could connect. */
static void test_room_is_left(void **state)
{
    static const char *const systems[] = {NULL, W2019, W2003};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        struct hm_build *build = new_build(systems[i]);
        struct hm_product *own = hm_build_product(build, "Own", "Own", "own");
        const char *ports = i == 2 ? "1025-4900" : "30000-32767";
        const struct hm_finding *finding;

        hm_build_service(build, "Own");
        hm_build_dynamic(build, i == 2 ? 1025 : 30000, i == 2 ? 5000 : 32767);
        hm_build_require(build, own, "ports", HM_TCP, ports, HM_KIND_SOCKET);
        hm_build_judge(build);
        finding = hm_build_finding(build, "required_in_dynamic", NULL);
        if (i == 0) {
            assert_string_equal(kinds_of(finding), "set reserve");
            assert_string_equal(finding->commands.at[0],
                                "echo 'net.ipv4.ip_local_port_range = 32768 60999' > "
                                "/etc/sysctl.d/zzzzzzzz-port-range.conf");
            assert_string_equal(finding->steps.at[1].precondition,
                                "The dynamic range is larger, by the step before.");
        } else {
            assert_string_equal(kinds_of(finding), i == 1 ? "set" : "decide");
            assert_false(has_reserve(finding));
            assert_non_null(strstr(finding->remedy, "too small to keep the ports free"));
        }
        /* the range stays, as the default would reach another port: nothing is reserved */
        hm_build_require(build, own, "more", HM_TCP, i == 2 ? "4901-5000" : "50000",
                         HM_KIND_SOCKET);
        hm_build_judge(build);
        finding = hm_build_finding(build, "required_in_dynamic", NULL);
        assert_string_equal(kinds_of(finding), "decide");
        assert_false(has_reserve(finding));
        free_build(build);
    }
}

/* A part of a small range may be reserved. */
static void test_small_part_is_reserved(void **state)
{
    struct hm_build *build = new_build(NULL);
    struct hm_product *own = hm_build_product(build, "Own", "Own", "own");

    (void)state;
    hm_build_service(build, "Own");
    hm_build_dynamic(build, 30000, 30999);
    hm_build_require(build, own, "ports", HM_TCP, "30100-30200", HM_KIND_SOCKET);
    hm_build_judge(build);
    assert_string_equal(kinds_of(hm_build_finding(build, "required_in_dynamic", NULL)), "reserve");
    free_build(build);
}

/* What a policy has reserved stays in the running list and out of the file: there it would be
 * reserved still when the policy is retired. */
static void test_linux_beside_a_policy(void **state)
{
    struct hm_build *build = new_build(NULL);
    struct hm_product *own = hm_build_product(build, "Own", "Own", "own");
    struct hm_policy_mark mark = {
        .kind = HM_MARK_PORTS, .policy = "mine", .ports = hm_build_ports(build, "51000-51003")};
    struct hm_policy_marks marks = {&mark, 1};

    (void)state;
    hm_build_require(build, own, "port", HM_TCP, "50000", HM_KIND_SOCKET);
    hm_build_service(build, "Own");
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        hm_build_exclude(build, i < 2 ? HM_TCP : HM_UDP, i % 2 == 0 ? HM_IPV4 : HM_IPV6,
                         "8080,51000-51003");
    }
    build->marks = &marks;
    must_find(build, "required_in_dynamic", "tcp 50000",
              COMMANDS("echo 'net.ipv4.ip_local_reserved_ports = 8080,50000' > "
                       "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf",
                       "sysctl -w net.ipv4.ip_local_reserved_ports=8080,50000,51000-51003", NULL));
    mark.waits = true; /* not done yet: whose those ports are is not said */
    must_find(build, "required_in_dynamic", "tcp 50000",
              COMMANDS("echo 'net.ipv4.ip_local_reserved_ports = 8080,50000,51000-51003' > "
                       "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf",
                       "sysctl -p /etc/sysctl.d/zzzzzzzz-reserved-ports.conf", NULL));
    free_build(build);
}

/* A file that has other lines keeps them. */
static void test_linux_mixed_file(void **state)
{
#define WITHOUT(name, file)                                                                        \
    "touch " file " && sed -i --follow-symlinks -e '/^[-[:space:]]*net.ipv4." name                 \
    "[[:space:]]*=/d' -e "                                                                         \
    "'$a\\' " file
    struct hm_build *build = new_build(NULL);
    struct hm_product *own = hm_build_product(build, "Own", "Own", "own");
    struct hm_policy_mark mark = {
        .kind = HM_MARK_PORTS, .policy = "mine", .ports = hm_build_ports(build, "51000")};
    struct hm_policy_marks marks = {&mark, 1};

    (void)state;
    build->settings_mixed = true;
    hm_build_require(build, own, "port", HM_TCP, "50000", HM_KIND_SOCKET);
    hm_build_service(build, "Own");
    must_find(
        build, "required_in_dynamic", "tcp 50000",
        COMMANDS(WITHOUT("ip_local_reserved_ports", "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf"),
                 "echo 'net.ipv4.ip_local_reserved_ports = 50000' >> "
                 "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf",
                 "sysctl -p /etc/sysctl.d/zzzzzzzz-reserved-ports.conf", NULL));
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        hm_build_exclude(build, i < 2 ? HM_TCP : HM_UDP, i % 2 == 0 ? HM_IPV4 : HM_IPV6, "51000");
    }
    build->marks = &marks;
    must_find(
        build, "required_in_dynamic", "tcp 50000",
        COMMANDS(WITHOUT("ip_local_reserved_ports", "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf"),
                 "echo 'net.ipv4.ip_local_reserved_ports = 50000' >> "
                 "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf",
                 "sysctl -w net.ipv4.ip_local_reserved_ports=50000,51000", NULL));
    hm_build_dynamic(build, 1024, 65535);
    must_find(build, "dynamic_range_moved", "dynamic range",
              COMMANDS(WITHOUT("ip_local_port_range", "/etc/sysctl.d/zzzzzzzz-port-range.conf"),
                       "echo 'net.ipv4.ip_local_port_range = 32768 60999' >> "
                       "/etc/sysctl.d/zzzzzzzz-port-range.conf",
                       "sysctl -p /etc/sysctl.d/zzzzzzzz-port-range.conf", NULL));
    free_build(build);
}

/* A file of others that is read later, and sets the range, has the last word at the next boot. */
static void test_linux_range_behind(void **state)
{
    static const struct {
        const char *behind;
        const char *text;
        const char *commands[4];
    } cases[] = {
        {"",
         "now and in a file that is read after all others.",                          {"echo 'net.ipv4.ip_local_port_range = 32768 60999' > "
          "/etc/sysctl.d/zzzzzzzz-port-range.conf",
          "sysctl -p /etc/sysctl.d/zzzzzzzz-port-range.conf"}                               },
        {"/etc/sysctl.d/zzzzzzzz-q.conf",
         "now and in /etc/sysctl.d/zzzzzzzz-q.conf, which is read after other files", {WITHOUT("ip_local_port_range", "/etc/sysctl.d/zzzzzzzz-q.conf"),
          "echo 'net.ipv4.ip_local_port_range = 32768 60999' >> /etc/sysctl.d/zzzzzzzz-q.conf",
          "sysctl -w net.ipv4.ip_local_port_range=\"32768 60999\""}},
        {"/usr/lib/sysctl.d/zzzzzzzz-q.conf",
         "after /usr/lib/sysctl.d/zzzzzzzz-q.conf, which sets",                       {WITHOUT("ip_local_port_range", "/etc/sysctl.d/zzzzzzzz-q_port-range.conf"),
          "echo 'net.ipv4.ip_local_port_range = 32768 60999' >> "
          "/etc/sysctl.d/zzzzzzzz-q_port-range.conf",
          "sysctl -w net.ipv4.ip_local_port_range=\"32768 60999\""}                      },
        {"/etc/sysctl.d/zzzzzzzz q.conf",
         "now and in /etc/sysctl.d/zzzzzzzz q.conf, which is read after other files", {WITHOUT("ip_local_port_range", "'/etc/sysctl.d/zzzzzzzz q.conf'"),
          "echo 'net.ipv4.ip_local_port_range = 32768 60999' >> '/etc/sysctl.d/zzzzzzzz q.conf'",
          "sysctl -w net.ipv4.ip_local_port_range=\"32768 60999\""}},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(NULL);
        const struct hm_finding *finding;

        print_message("case %zu\n", i);
        build->range_behind = cases[i].behind;
        hm_build_dynamic(build, 1024, 65535);
        finding = must_find(build, "dynamic_range_moved", "dynamic range", cases[i].commands);
        assert_non_null(strstr(finding->steps.at[0].text, cases[i].text));
        free_build(build);
    }
}

/* A list of more than a page: a single write would be cut off, so a loop writes it. */
static void test_linux_very_long_list(void **state)
{
    struct hm_build *build = new_build(NULL);
    struct hm_product *own = hm_build_product(build, "Own", "Own", "own.exe");
    static char list[16384];

    (void)state;
    for (unsigned port = 40000; port < 44000; port += 2) {
        (void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%u",
                       list[0] == '\0' ? "" : ",", port);
    }
    hm_build_service(build, "Own");
    hm_build_require(build, own, "port", HM_TCP, "50000", HM_KIND_SOCKET);
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        hm_build_exclude(build, i < 2 ? HM_TCP : HM_UDP, i % 2 == 0 ? HM_IPV4 : HM_IPV6, list);
    }
    must_find(build, "required_in_dynamic", "tcp 50000",
              COMMANDS("echo \"net.ipv4.ip_local_reserved_ports = $(cat "
                       "/proc/sys/net/ipv4/ip_local_reserved_ports),50000\" > "
                       "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf",
                       "sed -n 's/^net.ipv4.ip_local_reserved_ports = //p' "
                       "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf | tr , '\\n' | "
                       "while read -r p; do echo \"$p\"; done > "
                       "/proc/sys/net/ipv4/ip_local_reserved_ports",
                       NULL));
    free_build(build);
}

/* The list in pieces that each fit a command line, and together are the list. */
static void test_linux_long_list(void **state)
{
    struct hm_build *build = new_build(NULL);
    struct hm_product *own = hm_build_product(build, "Own", "Own", "own.exe");
    const struct hm_finding *finding;
    static char list[4096];
    char text[8192] = "";

    (void)state;
    for (unsigned port = 40000; port < 41200; port += 2) {
        (void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%u",
                       list[0] == '\0' ? "" : ",", port);
    }
    hm_build_service(build, "Own");
    hm_build_require(build, own, "ports", HM_TCP, list, HM_KIND_SOCKET);
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_in_dynamic", NULL);
    assert_true(finding->commands.count > 2);
    for (size_t i = 0; i + 1 < finding->commands.count; i++) {
        const char *first = strchr(finding->commands.at[i], '\'') + 1;
        const char *last = strchr(first, '\'');

        assert_true(strlen(finding->commands.at[i]) < HM_LIMIT_TEXT_BYTES);
        assert_non_null(strstr(last, i == 0 ? "' > /etc" : "' >> /etc"));
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.*s",
                       (int)(last - first), first);
    }
    assert_string_equal(strchr(text, '=') + 2, list);
    free_build(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_reg_on_2000),
        cmocka_unit_test(test_long_value_on_2003),
        cmocka_unit_test(test_dormant_parts),
        cmocka_unit_test(test_larger_range_reserves_first),
        cmocka_unit_test(test_linux),
        cmocka_unit_test(test_room_is_left),
        cmocka_unit_test(test_small_part_is_reserved),
        cmocka_unit_test(test_linux_long_list),
        cmocka_unit_test(test_linux_mixed_file),
        cmocka_unit_test(test_linux_range_behind),
        cmocka_unit_test(test_linux_very_long_list),
        cmocka_unit_test(test_linux_beside_a_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
