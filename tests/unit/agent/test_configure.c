/* tests/unit/agent/test_configure.c — the verbs of installers: configure, erase, service.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/verbs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/config.h"
#include "common/os/os.h"
#include "tests/support/temp_folder.h"

#define ARGUMENTS_MOST 16

struct fixture {
    char folder[64];
    struct hm_arena arena;
    const char *config; /* path of agent.conf */
    const char *state;  /* state_dir=… */
};

static const char *path_of(struct fixture *fixture, const char *name)
{
    return hm_arena_printf(&fixture->arena, "%s/%s", fixture->folder, name);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    temp_folder_make(fixture->folder, sizeof(fixture->folder));
    hm_arena_init(&fixture->arena, 4u << 20);
    fixture->config = path_of(fixture, "made/agent.conf");
    fixture->state = hm_arena_printf(&fixture->arena, "state_dir=%s/state", fixture->folder);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    static const char *const inner[] = {"made", "state"};

    for (size_t i = 0; i < HM_COUNT(inner); i++) {
        const char *path = path_of(fixture, inner[i]);

        if (hm_os_exists(path)) {
            temp_folder_remove(path);
        }
    }
    temp_folder_remove(fixture->folder);
    hm_arena_fini(&fixture->arena);
    free(fixture);
    return 0;
}

/* The words, up to NULL, and the fixture's configuration. */
static int call(struct fixture *fixture, const char *const *words)
{
    char *argv[ARGUMENTS_MOST] = {NULL};
    int argc = 0;

    argv[argc++] = hm_arena_strndup(&fixture->arena, "hm-agent", 8);
    for (; words[argc - 1] != NULL && argc < ARGUMENTS_MOST - 3; argc++) {
        argv[argc] = hm_arena_strndup(&fixture->arena, words[argc - 1], strlen(words[argc - 1]));
    }
    argv[argc++] = hm_arena_strndup(&fixture->arena, "--config", 8);
    argv[argc++] = hm_arena_strndup(&fixture->arena, fixture->config, strlen(fixture->config));
    return hm_cli_main(&hm_agent_program, NULL, argc, argv);
}

static const char *read_text(struct fixture *fixture, const char *path)
{
    char *text = NULL;
    size_t len;

    assert_int_equal(hm_os_read_file(path, 1u << 20, &fixture->arena, &text, &len, NULL), HM_OK);
    return text;
}

static void write_text(const char *path, const char *text)
{
    assert_int_equal(hm_os_replace_file(path, text, strlen(text), false, NULL), HM_OK);
}

/* What an installer says: every property, given or not. */
static void test_installer(void **state)
{
    static const char *const first[] = {"configure", "--collector", "https://c:5830", "--token",
                                        "hmj_abc",   "--labels",    "a=b,c=d",        NULL};
    static const char *const again[] = {"configure", "--collector", "", "--token",
                                        "",          "--labels",    "", NULL};
    struct fixture *fixture = *state;
    const char *made;

    assert_int_equal(call(fixture, first), HM_EXIT_OK);
    made = read_text(fixture, fixture->config);
    assert_non_null(strstr(made, "\ncollector = https://c:5830"));
    assert_non_null(strstr(made, "\nlabels = a=b,c=d"));
    assert_non_null(strstr(made, "#interval"));
    assert_null(strstr(made, "hmj_abc"));
    assert_non_null(strstr(made, path_of(fixture, "made/token")));
    assert_string_equal(read_text(fixture, path_of(fixture, "made/token")), "hmj_abc\n");
    assert_int_equal(call(fixture, again), HM_EXIT_OK);
    assert_string_equal(read_text(fixture, fixture->config), made);
}

static void test_edits_stay(void **state)
{
    static const char *const words[] = {"configure", "--set", "interval=10m,labels=a=b,c=d",
                                        "--token",   "hmj_x", NULL};
    struct fixture *fixture = *state;
    const char *made;

    assert_int_equal(hm_os_make_folder(path_of(fixture, "made"), 0755, NULL), HM_OK);
    write_text(fixture->config, "# mine\nfuture_key = 1\ninterval = 5m\ntoken = hmj_old\n");
    assert_int_equal(call(fixture, words), HM_EXIT_OK);
    made = hm_arena_printf(&fixture->arena,
                           "# mine\nfuture_key = 1\ninterval = 10m\nlabels = a=b,c=d\n"
                           "token_file = %s\n",
                           path_of(fixture, "made/token"));
    assert_string_equal(read_text(fixture, fixture->config), made);
}

static void test_refused(void **state)
{
    static const char *const rows[][4] = {
        {"configure", "--set", "interval=never", NULL},
        {"configure", "--set", "no_such_key=1",  NULL},
        {"configure", "--set", "nonsense",       NULL},
        {"erase",     NULL,    NULL,             NULL},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(call(fixture, rows[i]), HM_EXIT_USAGE);
        assert_false(hm_os_exists(fixture->config));
    }
}

static void test_erase(void **state)
{
    static const char *const make[] = {"configure", "--token", "hmj_abc", NULL};
    struct fixture *fixture = *state;
    const char *const erase[] = {"erase", "--yes", "--set", fixture->state, NULL};
    struct hm_os_lock *lock = NULL;

    assert_int_equal(call(fixture, make), HM_EXIT_OK);
    assert_int_equal(hm_os_make_folder(path_of(fixture, "state"), 0700, NULL), HM_OK);
    write_text(path_of(fixture, "state/precious"), "not ours");
    assert_int_equal(call(fixture, erase), HM_EXIT_FAILED); /* no agent was here */
    assert_true(hm_os_exists(path_of(fixture, "state/precious")));
    write_text(path_of(fixture, "state/state.json"), "{}");
    assert_int_equal(hm_os_lock(path_of(fixture, "state/lock"), &lock, NULL), HM_OK);
    hm_os_unlock(lock);
    assert_int_equal(call(fixture, erase), HM_EXIT_OK);
    assert_false(hm_os_exists(path_of(fixture, "state")));
    assert_false(hm_os_exists(path_of(fixture, "made")));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_installer),
        CASE(test_edits_stay),
        CASE(test_refused),
        CASE(test_erase),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
