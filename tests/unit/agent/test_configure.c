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
    static const char *const inner[] = {"made", "state", "host"};

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

/* An agent.conf that ">" of PowerShell wrote. */
static void test_utf16_becomes_utf8(void **state)
{
    static const char wide[] = "\xff\xfe"
                               "i\0n\0t\0e\0r\0v\0a\0l\0=\0"
                               "5\0m\0\r\0\n";
    static const char *const words[] = {"configure", "--set", "interval=10m", NULL};
    struct fixture *fixture = *state;

    assert_int_equal(hm_os_make_folder(path_of(fixture, "made"), 0755, NULL), HM_OK);
    assert_int_equal(hm_os_replace_file(fixture->config, wide, sizeof(wide), false, NULL), HM_OK);
    assert_int_equal(call(fixture, words), HM_EXIT_OK);
    assert_string_equal(read_text(fixture, fixture->config), "interval = 10m\r\n");
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

/* ---- erase on a host that policies have changed --------------------------------------------- */

#define HEADING "\r\nStart Port    End Port\r\n----------    --------\r\n"
#define FOOTER "\r\n* - Administered port exclusions.\r\n"
#define OURS "      9955        9955     *\r\n"
#define DYNAMIC "\r\nStart Port : 49152\r\nNumber of Ports : 16384\r\n"
#define LEDGER                                                                                     \
    "{\"exclusions\":[{\"policy\":\"one\",\"revision\":1,\"protocol\":\"tcp\",\"family\":"         \
    "\"ipv4\","                                                                                    \
    "\"range\":\"9955-9955\",\"at\":\"2026-01-01T00:00:00Z\"}],\"ranges\":[]}"
#define STATE "{\"held\":false,\"ledger\":true,\"policies\":[]}"
#define DENIED                                                                                     \
    "{\"faults\":[{\"action\":\"remove_exclusion\",\"answer\":\"denied\",\"done\":false}]}"

/* A recorded host with one row that the ledger says is this agent's. */
static void make_changed_host(struct fixture *fixture, const char *ledger, const char *model)
{
    static const char *const stacks[] = {"ipv4-tcp", "ipv6-tcp", "ipv4-udp", "ipv6-udp"};
    struct hm_os_lock *lock = NULL;

    assert_int_equal(hm_os_make_folder(path_of(fixture, "host"), 0700, NULL), HM_OK);
    assert_int_equal(hm_os_make_folder(path_of(fixture, "state"), 0700, NULL), HM_OK);
    write_text(path_of(fixture, "host/host.json"),
               "{\"os\":{\"family\":\"windows\",\"version\":\"10.0.17763\"}}");
    write_text(path_of(fixture, "host/netstat.txt"),
               "  TCP    0.0.0.0:135   0.0.0.0:0   LISTENING   700\r\n");
    for (size_t i = 0; i < HM_COUNT(stacks); i++) {
        const char *at = hm_arena_printf(&fixture->arena, "host/%s", stacks[i]);

        write_text(path_of(fixture, hm_arena_printf(&fixture->arena, "%s-dynamicport.txt", at)),
                   DYNAMIC);
        write_text(
            path_of(fixture, hm_arena_printf(&fixture->arena, "%s-excludedportrange.txt", at)),
            i == 0 ? HEADING OURS FOOTER : HEADING FOOTER);
    }
    if (model != NULL) {
        write_text(path_of(fixture, "host/model.json"), model);
    }
    write_text(path_of(fixture, "state/ledger.json"), ledger);
    write_text(path_of(fixture, "state/enforce.json"), STATE);
    assert_int_equal(hm_os_lock(path_of(fixture, "state/lock"), &lock, NULL), HM_OK);
    hm_os_unlock(lock);
}

static bool names(struct fixture *fixture, const char *file, const char *what)
{
    char *text;
    size_t len;

    return hm_os_read_file(path_of(fixture, file), 65536, &fixture->arena, &text, &len, NULL) ==
               HM_OK &&
           strstr(text, what) != NULL;
}

static void test_erase_takes_back_first(void **state)
{
    static const struct {
        const char *ledger;
        const char *model; /* NULL = the host takes everything */
        const char *more;  /* option; NULL = none */
        int status;
        bool changed; /* the row is gone */
        bool erased;
    } cases[] = {
        {LEDGER,  NULL,   NULL,                  HM_EXIT_OK,     true,  true },
        {LEDGER,  DENIED, NULL,                  HM_EXIT_FAILED, false, false},
        {LEDGER,  DENIED, "--keep-reservations", HM_EXIT_OK,     false, true },
        {LEDGER,  NULL,   "--keep-reservations", HM_EXIT_OK,     false, true },
        {"{\"ex", NULL,   NULL,                  HM_EXIT_FAILED, false, false},
        {"{\"ex", NULL,   "--keep-reservations", HM_EXIT_OK,     false, true },
    };

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct fixture *fixture;
        const char *host;

        if (i > 0) {
            assert_int_equal(tear_down(state), 0);
            assert_int_equal(set_up(state), 0);
        }
        fixture = *state;
        host = hm_arena_printf(&fixture->arena, "host=%s", path_of(fixture, "host"));
        assert_int_equal(
            call(fixture, (const char *const[]){"configure", "--token", "hmj_abc", NULL}),
            HM_EXIT_OK);
        make_changed_host(fixture, cases[i].ledger, cases[i].model);
        assert_int_equal(
            call(fixture, (const char *const[]){"erase", "--yes", "--set", fixture->state, "--set",
                                                host, cases[i].more, NULL}),
            cases[i].status);
        assert_int_equal(names(fixture, "host/changes.json", "9955"), cases[i].changed);
        assert_int_equal(hm_os_exists(path_of(fixture, "state")), !cases[i].erased);
        assert_int_equal(hm_os_exists(path_of(fixture, "state/ledger.json")), !cases[i].erased);
        /* Where it was refused the agent goes on as before. */
        assert_false(names(fixture, "state/enforce.json", "\"held\": true"));
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_installer), CASE(test_edits_stay), CASE(test_utf16_becomes_utf8),
        CASE(test_refused),   CASE(test_erase),      CASE(test_erase_takes_back_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
