/* tests/unit/judge/test_odds.c — the odds against counting every case.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/odds.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define N_MAX 10u

static unsigned count_ones(unsigned x)
{
    unsigned count = 0;

    for (; x != 0; x &= x - 1) {
        count++;
    }
    return count;
}

/* Of all ways to take k of n ports, the share that meets the first m. */
static double by_enumeration(unsigned n, unsigned k, unsigned m)
{
    unsigned required = (1u << m) - 1;
    unsigned all = 0;
    unsigned met = 0;

    for (unsigned taken = 0; taken < 1u << n; taken++) {
        if (count_ones(taken) == k) {
            all++;
            met += (taken & required) != 0;
        }
    }
    return (double)met / (double)all;
}

static void assert_near(double got, double want, double within)
{
    if (fabs(got - want) > within) {
        print_error("got %.17g, want %.17g\n", got, want);
    }
    assert_true(fabs(got - want) <= within);
}

static void test_small_cases_by_enumeration(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= N_MAX; n++) {
        for (unsigned k = 0; k <= n; k++) {
            for (unsigned m = 0; m <= n; m++) {
                assert_near(hm_odds_any_taken(n, k, m), by_enumeration(n, k, m), 1e-12);
            }
        }
    }
}

static void test_limits(void **state)
{
    static const struct {
        uint32_t n, k, m;
        double want;
    } cases[] = {
        {0,     0,     0,     0.0            },
        {0,     5,     5,     0.0            },
        {100,   0,     7,     0.0            },
        {100,   7,     0,     0.0            },
        {100,   100,   1,     1.0            },
        {100,   900,   1,     1.0            },
        {100,   1,     900,   1.0            },
        {16384, 2500,  1,     2500.0 / 16384 },
        {16384, 1,     2500,  2500.0 / 16384 },
        {65536, 65535, 1,     65535.0 / 65536},
        {65536, 65536, 65536, 1.0            },
        {65536, 32768, 32768, 1.0            },
        {59530, 360,   1,     360.0 / 59530  },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_near(hm_odds_any_taken(cases[i].n, cases[i].k, cases[i].m), cases[i].want, 1e-12);
    }
}

static void test_grows_with_use_and_stays_a_chance(void **state)
{
    double last = 0.0;

    (void)state;
    for (uint32_t k = 0; k <= 16384; k += 64) {
        double odds = hm_odds_any_taken(16384, k, 8);

        assert_true(odds >= last);
        assert_true(odds <= 1.0);
        last = odds;
    }
    assert_near(last, 1.0, 0.0);
}

static struct hm_ports ports_of(unsigned bits, struct hm_range *ranges)
{
    struct hm_ports ports = {ranges, 0};

    for (uint16_t i = 0; i < 16; i++) {
        if ((bits >> i & 1) != 0 && (i == 0 || (bits >> (i - 1) & 1) == 0)) {
            ranges[ports.count++] = (struct hm_range){i, i};
        } else if ((bits >> i & 1) != 0) {
            ranges[ports.count - 1].last = i;
        }
    }
    return ports;
}

/* Every space of 10 ports, every set of required ports in it, every width. */
static void test_places_by_enumeration(void **state)
{
    (void)state;
    for (unsigned space = 0; space < 1u << N_MAX; space++) {
        struct hm_range space_ranges[N_MAX];
        const struct hm_ports ports = ports_of(space, space_ranges);

        for (unsigned required = space;; required = (required - 1) & space) {
            struct hm_range required_ranges[N_MAX];
            const struct hm_ports hit = ports_of(required, required_ranges);

            for (unsigned width = 1; width <= 4; width++) {
                struct hm_odds_places got = hm_odds_places(ports, hit, width);
                unsigned all = 0;
                unsigned meeting = 0;

                for (unsigned at = 0; at + width <= N_MAX; at++) {
                    unsigned block = ((1u << width) - 1) << at;

                    all += (block & ~space) == 0;
                    meeting += (block & ~space) == 0 && (block & required) != 0;
                }
                assert_int_equal(got.all, all);
                assert_int_equal(got.meeting, meeting);
            }
            if (required == 0) {
                break;
            }
        }
    }
}

