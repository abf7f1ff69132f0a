/* tests/unit/agent/test_recorded_in_force.c — a recorded host of 2003: which of its registry values
 * are in force. SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/platform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/os/os.h"
#include "tests/support/temp_folder.h"

/* ReservedPorts "1812-1812", MaxUserPort 60000. */
#define TCPIP                                                                                      \
    "Windows Registry Editor Version 5.00\r\n\r\n"                                                 \
    "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters]\r\n"             \
    "\"MaxUserPort\"=dword:0000ea60\r\n"                                                           \
    "\"ReservedPorts\"=hex(7):31,00,38,00,31,00,32,00,2d,00,31,00,38,00,31,00,32,00,00,00,00,00"   \
    "\r\n"
/* MaxUserPort alone; 0xffff. */
#define TCPIP_MAX(digits)                                                                          \
    "Windows Registry Editor Version 5.00\r\n\r\n"                                                 \
    "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters]\r\n"             \
    "\"MaxUserPort\"=dword:" digits "\r\n"
#define NETSTAT(port)                                                                              \
    "  TCP    10.0.0.5:" port "         10.0.0.9:445          ESTABLISHED     700\r\n"             \
    "  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       700\r\n"
#define TASKS "\"Image Name\",\"PID\",\"Services\"\r\n\"a.exe\",\"700\",\"N/A\"\r\n"

#define EARLY "2026-11-20T04:00:00Z"
#define LATE "2026-11-21T04:00:00Z"

struct host {
    char folder[512];
    struct hm_arena arena;
    struct hm_platform *platform;
    struct hm_observation seen;
    struct hm_err err;
};

static void put(struct host *host, const char *name, const char *text)
{
    const char *path = hm_arena_printf(&host->arena, "%s/%s", host->folder, name);

    assert_int_equal(hm_os_replace_file(path, text, strlen(text), false, &host->err), HM_OK);
}

/* boot_time, tcpip_written: NULL absent. */
static void put_host(struct host *host, const char *boot_id, const char *boot_time,
                     const char *tcpip_written)
{
    put(host, "host.json",
        hm_arena_printf(&host->arena,
                        "{\"os\":{\"family\":\"windows\",\"version\":\"5.2.3790\"},\"boot_id\":\"%"
                        "s\"%s%s%s%s%s%s}",
                        boot_id, boot_time == NULL ? "" : ",\"boot_time\":\"",
                        boot_time == NULL ? "" : boot_time, boot_time == NULL ? "" : "\"",
                        tcpip_written == NULL ? "" : ",\"tcpip_written\":\"",
                        tcpip_written == NULL ? "" : tcpip_written,
                        tcpip_written == NULL ? "" : "\""));
}

