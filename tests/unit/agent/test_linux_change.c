/* tests/unit/agent/test_linux_change.c — what the Linux platform changes and what it keeps for the
 * next boot, on a system below a folder of its own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/platform/platform.h"
#include "common/base/limits.h"
#include "common/os/os.h"
#include "tests/support/linux_host.h"

#define RANGE_KEY "net.ipv4.ip_local_port_range = "

#define NOBODY 65534

static void test_reserve_and_retire(void **state)
{
    struct linux_host *host = *state;

    linux_host_put(host, RESERVED, "8080\n");
    assert_int_equal(linux_host_reserve(host, "8080,9955", "9955"), HM_OK);
    assert_string_equal(linux_host_get(host, RESERVED), "8080,9955\n");
    assert_string_equal(linux_host_kept(host),
                        KEY "9955\n"); /* 8080 did not outlive a boot before */
    assert_int_equal(linux_host_reserve(host, "8080", ""), HM_OK);
    assert_string_equal(linux_host_get(host, RESERVED), "8080\n");
    assert_null(linux_host_get(host, HM_LINUX_SYSCTL_FILE));
    assert_int_equal(linux_host_reserve(host, "9955", "9955"), HM_OK);
    assert_int_equal(linux_host_reserve(host, "", ""), HM_OK);
    assert_string_equal(linux_host_get(host, RESERVED), "\n"); /* what makes the kernel clear it */
}

static void test_reread_shows_it(void **state)
{
    struct linux_host *host = *state;
    struct hm_inventory inventory = {.os = {.family = HM_OS_LINUX}, .has_services = true};

    assert_int_equal(linux_host_reserve(host, "9955,9933", "9955,9933"), HM_OK);
    assert_int_equal(linux_host_set_range(host, 40000, 60999, false), HM_OK);
    assert_int_equal(
        hm_platform_native.reread(host->platform, NULL, &host->arena, &inventory, &host->err),
        HM_OK);
    assert_int_equal(inventory.stacks.count, HM_STACK_COUNT);
    assert_int_equal(inventory.stacks.at[3].dynamic.first, 40000);
    assert_string_equal(hm_ports_text(inventory.stacks.at[3].administered, &host->arena),
                        "9933,9955");
    assert_true(inventory.has_services); /* other facts stay */
}

struct foreign_case {
    const char *name;
    const char *path[3];
    const char *text[3];
    const char *expected; /* with 9955 of ours */
};

static const struct foreign_case foreign_cases[] = {
    {"earlier file",
     {"/etc/sysctl.d/50-x.conf"},
     {"net.ipv4.ip_local_reserved_ports = 8080\n"},
     "8080,9955"     },
    {"the last one wins",
     {"/etc/sysctl.d/50-x.conf", "/usr/lib/sysctl.d/60-y.conf"},
     {"net.ipv4.ip_local_reserved_ports = 8080\n", "net.ipv4.ip_local_reserved_ports=7000-7001"},
     "7000-7001,9955"},
    {"etc hides the same name below",
     {"/etc/sysctl.d/50-x.conf", "/run/sysctl.d/50-x.conf", "/usr/lib/sysctl.d/50-x.conf"},
     {"# nothing\n", "net.ipv4.ip_local_reserved_ports = 1\n",
      "net.ipv4.ip_local_reserved_ports = 2\n"},
     "9955"          },
    {"one loader ends with sysctl.conf",
     {"/etc/sysctl.d/99-x.conf", "/etc/sysctl.conf"},
     {"net.ipv4.ip_local_reserved_ports = 8080\n", "net/ipv4/ip_local_reserved_ports = 7000\n"},
     "7000,8080,9955"},
    {"an empty value takes earlier ones away",
     {"/etc/sysctl.d/50-x.conf", "/etc/sysctl.d/60-y.conf"},
     {"net.ipv4.ip_local_reserved_ports = 8080\n", "net.ipv4.ip_local_reserved_ports =\n"},
     "9955"          },
    {"broken lines hide nothing",
     {"/etc/sysctl.d/50-x.conf"},
     {"what is this\n-net.ipv4.ip_local_reserved_ports = 8080,\nip_local_ nonsense\n"},
     "8080,9955"     },
    {"other suffixes are no settings",
     {"/etc/sysctl.d/50-x.conf.bak", "/etc/sysctl.d/README"},
     {"net.ipv4.ip_local_reserved_ports = 8080\n", "net.ipv4.ip_local_reserved_ports = 8081\n"},
     "9955"          },
    {"a file behind ours is heard, too",
     {"/etc/sysctl.d/zzzzz.conf"},
     {"net.ipv4.ip_local_reserved_ports = 8080\n"},
     "8080,9955"     },
    {"the same port",
     {"/etc/sysctl.conf"},
     {"net.ipv4.ip_local_reserved_ports = 9950-9960\n"},
     "9950-9960"     },
};

