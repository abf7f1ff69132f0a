/* tests/unit/ports/test_line.c — sentences: numbers, port lists, odds, and where a cut may fall.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/str.h"

static void test_odds(void **state)
{
    static const struct {
        double odds;
        const char *want;
    } cases[] = {
        {0.0,     "0 %"        },
        {0.0005,  "under 0.1 %"},
        {0.001,   "0.1 %"      },
        {0.00605, "0.6 %"      },
        {0.0994,  "9.9 %"      },
        {0.0996,  "10 %"       },
        {0.5,     "50 %"       },
        {0.9999,  "over 99 %"  },
        {1.0,     "100 %"      },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hm_line line;

        hm_line_init(&line);
        hm_line_put_odds(&line, cases[i].odds);
        line.text[line.len] = '\0';
        assert_string_equal(line.text, cases[i].want);
    }
}

static void test_pieces(void **state)
{
    static const struct hm_range ranges[] = {
        {0,     0    },
        {80,    90   },
        {65535, 65535},
    };
    static const char *const names[] = {"a", "b", "c"};
    struct hm_arena arena;
    struct hm_line line;

    (void)state;
    hm_arena_init(&arena, 65536);
    hm_line_init(&line);
    hm_line_put_ports(&line, (struct hm_ports){ranges, 3});
    hm_line_put(&line, " ");
    hm_line_put_names(&line, names, 3);
    hm_line_put(&line, NULL);
    assert_string_equal(hm_line_text(&line, &arena), "0,80-90,65535 a, b and c");
    hm_arena_fini(&arena);
}

static void test_long_lists_are_cut(void **state)
{
    struct hm_range ranges[1000];
    struct hm_arena arena;
    struct hm_line line;
    const char *text;

    (void)state;
    for (uint16_t i = 0; i < 1000; i++) {
        ranges[i] = (struct hm_range){(uint16_t)(2 * i), (uint16_t)(2 * i)};
    }
    hm_arena_init(&arena, 65536);
    hm_line_init(&line);
    hm_line_put_ports(&line, (struct hm_ports){ranges, 1000});
    text = hm_line_text(&line, &arena);
    assert_non_null(strstr(text, ",... (1000 ports)"));
    assert_true(strlen(text) < 220);
    assert_false(line.cut);
    hm_arena_fini(&arena);
}

/* Every length of what goes before: the cut never splits a character. */
static void test_cut_keeps_characters_whole(void **state)
{
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, 1024 * 1024);
    for (size_t before = 0; before < 4; before++) {
        struct hm_line line;
        const char *text;

        hm_line_init(&line);
        for (size_t i = 0; i < before; i++) {
            hm_line_put(&line, "x");
        }
        for (size_t i = 0; i < HM_LINE_BYTES; i++) {
            hm_line_put(&line, "\xe2\x82\xac\xf0\x9f\x9a\xa2");
        }
        text = hm_line_text(&line, &arena);
        assert_true(line.cut);
        assert_true(strlen(text) < HM_LINE_BYTES);
        assert_true(hm_str_is_utf8(text, strlen(text)));
        assert_string_equal(text + strlen(text) - 3, "...");
    }
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_odds),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_long_lists_are_cut),
        cmocka_unit_test(test_cut_keeps_characters_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
