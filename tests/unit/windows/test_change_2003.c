/* tests/unit/windows/test_change_2003.c — changes in the registry: 2000, XP and 2003 know no netsh.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "tests/support/windows_registry.h"

#define TCPIP "SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
#define TIMEOUT_MS 20000

static const struct hm_os os_2003 = {.family = HM_OS_WINDOWS, .version = "5.2.3790"};

struct fixture {
    struct hm_netsh *netsh;
    struct hm_arena arena;
    struct hm_err err;
};

static void clear(void)
{
    hm_test_reg_remove(TCPIP, "MaxUserPort");
    hm_test_reg_remove(TCPIP, "ReservedPorts");
    hm_test_reg_remove(TCPIP, "TcpTimedWaitDelay");
}

static int set_up(void **state)
{
    static struct fixture fixture;

    clear();
    hm_test_reg_u32(TCPIP, "Havenmaster", 60); /* so that the key is there */
    memset(&fixture, 0, sizeof(fixture));
    hm_arena_init(&fixture.arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    *state = &fixture;
    return hm_netsh_open(&fixture.netsh, &fixture.err) == HM_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    hm_netsh_close(fixture->netsh);
    hm_arena_fini(&fixture->arena);
    hm_test_reg_remove(TCPIP, "Havenmaster");
    clear();
    return 0;
}

static enum hm_status change(struct fixture *fixture, const struct hm_os *os,
                             const struct hm_action *action)
{
    return hm_windows_change(fixture->netsh, os, action, TIMEOUT_MS, &fixture->arena,
                             &fixture->err);
}

static void test_max_user_port(void **state)
{
    struct fixture *fixture = *state;
    struct hm_action action = {
        .kind = HM_ACTION_SET_RANGE, .has_range = true, .range = {1025, 60000}
    };
    uint32_t value = 0;
    bool found = false;

    assert_int_equal(change(fixture, &os_2003, &action), HM_OK);
    assert_int_equal(
        hm_registry_u32(HM_WINDOWS_TCPIP_KEY, L"MaxUserPort", &found, &value, &fixture->err),
        HM_OK);
    assert_true(found);
    assert_int_equal(value, 60000);
    action.unset = true;
    for (int i = 0; i < 2; i++) { /* the second time it is gone already */
        assert_int_equal(change(fixture, &os_2003, &action), HM_OK);
        assert_int_equal(
            hm_registry_u32(HM_WINDOWS_TCPIP_KEY, L"MaxUserPort", &found, &value, &fixture->err),
            HM_OK);
        assert_false(found);
    }
    /* What somebody wrote there is not ours to lose. */
    hm_test_reg_text(TCPIP, "MaxUserPort", "60000");
    assert_int_equal(change(fixture, &os_2003, &action), HM_EUNSUPPORTED);
    action.unset = false;
    assert_int_equal(change(fixture, &os_2003, &action), HM_EUNSUPPORTED);
    assert_int_equal(hm_netsh_started(fixture->netsh), 0);
}

/* ---- TcpTimedWaitDelay --------------------------------------------------------------------- */

static bool read_delay(struct fixture *fixture, uint32_t *out_s)
{
    bool found = false;

    assert_int_equal(
        hm_registry_u32(HM_WINDOWS_TCPIP_KEY, L"TcpTimedWaitDelay", &found, out_s, &fixture->err),
        HM_OK);
    return found;
}