static void test_files_of_others(void **state)
{
    for (size_t i = 0; i < HM_COUNT(foreign_cases); i++) {
        const struct foreign_case *row = &foreign_cases[i];
        struct linux_host *host;
        const char *expected;

        assert_int_equal(linux_host_stop(state), 0);
        assert_int_equal(linux_host_start(state), 0);
        host = *state;
        for (size_t k = 0; k < 3 && row->path[k] != NULL; k++) {
            linux_host_put(host, row->path[k], row->text[k]);
        }
        assert_int_equal(linux_host_reserve(host, "9955", "9955"), HM_OK);
        expected = hm_arena_printf(&host->arena, KEY "%s\n", row->expected);
        if (strcmp(linux_host_kept(host), expected) != 0) {
            fail_msg("%s: kept \"%s\", not \"%s\"", row->name, linux_host_kept(host), expected);
        }
        assert_int_equal(linux_host_reserve(host, "", ""), HM_OK);
        for (size_t k = 0; k < 3 && row->path[k] != NULL; k++) {
            assert_string_equal(linux_host_get(host, row->path[k]), row->text[k]);
        }
        assert_string_equal(linux_host_kept(host), "");
    }
}

/* The file that sets another list than the one of a remedy does. */
static void test_file_behind_a_remedy(void **state)
{
    static const struct {
        const char *path;
        const char *text;
        const char *reserved;
        const char *range;
    } steps[] = {
        {"/etc/sysctl.d/99-x.conf",                    KEY "8080\n" RANGE_KEY "20000 60999\n", "",                              ""                             },
        {"/etc/sysctl.d/zzzzzzzz-port-range.conf",     RANGE_KEY "32768 60999\n",              "",                              ""                             },
        {"/etc/sysctl.d/zzzzzzzz-reserved-ports.conf", KEY "1\n",                              "",                              ""                             },
        {"/etc/sysctl.d/zzzzzzzzz-havenmaster.conf",   KEY "1\n" RANGE_KEY "20000 60999\n",    "",                              ""                             },
        {"/etc/sysctl.d/zzzzzzzzzz.conf",              "net.ipv4.ip_forward = 1\n",            "",                              ""                             },
        {"/etc/sysctl.d/zzzzzzzz-q.conf",              KEY "8080\n" RANGE_KEY "20000 60999\n", "",
         "/etc/sysctl.d/zzzzzzzz-q.conf"                                                                                                                       },
        {"/run/sysctl.d/zzzzzzzzzy.conf",              KEY "8081\n",                           "/run/sysctl.d/zzzzzzzzzy.conf",
         "/etc/sysctl.d/zzzzzzzz-q.conf"                                                                                                                       },
        {"/etc/sysctl.d/zzzzzzzzzz.conf",              KEY "8082\n" RANGE_KEY "20000 60999\n",
         "/etc/sysctl.d/zzzzzzzzzz.conf",                                                                                       "/etc/sysctl.d/zzzzzzzzzz.conf"},
    };
    struct linux_host *host = *state;
    struct hm_observation seen;
    const char *path = NULL;
    const char *range = NULL;

    for (size_t i = 0; i < HM_COUNT(steps); i++) {
        linux_host_put(host, steps[i].path, steps[i].text);
        assert_int_equal(
            hm_linux_sysctl_behind(host->root, &host->arena, &path, &range, &host->err), HM_OK);
        assert_string_equal(path, steps[i].reserved);
        assert_string_equal(range, steps[i].range);
    }
    assert_int_equal(hm_platform_native.observe(host->platform, &host->arena, &seen, &host->err),
                     HM_OK);
    assert_string_equal(seen.reserved_behind, path);
    assert_string_equal(seen.range_behind, range);
    /* one that cannot be read (a folder in its place) may set both */
    linux_host_put(host, "/etc/sysctl.d/zzzzzzzzzzz.conf/x", "");
    assert_int_equal(hm_linux_sysctl_behind(host->root, &host->arena, &path, &range, &host->err),
                     HM_OK);
    assert_null(path);
    assert_null(range);
}

