/* tests/unit/ports/test_in_force.c — what is in force, and what the next boot makes of it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/ports/in_force.h"

#define ARENA_BYTES (1024u * 1024u)

static const char *written_lines[] = {"1812-1813"};
static const char *earlier_lines[] = {"3343-3343"};

/* One legacy host; 0 = MaxUserPort is not set. The range in force is what the platform found. */
struct row {
    const char *version;
    enum hm_in_force in_force;
    uint32_t max_user_port;
    uint32_t earlier_max_user_port;
    struct hm_range dynamic;
    const char *excluded_now;
    const char *excluded_next;
    struct hm_range dynamic_next; /* 0-0 unknown */
    bool differs;
};

#define W2003 "5.2.3790"

/* clang-format off */
static const struct row rows[] = {
    {W2003, HM_IN_FORCE_ASSUMED, 0, 0, {1024, 5000}, "1812-1813", "1812-1813", {1024, 5000}, false},
    {W2003, HM_IN_FORCE_WRITTEN, 60000, 0, {1024, 60000}, "1812-1813", "1812-1813", {1024, 60000},
     false},
    {W2003, HM_IN_FORCE_EARLIER, 0, 0, {1024, 5000}, "3343", "1812-1813", {1024, 5000}, true},
    {W2003, HM_IN_FORCE_EARLIER, 65534, 0, {1024, 5000}, "3343", "1812-1813", {1024, 65534}, true},
    {W2003, HM_IN_FORCE_EARLIER, 0, 60000, {1024, 60000}, "3343", "1812-1813", {1024, 5000}, true},
    {W2003, HM_IN_FORCE_EARLIER, 65535, 0, {1024, 5000}, "3343", "1812-1813", {0, 0}, true},
    /* what sockets have shown stays where the value stays */
    {W2003, HM_IN_FORCE_EARLIER, 65535, 65535, {1024, 65534}, "3343", "1812-1813", {1024, 65534},
     true},
    {W2003, HM_IN_FORCE_UNKNOWN, 60000, 0, {0, 0}, "", "1812-1813", {1024, 60000}, true},
    {"5.0.2195", HM_IN_FORCE_UNKNOWN, 0, 0, {1024, 5000}, "", "1812-1813", {1024, 5000}, true},
    {"5.1.2600", HM_IN_FORCE_EARLIER, 0, 0, {1024, 5000}, "3343", "1812-1813", {1024, 5000}, true},
};
/* clang-format on */

static void expect_ports(const struct hm_inventory *inventory, struct hm_arena *arena,
                         const char *expected)
{
    struct hm_ports ports;
    bool known;

    assert_int_equal(hm_inventory_excluded(inventory, HM_UDP, HM_IPV4, arena, &known, &ports, NULL),
                     HM_OK);
    assert_true(known);
    assert_string_equal(hm_ports_text(ports, arena), expected);
}

static void check(const struct row *row, struct hm_arena *arena)
{
    struct hm_stack stack = {.protocol = HM_UDP,
                             .family = HM_IPV4,
                             .has_dynamic = row->dynamic.last > 0,
                             .dynamic = row->dynamic,
                             .has_administered = true,
                             .has_runtime = true};
    struct hm_tcpip_values earlier = {
        .has_reserved_ports = true,
        .has_max_user_port = row->earlier_max_user_port > 0,
        .max_user_port = row->earlier_max_user_port,
    };
    struct hm_inventory inventory = {.has_registry = true};
    struct hm_inventory next;
    bool differs;

    earlier.reserved_ports = (struct hm_strings){earlier_lines, 1};
    inventory.os = (struct hm_os){.family = HM_OS_WINDOWS, .version = row->version};
    inventory.stacks = (struct hm_stacks){&stack, 1};
    inventory.registry = (struct hm_registry){
        .has_reserved_ports = true,
        .has_max_user_port = row->max_user_port > 0,
        .max_user_port = row->max_user_port,
        .in_force = row->in_force,
        .has_earlier = row->in_force == HM_IN_FORCE_EARLIER,
        .earlier = earlier,
    };
    inventory.registry.reserved_ports = (struct hm_strings){written_lines, 1};
    expect_ports(&inventory, arena, row->excluded_now);
    assert_int_equal(hm_inventory_next(&inventory, arena, &differs, &next, NULL), HM_OK);
    assert_int_equal(differs, row->differs);
    expect_ports(&next, arena, row->excluded_next);
    assert_int_equal(next.stacks.at[0].has_dynamic, row->dynamic_next.last > 0);
    assert_int_equal(next.stacks.at[0].dynamic.first, row->dynamic_next.first);
    assert_int_equal(next.stacks.at[0].dynamic.last, row->dynamic_next.last);
    assert_int_equal(stack.dynamic.last, row->dynamic.last); /* the inventory itself stays */
}

