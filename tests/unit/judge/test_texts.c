/* tests/unit/judge/test_texts.c — what verdicts, findings and remedies name: all ranges that
 * moved, the instances that wait for a port, unrecorded services, and the words of the system.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/finding_checks.h"

static void test_every_moved_range_is_named(void **state)
{
    static const struct {
        struct hm_range tcp;
        struct hm_range udp;
        const char *text;
    } cases[] = {
        {{1025, 65534},  {1025, 65534}, "The dynamic range is 1025-65534 instead of "},
        {{1025, 65534},
         {49152, 65535},
         "The dynamic range of tcp/ipv4 and tcp/ipv6 is 1025-65534 instead of "      },
        {{49152, 65535},
         {2000, 5000},
         "The dynamic range of udp/ipv4 and udp/ipv6 is 2000-5000 instead of "       },
        {{1025, 65534},
         {2000, 5000},
         "The dynamic range of tcp/ipv4 and tcp/ipv6 is 1025-65534, that of udp/ipv4 and udp/ipv6 "
         "is "
         "2000-5000 instead of "                                                     },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(W2019);
        const struct hm_finding *finding;

        for (unsigned k = 0; k < HM_STACK_COUNT; k++) {
            build->stacks[k].dynamic = k < 2 ? cases[i].tcp : cases[i].udp;
        }
        hm_build_judge(build);
        finding = hm_build_finding(build, "dynamic_range_moved", NULL);
        assert_non_null(finding);
        if (strncmp(finding->text, cases[i].text, strlen(cases[i].text)) != 0) {
            fail_msg("row %zu: %s", i, finding->text);
        }
        free_build(build);
    }
}

/* A port that every instance of a product may have: the one that waits for it is named. */
static void test_instance_is_named(void **state)
{
    struct hm_build *build = new_build(W2019);
    struct hm_product *product = hm_build_product(build, "sql-server", "MSSQL$*", NULL);
    const struct hm_finding *finding;

    (void)state;
    product->detect.services = hm_build_names(build, "MSSQL$*|MSSQLSERVER");
    hm_build_require(build, product, "mirroring", HM_TCP, "5022", HM_KIND_SOCKET);
    (void)service_row(build, "MSSQL$PAYROLL", false, NULL);
    (void)service_row(build, "MSSQL$WEB", false, NULL);
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 5022, "other.exe", "Other");
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_port_held", "tcp 5022");
    assert_non_null(finding);
    assert_non_null(strstr(finding->text, ": MSSQL$PAYROLL and MSSQL$WEB cannot start until it is "
                                          "free."));
    free_build(build);
}

/* The port book knows the port of an instance: it may take another one. */
static void test_observed_instance(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_finding *finding;

    (void)state;
    (void)service_row(build, "MSSQL$PAYROLL", false, NULL);
    hm_build_remember(build, HM_TCP, 51433, "sqlservr.exe", "MSSQL$PAYROLL", HM_KIND_SOCKET, 5);
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 51433, "other.exe", "Other")
        ->remote = "10.0.0.5:443";
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_port_held", "tcp 51433");
    assert_non_null(finding);
    assert_non_null(strstr(finding->text, "MSSQL$PAYROLL (observed): TCP 51433 is held"));
    assert_non_null(strstr(finding->text, " When its port is set as dynamic, it takes another one "
                                          "instead."));
    free_build(build);
}

/* Linux reserves ports; it excludes none. */
static void test_words_of_linux(void **state)
{
    struct hm_build *build = new_build(NULL);
    const struct hm_verdict *verdict;

    (void)state;
    require(build, HM_TCP, "50000", HM_KIND_SOCKET);
    hm_build_judge(build);
    verdict = &build->judgement.verdicts.at[0];
    assert_non_null(strstr(verdict->text, " and is not reserved on ipv4 and ipv6"));
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        build->stacks[i].has_administered = false;
    }
    hm_build_judge(build);
    verdict = &build->judgement.verdicts.at[0];
    assert_int_equal(verdict->state, HM_UNKNOWN);
    assert_non_null(strstr(verdict->text, "the list of reserved ports (ip_local_reserved_ports)"));
    for (size_t i = 0; i < build->judgement.unknown.count; i++) {
        assert_null(strstr(build->judgement.unknown.at[i], "xclusion"));
    }
    free_build(build);
}

/* Remote Desktop stops in one line, whether or not all is recorded that depends on it: steps pasted
 * one by one would cut the person off. Its own dependent is known. */
static void test_unrecorded_dependents_of_session(void **state)
{
    static const char *const names[] = {"Acme", "TermService", "UmRdpService"};

    (void)state;
    for (unsigned detailed = 0; detailed < 2; detailed++) {
        struct hm_build *build = new_build(W2019);
        const struct hm_finding *finding;

        hm_build_require(build, hm_build_product(build, "rdp", "TermService", NULL), "rdp", HM_TCP,
                         "50389", HM_KIND_SOCKET);
        for (size_t i = 0; i < HM_COUNT(names); i++) {
            if (detailed != 0) {
                (void)hm_build_service_runs(build, names[i], true);
            } else {
                hm_build_service(build, names[i]);
            }
        }
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 50389, "svchost.exe",
                        "TermService");
        hm_build_judge(build);
        finding = hm_build_finding(build, "required_in_dynamic", "tcp 50389");
        assert_non_null(finding);
        assert_string_equal(kinds_of(finding), "reserve");
        assert_int_equal(finding->commands.count, 1);
        assert_non_null(strstr(finding->commands.at[0], "net stop TermService /y & netsh "));
        assert_non_null(
            strstr(finding->commands.at[0], " & net start TermService & net start UmRdpService"));
        assert_non_null(strstr(finding->steps.at[0].warning, "sc.exe enumdepend TermService"));
        free_build(build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_moved_range_is_named),
        cmocka_unit_test(test_instance_is_named),
        cmocka_unit_test(test_observed_instance),
        cmocka_unit_test(test_words_of_linux),
        cmocka_unit_test(test_unrecorded_dependents_of_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
