/* tests/unit/ports/test_legacy_range.c — the range in force of 2000 to 2003, by values and sockets.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/ports/in_force.h"

#define ARENA_BYTES (16u * 1024u * 1024u)
#define SOCKETS_MAX 4096

/* Sockets of a host, by pattern. */
enum crowd {
    UNREAD,
    NONE,
    FEW_LOW,        /* ten client connections from 1025 on */
    ONE_HIGH,       /* one client connection at 33012 */
    ACCEPTED_HIGH,  /* a connection at 33012 where somebody listens */
    LEFT_HIGH,      /* a connection at 33012 without a process: its service was stopped */
    TIME_WAIT_HIGH, /* TIME_WAIT at 33012 */
    LISTEN_HIGH,    /* a listener at 33012 */
    POOL_LOW,       /* 2,500 sockets of dns.exe below 5000 */
    POOL_WIDE,      /* the same up to 65528 */
    POOL_TO_60000,  /* the same up to 59986 */
    POOL_FEW,       /* 10 below 5000 */
    POOL_ON_LINE,   /* dns.exe on 1812 */
    HALF_FULL,      /* 3,000 ports in TIME_WAIT below 5000 */
    NEARLY_FULL,    /* 3,700 */
    NAMELESS_WIDE,  /* Windows 2000: 600 UDP ports up to 60000, no programs */
    CLIENT_UDP_HIGH /* a UDP socket of a program at 33012 */
};

struct row {
    enum hm_in_force in_force;
    uint32_t max_user_port; /* 0 = not set */
    const char *line;       /* of ReservedPorts; NULL none */
    enum crowd crowd;
    uint32_t remembered;
    uint16_t last; /* 0 = unknown */
    enum hm_in_force in_force_after;
};

#define ASSUMED HM_IN_FORCE_ASSUMED
#define WRITTEN HM_IN_FORCE_WRITTEN
#define UNKNOWN HM_IN_FORCE_UNKNOWN