/* What others edit is theirs: only what is missing of ours is a loss. */
static void test_keep_mends(void **state)
{
    struct linux_host *host = *state;

    assert_false(linux_host_keep(host, "")); /* nothing to keep, and nothing there */
    assert_int_equal(linux_host_reserve(host, "9955", "9955"), HM_OK);
    assert_false(linux_host_keep(host, "9955"));
    assert_int_equal(unlink(linux_host_at(host, HM_LINUX_SYSCTL_FILE)), 0);
    assert_true(linux_host_keep(host, "9955"));
    assert_string_equal(linux_host_kept(host), KEY "9955\n");
    linux_host_put(host, "/etc/sysctl.d/60-late.conf", KEY "8080,9955\n");
    assert_false(linux_host_keep(host, "9955"));
    assert_string_equal(linux_host_kept(host), KEY "8080,9955\n");
    assert_int_equal(unlink(linux_host_at(host, "/etc/sysctl.d/60-late.conf")), 0);
    assert_false(linux_host_keep(host, "9955"));
    assert_string_equal(linux_host_kept(host), KEY "9955\n");
    linux_host_put(host, HM_LINUX_SYSCTL_FILE, "edited by hand\n");
    assert_true(linux_host_keep(host, "9955"));
    assert_false(linux_host_keep(host, ""));
    assert_null(linux_host_get(host, HM_LINUX_SYSCTL_FILE));
}

/* Read last, the file hid what others had added: from then on that is in force, and theirs. */
static void test_hidden_ports_are_added(void **state)
{
    struct linux_host *host = *state;
    struct hm_ports now;

    linux_host_put(host, "/etc/sysctl.d/50-other.conf", KEY "8080,9000-9010\n");
    linux_host_put(host, RESERVED, "8080,9000-9010\n");
    assert_int_equal(linux_host_reserve(host, "8080,9000-9010,9955", "9955"), HM_OK);
    linux_host_put(host, "/etc/sysctl.d/50-other.conf", KEY "8080,9000-9010,40500\n");
    assert_false(linux_host_keep(host, "9955"));
    assert_string_equal(linux_host_kept(host), KEY "8080,9000-9010,40500,9955\n");
    assert_int_equal(hm_linux_running(host->root, &host->arena, &now, &host->err), HM_OK);
    assert_string_equal(hm_ports_text(now, &host->arena), "8080,9000-9010,9955,40500");
    linux_host_put(host, RESERVED, "9955\n"); /* what they take out at run time stays out */
    assert_false(linux_host_keep(host, "9955"));
    assert_string_equal(linux_host_get(host, RESERVED), "9955\n");
}

static void test_range(void **state)
{
    struct linux_host *host = *state;
    struct hm_ledger_range row = {
        .range = {40000, 60999},
          .has_pending = true, .pending = {50000, 60999}
    };
    const struct hm_ledger ledger = {
        .ranges = {&row, 1}
    };
    struct hm_kept kept = {.lacked = false};

    assert_int_equal(linux_host_reserve(host, "9955", "9955"), HM_OK);
    assert_int_equal(linux_host_set_range(host, 40000, 60999, false), HM_OK);
    assert_string_equal(linux_host_get(host, RANGE), "40000 60999\n");
    assert_string_equal(linux_host_kept(host),
                        KEY "9955\nnet.ipv4.ip_local_port_range = 40000 60999\n");
    assert_int_equal(linux_host_reserve(host, "", ""), HM_OK); /* one goes, the other stays */
    assert_string_equal(linux_host_kept(host), "net.ipv4.ip_local_port_range = 40000 60999\n");
    assert_int_equal(
        hm_platform_native.keep(host->platform, &ledger, &host->arena, &kept, &host->err), HM_OK);
    assert_true(kept.lacked);
    assert_string_equal(linux_host_kept(host), "net.ipv4.ip_local_port_range = 50000 60999\n");
    assert_int_equal(linux_host_set_range(host, 32768, 60999, true), HM_OK);
    assert_string_equal(linux_host_get(host, RANGE), "32768 60999\n");
    assert_null(linux_host_get(host, HM_LINUX_SYSCTL_FILE));
}

