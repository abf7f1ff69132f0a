/* tests/unit/windows/test_change.c — what the platform changes, and what it says when the system
 * refuses: netsh that is busy, that denies, hangs, says nothing. test_change_2003.c: the registry.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Needs the netsh double in the system directory (tests/windows/prefix.sh). */
#include "agent/platform/windows/windows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/os/os.h"
#include "tests/support/handle_count.h"
#include "tests/support/windows_registry.h"

#define DOUBLE "SOFTWARE\\NetshDouble"
#define TCPIP "SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
#define NSI_TCP                                                                                    \
    "SYSTEM\\CurrentControlSet\\Control\\Nsi\\{eb004a03-9b1a-11d4-9123-0050047759bc}\\29"
#define NSI_UDP "SYSTEM\\CurrentControlSet\\Control\\Nsi\\{eb004a02-9b1a-11d4-9123-0050047759bc}\\5"
#define TEXT_BYTES 4096
#define TIMEOUT_MS 20000

static const struct hm_os os_2003 = {.family = HM_OS_WINDOWS, .version = "5.2.3790"};
static const struct hm_os os_2008r2 = {.family = HM_OS_WINDOWS, .version = "6.1.7601"};
static const struct hm_os os_2019 = {.family = HM_OS_WINDOWS, .version = "10.0.17763"};

struct fixture {
    struct hm_netsh *netsh;
    struct hm_arena arena;
    struct hm_err err;
};

static void clear(void)
{
    hm_test_reg_remove(TCPIP, "MaxUserPort");
    hm_test_reg_remove(TCPIP, "ReservedPorts");
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, DOUBLE);
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, NSI_TCP);
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, NSI_UDP);
}

static int set_up(void **state)
{
    static struct fixture fixture;

    clear();
    hm_test_reg_u32(TCPIP, "TcpTimedWaitDelay", 60); /* so that the key is there */
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
    hm_test_reg_remove(TCPIP, "TcpTimedWaitDelay");
    clear();
    return 0;
}

static void assert_double(const char *name, const char *expected)
{
    char text[TEXT_BYTES] = "";
    unsigned long type;
    unsigned long len;

    hm_test_reg_get(DOUBLE, name, &type, text, sizeof(text), &len);
    assert_string_equal(text, expected);
}

static enum hm_status change(struct fixture *fixture, const struct hm_os *os,
                             const struct hm_action *action)
{
    return hm_windows_change(fixture->netsh, os, action, TIMEOUT_MS, &fixture->arena,
                             &fixture->err);
}

static struct hm_action exclusion(enum hm_action_kind kind, enum hm_protocol protocol,
                                  enum hm_family family, struct hm_range *range)
{
    return (struct hm_action){
        .kind = kind,
        .has_protocol = true,
        .protocol = protocol,
        .has_family = true,
        .family = family,
        .ports = {range, 1},
    };
}

/* ---- exclusions ---------------------------------------------------------------------------- */

struct exclusion_case {
    const char *what;
    const struct hm_os *os;
    const char *name[2]; /* what the double is told */
    const char *value[2];
    enum hm_action_kind kind;
    struct hm_range range;
    enum hm_status status;
    const char *rows;    /* of tcp/ipv4 afterwards */
    const char *changes; /* that netsh was asked for */
};

#define ADD HM_ACTION_ADD_EXCLUSION
#define REMOVE HM_ACTION_REMOVE_EXCLUSION
#define ROWS "excluded-tcp-ipv4"
#define OTHERS "5357-5357,50000-50059*"
#define ADDED "ipv4 add tcp 9955 1 ok;"
#define NOT_ADDED "ipv4 add tcp 9955 1 refused;"
#define REMOVED "ipv4 delete tcp 9955 1 ok;"
#define NOT_REMOVED "ipv4 delete tcp 9955 1 refused;"

