/* tests/unit/judge/test_finding_system.c — findings about the settings of a system.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/finding_checks.h"

#define KEY "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"

static void test_dynamic_range_moved(void **state)
{
    struct hm_build *build = new_build(W2012R2);
    const struct hm_finding *finding;

    (void)state;
    must_miss(build, "dynamic_range_moved");
    hm_build_stack(build, HM_TCP, HM_IPV4)->dynamic = (struct hm_range){6000, 65534};
    hm_build_stack(build, HM_TCP, HM_IPV6)->dynamic = (struct hm_range){6000, 65534};
    finding = must_find(build, "dynamic_range_moved", "dynamic range",
                        COMMANDS("netsh int ipv4 set dynamicportrange protocol=tcp "
                                 "startport=49152 numberofports=16384 store=persistent",
                                 "netsh int ipv6 set dynamicportrange protocol=tcp "
                                 "startport=49152 numberofports=16384 store=persistent",
                                 NULL));
    assert_int_equal(finding->severity, HM_SEVERITY_LOW);
    assert_string_equal(hm_build_evidence(finding, "default"), "49152-65535");
    require(build, HM_TCP, "9955", HM_KIND_SOCKET);
    hm_build_judge(build);
    assert_int_equal(hm_build_finding(build, "dynamic_range_moved", NULL)->severity,
                     HM_SEVERITY_MEDIUM);
    free_build(build);
}

/* A port that somebody got since the move is no smaller harm than one that somebody may get. */
static void test_dynamic_range_moved_and_taken(void **state)
{
    struct hm_build *build = new_build(W2012R2);
    struct hm_requirement *requirement;
    struct hm_socket *socket;

    (void)state;
    hm_build_stack(build, HM_TCP, HM_IPV4)->dynamic = (struct hm_range){6000, 65534};
    requirement = require(build, HM_TCP, "9955", HM_KIND_SOCKET);
    hm_build_service_runs(build, "Own", false);
    socket = hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 9955, "lsass.exe", "");
    hm_build_judge(build);
    assert_non_null(hm_build_finding(build, "required_port_held", NULL));
    assert_int_equal(hm_build_finding(build, "dynamic_range_moved", NULL)->severity,
                     HM_SEVERITY_MEDIUM);
    socket->port = 80; /* a listener there was given no port */
    socket->program = "foreign.exe";
    socket->state = HM_SOCKET_LISTEN;
    requirement->ports = hm_build_ports(build, "80");
    hm_build_judge(build);
    assert_non_null(hm_build_finding(build, "required_port_held", NULL));
    assert_int_equal(hm_build_finding(build, "dynamic_range_moved", NULL)->severity,
                     HM_SEVERITY_LOW);
    free_build(build);
}

static void test_dynamic_range_moved_elsewhere(void **state)
{
    struct hm_build *build = new_build(W2003);

    (void)state;
    hm_build_dynamic(build, 1024, 5000); /* a default by another name */
    must_miss(build, "dynamic_range_moved");
    hm_build_dynamic(build, 1024, 60000);
    assert_true(must_find(build, "dynamic_range_moved", "dynamic range",
                          COMMANDS("reg delete " KEY " /v MaxUserPort /f", NULL))
                    ->needs_reboot);
    free_build(build);
    build = new_build(NULL);
    hm_build_dynamic(build, 32768, 61000);
    must_miss(build, "dynamic_range_moved");
    hm_build_dynamic(build, 1024, 65535);
    must_find(build, "dynamic_range_moved", "dynamic range",
              COMMANDS("echo 'net.ipv4.ip_local_port_range = 32768 60999' > "
                       "/etc/sysctl.d/zzzzzzzz-port-range.conf",
                       "sysctl -p /etc/sysctl.d/zzzzzzzz-port-range.conf", NULL));
    free_build(build);
}

static void test_max_user_port(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_finding *finding;

    (void)state;
    must_miss(build, "max_user_port_set");
    build->inventory.registry.has_max_user_port = true;
    build->inventory.registry.max_user_port = 65534;
    finding = must_find(build, "max_user_port_set", "registry MaxUserPort",
                        COMMANDS("reg delete " KEY " /v MaxUserPort /f", NULL));
    assert_int_equal(finding->severity, HM_SEVERITY_LOW);
    assert_true(finding->needs_reboot);
    hm_build_dynamic(build, 1024, 65534);
    hm_build_judge(build);
    assert_int_equal(hm_build_finding(build, "max_user_port_set", NULL)->severity,
                     HM_SEVERITY_MEDIUM);
    build->inventory.os.version = W2003; /* there it is the only knob */
    must_miss(build, "max_user_port_set");
    free_build(build);
}

