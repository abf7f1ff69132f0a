/* tests/unit/base/test_memory.c — arena, buf and map.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/map.h"

static void test_arena_zeroes_and_aligns(void **state)
{
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, 1u << 20);
    for (size_t i = 0; i < 200; i++) {
        unsigned char *at = hm_arena_alloc(&arena, i, 7);

        assert_non_null(at);
        assert_int_equal((uintptr_t)at % (2 * sizeof(void *)), 0); /* what malloc promises */
        for (size_t j = 0; j < i * 7; j++) {
            assert_int_equal(at[j], 0);
        }
        memset(at, 0xff, i * 7);
    }
    hm_arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 0);
    assert_int_equal(*(char *)hm_arena_alloc(&arena, 1, 1), 0);
    hm_arena_fini(&arena);
    hm_arena_fini(&arena);
    hm_arena_fini(NULL);
}

static void test_arena_has_a_cap(void **state)
{
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, 100);
    assert_null(hm_arena_alloc(&arena, 101, 1));
    assert_null(hm_arena_alloc(&arena, SIZE_MAX, 2));
    assert_non_null(hm_arena_alloc(&arena, 96, 1));
    assert_null(hm_arena_alloc(&arena, 1, 1));
    assert_null(hm_arena_strdup(&arena, "four")); /* and its end */
    hm_arena_reset(&arena);
    assert_non_null(hm_arena_alloc(&arena, 96, 1));
    hm_arena_fini(&arena);
}

static void test_arena_text_and_growth(void **state)
{
    struct hm_arena arena;
    int *items = NULL;
    size_t cap = 0;

    (void)state;
    hm_arena_init(&arena, 1u << 20);
    assert_string_equal(hm_arena_strdup(&arena, "abc"), "abc");
    assert_string_equal(hm_arena_strndup(&arena, "abc", 2), "ab");
    assert_string_equal(hm_arena_strndup(&arena, "", 0), "");
    assert_string_equal(hm_arena_printf(&arena, "%d-%s", 5, "x"), "5-x");
    for (size_t i = 0; i < 1000; i++) {
        void *at = items;

        assert_int_equal(hm_arena_grow(&arena, &at, i, &cap, sizeof(*items)), 0);
        items = at;
        items[i] = (int)i;
    }
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(items[i], i);
    }
    hm_arena_fini(&arena);
}

/* A catalogue is thousands of short texts. */
static void test_texts_are_packed(void **state)
{
    struct hm_arena arena;
    char *first;
    char *last;
    void *between;

    (void)state;
    hm_arena_init(&arena, 4096);
    first = hm_arena_strdup(&arena, "first");
    between = hm_arena_alloc(&arena, 1, 24);
    last = hm_arena_strdup(&arena, "last");
    assert_int_equal(first - last, sizeof("last"));
    assert_int_equal((uintptr_t)between % (2 * sizeof(void *)), 0);
    memset(between, 0xff, 24);
    assert_string_equal(first, "first");
    assert_string_equal(last, "last");
    for (size_t room = arena.cap_bytes - arena.used_bytes; room >= 4; room -= 4) {
        assert_string_equal(hm_arena_strdup(&arena, "abc"), "abc");
    }
    assert_null(hm_arena_strdup(&arena, "abc"));
    assert_null(hm_arena_strndup(&arena, "abc", SIZE_MAX));
    assert_string_equal(last, "last");
    hm_arena_reset(&arena);
    assert_int_equal(*(char *)hm_arena_alloc(&arena, 4096, 1), 0);
    hm_arena_fini(&arena);
}

static void test_buf_keeps_the_first_failure(void **state)
{
    struct hm_buf buf;
    struct hm_err err;

    (void)state;
    hm_buf_init(&buf, 8);
    assert_string_equal(hm_buf_text(&buf), "");
    assert_true(hm_buf_puts(&buf, "1234"));
    assert_true(hm_buf_printf(&buf, "%d", 5678));
    assert_string_equal(hm_buf_text(&buf), "12345678");
    assert_int_equal(hm_buf_status(&buf, &err), HM_OK);
    assert_false(hm_buf_putc(&buf, '9'));
    assert_false(hm_buf_put(&buf, "", 0));
    assert_int_equal(hm_buf_status(&buf, &err), HM_ETOOBIG);
    assert_int_equal(buf.len, 8);
    hm_buf_reset(&buf);
    assert_true(hm_buf_put(&buf, "a\0b", 3));
    assert_int_equal(buf.len, 3);
    assert_int_equal(hm_buf_status(&buf, &err), HM_OK);
    hm_buf_fini(&buf);
    hm_buf_fini(&buf);
}

static void test_map_against_a_plain_array(void **state)
{
    enum { KEYS = 500 };
    static char keys[KEYS][8];
    static bool here[KEYS];
    struct hm_map map;
    uint32_t random = 1;
    size_t count = 0;
    size_t at = 0;
    size_t seen = 0;

    (void)state;
    hm_map_init(&map);
    assert_null(hm_map_get(&map, "x"));
    assert_null(hm_map_remove(&map, "x"));
    for (int i = 0; i < 20000; i++) {
        size_t k;

        random = random * 1664525u + 1013904223u;
        k = (random >> 8) % KEYS;
        (void)snprintf(keys[k], sizeof(keys[k]), "k%zu", k);
        if ((random & 1) != 0) {
            assert_int_equal(hm_map_put(&map, keys[k], keys[k], NULL), HM_OK);
            count += here[k] ? 0 : 1;
            here[k] = true;
        } else {
            assert_ptr_equal(hm_map_remove(&map, keys[k]), here[k] ? keys[k] : NULL);
            count -= here[k] ? 1 : 0;
            here[k] = false;
        }
        assert_ptr_equal(hm_map_get(&map, keys[k]), here[k] ? keys[k] : NULL);
        assert_int_equal(map.count, count);
    }
    while (hm_map_next(&map, &at) != NULL) {
        seen++;
    }
    assert_int_equal(seen, count);
    hm_map_fini(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_zeroes_and_aligns),
        cmocka_unit_test(test_arena_has_a_cap),
        cmocka_unit_test(test_arena_text_and_growth),
        cmocka_unit_test(test_texts_are_packed),
        cmocka_unit_test(test_buf_keeps_the_first_failure),
        cmocka_unit_test(test_map_against_a_plain_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
