/* tests/unit/judge/test_shared_ports.c — two products that require one port: one finding names
 * both, and one remedy cures both.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/str.h"
#include "tests/support/finding_checks.h"

/* Alpha requires tcp 9955; Beta requires it, too, and tcp 9960. Both are down. */
static struct hm_build *build_two(enum hm_listener_kind kind)
{
    struct hm_build *build = new_build(W2019);
    struct hm_product *alpha = hm_build_product(build, "alpha", "AlphaSvc", NULL);
    struct hm_product *beta = hm_build_product(build, "beta", "BetaSvc", NULL);

    hm_build_require(build, alpha, "a", HM_TCP, "9955", kind)->title = "Alpha";
    hm_build_require(build, beta, "b", HM_TCP, "9955", kind)->title = "Beta";
    hm_build_require(build, beta, "more", HM_TCP, "9960", HM_KIND_SOCKET)->title = "Beta more";
    (void)service_row(build, "AlphaSvc", false, NULL);
    (void)service_row(build, "BetaSvc", false, NULL);
    hm_build_dynamic(build, 6005, 65534);
    build->has_sockets = true;
    return build;
}

static size_t count_command(const struct hm_finding *finding, const char *command)
{
    size_t count = 0;

    for (size_t i = 0; i < finding->commands.count; i++) {
        count += hm_str_equal(finding->commands.at[i], command);
    }
    return count;
}

/* Both are named, and nobody is started or freed twice. */
static void check_both(const struct hm_finding *finding)
{
    bool named = false;

    assert_non_null(finding);
    assert_non_null(strstr(finding->text, "Alpha: TCP 9955"));
    assert_non_null(strstr(finding->text, " Beta requires tcp 9955, too."));
    for (size_t i = 0; i < finding->evidence.count; i++) {
        named = named || (hm_str_equal(finding->evidence.at[i].name, "requirement") &&
                          strstr(finding->evidence.at[i].value, "Beta") != NULL);
    }
    assert_true(named);
    assert_int_equal(count_command(finding, "net start AlphaSvc"), 1);
    assert_int_equal(count_command(finding, "net start BetaSvc"), 1);
}

#define EXCLUDE(family, port)                                                                      \
    "netsh int " family " add excludedportrange protocol=tcp startport=" port " numberofports=1 "  \
    "store=persistent"

static void test_held(void **state)
{
    struct hm_build *build = build_two(HM_KIND_SOCKET);
    const struct hm_finding *finding;

    (void)state;
    (void)service_row(build, "Other", true, NULL);
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 9955, "other.exe", "Other")
        ->remote = "10.0.0.5:389";
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_port_held", "tcp 9955");
    assert_int_equal(hm_build_count_kind(build, "required_port_held"), 1);
    check_both(finding);
    assert_int_equal(count_command(finding, "net stop Other"), 1);
    assert_int_equal(count_command(finding, EXCLUDE("ipv4", "9955")), 1);
    assert_int_equal(count_command(finding, EXCLUDE("ipv4", "9960")), 1);
    assert_int_equal(count_command(finding, "net start Other"), 1);
    free_build(build);
}

/* The finding about the port that only one of them requires has the same steps: it would stop the
 * one and forget the other. */
static void test_the_other_port_has_the_same_steps(void **state)
{
    struct hm_build *build = build_two(HM_KIND_SOCKET);
    const struct hm_judgement *judgement;

    (void)state;
    (void)service_row(build, "Other", true, NULL);
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 9955, "other.exe", "Other")
        ->remote = "10.0.0.5:389";
    judgement = hm_build_judge(build);
    for (size_t i = 0; i < judgement->findings.count; i++) {
        if (hm_str_equal(judgement->findings.at[i].subject, "tcp 9960")) {
            const struct hm_finding *same = hm_findings_same_remedy(&judgement->findings, i);

            assert_non_null(same);
            assert_string_equal(same->subject, "tcp 9955");
            free_build(build);
            return;
        }
    }
    fail_msg("no finding about tcp 9960");
}