static void test_neighbours(void **state)
{
    struct hm_build *build = new_build(W2003);
    const struct hm_finding *finding;

    (void)state;
    hm_build_reserved(build, "9469-9469");
    hm_build_reserved(build, "9506-9506");
    must_miss(build, "reserved_ports_neighbours");
    hm_build_reserved(build, "9507-9507");
    finding = must_find(build, "reserved_ports_neighbours", "registry ReservedPorts",
                        COMMANDS("reg add " KEY " /v ReservedPorts /t REG_MULTI_SZ /d "
                                 "\"9469-9469\\09506-9507\" /f",
                                 NULL));
    assert_int_equal(finding->severity, HM_SEVERITY_MEDIUM);
    assert_true(finding->needs_reboot);
    assert_non_null(strstr(finding->text, "9507"));
    require(build, HM_UDP, "9507", HM_KIND_SOCKET);
    hm_build_judge(build);
    assert_int_equal(hm_build_finding(build, "reserved_ports_neighbours", NULL)->severity,
                     HM_SEVERITY_HIGH);
    build->inventory.os.version = W2008;
    must_miss(build, "reserved_ports_neighbours");
    free_build(build);
}

static void test_reserved_ports_ignored(void **state)
{
    struct hm_build *build = new_build(W2012R2);
    const struct hm_finding *finding;

    (void)state;
    must_miss(build, "reserved_ports_ignored");
    hm_build_reserved(build, "50000-50001");
    finding = must_find(build, "reserved_ports_ignored", "registry ReservedPorts",
                        COMMANDS("reg delete " KEY " /v ReservedPorts /f", NULL));
    assert_int_equal(finding->severity, HM_SEVERITY_LOW);
    require(build, HM_UDP, "50001", HM_KIND_SOCKET);
    hm_build_exclude(build, HM_UDP, HM_IPV6, "50001");
    finding = must_find(build, "reserved_ports_ignored", "registry ReservedPorts",
                        COMMANDS("netsh int ipv4 add excludedportrange protocol=udp "
                                 "startport=50001 numberofports=1 store=persistent",
                                 "reg delete " KEY " /v ReservedPorts /f", NULL));
    assert_int_equal(finding->severity, HM_SEVERITY_MEDIUM);
    build->inventory.os.version = W2003;
    build->inventory.stacks.count = 1;
    must_miss(build, "reserved_ports_ignored");
    free_build(build);
}

/* Linux: the list of a file that is read later replaces the one of a file before it. */
static void test_reserved_list_hidden(void **state)
{
    struct hm_build *build = new_build(NULL);
    const struct hm_finding *finding;
    struct hm_hidden_file files[2];

    (void)state;
    must_miss(build, "reserved_ports_ignored");
    files[0] = (struct hm_hidden_file){"/etc/sysctl.d/70-a.conf", hm_build_ports(build, "50002")};
    files[1] = (struct hm_hidden_file){"/etc/sysctl.d/80-more.conf",
                                       hm_build_ports(build, "8080,50000-50001")};
    build->hidden =
        (struct hm_hidden_ports){files, 2, "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf"};
    finding = must_find(build, "reserved_ports_ignored", "/etc/sysctl.d/70-a.conf",
                        COMMANDS("echo 'net.ipv4.ip_local_reserved_ports = 50000-50002' > "
                                 "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf",
                                 "sysctl -p /etc/sysctl.d/zzzzzzzz-reserved-ports.conf", NULL));
    assert_non_null(strstr(finding->text, "70-a.conf reserves 50002, but"));
    finding = must_find(build, "reserved_ports_ignored", "/etc/sysctl.d/80-more.conf",
                        COMMANDS("echo 'net.ipv4.ip_local_reserved_ports = 50000-50002' > "
                                 "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf",
                                 "sysctl -p /etc/sysctl.d/zzzzzzzz-reserved-ports.conf", NULL));
    assert_int_equal(finding->severity, HM_SEVERITY_LOW);
    assert_non_null(strstr(finding->text, "reserves 50000-50001, but"));
    require(build, HM_TCP, "50001", HM_KIND_SOCKET);
    hm_build_judge(build);
    finding = hm_build_finding(build, "reserved_ports_ignored", "/etc/sysctl.d/80-more.conf");
    assert_int_equal(finding->severity, HM_SEVERITY_MEDIUM);
    finding = hm_build_finding(build, "reserved_ports_ignored", "/etc/sysctl.d/70-a.conf");
    assert_int_equal(finding->severity, HM_SEVERITY_LOW);
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) { /* reserved all the same */
        hm_build_exclude(build, i < 2 ? HM_TCP : HM_UDP, i % 2 == 0 ? HM_IPV4 : HM_IPV6,
                         "50000-50002");
    }
    must_miss(build, "reserved_ports_ignored");
    free_build(build);
}

static void test_value_type_wrong(void **state)
{
    struct hm_build *build = new_build(W2003);
    const struct hm_finding *finding;

    (void)state;
    must_miss(build, "value_type_wrong");
    build->inventory.has_registry = true;
    build->inventory.registry.wrong_types =
        hm_build_names(build, "ReservedPorts is text (REG_SZ) and must be a list of lines");
    finding = must_find(build, "value_type_wrong", "registry value types", COMMANDS(NULL));
    assert_int_equal(finding->severity, HM_SEVERITY_MEDIUM);
    assert_non_null(strstr(finding->text, "ReservedPorts is text (REG_SZ)"));
    free_build(build);
}