/* Written, read again, another one, and gone; later systems can be put back after an upgrade. */
static void test_timed_wait_delay(void **state)
{
    static const struct hm_os os_2008 = {.family = HM_OS_WINDOWS, .version = "6.0.6003"};
    static const struct hm_os *const systems[] = {&os_2003, &os_2008};
    struct fixture *fixture = *state;
    struct hm_action action = {.kind = HM_ACTION_SET_TIMED_WAIT_DELAY};
    const struct hm_action unset = {.kind = HM_ACTION_SET_TIMED_WAIT_DELAY, .unset = true};

    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        struct hm_inventory inventory = {.os = os_2003};
        uint32_t s = 0;

        action.has_timed_wait_delay_s = false;
        assert_int_equal(change(fixture, systems[i], &action), HM_EINVAL); /* neither nor */
        action.has_timed_wait_delay_s = true;
        action.timed_wait_delay_s = 60;
        assert_int_equal(change(fixture, systems[i], &action), HM_OK);
        assert_true(read_delay(fixture, &s));
        assert_int_equal(s, 60);
        assert_int_equal(
            hm_windows_reread(fixture->netsh, NULL, &fixture->arena, &inventory, &fixture->err),
            HM_OK);
        assert_true(inventory.registry.has_tcp_timed_wait_delay_s);
        assert_int_equal(inventory.registry.tcp_timed_wait_delay_s, 60);
        action.timed_wait_delay_s = 240;
        assert_int_equal(change(fixture, systems[i], &action), HM_OK);
        assert_true(read_delay(fixture, &s));
        assert_int_equal(s, 240);
        for (int k = 0; k < 2; k++) { /* the second time it is gone already */
            assert_int_equal(change(fixture, systems[i], &unset), HM_OK);
            assert_false(read_delay(fixture, &s));
        }
    }
    /* What somebody wrote there is not ours to lose. */
    hm_test_reg_text(TCPIP, "TcpTimedWaitDelay", "60");
    assert_int_equal(change(fixture, &os_2003, &action), HM_EUNSUPPORTED);
    assert_int_equal(change(fixture, &os_2003, &unset), HM_EUNSUPPORTED);
    assert_int_equal(hm_netsh_started(fixture->netsh), 0);
}

/* ---- ReservedPorts ------------------------------------------------------------------------- */

static struct hm_action reserve(const char **lines, size_t count)
{
    return (struct hm_action){
        .kind = HM_ACTION_SET_RESERVED_PORTS, .lines = {lines, count}
    };
}

static void assert_reserved(const char *bytes, unsigned long len)
{
    char stands[256] = "";
    unsigned long type;
    unsigned long stands_len;

    hm_test_reg_get(TCPIP, "ReservedPorts", &type, stands, sizeof(stands), &stands_len);
    assert_int_equal(type, REG_MULTI_SZ);
    assert_int_equal(stands_len, len);
    assert_memory_equal(stands, bytes, len);
}

static void test_reserved_ports(void **state)
{
    static const char *lines[] = {"1433-1434", "9506-9507", "\xc3\xa9t\xc3\xa9"};
    struct fixture *fixture = *state;
    struct hm_action action = reserve(lines, 3);
    unsigned long type = 9;
    unsigned long len = 9;
    char bytes[16];

    assert_int_equal(change(fixture, &os_2003, &action), HM_OK);
    assert_reserved("1433-1434\0009506-9507\000\xe9t\xe9\0", 25); /* asked in the ANSI code page */
    action = reserve(lines + 1, 1);
    assert_int_equal(change(fixture, &os_2003, &action), HM_OK);
    assert_reserved("9506-9507\0", 11);
    /* An empty list is one; it was there before us. */
    action = reserve(lines, 0);
    assert_int_equal(change(fixture, &os_2003, &action), HM_OK);
    assert_reserved("", 1);
    action.before_unset = true;
    assert_int_equal(change(fixture, &os_2003, &action), HM_OK);
    hm_test_reg_get(TCPIP, "ReservedPorts", &type, bytes, sizeof(bytes), &len);
    assert_int_equal(type, 0);
    action = reserve(lines, 3);
    action.unset = true;
    assert_int_equal(change(fixture, &os_2003, &action), HM_OK);
}

struct lost_case {
    unsigned long type;
    const wchar_t *chars;
    size_t count;
    enum hm_status status;
};

static const struct lost_case lost_cases[] = {
    {REG_MULTI_SZ, L"1-1\0002-2\0",     9,  HM_OK          },
    {REG_MULTI_SZ, L"1-1\0002-2",       7,  HM_OK          }, /* no end: the same lines */
    {REG_MULTI_SZ, L"1-1\000\0002-2\0", 10, HM_EUNSUPPORTED}, /* an empty line hides the others */
    {REG_MULTI_SZ, L"1-\xd800\0",       5,  HM_EUNSUPPORTED}, /* half a character */
    {REG_SZ,       L"1-1",              4,  HM_EUNSUPPORTED},
};