/* An exclusion breaks the listeners of both. */
static void test_broken(void **state)
{
    struct hm_build *build = build_two(HM_KIND_HTTPSYS);
    const struct hm_finding *finding;

    (void)state;
    hm_build_exclude(build, HM_TCP, HM_IPV4, "9950-9955");
    hm_build_judge(build);
    finding = hm_build_finding(build, "reserver_excluded", "tcp 9955");
    check_both(finding);
    assert_int_equal(count_command(finding, "netsh int ipv4 delete excludedportrange protocol=tcp "
                                            "startport=9950 numberofports=6 store=persistent"),
                     1);
    free_build(build);
}

/* Two listeners at two ports of one row: whichever finding is carried out, both start. */
static void test_broken_by_one_row(void **state)
{
    struct hm_build *build = build_two(HM_KIND_HTTPSYS);
    const struct hm_finding *finding;

    (void)state;
    build->products[1].requirements.at[0].ports = hm_build_ports(build, "9954");
    hm_build_exclude(build, HM_TCP, HM_IPV4, "9950-9955");
    hm_build_judge(build);
    finding = hm_build_finding(build, "reserver_excluded", "tcp 9954");
    assert_non_null(finding);
    assert_int_equal(count_command(finding, "net start AlphaSvc"), 1);
    assert_int_equal(count_command(finding, "net start BetaSvc"), 1);
    assert_int_equal(count_command(finding, "netsh int ipv4 add excludedportrange protocol=tcp "
                                            "startport=9950 numberofports=4 store=persistent"),
                     1);
    free_build(build);
}

/* Nobody has it yet. */
static void test_exposed(void **state)
{
    struct hm_build *build = build_two(HM_KIND_SOCKET);
    const struct hm_finding *finding;

    (void)state;
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_in_dynamic", "tcp 9955");
    assert_non_null(finding);
    assert_non_null(strstr(finding->text, " Beta requires tcp 9955, too."));
    assert_int_equal(count_command(finding, EXCLUDE("ipv6", "9955")), 1);
    assert_int_equal(count_command(finding, EXCLUDE("ipv6", "9960")), 1);
    free_build(build);
}

/* Linux: beside the owner on its own address only SO_REUSEPORT lets anybody listen, and then both
 * get clients. */
static void test_stranger_beside_owner(void **state)
{
    static const struct {
        const char *owner;
        const char *other;
        const char *program;
        enum hm_verdict_state expected;
    } cases[] = {
        {"0.0.0.0",   "0.0.0.0",   "stranger", HM_UNKNOWN},
        {"0.0.0.0",   "127.0.0.1", "stranger", HM_UNKNOWN},
        {"127.0.0.1", "127.0.0.2", "stranger", HM_SAFE   },
        {"0.0.0.0",   "0.0.0.0",   "own",      HM_SAFE   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;
        const struct hm_verdict *verdict;

        print_message("case %zu\n", i);
        hm_build_init(&build, NULL);
        hm_build_dynamic(&build, 32768, 60999);
        (void)hm_build_require(&build, hm_build_product(&build, "product", "Own", "own"), "port",
                               HM_TCP, "5432", HM_KIND_SOCKET);
        hm_build_service(&build, "Own");
        hm_build_listener(&build, HM_TCP, HM_IPV4, 5432, "own", "", HM_KIND_SOCKET);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 5432, cases[i].program, "", HM_KIND_SOCKET);
        build.listeners[0].address = cases[i].owner;
        build.listeners[1].address = cases[i].other;
        verdict = &hm_build_judge(&build)->verdicts.at[0];
        assert_int_equal(verdict->state, cases[i].expected);
        assert_int_equal(build.judgement.findings.count, cases[i].expected == HM_SAFE ? 0 : 1);
        if (cases[i].expected != HM_SAFE) {
            assert_non_null(strstr(verdict->text, "stranger"));
        }
        hm_build_fini(&build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held),    cmocka_unit_test(test_the_other_port_has_the_same_steps),
        cmocka_unit_test(test_broken),  cmocka_unit_test(test_broken_by_one_row),
        cmocka_unit_test(test_exposed), cmocka_unit_test(test_stranger_beside_owner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
