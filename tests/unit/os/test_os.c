/* tests/unit/os/test_os.c — the contract of common/os, on the system at hand.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/os/os.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char folder[64];
    struct hm_arena arena;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/hm-test-os-XXXXXX");
    if (mkdtemp(fixture->folder) == NULL) {
        free(fixture);
        return -1;
    }
    hm_arena_init(&fixture->arena, 64u << 20);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    struct hm_strings names;
    char path[512];

    if (hm_os_list_folder(fixture->folder, &fixture->arena, &names, NULL) == HM_OK) {
        for (size_t i = 0; i < names.count; i++) {
            (void)snprintf(path, sizeof(path), "%s/%s", fixture->folder, names.at[i]);
            (void)unlink(path);
        }
    }
    (void)rmdir(fixture->folder);
    hm_arena_fini(&fixture->arena);
    free(fixture);
    return 0;
}

static const char *path_in(struct fixture *fixture, const char *name)
{
    return hm_arena_printf(&fixture->arena, "%s/%s", fixture->folder, name);
}

static void assert_content(struct fixture *fixture, const char *path, const char *want)
{
    char *text;
    size_t len;

    assert_int_equal(hm_os_read_file(path, 1u << 20, &fixture->arena, &text, &len, NULL), HM_OK);
    assert_int_equal(len, strlen(want));
    assert_string_equal(text, want);
}

static void test_replace_and_read(void **state)
{
    struct fixture *fixture = *state;
    const char *path = path_in(fixture, "file");
    struct stat info;

    assert_int_equal(hm_os_replace_file(path, "one", 3, true, NULL), HM_OK);
    assert_content(fixture, path, "one");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(hm_os_replace_file(path, "second", 6, false, NULL), HM_OK);
    assert_content(fixture, path, "second");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0644);
    assert_int_equal(hm_os_replace_file(path, "", 0, false, NULL), HM_OK);
    assert_content(fixture, path, "");
    assert_false(hm_os_exists(path_in(fixture, "file.tmp")));
}

/* A link that someone put where the temporary file goes is not followed. */
static void test_replace_follows_no_link(void **state)
{
    struct fixture *fixture = *state;
    const char *path = path_in(fixture, "file");
    const char *victim = path_in(fixture, "victim");

    assert_int_equal(hm_os_replace_file(victim, "safe", 4, false, NULL), HM_OK);
    assert_int_equal(symlink(victim, path_in(fixture, "file.tmp")), 0);
    assert_int_equal(hm_os_replace_file(path, "new", 3, false, NULL), HM_OK);
    assert_content(fixture, victim, "safe");
    assert_content(fixture, path, "new");
}

