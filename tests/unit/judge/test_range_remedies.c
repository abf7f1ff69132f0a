/* tests/unit/judge/test_range_remedies.c — what findings of one host say about its dynamic range
 * has to agree, and a port that is out of reach needs no restart of the host.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/finding_checks.h"

static const struct hm_finding *judged(struct hm_build *build, const char *kind)
{
    const struct hm_finding *finding;

    hm_build_judge(build);
    finding = hm_build_finding(build, kind, NULL);
    assert_non_null(finding);
    return finding;
}

/* Both would write MaxUserPort: only one of them does. */
static void test_used_up_and_undocumented(void **state)
{
    struct hm_build *build = new_build(W2003);
    struct hm_sample_stack *row = hm_build_sample(build, HM_TCP, HM_IPV4, 1977, 100);

    (void)state;
    build->inventory.registry.has_max_user_port = true;
    build->inventory.registry.max_user_port = 3000;
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 1900, "app.exe", "")->remote =
        "10.0.0.5:80";
    build->has_sockets = true;
    assert_true(judged(build, "max_user_port_undocumented")->commands.count > 0);
    row->in_use = 1900;
    assert_int_equal(judged(build, "max_user_port_undocumented")->commands.count, 0);
    assert_true(judged(build, "low_headroom")->commands.count > 0);
    free_build(build);
}

/* End points of RPC were given their ports and are given others: the default range may reach them.
 * A listener that chose its port is another matter. */
static void test_endpoints_hinder_no_way_back(void **state)
{
    struct hm_build *build = new_build(W2019);

    (void)state;
    hm_build_dynamic(build, 60000, 60254);
    hm_build_listener(build, HM_TCP, HM_IPV4, 49664, "lsass.exe", "", HM_KIND_SOCKET);
    hm_build_listener(build, HM_TCP, HM_IPV4, 49665, "svchost.exe", "EventLog", HM_KIND_SOCKET);
    assert_true(judged(build, "dynamic_range_moved")->commands.count > 0);
    hm_build_listener(build, HM_TCP, HM_IPV4, 50000, "app.exe", "App", HM_KIND_SOCKET);
    assert_int_equal(judged(build, "dynamic_range_moved")->commands.count, 0);
    free_build(build);
}

/* A range inside the default hands out nothing that was not handed out before. */
static void test_smaller_range_is_said_to_be_one(void **state)
{
    struct hm_build *build = new_build(W2019);

    (void)state;
    hm_build_dynamic(build, 50000, 65535);
    assert_non_null(strstr(judged(build, "dynamic_range_moved")->text, "fewer ports are left"));
    hm_build_dynamic(build, 40000, 65535);
    assert_non_null(strstr(judged(build, "dynamic_range_moved")->text, "products count on"));
    free_build(build);
}

/* Without hotfix KB2665809 the range is moved off the port; not where that would do harm. */
static void test_range_moves_off_what_cannot_be_excluded(void **state)
{
    struct hm_build *build = new_build("6.1.7601");
    const struct hm_finding *finding;

    (void)state;
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        build->stacks[i].exclusions_unsupported = true;
    }
    hm_build_service(build, "Contoso");
    hm_build_require(build, hm_build_product(build, "contoso", "Contoso", NULL), "port", HM_UDP,
                     "52311", HM_KIND_SOCKET);
    finding = judged(build, "required_in_dynamic");
    assert_int_equal(finding->commands.count, 2);
    assert_string_equal(finding->commands.at[0],
                        "netsh int ipv4 set dynamicportrange protocol=udp startport=52312 "
                        "numberofports=13224 store=persistent");
    assert_string_equal(finding->commands.at[1],
                        "netsh int ipv6 set dynamicportrange protocol=udp startport=52312 "
                        "numberofports=13224 store=persistent");
    assert_non_null(strstr(judged(build, "exclusions_unsupported")->remedy,
                           "move the dynamic range off the required ports"));
    /* What is in use would not fit: the hotfix is the only cure. */
    hm_build_sample(build, HM_UDP, HM_IPV4, 16384, 12000)->in_use = 12000;
    finding = judged(build, "required_in_dynamic");
    assert_null(strstr(finding->commands.at[0], "dynamicportrange"));
    assert_null(strstr(judged(build, "exclusions_unsupported")->remedy, "move the dynamic range"));
    free_build(build);
}

/* Where no required port lies in the range, the missing hotfix is not urgent. */
static void test_nothing_in_the_range(void **state)
{
    struct hm_build *build = new_build("6.1.7601");
    const struct hm_finding *finding;

    (void)state;
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        build->stacks[i].exclusions_unsupported = true;
    }
    hm_build_service(build, "Contoso");
    hm_build_require(build, hm_build_product(build, "contoso", "Contoso", NULL), "port", HM_UDP,
                     "1801", HM_KIND_SOCKET);
    hm_build_dynamic(build, 49152, 65535);
    finding = judged(build, "exclusions_unsupported");
    assert_int_equal(finding->severity, HM_SEVERITY_LOW);
    assert_non_null(strstr(finding->text, "no port that is known to be required lies there"));
    hm_build_dynamic(build, 1025, 65535);
    assert_int_equal(judged(build, "exclusions_unsupported")->severity, HM_SEVERITY_HIGH);
    free_build(build);
}

/* Then the default range is one remedy for all of them, also for a port that may not be excluded;
 * and the DNS Server, which has none of them, stops for another pool. */
