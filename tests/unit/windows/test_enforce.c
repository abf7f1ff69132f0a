/* tests/unit/windows/test_enforce.c — policies enforced on Windows, by the platform's own hands:
 * the Exchange host, the 2003 host, and a netsh that refuses. SPDX-License-Identifier: Apache-2.0
 *
 * The version of the system, its services and its sockets are given; registry and netsh are those
 * of the prefix. Needs the netsh double in the system directory (tests/windows/prefix.sh). */
#include "agent/enforce/enforce.h"
#include "agent/platform/windows/windows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "tests/support/temp_folder.h"
#include "tests/support/windows_registry.h"

#define DOUBLE "SOFTWARE\\NetshDouble"
#define TCPIP "SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
#define NSI_TCP                                                                                    \
    "SYSTEM\\CurrentControlSet\\Control\\Nsi\\{eb004a03-9b1a-11d4-9123-0050047759bc}\\29"
#define HNS_ROW "50000-50059*"
#define V4 "excluded-tcp-ipv4"
#define V6 "excluded-tcp-ipv6"
#define TEXT_BYTES 4096
#define HOUR_MS 3600000
#define PORTS_MAX 4
#define SOCKETS_MAX 4

/* A host: what is not in registry and netsh. */
struct hm_platform {
    struct hm_os os;
    struct hm_netsh *netsh;
    struct hm_enforcer *enforcer;
    char folder[256];
    const char *boot_id;
    struct hm_socket sockets[SOCKETS_MAX];
    size_t socket_count;
    struct hm_listener listeners[SOCKETS_MAX];
    size_t listener_count;
    struct hm_range ports[PORTS_MAX]; /* of the policy */
    struct hm_reservation reservation;
    struct hm_policy policy;
    struct hm_arena arena; /* of the last pass */
    struct hm_enforce_pass pass;
};

static struct hm_platform host; /* the only one: the enforcer's clock has no argument */
static int64_t clock_ms;

static int64_t now_ms(void)
{
    return clock_ms;
}

/* ---- the platform, on a system of the given version ---------------------------------------- */

static enum hm_status reread(struct hm_platform *platform, const struct hm_actions *actions,
                             struct hm_arena *arena, struct hm_inventory *inventory,
                             struct hm_err *err)
{
    return hm_windows_reread(platform->netsh, actions, arena, inventory, err);
}

static enum hm_status change(struct hm_platform *platform, const struct hm_action *action,
                             struct hm_arena *arena, struct hm_err *err)
{
    return hm_windows_change(platform->netsh, &platform->os, action, HM_NETSH_TIMEOUT_MS, arena,
                             err);
}

static enum hm_status try_ephemeral(struct hm_platform *platform, struct hm_arena *arena,
                                    const char **out_why, struct hm_err *err)
{
    (void)platform;
    return hm_windows_try_ephemeral(arena, out_why, err);
}

static const struct hm_platform_ops ops = {
    .name = "windows",
    .reread = reread,
    .change = change,
    .try_ephemeral = try_ephemeral,
};

static void clear(void)
{
    hm_test_reg_remove(TCPIP, "MaxUserPort");
    hm_test_reg_remove(TCPIP, "ReservedPorts");
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, DOUBLE);
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, NSI_TCP);
}

static void open_host(const char *version)
{
    const struct hm_enforcer_options options = {
        .state_dir = host.folder, .ops = &ops, .platform = &host, .now_ms = now_ms};
    struct hm_err err;

    host.os = (struct hm_os){
        .family = HM_OS_WINDOWS, .name = "", .version = version, .arch = "", .locale = ""};
    host.boot_id = "boot-1";
    assert_int_equal(hm_netsh_open(&host.netsh, &err), HM_OK);
    assert_int_equal(hm_enforcer_open(&options, &host.enforcer, &err), HM_OK);
}

static int set_up(void **state)
{
    (void)state;
    memset(&host, 0, sizeof(host));
    clock_ms = 1800000000000;
    clear();
    hm_test_reg_u32(TCPIP, "TcpTimedWaitDelay", 60); /* so that the key is there */
    temp_folder_make(host.folder, sizeof(host.folder));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hm_enforcer_close(host.enforcer);
    hm_netsh_close(host.netsh);
    hm_arena_fini(&host.arena);
    temp_folder_remove(host.folder);
    hm_test_reg_remove(TCPIP, "TcpTimedWaitDelay");
    clear();
    return 0;
}