static void test_legacy(void **state)
{
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        check(&rows[i], &arena);
    }
    hm_arena_fini(&arena);
}

static void test_other_systems(void **state)
{
    struct hm_range kept = {8080, 8080};
    struct hm_stack stack = {
        .protocol = HM_TCP,
        .has_dynamic = true,
        .dynamic = {32768, 60999},
        .has_administered = true,
        .administered = {&kept, 1    },
        .has_runtime = true
    };
    struct hm_inventory inventory = {
        .os = {.family = HM_OS_LINUX, .version = "6.1.0"},
          .stacks = {&stack,                1                 }
    };
    struct hm_inventory next;
    struct hm_arena arena;
    bool differs;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_inventory_next(&inventory, &arena, &differs, &next, NULL), HM_OK);
    assert_false(differs);
    stack.has_next_administered = true;
    stack.has_next_dynamic = true;
    stack.next_dynamic = (struct hm_range){1024, 65535};
    assert_int_equal(hm_inventory_next(&inventory, &arena, &differs, &next, NULL), HM_OK);
    assert_true(differs);
    assert_int_equal(next.stacks.at[0].administered.count, 0);
    assert_int_equal(next.stacks.at[0].dynamic.first, 1024);
    assert_false(next.stacks.at[0].has_next_dynamic);
    assert_false(next.stacks.at[0].has_next_administered);
    hm_arena_fini(&arena);
}

static void test_values_of_max_user_port(void **state)
{
    static const struct {
        uint32_t value;
        uint16_t last; /* 0 = not documented */
    } values[] = {
        {0,     0    },
        {4999,  0    },
        {5000,  5000 },
        {60000, 60000},
        {65534, 65534},
        {65535, 0    },
        {70000, 0    },
    };
    struct hm_tcpip_values unset = {.has_max_user_port = false};
    struct hm_range range;

    (void)state;
    assert_true(hm_legacy_dynamic(&unset, &range));
    assert_int_equal(range.first, 1024);
    assert_int_equal(range.last, 5000);
    for (size_t i = 0; i < HM_COUNT(values); i++) {
        struct hm_tcpip_values set = {.has_max_user_port = true, .max_user_port = values[i].value};

        assert_int_equal(hm_legacy_dynamic(&set, &range), values[i].last > 0);
        if (values[i].last > 0) {
            assert_int_equal(range.last, values[i].last);
        }
    }
}

/* ---- what an agent knows over its restarts ------------------------------------------------- */

#define BOOT_MS 1000000
#define LATE_MS (BOOT_MS + 120001)

static const struct hm_tcpip_values values_a = {.has_max_user_port = true, .max_user_port = 60000};
static const struct hm_tcpip_values values_b = {.has_max_user_port = true, .max_user_port = 65534};

struct decision {
    int64_t written_ms;         /* 0 unknown, as is the boot then */
    const char *memory_boot_id; /* NULL nobody remembers */
    enum hm_in_force memory_in_force;
    char first; /* 'a' or 'b' */
    char last;
    char now;
    enum hm_in_force in_force;
};