static const struct exclusion_case exclusion_cases[] = {
    {"free",
     &os_2019,
     {ROWS},
     {OTHERS},
     ADD,                                                                              {9955, 9955},
     HM_OK,                                                                                                             "5357-5357,9955-9955*,50000-50059*",
     ADDED                                                                                                                                                     },
    {"some ports",
     &os_2008r2,
     {ROWS},
     {""},
     ADD,                                                                              {3015, 3024},
     HM_OK,                                                                                                             "3015-3024*",
     "ipv4 add tcp 3015 10 ok;"                                                                                                                                },
    {"a socket has it",
     &os_2019,
     {"busy-tcp"},
     {"443,9955"},
     ADD,                                                                              {9955, 9955},
     HM_EBUSY,                                                                                                          "",
     NOT_ADDED NOT_ADDED NOT_ADDED                                                                                                                             },
    {"busy for a moment",
     &os_2019,
     {"refusals"},
     {"2"},
     ADD,                                                                              {9955, 9955},
     HM_OK,                                                                                                             "9955-9955*",
     NOT_ADDED NOT_ADDED ADDED                                                                                                                                 },
    {"busy for longer",
     &os_2019,
     {"refusals"},
     {"9"},
     ADD,                                                                              {9955, 9955},
     HM_EBUSY,                                                                                                          "",
     NOT_ADDED NOT_ADDED NOT_ADDED                                                                                                                             },
    {"there already",
     &os_2019,
     {ROWS},
     {"9955-9955*"},
     ADD,                                                                              {9955, 9955},
     HM_ECONFLICT,                                                                                                      "9955-9955*",
     NOT_ADDED                                                                                                                                                 },
    {"meets a row of others",
     &os_2019,
     {ROWS},
     {OTHERS},
     ADD,                                                                              {50059, 50060},
     HM_ECONFLICT,                                                                                                      OTHERS,
     "ipv4 add tcp 50059 2 refused;"                                                                                                                           },
    {"held by a component",
     &os_2019,
     {ROWS},
     {"9900-9999"},
     ADD,                                                                              {9955, 9955},
     HM_EBUSY,                                                                                                          "9900-9999",
     NOT_ADDED                                                                                                                                                 },
    {"any status",
     &os_2019,
     {"change-mode"},
     {"fail:5"},
     ADD,                                                                              {9955, 9955},
     HM_EBUSY,                                                                                                          "",
     NOT_ADDED NOT_ADDED NOT_ADDED                                                                                                                             },
    {"no hotfix",                              &os_2008r2, {"mode"}, {"unknown"}, ADD, {9955, 9955},   HM_EUNSUPPORTED, "",                                  ""},
    {"nothing works",                          &os_2019,   {"mode"}, {"fail:1"},  ADD, {9955, 9955},   HM_EBUSY,        "",                                  ""},
    {"refuses, and shows no list",
     &os_2019,
     {"listings", "change-mode"},
     {"Z:\\none", "fail:1"},
     ADD,                                                                              {9955, 9955},
     HM_EBUSY,                                                                                                          "",
     NOT_ADDED                                                                                                                                                 },
    {"says garbage",                           /* that nothing was done shows reread */
     &os_2019,
     {"change-mode"},
     {"garbage"},
     ADD,                                                                              {9955, 9955},
     HM_OK,                                                                                                             "",
     ADDED                                                                                                                                                     },
    {"says nothing",
     &os_2019,
     {"change-mode"},
     {"empty"},
     ADD,                                                                              {9955, 9955},
     HM_OK,                                                                                                             "",
     "ipv4 add tcp 9955 1 ok;"                                                                                                                                 },
    {"removed",
     &os_2019,
     {ROWS},
     {"9933-9933*,9955-9955*"},
     REMOVE,                                                                           {9955, 9955},
     HM_OK,                                                                                                             "9933-9933*",
     REMOVED                                                                                                                                                   },
    {"removed at the second try",
     &os_2019,
     {ROWS, "refusals"},
     {"9955-9955*", "1"},
     REMOVE,                                                                           {9955, 9955},
     HM_OK,                                                                                                             "",
     NOT_REMOVED REMOVED                                                                                                                                       },
    {"not removed",
     &os_2019,
     {ROWS, "refusals"},
     {"9955-9955*", "9"},
     REMOVE,                                                                           {9955, 9955},
     HM_EBUSY,                                                                                                          "9955-9955*",
     NOT_REMOVED NOT_REMOVED NOT_REMOVED                                                                                                                       },
    {"gone already",
     &os_2019,
     {ROWS},
     {OTHERS},
     REMOVE,                                                                           {9955, 9955},
     HM_ECONFLICT,                                                                                                      OTHERS,
     NOT_REMOVED                                                                                                                                               },
    {"part of a row",
     &os_2019,
     {ROWS},
     {"9955-9956*"},
     REMOVE,                                                                           {9955, 9955},
     HM_ECONFLICT,                                                                                                      "9955-9956*",
     NOT_REMOVED                                                                                                                                               },
    {"a row of a component: access is denied",
     &os_2019,
     {ROWS},
     {"9955-9955"},
     REMOVE,                                                                           {9955, 9955},
     HM_ECONFLICT,                                                                                                      "9955-9955",
     NOT_REMOVED                                                                                                                                               },
    {"2003 has none",                          &os_2003,   {ROWS},   {""},        ADD, {9955, 9955},   HM_EUNSUPPORTED, "",                                  ""},
};

