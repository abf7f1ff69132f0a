/* tests/unit/ports/test_listener_ranges.c — the listeners of a document.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/listener_ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"

#define ARENA_BYTES (256u * 1024u * 1024u)
#define MANY 130000u

static struct hm_listener listener(uint16_t port, enum hm_family family, const char *program,
                                   enum hm_listener_kind kind)
{
    return (struct hm_listener){.protocol = HM_TCP,
                                .family = family,
                                .address = family == HM_IPV4 ? "0.0.0.0" : "::",
                                .port = port,
                                .program = program,
                                .service = "",
                                .kind = kind};
}

static struct hm_listeners settled(struct hm_listener *at, size_t count)
{
    struct hm_inventory inventory = {
        .listeners = {at, count}
    };

    hm_inventory_settle(&inventory);
    return inventory.listeners;
}

static void check_equal(struct hm_listeners a, struct hm_listeners b)
{
    assert_int_equal(a.count, b.count);
    for (size_t i = 0; i < a.count; i++) {
        assert_int_equal(a.at[i].port, b.at[i].port);
        assert_int_equal(a.at[i].family, b.at[i].family);
        assert_string_equal(a.at[i].program, b.at[i].program);
        assert_int_equal(a.at[i].last, b.at[i].last);
    }
}

/* Two programs in both families, 65,000 ports: written in a few rows, and read as they were. */
static void test_there_and_back(void **state)
{
    static struct hm_listener at[MANY + 3];
    struct hm_listeners all;
    struct hm_listeners rows;
    struct hm_listeners back;
    struct hm_arena arena;

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        at[i] = listener((uint16_t)(i / 2 + 1), i % 2 == 0 ? HM_IPV4 : HM_IPV6,
                         i / 2 == 30000 ? "nginx" : "docker-proxy", HM_KIND_CONTAINER);
    }
    at[MANY] = listener(65535, HM_IPV4, "docker-proxy", HM_KIND_SOCKET);
    at[MANY + 1] = listener(65535, HM_IPV4, "docker-proxy", HM_KIND_CONTAINER);
    at[MANY + 2] = listener(65535, HM_IPV4, "sshd", HM_KIND_SOCKET);
    all = settled(at, MANY + 3);
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_listeners_to_rows(&all, &arena, &rows, NULL), HM_OK);
    assert_int_equal(rows.count, 9);
    assert_int_equal(rows.at[0].port, 1);
    assert_int_equal(rows.at[0].last, 30000);
    assert_int_equal(rows.at[1].port, 30001); /* nginx, alone */
    assert_int_equal(rows.at[1].last, 0);
    assert_int_equal(hm_listeners_from_rows(&rows, &arena, &back, NULL), HM_OK);
    check_equal(back, all);
    hm_arena_fini(&arena);
}

/* A usual host's document is as it always was. */
static void test_few(void **state)
{
    struct hm_listener at[HM_LISTENERS_PLAIN];
    struct hm_listeners all;
    struct hm_listeners rows;
    struct hm_arena arena;

    (void)state;
    for (size_t i = 0; i < HM_LISTENERS_PLAIN; i++) {
        at[i] = listener((uint16_t)(i + 1), HM_IPV4, "x", HM_KIND_SOCKET);
    }
    all = settled(at, HM_LISTENERS_PLAIN);
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_listeners_to_rows(&all, &arena, &rows, NULL), HM_OK);
    check_equal(rows, all);
    hm_arena_fini(&arena);
}

static void test_refused(void **state)
{
    struct hm_listener at[3];
    struct hm_listeners rows = {at, 3};
    struct hm_listeners out;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < 3; i++) {
        at[i] = listener(1, HM_IPV4, "x", HM_KIND_SOCKET);
        at[i].last = 65535;
    }
    assert_int_equal(hm_listeners_from_rows(&rows, &arena, &out, &err), HM_ETOOBIG);
    rows.count = 2; /* 131,070 */
    assert_int_equal(hm_listeners_from_rows(&rows, &arena, &out, &err), HM_OK);
    at[0].port = 20;
    at[0].last = 19;
    assert_int_equal(hm_listeners_from_rows(&rows, &arena, &out, &err), HM_EINVAL);
    assert_non_null(strstr(err.text, "listeners[0]"));
    hm_arena_fini(&arena);
}

/* What forbids an exclusion stays, and one row of each program. */
static void test_cut(void **state)
{
    struct hm_listener at[100];
    struct hm_listeners rows = {at, 100};

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        at[i] = listener((uint16_t)(1000 + i), HM_IPV4, i % 50 == 49 ? "rare" : "usual",
                         i == 98 ? HM_KIND_HTTPSYS : HM_KIND_SOCKET);
    }
    hm_listeners_cut(&rows, 5);
    assert_int_equal(rows.count, 5);
    assert_int_equal(rows.at[0].port, 1000);
    assert_int_equal(rows.at[1].port, 1001);
    assert_int_equal(rows.at[2].port, 1002);
    assert_int_equal(rows.at[3].port, 1049); /* the first of "rare" */
    assert_int_equal(rows.at[4].port, 1098); /* HTTP.sys */
    hm_listeners_cut(&rows, 9);
    assert_int_equal(rows.count, 5);
    hm_listeners_cut(&rows, 0);
    assert_int_equal(rows.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_few),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