/* clang-format off */
static const struct decision decisions[] = {
    {0, NULL, HM_IN_FORCE_ASSUMED, 'a', 'a', 'b', HM_IN_FORCE_ASSUMED},
    {BOOT_MS - 1, NULL, HM_IN_FORCE_ASSUMED, 'a', 'a', 'b', HM_IN_FORCE_WRITTEN},
    {BOOT_MS, NULL, HM_IN_FORCE_ASSUMED, 'a', 'a', 'b', HM_IN_FORCE_WRITTEN},
    {BOOT_MS + 1, NULL, HM_IN_FORCE_ASSUMED, 'a', 'a', 'b', HM_IN_FORCE_ASSUMED},
    {BOOT_MS + 120000, NULL, HM_IN_FORCE_ASSUMED, 'a', 'a', 'b', HM_IN_FORCE_ASSUMED},
    {LATE_MS, NULL, HM_IN_FORCE_ASSUMED, 'a', 'a', 'b', HM_IN_FORCE_UNKNOWN},
    /* as they stood before the boot: DHCP has written something else since */
    {LATE_MS, "before", HM_IN_FORCE_WRITTEN, 'a', 'b', 'b', HM_IN_FORCE_WRITTEN},
    {0, "before", HM_IN_FORCE_WRITTEN, 'a', 'b', 'b', HM_IN_FORCE_WRITTEN},
    {LATE_MS, "before", HM_IN_FORCE_WRITTEN, 'a', 'a', 'b', HM_IN_FORCE_UNKNOWN},
    {BOOT_MS - 1, "before", HM_IN_FORCE_WRITTEN, 'a', 'a', 'b', HM_IN_FORCE_WRITTEN},
    /* in this boot */
    {LATE_MS, "now", HM_IN_FORCE_WRITTEN, 'a', 'a', 'a', HM_IN_FORCE_WRITTEN},
    {LATE_MS, "now", HM_IN_FORCE_WRITTEN, 'a', 'a', 'b', HM_IN_FORCE_EARLIER},
    {BOOT_MS - 1, "now", HM_IN_FORCE_WRITTEN, 'a', 'a', 'b', HM_IN_FORCE_EARLIER},
    {0, "now", HM_IN_FORCE_ASSUMED, 'a', 'a', 'b', HM_IN_FORCE_EARLIER},
    /* and back */
    {0, "now", HM_IN_FORCE_ASSUMED, 'a', 'b', 'a', HM_IN_FORCE_ASSUMED},
    {LATE_MS, "now", HM_IN_FORCE_UNKNOWN, 'a', 'a', 'b', HM_IN_FORCE_UNKNOWN},
    {LATE_MS, "now", HM_IN_FORCE_UNKNOWN, 'a', 'b', 'a', HM_IN_FORCE_UNKNOWN},
    {LATE_MS, "", HM_IN_FORCE_WRITTEN, 'a', 'b', 'b', HM_IN_FORCE_UNKNOWN},
};
/* clang-format on */

static void check_decision(const struct decision *row)
{
    struct hm_registry registry = {.has_max_user_port = true,
                                   .max_user_port = row->now == 'a' ? 60000 : 65534};
    const struct hm_tcpip_times times = {
        .has_boot = row->written_ms > 0,
        .boot_ms = BOOT_MS,
        .has_written = row->written_ms > 0,
        .written_ms = row->written_ms,
    };
    const struct hm_tcpip_memory memory = {
        .boot_id = row->memory_boot_id,
        .in_force = row->memory_in_force,
        .first = row->first == 'a' ? values_a : values_b,
        .last = row->last == 'a' ? values_a : values_b,
    };

    hm_tcpip_decide(&registry, &times, "now", row->memory_boot_id == NULL ? NULL : &memory);
    assert_int_equal(registry.in_force, row->in_force);
    assert_int_equal(registry.has_earlier, row->in_force == HM_IN_FORCE_EARLIER);
    if (registry.has_earlier) {
        assert_int_equal(registry.earlier.max_user_port, 60000);
    }
}

