/* tests/unit/agent/test_linux_reserve.c — our reserved ports where a unit of systemd adds them at
 * each boot: what others set counts as if we were not there, and ours are added to it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/os/os.h"
#include "tests/support/linux_host.h"

#define OTHER "/etc/sysctl.d/50-other.conf"
#define UNIT "/usr/lib/systemd/system/" HM_LINUX_BOOT_UNIT
#define WANTS "/usr/lib/systemd/system/sysinit.target.wants/" HM_LINUX_BOOT_UNIT
#define RANGE_KEY "net.ipv4.ip_local_port_range = "

static int start(void **state)
{
    const int st = linux_host_start(state);

    linux_host_install_unit(*state);
    return st;
}

static const char *in_boot_file(struct linux_host *host)
{
    return linux_host_kept_in(host, HM_LINUX_BOOT_FILE);
}

static void is_running(struct linux_host *host, const char *expected)
{
    struct hm_ports now;

    assert_int_equal(hm_linux_running(host->root, &host->arena, &now, &host->err), HM_OK);
    assert_string_equal(hm_ports_text(now, &host->arena), expected);
}

/* What the boot leaves in force: the loader's value, then the unit. */
static const char *boot(struct linux_host *host, const char *loaded)
{
    const char *text = "";

    linux_host_put(host, RESERVED, loaded);
    assert_int_equal(hm_platform_native.at_boot(host->platform, &host->arena, &text, &host->err),
                     HM_OK);
    return text;
}

static bool reapply(struct linux_host *host, const char *ours, bool always)
{
    const struct hm_ledger ledger = linux_host_ledger(host, ours);
    bool added = false;

    assert_int_equal(hm_platform_native.reapply(host->platform, &ledger, always, &host->arena,
                                                &added, &host->err),
                     HM_OK);
    return added;
}

static void test_only_ours_is_kept(void **state)
{
    struct linux_host *host = *state;

    linux_host_put(host, OTHER, KEY "8080\n");
    linux_host_put(host, RESERVED, "8080,33333\n");
    assert_int_equal(linux_host_reserve(host, "8080,9955,33333", "9955"), HM_OK);
    is_running(host, "8080,9955,33333");
    assert_string_equal(in_boot_file(host), KEY "9955\n");
    assert_null(linux_host_get(host, HM_LINUX_SYSCTL_FILE));
    assert_false(linux_host_keep(host, "9955"));
    assert_string_equal(boot(host, "8080\n"), "reserved 9955");
    is_running(host, "8080,9955");
    assert_int_equal(linux_host_reserve(host, "8080", ""), HM_OK);
    is_running(host, "8080");
    assert_null(linux_host_get(host, HM_LINUX_BOOT_FILE));
    assert_string_equal(linux_host_get(host, OTHER), KEY "8080\n");
    assert_string_equal(boot(host, "8080\n"), "");
    is_running(host, "8080");
}

/* L2, L12: later ports, a file that sorts behind every name of ours, a pattern. */
static void test_others_are_in_force(void **state)
{
    struct linux_host *host = *state;

    assert_int_equal(linux_host_reserve(host, "9955", "9955"), HM_OK);
    linux_host_put(host, OTHER, KEY "8080,40500\n");
    (void)boot(host, "8080,40500\n");
    is_running(host, "8080,9955,40500");
    linux_host_put(host, "/etc/sysctl.d/~last.conf", KEY "7000\n");
    (void)boot(host, "7000\n");
    is_running(host, "7000,9955");
    assert_int_equal(unlink(linux_host_at(host, "/etc/sysctl.d/~last.conf")), 0);
    linux_host_put(host, OTHER, "net.ipv4.ip_local_reserved_po* = 3333\n");
    (void)boot(host, "3333\n");
    is_running(host, "3333,9955");
    assert_false(linux_host_keep(host, "9955"));
    assert_string_equal(in_boot_file(host), KEY "9955\n");
}

