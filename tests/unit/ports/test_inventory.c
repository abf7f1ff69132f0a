/* tests/unit/ports/test_inventory.c — order, generations of Windows, and what is excluded.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/inventory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_BYTES (1024u * 1024u)

struct generation {
    enum hm_os_family family;
    const char *version;
    bool legacy;
    bool needs_kb;
    const char *dynamic; /* NULL = unknown */
};

static const struct generation generations[] = {
    {HM_OS_WINDOWS, "4.0",            false, false, "1025-5000"  }, /* NT 4.0 */
    {HM_OS_WINDOWS, "5.0.2195",       true,  false, "1025-5000"  }, /* 2000 */
    {HM_OS_WINDOWS, "5.1.2600",       true,  false, "1025-5000"  }, /* XP */
    {HM_OS_WINDOWS, "5.2.3790",       true,  false, "1025-5000"  }, /* 2003 */
    {HM_OS_WINDOWS, "6.0.6002",       false, true,  "49152-65535"}, /* 2008 */
    {HM_OS_WINDOWS, "6.1.7601",       false, true,  "49152-65535"}, /* 2008 R2 */
    {HM_OS_WINDOWS, "6.2.9200",       false, false, "49152-65535"}, /* 2012 */
    {HM_OS_WINDOWS, "6.3.9600",       false, false, "49152-65535"}, /* 2012 R2 */
    {HM_OS_WINDOWS, "10.0.17763",     false, false, "49152-65535"}, /* 2019 */
    {HM_OS_WINDOWS, "10.0",           false, false, "49152-65535"},
    {HM_OS_WINDOWS, "",               false, false, NULL         },
    {HM_OS_WINDOWS, NULL,             false, false, NULL         },
    {HM_OS_WINDOWS, "5",              false, false, NULL         },
    {HM_OS_WINDOWS, "5.",             false, false, NULL         },
    {HM_OS_WINDOWS, "5.2x",           false, false, NULL         },
    {HM_OS_WINDOWS, "7.0.1",          false, false, NULL         },
    {HM_OS_WINDOWS, "99999999999.1",  false, false, NULL         },
    {HM_OS_WINDOWS, "unknown",        false, false, NULL         },
    {HM_OS_LINUX,   "6.1.0-21-amd64", false, false, "32768-60999"},
    {HM_OS_LINUX,   "5.2.0",          false, false, "32768-60999"},
};

static void test_generations(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(generations); i++) {
        const struct generation *row = &generations[i];
        const struct hm_os os = {.family = row->family, .version = row->version};
        struct hm_range range = {7, 7};
        struct hm_arena arena;

        print_message("%s\n", row->version == NULL ? "NULL" : row->version);
        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(hm_os_is_legacy(&os), row->legacy);
        assert_int_equal(hm_os_needs_kb2665809(&os), row->needs_kb);
        assert_int_equal(hm_os_default_dynamic(&os, &range), row->dynamic != NULL);
        assert_string_equal(hm_ports_text((struct hm_ports){&range, 1}, &arena),
                            row->dynamic != NULL ? row->dynamic : "7");
        hm_arena_fini(&arena);
    }
}

static void test_settle(void **state)
{
    struct hm_listener listeners[] = {
        {HM_UDP, HM_IPV4, "0.0.0.0",   53,  "dns.exe", "DNS", HM_KIND_SOCKET,  {NULL, 0}, 0},
        {HM_TCP, HM_IPV6, "::",        80,  "System",  "",    HM_KIND_HTTPSYS, {NULL, 0}, 0},
        {HM_TCP, HM_IPV4, "127.0.0.1", 80,  "b.exe",   "",    HM_KIND_SOCKET,  {NULL, 0}, 0},
        {HM_TCP, HM_IPV4, "0.0.0.0",   80,  "b.exe",   "",    HM_KIND_SOCKET,  {NULL, 0}, 0},
        {HM_TCP, HM_IPV4, "0.0.0.0",   80,  "a.exe",   "",    HM_KIND_SOCKET,  {NULL, 0}, 0},
        {HM_TCP, HM_IPV4, "0.0.0.0",   443, "a.exe",   "",    HM_KIND_SOCKET,  {NULL, 0}, 0},
        {HM_TCP, HM_IPV4, "0.0.0.0",   80,  "b.exe",   "",    HM_KIND_SOCKET,  {NULL, 0}, 0},
    };
    static const uint16_t ports[] = {80, 80, 80, 443, 80, 53};
    static const char *const programs[] = {"a.exe", "b.exe", "b.exe", "a.exe", "System", "dns.exe"};
    const char *services[] = {"W32Time", "DNS", "Dhcp", "DNS"};
    struct hm_inventory inventory = {
        .listeners = {listeners, HM_COUNT(listeners)},
        .services = {services,  HM_COUNT(services) },
    };

    (void)state;
    hm_inventory_settle(&inventory);
    assert_int_equal(inventory.listeners.count, HM_COUNT(ports));
    for (size_t i = 0; i < HM_COUNT(ports); i++) {
        assert_int_equal(inventory.listeners.at[i].port, ports[i]);
        assert_string_equal(inventory.listeners.at[i].program, programs[i]);
    }
    assert_string_equal(inventory.listeners.at[1].address, "0.0.0.0");
    assert_int_equal(inventory.services.count, 3);
    assert_string_equal(inventory.services.at[0], "DNS");
    assert_string_equal(inventory.services.at[1], "Dhcp");
    assert_string_equal(inventory.services.at[2], "W32Time");
    inventory = (struct hm_inventory){.has_services = true};
    hm_inventory_settle(&inventory); /* empty lists are fine */
    assert_int_equal(inventory.services.count, 0);
}

