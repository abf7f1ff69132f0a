/* tests/unit/ports/test_portset.c — port lists: the notation by cases, the operations by
 * comparison with a plain map of 65,536 flags.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/portset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"

#define ARENA_BYTES (64u * 1024u * 1024u)
#define CASES 2000
#define RANGES_MAX 40

struct fixture {
    struct hm_arena arena;
    uint64_t random;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    if (fixture == NULL) {
        return -1;
    }
    hm_arena_init(&fixture->arena, ARENA_BYTES);
    fixture->random = 20261122;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    hm_arena_fini(&fixture->arena);
    free(fixture);
    return 0;
}

/* splitmix64: the same numbers in every run. */
static uint32_t draw(struct fixture *fixture, uint32_t below)
{
    uint64_t z = (fixture->random += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) % below);
}

/* The model: what a set is, without any cleverness. */
struct map {
    bool has[HM_PORT_COUNT];
};

static void map_put(struct map *map, struct hm_range range)
{
    for (uint32_t port = range.first; port <= range.last; port++) {
        map->has[port] = true;
    }
}

static uint32_t map_count(const struct map *map)
{
    uint32_t count = 0;

    for (uint32_t port = 0; port < HM_PORT_COUNT; port++) {
        count += map->has[port] ? 1 : 0;
    }
    return count;
}

/* Random ranges, mostly narrow and close together, often at the very ends. */
static size_t draw_ranges(struct fixture *fixture, struct hm_range *out)
{
    static const uint32_t widths[] = {1, 2, 5, 100, 20000};
    size_t count = draw(fixture, RANGES_MAX);
    uint32_t span = draw(fixture, 2) == 0 ? 200 : HM_PORT_COUNT;
    uint32_t base =
        draw(fixture, 3) == 0 ? HM_PORT_COUNT - span : draw(fixture, HM_PORT_COUNT - span + 1);

    for (size_t i = 0; i < count; i++) {
        uint32_t first = base + draw(fixture, span);
        uint32_t last = first + draw(fixture, widths[draw(fixture, HM_COUNT(widths))]);

        out[i].first = (uint16_t)first;
        out[i].last = (uint16_t)(last < HM_PORT_COUNT ? last : HM_PORT_COUNT - 1);
    }
    return count;
}

static void check_same(struct hm_ports ports, const struct map *map)
{
    size_t at = 0;
    uint32_t port = 0;

    while (port < HM_PORT_COUNT) { /* the ranges that the map has, in order */
        uint32_t first;

        if (!map->has[port]) {
            port++;
            continue;
        }
        first = port;
        while (port < HM_PORT_COUNT && map->has[port]) {
            port++;
        }
        assert_true(at < ports.count);
        assert_int_equal(ports.at[at].first, first);
        assert_int_equal(ports.at[at].last, port - 1);
        at++;
    }
    assert_int_equal(ports.count, at);
    assert_int_equal(hm_ports_count(ports), map_count(map));
}

static void check_text(struct hm_ports ports, struct hm_arena *arena)
{
    const char *text = hm_ports_text(ports, arena);
    struct hm_ports again;
    struct hm_buf buf;

    assert_non_null(text);
    assert_int_equal(hm_ports_parse_kept(text, strlen(text), arena, &again, NULL), HM_OK);
    assert_true(hm_ports_equal(ports, again));
    hm_buf_init(&buf, 1024 * 1024);
    assert_true(hm_ports_format(ports, &buf));
    assert_string_equal(hm_buf_text(&buf), text);
    hm_buf_fini(&buf);
}

static void check_operations(struct fixture *fixture, struct hm_ports a, struct hm_ports b,
                             const struct map *in_a, const struct map *in_b)
{
    static struct map all;
    static struct map both;
    static struct map only_a;
    struct hm_arena *arena = &fixture->arena;
    struct hm_ports out;
    bool covers = true;
    bool overlap = false;

    for (uint32_t port = 0; port < HM_PORT_COUNT; port++) {
        all.has[port] = in_a->has[port] || in_b->has[port];
        both.has[port] = in_a->has[port] && in_b->has[port];
        only_a.has[port] = in_a->has[port] && !in_b->has[port];
        covers = covers && (in_a->has[port] || !in_b->has[port]);
        overlap = overlap || both.has[port];
    }
    assert_int_equal(hm_ports_union(a, b, arena, &out, NULL), HM_OK);
    check_same(out, &all);
    assert_true(hm_ports_covers(out, a) && hm_ports_covers(out, b));
    assert_int_equal(hm_ports_intersect(a, b, arena, &out, NULL), HM_OK);
    check_same(out, &both);
    assert_int_equal(hm_ports_subtract(a, b, arena, &out, NULL), HM_OK);
    check_same(out, &only_a);
    assert_int_equal(hm_ports_covers(a, b), covers);
    assert_int_equal(hm_ports_overlap(a, b), overlap);
}