/* L2, L7: a reload takes ours out; that is no harm, and theirs is in force. */
static void test_reload_is_no_harm(void **state)
{
    struct linux_host *host = *state;

    linux_host_put(host, OTHER, KEY "8080\n");
    linux_host_put(host, "/etc/sysctl.d/60-more.conf", KEY "8080,9000-9010\n");
    linux_host_put(host, "/etc/sysctl.conf", KEY "7000\n");
    assert_int_equal(linux_host_reserve(host, "8080,9000-9010,9955", "9955"), HM_OK);
    assert_false(reapply(host, "9955", false));
    linux_host_put(host, RESERVED, "8080,9000-9010\n"); /* systemd-sysctl */
    assert_true(reapply(host, "9955", false));
    is_running(host, "8080,9000-9010,9955");
    linux_host_put(host, RESERVED, "7000\n"); /* sysctl --system */
    assert_true(reapply(host, "9955", false));
    is_running(host, "7000,9955");
    linux_host_put(host, RESERVED, "8080\n"); /* sysctl -p 50-other.conf */
    assert_true(reapply(host, "9955", false));
    is_running(host, "8080,9955");
    linux_host_put(host, RESERVED, "8080,9000\n"); /* by nobody's file: it was undone */
    assert_false(reapply(host, "9955", false));
    is_running(host, "8080,9000");
    assert_true(reapply(host, "9955", true));
    is_running(host, "8080,9000,9955");
    assert_false(reapply(host, "", true)); /* nothing is ours any more */
}

/* Where a file of ours is read last, no reload takes anything out: what is missing was undone. */
static void test_reload_without_the_unit(void **state)
{
    struct linux_host *host = *state;

    assert_int_equal(unlink(linux_host_at(host, WANTS)), 0);
    linux_host_put(host, OTHER, KEY "8080\n");
    assert_int_equal(linux_host_reserve(host, "8080,9955", "9955"), HM_OK);
    linux_host_put(host, RESERVED, "8080\n");
    assert_false(reapply(host, "9955", false));
    assert_false(reapply(host, "9955", true));
    is_running(host, "8080");
}

/* A host of the version before: its file goes, the ports stay in force, nothing counts as undone.
 */
static void test_upgrade(void **state)
{
    struct linux_host *host = *state;

    linux_host_put(host, OTHER, KEY "8080\n");
    linux_host_put(host, RESERVED, "8080,9955\n");
    linux_host_put(host, HM_LINUX_SYSCTL_FILE, KEY "8080,9955\n" RANGE_KEY "40000 60999\n");
    assert_false(linux_host_keep(host, "9955"));
    is_running(host, "8080,9955");
    assert_string_equal(in_boot_file(host), KEY "9955\n");
    assert_null(linux_host_get(host, HM_LINUX_SYSCTL_FILE));
    assert_string_equal(linux_host_get(host, OTHER), KEY "8080\n");
}

/* The unit goes and comes: the ports outlive a boot in one way or the other. */
static void test_way_changes(void **state)
{
    struct linux_host *host = *state;

    linux_host_put(host, OTHER, KEY "8080\n");
    assert_int_equal(linux_host_reserve(host, "8080,9955", "9955"), HM_OK);
    assert_int_equal(hm_os_make_folder(linux_host_at(host, "/etc/systemd/system"), 0755, NULL),
                     HM_OK);
    assert_int_equal(
        symlink("/dev/null", linux_host_at(host, "/etc/systemd/system/" HM_LINUX_BOOT_UNIT)), 0);
    assert_false(linux_host_keep(host, "9955"));
    assert_string_equal(linux_host_kept(host), KEY "8080,9955\n");
    assert_null(linux_host_get(host, HM_LINUX_BOOT_FILE));
    assert_int_equal(unlink(linux_host_at(host, "/etc/systemd/system/" HM_LINUX_BOOT_UNIT)), 0);
    assert_false(linux_host_keep(host, "9955"));
    assert_string_equal(in_boot_file(host), KEY "9955\n");
    assert_null(linux_host_get(host, HM_LINUX_SYSCTL_FILE));
}

