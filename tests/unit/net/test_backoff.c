/* tests/unit/net/test_backoff.c — between 1 s and 10 min, growing, and never in step.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/net/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_bounds(void **state)
{
    struct hm_backoff backoff = {0};
    int64_t most_ms = HM_BACKOFF_FIRST_MS;

    (void)state;
    for (int i = 0; i < 20; i++) {
        int64_t ms = hm_backoff_next_ms(&backoff, UINT32_MAX);

        most_ms = most_ms * 3 < HM_BACKOFF_MOST_MS ? most_ms * 3 : HM_BACKOFF_MOST_MS;
        assert_int_equal(ms, most_ms);
    }
    assert_int_equal(hm_backoff_next_ms(&backoff, 0), HM_BACKOFF_FIRST_MS);
    assert_in_range(hm_backoff_next_ms(&backoff, UINT32_MAX / 2), 1999, 2000);
    (void)hm_backoff_next_ms(&backoff, UINT32_MAX);
    hm_backoff_reset(&backoff);
    assert_int_equal(hm_backoff_next_ms(&backoff, UINT32_MAX), 3000);
}

static void test_stays_inside_for_any_random(void **state)
{
    struct hm_backoff backoff = {0};
    uint32_t random = 12345;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        int64_t last_ms =
            backoff.last_ms < HM_BACKOFF_FIRST_MS ? HM_BACKOFF_FIRST_MS : backoff.last_ms;
        int64_t ms;

        random = random * 1664525u + 1013904223u;
        ms = hm_backoff_next_ms(&backoff, random);
        assert_in_range(ms, HM_BACKOFF_FIRST_MS, HM_BACKOFF_MOST_MS);
        assert_true(ms <= last_ms * 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_stays_inside_for_any_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
