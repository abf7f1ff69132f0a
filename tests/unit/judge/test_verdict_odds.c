/* tests/unit/judge/test_verdict_odds.c — which takers the odds of a verdict count.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

#define W2019 "10.0.17763"

static struct hm_build *new_build(const char *version)
{
    struct hm_build *build = calloc(1, sizeof(*build));

    assert_non_null(build);
    hm_build_init(build, version);
    return build;
}

static void free_build(struct hm_build *build)
{
    hm_build_fini(build);
    free(build);
}

static void require(struct hm_build *build, enum hm_protocol protocol, const char *ports)
{
    hm_build_require(build, hm_build_product(build, "p", "Own", "own.exe"), "r", protocol, ports,
                     HM_KIND_SOCKET);
    hm_build_service(build, "Own");
}

/* Within three in a thousand. */
static void assert_near(double got, double want)
{
    if (fabs(got - want) > want * 3 / 1000) {
        print_error("got %.9g, want %.9g\n", got, want);
    }
    assert_true(fabs(got - want) <= want * 3 / 1000);
}

static void test_odds(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_verdict *verdict;

    (void)state;
    require(build, HM_TCP, "50000");
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_int_equal(verdict->state, HM_EXPOSED);
    assert_false(verdict->has_odds); /* unknown, not zero */

    for (uint16_t i = 0; i < 100; i++) { /* the same port twice counts once */
        hm_build_socket(build, HM_TCP, i % 2 == 0 ? HM_IPV4 : HM_IPV6, HM_SOCKET_ESTABLISHED,
                        (uint16_t)(51000 + i), "client.exe", "");
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_TIME_WAIT, (uint16_t)(51000 + i), "", "");
    }
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 1000, "client.exe", "");
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 50000, "own.exe", "Own");
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_true(verdict->has_odds);
    assert_true(verdict->odds > 99.999 / 16384 && verdict->odds < 100.001 / 16384);
    assert_non_null(strstr(verdict->text, "(0.6 % at the next start)"));
    assert_non_null(strstr(verdict->text, "TCP 50000 lies in the dynamic range 49152-65535"));
    free_build(build);
}

static void test_odds_count_the_dns_pool(void **state)
{
    struct hm_build *build = new_build(W2019);
    const double both = 1 - (1 - 2500.0 / 16384) * (1 - 2500.0 / 16384);
    const double union_of_pools = 2 * 2500 - 2500.0 * 2500 / 16384;
    const struct hm_verdict *verdict;

    (void)state;
    require(build, HM_UDP, "50000");
    hm_build_service(build, "dns"); /* whatever the case */
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_true(verdict->has_odds);
    assert_true(verdict->odds_at_least);
    assert_near(verdict->odds, both); /* one in each family */

    for (uint16_t i = 0; i < 100; i++) { /* the pool is counted once, seen or not */
        hm_build_socket(build, HM_UDP, HM_IPV4, HM_SOCKET_LISTEN, (uint16_t)(51000 + i), "dns.exe",
                        "DNS");
        hm_build_socket(build, HM_UDP, HM_IPV4, HM_SOCKET_LISTEN, (uint16_t)(52000 + i),
                        "client.exe", "");
    }
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_false(verdict->odds_at_least);
    assert_near(verdict->odds, 1 - (1 - both) * (1 - 100.0 / (16384 - union_of_pools)));
    for (size_t i = 0; i < build->sockets.count; i++) { /* nor where nobody can tell which it is */
        build->socket_rows[i].program = "";
        build->socket_rows[i].service = "";
    }
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_near(verdict->odds, both);
    for (size_t i = 1; i < build->sockets.count; i += 2) {
        build->socket_rows[i].program = "client.exe";
    }

    build->inventory.registry.has_dns_socket_pool = true;
    build->inventory.registry.dns_socket_pool =
        (struct hm_dns_pool){5000, hm_build_ports(build, "50000")};
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_near(verdict->odds, 100.0 / (16384 - 2 * 5000 + 5000.0 * 5000 / 16384));
    /* All of it shows, and nothing of it in IPv6. */
    build->inventory.registry.dns_socket_pool = (struct hm_dns_pool){
        100, {NULL, 0}
    };
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_near(verdict->odds, 200.0 / 16384);
    free_build(build);
}

static void test_sample_stands_for_sockets(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_verdict *verdict;

    (void)state;
    require(build, HM_TCP, "50000");
    hm_build_sample(build, HM_TCP, HM_IPV4, 16384, 300);
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_true(verdict->has_odds);
    assert_true(verdict->odds > 299.9 / 16384 && verdict->odds < 300.1 / 16384);
    free_build(build);
}

static double odds_of(struct hm_build *build)
{
    const struct hm_verdict *verdict = &hm_build_judge(build)->verdicts.at[0];

    assert_int_equal(verdict->state, HM_EXPOSED);
    assert_true(verdict->has_odds);
    return verdict->odds;
}

static const char twelve[] = "1583-1682,1783-1882,2480-2579,4492-4591,5614-5713,5834-5933,"
                             "5940-6039,6045-6144,6276-6375,6491-6590,6897-6996,7003-7102";

