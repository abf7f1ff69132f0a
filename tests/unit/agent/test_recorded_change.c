/* tests/unit/agent/test_recorded_change.c — the model of the port stacks behind recorded hosts:
 * what it changes, and that it refuses as the systems do. SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/platform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__linux__)
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/os/os.h"
#include "tests/support/temp_folder.h"

#define WINDOWS(boot)                                                                              \
    "{\"os\":{\"family\":\"windows\",\"version\":\"10.0.17763\"},\"boot_id\":\"" boot "\"}"
#define OLD(boot)                                                                                  \
    "{\"os\":{\"family\":\"windows\",\"version\":\"5.2.3790\"},\"boot_id\":\"" boot "\"}"
#define LINUX "{\"os\":{\"family\":\"linux\",\"version\":\"6.1.0\"}}"
#define DYNAMIC "\r\nStart Port : 49152\r\nNumber of Ports : 16384\r\n"
#define EXCLUDED                                                                                   \
    "\r\nStart Port    End Port\r\n----------    --------\r\n"                                     \
    "      5985        5985\r\n      9933        9934     *\r\n     50000       50059     *\r\n"   \
    "\r\n* - Administered port exclusions.\r\n"
#define NETSTAT                                                                                    \
    "  TCP    0.0.0.0:9955           0.0.0.0:0              LISTENING       700\r\n"               \
    "  TCP    10.0.0.5:49801         10.0.0.9:3268          TIME_WAIT       0\r\n"
#define REG(values)                                                                                \
    "Windows Registry Editor Version 5.00\r\n\r\n"                                                 \
    "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters]\r\n" values      \
    "\r\n"
#define SYSCTL                                                                                     \
    "net.ipv4.ip_local_port_range = 32768 60999\nnet.ipv4.ip_local_reserved_ports = 8080\n"

struct host {
    char folder[512];
    struct hm_arena arena;
    struct hm_platform *platform;
    struct hm_err err;
};

static void put(struct host *host, const char *name, const char *text)
{
    const char *path = hm_arena_printf(&host->arena, "%s/%s", host->folder, name);

    assert_int_equal(hm_os_replace_file(path, text, strlen(text), false, &host->err), HM_OK);
}

static bool exists(struct host *host, const char *name)
{
    return hm_os_exists(hm_arena_printf(&host->arena, "%s/%s", host->folder, name));
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

static void be_windows(struct host *host)
{
    put(host, "host.json", WINDOWS("b1"));
    put(host, "netstat.txt", NETSTAT);
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        const char *protocol = hm_protocol_names[i / 2];
        const char *family = hm_family_names[i % 2];

        put(host, hm_arena_printf(&host->arena, "%s-%s-dynamicport.txt", family, protocol),
            DYNAMIC);
        put(host, hm_arena_printf(&host->arena, "%s-%s-excludedportrange.txt", family, protocol),
            EXCLUDED);
    }
}

static struct hm_inventory look(struct host *host)
{
    struct hm_inventory inventory = {.os = {.family = HM_OS_WINDOWS}};

    assert_int_equal(
        hm_platform_recorded.reread(host->platform, NULL, &host->arena, &inventory, &host->err),
        HM_OK);
    return inventory;
}

/* The administered rows. */
static const char *rows(struct host *host, enum hm_protocol protocol, enum hm_family family)
{
    const struct hm_inventory inventory = look(host);

    return hm_ports_text(hm_inventory_stack(&inventory, protocol, family)->administered,
                         &host->arena);
}

static enum hm_status act(struct host *host, const struct hm_action *action)
{
    return hm_platform_recorded.change(host->platform, action, &host->arena, &host->err);
}

static enum hm_status exclude(struct host *host, enum hm_action_kind kind, enum hm_family family,
                              uint16_t first, uint16_t last)
{
    const struct hm_range range = {first, last};
    const struct hm_action action = {
        .kind = kind,
        .has_protocol = true,
        .protocol = HM_TCP,
        .has_family = true,
        .family = family,
        .ports = {&range, 1}
    };

    return act(host, &action);
}

static enum hm_status add(struct host *host, enum hm_family family, uint16_t first, uint16_t last)
{
    return exclude(host, HM_ACTION_ADD_EXCLUSION, family, first, last);
}

static enum hm_status take(struct host *host, enum hm_family family, uint16_t first, uint16_t last)
{
    return exclude(host, HM_ACTION_REMOVE_EXCLUSION, family, first, last);
}