static void test_places_at_the_ends(void **state)
{
    static const struct hm_range whole = {0, 65535};
    static const struct hm_range last = {65535, 65535};
    static const struct hm_range first = {0, 0};
    struct hm_odds_places got =
        hm_odds_places((struct hm_ports){&whole, 1}, (struct hm_ports){&last, 1}, 100);

    (void)state;
    assert_int_equal(got.all, 65437);
    assert_int_equal(got.meeting, 1);
    got = hm_odds_places((struct hm_ports){&whole, 1}, (struct hm_ports){&first, 1}, 100);
    assert_int_equal(got.meeting, 1);
    got = hm_odds_places((struct hm_ports){&whole, 1}, (struct hm_ports){&whole, 1}, 100);
    assert_int_equal(got.meeting, 65437);
    assert_near(hm_odds_block_meets(&got, 0), 1.0, 0.0);
}

/* Blocks of one port are sockets. On a ring, n blocks of w ports cover w * n / all of it. */
static void test_blocks_one_after_the_other(void **state)
{
    static const struct hm_range range = {1024, 65534};
    static const struct hm_range middle = {25672, 25672};
    static const struct {
        uint32_t width, count;
        double want, within;
    } rows[] = {
        {1,   500, 500.0 / 64511,   1e-12},
        {100, 12,  1200.0 / 64511,  1e-4 },
        {100, 320, 32000.0 / 64511, 5e-3 },
        {64,  200, 12800.0 / 64511, 1e-3 },
    };
    const struct hm_ports space = {&range, 1};
    const struct hm_ports required = {&middle, 1};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hm_odds_places places = hm_odds_places(space, required, rows[i].width);
        double odds = 0.0;

        for (uint32_t k = 0; k < rows[i].count; k++) {
            odds = hm_odds_either(odds, hm_odds_block_meets(&places, k * rows[i].width));
        }
        assert_near(odds, rows[i].want, rows[i].within);
    }
}

static void test_blocks_that_fill_all(void **state)
{
    static const struct hm_range range = {1000, 1999};
    static const struct hm_range middle = {1500, 1500};
    const struct hm_ports space = {&range, 1};
    struct hm_odds_places places = hm_odds_places(space, (struct hm_ports){&middle, 1}, 100);

    (void)state;
    assert_near(hm_odds_block_meets(&places, 900), 1.0, 0.0);
    assert_near(hm_odds_block_meets(&places, 65536), 1.0, 0.0);
    places = hm_odds_places(space, (struct hm_ports){&middle, 1}, 1001); /* fits nowhere */
    assert_near(hm_odds_block_meets(&places, 0), 0.0, 0.0);
}

/* 40 blocks of 100 on 15,536 ports, and the first of them is required: few places have it. By a
 * simulation of 500,000 starts, with a standard error of 0.00008. */
static void test_blocks_at_the_edge(void **state)
{
    static const struct hm_range range = {50000, 65535};
    static const struct hm_range edge = {50000, 50000};
    struct hm_odds_places places =
        hm_odds_places((struct hm_ports){&range, 1}, (struct hm_ports){&edge, 1}, 100);
    double odds = 0.0;

    (void)state;
    for (uint32_t k = 0; k < 40; k++) {
        odds = hm_odds_either(odds, hm_odds_block_meets(&places, k * 100));
    }
    assert_near(odds, 0.002984, 0.00016);
}

static void test_small_odds_stay_exact(void **state)
{
    (void)state;
    assert_true(hm_odds_either(0.0, 1e-300) == 1e-300);
    assert_true(hm_odds_either(1e-300, 0.0) == 1e-300);
    assert_true(hm_odds_either(1.0, 0.5) == 1.0);
    assert_true(hm_odds_either(0.5, 1.0) == 1.0);
    assert_near(hm_odds_either(0.25, 0.5), 0.625, 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_cases_by_enumeration),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_grows_with_use_and_stays_a_chance),
        cmocka_unit_test(test_places_by_enumeration),
        cmocka_unit_test(test_places_at_the_ends),
        cmocka_unit_test(test_blocks_one_after_the_other),
        cmocka_unit_test(test_blocks_that_fill_all),
        cmocka_unit_test(test_blocks_at_the_edge),
        cmocka_unit_test(test_small_odds_stay_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