/* What cannot be brought back as it stood stays. */
static void test_reserved_ports_kept(void **state)
{
    static const char *lines[] = {"9506-9507"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(lost_cases); i++) {
        const struct lost_case *row = &lost_cases[i];
        struct hm_action action = reserve(lines, 1);
        unsigned char bytes[64];
        HKEY key;
        DWORD type = 0;
        DWORD len = sizeof(bytes);

        assert_int_equal(RegOpenKeyExA(HKEY_LOCAL_MACHINE, TCPIP, 0, KEY_ALL_ACCESS, &key),
                         ERROR_SUCCESS);
        for (int unset = 0; unset < 2; unset++) {
            action.unset = unset == 1;
            assert_int_equal(RegSetValueExW(key, L"ReservedPorts", 0, row->type,
                                            (const BYTE *)row->chars,
                                            (DWORD)(row->count * sizeof(wchar_t))),
                             ERROR_SUCCESS);
            assert_int_equal(change(fixture, &os_2003, &action), row->status);
            if (row->status == HM_OK) {
                continue;
            }
            len = sizeof(bytes);
            assert_int_equal(RegQueryValueExW(key, L"ReservedPorts", NULL, &type, bytes, &len),
                             ERROR_SUCCESS);
            assert_int_equal(type, row->type);
            assert_int_equal(len, row->count * sizeof(wchar_t));
            assert_memory_equal(bytes, row->chars, len);
        }
        (void)RegCloseKey(key);
    }
}

/* What was in force before a change is in force until the next boot. */
static void test_reread_2003(void **state)
{
    static const char *lines[] = {"9506-9507"};
    struct fixture *fixture = *state;
    struct hm_stack before[] = {
        {.protocol = HM_TCP, .family = HM_IPV4, .has_dynamic = true, .dynamic = {1024, 5000}},
        {.protocol = HM_UDP, .family = HM_IPV4, .has_dynamic = true, .dynamic = {1024, 5000}},
    };
    struct hm_inventory inventory = {
        .os = os_2003,
        .stacks = {before, 2},
        .has_registry = true,
        .registry = {.in_force = HM_IN_FORCE_WRITTEN     },
    };
    const struct hm_action action = reserve(lines, 1);
    struct hm_ports excluded;
    bool known;

    assert_int_equal(change(fixture, &os_2003, &action), HM_OK);
    hm_test_reg_u32(TCPIP, "MaxUserPort", 60000);
    for (int i = 0; i < 2; i++) { /* read again, it is the same */
        assert_int_equal(
            hm_windows_reread(fixture->netsh, NULL, &fixture->arena, &inventory, &fixture->err),
            HM_OK);
        assert_int_equal(inventory.stacks.count, 2);
        assert_int_equal(inventory.stacks.at[0].dynamic.last, 5000);
        assert_true(inventory.stacks.at[0].has_next_dynamic);
        assert_int_equal(inventory.stacks.at[0].next_dynamic.last, 60000);
        assert_true(inventory.registry.has_reserved_ports);
        assert_string_equal(inventory.registry.reserved_ports.at[0], "9506-9507");
        assert_int_equal(inventory.registry.in_force, HM_IN_FORCE_EARLIER);
        assert_int_equal(hm_inventory_excluded(&inventory, HM_UDP, HM_IPV4, &fixture->arena, &known,
                                               &excluded, &fixture->err),
                         HM_OK);
        assert_int_equal(excluded.count, 0);
    }
    assert_int_equal(hm_netsh_started(fixture->netsh), 0); /* it has no such listings */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_max_user_port),       TEST(test_timed_wait_delay), TEST(test_reserved_ports),
        TEST(test_reserved_ports_kept), TEST(test_reread_2003),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
