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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_cases_by_enumeration),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_grows_with_use_and_stays_a_chance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