/* clang-format off */
static const struct row rows[] = {
  /* documented values */
    {ASSUMED, 0,     NULL,        NONE,            0,     5000,  ASSUMED},
    {ASSUMED, 0,     NULL,        UNREAD,          0,     5000,  ASSUMED},
    {ASSUMED, 60000, NULL,        POOL_FEW,        0,     60000, ASSUMED},
    {ASSUMED, 60000, NULL,        HALF_FULL,       0,     60000, ASSUMED},
    {WRITTEN, 60000, NULL,        ONE_HIGH,        0,     60000, WRITTEN},
 /* contradicted */
    {ASSUMED, 0,     NULL,        ONE_HIGH,        0,     0,     UNKNOWN},
    {WRITTEN, 0,     NULL,        ONE_HIGH,        0,     0,     WRITTEN},
    {ASSUMED, 0,     NULL,        POOL_WIDE,       0,     0,     UNKNOWN},
    {ASSUMED, 5000,  NULL,        NONE,            33012, 0,     UNKNOWN}, /* seen earlier in this boot */
    {WRITTEN, 65534, NULL,        POOL_WIDE,       0,     65534, WRITTEN},
 /* a larger range that is only written */
    {ASSUMED, 60000, NULL,        POOL_LOW,        0,     5000,  UNKNOWN},
    {WRITTEN, 60000, NULL,        POOL_LOW,        0,     60000, WRITTEN},
    {ASSUMED, 60000, NULL,        POOL_LOW,        33012, 60000, ASSUMED},
    {ASSUMED, 60000, NULL,        NEARLY_FULL,     0,     5000,  UNKNOWN},
    {ASSUMED, 5100,  NULL,        NEARLY_FULL,     0,     5100,  ASSUMED},
 /* no evidence */
    {ASSUMED, 0,     NULL,        ACCEPTED_HIGH,   0,     5000,  ASSUMED},
    {ASSUMED, 0,     NULL,        LEFT_HIGH,       0,     5000,  ASSUMED},
    {ASSUMED, 0,     NULL,        TIME_WAIT_HIGH,  0,     5000,  ASSUMED},
    {ASSUMED, 0,     NULL,        LISTEN_HIGH,     0,     5000,  ASSUMED},
    {ASSUMED, 0,     NULL,        CLIENT_UDP_HIGH, 0,     5000,  ASSUMED},
 /* outside of the documented values */
    {ASSUMED, 65535, NULL,        UNREAD,          0,     0,     ASSUMED},
    {ASSUMED, 65535, NULL,        NONE,            0,     0,     ASSUMED},
    {ASSUMED, 65535, NULL,        FEW_LOW,         0,     0,     ASSUMED},
    {ASSUMED, 65535, NULL,        ONE_HIGH,        0,     65534, ASSUMED},
    {ASSUMED, 65535, NULL,        POOL_WIDE,       0,     65534, ASSUMED},
    {ASSUMED, 65535, NULL,        POOL_LOW,        0,     5000,  ASSUMED},
    {ASSUMED, 65535, NULL,        POOL_FEW,        0,     0,     ASSUMED},
    {ASSUMED, 65535, NULL,        HALF_FULL,       0,     5000,  ASSUMED},
    {ASSUMED, 65535, NULL,        NAMELESS_WIDE,   0,     65534, ASSUMED},
    {ASSUMED, 4000,  NULL,        FEW_LOW,         0,     0,     ASSUMED},
    {ASSUMED, 4000,  NULL,        POOL_LOW,        0,     5000,  ASSUMED},
    {ASSUMED, 4000,  NULL,        ONE_HIGH,        0,     0,     UNKNOWN},
    {ASSUMED, 80,    NULL,        NONE,            0,     5000,  ASSUMED},
 /* nobody knows what was there before */
    {UNKNOWN, 0,     NULL,        NONE,            0,     0,     UNKNOWN}, /* MaxUserPort deleted */
    {UNKNOWN, 0,     NULL,        UNREAD,          0,     0,     UNKNOWN},
    {UNKNOWN, 0,     NULL,        FEW_LOW,         0,     0,     UNKNOWN}, /* ascending: no proof */
    {UNKNOWN, 0,     NULL,        HALF_FULL,       0,     0,     UNKNOWN},
    {UNKNOWN, 0,     NULL,        NEARLY_FULL,     0,     5000,  UNKNOWN},
    {UNKNOWN, 0,     NULL,        POOL_LOW,        0,     5000,  UNKNOWN},
    {UNKNOWN, 0,     NULL,        ONE_HIGH,        0,     0,     UNKNOWN},
    {UNKNOWN, 5000,  NULL,        FEW_LOW,         0,     0,     UNKNOWN}, /* lowered */
    {UNKNOWN, 60000, NULL,        ONE_HIGH,        0,     0,     UNKNOWN},
    {UNKNOWN, 60000, NULL,        POOL_TO_60000,   0,     60000, UNKNOWN}, /* at random: proof */
    {UNKNOWN, 65534, NULL,        NONE,            0,     0,     UNKNOWN},
    {UNKNOWN, 65534, NULL,        FEW_LOW,         0,     0,     UNKNOWN},
    {UNKNOWN, 65534, NULL,        HALF_FULL,       0,     5000,  UNKNOWN},
    {UNKNOWN, 65534, NULL,        ONE_HIGH,        0,     65534, UNKNOWN},
    {UNKNOWN, 20000, NULL,        ONE_HIGH,        0,     0,     UNKNOWN},
 /* a reserved port that the DNS Server was given */
    {ASSUMED, 0,     "1812-1813", POOL_ON_LINE,    0,     0,     UNKNOWN},
    {WRITTEN, 0,     "1812-1813", POOL_ON_LINE,    0,     0,     UNKNOWN},
    {ASSUMED, 0,     "1811-1811", POOL_ON_LINE,    0,     5000,  ASSUMED},
};
/* clang-format on */

struct scene {
    struct hm_socket at[SOCKETS_MAX];
    size_t count;
};

static void put(struct scene *scene, enum hm_protocol protocol, enum hm_socket_state state,
                uint16_t port, const char *program, const char *remote)
{
    scene->at[scene->count++] = (struct hm_socket){
        .protocol = protocol,
        .family = HM_IPV4,
        .state = state,
        .address = "10.0.0.1",
        .port = port,
        .remote = remote,
        .program = program,
        .service = "",
    };
}

static void put_pool(struct scene *scene, const char *program, unsigned count, unsigned first,
                     unsigned step)
{
    for (unsigned i = 0; i < count; i++) {
        put(scene, HM_UDP, HM_SOCKET_LISTEN, (uint16_t)(first + i * step), program, "");
    }
}