/* Each other port: more text than the kernel takes in one piece, or a page holds. */
static void test_long_list(void **state)
{
    struct linux_host *host = *state;
    struct hm_buf text;
    struct hm_ports all;
    struct hm_inventory inventory = {.os = {.family = HM_OS_LINUX}};

    hm_buf_init(&text, HM_LIMIT_INPUT_FILE_BYTES);
    for (unsigned port = 1; port < HM_PORT_COUNT; port += 2) {
        (void)hm_buf_printf(&text, "%s%u", port == 1 ? "" : ",", port);
    }
    all = linux_host_ports(host, hm_buf_text(&text));
    assert_int_equal(all.count, 32768);
    linux_host_put(host, RESERVED, "2\n"); /* goes, so that the list is written as a whole */
    assert_int_equal(linux_host_reserve(host, hm_buf_text(&text), "60001,60003"), HM_OK);
    assert_int_equal(
        hm_platform_native.reread(host->platform, NULL, &host->arena, &inventory, &host->err),
        HM_OK);
    assert_true(hm_ports_equal(inventory.stacks.at[0].administered, all));
    assert_string_equal(strstr(linux_host_get(host, RESERVED), "65535,"), "65535,60001,60003\n");
    assert_true(linux_host_keep(host, hm_buf_text(&text)));
    assert_false(linux_host_keep(host, hm_buf_text(&text)));
    hm_buf_fini(&text);
}

/* The kernel refuses: what was kept for the next boot is as before. */
static void test_refused_by_the_kernel(void **state)
{
    struct linux_host *host = *state;

    assert_int_equal(unlink(linux_host_at(host, RESERVED)), 0);
    assert_int_equal(linux_host_reserve(host, "9955", "9955"), HM_EUNSUPPORTED);
    assert_null(linux_host_get(host, HM_LINUX_SYSCTL_FILE));
    linux_host_put(host, RESERVED, "\n");
    assert_int_equal(linux_host_reserve(host, "9955", "9955"), HM_OK);
    assert_int_equal(unlink(linux_host_at(host, RESERVED)), 0);
    assert_int_equal(mkdir(linux_host_at(host, RESERVED), 0755), 0);
    assert_int_equal(linux_host_reserve(host, "9933,9955", "9933,9955"), HM_EIO);
    assert_string_equal(linux_host_kept(host), KEY "9955\n");
    assert_int_equal(linux_host_reserve(host, "", ""), HM_EIO);
    assert_string_equal(linux_host_kept(host), KEY "9955\n");
}

static void test_no_such_action(void **state)
{
    struct linux_host *host = *state;
    struct hm_action action = {.kind = HM_ACTION_ADD_EXCLUSION,
                               .ports = linux_host_ports(host, "9955")};

    assert_int_equal(hm_platform_native.change(host->platform, &action, &host->arena, &host->err),
                     HM_EUNSUPPORTED);
    action = (struct hm_action){
        .kind = HM_ACTION_SET_RANGE,
        .has_protocol = true,
        .has_range = true,
        .range = {40000, 50000}
    };
    assert_int_equal(hm_platform_native.change(host->platform, &action, &host->arena, &host->err),
                     HM_EUNSUPPORTED);
    assert_string_equal(linux_host_get(host, RANGE), "32768\t60999\n");
}

/* In a process of its own, as nobody when this is root. 0 = denied with the piece in its text. */
static int denied_as_nobody(struct linux_host *host, const char *piece)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        if (geteuid() == 0 && setuid(NOBODY) != 0) {
            _exit(3);
        }
        if (linux_host_reserve(host, "9955", "9955") != HM_EDENIED) {
            _exit(1);
        }
        _exit(strstr(host->err.text, piece) != NULL ? 0 : 2);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_denied(void **state)
{
    struct linux_host *host = *state;

    assert_int_equal(chmod(host->root, 0755), 0);
    assert_int_equal(chmod(linux_host_at(host, RESERVED), 0444), 0);
    assert_int_equal(chmod(linux_host_at(host, "/etc/sysctl.d"), 0777), 0);
    assert_int_equal(denied_as_nobody(host, "root of the host"), 0);
    assert_null(linux_host_get(host, HM_LINUX_SYSCTL_FILE));
    assert_int_equal(chmod(linux_host_at(host, RESERVED), 0666), 0);
    assert_int_equal(chmod(linux_host_at(host, "/etc/sysctl.d"), 0555), 0);
    assert_int_equal(denied_as_nobody(host, "ReadWritePaths"), 0);
    assert_string_equal(linux_host_get(host, RESERVED), "\n"); /* not kept, so not done */
    assert_int_equal(chmod(linux_host_at(host, "/etc/sysctl.d"), 0755), 0);
}