static void test_add_and_remove(void **state)
{
    struct host *host = *state;

    be_windows(host);
    assert_int_equal(add(host, HM_IPV4, 9469, 9469), HM_OK);
    assert_string_equal(rows(host, HM_TCP, HM_IPV4), "9469,9933-9934,50000-50059");
    assert_string_equal(rows(host, HM_TCP, HM_IPV6), "9933-9934,50000-50059");
    assert_string_equal(rows(host, HM_UDP, HM_IPV4), "9933-9934,50000-50059");
    assert_int_equal(add(host, HM_IPV4, 9470, 9470), HM_OK); /* neighbours stay apart */
    assert_string_equal(rows(host, HM_TCP, HM_IPV4), "9469,9470,9933-9934,50000-50059");
    assert_int_equal(take(host, HM_IPV4, 9470, 9470), HM_OK);
    assert_int_equal(take(host, HM_IPV4, 9933, 9934), HM_OK); /* of the files */
    assert_string_equal(rows(host, HM_TCP, HM_IPV4), "9469,50000-50059");
    assert_int_equal(add(host, HM_IPV4, 9933, 9934), HM_OK);
    assert_int_equal(take(host, HM_IPV4, 9469, 9469), HM_OK);
    assert_string_equal(rows(host, HM_TCP, HM_IPV4), "9933-9934,50000-50059");
    assert_false(exists(host, "changes.json")); /* as before, byte for byte */
}

struct refused_case {
    const char *name;
    enum hm_action_kind kind;
    uint16_t first;
    uint16_t last;
    enum hm_status expected;
};

static void test_refused(void **state)
{
    static const struct refused_case cases[] = {
        {"meets a row",            HM_ACTION_ADD_EXCLUSION,       9934,  9940,  HM_EBUSY       },
        {"is the very row",        HM_ACTION_ADD_EXCLUSION,       9933,  9934,  HM_EBUSY       },
        {"meets a runtime row",    HM_ACTION_ADD_EXCLUSION,       5980,  5990,  HM_EBUSY       },
        {"meets a socket",         HM_ACTION_ADD_EXCLUSION,       9950,  9960,  HM_EBUSY       },
        {"port 0",                 HM_ACTION_ADD_EXCLUSION,       0,     5,     HM_EUNSUPPORTED},
        {"TIME_WAIT is no holder", HM_ACTION_ADD_EXCLUSION,       49801, 49801, HM_OK          },
        {"other bounds",           HM_ACTION_REMOVE_EXCLUSION,    9933,  9933,  HM_ECONFLICT   },
        {"no such row",            HM_ACTION_REMOVE_EXCLUSION,    7,     7,     HM_ECONFLICT   },
        {"a runtime row",          HM_ACTION_REMOVE_EXCLUSION,    5985,  5985,  HM_ECONFLICT   },
        {"no such value here",     HM_ACTION_SET_RESERVED_PORTS,  7,     7,     HM_EUNSUPPORTED},
        {"nor such a list",        HM_ACTION_SET_SYSCTL_RESERVED, 7,     7,     HM_EUNSUPPORTED},
    };
    struct host *host = *state;

    be_windows(host);
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct refused_case *row = &cases[i];
        enum hm_status st = exclude(host, row->kind, HM_IPV4, row->first, row->last);

        if (st != row->expected) {
            fail_msg("%s: %s, not %s", row->name, hm_status_name(st),
                     hm_status_name(row->expected));
        }
    }
    assert_string_equal(rows(host, HM_TCP, HM_IPV4), "9933-9934,49801,50000-50059");
}

static void test_busy_until_freed(void **state)
{
    struct host *host = *state;

    be_windows(host);
    assert_int_equal(add(host, HM_IPV4, 9955, 9955), HM_EBUSY);
    assert_int_equal(add(host, HM_IPV6, 9955, 9955), HM_OK); /* nobody has it there */
    put(host, "netstat.txt", "  TCP    0.0.0.0:135    0.0.0.0:0    LISTENING    700\r\n");
    assert_int_equal(add(host, HM_IPV4, 9955, 9955), HM_OK);
    put(host, "host.json",
        "{\"os\":{\"family\":\"windows\",\"version\":\"10.0.17763\"},\"listeners\":[{\"protocol\":"
        "\"tcp\",\"family\":\"ipv4\",\"address\":\"0.0.0.0\",\"port\":9956}]}");
    assert_int_equal(add(host, HM_IPV4, 9956, 9956), HM_EBUSY);
}

