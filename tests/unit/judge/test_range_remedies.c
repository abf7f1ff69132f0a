/* tests/unit/judge/test_range_remedies.c — what findings of one host say about its dynamic range
 * has to agree, and a port that is out of reach needs no restart of the host.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/finding_checks.h"

#define TITLE "Contoso set-up sets this range"

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

/* The finding names who makes such a range, no surer than the source, and whether it is here. */
static void test_maker_of_the_range_is_named(void **state)
{
    struct hm_build *build = new_build(W2019);
    struct hm_effect *effect = hm_build_effect(
        build, hm_build_product(build, "contoso", "Contoso", NULL), TITLE, "6005-65534");
    const struct hm_finding *finding;

    (void)state;
    effect->version_min = "6.0";
    hm_build_stack(build, HM_TCP, HM_IPV4)->dynamic = (struct hm_range){6005, 65534};
    hm_build_stack(build, HM_TCP, HM_IPV6)->dynamic = (struct hm_range){6005, 65534};
    hm_build_service(build, "Other");
    finding = judged(build, "dynamic_range_moved");
    assert_non_null(strstr(finding->text, "The same range is known: Contoso set-up sets this "
                                          "range, as reported (no such product is seen on this "
                                          "host)."));
    assert_true(finding->commands.count > 0);
    effect->keep = true;
    effect->distinctive = true; /* the range alone tells: it is not set back */
    assert_int_equal(judged(build, "dynamic_range_moved")->commands.count, 0);
    effect->distinctive = false;
    hm_build_service(build, "Contoso");
    finding = judged(build, "dynamic_range_moved");
    assert_non_null(strstr(finding->text, "program. Contoso set-up sets this range, as reported."));
    assert_string_equal(hm_build_evidence(finding, "known_maker"),
                        "Contoso set-up sets this range (reported: https://example.org/kb1)");
    assert_int_equal(finding->commands.count, 0);
    assert_non_null(strstr(finding->steps.at[0].text, "Contoso set-up sets this range: leave it"));
    effect->confidence = HM_CONF_DOCUMENTED;
    effect->keep = false;
    finding = judged(build, "dynamic_range_moved");
    assert_non_null(strstr(finding->text, "program. Contoso set-up sets this range."));
    assert_true(finding->commands.count > 0);
    effect->protocol = HM_UDP;
    assert_null(strstr(judged(build, "dynamic_range_moved")->text, "Contoso"));
    effect->protocol = HM_TCP;
    effect->version_max = "6.1";
    assert_null(strstr(judged(build, "dynamic_range_moved")->text, "Contoso"));
    effect->version_max = "";
    effect->ports = hm_build_ports(build, "6005-65535");
    assert_null(strstr(judged(build, "dynamic_range_moved")->text, "Contoso"));
    free_build(build);
}

/* A range alone names no product whose service is not there, unless services may be missing. */
static void test_maker_needs_its_service(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_finding *finding;

    (void)state;
    hm_build_effect(build, hm_build_product(build, "contoso", "Contoso", NULL), TITLE, "1025-65534")
        ->keep = true;
    hm_build_dynamic(build, 1024, 65534); /* the same start by another name */
    hm_build_service(build, "Other");
    assert_true(judged(build, "dynamic_range_moved")->commands.count > 0);
    build->inventory.services_partial = true;
    finding = judged(build, "dynamic_range_moved");
    assert_int_equal(finding->commands.count, 0);
    assert_non_null(strstr(finding->steps.at[0].text, TITLE));
    assert_non_null(strstr(finding->text, "whether such a product is on this host is not known"));
    build->inventory.services_partial = false;
    hm_build_service(build, "Contoso");
    assert_int_equal(judged(build, "dynamic_range_moved")->commands.count, 0);
    free_build(build);
}

