/* tests/unit/agent/test_linux_real.c — the Linux platform on the real kernel with the real loaders
 * of sysctl.d, in network and mount namespaces of its own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/platform/platform.h"
#include "common/base/limits.h"
#include "common/os/os.h"

#define RESERVED "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define RANGE "/proc/sys/net/ipv4/ip_local_port_range"
#define FOREIGN "/etc/sysctl.d/50-foreign.conf"
#define FOREIGN_TEXT "net.ipv4.ip_local_reserved_ports = 8080,50000-50059\n"

/* All read the files of sysctl.d as a boot would; any may be missing. */
struct loader {
    const char *program;
    const char *command;
    bool takes_long; /* more than a page of one value */
};

static const struct loader loaders[] = {
    {"/usr/sbin/sysctl",            "/usr/sbin/sysctl --system >/dev/null 2>&1", false},
    {"/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl",               true },
};

static bool apart; /* we are where nothing of this machine is changed */

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bool hide(const char *folder)
{
    return access(folder, F_OK) != 0 || mount("tmpfs", folder, "tmpfs", 0, NULL) == 0;
}

/* Loaders see our files only: those of this machine set more than ports. */
static bool step_aside(void)
{
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
        return false;
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && hide("/etc/sysctl.d") &&
           hide("/run/sysctl.d") && hide("/usr/local/lib/sysctl.d") && hide("/usr/lib/sysctl.d") &&
           hide("/lib/sysctl.d") &&
           (access("/etc/sysctl.conf", F_OK) != 0 ||
            mount("/dev/null", "/etc/sysctl.conf", NULL, MS_BIND, NULL) == 0) &&
           access("/etc/sysctl.d", W_OK) == 0 && access(RESERVED, W_OK) == 0;
}

struct host {
    struct hm_arena arena;
    struct hm_platform *platform;
    struct hm_err err;
};