static void test_families_shared(void **state)
{
    struct host *host = *state;

    be_windows(host);
    put(host, "model.json", "{\"families_shared\": true}");
    assert_int_equal(add(host, HM_IPV6, 9955, 9955), HM_EBUSY); /* the socket of IPv4 counts */
    assert_int_equal(add(host, HM_IPV4, 9469, 9469), HM_OK);
    assert_string_equal(rows(host, HM_TCP, HM_IPV6), "9469,9933-9934,50000-50059");
    assert_string_equal(rows(host, HM_UDP, HM_IPV6), "9933-9934,50000-50059");
    assert_int_equal(add(host, HM_IPV6, 9469, 9469), HM_EBUSY); /* error 32 of the second one */
    assert_int_equal(take(host, HM_IPV4, 9469, 9469), HM_OK);
    assert_int_equal(take(host, HM_IPV6, 9469, 9469), HM_ECONFLICT);
    assert_false(exists(host, "changes.json"));
}

static void test_faults(void **state)
{
    struct host *host = *state;

    be_windows(host);
    put(host, "model.json",
        "{\"faults\": [{\"action\": \"add_exclusion\", \"answer\": \"busy\"},"
        "{\"action\": \"add_exclusion\", \"family\": \"ipv6\", \"answer\": \"denied\", \"done\": "
        "true},"
        "{\"action\": \"remove_exclusion\", \"answer\": \"ok\"}]}");
    assert_int_equal(add(host, HM_IPV4, 9469, 9469), HM_EBUSY); /* once */
    assert_int_equal(add(host, HM_IPV4, 9469, 9469), HM_OK);
    assert_int_equal(add(host, HM_IPV6, 9469, 9469), HM_EDENIED); /* and yet it is there */
    assert_string_equal(rows(host, HM_TCP, HM_IPV6), "9469,9933-9934,50000-50059");
    assert_int_equal(take(host, HM_IPV4, 9469, 9469), HM_OK); /* it says so */
    assert_string_equal(rows(host, HM_TCP, HM_IPV4), "9469,9933-9934,50000-50059");
    assert_int_equal(take(host, HM_IPV4, 9469, 9469), HM_OK);
    assert_string_equal(rows(host, HM_TCP, HM_IPV4), "9933-9934,50000-50059");
}

static enum hm_status set_range(struct host *host, bool of_stack, uint16_t first, uint16_t last)
{
    const struct hm_action action = {
        .kind = HM_ACTION_SET_RANGE,
        .has_protocol = of_stack,
        .protocol = HM_UDP,
        .has_family = of_stack,
        .family = HM_IPV6,
        .has_range = true,
        .range = {first, last}
    };

    return act(host, &action);
}

static void test_ranges(void **state)
{
    struct host *host = *state;
    struct hm_inventory inventory;

    be_windows(host);
    assert_int_equal(set_range(host, true, 1023, 60000), HM_EUNSUPPORTED);
    assert_int_equal(set_range(host, true, 50000, 50253), HM_EUNSUPPORTED); /* 254 */
    assert_int_equal(set_range(host, false, 50000, 60000), HM_EUNSUPPORTED);
    assert_int_equal(set_range(host, true, 50000, 50254), HM_OK);
    inventory = look(host);
    assert_int_equal(inventory.stacks.at[3].dynamic.last, 50254);
    assert_int_equal(inventory.stacks.at[2].dynamic.last, 65535);
    put(host, "ipv6-udp-dynamicport.txt", "Start Port : 1025\r\nNumber of Ports : 60000\r\n");
    assert_int_equal(look(host).stacks.at[3].dynamic.first, 1025); /* somebody set it since */
    put(host, "ipv6-udp-dynamicport.txt", DYNAMIC);
    assert_int_equal(set_range(host, true, 49152, 65535), HM_OK);
    assert_false(exists(host, "changes.json"));
}

static enum hm_status set_list(struct host *host, const char *text)
{
    struct hm_action action = {.kind = HM_ACTION_SET_SYSCTL_RESERVED};

    assert_int_equal(hm_ports_parse(text, strlen(text), &host->arena, &action.ports, &host->err),
                     HM_OK);
    return act(host, &action);
}