/* ---- passes -------------------------------------------------------------------------------- */

static void want(const char *name, enum hm_protocol protocol, const struct hm_range *ports,
                 size_t count)
{
    memcpy(host.ports, ports, count * sizeof(*ports));
    host.reservation = (struct hm_reservation){
        .has_protocol = true,
        .protocol = protocol,
        .families = HM_FAMILIES_BOTH,
        .ports = {host.ports, count},
        .product = "",
        .requirement = ""
    };
    host.policy = (struct hm_policy){
        .name = name,
        .revision = 1,
        .owner = "test",
        .reason = "test",
        .review = clock_ms + 24 * (int64_t)HOUR_MS,
        .match = {.has_os_family = true, .version_min = "", .version_max = ""},
        .mode = HM_POLICY_ENFORCE,
        .reservations = {&host.reservation,                     1                     },
    };
}

static void revise(enum hm_policy_mode mode)
{
    host.policy.revision++;
    host.policy.mode = mode;
}

static void observe(struct hm_observation *seen)
{
    struct hm_inventory *inventory = &seen->inventory;
    struct hm_err err;

    *seen = (struct hm_observation){.name = "exch-1", .boot_id = host.boot_id};
    inventory->os = host.os;
    inventory->has_services = true;
    inventory->has_listeners = true;
    inventory->listeners = (struct hm_listeners){host.listeners, host.listener_count};
    seen->has_sockets = true;
    seen->sockets = (struct hm_sockets){host.sockets, host.socket_count};
    assert_int_equal(hm_windows_reread(host.netsh, NULL, &host.arena, inventory, &err), HM_OK);
}