static void check_searches(struct fixture *fixture, struct hm_ports ports, const struct map *map)
{
    for (unsigned i = 0; i < 50; i++) {
        uint16_t port = (uint16_t)(i < 2 ? (HM_PORT_COUNT - 1) * i : draw(fixture, HM_PORT_COUNT));
        const struct hm_range *found = hm_ports_find(ports, port);

        assert_int_equal(hm_ports_contains(ports, port), map->has[port]);
        assert_int_equal(found != NULL, map->has[port]);
        assert_true(found == NULL || hm_range_contains(*found, port));
    }
}

static void test_operations_against_map(void **state)
{
    struct fixture *fixture = *state;
    static struct map in_a;
    static struct map in_b;

    for (unsigned i = 0; i < CASES; i++) {
        struct hm_range raw_a[RANGES_MAX];
        struct hm_range raw_b[RANGES_MAX];
        size_t count_a = draw_ranges(fixture, raw_a);
        size_t count_b = draw_ranges(fixture, raw_b);
        struct hm_ports a;
        struct hm_ports b;

        hm_arena_reset(&fixture->arena);
        memset(&in_a, 0, sizeof(in_a));
        memset(&in_b, 0, sizeof(in_b));
        for (size_t k = 0; k < count_a; k++) {
            map_put(&in_a, raw_a[k]);
        }
        for (size_t k = 0; k < count_b; k++) {
            map_put(&in_b, raw_b[k]);
        }
        assert_int_equal(hm_ports_from_ranges(raw_a, count_a, &fixture->arena, &a, NULL), HM_OK);
        assert_int_equal(hm_ports_from_ranges(raw_b, count_b, &fixture->arena, &b, NULL), HM_OK);
        check_same(a, &in_a);
        check_text(a, &fixture->arena);
        check_searches(fixture, a, &in_a);
        check_operations(fixture, a, b, &in_a, &in_b);
    }
}

/* Cuts every range of a set in two: the same ports as a kept list with neighbours. */
static struct hm_ports cut_up(struct fixture *fixture, struct hm_ports set)
{
    struct hm_range *pieces = hm_arena_alloc(&fixture->arena, set.count * 2, sizeof(*pieces));
    size_t count = 0;

    assert_non_null(pieces);
    for (size_t i = 0; i < set.count; i++) {
        struct hm_range range = set.at[i];
        uint32_t more = hm_range_count(range) - 1;

        if (more > 0) {
            uint16_t middle = (uint16_t)(range.first + draw(fixture, more));

            pieces[count++] = (struct hm_range){range.first, middle};
            range.first = (uint16_t)(middle + 1);
        }
        pieces[count++] = range;
    }
    return (struct hm_ports){pieces, count};
}

static void test_kept_lists_against_map(void **state)
{
    struct fixture *fixture = *state;
    static struct map in_a;
    static struct map in_b;

    for (unsigned i = 0; i < CASES / 4; i++) {
        struct hm_range raw[RANGES_MAX];
        struct hm_ports sets[2];
        struct map *maps[2] = {&in_a, &in_b};
        struct hm_ports kept[2];

        hm_arena_reset(&fixture->arena);
        for (size_t k = 0; k < 2; k++) {
            size_t count = draw_ranges(fixture, raw);

            memset(maps[k], 0, sizeof(*maps[k]));
            for (size_t j = 0; j < count; j++) {
                map_put(maps[k], raw[j]);
            }
            assert_int_equal(hm_ports_from_ranges(raw, count, &fixture->arena, &sets[k], NULL),
                             HM_OK);
            kept[k] = cut_up(fixture, sets[k]);
            check_text(kept[k], &fixture->arena);
            check_searches(fixture, kept[k], maps[k]);
            assert_int_equal(hm_ports_count(kept[k]), hm_ports_count(sets[k]));
            assert_true(hm_ports_covers(kept[k], sets[k]) && hm_ports_covers(sets[k], kept[k]));
        }
        check_operations(fixture, kept[0], kept[1], &in_a, &in_b);
    }
}

struct notation {
    const char *text;
    enum hm_status set_status;
    const char *set; /* what it prints as */
    enum hm_status kept_status;
    const char *kept;
    uint32_t count;
};

