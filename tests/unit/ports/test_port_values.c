/* tests/unit/ports/test_port_values.c — registry values that are ports of services.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/port_values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_value(void **state)
{
    static const struct {
        uint32_t port;
        size_t rows;
    } cases[] = {
        {3389,       2},
        {65535,      2},
        {0,          2},
        {65536,      2},
        {4294967295, 2},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_os os = {.family = HM_OS_WINDOWS, .version = "10.0.17763"};
        struct hm_configured_make make;
        struct hm_arena arena;

        hm_arena_init(&arena, 1u << 20);
        hm_configured_begin(&make, &os, &arena);
        assert_int_equal(hm_port_value_put(&make, &hm_port_values[0], cases[i].port, NULL), HM_OK);
        assert_int_equal(make.list.count, cases[i].rows);
        for (size_t k = 0; k < make.list.count; k++) {
            assert_int_equal(make.list.at[k].protocol, k == 0 ? HM_TCP : HM_UDP);
            assert_int_equal(make.list.at[k].port, cases[i].port > 65535 ? 0 : cases[i].port);
            assert_int_equal(make.list.at[k].by, HM_BY_RDP_PORT);
        }
        hm_arena_fini(&arena);
    }
}

static void test_key(void **state)
{
    static const struct {
        const char *name;
        uint16_t port; /* 0: none */
    } cases[] = {
        {"*/8080",           8080 },
        {"10.0.0.1/50022",   50022},
        {"host.example/443", 443  },
        {"::1/22",           22   },
        {"*/0",              0    },
        {"*/65536",          0    },
        {"*/",               0    },
        {"*/80x",            0    },
        {"8080",             0    },
        {"",                 0    },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_os os = {.family = HM_OS_WINDOWS, .version = "10.0.17763"};
        struct hm_configured_make make;
        struct hm_arena arena;
        bool port = false;

        hm_arena_init(&arena, 1u << 20);
        hm_configured_begin(&make, &os, &arena);
        assert_int_equal(hm_port_key_put(&make, &hm_port_keys[0], cases[i].name, &port, NULL),
                         HM_OK);
        assert_int_equal(make.list.count, cases[i].port == 0 ? 0 : 1);
        assert_int_equal(port, cases[i].port != 0);
        if (cases[i].port != 0) {
            assert_int_equal(make.list.at[0].port, cases[i].port);
            assert_int_equal(make.list.at[0].protocol, HM_TCP);
            assert_int_equal(make.list.at[0].by, HM_BY_PORT_PROXY);
            assert_string_equal(make.list.at[0].subject + strlen("v4tov4 "), cases[i].name);
        }
        hm_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value),
        cmocka_unit_test(test_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
