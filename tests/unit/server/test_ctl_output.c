/* tests/unit/server/test_ctl_output.c — hmctl's tables against golden texts at fixed widths.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1795345200000)

static const struct hm_table_column columns[] = {
    {"HOST",  8,  false, false, 0, false},
    {"STATE", 0,  false, true,  0, false},
    {"COUNT", 0,  true,  false, 1, false},
    {"TITLE", 10, false, false, 0, true },
};

static const char *const rows[][4] = {
    {"mail01",              "blocked", "3",  "Exchange 2013: POP3 back end"},
    {"straße-münchen-01", "exposed", "12", "接続サービス"          },
    {"evil\033[2Jname\n",   "safe",    "-",  "bad \xff byte"               },
    {"",                    "unknown", "0",  NULL                          },
};

static const struct {
    const char *what;
    unsigned columns;
    bool colours;
    const char *golden;
} cases[] = {
    {"no terminal: nothing is cut",                          0,  false,
     "HOST               STATE    COUNT  TITLE\n"
     "mail01             blocked      3  Exchange 2013: POP3 back end\n"
     "straße-münchen-01  exposed     12  接続サービス\n"
     "evil?[2Jname?      safe         -  bad ? byte\n"
     "                   unknown      0  \n"         },
    {"44 cells: the column with most to spare gives first",  44, false,
     "HOST          STATE    COUNT  TITLE\n"
     "mail01        blocked      3  Exchange 2013…\n"
     "straße-münc…  exposed     12  接続サービス\n"
     "evil?[2Jnam…  safe         -  bad ? byte\n"
     "              unknown      0  \n"              },
    {"57 cells: what stands after the colon is kept",        57, false,
     "HOST               STATE    COUNT  TITLE\n"
     "mail01             blocked      3  Exchan…: POP3 back end\n"
     "straße-münchen-01  exposed     12  接続サービス\n"
     "evil?[2Jname?      safe         -  bad ? byte\n"
     "                   unknown      0  \n"         },
    {"32 cells: a column goes before others get too narrow", 32, false,
     "HOST       STATE    TITLE\n"
     "mail01     blocked  Exchange 20…\n"
     "straße-m…  exposed  接続サービス\n"
     "evil?[2J…  safe     bad ? byte\n"
     "           unknown  \n"                        },
    {"20 cells: never below half of what is kept",           20, false,
     "HOST  STATE    TITLE\n"
     "mai…  blocked  Exch…\n"
     "str…  exposed  接続…\n"
     "evi…  safe     bad …\n"
     "      unknown  \n"                             },
    {"colours are around the word, not around its padding",  44, true,
     "\033[1mHOST          STATE    COUNT  TITLE\n"
     "\033[0mmail01        \033[1;31mblocked\033[0m      3  Exchange 2013…\n"
     "straße-münc…  \033[33mexposed\033[0m     12  接続サービス\n"
     "evil?[2Jnam…  \033[32msafe\033[0m         -  bad ? byte\n"
     "              \033[2munknown\033[0m      0  \n"},
};

static void read_all(FILE *file, char *out, size_t size)
{
    size_t len;

    rewind(file);
    len = fread(out, 1, size - 1, file);
    out[len] = '\0';
}

static void tables(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < HM_COUNT(cases); i++) {
        struct hm_output output = {tmpfile(), cases[i].columns, cases[i].colours, NOW_MS};
        struct hm_arena arena;
        struct hm_table table;
        char text[2048];
        size_t row;

        assert_non_null(output.out);
        hm_arena_init(&arena, 1u << 20);
        hm_table_init(&table, columns, HM_COUNT(columns), &arena);
        for (row = 0; row < HM_COUNT(rows); row++) {
            assert_int_equal(hm_table_put(&table, rows[row], NULL), HM_OK);
        }
        hm_table_print(&table, &output);
        read_all(output.out, text, sizeof(text));
        if (strcmp(text, cases[i].golden) != 0) {
            fail_msg("%s:\n%s---\n%s", cases[i].what, text, cases[i].golden);
        }
        (void)fclose(output.out);
        hm_arena_fini(&arena);
    }
}

/* Later pages keep the widths and print no second head. */
static void pages(void **state)
{
    struct hm_output output = {tmpfile(), 80, false, NOW_MS};
    const char *const wide[] = {"a-host-that-is-wider-than-the-page-before", "safe", "1", "x"};
    struct hm_arena arena;
    struct hm_table table;
    char text[1024];

    (void)state;
    assert_non_null(output.out);
    hm_arena_init(&arena, 1u << 20);
    hm_table_init(&table, columns, HM_COUNT(columns), &arena);
    assert_int_equal(hm_table_put(&table, rows[0], NULL), HM_OK);
    hm_table_print(&table, &output);
    assert_int_equal(hm_table_put(&table, wide, NULL), HM_OK);
    hm_table_print(&table, &output);
    read_all(output.out, text, sizeof(text));
    assert_string_equal(text, "HOST    STATE    COUNT  TITLE\n"
                              "mail01  blocked      3  Exchange 2013: POP3 back end\n"
                              "a-hos…  safe         1  x\n");
    (void)fclose(output.out);
    hm_arena_fini(&arena);
}