/* Killed between the file and the running value, which waits in a pipe nobody reads. */
static void kill_in_between(struct linux_host *host, const char *list, const char *ours,
                            const char *expected)
{
    const struct timespec moment = {0, 2000000};
    int status;
    pid_t child;

    assert_int_equal(unlink(linux_host_at(host, RESERVED)), 0);
    assert_int_equal(mkfifo(linux_host_at(host, RESERVED), 0600), 0);
    child = fork();
    if (child == 0) {
        (void)linux_host_reserve(host, list, ours);
        _exit(0);
    }
    assert_true(child > 0);
    for (int i = 0; i < 5000 && strcmp(linux_host_kept(host), expected) != 0; i++) {
        (void)nanosleep(&moment, NULL);
    }
    assert_string_equal(linux_host_kept(host), expected);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(unlink(linux_host_at(host, RESERVED)), 0);
}

static void test_killed_in_between(void **state)
{
    struct linux_host *host = *state;

    kill_in_between(host, "8080,9955", "9955", KEY "9955\n");
    linux_host_put(host, RESERVED, "8080\n");
    /* the ledger says 9955 is ours: done again, or given up */
    assert_false(linux_host_keep(host, "9955"));
    assert_int_equal(linux_host_reserve(host, "8080,9955", "9955"), HM_OK);
    assert_string_equal(linux_host_get(host, RESERVED), "8080,9955\n");
    kill_in_between(host, "8080", "", "");
    linux_host_put(host, RESERVED, "8080,9955\n");
    assert_int_equal(linux_host_reserve(host, "8080", ""), HM_OK);
    assert_false(linux_host_keep(host, ""));
    assert_null(linux_host_get(host, HM_LINUX_SYSCTL_FILE));
}

static void test_folder_is_made(void **state)
{
    struct linux_host *host = *state;

    assert_int_equal(rmdir(linux_host_at(host, "/etc/sysctl.d")), 0);
    assert_int_equal(linux_host_reserve(host, "9955", "9955"), HM_OK);
    assert_string_equal(linux_host_kept(host), KEY "9955\n");
}

static void test_crumbs_go_with_the_file(void **state)
{
    struct linux_host *host = *state;
    struct hm_strings names;

    assert_int_equal(linux_host_reserve(host, "9955", "9955"), HM_OK);
    linux_host_put(host, HM_LINUX_SYSCTL_FILE ".tmp", "left by a crash");
    assert_int_equal(linux_host_reserve(host, "", ""), HM_OK);
    assert_int_equal(
        hm_os_list_folder(linux_host_at(host, "/etc/sysctl.d"), &host->arena, &names, &host->err),
        HM_OK);
    assert_int_equal(names.count, 0);
}

static void test_ephemeral(void **state)
{
    struct linux_host *host = *state;
    const char *why = NULL;

    assert_int_equal(
        hm_platform_native.try_ephemeral(host->platform, &host->arena, &why, &host->err), HM_OK);
    assert_string_equal(why, "");
}

/* While the agent waits: what is written to the kernel by hand tells nobody. */
static void test_written_values_are_noticed(void **state)
{
    struct linux_host *host = *state;
    const struct hm_platform_ops *ops = &hm_platform_native;

    assert_true(ops->watch_reloads(host->platform) >= 0);
    assert_false(ops->has_moved(host->platform));
    assert_false(ops->reloaded(host->platform));
    linux_host_put(host, RESERVED, "7777\n");
    assert_true(ops->has_moved(host->platform));
    assert_true(ops->has_moved(host->platform)); /* until there was a look */
    assert_true(ops->watch_reloads(host->platform) >= 0);
    assert_false(ops->has_moved(host->platform));
    linux_host_put(host, RANGE, "1025\t60999\n");
    assert_true(ops->has_moved(host->platform));
    linux_host_put(host, RANGE, "32768\t60999\n");
    assert_false(ops->has_moved(host->platform));
    linux_host_put(host, "/etc/sysctl.d/50-other.conf", "");
    assert_true(ops->reloaded(host->platform));
    assert_false(ops->reloaded(host->platform));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, linux_host_start, linux_host_stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(test_reserve_and_retire),
        CASE(test_reread_shows_it),
        CASE(test_files_of_others),
        CASE(test_file_behind_a_remedy),
        CASE(test_keep_mends),
        CASE(test_hidden_ports_are_added),
        CASE(test_range),
        CASE(test_written_values_are_noticed),
        CASE(test_long_list),
        CASE(test_refused_by_the_kernel),
        CASE(test_no_such_action),
        CASE(test_denied),
        CASE(test_killed_in_between),
        CASE(test_folder_is_made),
        CASE(test_crumbs_go_with_the_file),
        CASE(test_ephemeral),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