static void fill(struct scene *scene, enum crowd crowd)
{
    scene->count = 0;
    if (crowd != NAMELESS_WIDE) {
        put(scene, HM_TCP, HM_SOCKET_LISTEN, 135, "svchost.exe", "");
    }
    switch (crowd) {
    case UNREAD:
    case NONE:
        break;
    case FEW_LOW:
        for (uint16_t i = 0; i < 10; i++) {
            put(scene, HM_TCP, HM_SOCKET_ESTABLISHED, (uint16_t)(1025 + i), "a.exe", "10.0.0.9:80");
        }
        break;
    case ACCEPTED_HIGH:
        put(scene, HM_TCP, HM_SOCKET_LISTEN, 33012, "a.exe", "");
        put(scene, HM_TCP, HM_SOCKET_ESTABLISHED, 33012, "a.exe", "10.0.0.9:4000");
        break;
    case ONE_HIGH:
        put(scene, HM_TCP, HM_SOCKET_ESTABLISHED, 33012, "a.exe", "10.0.0.9:445");
        break;
    case LEFT_HIGH:
        put(scene, HM_TCP, HM_SOCKET_ESTABLISHED, 33012, "", "10.0.0.9:4000");
        break;
    case TIME_WAIT_HIGH:
        put(scene, HM_TCP, HM_SOCKET_TIME_WAIT, 33012, "", "10.0.0.9:445");
        break;
    case LISTEN_HIGH:
        put(scene, HM_TCP, HM_SOCKET_LISTEN, 33012, "a.exe", "");
        break;
    case CLIENT_UDP_HIGH:
        put(scene, HM_UDP, HM_SOCKET_LISTEN, 33012, "a.exe", "");
        break;
    case POOL_LOW:
        put_pool(scene, "dns.exe", 2500, 1030, 1);
        put_pool(scene, "dns.exe", 200, 4600, 2);
        break;
    case POOL_WIDE:
        put_pool(scene, "dns.exe", 2500, 1036, 25);
        put_pool(scene, "dns.exe", 1, 65528, 1);
        break;
    case POOL_TO_60000:
        put_pool(scene, "dns.exe", 2500, 1036, 23);
        put_pool(scene, "dns.exe", 1, 59986, 1);
        break;
    case POOL_FEW:
        put_pool(scene, "dns.exe", 10, 1100, 300);
        break;
    case POOL_ON_LINE:
        put_pool(scene, "dns.exe", 1, 1812, 1);
        break;
    case HALF_FULL:
        for (uint16_t i = 0; i < 3000; i++) {
            put(scene, HM_TCP, HM_SOCKET_TIME_WAIT, (uint16_t)(1100 + i), "", "10.0.0.9:25");
        }
        break;
    case NEARLY_FULL:
        for (uint16_t i = 0; i < 3700; i++) {
            put(scene, HM_TCP, HM_SOCKET_TIME_WAIT, (uint16_t)(1100 + i), "", "10.0.0.9:25");
        }
        break;
    case NAMELESS_WIDE:
        put_pool(scene, "", 600, 1100, 98);
        break;
    }
}

static void check(const struct row *row, size_t at, struct scene *scene)
{
    const char *lines[] = {row->line};
    struct hm_registry registry = {
        .has_reserved_ports = row->line != NULL,
        .reserved_ports = {lines, 1},
        .has_max_user_port = row->max_user_port > 0,
        .max_user_port = row->max_user_port,
        .in_force = row->in_force,
    };
    struct hm_sockets sockets = {scene->at, 0};
    struct hm_legacy_range range;
    struct hm_arena arena;

    hm_arena_init(&arena, ARENA_BYTES);
    fill(scene, row->crowd);
    sockets.count = scene->count;
    assert_int_equal(hm_legacy_range(&registry, row->crowd == UNREAD ? NULL : &sockets, true,
                                     row->remembered, &arena, &range, NULL),
                     HM_OK);
    if (range.known != (row->last > 0) || range.range.last != row->last ||
        registry.in_force != row->in_force_after) {
        print_error("row %zu: known %d, last %u, %s\n", at, range.known, range.range.last,
                    hm_in_force_names[registry.in_force]);
    }
    assert_int_equal(range.known, row->last > 0);
    assert_int_equal(range.range.last, row->last);
    assert_int_equal(range.range.first, row->last > 0 ? 1024 : 0);
    assert_int_equal(registry.in_force, row->in_force_after);
    assert_int_equal(registry.contradicted,
                     row->in_force == HM_IN_FORCE_WRITTEN && row->crowd == POOL_ON_LINE);
    hm_arena_fini(&arena);
}

static void test_table(void **state)
{
    struct scene *scene = malloc(sizeof(*scene));

    (void)state;
    assert_non_null(scene);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        check(&rows[i], i, scene);
    }
    free(scene);
}