static void one_exclusion(struct fixture *fixture, const struct exclusion_case *row)
{
    struct hm_range range = row->range;
    const struct hm_action action = exclusion(row->kind, HM_TCP, HM_IPV4, &range);

    for (size_t i = 0; i < HM_COUNT(row->name) && row->name[i] != NULL; i++) {
        hm_test_reg_text(DOUBLE, row->name[i], row->value[i]);
    }
    assert_int_equal(change(fixture, row->os, &action), row->status);
    assert_double(ROWS, row->rows);
    assert_double("changes", row->changes);
    assert_double("excluded-tcp-ipv6", "");
}

/* The languages prove that no word of netsh counts. */
static void test_exclusions(void **state)
{
    static const char *const languages[] = {"en", "ru", "ja"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(exclusion_cases); i++) {
        const char *language = languages[i % HM_COUNT(languages)];

        print_message("%s (%s)\n", exclusion_cases[i].what, language);
        clear();
        hm_test_reg_text(DOUBLE, "language", language);
        one_exclusion(fixture, &exclusion_cases[i]);
    }
}

/* At once, and over a boot: the double keeps what is persistent where Windows does. */
static void test_outlives_boot(void **state)
{
    struct fixture *fixture = *state;
    struct hm_range range = {9955, 9956};
    const struct hm_action add = exclusion(ADD, HM_UDP, HM_IPV6, &range);
    const struct hm_action remove = exclusion(REMOVE, HM_UDP, HM_IPV6, &range);
    unsigned char bytes[16];
    unsigned long type;
    unsigned long len;

    assert_int_equal(change(fixture, &os_2019, &add), HM_OK);
    hm_test_reg_get(NSI_UDP, "26e30200", &type, bytes, sizeof(bytes), &len);
    assert_int_equal(len, 4);
    assert_int_equal(change(fixture, &os_2019, &remove), HM_OK);
    hm_test_reg_get(NSI_UDP, "26e30200", &type, bytes, sizeof(bytes), &len);
    assert_int_equal(len, 0);
    assert_double("changes", "ipv6 add udp 9955 2 ok;ipv6 delete udp 9955 2 ok;");
}