/* A product that has effects only requires nothing, and its names make nobody a stranger. */
static void test_effects_own_nothing(void **state)
{
    struct hm_build *build = new_build(W2019);

    (void)state;
    hm_build_require(build, hm_build_product(build, "own", "Own", "own.exe"), "port", HM_TCP,
                     "40000", HM_KIND_SOCKET);
    hm_build_service(build, "Own");
    hm_build_listener(build, HM_TCP, HM_IPV4, 40001, "own.exe", "Own", HM_KIND_SOCKET);
    hm_build_listener(build, HM_TCP, HM_IPV4, 40000, "helper.exe", "", HM_KIND_SOCKET);
    hm_build_effect(build, hm_build_product(build, "set-up", NULL, "helper.exe"), TITLE,
                    "6005-65534");
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "own", "port")->state,
                     HM_UNKNOWN); /* may be its helper */
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

/* A range within the default that spares a port which must not be excluded: to move it next to that
 * port would gain nothing. */
static void test_smaller_range_stays(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_finding *finding;

    (void)state;
    hm_build_dynamic(build, 50000, 65535);
    require(build, HM_TCP, "49443", HM_KIND_HTTPSYS);
    finding = judged(build, "dynamic_range_moved");
    assert_int_equal(finding->commands.count, 0);
    assert_non_null(strstr(finding->remedy, "Nothing has to be done"));
    free_build(build);
}

static struct hm_build *new_deployment(void)
{
    struct hm_build *build = new_build("6.1.7601");
    struct hm_product *product = hm_build_product(build, "wds", "WDSServer", NULL);
    struct hm_requirement *row =
        hm_build_require(build, product, "transfer", HM_UDP, "64001-65000", HM_KIND_SOCKET);

    row->detect.services = hm_build_names(build, "DNS");
    row->reserve_only = true;
    row->has_port_from = true;
    row->port_from = HM_BY_DEPLOYMENT_PORT;
    hm_build_service_runs(build, "WDSServer", true)->has_depends_on = true;
    hm_build_service_runs(build, "DNS", true)->has_depends_on = true;
    return build;
}

/* The range of Windows Deployment Services has a cure of its own, which is no exclusion. */
static void test_deployment_asks(void **state)
{
    static const char reg[] = "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\WDSServer\\"
                              "Parameters /v UdpPortPolicy /t REG_DWORD /d 0 /f";
    struct hm_build *build = new_deployment();
    const struct hm_finding *finding = judged(build, "required_in_dynamic");

    (void)state;
    assert_int_equal(hm_build_command(finding, reg), 0);
    assert_int_equal(hm_build_command(finding, "net stop WDSServer"), 1);
    assert_int_equal(hm_build_command(finding, "net start WDSServer"), 2);
    assert_int_equal(finding->commands.count, 3);
    free_build(build);
}

/* Its settings: another range, no range, and a DNS Server that leaves the range alone. */
static void test_deployment_settings(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct hm_build *build = new_deployment();
        const struct hm_verdict *verdict;

        if (i == 0) {
            hm_build_configured(build, HM_UDP, 50000, HM_KIND_SOCKET, HM_BY_DEPLOYMENT_PORT, "");
            hm_build_configured(build, HM_UDP, 50999, HM_KIND_SOCKET, HM_BY_DEPLOYMENT_PORT, "");
        } else if (i == 1) {
            hm_build_configured(build, HM_UDP, 0, HM_KIND_SOCKET, HM_BY_DEPLOYMENT_GIVEN_PORT, "");
        } else {
            build->inventory.has_registry = true;
            build->inventory.registry.has_dns_socket_pool = true;
            build->inventory.registry.dns_socket_pool =
                (struct hm_dns_pool){2500, hm_build_ports(build, "64001-65000")};
        }
        hm_build_judge(build);
        verdict = hm_build_verdict(build, "wds", "transfer");
        if (i > 0) {
            assert_null(verdict);
        } else {
            assert_true(hm_ports_equal(verdict->ports, hm_build_ports(build, "50000-50999")));
            assert_int_equal(verdict->state, HM_EXPOSED);
        }
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
        cmocka_unit_test(test_maker_of_the_range_is_named),
        cmocka_unit_test(test_effects_own_nothing),
        cmocka_unit_test(test_range_goes_back_for_all),
        cmocka_unit_test(test_maker_needs_its_service),
        cmocka_unit_test(test_out_of_reach_needs_no_boot),
        cmocka_unit_test(test_smaller_range_stays),
        cmocka_unit_test(test_deployment_asks),
        cmocka_unit_test(test_deployment_settings),
        cmocka_unit_test(test_one_boot_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
