/* tests/unit/ports/test_numbered.c — ports that the number in the name of a service makes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/numbered.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/ports/portset.h"

static void test_fits(void **state)
{
    static const struct {
        const char *pattern;
        const char *service;
        const char *number; /* NULL: no instance */
    } cases[] = {
        {"SAP???_##", "SAPPRD_00",  "00"},
        {"SAP???_##", "sapprd_07",  "07"},
        {"SAP???_##", "SAPPRD_99",  "99"},
        {"SAP???_##", "SAPPRD_0",   NULL},
        {"SAP???_##", "SAPPRD_0a",  NULL},
        {"SAP???_##", "SAPPRD_100", NULL},
        {"SAP???_##", "SAPPR_00",   NULL},
        {"SAP???_##", "XSAPPRD_00", NULL},
        {"SAP???_##", "00",         NULL},
        {"SAP???_##", "",           NULL},
        {"SAP???_##", NULL,         NULL},
        {"a*##",      "abc12",      "12"},
        {"a*##",      "a12",        "12"},
        {"SAP???_#",  "SAPPRD_00",  NULL}, /* no rule */
        {"##",        "12",         NULL},
        {"a##b##",    "a##b12",     NULL},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_numbered rule = {cases[i].pattern, "5##13"};
        char number[3] = "";

        print_message("case %zu\n", i);
        assert_int_equal(hm_numbered_fits(&rule, cases[i].service, number),
                         cases[i].number != NULL);
        assert_true(cases[i].number == NULL || strcmp(number, cases[i].number) == 0);
    }
}

static void test_ports(void **state)
{
    static const struct {
        const char *rule;
        const char *number;
        const char *ports; /* NULL: it makes none */
    } cases[] = {
        {"5##13",                               "00", "50013"                          },
        {"5##13,5##14",                         "07", "50713-50714"                    },
        {"32##",                                "99", "3299"                           },
        {"80##",                                "05", "8005"                           },
        {"1##,2##,3##,4##,5##,6##,7##,8##",     "01", "101,201,301,401,501,601,701,801"},
        {"1##,2##,3##,4##,5##,6##,7##,8##,9##", "01", NULL                             },
        {"##13",                                "50", NULL                             },
        {"0##13",                               "50", NULL                             },
        {"5##1##",                              "50", NULL                             },
        {"5#13",                                "50", NULL                             },
        {"5##13-5##19",                         "50", NULL                             },
        {"50013",                               "50", NULL                             },
        {"5##13,",                              "50", NULL                             },
        {"",                                    "50", NULL                             },
        {"7##13",                               "00", NULL                             },
        {"5##x",                                "00", NULL                             },
        {"5##13#",                              "00", NULL                             },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_numbered rule = {"SAP???_##", cases[i].rule};
        struct hm_ports wanted;
        struct hm_ports ports;
        struct hm_arena arena;
        struct hm_err err;

        print_message("case %zu\n", i);
        hm_arena_init(&arena, 1u << 16);
        assert_int_equal(hm_numbered_ports(&rule, cases[i].number, &arena, &ports, &err),
                         cases[i].ports == NULL ? HM_EINVAL : HM_OK);
        if (cases[i].ports != NULL) {
            assert_int_equal(
                hm_ports_parse(cases[i].ports, strlen(cases[i].ports), &arena, &wanted, &err),
                HM_OK);
            assert_true(hm_ports_equal(ports, wanted));
        }
        hm_arena_fini(&arena);
    }
}

/* The catalogue refuses what makes no ports for any number, or says the ports twice. */
static void test_check(void **state)
{
    static struct hm_range range = {50013, 50013};
    static const struct {
        const char *service;
        const char *rule;
        bool ports;
        bool port_from;
        enum hm_status st;
    } cases[] = {
        {"SAP???_##", "5##13", false, false, HM_OK    },
        {"SAP???_##", "5##13", true,  false, HM_EINVAL},
        {"SAP???_##", "5##13", false, true,  HM_EINVAL},
        {"SAP???_",   "5##13", false, false, HM_EINVAL},
        {"##",        "5##13", false, false, HM_EINVAL},
        {"SAP_##x",   "5##13", false, false, HM_EINVAL},
        {"SAP???_##", "65##9", false, false, HM_EINVAL}, /* 99: over 65535 */
        {"SAP???_##", "513",   false, false, HM_EINVAL},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_requirement row = {
            .id = "start",
            .has_numbered = true,
            .numbered = {cases[i].service, cases[i].rule },
            .ports = {&range,           cases[i].ports},
            .has_port_from = cases[i].port_from,
        };
        const struct hm_product product = {
            .id = "sap", .requirements = {&row, 1}
        };
        struct hm_err err = {.text = ""};

        print_message("case %zu\n", i);
        assert_int_equal(hm_product_check(&product, &err), cases[i].st);
        assert_true(cases[i].st == HM_OK || strstr(err.text, "requirement \"start\"") != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
