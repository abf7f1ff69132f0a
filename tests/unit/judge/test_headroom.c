/* tests/unit/judge/test_headroom.c — ports, not rows, are counted; blocked ones are neither usable
 * nor in use.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/headroom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

static struct hm_build *new_build(const char *version)
{
    struct hm_build *build = malloc(sizeof(*build));

    assert_non_null(build);
    hm_build_init(build, version);
    return build;
}

static void free_build(struct hm_build *build)
{
    hm_build_fini(build);
    free(build);
}

static const struct hm_sample_stack *sample(struct hm_build *build, size_t at, size_t count)
{
    struct hm_sample out = {.event_4231 = 5};

    assert_int_equal(
        hm_headroom_sample(&build->inventory, &build->sockets, &build->arena, &out, NULL), HM_OK);
    assert_int_equal(out.stacks.count, count);
    assert_int_equal(out.event_4231, 5); /* the caller's */
    return &out.stacks.at[at];
}

static void test_empty_host(void **state)
{
    struct hm_build *build = new_build("10.0.17763");
    const struct hm_sample_stack *row = sample(build, 3, 4);

    (void)state;
    assert_int_equal(row->protocol, HM_UDP);
    assert_int_equal(row->family, HM_IPV6);
    assert_int_equal(row->usable, 16384);
    assert_int_equal(row->in_use, 0);
    assert_int_equal(row->free_blocks, 256);
    free_build(build);
}

static void test_counts_ports_of_both_families_once(void **state)
{
    struct hm_build *build = new_build("10.0.17763");
    const struct hm_sample_stack *row;

    (void)state;
    hm_build_exclude(build, HM_TCP, HM_IPV4, "50000-50063"); /* two blocks are touched */
    hm_build_runtime(build, HM_TCP, HM_IPV6, "50064,60000");
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 51000, "", "");
    hm_build_socket(build, HM_TCP, HM_IPV6, HM_SOCKET_LISTEN, 51000, "", "");
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 51001, "", "");
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_TIME_WAIT, 65535, "", "");
    hm_build_socket(build, HM_TCP, HM_IPV6, HM_SOCKET_BOUND, 49152, "", "");
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 50001, "", ""); /* blocked */
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 443, "", "");   /* outside */
    hm_build_socket(build, HM_UDP, HM_IPV4, HM_SOCKET_LISTEN, 52000, "", "");      /* not TCP */
    row = sample(build, 0, 4);
    assert_int_equal(row->usable, 16384 - 64 - 2);
    assert_int_equal(row->in_use, 4);
    assert_int_equal(row->established, 3);
    assert_int_equal(row->time_wait, 1);
    assert_int_equal(row->bound, 0);
    /* 50000-50064 lies in blocks 781 and 782; 60000, 51000+51001, 65535, 49152 take one each */
    assert_int_equal(row->free_blocks, 256 - 2 - 4);
    row = sample(build, 1, 4);
    assert_int_equal(row->in_use, 4);
    assert_int_equal(row->bound, 1);
    free_build(build);
}

static void test_blocks_are_aligned_and_whole(void **state)
{
    static const struct {
        uint16_t first, last;
        uint32_t blocks;
    } cases[] = {
        {1025, 5000,  61  },
        {1024, 5000,  62  },
        {6005, 65534, 929 },
        {0,    65535, 1024},
        {100,  127,   0   },
        {64,   127,   1   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build("10.0.17763");

        hm_build_dynamic(build, cases[i].first, cases[i].last);
        assert_int_equal(sample(build, 0, 4)->free_blocks, cases[i].blocks);
        free_build(build);
    }
}

static void test_unknown_range_has_no_row(void **state)
{
    struct hm_build *build = new_build("10.0.17763");

    (void)state;
    hm_build_stack(build, HM_TCP, HM_IPV6)->has_dynamic = false;
    assert_int_equal(sample(build, 1, 3)->protocol, HM_UDP);
    free_build(build);
}

static void test_utilisation(void **state)
{
    struct hm_sample_stack row = {.usable = 1000, .in_use = 750};

    (void)state;
    assert_true(hm_headroom_utilisation(&row) == 0.75);
    row.usable = 0;
    assert_true(hm_headroom_utilisation(&row) == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_host),
        cmocka_unit_test(test_counts_ports_of_both_families_once),
        cmocka_unit_test(test_blocks_are_aligned_and_whole),
        cmocka_unit_test(test_unknown_range_has_no_row),
        cmocka_unit_test(test_utilisation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