static void test_linux(void **state)
{
    struct host *host = *state;
    const struct hm_observation *seen;
    struct hm_observation observation;

    put(host, "host.json", LINUX);
    put(host, "sysctl.txt", SYSCTL);
    assert_int_equal(set_list(host, "8080,9955"), HM_OK);
    assert_string_equal(rows(host, HM_UDP, HM_IPV6), "8080,9955");
    assert_int_equal(
        hm_platform_recorded.observe(host->platform, &host->arena, &observation, &host->err),
        HM_OK);
    seen = &observation;
    assert_string_equal(hm_ports_text(seen->inventory.stacks.at[0].administered, &host->arena),
                        "8080,9955");
    assert_int_equal(set_range(host, true, 40000, 60999), HM_EUNSUPPORTED);
    assert_int_equal(set_range(host, false, 40000, 60999), HM_OK);
    assert_int_equal(look(host).stacks.at[0].dynamic.first, 40000);
    assert_int_equal(look(host).stacks.at[3].dynamic.first, 40000);
    assert_int_equal(add(host, HM_IPV4, 9469, 9469), HM_EUNSUPPORTED);
    put(host, "sysctl.txt",
        "net.ipv4.ip_local_port_range = 32768 60999\n"
        "net.ipv4.ip_local_reserved_ports =\n");
    assert_string_equal(rows(host, HM_TCP, HM_IPV4), ""); /* somebody cleared it */
    put(host, "sysctl.txt", SYSCTL);
    assert_int_equal(set_list(host, "8080"), HM_OK);
    assert_int_equal(set_range(host, false, 32768, 60999), HM_OK);
    assert_false(exists(host, "changes.json"));
}

static enum hm_status set_lines(struct host *host, const char *line)
{
    const char **lines = (const char **)hm_arena_alloc(&host->arena, 1, sizeof(*lines));
    struct hm_action action = {.kind = HM_ACTION_SET_RESERVED_PORTS, .unset = line == NULL};

    lines[0] = line;
    action.lines = (struct hm_strings){lines, line != NULL ? 1 : 0};
    return act(host, &action);
}

static const char *why_none(struct host *host)
{
    const char *why = NULL;

    assert_int_equal(
        hm_platform_recorded.try_ephemeral(host->platform, &host->arena, &why, &host->err), HM_OK);
    return why;
}

/* A value that would leave no port at all: the stack minds it after the next boot only. */
static void test_legacy_counts_after_a_boot(void **state)
{
    struct host *host = *state;
    const struct hm_action raise = {
        .kind = HM_ACTION_SET_RANGE, .has_range = true, .range = {1025, 60000}
    };
    struct hm_action unset = raise;
    struct hm_inventory inventory;

    unset.unset = true;
    put(host, "host.json", OLD("b1"));
    put(host, "netstat.txt", NETSTAT);
    put(host, "tcpip-parameters.reg", REG(""));
    assert_int_equal(set_lines(host, "1024-5000"), HM_OK);
    inventory = look(host);
    assert_int_equal(inventory.registry.reserved_ports.count, 1); /* there at once */
    assert_string_equal(inventory.registry.reserved_ports.at[0], "1024-5000");
    assert_string_equal(why_none(host), "");
    put(host, "host.json", OLD("b2"));
    assert_string_equal(why_none(host), "no port is left of tcp over ipv4, udp over ipv4");
    assert_int_equal(act(host, &raise), HM_OK);
    assert_int_equal(look(host).registry.max_user_port, 60000);
    assert_string_not_equal(why_none(host), ""); /* likewise */
    put(host, "host.json", OLD("b3"));
    assert_string_equal(why_none(host), "");
    assert_int_equal(act(host, &unset), HM_OK);
    assert_int_equal(set_lines(host, NULL), HM_OK);
    assert_false(look(host).registry.has_max_user_port);
    assert_false(look(host).registry.has_reserved_ports);
    assert_true(exists(host, "changes.json")); /* this boot still knows the old values */
    assert_int_equal(add(host, HM_IPV4, 9469, 9469), HM_EUNSUPPORTED);
}