static void test_decisions(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(decisions); i++) {
        check_decision(&decisions[i]);
    }
}

static void write_value(struct hm_registry *registry, const struct hm_tcpip_memory *memory,
                        const char *boot_id, uint32_t value)
{
    static const struct hm_tcpip_times none;

    registry->has_max_user_port = value > 0;
    registry->max_user_port = value;
    hm_tcpip_decide(registry, &none, boot_id, memory);
}

/* One host over two boots, as an agent sees it. */
static void test_memory_over_boots(void **state)
{
    struct hm_registry registry = {.in_force = HM_IN_FORCE_ASSUMED};
    struct hm_tcpip_memory memory = {.boot_id = NULL};
    struct hm_tcpip_memory next;

    (void)state;
    write_value(&registry, &memory, "one", 0);
    assert_int_equal(registry.in_force, HM_IN_FORCE_ASSUMED);
    assert_true(hm_tcpip_remember(&registry, "one", 4000, &memory, &next));
    memory = next;
    assert_int_equal(hm_tcpip_highest(&memory, "one"), 4000);
    assert_int_equal(hm_tcpip_highest(&memory, "two"), 0);
    assert_false(hm_tcpip_remember(&registry, "one", 3000, &memory, &next));
    assert_int_equal(next.highest, 4000);

    write_value(&registry, &memory, "one", 65534); /* somebody changes it */
    assert_int_equal(registry.in_force, HM_IN_FORCE_EARLIER);
    assert_false(registry.earlier.has_max_user_port);
    assert_true(hm_tcpip_remember(&registry, "one", 3000, &memory, &next));
    memory = next;
    assert_false(memory.first.has_max_user_port);
    assert_int_equal(memory.last.max_user_port, 65534);

    write_value(&registry, &memory, "two", 65534); /* the boot */
    assert_int_equal(registry.in_force, HM_IN_FORCE_WRITTEN);
    assert_true(hm_tcpip_remember(&registry, "two", 0, &memory, &next));
    memory = next;
    assert_int_equal(memory.first.max_user_port, 65534);

    registry.in_force = HM_IN_FORCE_UNKNOWN; /* a socket contradicts it */
    assert_true(hm_tcpip_remember(&registry, "two", 0, &memory, &next));
    memory = next;
    write_value(&registry, &memory, "two", 65534); /* and is gone again */
    assert_int_equal(registry.in_force, HM_IN_FORCE_UNKNOWN);
}

/* The DNS Server was given a reserved port. Its socket is gone at the next observation, and the
 * contradiction stays until the next boot, whatever is written meanwhile. */
static void test_contradicted_until_the_next_boot(void **state)
{
    struct hm_registry registry = {.in_force = HM_IN_FORCE_ASSUMED};
    struct hm_tcpip_memory memory = {.boot_id = NULL};
    struct hm_tcpip_memory next;

    (void)state;
    write_value(&registry, &memory, "one", 60000);
    registry.in_force = HM_IN_FORCE_UNKNOWN; /* as hm_legacy_range does */
    registry.contradicted = true;
    assert_true(hm_tcpip_remember(&registry, "one", 0, &memory, &next));
    for (uint32_t value = 60000; value <= 60001; value++) {
        memory = next;
        write_value(&registry, &memory, "one", value);
        assert_int_equal(registry.in_force, HM_IN_FORCE_UNKNOWN);
        assert_true(registry.contradicted);
        assert_int_equal(hm_tcpip_remember(&registry, "one", 0, &memory, &next), value > 60000);
    }
    memory = next;
    write_value(&registry, &memory, "two", 60001);
    assert_int_equal(registry.in_force, HM_IN_FORCE_WRITTEN);
    assert_false(registry.contradicted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_legacy),
        cmocka_unit_test(test_other_systems),
        cmocka_unit_test(test_values_of_max_user_port),
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_memory_over_boots),
        cmocka_unit_test(test_contradicted_until_the_next_boot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
