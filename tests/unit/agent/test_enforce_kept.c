/* tests/unit/agent/test_enforce_kept.c — others load their own settings again, and what policies
 * reserve is missing at a boot. SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/enforce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/enforce/enforce_state.h"
#include "tests/support/enforce_double.h"

static int set_up(void **state)
{
    struct hm_enforce_double *host = calloc(1, sizeof(*host));

    *state = host;
    if (host == NULL) {
        return -1;
    }
    enforce_double_init(host, NULL);
    host->keeps = true;
    enforce_double_restart(host);
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000");
    return 0;
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
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "40000");
}

static void clear_list(struct hm_enforce_double *host)
{
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        host->model.host.stacks[i].administered = (struct hm_ports){NULL, 0};
    }
}

/* However often: nobody undid anything, and nothing waits. */
static void test_reload_is_no_repair(void **state)
{
    struct hm_enforce_double *host = *state;

    host->reloaded = true;
    expect_pass(host, "one/1 verified");
    for (unsigned times = 0; times < 10; times++) {
        clear_list(host);
        expect_pass(host, "one/1 verified");
    }
    assert_int_equal(enforce_double_outcome(host, "one")->repairs, 0);
    host->reloaded = false;
    clear_list(host);
    expect_pass(host, "one/1 repaired");
    assert_int_equal(enforce_double_outcome(host, "one")->repairs, 1);
}

/* Whatever should have reserved the ports did not: the first pass does, and says so. */
static void test_missing_after_the_boot(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_enforce_state kept;

    enforce_double_boot(host, "boot-1");
    enforce_double_wait(host, 900);
    expect_pass(host, "one/1 verified");
    assert_int_equal(hm_enforce_state_load(host->folder, &host->arena, &kept, NULL), HM_OK);
    assert_false(kept.boot.reserved_late);
    enforce_double_boot(host, "boot-2");
    enforce_double_restart(host);
    clear_list(host);
    expect_pass(host, "one/1 verified");
    assert_int_equal(hm_enforce_state_load(host->folder, &host->arena, &kept, NULL), HM_OK);
    assert_true(kept.boot.reserved_late);
    assert_string_equal(kept.boot.kept_by, "somehow");
    clear_list(host); /* not the first pass any more */
    expect_pass(host, "one/1 repaired");
    enforce_double_boot(host, "boot-3");
    expect_pass(host, "one/1 repaired");
    assert_int_equal(hm_enforce_state_load(host->folder, &host->arena, &kept, NULL), HM_OK);
    assert_false(kept.boot.reserved_late);
}

/* A policy whose ports are another's, too: which one, which ports, and why. */
static void test_another_policy_is_named(void **state)
{
    struct hm_enforce_double *host = *state;
    const char *text;

    enforce_double_fini(host);
    memset(host, 0, sizeof(*host));
    enforce_double_init(host, "10.0.17763");
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000");
    (void)hm_model_reserve(&host->model, "two", "tcp", "40000,40007");
    host->refuse = HM_EIO;
    host->refuse_policy = "one";
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_string_equal(enforce_double_states(host), "one/1 failed; two/1 failed");
    text = enforce_double_outcome(host, "two")->text;
    assert_non_null(strstr(text, "Policy one reserves 40000"));
    assert_non_null(strstr(text, "does not want to"));
}

static void test_nothing_after_restore(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_err err;

    host->reloaded = true;
    expect_pass(host, "one/1 verified");
    assert_int_equal(enforce_double_restore(host, &err), HM_OK);
    clear_list(host);
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "");
}

int main(void)
{
#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON_HOST(test_reload_is_no_repair),
        ON_HOST(test_missing_after_the_boot),
        ON_HOST(test_another_policy_is_named),
        ON_HOST(test_nothing_after_restore),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