/* The old file stays whole when the new one does not fit. */
static void test_failed_replace_keeps_the_old_file(void **state)
{
    struct fixture *fixture = *state;
    const char *path = path_in(fixture, "file");
    const struct rlimit small = {1000, RLIM_INFINITY};
    static const char big[100000];
    struct rlimit before;
    struct hm_err err;

    assert_int_equal(hm_os_replace_file(path, "old", 3, false, NULL), HM_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(hm_os_replace_file(path, big, sizeof(big), false, &err), HM_EIO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_non_null(strstr(err.text, path));
    assert_content(fixture, path, "old");
    assert_false(hm_os_exists(path_in(fixture, "file.tmp")));
    assert_int_equal(hm_os_replace_file(path_in(fixture, "no/such/folder"), "x", 1, false, &err),
                     HM_ENOENT);
}

/* Root writes everywhere; somebody else must be told. */
static void test_folder_that_may_not_be_written(void **state)
{
    struct fixture *fixture = *state;
    const char *path = path_in(fixture, "file");
    int status = -1;
    pid_t child;

    assert_int_equal(chmod(fixture->folder, 0555), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (getuid() == 0 && setuid(65534) != 0) {
            _exit(9);
        }
        _exit(hm_os_replace_file(path, "x", 1, false, NULL) == HM_EDENIED ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(fixture->folder, 0755), 0);
}

static void test_read_has_a_cap(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 100000};
    struct fixture *fixture = *state;
    const char *path = path_in(fixture, "file");
    char *bytes = calloc(1, 100000);
    char *text;
    size_t len;

    for (size_t i = 0; i < HM_COUNT(sizes); i++) {
        assert_int_equal(hm_os_replace_file(path, bytes, sizes[i], false, NULL), HM_OK);
        assert_int_equal(hm_os_read_file(path, sizes[i], &fixture->arena, &text, &len, NULL),
                         HM_OK);
        assert_int_equal(len, sizes[i]);
        assert_int_equal(text[len], '\0');
        if (sizes[i] > 0) {
            assert_int_equal(
                hm_os_read_file(path, sizes[i] - 1, &fixture->arena, &text, &len, NULL),
                HM_ETOOBIG);
        }
    }
    free(bytes);
    assert_int_equal(hm_os_read_file("/dev/zero", 100000, &fixture->arena, &text, &len, NULL),
                     HM_ETOOBIG);
    assert_int_equal(
        hm_os_read_file("/proc/self/status", 100000, &fixture->arena, &text, &len, NULL), HM_OK);
    assert_true(len > 100);
    assert_int_equal(
        hm_os_read_file(path_in(fixture, "none"), 9, &fixture->arena, &text, &len, NULL),
        HM_ENOENT);
    assert_int_equal(hm_os_read_file(fixture->folder, 9, &fixture->arena, &text, &len, NULL),
                     HM_EIO);
}

static void test_text_of_people(void **state)
{
    struct fixture *fixture = *state;
    const char *path = path_in(fixture, "file");
    const char *text;
    struct hm_err err;
    size_t len;

    assert_int_equal(hm_os_replace_file(path,
                                        "\xff\xfe"
                                        "a\0\n\0",
                                        6, false, NULL),
                     HM_OK);
    assert_int_equal(hm_os_read_text(path, 99, &fixture->arena, &text, &len, NULL), HM_OK);
    assert_string_equal(text, "a\n");
    assert_int_equal(len, 2);
    assert_int_equal(hm_os_replace_file(path, "ab\x1a", 3, false, NULL), HM_OK);
    assert_int_equal(hm_os_read_text(path, 99, &fixture->arena, &text, &len, NULL), HM_OK);
    assert_string_equal(text, "ab");
    assert_int_equal(hm_os_replace_file(path, "a\xe4", 2, false, NULL), HM_OK);
    assert_int_equal(hm_os_read_text(path, 99, &fixture->arena, &text, &len, &err), HM_EINVAL);
    assert_int_equal(memcmp(err.text, path, strlen(path)), 0);
    assert_non_null(strstr(err.text, "0xE4"));
}

static void test_folders(void **state)
{
    struct fixture *fixture = *state;
    const char *deep = path_in(fixture, "a/b/c");
    struct hm_strings names;

    assert_int_equal(hm_os_make_folder(deep, 0700, NULL), HM_OK);
    assert_int_equal(hm_os_make_folder(deep, 0700, NULL), HM_OK);
    assert_int_equal(hm_os_make_folder("/", 0700, NULL), HM_OK);
    assert_int_equal(hm_os_replace_file(path_in(fixture, "a/z"), "", 0, false, NULL), HM_OK);
    assert_int_equal(hm_os_replace_file(path_in(fixture, "a/B"), "", 0, false, NULL), HM_OK);
    assert_int_equal(hm_os_make_folder(path_in(fixture, "a/z"), 0700, NULL), HM_ECONFLICT);
    assert_int_equal(hm_os_list_folder(path_in(fixture, "a"), &fixture->arena, &names, NULL),
                     HM_OK);
    assert_int_equal(names.count, 3);
    assert_string_equal(names.at[0], "B");
    assert_string_equal(names.at[1], "b");
    assert_string_equal(names.at[2], "z");
    assert_int_equal(hm_os_list_folder(path_in(fixture, "none"), &fixture->arena, &names, NULL),
                     HM_ENOENT);
    assert_int_equal(hm_os_remove_file(path_in(fixture, "a/z"), NULL), HM_OK);
    assert_int_equal(hm_os_remove_file(path_in(fixture, "a/z"), NULL), HM_OK);
    assert_int_equal(hm_os_remove_file(path_in(fixture, "a/B"), NULL), HM_OK);
    (void)rmdir(deep);
    (void)rmdir(path_in(fixture, "a/b"));
    (void)rmdir(path_in(fixture, "a"));
}

static void test_lock_keeps_the_second_out(void **state)
{
    struct fixture *fixture = *state;
    const char *path = path_in(fixture, "lock");
    struct hm_os_lock *first;
    struct hm_os_lock *second;
    struct hm_err err;
    char owner[32];

    assert_int_equal(hm_os_lock(path, &first, NULL), HM_OK);
    assert_int_equal(hm_os_lock(path, &second, &err), HM_EBUSY);
    (void)snprintf(owner, sizeof(owner), "id %ld", (long)getpid());
    assert_non_null(strstr(err.text, owner));
    hm_os_unlock(first);
    assert_int_equal(hm_os_lock(path, &second, &err), HM_OK);
    hm_os_unlock(second);
    hm_os_unlock(NULL);
    assert_int_equal(hm_os_lock(path_in(fixture, "no/lock"), &first, NULL), HM_EIO);
}

static void test_host_name(void **state)
{
    struct fixture *fixture = *state;
    const char *name = hm_os_host_name(&fixture->arena);

    assert_true(name[0] != '\0');
    assert_null(strchr(name, '.'));
}

static int attended;

/* It may wait itself. */
static void attend(void *arg)
{
    const int *pipe_ends = arg;
    char byte;

    attended++;
    assert_int_equal(hm_os_meanwhile_fd(), -1);
    assert_false(hm_os_sleep_ms(1));
    assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
}

static void test_sleeper_attends_to_something_else(void **state)
{
    const int64_t began_ms = hm_os_monotonic_ms();
    int pipe_ends[2];

    (void)state;
    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(write(pipe_ends[1], "xx", 2), 2);
    assert_int_equal(hm_os_meanwhile_fd(), -1);
    hm_os_meanwhile(pipe_ends[0], attend, pipe_ends);
    assert_false(hm_os_sleep_ms(30)); /* to its end all the same */
    assert_true(hm_os_monotonic_ms() - began_ms >= 30);
    assert_int_equal(attended, 2);
    hm_os_meanwhile(-1, NULL, NULL);
    assert_int_equal(write(pipe_ends[1], "x", 1), 1);
    assert_false(hm_os_sleep_ms(1));
    assert_int_equal(attended, 2);
    (void)close(pipe_ends[0]);
    (void)close(pipe_ends[1]);
}

static void attend_and_end(void *arg)
{
    attend(arg);
    hm_os_meanwhile_end();
}

static void test_attending_may_end_the_sleep(void **state)
{
    const int64_t began_ms = hm_os_monotonic_ms();
    int pipe_ends[2];

    (void)state;
    attended = 0;
    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(write(pipe_ends[1], "x", 1), 1);
    hm_os_meanwhile(pipe_ends[0], attend_and_end, pipe_ends);
    assert_false(hm_os_sleep_ms(60000));
    assert_true(hm_os_monotonic_ms() - began_ms < 60000);
    assert_int_equal(attended, 1);
    hm_os_meanwhile(pipe_ends[0], attend, pipe_ends);
    assert_int_equal(write(pipe_ends[1], "x", 1), 1);
    assert_false(hm_os_sleep_ms(30)); /* the next one is another matter */
    assert_int_equal(attended, 2);
    hm_os_meanwhile(-1, NULL, NULL);
    (void)close(pipe_ends[0]);
    (void)close(pipe_ends[1]);
}

/* Last: a stop cannot be taken back. */
static void test_stop_wakes_the_sleeper(void **state)
{
    int64_t began_ms = hm_os_monotonic_ms();

    (void)state;
    assert_false(hm_os_sleep_ms(20));
    assert_true(hm_os_monotonic_ms() - began_ms >= 20);
    assert_int_equal(hm_os_stop_init(NULL), HM_OK);
    assert_int_equal(hm_os_stop_init(NULL), HM_OK);
    assert_true(hm_os_stop_fd() >= 0);
    assert_false(hm_os_stop_requested());
    assert_false(hm_os_sleep_ms(1));
    (void)raise(SIGTERM);
    assert_true(hm_os_stop_requested());
    began_ms = hm_os_monotonic_ms();
    assert_true(hm_os_sleep_ms(60000));
    assert_true(hm_os_monotonic_ms() - began_ms < 5000);
    hm_os_stop_request();
    assert_true(hm_os_stop_requested());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replace_and_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_replace_follows_no_link, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failed_replace_keeps_the_old_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_folder_that_may_not_be_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_read_has_a_cap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_of_people, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_folders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lock_keeps_the_second_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_host_name, set_up, tear_down),
        cmocka_unit_test(test_sleeper_attends_to_something_else),
        cmocka_unit_test(test_attending_may_end_the_sleep),
        cmocka_unit_test(test_stop_wakes_the_sleeper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