/* The agent leaves for good, and the reservations stay: its unit may go, too. */
static void test_stays_without_the_agent(void **state)
{
    struct linux_host *host = *state;

    assert_int_equal(hm_platform_native.leave(host->platform, &host->arena, &host->err), HM_OK);
    assert_null(linux_host_get(host, HM_LINUX_SYSCTL_FILE));
    linux_host_put(host, OTHER, KEY "8080\n");
    assert_int_equal(linux_host_reserve(host, "8080,9955", "9955"), HM_OK);
    assert_int_equal(linux_host_set_range(host, 40000, 60999, false), HM_OK);
    for (unsigned times = 0; times < 2; times++) {
        assert_int_equal(hm_platform_native.leave(host->platform, &host->arena, &host->err), HM_OK);
        assert_string_equal(linux_host_kept(host), KEY "8080,9955\n" RANGE_KEY "40000 60999\n");
        assert_null(linux_host_get(host, HM_LINUX_BOOT_FILE));
    }
    is_running(host, "8080,9955");
}

/* A range has one owner: read last, and set by the unit behind every name. */
static void test_range(void **state)
{
    struct linux_host *host = *state;

    assert_int_equal(linux_host_reserve(host, "9955", "9955"), HM_OK);
    assert_int_equal(linux_host_set_range(host, 40000, 60999, false), HM_OK);
    assert_string_equal(linux_host_kept(host), RANGE_KEY "40000 60999\n");
    assert_string_equal(in_boot_file(host), KEY "9955\n" RANGE_KEY "40000 60999\n");
    linux_host_put(host, RANGE, "32768\t60999\n");
    assert_string_equal(boot(host, "\n"), "reserved 9955; range 40000-60999");
    assert_string_equal(linux_host_get(host, RANGE), "40000 60999\n");
    assert_int_equal(linux_host_reserve(host, "", ""), HM_OK);
    assert_string_equal(in_boot_file(host), RANGE_KEY "40000 60999\n");
    assert_int_equal(linux_host_set_range(host, 32768, 60999, true), HM_OK);
    assert_null(linux_host_get(host, HM_LINUX_SYSCTL_FILE));
    assert_null(linux_host_get(host, HM_LINUX_BOOT_FILE));
}

static void test_damage_is_said(void **state)
{
    struct linux_host *host = *state;
    const char *text = "";

    linux_host_put(host, HM_LINUX_BOOT_FILE, KEY "9955\n" RANGE_KEY "what\n");
    assert_int_equal(hm_platform_native.at_boot(host->platform, &host->arena, &text, &host->err),
                     HM_EINVAL);
    assert_non_null(strstr(host->err.text, HM_LINUX_BOOT_FILE));
    is_running(host, "9955"); /* what can be used is */
    assert_true(linux_host_keep(host, "9933,9955"));
    assert_string_equal(in_boot_file(host), KEY "9933,9955\n");
    assert_int_equal(unlink(linux_host_at(host, RESERVED)), 0);
    assert_int_not_equal(
        hm_platform_native.at_boot(host->platform, &host->arena, &text, &host->err), HM_OK);
}

static void test_next_boot(void **state)
{
    struct linux_host *host = *state;
    struct hm_inventory inventory = {.os = {.family = HM_OS_LINUX}};

    linux_host_put(host, OTHER, KEY "8080\n");
    assert_int_equal(linux_host_reserve(host, "8080,9955", "9955"), HM_OK);
    assert_int_equal(
        hm_platform_native.reread(host->platform, NULL, &host->arena, &inventory, &host->err),
        HM_OK);
    assert_false(inventory.stacks.at[0].has_next_administered);
    linux_host_put(host, "/etc/sysctl.d/~last.conf", KEY "7000\n");
    assert_int_equal(
        hm_platform_native.reread(host->platform, NULL, &host->arena, &inventory, &host->err),
        HM_OK);
    assert_true(inventory.stacks.at[0].has_next_administered);
    assert_string_equal(hm_ports_text(inventory.stacks.at[0].next_administered, &host->arena),
                        "7000,9955");
}

/* The kernel refuses: what was kept for the next boot is as before. */
static void test_refused_by_the_kernel(void **state)
{
    struct linux_host *host = *state;

    assert_int_equal(unlink(linux_host_at(host, RESERVED)), 0);
    assert_int_equal(linux_host_reserve(host, "9955", "9955"), HM_EUNSUPPORTED);
    assert_null(linux_host_get(host, HM_LINUX_BOOT_FILE));
    assert_null(linux_host_get(host, HM_LINUX_SYSCTL_FILE));
}

