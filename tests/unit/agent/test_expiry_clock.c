/* tests/unit/agent/test_expiry_clock.c — by which clock policies expire.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/expiry_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define KNOWN INT64_C(1000000000000)
#define DAY INT64_C(86400000)
#define HOUR INT64_C(3600000)
#define YEARS (7300 * DAY)

static void test_a_clock_ahead(void **state)
{
    struct hm_expiry_clock clock;

    (void)state;
    hm_expiry_clock_begin(&clock, KNOWN, KNOWN + YEARS, 5);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + YEARS, 5), KNOWN);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + YEARS, HOUR), KNOWN);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + YEARS, HOUR + 5), KNOWN + YEARS);
}

static void test_it_is_set_back(void **state)
{
    struct hm_expiry_clock clock;

    (void)state;
    hm_expiry_clock_begin(&clock, KNOWN, KNOWN + YEARS, 0);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + 7, 90000), KNOWN + 7);
    assert_int_equal(clock.state, HM_EXPIRY_CLOCK_SURE);
}

static void test_the_collector_was_reached(void **state)
{
    struct hm_expiry_clock clock;

    (void)state;
    hm_expiry_clock_begin(&clock, KNOWN, KNOWN + 30 * DAY, 0);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + 30 * DAY, 1), KNOWN);
    hm_expiry_clock_confirm(&clock, 0, KNOWN + 30 * DAY, 2); /* when it answered is not known */
    hm_expiry_clock_confirm(&clock, KNOWN, KNOWN + 30 * DAY, 2);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + 30 * DAY, 2), KNOWN);
    hm_expiry_clock_confirm(&clock, KNOWN + 30 * DAY - HOUR, KNOWN + 30 * DAY, 3);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + 30 * DAY, 3), KNOWN + 30 * DAY);
}

/* What was agreed before a jump says nothing of the time after it. */
static void test_a_jump_after_the_collector_was_reached(void **state)
{
    struct hm_expiry_clock clock;

    (void)state;
    hm_expiry_clock_begin(&clock, 0, KNOWN, 0);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN, 0), KNOWN);
    hm_expiry_clock_confirm(&clock, KNOWN + HOUR, KNOWN + HOUR, HOUR);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + YEARS, HOUR + 1000), KNOWN + HOUR + 1000);
    hm_expiry_clock_confirm(&clock, KNOWN + HOUR + 2000, KNOWN + YEARS, HOUR + 2000);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + YEARS, HOUR + 3000), KNOWN + HOUR + 1000);
    assert_int_equal(clock.state, HM_EXPIRY_CLOCK_DOUBTED);
}

static void test_sure(void **state)
{
    struct hm_expiry_clock clock;

    (void)state;
    hm_expiry_clock_begin(&clock, 0, KNOWN, 0); /* no agent ran before */
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN, 0), KNOWN);
    hm_expiry_clock_begin(&clock, KNOWN, KNOWN + DAY, 0);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + DAY, 0), KNOWN + DAY);
    hm_expiry_clock_begin(&clock, KNOWN, KNOWN - YEARS / 4, 0); /* nothing ends by that */
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN - YEARS / 4, 0), KNOWN - YEARS / 4);
}

/* There was a look, and nobody knows when: nothing expires by any clock at first. */
static void test_the_last_look_is_lost(void **state)
{
    struct hm_expiry_clock clock;

    (void)state;
    hm_expiry_clock_begin(&clock, HM_EXPIRY_CLOCK_LOST, KNOWN, 0);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN, 1000), HM_EXPIRY_CLOCK_LOST);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + YEARS, 2000), HM_EXPIRY_CLOCK_LOST);
    hm_expiry_clock_confirm(&clock, KNOWN + HOUR, KNOWN, 3000);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN, 4000), KNOWN);
    hm_expiry_clock_begin(&clock, HM_EXPIRY_CLOCK_LOST, KNOWN, 0);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN, HOUR), KNOWN);
}

/* Set while the agent runs: by hours it counts, by years not before an hour is over. */
static void test_a_jump(void **state)
{
    struct hm_expiry_clock clock;

    (void)state;
    hm_expiry_clock_begin(&clock, KNOWN, KNOWN + HOUR, 0);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + HOUR, 1000), KNOWN + HOUR);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + 4 * HOUR, 2000), KNOWN + 4 * HOUR);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + YEARS, 3000), KNOWN + 4 * HOUR + 1000);
    assert_int_equal(clock.state, HM_EXPIRY_CLOCK_DOUBTED);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + YEARS, HOUR + 2000),
                     KNOWN + 4 * HOUR + 1000);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + YEARS, HOUR + 3000), KNOWN + YEARS);
    assert_int_equal(clock.state, HM_EXPIRY_CLOCK_SURE);
}

/* A month without a call, as between two long looks, is no jump; back and forth is one. */
static void test_time_passes(void **state)
{
    struct hm_expiry_clock clock;

    (void)state;
    hm_expiry_clock_begin(&clock, 0, KNOWN, 0);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + 30 * DAY, 30 * DAY), KNOWN + 30 * DAY);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN - YEARS / 4, 30 * DAY), KNOWN - YEARS / 4);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + 30 * DAY, 30 * DAY), KNOWN - YEARS / 4);
    hm_expiry_clock_confirm(&clock, KNOWN + 30 * DAY, KNOWN + 30 * DAY, 30 * DAY);
    assert_int_equal(hm_expiry_clock_ms(&clock, KNOWN + 30 * DAY, 30 * DAY), KNOWN + 30 * DAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_clock_ahead),
        cmocka_unit_test(test_it_is_set_back),
        cmocka_unit_test(test_the_collector_was_reached),
        cmocka_unit_test(test_a_jump_after_the_collector_was_reached),
        cmocka_unit_test(test_sure),
        cmocka_unit_test(test_the_last_look_is_lost),
        cmocka_unit_test(test_a_jump),
        cmocka_unit_test(test_time_passes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
