/* tests/unit/agent/test_enforce_lost.c — enforcement whose own state is lost, or cannot be written.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/enforce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/os/os.h"
#include "tests/support/enforce_double.h"

#define MODERN "10.0.17763"

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct hm_enforce_double));
    return *state == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_fini(host);
    free(host);
    return 0;
}

static void expect_pass(struct hm_enforce_double *host, const char *states)
{
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_string_equal(enforce_double_states(host), states);
}

static void put_file(const struct hm_enforce_double *host, const char *name, const char *text)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", host->folder, name);
    assert_int_equal(hm_os_replace_file(path, text, strlen(text), true, NULL), HM_OK);
}

/* What was turned off, and that "hm-agent restore" was run, is in enforce.json alone: where it is
 * lost, or another agent's, nothing comes back by itself, and what is in force stays. */
static void test_lost_state(void **state)
{
    static const struct {
        const char *text; /* NULL = gone */
        bool foreign;
    } cases[] = {
        {NULL,                             false},
        {"{}",                             false},
        {"{\"id\":\"b\",\"policies\":[]}", true },
    };

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        for (unsigned held = 0; held < 2; held++) {
            struct hm_enforce_double *host = *state;
            char path[128];
            struct hm_err err;
            bool began;

            if (i + held > 0) {
                enforce_double_fini(host);
            }
            enforce_double_init(host, MODERN);
            host->state_id = "a";
            enforce_double_restart(host);
            (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
            expect_pass(host, "one/1 verified");
            if (held) {
                assert_int_equal(enforce_double_restore(host, &err), HM_OK);
            }
            (void)snprintf(path, sizeof(path), "%s/enforce.json", host->folder);
            assert_int_equal(hm_os_remove_file(path, NULL), HM_OK);
            if (cases[i].text != NULL) {
                put_file(host, "enforce.json", cases[i].text);
            }
            enforce_double_restart(host);
            (void)hm_model_reserve(&host->model, "two", "tcp", "9966");
            expect_pass(host, "one/1 failed; two/1 failed");
            assert_int_equal(host->changes, 0);
            assert_non_null(strstr(host->pass.report.refused, "enforce.json"));
            assert_string_equal(enforce_double_rows(host, HM_IPV4), held ? "" : "9955");
            assert_int_equal(hm_enforcer_resume(host->enforcer, &began, &err),
                             cases[i].foreign ? HM_ECONFLICT : HM_OK);
            assert_int_equal(began, !cases[i].foreign);
            (void)strcat(path, ".broken");
            assert_int_equal(hm_os_exists(path), cases[i].text != NULL && !cases[i].foreign);
            expect_pass(host, cases[i].foreign ? "one/1 failed; two/1 failed"
                                               : "one/1 verified; two/1 verified");
        }
    }
}

/* One of an older version has no id: it counts, and gets one. */
static void test_state_without_an_id(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
    expect_pass(host, "one/1 verified");
    host->state_id = "a";
    enforce_double_restart(host);
    expect_pass(host, "one/1 verified");
    host->state_id = "b";
    enforce_double_restart(host);
    expect_pass(host, "one/1 failed");
}

/* Folders where new files would be written: as on a disk that is full, or mounted read-only. */
static void block_writes(const struct hm_enforce_double *host, bool blocked)
{
    static const char *const names[] = {"enforce.json.tmp", "ledger.json.tmp"};
    char path[128];

    for (size_t i = 0; i < HM_COUNT(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", host->folder, names[i]);
        assert_int_equal(
            blocked ? hm_os_make_folder(path, 0700, NULL) : hm_os_remove_folder(path, NULL), HM_OK);
    }
}

/* What did harm goes also where nothing can be written; nothing is added meanwhile. */
static void test_harm_on_a_full_disk(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 9955, "db", "db", HM_KIND_SOCKET);
    hm_build_exclude(&host->model.host, HM_TCP, HM_IPV4, "9955"); /* by somebody else */
    hm_build_exclude(&host->model.host, HM_TCP, HM_IPV6, "9955");
    (void)hm_model_reserve(&host->model, "one", "tcp", "9955,9957");
    expect_pass(host, "one/1 verified");
    host->model.host.inventory.listeners.count = 0;
    enforce_double_wait(host, 30);
    expect_pass(host, "one/1 verified"); /* missed once, and that is on disk */
    block_writes(host, true);
    enforce_double_wait(host, 30);
    expect_pass(host, "one/1 failed");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "9955");
    assert_string_equal(enforce_double_rows(host, HM_IPV6), "9955");
    (void)hm_model_reserve(&host->model, "two", "tcp", "9966");
    enforce_double_wait(host, 30);
    expect_pass(host, "one/1 failed; two/1 failed");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "9955");
    block_writes(host, false);
    enforce_double_wait(host, 30);
    expect_pass(host, "one/1 failed; two/1 verified");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "9955,9966");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lost_state),
        TEST(test_state_without_an_id),
        TEST(test_harm_on_a_full_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