static int start(void **state)
{
    struct host *host = calloc(1, sizeof(*host));

    assert_non_null(host);
    hm_arena_init(&host->arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    assert_int_equal(hm_platform_native.open("", &host->platform, &host->err), HM_OK);
    *state = host;
    return 0;
}

static int stop(void **state)
{
    struct host *host = *state;

    hm_platform_native.close(host->platform);
    hm_arena_fini(&host->arena);
    free(host);
    return 0;
}

static const struct hm_stack *look(struct host *host)
{
    struct hm_inventory inventory = {.os = {.family = HM_OS_LINUX}};

    assert_int_equal(
        hm_platform_native.reread(host->platform, NULL, &host->arena, &inventory, &host->err),
        HM_OK);
    assert_int_equal(inventory.stacks.count, HM_STACK_COUNT);
    return &inventory.stacks.at[0];
}

static const char *list(struct host *host)
{
    return hm_ports_text(look(host)->administered, &host->arena);
}

static struct hm_ports ports(struct host *host, const char *text)
{
    struct hm_ports made;

    assert_int_equal(hm_ports_parse(text, strlen(text), &host->arena, &made, &host->err), HM_OK);
    return made;
}

static void reserve(struct host *host, const char *all, const char *ours)
{
    struct hm_owned row = {"payroll", 1, ports(host, ours), ""};
    const struct hm_action action = {
        .kind = HM_ACTION_SET_SYSCTL_RESERVED,
        .ports = ports(host, all),
        .owned = {&row, row.ports.count > 0 ? 1 : 0},
        .restores = row.ports.count == 0
    };

    assert_int_equal(hm_platform_native.change(host->platform, &action, &host->arena, &host->err),
                     HM_OK);
}

static enum hm_status set_range(struct host *host, uint16_t first, uint16_t last, bool restores)
{
    const struct hm_action action = {
        .kind = HM_ACTION_SET_RANGE,
        .has_range = true,
        .range = {first, last},
        .restores = restores
    };

    return hm_platform_native.change(host->platform, &action, &host->arena, &host->err);
}

static void load(struct host *host, const struct loader *loader)
{
    put(RESERVED, "\n");
    assert_int_equal(system(loader->command), 0);
    assert_non_null(list(host));
}

/* What each loader makes of the files is expected. */
static void load_all(struct host *host, const char *expected)
{
    for (size_t i = 0; i < HM_COUNT(loaders); i++) {
        if (access(loaders[i].program, X_OK) == 0) {
            load(host, &loaders[i]);
            assert_string_equal(list(host), expected);
        }
    }
}

static void test_survives_and_leaves_no_trace(void **state)
{
    struct host *host = *state;

    if (!apart) {
        skip();
    }
    put(FOREIGN, FOREIGN_TEXT);
    put(RESERVED, "7000,8080,50000-50059\n"); /* 7000 at run time only */
    reserve(host, "7000,8080,9955,50000-50059", "9955");
    assert_string_equal(list(host), "7000,8080,9955,50000-50059");
    load_all(host, "8080,9955,50000-50059");
    reserve(host, "8080,50000-50059", "");
    assert_string_equal(list(host), "8080,50000-50059");
    load_all(host, "8080,50000-50059");
    assert_int_equal(access(HM_LINUX_SYSCTL_FILE, F_OK), -1);
    assert_int_equal(unlink(FOREIGN), 0);
    put(RESERVED, "\n");
}

static void test_clears(void **state)
{
    struct host *host = *state;

    if (!apart) {
        skip();
    }
    reserve(host, "9955", "9955");
    assert_string_equal(list(host), "9955");
    reserve(host, "", "");
    assert_string_equal(list(host), "");
}

/* The kernel takes a page at once, and so does one loader: the ports of others come first. */
static void test_long_list(void **state)
{
    struct host *host = *state;
    struct hm_ports seen;
    struct hm_buf text;
    const char *all;

    if (!apart) {
        skip();
    }
    hm_buf_init(&text, HM_LIMIT_INPUT_FILE_BYTES);
    for (unsigned port = 1; port < HM_PORT_COUNT; port += 2) {
        (void)hm_buf_printf(&text, "%s%u", port == 1 ? "" : ",", port);
    }
    all = hm_arena_strdup(&host->arena, hm_buf_text(&text));
    hm_buf_fini(&text);
    put(FOREIGN, "net.ipv4.ip_local_reserved_ports = 65535\n");
    reserve(host, all, all);
    assert_true(hm_ports_equal(look(host)->administered, ports(host, all)));
    for (size_t i = 0; i < HM_COUNT(loaders); i++) {
        if (access(loaders[i].program, X_OK) == 0) {
            load(host, &loaders[i]);
            seen = look(host)->administered;
            assert_true(loaders[i].takes_long ? hm_ports_equal(seen, ports(host, all))
                                              : hm_ports_contains(seen, 65535));
        }
    }
    assert_int_equal(unlink(FOREIGN), 0);
    reserve(host, "5", "5");
    assert_string_equal(list(host), "5");
    reserve(host, "", "");
}

static void test_range(void **state)
{
    struct host *host = *state;
    struct hm_range before;

    if (!apart) {
        skip();
    }
    before = look(host)->dynamic;
    assert_int_equal(set_range(host, 40000, 60999, false), HM_OK);
    assert_int_equal(look(host)->dynamic.first, 40000);
    assert_int_equal(set_range(host, 1, 65535, false),
                     HM_EUNSUPPORTED); /* below unprivileged ports */
    assert_int_equal(look(host)->dynamic.first, 40000);
    assert_int_equal(set_range(host, before.first, before.last, true), HM_OK);
    assert_int_equal(look(host)->dynamic.first, before.first);
    assert_int_equal(access(HM_LINUX_SYSCTL_FILE, F_OK), -1);
}

static void test_nothing_left(void **state)
{
    struct host *host = *state;
    const char *why = NULL;
    int taken[4];

    if (!apart) {
        skip();
    }
    put(RANGE, "40000 40003\n");
    put(RESERVED, "40001\n");
    for (size_t i = 0; i < HM_COUNT(taken); i++) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)(40000 + i))};

        taken[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(taken[i] >= 0);
        if (i != 1) { /* that one is reserved */
            assert_int_equal(bind(taken[i], (const struct sockaddr *)&address, sizeof(address)), 0);
        }
    }
    assert_int_equal(
        hm_platform_native.try_ephemeral(host->platform, &host->arena, &why, &host->err), HM_OK);
    assert_string_equal(why, "no port is left of tcp over ipv4");
    for (size_t i = 0; i < HM_COUNT(taken); i++) {
        assert_int_equal(close(taken[i]), 0);
    }
    assert_int_equal(
        hm_platform_native.try_ephemeral(host->platform, &host->arena, &why, &host->err), HM_OK);
    assert_string_equal(why, "");
    put(RESERVED, "\n");
    put(RANGE, "32768 60999\n");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(test_survives_and_leaves_no_trace),
        CASE(test_clears),
        CASE(test_long_list),
        CASE(test_range),
        CASE(test_nothing_left),
    };

    apart = step_aside();
    if (!apart) {
        print_message("no namespaces of its own here (not root?): everything is skipped\n");
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