static void test_legacy_same_boot_leaves_no_trace(void **state)
{
    struct host *host = *state;

    put(host, "host.json", OLD("b1"));
    put(host, "tcpip-parameters.reg", REG(""));
    assert_int_equal(set_lines(host, "9469-9469"), HM_OK);
    assert_true(exists(host, "changes.json"));
    assert_int_equal(set_lines(host, NULL), HM_OK);
    assert_false(exists(host, "changes.json"));
}

/* The value is shown at once; what was in force in this boot is kept until the next one. */
static void test_timed_wait_delay(void **state)
{
    struct host *host = *state;
    struct hm_action action = {.kind = HM_ACTION_SET_TIMED_WAIT_DELAY,
                               .has_timed_wait_delay_s = true,
                               .timed_wait_delay_s = 60};
    const struct hm_action unset = {.kind = HM_ACTION_SET_TIMED_WAIT_DELAY, .unset = true};

    put(host, "host.json", OLD("b1"));
    assert_int_equal(act(host, &action), HM_EUNSUPPORTED); /* the registry is not known */
    put(host, "tcpip-parameters.reg", REG("\"TcpTimedWaitDelay\"=dword:000000f0"));
    assert_int_equal(act(host, &action), HM_OK);
    assert_int_equal(look(host).registry.tcp_timed_wait_delay_s, 60);
    assert_int_equal(act(host, &unset), HM_OK);
    assert_false(look(host).registry.has_tcp_timed_wait_delay_s);
    action.timed_wait_delay_s = 240;
    assert_int_equal(act(host, &action), HM_OK);
    assert_false(exists(host, "changes.json")); /* as in the file, and no boot was between */
    action.timed_wait_delay_s = 60;
    assert_int_equal(act(host, &action), HM_OK);
    put(host, "host.json", OLD("b2"));
    action.timed_wait_delay_s = 240;
    assert_int_equal(act(host, &action), HM_OK);
    assert_int_equal(look(host).registry.tcp_timed_wait_delay_s, 240);
    assert_true(exists(host, "changes.json")); /* 60 is in force in this boot */
    /* The file says something else now: somebody changed the host after us. */
    put(host, "tcpip-parameters.reg", REG("\"TcpTimedWaitDelay\"=dword:0000005a"));
    assert_int_equal(look(host).registry.tcp_timed_wait_delay_s, 90);
}

static void test_nothing_left(void **state)
{
    struct host *host = *state;
    struct hm_buf text;

    be_windows(host);
    assert_string_equal(why_none(host), "");
    hm_buf_init(&text, HM_LIMIT_INPUT_FILE_BYTES);
    for (unsigned port = 49152; port <= 65535; port++) {
        (void)hm_buf_printf(&text, "  UDP    0.0.0.0:%u           *:*             700\r\n", port);
    }
    put(host, "netstat.txt", hm_buf_text(&text));
    hm_buf_fini(&text);
    /* as in samples, a port that one family has is taken in both */
    assert_string_equal(why_none(host), "no port is left of udp over ipv4, udp over ipv6");
}

static void test_broken_overlay(void **state)
{
    struct host *host = *state;

    be_windows(host);
    put(host, "changes.json", "{\"added\": 5}");
    assert_int_equal(add(host, HM_IPV4, 9469, 9469), HM_EINVAL);
    assert_non_null(strstr(host->err.text, "changes.json"));
}

#if defined(__linux__)
/* In a process of its own, as nobody when this is root. */
static void test_read_only_folder(void **state)
{
    struct host *host = *state;
    int status = -1;
    pid_t child;

    be_windows(host);
    assert_int_equal(chmod(host->folder, 0555), 0);
    child = fork();
    if (child == 0) {
        if (geteuid() == 0 && setuid(65534) != 0) {
            _exit(3);
        }
        if (add(host, HM_IPV4, 9469, 9469) != HM_EDENIED) {
            _exit(1);
        }
        _exit(strstr(host->err.text, "work on a copy") != NULL ? 0 : 2);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(host->folder, 0755), 0);
}
#endif

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(test_add_and_remove),
        CASE(test_refused),
        CASE(test_busy_until_freed),
        CASE(test_families_shared),
        CASE(test_faults),
        CASE(test_ranges),
        CASE(test_linux),
        CASE(test_legacy_counts_after_a_boot),
        CASE(test_legacy_same_boot_leaves_no_trace),
        CASE(test_timed_wait_delay),
        CASE(test_nothing_left),
        CASE(test_broken_overlay),
#if defined(__linux__)
        CASE(test_read_only_folder),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
