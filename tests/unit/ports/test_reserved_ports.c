/* tests/unit/ports/test_reserved_ports.c — ReservedPorts: what is listed, what surely works.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/reserved_ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"

#define ARENA_BYTES (1024u * 1024u)
#define LINES_MAX 8

struct value {
    const char *lines[LINES_MAX]; /* ends at NULL */
    enum hm_status status;
    unsigned line;
    const char *listed;
    const char *effective;
};

/* clang-format off */
static const struct value values[] = {
    {{NULL}, HM_OK, 0, "", ""},
    {{"9469-9469", NULL}, HM_OK, 0, "9469", "9469"},
    {{"9469-9469", "9506-9507", NULL}, HM_OK, 0, "9469,9506-9507", "9469,9506-9507"},
    {{"9506-9506", "9507-9507", NULL}, HM_OK, 0, "9506-9507", "9506"}, /* the adjacency fault */
    {{"9507-9507", "9506-9506", NULL}, HM_OK, 0, "9506-9507", "9506"},
    {{"1-1", "2-2", "3-3", "5-5", NULL}, HM_OK, 0, "1-3,5", "1,5"},
    {{"1-10", "5-20", "30-30", NULL}, HM_OK, 0, "1-20,30", "1-10,30"},
    {{"1-20", "5-6", "21-21", NULL}, HM_OK, 0, "1-21", "1-20"},
    {{"7-7", "7-9", NULL}, HM_OK, 0, "7-9", "7"},
    {{"", " 1645-1646 ", "\t", "65535-65535", NULL}, HM_OK, 0, "1645-1646,65535",
     "1645-1646,65535"},
    {{"65534-65534", "65535-65535", NULL}, HM_OK, 0, "65534-65535", "65534"},
    {{"9469-9469", "9506", NULL}, HM_EINVAL, 2, NULL, NULL},
    {{"9506-", NULL}, HM_EINVAL, 1, NULL, NULL},
    {{"-9506", NULL}, HM_EINVAL, 1, NULL, NULL},
    {{"", "9507-9506", NULL}, HM_EINVAL, 2, NULL, NULL},
    {{"1-65536", NULL}, HM_EINVAL, 1, NULL, NULL},
    {{"1-2,4-5", NULL}, HM_EINVAL, 1, NULL, NULL},
    {{"1 - 2", NULL}, HM_EINVAL, 1, NULL, NULL},
    {{"\xef\xbc\x91-2", NULL}, HM_EINVAL, 1, NULL, NULL},
};
/* clang-format on */

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(values); i++) {
        const struct value *row = &values[i];
        const char *copy[LINES_MAX];
        struct hm_strings lines = {copy, 0};
        struct hm_ports listed = {NULL, 77};
        struct hm_ports effective = {NULL, 77};
        struct hm_arena arena;
        struct hm_err err = {0};

        while (row->lines[lines.count] != NULL) {
            copy[lines.count] = row->lines[lines.count];
            lines.count++;
        }
        print_message("case %zu\n", i);
        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(hm_reserved_ports_parse(&lines, &arena, &listed, &effective, &err),
                         row->status);
        assert_int_equal(err.line, row->line);
        if (row->status == HM_OK) {
            assert_string_equal(hm_ports_text(listed, &arena), row->listed);
            assert_string_equal(hm_ports_text(effective, &arena), row->effective);
        } else {
            assert_int_equal(listed.count, 77);
            assert_int_equal(effective.count, 77);
        }
        hm_arena_fini(&arena);
    }
}

static void test_lone_port_says_what_to_write(void **state)
{
    const char *at[] = {"9506"};
    const struct hm_strings lines = {at, 1};
    struct hm_ports listed;
    struct hm_ports effective;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_reserved_ports_parse(&lines, &arena, &listed, &effective, &err), HM_EINVAL);
    assert_non_null(strstr(err.text, "write 9506-9506"));
    hm_arena_fini(&arena);
}

static void test_cap(void **state)
{
    static const char *at[HM_LIMIT_RESERVED_LINES + 1];
    const struct hm_strings lines = {at, HM_COUNT(at)};
    struct hm_ports listed;
    struct hm_ports effective;
    struct hm_arena arena;

    (void)state;
    for (size_t i = 0; i < HM_COUNT(at); i++) {
        at[i] = "";
    }
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_reserved_ports_parse(&lines, &arena, &listed, &effective, NULL),
                     HM_ETOOBIG);
    hm_arena_fini(&arena);
}

static void test_format_coalesces(void **state)
{
    const struct hm_range kept[] = {
        {9469, 9469},
        {9506, 9506},
        {9507, 9507}
    };
    struct hm_ports listed;
    struct hm_ports effective;
    struct hm_strings lines;
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(
        hm_reserved_ports_format((struct hm_ports){kept, HM_COUNT(kept)}, &arena, &lines, NULL),
        HM_OK);
    assert_int_equal(lines.count, 2);
    assert_string_equal(lines.at[0], "9469-9469");
    assert_string_equal(lines.at[1], "9506-9507");
    assert_int_equal(hm_reserved_ports_parse(&lines, &arena, &listed, &effective, NULL), HM_OK);
    assert_true(hm_ports_equal(listed, effective)); /* what we write works whole */
    assert_int_equal(hm_reserved_ports_format((struct hm_ports){NULL, 0}, &arena, &lines, NULL),
                     HM_OK);
    assert_int_equal(lines.count, 0);
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_lone_port_says_what_to_write),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_format_coalesces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