struct unit_case {
    const char *name;
    const char *removed; /* a path */
    const char *masked;  /* likewise */
    const char *how;
};

static const struct unit_case unit_cases[] = {
    {"in place",              NULL,                  NULL,                                                           "reserved by " HM_LINUX_BOOT_UNIT},
    {"no systemd",            "/run/systemd/system", NULL,                                                           "systemd does not run"           },
    {"not installed",         UNIT,                  NULL,                                                           "not installed"                  },
    {"not started",           WANTS,                 NULL,                                                           "sysinit.target does not"        },
    {"masked",                NULL,                  "/etc/systemd/system/" HM_LINUX_BOOT_UNIT,                      "masked"                         },
    {"masked until the boot", NULL,                  "/run/systemd/system/" HM_LINUX_BOOT_UNIT,                      "masked"                         },
    {"its link is masked",    NULL,                  "/etc/systemd/system/sysinit.target.wants/" HM_LINUX_BOOT_UNIT,
     "sysinit.target does not"                                                                                                                        },
};

static void test_unit_is_found(void **state)
{
    for (size_t i = 0; i < HM_COUNT(unit_cases); i++) {
        const struct unit_case *row = &unit_cases[i];
        struct linux_host *host;
        const char *how = "";
        bool is = false;

        print_message("%s\n", row->name);
        assert_int_equal(linux_host_stop(state), 0);
        assert_int_equal(start(state), 0);
        host = *state;
        if (row->removed != NULL) {
            assert_int_equal(remove(linux_host_at(host, row->removed)), 0);
        }
        if (row->masked != NULL) {
            linux_host_put(host, row->masked, "");
            assert_int_equal(unlink(linux_host_at(host, row->masked)), 0);
            assert_int_equal(symlink("/dev/null", linux_host_at(host, row->masked)), 0);
        }
        assert_int_equal(hm_linux_boot_unit(host->root, &host->arena, &is, &how, &host->err),
                         HM_OK);
        assert_int_equal(is, i == 0);
        assert_non_null(strstr(how, row->how));
    }
}

/* Killed while the old file stands beside the new one: both count, and the next look ends it. */
static void test_killed_in_between(void **state)
{
    const struct timespec moment = {0, 2000000};
    struct linux_host *host = *state;
    int status;
    pid_t child;

    linux_host_put(host, OTHER, KEY "8080\n");
    assert_int_equal(unlink(linux_host_at(host, RESERVED)), 0);
    assert_int_equal(mkfifo(linux_host_at(host, RESERVED), 0600), 0);
    child = fork();
    if (child == 0) {
        (void)linux_host_reserve(host, "8080,9955", "9955");
        _exit(0);
    }
    assert_true(child > 0);
    for (int i = 0; i < 5000 && strcmp(in_boot_file(host), KEY "9955\n") != 0; i++) {
        (void)nanosleep(&moment, NULL);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_string_equal(in_boot_file(host), KEY "9955\n");
    assert_int_equal(unlink(linux_host_at(host, RESERVED)), 0);
    assert_string_equal(boot(host, "8080\n"), "reserved 9955");
    linux_host_put(host, HM_LINUX_SYSCTL_FILE, KEY "8080,9955\n"); /* as of an upgrade */
    assert_false(linux_host_keep(host, "9955"));
    assert_null(linux_host_get(host, HM_LINUX_SYSCTL_FILE));
    is_running(host, "8080,9955");
    assert_int_equal(linux_host_reserve(host, "8080", ""), HM_OK);
    assert_null(linux_host_get(host, HM_LINUX_BOOT_FILE));
    is_running(host, "8080");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, linux_host_stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(test_only_ours_is_kept),
        CASE(test_others_are_in_force),
        CASE(test_reload_is_no_harm),
        CASE(test_reload_without_the_unit),
        CASE(test_upgrade),
        CASE(test_way_changes),
        CASE(test_stays_without_the_agent),
        CASE(test_range),
        CASE(test_damage_is_said),
        CASE(test_next_boot),
        CASE(test_refused_by_the_kernel),
        CASE(test_unit_is_found),
        CASE(test_killed_in_between),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
