/* tests/unit/judge/test_chance.c — Linux: what a program has by chance, and who is surely another.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

/* In a range of three ports a random server is given the same one in every third boot. */
static void test_small_range(void **state)
{
    static const struct {
        uint16_t last; /* of the range from 41500 on */
        uint32_t boots;
        size_t verdicts;
    } cases[] = {
        {60999, 1, 0},
        {60999, 2, 1},
        {41502, 2, 0},
        {41502, 7, 0},
        {41502, 8, 1},
        {41500, 9, 0}, /* every program that asks gets that one */
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;

        print_message("case %zu\n", i);
        hm_build_init(&build, NULL);
        hm_build_dynamic(&build, 41500, cases[i].last);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 41500, "rnd", "rnd", HM_KIND_SOCKET);
        hm_build_remember(&build, HM_TCP, 41500, "rnd", "rnd", HM_KIND_SOCKET, cases[i].boots);
        hm_build_judge(&build);
        assert_int_equal(cases[i].verdicts, build.judgement.verdicts.count);
        hm_build_fini(&build);
    }
}

static void start_redis(struct hm_build *build)
{
    struct hm_product *product;

    hm_build_init(build, NULL);
    hm_build_dynamic(build, 1024, 65535);
    product = hm_build_product(build, "redis", "redis-server", "redis-server");
    hm_build_service_runs(build, "redis-server", true);
    hm_build_require(build, product, "server", HM_TCP, "6379", HM_KIND_SOCKET);
}

/* Redis runs without its port, and a process of another control group has it. */
static void test_other_unit(void **state)
{
    static const struct {
        const char *service; /* of the holder */
        const char *other;   /* of another listener */
        enum hm_verdict_state expected;
    } cases[] = {
        {"batch", "",     HM_BLOCKED},
        {"",      "sshd", HM_BLOCKED}, /* of none */
        {"",      "",     HM_EXPOSED}, /* nothing shows what is of which service */
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_verdict *verdict;
        struct hm_build build;

        print_message("case %zu\n", i);
        start_redis(&build);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 22, "sshd", cases[i].other, HM_KIND_SOCKET);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 6379, "python3", cases[i].service,
                          HM_KIND_SOCKET);
        hm_build_judge(&build);
        verdict = hm_build_verdict(&build, "redis", "server");
        assert_int_equal(cases[i].expected, verdict->state);
        assert_true(verdict->state != HM_BLOCKED ||
                    strstr(verdict->text, "the service, which runs, does not serve it") != NULL);
        hm_build_fini(&build);
    }
}

/* A listener of all of IPv4 keeps most servers off, one of IPv6 or of one address does not. */
static void test_who_may_start(void **state)
{
    static const struct {
        enum hm_family family;
        bool both;
        const char *address;
        const char *says;
    } cases[] = {
        {HM_IPV4, true,  "",         "redis-server cannot start until it is free."                    },
        {HM_IPV6, false, "::",       "redis-server may not start, or not serve all of its addresses, "},
        {HM_IPV4, false, "10.9.9.1", "redis-server may not start, or not serve all of its "           },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_verdict *verdict;
        struct hm_product *product;
        struct hm_build build;

        print_message("case %zu\n", i);
        hm_build_init(&build, NULL);
        product = hm_build_product(&build, "redis", "redis-server*", "redis-server");
        hm_build_service_runs(&build, "redis-server", false)->start = HM_START_AUTOMATIC;
        hm_build_service(&build, "redis-server");
        hm_build_require(&build, product, "server", HM_TCP, "6379", HM_KIND_SOCKET);
        for (unsigned family = 0; family < 2; family++) {
            if (cases[i].both || (enum hm_family)family == cases[i].family) {
                hm_build_listener(&build, HM_TCP, (enum hm_family)family, 6379, "other", "other",
                                  HM_KIND_SOCKET);
                if (!cases[i].both) {
                    build.listeners[build.inventory.listeners.count - 1].address = cases[i].address;
                }
            }
        }
        hm_build_judge(&build);
        verdict = hm_build_verdict(&build, "redis", "server");
        assert_int_equal(HM_BLOCKED, verdict->state);
        print_message("%s\n", verdict->text);
        assert_true(strstr(verdict->text, cases[i].says) != NULL);
        hm_build_fini(&build);
    }
}

/* bindresvport(3) hands out 512 to 1023. */
static void test_by_rresvport(void **state)
{
    struct hm_build build;

    (void)state;
    hm_build_init(&build, NULL);
    hm_build_service_runs(&build, "cups", true);
    hm_build_require(&build, hm_build_product(&build, "cups", "cups", "cupsd"), "ipp", HM_TCP,
                     "631", HM_KIND_SOCKET);
    hm_build_listener(&build, HM_TCP, HM_IPV4, 631, "cupsd", "cups", HM_KIND_SOCKET);
    hm_build_judge(&build);
    assert_true(strstr(hm_build_verdict(&build, "cups", "ipp")->text, "bindresvport(3)") != NULL);
    hm_build_fini(&build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_range),
        cmocka_unit_test(test_other_unit),
        cmocka_unit_test(test_who_may_start),
        cmocka_unit_test(test_by_rresvport),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