static void test_second_family(void **state)
{
    struct fixture *fixture = *state;
    struct hm_range range = {9933, 9933};
    const struct hm_action first = exclusion(ADD, HM_TCP, HM_IPV4, &range);
    const struct hm_action second = exclusion(ADD, HM_TCP, HM_IPV6, &range);
    const struct hm_action second_removed = exclusion(REMOVE, HM_TCP, HM_IPV6, &range);

    hm_test_reg_text(DOUBLE, "change-mode-ipv6", "fail:1");
    assert_int_equal(change(fixture, &os_2019, &first), HM_OK);
    assert_int_equal(change(fixture, &os_2019, &second), HM_EBUSY);
    assert_double(ROWS, "9933-9933*");
    assert_double("excluded-tcp-ipv6", "");

    /* One store for both families: the second add is refused, as the row is there already, and the
     * second removal, as it is gone. */
    clear();
    hm_test_reg_text(DOUBLE, "mirror", "1");
    assert_int_equal(change(fixture, &os_2019, &first), HM_OK);
    assert_int_equal(change(fixture, &os_2019, &second), HM_ECONFLICT);
    assert_double("excluded-tcp-ipv6", "9933-9933*");
    assert_int_equal(change(fixture, &os_2019, &second_removed), HM_OK);
    assert_double(ROWS, "");
    assert_int_equal(change(fixture, &os_2019, &second_removed), HM_ECONFLICT);
}

static void test_time_out(void **state)
{
    struct fixture *fixture = *state;
    struct hm_range range = {9955, 9955};
    const struct hm_action action = exclusion(ADD, HM_TCP, HM_IPV4, &range);
    const int64_t began_ms = hm_os_monotonic_ms();
    const unsigned before = hm_netsh_started(fixture->netsh);

    hm_test_reg_text(DOUBLE, "change-mode", "hang");
    assert_int_equal(
        hm_windows_change(fixture->netsh, &os_2019, &action, 700, &fixture->arena, &fixture->err),
        HM_EBUSY);
    assert_string_equal(fixture->err.code, "timed_out");
    assert_non_null(strstr(fixture->err.text, "startport=9955"));
    assert_int_equal(hm_netsh_started(fixture->netsh), before + 1); /* once, and nothing after it */
    assert_true(hm_os_monotonic_ms() - began_ms < 10000);
}

/* As somebody who is in no group of administrators: the same exit status means something else. */
static void test_denied(void **state)
{
    struct fixture *fixture = *state;
    struct hm_range range = {9955, 9955};
    const struct hm_action action = exclusion(ADD, HM_TCP, HM_IPV4, &range);
    BYTE group[SECURITY_MAX_SID_SIZE];
    SID_AND_ATTRIBUTES disabled = {.Sid = group};
    DWORD len = sizeof(group);
    HANDLE restricted;
    HANDLE token;

    assert_true(CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, group, &len));
    assert_true(OpenProcessToken(
        GetCurrentProcess(),
        TOKEN_DUPLICATE | TOKEN_QUERY | TOKEN_ASSIGN_PRIMARY | TOKEN_IMPERSONATE, &token));
    assert_true(CreateRestrictedToken(token, 0, 1, &disabled, 0, NULL, 0, NULL, &restricted));
    hm_test_reg_text(DOUBLE, "change-mode", "fail:1");
    assert_true(ImpersonateLoggedOnUser(restricted));
    assert_int_equal(change(fixture, &os_2019, &action), HM_EDENIED);
    assert_true(RevertToSelf());
    assert_double("changes", NOT_ADDED);
    assert_int_equal(change(fixture, &os_2019, &action), HM_EBUSY);
    (void)CloseHandle(restricted);
    (void)CloseHandle(token);
}

static void test_bad_actions(void **state)
{
    struct fixture *fixture = *state;
    struct hm_range ranges[] = {
        {9933, 9933},
        {9955, 9955}
    };
    struct hm_action action = exclusion(ADD, HM_TCP, HM_IPV4, ranges);

    action.ports.count = 2;
    assert_int_equal(change(fixture, &os_2019, &action), HM_EINVAL);
    action.ports.count = 1;
    action.has_family = false;
    assert_int_equal(change(fixture, &os_2019, &action), HM_EINVAL);
    action = (struct hm_action){.kind = HM_ACTION_SET_RANGE};
    assert_int_equal(change(fixture, &os_2019, &action), HM_EINVAL);
    assert_int_equal(change(fixture, &os_2003, &action), HM_EINVAL);
    action = (struct hm_action){.kind = HM_ACTION_SET_SYSCTL_RESERVED};
    assert_int_equal(change(fixture, &os_2019, &action), HM_EUNSUPPORTED);
    assert_int_equal(change(fixture, &os_2003, &action), HM_EUNSUPPORTED);
    action = (struct hm_action){.kind = HM_ACTION_SET_RESERVED_PORTS};
    assert_int_equal(change(fixture, &os_2019, &action), HM_EUNSUPPORTED);
    assert_double("changes", "");
}