/* clang-format off */
static const struct notation notations[] = {
    {"", HM_OK, "", HM_OK, "", 0},
    {"0", HM_OK, "0", HM_OK, "0", 1},
    {"1433", HM_OK, "1433", HM_OK, "1433", 1},
    {"9933,9955", HM_OK, "9933,9955", HM_OK, "9933,9955", 2},
    {"6005-65534", HM_OK, "6005-65534", HM_OK, "6005-65534", 59530},
    {"65535", HM_OK, "65535", HM_OK, "65535", 1},
    {"0-65535", HM_OK, "0-65535", HM_OK, "0-65535", 65536},
    {"9506-9506", HM_OK, "9506", HM_OK, "9506", 1},
    {"9506,9507", HM_OK, "9506-9507", HM_OK, "9506,9507", 2},
    {"49152-49251,49252-49351", HM_OK, "49152-49351", HM_OK, "49152-49251,49252-49351", 200},
    {"5,3", HM_OK, "3,5", HM_EINVAL, NULL, 2},
    {"1-10,5-20", HM_OK, "1-20", HM_EINVAL, NULL, 20},
    {"5,5", HM_OK, "5", HM_EINVAL, NULL, 1},
    {"65534,65535,65535", HM_OK, "65534-65535", HM_EINVAL, NULL, 2},
    {"65536", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"1-65536", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"99999999999999999999", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"10-9", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {",", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"1,", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {",1", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"1,,2", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {" 1", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"1, 2", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"1 ", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"-1", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"1-", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"-", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"1-2-3", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"+1", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"0x50", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"007", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"http", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"1;2", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
    {"1\n", HM_EINVAL, NULL, HM_EINVAL, NULL, 0},
};
/* clang-format on */

static void test_notation(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(notations); i++) {
        const struct notation *row = &notations[i];
        size_t len = strlen(row->text);
        struct hm_ports set = {NULL, 77};
        struct hm_ports kept = {NULL, 77};
        struct hm_err err = {0};

        print_message("'%s'\n", row->text);
        assert_int_equal(hm_ports_parse(row->text, len, &fixture->arena, &set, &err),
                         row->set_status);
        if (row->set_status == HM_OK) {
            assert_string_equal(hm_ports_text(set, &fixture->arena), row->set);
            assert_int_equal(hm_ports_count(set), row->count);
        } else {
            assert_int_equal(set.count, 77);
            assert_int_equal(err.status, row->set_status);
            assert_true(strlen(err.text) > 0);
        }
        assert_int_equal(hm_ports_parse_kept(row->text, len, &fixture->arena, &kept, &err),
                         row->kept_status);
        if (row->kept_status == HM_OK) {
            assert_string_equal(hm_ports_text(kept, &fixture->arena), row->kept);
        } else {
            assert_int_equal(kept.count, 77);
        }
    }
}

static void test_error_names_the_piece(void **state)
{
    struct fixture *fixture = *state;
    const char text[] = "80,90\x01q,100";
    struct hm_ports ports;
    struct hm_err err;

    assert_int_equal(hm_ports_parse(text, strlen(text), &fixture->arena, &ports, &err), HM_EINVAL);
    assert_non_null(strstr(err.text, "'90?q'"));
}

static void test_cap(void **state)
{
    struct fixture *fixture = *state;
    size_t len = (size_t)HM_LIMIT_RANGES * 2 + 1;
    char *text = malloc(len);
    struct hm_ports ports;

    assert_non_null(text);
    for (size_t i = 0; i < len; i++) {
        text[i] = i % 2 == 0 ? '1' : ',';
    }
    assert_int_equal(hm_ports_parse(text, len, &fixture->arena, &ports, NULL), HM_ETOOBIG);
    assert_int_equal(hm_ports_parse(text, len - 2, &fixture->arena, &ports, NULL), HM_OK);
    assert_int_equal(hm_ports_count(ports), 1);
    free(text);
}

static void test_no_memory(void **state)
{
    const struct hm_range ranges[] = {
        {1, 2},
        {5, 6}
    };
    struct hm_ports ports = {NULL, 77};
    struct hm_arena none;

    (void)state;
    hm_arena_init(&none, 0);
    assert_int_equal(hm_ports_parse("1,2", 3, &none, &ports, NULL), HM_ENOMEM);
    assert_int_equal(hm_ports_from_ranges(ranges, 2, &none, &ports, NULL), HM_ENOMEM);
    assert_null(hm_ports_text((struct hm_ports){ranges, 2}, &none));
    assert_int_equal(ports.count, 77);
    hm_arena_fini(&none);
}

static void test_every_other_port(void **state)
{
    struct fixture *fixture = *state;
    static struct hm_range odd[HM_PORT_COUNT / 2];
    struct hm_ports ports;
    struct hm_ports rest;
    const struct hm_range all = {0, 65535};

    for (uint32_t i = 0; i < HM_COUNT(odd); i++) {
        odd[i].first = odd[i].last = (uint16_t)(i * 2 + 1);
    }
    assert_int_equal(hm_ports_from_ranges(odd, HM_COUNT(odd), &fixture->arena, &ports, NULL),
                     HM_OK);
    check_text(ports, &fixture->arena);
    assert_int_equal(hm_ports_count(ports), 32768);
    assert_int_equal(
        hm_ports_subtract((struct hm_ports){&all, 1}, ports, &fixture->arena, &rest, NULL), HM_OK);
    assert_int_equal(hm_ports_count(rest), 32768);
    assert_true(hm_ports_contains(rest, 0) && !hm_ports_contains(rest, 65535));
    assert_int_equal(hm_range_count(all), 65536);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_notation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_error_names_the_piece, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_other_port, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_operations_against_map, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kept_lists_against_map, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