/* One pass, and what the report says: "exchange/1 waiting busy". */
static void expect(const char *expected)
{
    static const struct hm_catalogue catalogue;
    static struct hm_observation seen;
    const struct hm_policy *policies[] = {&host.policy};
    char text[256] = "none";
    struct hm_err err = {.text = ""};

    hm_arena_fini(&host.arena);
    hm_arena_init(&host.arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    observe(&seen);
    host.pass = (struct hm_enforce_pass){
        .policies = {policies, 1},
        .desired_error = "",
        .trust_version = 1,
        .host = "exch-1",
        .catalogue = &catalogue,
        .observation = &seen,
        .arena = &host.arena,
    };
    assert_int_equal(hm_enforce(host.enforcer, &host.pass, &err), HM_OK);
    if (host.pass.report.policies.count == 1) {
        const struct hm_outcome *row = &host.pass.report.policies.at[0];

        (void)snprintf(text, sizeof(text), "%s/%u %s%s%s", row->policy, (unsigned)row->revision,
                       hm_outcome_state_names[row->state],
                       row->why != HM_WHY_NONE || row->code != HM_REFUSE_NONE ? " " : "",
                       row->why != HM_WHY_NONE       ? hm_outcome_why_names[row->why]
                       : row->code != HM_REFUSE_NONE ? hm_refusal_code_names[row->code]
                                                     : "");
    }
    assert_string_equal(text, expected);
}

static const struct hm_outcome *outcome(void)
{
    return &host.pass.report.policies.at[0];
}

static void assert_double(const char *name, const char *expected)
{
    char text[TEXT_BYTES] = "";
    unsigned long type;
    unsigned long len;

    hm_test_reg_get(DOUBLE, name, &type, text, sizeof(text), &len);
    assert_string_equal(text, expected);
}

/* What was tried ever, failed or not, names no port of others. */
static void assert_never_tried(const char *port)
{
    char text[TEXT_BYTES] = "";
    unsigned long type;
    unsigned long len;

    hm_test_reg_get(DOUBLE, "changes", &type, text, sizeof(text), &len);
    assert_true(len > 0);
    assert_null(strstr(text, port));
}

static const struct hm_range exchange_ports[] = {
    {9933, 9933},
    {9955, 9955}
};

static void make_exchange(void)
{
    hm_test_reg_text(DOUBLE, "dynamic-tcp-ipv4", "6005 59530");
    hm_test_reg_text(DOUBLE, "dynamic-tcp-ipv6", "6005 59530");
    hm_test_reg_text(DOUBLE, V4, HNS_ROW);
    hm_test_reg_text(DOUBLE, V6, HNS_ROW);
    open_host("10.0.17763");
    want("exchange", HM_TCP, exchange_ports, 2);
}

/* ---- the Exchange host --------------------------------------------------------------------- */

static void test_exchange(void **state)
{
    (void)state;
    make_exchange();
    host.sockets[0] = (struct hm_socket){
        HM_TCP,     HM_IPV4,   HM_SOCKET_ESTABLISHED,
        "10.0.0.4", 9955,      "10.0.0.9:3268",
        2212,       "dns.exe", "DNS",
        false,      {NULL, 0}
    };
    host.socket_count = 1;
    expect("exchange/1 waiting taken");
    assert_true(outcome()->notes.count > 0);
    assert_true(outcome()->notes.at[0].has_holder);
    assert_string_equal(outcome()->notes.at[0].holder.service, "DNS");
    assert_double(V4, "9933-9933*," HNS_ROW); /* its neighbour does not wait */
    assert_double(V6, "9933-9933*,9955-9955*," HNS_ROW);

    host.socket_count = 0;
    clock_ms += 1000;
    expect("exchange/1 verified");
    assert_double(V4, "9933-9933*,9955-9955*," HNS_ROW);

    hm_test_reg_text(DOUBLE, V6, "9933-9933*," HNS_ROW); /* somebody takes one away */
    clock_ms += 1000;
    expect("exchange/1 repaired");
    assert_int_equal(outcome()->repairs, 1);
    assert_double(V6, "9933-9933*,9955-9955*," HNS_ROW);

    revise(HM_POLICY_RETIRE);
    clock_ms += 1000;
    expect("exchange/2 retired");
    assert_double(V4, HNS_ROW);
    assert_double(V6, HNS_ROW);
    assert_double("excluded-udp-ipv4", "");
    assert_never_tried("500");
}

/* Whoever was in the way is no listener that the change was to protect: that it goes is what is
 * waited for. */
static void test_holder_is_not_missed(void **state)
{
    (void)state;
    make_exchange();
    host.listeners[0] = (struct hm_listener){
        HM_TCP, HM_IPV4, "0.0.0.0", 9955, "dns.exe", "DNS", HM_KIND_SOCKET, {NULL, 0},
               0
    };
    host.listener_count = 1;
    host.sockets[0] = (struct hm_socket){
        HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, "0.0.0.0", 9955, "", 2212, "dns.exe",
        "DNS",  false,   {NULL, 0}
    };
    host.socket_count = 1;
    expect("exchange/1 waiting busy");
    assert_double(V6, "9933-9933*,9955-9955*," HNS_ROW);
    host.listener_count = 0;
    host.socket_count = 0;
    for (int i = 0; i < 4; i++) {
        clock_ms += 45000;
        expect("exchange/1 verified");
    }
    assert_double(V4, "9933-9933*,9955-9955*," HNS_ROW);
}

/* The same with one store for both families: the first command is one for both. */
static void test_one_store(void **state)
{
    (void)state;
    make_exchange();
    hm_test_reg_text(DOUBLE, "mirror", "1");
    expect("exchange/1 verified");
    assert_double(V4, "9933-9933*,9955-9955*," HNS_ROW);
    assert_double(V6, "9933-9933*,9955-9955*," HNS_ROW);
    revise(HM_POLICY_RETIRE);
    clock_ms += 1000;
    expect("exchange/2 retired");
    assert_double(V4, HNS_ROW);
    assert_double(V6, HNS_ROW);
}

/* Busy for a reason that no table of sockets shows. */
static void test_hidden_holder(void **state)
{
    (void)state;
    make_exchange();
    hm_test_reg_text(DOUBLE, "busy-tcp", "9955");
    expect("exchange/1 waiting busy");
    assert_double(V4, "9933-9933*," HNS_ROW);
    hm_test_reg_text(DOUBLE, "busy-tcp", "");
    clock_ms += HOUR_MS;
    expect("exchange/1 verified");
    assert_double(V4, "9933-9933*,9955-9955*," HNS_ROW);
}

static void test_second_family_fails(void **state)
{
    (void)state;
    make_exchange();
    hm_test_reg_text(DOUBLE, "change-mode-ipv6", "fail:1");
    expect("exchange/1 waiting busy");
    assert_double(V4, "9933-9933*,9955-9955*," HNS_ROW);
    assert_double(V6, HNS_ROW);
    hm_test_reg_text(DOUBLE, "change-mode-ipv6", "");
    clock_ms += HOUR_MS;
    expect("exchange/1 verified");
    assert_double(V6, "9933-9933*,9955-9955*," HNS_ROW);
    revise(HM_POLICY_RETIRE);
    clock_ms += 1000;
    expect("exchange/2 retired");
    assert_double(V4, HNS_ROW);
    assert_double(V6, HNS_ROW);
}

/* netsh says that it did, and shows otherwise. */
static void test_only_said(void **state)
{
    (void)state;
    make_exchange();
    hm_test_reg_text(DOUBLE, "change-mode", "empty");
    expect("exchange/1 failed");
    assert_double(V4, HNS_ROW);
    hm_test_reg_text(DOUBLE, "change-mode", "");
    clock_ms += HOUR_MS;
    expect("exchange/1 verified");
}

static void test_httpsys(void **state)
{
    static const struct hm_range ports[] = {
        {5985, 5985}
    };

    (void)state;
    make_exchange();
    want("winrm", HM_TCP, ports, 1);
    host.listeners[0] = (struct hm_listener){
        HM_TCP, HM_IPV4, "0.0.0.0", 5985, "System", "", HM_KIND_HTTPSYS, {NULL, 0},
               0
    };
    host.listener_count = 1;
    expect("winrm/1 refused httpsys");
    assert_double("changes", "");
    assert_double(V4, HNS_ROW);
}

/* ---- the 2003 host ------------------------------------------------------------------------- */

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

static void test_2003(void **state)
{
    static const struct hm_range ports[] = {
        {9469, 9469},
        {9507, 9507}
    };
    static const char *lines[] = {"3343-3343", "9506-9506"};
    const struct hm_strings before = {lines, 2};

    (void)state;
    hm_test_reg_lines(TCPIP, "ReservedPorts", &before);
    hm_test_reg_u32(TCPIP, "MaxUserPort", 60000);
    open_host("5.2.3790");
    want("payroll", HM_UDP, ports, 2);
    expect("payroll/1 waiting reboot");
    assert_reserved("3343-3343\0009506-9507\0009469-9469\0", 31); /* neighbours on one line */
    clock_ms += 1000;
    expect("payroll/1 waiting reboot");
    host.boot_id = "boot-2";
    clock_ms += 1000;
    expect("payroll/1 verified");
    revise(HM_POLICY_RETIRE);
    clock_ms += 1000;
    expect("payroll/2 waiting reboot"); /* removed from the registry, in force until the boot */
    assert_reserved("3343-3343\0009506-9506\0", 21);
    host.boot_id = "boot-3";
    clock_ms += 1000;
    expect("payroll/2 retired");
}

/* Without a value before, there is none afterwards. */
static void test_2003_unset(void **state)
{
    static const struct hm_range ports[] = {
        {3306, 3306}
    };
    char bytes[16];
    unsigned long type = 9;
    unsigned long len = 9;

    (void)state;
    open_host("5.2.3790");
    want("mysql", HM_TCP, ports, 1);
    expect("mysql/1 waiting reboot");
    assert_reserved("3306-3306\0", 11);
    revise(HM_POLICY_RETIRE);
    clock_ms += 1000;
    expect("mysql/2 retired");
    hm_test_reg_get(TCPIP, "ReservedPorts", &type, bytes, sizeof(bytes), &len);
    assert_int_equal(type, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exchange),
        TEST(test_holder_is_not_missed),
        TEST(test_one_store),
        TEST(test_hidden_holder),
        TEST(test_second_family_fails),
        TEST(test_only_said),
        TEST(test_httpsys),
        TEST(test_2003),
        TEST(test_2003_unset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