/* Rows with the worst word first; equal ones by what stands in their cells, from the left. */
static void sorts(void **state)
{
    static const char *const order[] = {"a-blocked", "a-exposed", "b-exposed", "u", "a-safe"};
    static const char *const unsorted[][4] = {
        {"a-safe",    "safe",    "1", "x"},
        {"b-exposed", "exposed", "1", "x"},
        {"u",         "unknown", "1", "x"},
        {"a-blocked", "blocked", "1", "x"},
        {"a-exposed", "exposed", "1", "x"},
    };
    struct hm_arena arena;
    struct hm_table table;
    size_t i;

    (void)state;
    hm_arena_init(&arena, 1u << 20);
    hm_table_init(&table, columns, HM_COUNT(columns), &arena);
    for (i = 0; i < HM_COUNT(unsorted); i++) {
        assert_int_equal(hm_table_put(&table, unsorted[i], NULL), HM_OK);
    }
    hm_table_sort(&table);
    for (i = 0; i < HM_COUNT(order); i++) {
        assert_string_equal(table.rows[i][0], order[i]);
    }
    hm_arena_fini(&arena);
}

/* Numbers are sorted as numbers, the largest first: "9 %" is not worse than "12 %". */
static void sorts_numbers(void **state)
{
    static const struct hm_table_column odds_columns[] = {
        {"STATE", 0, false, true,  0, false},
        {"ODDS",  0, true,  false, 0, false},
    };
    static const char *const order[] = {"100 %",  "≥63 %",   "12 %", "9 %",      "0.50 %",
                                        "0.05 %", "<0.01 %", "?",    "none yet", ""};
    struct hm_arena arena;
    struct hm_table table;

    (void)state;
    hm_arena_init(&arena, 1u << 20);
    hm_table_init(&table, odds_columns, HM_COUNT(odds_columns), &arena);
    for (size_t i = 0; i < HM_COUNT(order); i++) {
        const char *const row[] = {"exposed", order[(i * 7 + 3) % HM_COUNT(order)]};

        assert_int_equal(hm_table_put(&table, row, NULL), HM_OK);
    }
    hm_table_sort(&table);
    for (size_t i = 0; i < HM_COUNT(order); i++) {
        assert_string_equal(table.rows[i][1], order[i]);
    }
    hm_arena_fini(&arena);
}

static void ages(void **state)
{
    static const struct {
        int64_t ago_s;
        const char *text;
    } rows_of_ages[] = {
        {0,      "now"    },
        {59,     "59s ago"},
        {60,     "1m ago" },
        {3599,   "59m ago"},
        {7200,   "2h ago" },
        {86400,  "1d ago" },
        {864000, "10d ago"},
        {-7200,  "in 2h"  },
    };
    struct hm_output output = {NULL, 80, false, NOW_MS};
    struct hm_arena arena;
    size_t i;

    (void)state;
    hm_arena_init(&arena, 1u << 20);
    for (i = 0; i < HM_COUNT(rows_of_ages); i++) {
        assert_string_equal(hm_output_age(&output, NOW_MS - rows_of_ages[i].ago_s * 1000, &arena),
                            rows_of_ages[i].text);
    }
    assert_string_equal(hm_output_age(&output, 0, &arena), "never");
    hm_arena_fini(&arena);
}

static void wraps(void **state)
{
    struct hm_output output = {tmpfile(), 20, false, NOW_MS};
    char text[512];

    (void)state;
    assert_non_null(output.out);
    hm_output_wrap(&output, 4, "the dynamic range of this straße is overlongwordthatstays one");
    read_all(output.out, text, sizeof(text));
    assert_string_equal(text, "    the dynamic\n"
                              "    range of this\n"
                              "    straße is\n"
                              "    overlongwordthatstays\n"
                              "    one\n");
    (void)fclose(output.out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables),        cmocka_unit_test(pages), cmocka_unit_test(sorts),
        cmocka_unit_test(sorts_numbers), cmocka_unit_test(ages),  cmocka_unit_test(wraps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