static int start(void **state)
{
    struct host *host = calloc(1, sizeof(*host));

    assert_non_null(host);
    temp_folder_make(host->folder, sizeof(host->folder));
    hm_arena_init(&host->arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    assert_int_equal(hm_platform_recorded.open(host->folder, &host->platform, &host->err), HM_OK);
    *state = host;
    return 0;
}

static int stop(void **state)
{
    struct host *host = *state;

    hm_platform_recorded.close(host->platform);
    temp_folder_remove(host->folder);
    hm_arena_fini(&host->arena);
    free(host);
    return 0;
}

static void observe(struct host *host)
{
    assert_int_equal(
        hm_platform_recorded.observe(host->platform, &host->arena, &host->seen, &host->err), HM_OK);
}

static void expect(const struct host *host, enum hm_in_force in_force, uint16_t last,
                   uint16_t next_last)
{
    const struct hm_inventory *inventory = &host->seen.inventory;
    const struct hm_stack *stack = &inventory->stacks.at[0];

    assert_string_equal(hm_in_force_names[inventory->registry.in_force],
                        hm_in_force_names[in_force]);
    assert_int_equal(stack->has_dynamic, last > 0);
    assert_int_equal(stack->dynamic.last, last);
    assert_int_equal(stack->has_next_dynamic, next_last > 0);
    assert_int_equal(stack->next_dynamic.last, next_last);
}

static void expect_excluded(struct host *host, const char *ports)
{
    struct hm_ports excluded;
    bool known;

    assert_int_equal(hm_inventory_excluded(&host->seen.inventory, HM_UDP, HM_IPV4, &host->arena,
                                           &known, &excluded, &host->err),
                     HM_OK);
    assert_true(known);
    assert_string_equal(hm_ports_text(excluded, &host->arena), ports);
}

/* The times of host.json. */
static void test_times(void **state)
{
    struct host *host = *state;

    put(host, "tcpip-parameters.reg", TCPIP);
    put_host(host, "b1", NULL, NULL);
    observe(host);
    expect(host, HM_IN_FORCE_ASSUMED, 60000, 0);
    expect_excluded(host, "1812");
    put_host(host, "b1", EARLY, NULL);
    observe(host);
    expect(host, HM_IN_FORCE_ASSUMED, 60000, 0);
    put_host(host, "b1", NULL, LATE);
    observe(host);
    expect(host, HM_IN_FORCE_ASSUMED, 60000, 0);
    put_host(host, "b1", LATE, EARLY);
    observe(host);
    expect(host, HM_IN_FORCE_WRITTEN, 60000, 0);
    put_host(host, "b1", EARLY, LATE);
    observe(host);
    expect(host, HM_IN_FORCE_UNKNOWN, 0, 60000);
    expect_excluded(host, "");
}

/* A hive as "reg save" makes it: its root was written seconds before it was saved. */
static void put_hive(struct host *host, int64_t saved_ms, unsigned seconds)
{
    static char hive[8192];
    const uint64_t saved = (uint64_t)saved_ms * 10000u + 116444736000000000u;
    const uint64_t written = saved - (uint64_t)seconds * 10000000u;
    const char *path = hm_arena_printf(&host->arena, "%s/tcpip-parameters.hiv", host->folder);

    memcpy(hive, "regf", 4);
    memcpy(hive + 4096 + 4, "nk", 2);
    for (size_t i = 0; i < 8; i++) {
        hive[12 + i] = (char)(saved >> (8 * i));
        hive[4096 + 8 + i] = (char)(written >> (8 * i));
    }
    assert_int_equal(hm_os_replace_file(path, hive, sizeof(hive), false, &host->err), HM_OK);
}

static bool is_told(const struct host *host, const char *part)
{
    for (size_t i = 0; i < host->seen.unknown.count; i++) {
        if (strstr(host->seen.unknown.at[i], part) != NULL) {
            return true;
        }
    }
    return false;
}

/* The files that collect.cmd makes of the same two times. */
static void test_gathered_times(void **state)
{
    const int64_t noon_ms = 1215604800000; /* 2008-07-09T12:00:00Z */
    struct host *host = *state;

    put(host, "tcpip-parameters.reg", TCPIP);
    put_host(host, "b1", NULL, NULL);
    put(host, "boot-time.txt", "20080709130000.000000+120\r\n"); /* 11:00 UTC */
    observe(host);
    expect(host, HM_IN_FORCE_ASSUMED, 60000, 0);
    put_hive(host, noon_ms, 600); /* 11:50 */
    observe(host);
    expect(host, HM_IN_FORCE_UNKNOWN, 0, 60000);
    put_hive(host, noon_ms, 7200); /* 10:00 */
    observe(host);
    expect(host, HM_IN_FORCE_WRITTEN, 60000, 0);
    put_hive(host, noon_ms, 1); /* the time of the saving: it tells nothing */
    observe(host);
    expect(host, HM_IN_FORCE_ASSUMED, 60000, 0);
    put_hive(host, noon_ms, 7200);
    put_host(host, "b1", EARLY, LATE); /* host.json outranks the hive */
    observe(host);
    expect(host, HM_IN_FORCE_UNKNOWN, 0, 60000);
    put_host(host, "b1", LATE, EARLY); /* of two starts the earlier one counts */
    observe(host);
    expect(host, HM_IN_FORCE_UNKNOWN, 0, 60000);
    assert_true(is_told(host, "different starts of the host"));
    put_host(host, "b1", NULL, NULL);
    put(host, "boot-time.txt", "Zugriff verweigert\r\n");
    observe(host);
    expect(host, HM_IN_FORCE_ASSUMED, 60000, 0);
    assert_int_equal(host->seen.unknown.count > 0, true);
}

/* The sockets of netstat.txt. */
static void test_sockets(void **state)
{
    struct host *host = *state;

    put(host, "tasklist.csv", TASKS);
    put_host(host, "b1", NULL, NULL);
    put(host, "tcpip-parameters.reg", TCPIP_MAX("0000ffff"));
    put(host, "netstat.txt", NETSTAT("1999"));
    observe(host);
    expect(host, HM_IN_FORCE_ASSUMED, 0, 0);
    put(host, "netstat.txt", NETSTAT("65528"));
    observe(host);
    expect(host, HM_IN_FORCE_ASSUMED, 65534, 0);
    assert_int_equal(host->seen.highest_given, 65528);
    put(host, "tcpip-parameters.reg", TCPIP_MAX("00001388"));
    observe(host);
    expect(host, HM_IN_FORCE_UNKNOWN, 0, 5000);
    put_host(host, "b1", LATE, EARLY);
    observe(host);
    expect(host, HM_IN_FORCE_WRITTEN, 0, 0);
}

static void set_reserved(struct host *host, const char *line)
{
    const char *lines[] = {line};
    const struct hm_action action = {
        .kind = HM_ACTION_SET_RESERVED_PORTS,
        .lines = {lines, 1},
    };

    assert_int_equal(hm_platform_recorded.change(host->platform, &action, &host->arena, &host->err),
                     HM_OK);
}

/* What was changed there, over a boot. */
static void test_changes(void **state)
{
    struct host *host = *state;

    put(host, "tcpip-parameters.reg", TCPIP);
    put_host(host, "b1", NULL, NULL);
    set_reserved(host, "9469-9469");
    observe(host);
    expect(host, HM_IN_FORCE_EARLIER, 60000, 0);
    expect_excluded(host, "1812");
    assert_string_equal(host->seen.inventory.registry.reserved_ports.at[0], "9469-9469");
    put_host(host, "b2", NULL, NULL);
    observe(host);
    expect(host, HM_IN_FORCE_WRITTEN, 60000, 0);
    expect_excluded(host, "9469");
}

/* Files that were written since the boot are no better known once more is changed. */
static void test_changes_of_unknown_values(void **state)
{
    struct host *host = *state;

    put(host, "tcpip-parameters.reg", TCPIP);
    put_host(host, "b1", EARLY, LATE);
    set_reserved(host, "9469-9469");
    observe(host);
    expect(host, HM_IN_FORCE_UNKNOWN, 0, 60000);
    expect_excluded(host, "");
}

/* An agent remembers: a file that somebody edits is a value written since. */
static void test_memory(void **state)
{
    struct host *host = *state;
    struct hm_tcpip_memory memory;

    put(host, "tcpip-parameters.reg", TCPIP_MAX("0000ea60"));
    put_host(host, "b1", NULL, NULL);
    observe(host);
    (void)hm_tcpip_remember(&host->seen.inventory.registry, "b1", host->seen.highest_given, NULL,
                            &memory);
    hm_platform_recorded.remember(host->platform, &memory);
    put(host, "tcpip-parameters.reg", TCPIP);
    observe(host);
    expect(host, HM_IN_FORCE_EARLIER, 60000, 0);
    expect_excluded(host, "");
    put(host, "tcpip-parameters.reg", TCPIP_MAX("00001388"));
    observe(host);
    expect(host, HM_IN_FORCE_EARLIER, 60000, 5000);
    memory.last = hm_registry_written(&host->seen.inventory.registry);
    put_host(host, "b2", EARLY, LATE); /* as before the boot: whatever else was written since */
    observe(host);
    expect(host, HM_IN_FORCE_WRITTEN, 5000, 0);
}

/* ---- Linux --------------------------------------------------------------------------------- */

static void put_linux(struct host *host, const char *reserved, const char *files)
{
    put(host, "host.json", "{\"os\":{\"family\":\"linux\",\"version\":\"6.1.0\"}}");
    put(host, "sysctl.txt",
        hm_arena_printf(&host->arena,
                        "net.ipv4.ip_local_port_range = 32768 60999\n"
                        "net.ipv4.ip_local_reserved_ports = %s\n",
                        reserved));
    if (files != NULL) {
        put(host, "sysctl-files.txt", files);
    }
}

static bool is_unknown(const struct host *host, const char *piece)
{
    for (size_t i = 0; i < host->seen.unknown.count; i++) {
        if (strstr(host->seen.unknown.at[i], piece) != NULL) {
            return true;
        }
    }
    return false;
}

/* next: NULL no change. */
static void expect_next(struct host *host, const char *next)
{
    const struct hm_stack *stack = &host->seen.inventory.stacks.at[3];

    assert_int_equal(stack->has_next_administered, next != NULL);
    if (next != NULL) {
        assert_string_equal(hm_ports_text(stack->next_administered, &host->arena), next);
    }
}

/* What a remedy must know of the files: other lines of its own, and a file that is read after it.
 */
static void test_linux_remedy_files(void **state)
{
#define LIST "net.ipv4.ip_local_reserved_ports = 8080\n"
#define OWN "# /etc/sysctl.d/zzzzzzzz-reserved-ports.conf\n"
    static const struct {
        const char *files;
        const char *behind; /* NULL none */
        bool mixed;
        const char *range; /* likewise, of the range */
    } rows[] = {
        {LIST,                                                                                   NULL, false, NULL                           },
        {"# /etc/sysctl.d/50.conf\n" LIST "vm.swappiness = 7\n\n" OWN LIST,                      NULL, false, NULL                           },
        {OWN "vm.swappiness=7\n-net/ipv4/ip_local_reserved_ports = 8080\n",                      NULL, true,  NULL                           },
        {OWN LIST "\n# /etc/sysctl.d/zzzzzzzzz.conf\nvm.swappiness = 7\n",                       NULL, false, NULL                           },
        {OWN LIST "\n# /etc/sysctl.d/zzzzzzzzz-havenmaster.conf\n" LIST,                         NULL, false, NULL                           },
        {OWN LIST "\n# /run/sysctl.d/zzzzzzzzz-v.conf\r\n" LIST "# end",
         "/run/sysctl.d/zzzzzzzzz-v.conf",                                                             false, NULL                           },
        {"# /etc/sysctl.d/zzzzzzzz-port-range.conf\n# ours\n",                                   NULL, true,  NULL                           },
        {"# /etc/sysctl.d/zzzzzzzz-q.conf\nnet.ipv4.ip_local_port_range = 1024 9999\n" OWN LIST,
         NULL,                                                                                         false, "/etc/sysctl.d/zzzzzzzz-q.conf"},
        {"# /etc/sysctl.d/zzzzzzzz-a.conf\nnet.ipv4.ip_local_port_range = 1024 9999\n",          NULL, false,
         NULL                                                                                                                                },
    };
    struct host *host = *state;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        print_message("row %zu\n", i);
        put_linux(host, "8080", rows[i].files);
        observe(host);
        assert_int_equal(host->seen.settings_mixed, rows[i].mixed);
        assert_int_equal(host->seen.range_behind != NULL, rows[i].range != NULL);
        if (rows[i].range != NULL) {
            assert_string_equal(host->seen.range_behind, rows[i].range);
        }
        if (rows[i].behind == NULL) {
            assert_null(host->seen.reserved_behind);
        } else {
            assert_non_null(host->seen.reserved_behind);
            assert_string_equal(host->seen.reserved_behind, rows[i].behind);
        }
    }
}