static void test_exclusions_unsupported(void **state)
{
    struct hm_build *build = new_build(W2008R2);
    const struct hm_finding *finding;

    (void)state;
    must_miss(build, "exclusions_unsupported");
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        build->stacks[i].exclusions_unsupported = true;
        build->stacks[i].has_administered = false;
        build->stacks[i].has_runtime = false;
    }
    finding = must_find(build, "exclusions_unsupported", "hotfix KB2665809", COMMANDS(NULL));
    assert_false(finding->needs_reboot); /* nothing has to be protected yet */
    assert_int_equal(finding->severity, HM_SEVERITY_LOW);
    require(build, HM_TCP, "50000", HM_KIND_SOCKET);
    hm_build_judge(build);
    assert_int_equal(build->judgement.verdicts.at[0].state, HM_EXPOSED); /* none, and known */
    assert_int_equal(hm_build_finding(build, "exclusions_unsupported", NULL)->severity,
                     HM_SEVERITY_HIGH);
    finding = hm_build_finding(build, "required_in_dynamic", "tcp 50000");
    assert_string_equal(kinds_of(finding), "set"); /* the range moves off it */
    assert_false(finding->needs_reboot);
    hm_build_sample(build, HM_TCP, HM_IPV4, 16384, 15000); /* too many for what is left */
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_in_dynamic", "tcp 50000");
    assert_int_equal(finding->steps.at[0].kind, HM_STEP_DECIDE); /* hotfix, boot, exclusion */
    assert_non_null(strstr(finding->steps.at[0].text, "KB2665809"));
    assert_int_equal(finding->steps.at[1].kind, HM_STEP_BOOT);
    assert_string_equal(kinds_of(finding), "decide boot free reserve start");
    assert_true(finding->needs_reboot);
    free_build(build);
}

static void test_exclusions_shifted(void **state)
{
    struct hm_build *build = new_build(W2019);
    struct hm_build *before = new_build(W2019);
    const struct hm_finding *finding;

    (void)state;
    build->previous_boot = &before->inventory;
    hm_build_exclude(build, HM_TCP, HM_IPV4, "9955");
    hm_build_exclude(before, HM_TCP, HM_IPV4, "9955");
    hm_build_runtime(build, HM_TCP, HM_IPV4, "50052-50151");
    hm_build_runtime(before, HM_TCP, HM_IPV4, "50052-50151");
    must_miss(build, "exclusions_shifted");
    hm_build_runtime(build, HM_TCP, HM_IPV4, "50052-50151,60000-60099");
    finding = must_find(build, "exclusions_shifted", "tcp runtime exclusions", COMMANDS(NULL));
    assert_non_null(
        strstr(finding->text, "include 60000-60099 now and did not before the last boot:"));
    hm_build_runtime(build, HM_TCP, HM_IPV4, "50100-50199"); /* whole blocks, though they overlap */
    finding = must_find(build, "exclusions_shifted", "tcp runtime exclusions", COMMANDS(NULL));
    assert_non_null(
        strstr(finding->text, "moved from 50052-50151 to 50100-50199 at the last boot:"));
    assert_string_equal(hm_build_evidence(finding, "gone"), "50052-50099");
    hm_build_runtime(build, HM_TCP, HM_IPV4, "");
    finding = must_find(build, "exclusions_shifted", "tcp runtime exclusions", COMMANDS(NULL));
    assert_non_null(strstr(finding->text, "do not include 50052-50151 now and did before"));
    hm_build_runtime(build, HM_TCP, HM_IPV4, "50152-50251");
    finding = must_find(build, "exclusions_shifted", "tcp runtime exclusions", COMMANDS(NULL));
    assert_int_equal(finding->severity, HM_SEVERITY_LOW);
    assert_string_equal(hm_build_evidence(finding, "gone"), "50052-50151");
    assert_string_equal(hm_build_evidence(finding, "come"), "50152-50251");
    assert_non_null(strstr(finding->text, "moved from 50052-50151 to 50152-50251"));
    hm_build_exclude(before, HM_TCP, HM_IPV4, "9933,9955");
    must_find(build, "exclusions_shifted", "tcp exclusions lost", COMMANDS(NULL));
    hm_build_dynamic(build, 1024, 65535); /* outside the range nobody is given it */
    finding = must_find(build, "exclusions_shifted", "tcp exclusions lost",
                        COMMANDS("netsh int ipv4 add excludedportrange protocol=tcp "
                                 "startport=9933 numberofports=1 store=persistent",
                                 NULL));
    assert_int_equal(finding->severity, HM_SEVERITY_MEDIUM);
    free_build(build);
    free_build(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dynamic_range_moved),
        cmocka_unit_test(test_dynamic_range_moved_and_taken),
        cmocka_unit_test(test_dynamic_range_moved_elsewhere),
        cmocka_unit_test(test_max_user_port),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_reserved_ports_ignored),
        cmocka_unit_test(test_reserved_list_hidden),
        cmocka_unit_test(test_value_type_wrong),
        cmocka_unit_test(test_exclusions_unsupported),
        cmocka_unit_test(test_exclusions_shifted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
