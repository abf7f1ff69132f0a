/* tests/unit/readers/test_boot_text.c — when a host started, when a key was written.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/boot_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/err.h"

static void test_cim_time(void **state)
{
    static const struct {
        const char *text;
        const char *utc; /* NULL: no time */
    } cases[] = {
        {"20080709040000.500000+120",     "2008-07-09T02:00:00.5Z"},
        {"20080709040000.000000-300\r\n", "2008-07-09T09:00:00Z"  },
        {"20080709040000.000000+000",     "2008-07-09T04:00:00Z"  },
        {"20080709040000.000000+***",     NULL                    },
        {"20081309040000.000000+000",     NULL                    },
        {"2008-07-09 04:00",              NULL                    },
        {"",                              NULL                    },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        int64_t expected = 0;
        int64_t ms = 0;

        assert_int_equal(hm_cim_time_parse(cases[i].text, strlen(cases[i].text), &ms),
                         cases[i].utc != NULL);
        if (cases[i].utc != NULL) {
            assert_true(hm_clock_parse(cases[i].utc, strlen(cases[i].utc), &expected));
            assert_true(ms == expected);
        }
    }
}

#define HIVE_BYTES 8192
#define SECOND 10000000

static void put_number(char *at, uint64_t value, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        at[i] = (char)(value >> (8 * i));
    }
}

static void make_hive(char hive[HIVE_BYTES], uint64_t saved, uint64_t written)
{
    memset(hive, 0, HIVE_BYTES);
    memcpy(hive, "regf", 4);
    put_number(hive + 12, saved, 8);
    put_number(hive + 36, 0x20, 4);
    memcpy(hive + 4096, "hbin", 4);
    memcpy(hive + 4096 + 0x20 + 4, "nk", 2);
    put_number(hive + 4096 + 0x20 + 8, written, 8);
}

static void test_hive(void **state)
{
    const uint64_t now = 128600000000000000u;
    static char hive[HIVE_BYTES];
    int64_t filetime = 0;

    (void)state;
    make_hive(hive, now, now - 3 * SECOND);
    assert_true(hm_hive_root_written(hive, sizeof(hive), &filetime));
    assert_true((uint64_t)filetime == now - 3 * SECOND);
    make_hive(hive, now, now - SECOND); /* as young as the file: the time of the saving */
    assert_false(hm_hive_root_written(hive, sizeof(hive), &filetime));
    make_hive(hive, 0, now);
    assert_false(hm_hive_root_written(hive, sizeof(hive), &filetime));
    make_hive(hive, now, now - 3 * SECOND);
    for (size_t len = 0; len < 4096 + 0x20 + 16; len += 97) {
        assert_false(hm_hive_root_written(hive, len, &filetime));
    }
    put_number(hive + 36, 0xffffffffu, 4);
    assert_false(hm_hive_root_written(hive, sizeof(hive), &filetime));
    make_hive(hive, now, now - 3 * SECOND);
    hive[0] = 'R';
    assert_false(hm_hive_root_written(hive, sizeof(hive), &filetime));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cim_time),
        cmocka_unit_test(test_hive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
