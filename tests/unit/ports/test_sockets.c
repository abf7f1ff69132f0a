/* tests/unit/ports/test_sockets.c — which sockets become listeners of the inventory.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/sockets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"

#define ARENA_BYTES (64u * 1024u * 1024u)
#define POOL 2500

static struct hm_stack stacks_at[] = {
    {.protocol = HM_UDP, .family = HM_IPV4, .has_dynamic = true, .dynamic = {49152, 65535}},
    {.protocol = HM_UDP, .family = HM_IPV6, .has_dynamic = true, .dynamic = {49152, 65535}},
};
static const struct hm_stacks stacks = {stacks_at, HM_COUNT(stacks_at)};

struct one {
    struct hm_socket socket;
    bool listed;
    enum hm_listener_kind kind;
};

#define SOCKET(protocol, state, port, pid, program)                                                \
    {                                                                                              \
        protocol, HM_IPV4, state, "0.0.0.0", port, "", pid, program, "", false,                    \
        {                                                                                          \
            NULL, 0                                                                                \
        }                                                                                          \
    }

static const struct one ones[] = {
    {SOCKET(HM_TCP, HM_SOCKET_LISTEN,      1433,  8, "sqlservr.exe"), true,  HM_KIND_SOCKET },
    {SOCKET(HM_TCP, HM_SOCKET_LISTEN,      50000, 8, "x.exe"),        true,  HM_KIND_SOCKET },
    {SOCKET(HM_TCP, HM_SOCKET_ESTABLISHED, 50001, 8, "x.exe"),        false, HM_KIND_SOCKET },
    {SOCKET(HM_TCP, HM_SOCKET_TIME_WAIT,   50002, 0, ""),             false, HM_KIND_SOCKET },
    {SOCKET(HM_TCP, HM_SOCKET_BOUND,       50003, 8, "x.exe"),        false, HM_KIND_SOCKET },
    {SOCKET(HM_UDP, HM_SOCKET_LISTEN,      53,    9, "dns.exe"),      true,  HM_KIND_SOCKET },
    {SOCKET(HM_UDP, HM_SOCKET_ESTABLISHED, 60000, 9, "dns.exe"),      false, HM_KIND_SOCKET },
    {SOCKET(HM_TCP, HM_SOCKET_LISTEN,      445,   4, "System"),       true,  HM_KIND_KERNEL },
    {SOCKET(HM_TCP, HM_SOCKET_LISTEN,      5985,  4, "System"),       true,  HM_KIND_HTTPSYS},
    {SOCKET(HM_TCP, HM_SOCKET_LISTEN,      8530,  4, ""),             true,  HM_KIND_HTTPSYS},
    {SOCKET(HM_TCP, HM_SOCKET_LISTEN,      8531,  4, "app"),          true,  HM_KIND_SOCKET },
    {SOCKET(HM_UDP, HM_SOCKET_LISTEN,      443,   4, "System"),       true,  HM_KIND_QUIC   },
    {SOCKET(HM_UDP, HM_SOCKET_LISTEN,      137,   4, "System"),       true,  HM_KIND_KERNEL },
    {SOCKET(HM_UDP, HM_SOCKET_LISTEN,      1900,  7, "svchost.exe"),  true,  HM_KIND_SHARED },
    {SOCKET(HM_UDP, HM_SOCKET_LISTEN,      5353,  7, "chrome.exe"),   true,  HM_KIND_SHARED },
    {SOCKET(HM_TCP, HM_SOCKET_LISTEN,      1900,  7, "x.exe"),        true,  HM_KIND_SOCKET },
};

static void test_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(ones); i++) {
        struct hm_socket copy = ones[i].socket;
        const struct hm_sockets sockets = {&copy, 1};
        struct hm_listeners listeners;
        struct hm_arena arena;

        print_message("port %u of %s\n", copy.port, copy.program);
        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(hm_sockets_to_listeners(&sockets, &stacks, &arena, &listeners, NULL),
                         HM_OK);
        assert_int_equal(listeners.count, ones[i].listed ? 1 : 0);
        if (ones[i].listed) {
            assert_int_equal(listeners.at[0].kind, ones[i].kind);
            assert_int_equal(listeners.at[0].port, copy.port);
            assert_string_equal(listeners.at[0].program, copy.program);
        }
        hm_arena_fini(&arena);
    }
}

/* count UDP sockets of one process in the dynamic range, and port 53. */
static size_t listed_of_pool(size_t count, const struct hm_stacks *of, uint32_t pid)
{
    static struct hm_socket at[POOL + 1];
    const struct hm_sockets sockets = {at, count + 1};
    struct hm_listeners listeners;
    struct hm_arena arena;

    for (size_t i = 0; i <= count; i++) {
        at[i] = (struct hm_socket)SOCKET(HM_UDP, HM_SOCKET_LISTEN, (uint16_t)(49152 + i), pid,
                                         "dns.exe");
        at[i].family = i % 2 == 0 ? HM_IPV4 : HM_IPV6;
    }
    at[count].port = 53;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_sockets_to_listeners(&sockets, of, &arena, &listeners, NULL), HM_OK);
    hm_arena_fini(&arena);
    return listeners.count;
}

static void test_pool(void **state)
{
    const struct hm_stacks unknown = {NULL, 0};

    (void)state;
    assert_int_equal(listed_of_pool(POOL, &stacks, 9), 1); /* only port 53 */
    assert_int_equal(listed_of_pool(HM_UDP_POOL_MIN + 1, &stacks, 9), 1);
    assert_int_equal(listed_of_pool(HM_UDP_POOL_MIN, &stacks, 9), HM_UDP_POOL_MIN + 1);
    assert_int_equal(listed_of_pool(HM_UDP_POOL_MIN + 1, &stacks, 0), 1); /* by name */
    assert_int_equal(listed_of_pool(3, &unknown, 9), 4);
    assert_int_equal(listed_of_pool(POOL, &unknown, 9), 0); /* any port may be random */
}

static void test_processes_count_apart(void **state)
{
    struct hm_socket at[HM_UDP_POOL_MIN * 2];
    const struct hm_sockets sockets = {at, HM_COUNT(at)};
    struct hm_listeners listeners;
    struct hm_arena arena;

    (void)state;
    for (size_t i = 0; i < HM_COUNT(at); i++) {
        at[i] = (struct hm_socket)SOCKET(HM_UDP, HM_SOCKET_LISTEN, (uint16_t)(60000 + i),
                                         (uint32_t)(100 + i % 2), "svchost.exe");
    }
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_sockets_to_listeners(&sockets, &stacks, &arena, &listeners, NULL), HM_OK);
    assert_int_equal(listeners.count, HM_COUNT(at));
    for (size_t i = 1; i < listeners.count; i++) {
        assert_true(listeners.at[i].port > listeners.at[i - 1].port); /* sorted */
    }
    hm_arena_fini(&arena);
}

/* However many: a document folds them (listener_ranges.h). */
static void test_many(void **state)
{
    static struct hm_socket at[60000];
    struct hm_sockets sockets = {at, HM_COUNT(at)};
    struct hm_listeners listeners;
    struct hm_arena arena;

    (void)state;
    for (size_t i = 0; i < HM_COUNT(at); i++) {
        at[i] = (struct hm_socket)SOCKET(HM_TCP, HM_SOCKET_LISTEN, (uint16_t)i, 1, "x");
    }
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_sockets_to_listeners(&sockets, &stacks, &arena, &listeners, NULL), HM_OK);
    assert_int_equal(listeners.count, HM_COUNT(at));
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_processes_count_apart),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
