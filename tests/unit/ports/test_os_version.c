/* tests/unit/ports/test_os_version.c — versions of operating systems, and bounds for them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/str.h"
#include "common/ports/os_version.h"

static const struct {
    const char *version;
    const char *lowest;
    const char *highest;
    enum hm_within within;
} cases[] = {
    {"10.0.17763", "",           "",           HM_WITHIN_YES    },
    {"10.0.17763", "10.0",       "",           HM_WITHIN_YES    },
    {"10.0.17763", "",           "10.0",       HM_WITHIN_YES    },
    {"10.0.17763", "10.0.17763", "10.0.17763", HM_WITHIN_YES    },
    {"10.0.17763", "10.0.20348", "",           HM_WITHIN_NO     },
    {"10.0.17763", "",           "6.3",        HM_WITHIN_NO     },
    {"6.1.7601",   "6.0",        "6.1",        HM_WITHIN_YES    },
    {"6.3.9600",   "10.0",       "",           HM_WITHIN_NO     },
    {"10.0",       "10.0.1",     "",           HM_WITHIN_NO     },
    {"5.2.3790",   "",           "5.2",        HM_WITHIN_YES    },
    {"",           "",           "",           HM_WITHIN_YES    },
    {"",           "6.0",        "",           HM_WITHIN_UNKNOWN},
    {NULL,         "",           "6.0",        HM_WITHIN_UNKNOWN},
    {"bookworm",   "6.0",        "",           HM_WITHIN_UNKNOWN},
};

static void test_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_os os = {.family = HM_OS_WINDOWS, .version = cases[i].version};

        print_message("case %zu\n", i);
        assert_int_equal(hm_os_within(&os, cases[i].lowest, cases[i].highest), cases[i].within);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bounds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