/* ---- dynamic ranges ------------------------------------------------------------------------ */

struct range_case {
    struct hm_range range;
    const char *refusals;
    enum hm_status status;
    const char *value;
    unsigned runs;
};

static const struct range_case range_cases[] = {
    {{49152, 65535}, "0", HM_OK,           "49152 16384", 1},
    {{6005, 65534},  "1", HM_OK,           "6005 59530",  2},
    {{10000, 10254}, "0", HM_OK,           "10000 255",   1},
    {{1024, 65535},  "0", HM_OK,           "1024 64512",  1},
    {{49152, 65535}, "9", HM_EBUSY,        "",            3},
    {{10000, 10253}, "0", HM_EUNSUPPORTED, "",            0},
    {{1023, 65535},  "0", HM_EUNSUPPORTED, "",            0},
};

static void test_ranges(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(range_cases); i++) {
        const struct range_case *row = &range_cases[i];
        const struct hm_action action = {
            .kind = HM_ACTION_SET_RANGE,
            .has_protocol = true,
            .protocol = HM_UDP,
            .has_family = true,
            .family = HM_IPV6,
            .has_range = true,
            .range = row->range,
        };
        const unsigned before = hm_netsh_started(fixture->netsh);

        clear();
        hm_test_reg_text(DOUBLE, "refusals", row->refusals);
        assert_int_equal(change(fixture, &os_2019, &action), row->status);
        assert_double("dynamic-udp-ipv6", row->value);
        assert_double("dynamic-udp-ipv4", "");
        assert_int_equal(hm_netsh_started(fixture->netsh) - before, row->runs);
    }
}

/* ---- read again ----------------------------------------------------------------------------- */

static void remember(struct fixture *fixture, struct hm_netsh_facts *out)
{
    const struct hm_netsh_need need = {.only = 0};
    struct hm_notes notes;

    hm_notes_init(&notes, &fixture->arena);
    assert_int_equal(hm_netsh_stacks(fixture->netsh, &os_2019, &need, &fixture->arena, out, &notes,
                                     &fixture->err),
                     HM_OK);
}

static void test_reread(void **state)
{
    struct fixture *fixture = *state;
    struct hm_listener listener = {
        .address = "0.0.0.0", .port = 9955, .program = "", .service = ""};
    struct hm_inventory inventory = {
        .os = os_2019, .has_listeners = true, .listeners = {&listener, 1}
    };
    struct hm_range range = {9955, 9955};
    struct hm_action action = exclusion(ADD, HM_TCP, HM_IPV4, &range);
    const struct hm_actions actions = {&action, 1};
    struct hm_netsh_facts facts;
    unsigned started;

    remember(fixture, &facts);
    inventory.stacks = facts.stacks;
    started = hm_netsh_started(fixture->netsh);
    hm_test_reg_text(DOUBLE, ROWS, "9955-9955*");
    hm_test_reg_text(DOUBLE, "dynamic-udp-ipv6", "10000 1000");
    remember(fixture, &facts);
    assert_int_equal(hm_netsh_started(fixture->netsh), started);
    assert_int_equal(facts.stacks.at[0].administered.count, 0); /* no watched key changed */

    assert_int_equal(
        hm_windows_reread(fixture->netsh, NULL, &fixture->arena, &inventory, &fixture->err), HM_OK);
    assert_int_equal(hm_netsh_started(fixture->netsh), started + 8);
    assert_true(hm_ports_contains(inventory.stacks.at[0].administered, 9955));
    assert_int_equal(inventory.stacks.at[3].dynamic.first, 10000);
    assert_true(inventory.has_registry);
    assert_ptr_equal(inventory.listeners.at, &listener);
    remember(fixture, &facts);
    assert_int_equal(hm_netsh_started(fixture->netsh), started + 8);
    assert_true(hm_ports_contains(facts.stacks.at[0].administered, 9955));

    /* After a change of one protocol: its exclusions in both families. */
    hm_test_reg_text(DOUBLE, "excluded-tcp-ipv6", "9933-9933*");
    assert_int_equal(
        hm_windows_reread(fixture->netsh, &actions, &fixture->arena, &inventory, &fixture->err),
        HM_OK);
    assert_int_equal(hm_netsh_started(fixture->netsh), started + 10);
    assert_true(hm_ports_contains(inventory.stacks.at[0].administered, 9955));
    assert_true(hm_ports_contains(inventory.stacks.at[1].administered, 9933));
    assert_int_equal(inventory.stacks.at[3].dynamic.first, 10000);

    /* What cannot be read is unknown, not as it was. */
    hm_test_reg_text(DOUBLE, "mode", "garbage");
    assert_int_equal(
        hm_windows_reread(fixture->netsh, NULL, &fixture->arena, &inventory, &fixture->err), HM_OK);
    assert_false(inventory.stacks.at[0].has_administered);
    assert_false(inventory.stacks.at[0].has_dynamic);
}