static void test_range_goes_back_for_all(void **state)
{
    struct hm_build *build = new_build("6.1.7601");
    struct hm_product *product;
    const struct hm_finding *finding;

    (void)state;
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        build->stacks[i].exclusions_unsupported = true;
    }
    hm_build_dynamic(build, 1025, 65534);
    hm_build_service_runs(build, "DNS", true)->start = HM_START_AUTOMATIC;
    hm_build_service_runs(build, "Contoso", true)->start = HM_START_AUTOMATIC;
    hm_build_socket(build, HM_UDP, HM_IPV4, HM_SOCKET_LISTEN, 53, "dns.exe", "DNS");
    product = hm_build_product(build, "contoso", "Contoso", NULL);
    hm_build_require(build, product, "shared", HM_UDP, "5355", HM_KIND_SHARED);
    finding = judged(build, "required_in_dynamic");
    assert_non_null(strstr(finding->remedy, "Set the dynamic range back"));
    for (size_t i = 0; i < finding->commands.count; i++) {
        assert_null(strstr(finding->commands.at[i], "dnscmd"));
    }
    assert_true(hm_build_command(finding, "net stop DNS") >= 0);
    for (size_t i = 0; i < finding->steps.count; i++) {
        assert_null(strstr(finding->steps.at[i].text, "so that the port is free"));
    }
    free_build(build);
}

/* A range alone names no product whose service is not there, unless services may be missing. */
static void test_maker_needs_its_service(void **state)
{
    static const struct {
        uint16_t first, last;
        const char *service;
        const char *name;
    } rows[] = {
        {10000, 65535, "Fwsrv",   "Forefront TMG"},
        {33000, 65535, "kubelet", "AKS"          },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_build *build = new_build(W2019);
        const struct hm_finding *finding;

        hm_build_dynamic(build, rows[i].first, rows[i].last);
        hm_build_service(build, "Other");
        assert_true(judged(build, "dynamic_range_moved")->commands.count > 0);
        build->inventory.services_partial = true;
        finding = judged(build, "dynamic_range_moved");
        assert_int_equal(finding->commands.count, 0);
        assert_non_null(strstr(finding->steps.at[0].text, rows[i].name));
        build->inventory.services_partial = false;
        hm_build_service(build, rows[i].service);
        assert_int_equal(judged(build, "dynamic_range_moved")->commands.count, 0);
        free_build(build);
    }
}

/* The DNS Server has the port from before: to restart it is enough, whether the port is excluded
 * now or the range does not reach it any more. */
static void test_out_of_reach_needs_no_boot(void **state)
{
    (void)state;
    for (unsigned excluded = 0; excluded < 2; excluded++) {
        struct hm_build *build = new_build(W2019);
        const uint16_t port = excluded ? 50001 : 4011;
        struct hm_product *product = hm_build_product(build, "wds", "WDSServer", NULL);
        const struct hm_verdict *verdict;
        const struct hm_finding *finding;

        hm_build_require(build, product, "binl", HM_UDP, excluded ? "50001" : "4011",
                         HM_KIND_SOCKET);
        hm_build_service_runs(build, "WDSServer", false)->start = HM_START_AUTOMATIC;
        hm_build_service_runs(build, "DNS", true);
        if (excluded) {
            hm_build_exclude(build, HM_UDP, HM_IPV4, "50001");
            hm_build_exclude(build, HM_UDP, HM_IPV6, "50001");
        }
        hm_build_socket(build, HM_UDP, HM_IPV4, HM_SOCKET_LISTEN, port, "dns.exe", "DNS");
        build->has_sockets = true;
        finding = judged(build, "required_port_held");
        verdict = hm_build_verdict(build, "wds", "binl");
        assert_int_equal(verdict->state, HM_BLOCKED);
        assert_int_equal(verdict->after_boot, HM_SAFE);
        assert_non_null(strstr(verdict->text, excluded ? "It is reserved, and a boot"
                                                       : "The dynamic range does not reach it"));
        assert_false(finding->needs_reboot);
        assert_true(hm_build_command(finding, "net stop DNS") >= 0);
        assert_true(hm_build_command(finding, "net start WDSServer") >
                    hm_build_command(finding, "net stop DNS"));
        assert_true(hm_build_command(finding, "net start DNS") >
                    hm_build_command(finding, "net start WDSServer"));
        free_build(build);
    }
}

/* One port waits for a boot, another is not reserved yet: reserve first, and boot once. */
static void test_one_boot_for_all(void **state)
{
    struct hm_build *build = new_build(W2003);
    const struct hm_finding *finding;

    (void)state;
    hm_build_reserved(build, "3306-3306");
    build->inventory.registry.in_force = HM_IN_FORCE_UNKNOWN;
    require(build, HM_TCP, "3306", HM_KIND_SOCKET);
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_in_dynamic", "tcp 3306");
    assert_non_null(finding);
    assert_int_equal(finding->commands.count, 0);
    require(build, HM_TCP, "3389", HM_KIND_SOCKET);
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_in_dynamic", "tcp 3306");
    assert_non_null(finding);
    assert_int_equal(finding->steps.at[0].kind, HM_STEP_RESERVE);
    assert_non_null(strstr(finding->commands.at[0], "3306-3306\\03389-3389"));
    assert_int_equal(finding->steps.at[1].kind, HM_STEP_BOOT);
    free_build(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_used_up_and_undocumented),
        cmocka_unit_test(test_endpoints_hinder_no_way_back),
        cmocka_unit_test(test_smaller_range_is_said_to_be_one),
        cmocka_unit_test(test_range_moves_off_what_cannot_be_excluded),
        cmocka_unit_test(test_nothing_in_the_range),
        cmocka_unit_test(test_range_goes_back_for_all),
        cmocka_unit_test(test_maker_needs_its_service),
        cmocka_unit_test(test_out_of_reach_needs_no_boot),
        cmocka_unit_test(test_one_boot_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