/* A range that netsh told: only a crowd contradicts it. */
static void test_outside(void **state)
{
    static const struct {
        unsigned inside;
        unsigned outside;
        unsigned programs;
        bool contradict;
    } cases[] = {
        {0,  32, 3, true },
        {8,  32, 3, false}, /* a larger range than the one now leaves such a
  share inside */
        {7,  32, 3, true },
        {0,  31, 3, false},
        {0,  32, 2, false}, /* a server of its own ways */
        {99, 32, 3, false},
    };
    static const char *const programs[] = {"a.exe", "b.exe", "c.exe"};
    struct scene *scene = malloc(sizeof(*scene));

    (void)state;
    assert_non_null(scene);
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_sockets sockets = {scene->at, 0};
        struct hm_given_outside outside;
        struct hm_given given;
        struct hm_arena arena;

        hm_arena_init(&arena, ARENA_BYTES);
        scene->count = 0;
        for (unsigned k = 0; k < cases[i].outside; k++) {
            put(scene, HM_TCP, HM_SOCKET_ESTABLISHED, (uint16_t)(2000 + k),
                programs[k % cases[i].programs], "10.0.0.9:443");
        }
        for (unsigned k = 0; k < cases[i].inside; k++) {
            put(scene, HM_TCP, HM_SOCKET_ESTABLISHED, (uint16_t)(50000 + k), "a.exe",
                "10.0.0.9:443");
        }
        sockets.count = scene->count;
        assert_int_equal(hm_given_find(&sockets, false, &arena, &given, NULL), HM_OK);
        assert_int_equal(given.count, scene->count);
        outside = hm_given_outside(&given, HM_TCP, (struct hm_range){49152, 65535});
        assert_int_equal(outside.contradict, cases[i].contradict);
        assert_int_equal(outside.count, cases[i].outside);
        assert_int_equal(outside.lowest, 2000);
        assert_int_equal(outside.highest, 2000 + cases[i].outside - 1);
        hm_arena_fini(&arena);
    }
    free(scene);
}

/* Windows 2000 names nobody. Three services that chose ports past the pool do not contradict the
 * range; a pool that continues past it does. */
static void test_strays_beside_a_nameless_pool(void **state)
{
    static const struct {
        unsigned count;
        unsigned step;
        bool known;
    } cases[] = {
        {2500, 1,  true },
        {600,  6,  true },
        {600,  14, false}, /* to 9486: the services lie in the pool's range */
        {255,  10, true }, /* too few for a pool: nothing speaks against the range */
    };
    struct scene *scene = malloc(sizeof(*scene));

    (void)state;
    assert_non_null(scene);
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_registry registry = {.in_force = HM_IN_FORCE_WRITTEN};
        struct hm_sockets sockets = {scene->at, 0};
        struct hm_legacy_range range;
        struct hm_arena arena;

        hm_arena_init(&arena, ARENA_BYTES);
        scene->count = 0;
        put_pool(scene, "", cases[i].count, 1100, cases[i].step);
        put_pool(scene, "", cases[i].count < 256 ? 0 : 1, 9469, 1);
        put_pool(scene, "", cases[i].count < 256 ? 0 : 2, 9506, 1);
        sockets.count = scene->count;
        assert_int_equal(hm_legacy_range(&registry, &sockets, true, 0, &arena, &range, NULL),
                         HM_OK);
        assert_int_equal(range.known, cases[i].known);
        assert_int_equal(registry.range_contradicted, !cases[i].known);
        hm_arena_fini(&arena);
    }
    free(scene);
}

/* A port that was given earlier in this boot contradicts the range after its socket is gone. */
static void test_remembered_port_contradicts(void **state)
{
    static const struct {
        enum hm_in_force in_force;
        uint32_t max_user_port;
        uint32_t remembered;
        bool contradicted;
    } cases[] = {
        {HM_IN_FORCE_WRITTEN, 20000, 30000, true },
        {HM_IN_FORCE_UNKNOWN, 20000, 30000, true },
        {HM_IN_FORCE_WRITTEN, 20000, 19000, false},
        {HM_IN_FORCE_WRITTEN, 20000, 0,     false},
        {HM_IN_FORCE_WRITTEN, 70000, 30000, false}, /* no range is documented for it */
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_registry registry = {
            .has_max_user_port = true,
            .max_user_port = cases[i].max_user_port,
            .in_force = cases[i].in_force,
        };
        struct hm_legacy_range range;
        struct hm_arena arena;

        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(
            hm_legacy_range(&registry, NULL, false, cases[i].remembered, &arena, &range, NULL),
            HM_OK);
        assert_int_equal(registry.range_contradicted, cases[i].contradicted);
        hm_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_outside),
        cmocka_unit_test(test_strays_beside_a_nameless_pool),
        cmocka_unit_test(test_remembered_port_contradicts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