static void test_blocks_come_down_anew(void **state)
{
    struct hm_build *build = new_build(W2019);

    (void)state;
    require(build, HM_TCP, "25672");
    hm_build_dynamic(build, 1024, 65534);
    hm_build_runtime(build, HM_TCP, HM_IPV4, twelve);
    assert_near(odds_of(build), 1200.0 / 64411);
    assert_true(build->judgement.verdicts.at[0].odds_at_least); /* without sockets */
    assert_non_null(strstr(build->judgement.verdicts.at[0].text, "a block that WinNAT or HNS"));
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 40000, "client.exe", "");
    assert_near(odds_of(build), 1200.0 / 64411 + 1.0 / 64511);
    assert_false(build->judgement.verdicts.at[0].odds_at_least);

    hm_build_runtime(build, HM_TCP, HM_IPV6, twelve); /* both lists show the same blocks */
    assert_near(odds_of(build), 1200.0 / 64411 + 1.0 / 64511);
    hm_build_runtime(build, HM_TCP, HM_IPV6, "30000-30099");
    assert_near(odds_of(build), 1300.0 / 64411 + 1.0 / 64511);
    hm_build_dynamic(build, 16385, 65535); /* those of now lie below: the next ones do not */
    assert_near(odds_of(build), 1300.0 / 49052 + 1.0 / 49151);
    hm_build_runtime(build, HM_TCP, HM_IPV6, "");
    hm_build_exclude(build, HM_TCP, HM_IPV6, "25672"); /* IPv4 alone is at risk */
    assert_near(odds_of(build), 1200.0 / 49052 + 1.0 / 49151);
    free_build(build);
}

/* Blocks over more than half of the range: the odds are a lower bound, and the text says so. */
static void test_blocks_that_fill_the_range(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_verdict *verdict;

    (void)state;
    require(build, HM_TCP, "50000");
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 65000, "client.exe", "");
    hm_build_runtime(build, HM_TCP, HM_IPV4, "51000-59191");
    hm_build_runtime(build, HM_TCP, HM_IPV6, "51000-59191");
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_true(verdict->has_odds);
    assert_false(verdict->odds_at_least);
    hm_build_runtime(build, HM_TCP, HM_IPV4, "51000-59191,60000-60999");
    hm_build_runtime(build, HM_TCP, HM_IPV6, "51000-59191,60000-60999");
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_true(verdict->odds_at_least);
    assert_non_null(strstr(verdict->text, "at least"));
    free_build(build);
}

static void test_rows_that_do_not_move(void **state)
{
    struct hm_build *build = new_build(W2019);

    (void)state;
    require(build, HM_TCP, "50500");
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 60000, "client.exe", "");
    hm_build_exclude(build, HM_TCP, HM_IPV4, "51000-51999");
    hm_build_runtime(build, HM_TCP, HM_IPV4, "80,5985,49443,50000-50059,52000-52001");
    hm_build_service(build, "hns");
    hm_build_listener(build, HM_TCP, HM_IPV4, 52000, "System", "", HM_KIND_HTTPSYS);
    hm_build_listener(build, HM_TCP, HM_IPV4, 52001, "System", "", HM_KIND_HTTPSYS);
    assert_near(odds_of(build), 1.0 / 16384);
    build->inventory.has_registry = true;
    build->inventory.registry.has_hns = true;
    build->inventory.registry.hns = (struct hm_hns_state){true, 53000, 60};
    assert_true(odds_of(build) > 55.0 / 16384); /* HNS keeps another range: this is a block */
    hm_build_runtime(build, HM_TCP, HM_IPV4, "52000-52001,53000-53059");
    assert_near(odds_of(build), 1.0 / 16384);
    free_build(build);
}

/* Who listens on a port that is required has it on purpose, and takes no other at random. */
static void test_required_listeners_take_nothing_at_random(void **state)
{
    struct hm_build *build = new_build(W2019);

    (void)state;
    require(build, HM_TCP, "50500");
    hm_build_require(build, hm_build_product(build, "q", "Other", "other.exe"), "r", HM_TCP,
                     "51000", HM_KIND_SOCKET);
    hm_build_service(build, "Other");
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 51000, "other.exe", "Other");
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 49664, "lsass.exe", "");
    assert_near(odds_of(build), 1.0 / 16384);
    free_build(build);
}

static void test_several_ports_and_wide_blocks(void **state)
{
    struct hm_build *build = new_build(W2019);

    (void)state;
    require(build, HM_UDP, "50000-50009,55000");
    hm_build_runtime(build, HM_UDP, HM_IPV4, "60000-60099,61000-61063");
    hm_build_runtime(build, HM_UDP, HM_IPV6, "60000-60099,61000-61063");
    /* 109 + 100 places of 16285 for the first, 73 + 64 of 16321 for the second */
    assert_near(odds_of(build), 1 - (1 - 209.0 / 16285) * (1 - 137.0 / (16321 - 100)));
    free_build(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_odds),
        cmocka_unit_test(test_odds_count_the_dns_pool),
        cmocka_unit_test(test_sample_stands_for_sockets),
        cmocka_unit_test(test_blocks_come_down_anew),
        cmocka_unit_test(test_blocks_that_fill_the_range),
        cmocka_unit_test(test_rows_that_do_not_move),
        cmocka_unit_test(test_required_listeners_take_nothing_at_random),
        cmocka_unit_test(test_several_ports_and_wide_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