static void test_stack(void **state)
{
    struct hm_stack stacks[] = {
        {.protocol = HM_TCP, .family = HM_IPV4},
        {.protocol = HM_UDP, .family = HM_IPV6},
    };
    const struct hm_inventory inventory = {
        .stacks = {stacks, HM_COUNT(stacks)}
    };

    (void)state;
    assert_ptr_equal(hm_inventory_stack(&inventory, HM_TCP, HM_IPV4), &stacks[0]);
    assert_ptr_equal(hm_inventory_stack(&inventory, HM_UDP, HM_IPV6), &stacks[1]);
    assert_null(hm_inventory_stack(&inventory, HM_UDP, HM_IPV4));
    assert_int_equal(hm_stack_index(HM_TCP, HM_IPV4), 0);
    assert_int_equal(hm_stack_index(HM_TCP, HM_IPV6), 1);
    assert_int_equal(hm_stack_index(HM_UDP, HM_IPV4), 2);
    assert_int_equal(hm_stack_index(HM_UDP, HM_IPV6), 3);
    assert_string_equal(hm_protocol_names[HM_UDP], "udp");
    assert_string_equal(hm_family_names[HM_IPV6], "ipv6");
    assert_string_equal(hm_os_family_names[HM_OS_LINUX], "linux");
    assert_string_equal(hm_listener_kind_names[HM_KIND_SHARED], "shared");
}

/* One host and what it never hands out. */
struct excluded_case {
    const char *what;
    enum hm_os_family family;
    const char *version;
    bool has_stack;
    bool unsupported;
    const char *administered; /* NULL = unknown */
    const char *runtime;      /* NULL = unknown */
    bool has_registry;
    const char *reserved[4]; /* ends at NULL; none = value not set */
    bool known;
    const char *excluded;
};

/* clang-format off */
static const struct excluded_case excluded_cases[] = {
    {"modern", HM_OS_WINDOWS, "10.0.17763", true, false, "9933,9955",
     "5357,49152-49251,49252-49351", false, {NULL}, true, "5357,9933,9955,49152-49351"},
    {"modern ignores ReservedPorts", HM_OS_WINDOWS, "10.0.17763", true, false, "", "", true,
     {"9955-9955", NULL}, true, ""},
    {"runtime unknown", HM_OS_WINDOWS, "10.0.17763", true, false, "9955", NULL, true, {NULL},
     false, "9955"},
    {"nothing told", HM_OS_WINDOWS, "10.0.17763", false, false, NULL, NULL, true, {NULL}, false,
     ""},
    {"2008 without the command", HM_OS_WINDOWS, "6.0.6002", true, true, NULL, NULL, true,
     {"9955-9955", NULL}, true, ""},
    {"2003", HM_OS_WINDOWS, "5.2.3790", false, false, NULL, NULL, true, {"9469-9469", "9506-9507",
     NULL}, true, "9469,9506-9507"},
    {"2003, neighbours on two lines", HM_OS_WINDOWS, "5.2.3790", true, false, NULL, NULL, true,
     {"9506-9506", "9507-9507", NULL}, true, "9506"},
    {"2003, a line that Windows ignores", HM_OS_WINDOWS, "5.2.3790", true, false, NULL, NULL,
     true, {"9469", "9506-9507", NULL}, true, "9506-9507"},
    {"2003, value not set", HM_OS_WINDOWS, "5.2.3790", true, false, NULL, NULL, true, {NULL},
     true, ""},
    {"2003, registry not read", HM_OS_WINDOWS, "5.2.3790", true, false, NULL, NULL, false, {NULL},
     false, ""},
    {"Linux", HM_OS_LINUX, "6.1.0", true, false, "30000-32767", NULL, false, {NULL}, true,
     "30000-32767"},
    {"Linux, not read", HM_OS_LINUX, "6.1.0", true, false, NULL, NULL, false, {NULL}, false, ""},
};
/* clang-format on */

static struct hm_ports ports_of(const char *text, struct hm_arena *arena)
{
    struct hm_ports ports = {NULL, 0};

    if (text != NULL) {
        assert_int_equal(hm_ports_parse_kept(text, strlen(text), arena, &ports, NULL), HM_OK);
    }
    return ports;
}

static void test_excluded(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(excluded_cases); i++) {
        const struct excluded_case *row = &excluded_cases[i];
        const char *lines[4];
        struct hm_arena arena;
        struct hm_stack stack = {.protocol = HM_UDP, .family = HM_IPV6};
        struct hm_inventory inventory = {
            .os = {.family = row->family,   .version = row->version},
            .stacks = {&stack,                       row->has_stack ? 1 : 0},
            .has_registry = row->has_registry,
            .registry = {.reserved_ports = {lines, 0}},
        };
        struct hm_ports excluded;
        bool known;

        print_message("%s\n", row->what);
        hm_arena_init(&arena, ARENA_BYTES);
        stack.exclusions_unsupported = row->unsupported;
        stack.has_administered = row->administered != NULL;
        stack.administered = ports_of(row->administered, &arena);
        stack.has_runtime = row->runtime != NULL;
        stack.runtime = ports_of(row->runtime, &arena);
        while (row->reserved[inventory.registry.reserved_ports.count] != NULL) {
            size_t at = inventory.registry.reserved_ports.count++;

            lines[at] = row->reserved[at];
            inventory.registry.has_reserved_ports = true;
        }
        assert_int_equal(
            hm_inventory_excluded(&inventory, HM_UDP, HM_IPV6, &arena, &known, &excluded, NULL),
            HM_OK);
        assert_int_equal(known, row->known);
        assert_string_equal(hm_ports_text(excluded, &arena), row->excluded);
        hm_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generations),
        cmocka_unit_test(test_settle),
        cmocka_unit_test(test_stack),
        cmocka_unit_test(test_excluded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