static void test_linux_files(void **state)
{
    struct host *host = *state;
    struct hm_action action = {.kind = HM_ACTION_SET_SYSCTL_RESERVED};

    put_linux(host, "", NULL);
    observe(host);
    expect_next(host, NULL);
    assert_false(is_unknown(host, "sysctl-files.txt"));
    put_linux(host, "8080", NULL);
    observe(host);
    expect_next(host, NULL);
    assert_true(is_unknown(host, "sysctl-files.txt is missing"));
    put_linux(host, "8080", "# /etc/sysctl.d/x.conf\nkernel.x = 1\n");
    observe(host);
    expect_next(host, "");
    assert_false(is_unknown(host, "sysctl-files.txt"));
    put_linux(host, "8080",
              "# /usr/lib/sysctl.d/a.conf\nnet.ipv4.ip_local_reserved_ports = 9000\n\n"
              "# /etc/sysctl.d/x.conf\nnet/ipv4/ip_local_reserved_ports = 8080\n");
    observe(host);
    expect_next(host, NULL);

    /* A unit adds the ports of policies to what the files say. */
    put_linux(host, "8080,9955", "net.ipv4.ip_local_reserved_ports = 8080\n");
    observe(host);
    expect_next(host, "8080");
    put(host, "havenmaster-reserve.ports", "net.ipv4.ip_local_reserved_ports = 9955\n");
    observe(host);
    expect_next(host, NULL);
    put(host, "havenmaster-reserve.ports", "");

    /* What an agent reserves outlives a boot; what others reserve at run time does not. */
    put_linux(host, "8080", "kernel.x = 1\n");
    assert_int_equal(hm_ports_parse("8080,9955", 9, &host->arena, &action.ports, NULL), HM_OK);
    assert_int_equal(hm_platform_recorded.change(host->platform, &action, &host->arena, &host->err),
                     HM_OK);
    observe(host);
    expect_next(host, "9955");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_times, start, stop),
        cmocka_unit_test_setup_teardown(test_gathered_times, start, stop),
        cmocka_unit_test_setup_teardown(test_sockets, start, stop),
        cmocka_unit_test_setup_teardown(test_changes, start, stop),
        cmocka_unit_test_setup_teardown(test_changes_of_unknown_values, start, stop),
        cmocka_unit_test_setup_teardown(test_memory, start, stop),
        cmocka_unit_test_setup_teardown(test_linux_remedy_files, start, stop),
        cmocka_unit_test_setup_teardown(test_linux_files, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