/* A change of our own is seen by the next look, also one that failed, also in no watched key. */
static void test_change_is_seen(void **state)
{
    struct fixture *fixture = *state;
    struct hm_range range = {9955, 9955};
    const struct hm_action action = exclusion(ADD, HM_TCP, HM_IPV4, &range);
    struct hm_netsh_facts facts;

    hm_test_reg_text(DOUBLE, "change-mode", "fail:1");
    remember(fixture, &facts);
    hm_test_reg_text(DOUBLE, "excluded-tcp-ipv6", "9933-9933*");
    assert_int_equal(change(fixture, &os_2019, &action), HM_EBUSY);
    remember(fixture, &facts);
    assert_true(hm_ports_contains(facts.stacks.at[1].administered, 9933));
}

/* ---- the platform as a whole --------------------------------------------------------------- */

static void test_platform(void **state)
{
    struct fixture *fixture = *state;
    struct hm_range range = {9955, 9955};
    const struct hm_action add = exclusion(ADD, HM_TCP, HM_IPV4, &range);
    const struct hm_action remove = exclusion(REMOVE, HM_TCP, HM_IPV4, &range);
    struct hm_observation seen;
    struct hm_platform *platform;
    const char *why = NULL;
    unsigned before = 0;

    assert_int_equal(hm_platform_native.open("", &platform, &fixture->err), HM_OK);
    assert_int_equal(hm_platform_native.observe(platform, &fixture->arena, &seen, &fixture->err),
                     HM_OK);
    if (!hm_os_is_legacy(&seen.inventory.os)) {
        for (int i = 0; i < 4; i++) {
            assert_int_equal(
                hm_platform_native.change(platform, &add, &fixture->arena, &fixture->err), HM_OK);
            assert_int_equal(hm_platform_native.reread(platform, NULL, &fixture->arena,
                                                       &seen.inventory, &fixture->err),
                             HM_OK);
            assert_true(hm_ports_contains(seen.inventory.stacks.at[0].administered, 9955));
            assert_int_equal(
                hm_platform_native.change(platform, &remove, &fixture->arena, &fixture->err),
                HM_OK);
            assert_int_equal(
                hm_platform_native.try_ephemeral(platform, &fixture->arena, &why, &fixture->err),
                HM_OK);
            assert_string_equal(why, "");
            before = i == 0 ? hm_handle_count() : before;
        }
        assert_int_equal(hm_handle_count(), before);
    }
    hm_platform_native.close(platform);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exclusions), TEST(test_outlives_boot), TEST(test_second_family),
        TEST(test_time_out),   TEST(test_denied),        TEST(test_bad_actions),
        TEST(test_ranges),     TEST(test_reread),        TEST(test_change_is_seen),
        TEST(test_platform),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
