/* tests/unit/agent/test_enforce_long.c — enforcement over time: much to do, clocks that jump,
 * somebody who undoes it again and again, what is told of trouble that lasts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/enforce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "common/os/os.h"
#include "tests/support/enforce_double.h"

#define MODERN "10.0.17763"
#define LEGACY "5.2.3790"

static struct {
    char event[64];
    unsigned count;
} told;

static void listen(void *ctx, enum hm_log_level level, const char *event, const char *details)
{
    (void)ctx;
    (void)level;
    (void)details;
    told.count += strcmp(event, told.event) == 0 ? 1 : 0;
}

static void listen_to(const char *event)
{
    (void)snprintf(told.event, sizeof(told.event), "%s", event);
    told.count = 0;
    hm_log_set_sink(listen, NULL);
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct hm_enforce_double));
    return *state == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    struct hm_enforce_double *host = *state;

    hm_log_set_sink(NULL, NULL);
    enforce_double_fini(host);
    free(host);
    return 0;
}

static void expect_pass(struct hm_enforce_double *host, const char *states)
{
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_string_equal(enforce_double_states(host), states);
}

static void undo(struct hm_enforce_double *host)
{
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        host->model.host.stacks[i].administered = (struct hm_ports){NULL, 0};
    }
}

/* ---- much to do ---------------------------------------------------------------------------- */

#define MANY_PORTS 300u

/* Every second port: each is a row of its own, in both families. */
static void want_much(struct hm_enforce_double *host)
{
    char *text = hm_arena_alloc(&host->model.host.arena, MANY_PORTS, 6);
    size_t len = 0;

    for (unsigned i = 0; i < MANY_PORTS; i++) {
        len += (size_t)snprintf(text + len, MANY_PORTS * 6 - len, "%s%u", i > 0 ? "," : "",
                                2001 + 2 * i);
    }
    (void)hm_model_reserve(&host->model, "much", "tcp", text);
}

static void test_much_is_done_in_parts(void **state)
{
    struct hm_enforce_double *host = *state;
    unsigned passes = 0;
    struct hm_err err;
    enum hm_status st = HM_EBUSY;

    enforce_double_init(host, MODERN);
    want_much(host);
    for (bool done = false; !done; passes++) {
        assert_in_range(passes, 0, 40);
        assert_int_equal(enforce_double_pass(host), HM_OK);
        assert_in_range(host->changes, 1, 100);
        assert_in_range(host->arena.used_bytes, 0, 16u << 20);
        done = strcmp(enforce_double_states(host), "much/1 verified") == 0;
        if (!done) {
            assert_string_equal(enforce_double_states(host), "much/1 waiting busy");
            assert_non_null(strstr(enforce_double_outcome(host, "much")->text, "being made"));
            assert_in_range(host->pass.again_in_ms, 1, 1000);
        }
        enforce_double_wait(host, 5);
    }
    assert_in_range(passes, 6, 40);
    assert_int_equal(host->pass.report.ledger.exclusions.count, 2 * MANY_PORTS);
    for (passes = 0; st == HM_EBUSY; passes++) {
        assert_in_range(passes, 0, 40);
        st = enforce_double_restore(host, &err);
        assert_in_range(host->arena.used_bytes, 0, 16u << 20);
    }
    assert_int_equal(st, HM_OK);
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "");
}

static void take_time(const char *name, void *arg)
{
    struct hm_enforce_double *host = arg;

    if (strcmp(name, "change") == 0) {
        enforce_double_wait(host, 10);
    }
}

/* A host that needs ten seconds for a change is reported between them. */
static void test_slow_host_is_not_silent(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    host->step = take_time;
    host->step_arg = host;
    (void)hm_model_reserve(&host->model, "slow", "tcp", "2001,2003,2005,2007,2009");
    expect_pass(host, "slow/1 waiting busy");
    assert_in_range(host->changes, 2, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(enforce_double_pass(host), HM_OK);
    }
    assert_string_equal(enforce_double_states(host), "slow/1 verified");
}

/* ---- clocks that jump ---------------------------------------------------------------------- */

static void test_clock_set_back(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, NULL);
    hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 40000, "db", "db", HM_KIND_SOCKET);
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000");
    expect_pass(host, "one/1 verified");
    enforce_double_wait(host, -400 * 86400);
    expect_pass(host, "one/1 verified");
    enforce_double_wait(host, 601); /* the watch is as long as it was to be, not longer */
    expect_pass(host, "one/1 verified");
    assert_int_equal(host->pass.again_in_ms, 0);
    host->model.host.inventory.listeners.count = 0;
    for (unsigned i = 0; i < 3; i++) {
        enforce_double_wait(host, 30);
        expect_pass(host, "one/1 verified");
    }
}

static void test_retry_after_a_clock_set_back(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    host->refuse = HM_EIO;
    host->refuse_family = HM_IPV6;
    (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
    expect_pass(host, "one/1 failed");
    host->refuse = HM_OK;
    enforce_double_wait(host, -400 * 86400);
    expect_pass(host, "one/1 verified");
}

/* The clock was ahead, so the policy expired and its ports were taken away; now it is right again.
 * Nobody undid anything. */
static void test_expired_by_a_clock_that_was_ahead(void **state)
{
    static const char *const systems[] = {MODERN, NULL};

    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        struct hm_enforce_double *host = *state;
        struct hm_policy *policy;

        enforce_double_init(host, systems[i]);
        policy = hm_model_reserve(&host->model, "one", "tcp", "40000");
        policy->has_expires = true;
        policy->expires = host->model.now_ms + INT64_C(86400000) * 300;
        for (unsigned times = 0; times < 2; times++) {
            expect_pass(host, "one/1 verified");
            enforce_double_wait(host, 400 * 86400);
            expect_pass(host, "one/1 retired");
            assert_string_equal(enforce_double_rows(host, HM_IPV4), "");
            enforce_double_wait(host, -400 * 86400);
            expect_pass(host, "one/1 verified");
            assert_string_equal(enforce_double_rows(host, HM_IPV4), "40000");
            assert_int_equal(enforce_double_outcome(host, "one")->repairs, 0);
        }
        enforce_double_wait(host, 300);
        undo(host);
        expect_pass(host, "one/1 repaired"); /* this is a repair */
        assert_int_equal(enforce_double_outcome(host, "one")->repairs, 1);
        if (i + 1 < HM_COUNT(systems)) {
            enforce_double_fini(host);
        }
    }
}

/* The service that the policy asks for was removed, and is there again. */
static void test_a_host_that_matches_again_is_no_repair(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    (void)hm_build_service_runs(&host->model.host, "db", true);
    (void)hm_model_document(
        &host->model,
        "{\"name\":\"one\",\"revision\":1,\"owner\":\"o\",\"reason\":\"r\",\"review\":"
        "\"2030-01-01T00:00:00Z\",\"match\":{\"services\":[\"db\"]},\"mode\":\"enforce\","
        "\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"40000\"}]}");
    expect_pass(host, "one/1 verified");
    host->model.host.inventory.services.count = 0;
    host->model.host.inventory.service_details.count = 0;
    expect_pass(host, "one/1 retired");
    (void)hm_build_service_runs(&host->model.host, "db", true);
    expect_pass(host, "one/1 verified");
    assert_int_equal(enforce_double_outcome(host, "one")->repairs, 0);
}

/* ---- who undoes it ------------------------------------------------------------------------- */

static void test_war_is_not_waged_for_ever(void **state)
{
    static const char *const systems[] = {MODERN, NULL};

    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        struct hm_enforce_double *host = *state;
        unsigned repairs = 0;

        enforce_double_init(host, systems[i]);
        (void)hm_model_reserve(&host->model, "one", "tcp", "40000");
        expect_pass(host, "one/1 verified");
        for (unsigned look = 0; look < 240; look++) { /* two hours, undone before each look */
            undo(host);
            enforce_double_wait(host, 30);
            assert_int_equal(enforce_double_pass(host), HM_OK);
            repairs += host->changes > 0 ? 1 : 0;
        }
        assert_in_range(repairs, 5, 12);
        assert_string_equal(enforce_double_states(host), "one/1 failed");
        assert_non_null(strstr(enforce_double_outcome(host, "one")->text, "undoes it"));
        assert_int_equal(enforce_double_outcome(host, "one")->repairs, repairs);
        /* The war is over: it is made once more, and then it is as good as any. */
        enforce_double_wait(host, 3600);
        expect_pass(host, "one/1 repaired");
        enforce_double_wait(host, 4 * 3600);
        expect_pass(host, "one/1 repaired");
        undo(host);
        enforce_double_wait(host, 30);
        expect_pass(host, "one/1 repaired");
        assert_true(host->changes > 0);
        if (i + 1 < HM_COUNT(systems)) {
            enforce_double_fini(host);
        }
    }
}

/* ---- whose it is --------------------------------------------------------------------------- */

/* Two want the same port, one goes: it stays, as the other's. */
static void test_shared_port_outlives_one_owner(void **state)
{
    static const char *const systems[] = {MODERN, NULL, LEGACY};

    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        struct hm_enforce_double *host = *state;
        const char *before;

        enforce_double_init(host, systems[i]);
        before = hm_model_inventory(&host->model);
        (void)hm_model_reserve(&host->model, "beta", "tcp", "9955,9960");
        (void)hm_model_reserve(&host->model, "alpha", "tcp", "9955,9970");
        assert_int_equal(enforce_double_pass(host), HM_OK);
        host->model.boot_id = "boot-2";
        expect_pass(host, "alpha/1 verified; beta/1 verified");
        enforce_double_revise(host, HM_POLICY_RETIRE); /* alpha, the last one there */
        assert_int_equal(enforce_double_pass(host), HM_OK);
        host->model.boot_id = "boot-3";
        expect_pass(host, "alpha/2 retired; beta/1 verified");
        assert_null(strstr(enforce_double_report(host), "\"policy\":\"alpha\",\"revision\":1"));
        if (systems[i] == NULL || strcmp(systems[i], LEGACY) != 0) {
            assert_string_equal(enforce_double_rows(host, HM_IPV4), "9955,9960");
        }
        host->model.count = 0; /* beta's document is lost: what is its own now stays */
        assert_int_equal(enforce_double_pass(host), HM_OK);
        assert_int_equal(host->changes, 0);
        host->model.count = 1;
        enforce_double_revise(host, HM_POLICY_RETIRE);
        assert_int_equal(enforce_double_pass(host), HM_OK);
        host->model.boot_id = "boot-4";
        assert_int_equal(enforce_double_pass(host), HM_OK);
        assert_string_equal(hm_model_inventory(&host->model), before);
        assert_true(hm_ledger_is_empty(&host->pass.report.ledger));
        if (i + 1 < HM_COUNT(systems)) {
            enforce_double_fini(host);
        }
    }
}

/* The value is that of who still sets it: retiring the other one first changes nothing. */
static void test_shared_delay_outlives_one_owner(void **state)
{
    struct hm_enforce_double *host = *state;
    const char *before;

    enforce_double_init(host, LEGACY);
    before = hm_model_inventory(&host->model);
    (void)hm_model_policy(&host->model, "beta", "\"tcp_timed_wait_delay_s\":60");
    (void)hm_model_policy(&host->model, "alpha", "\"tcp_timed_wait_delay_s\":60");
    expect_pass(host, "alpha/1 waiting reboot; beta/1 waiting reboot");
    assert_string_equal(host->pass.report.ledger.timed_wait_delay.policy, "alpha");
    enforce_double_revise(host, HM_POLICY_RETIRE); /* alpha, the last one there */
    expect_pass(host, "alpha/2 retired; beta/1 waiting reboot");
    assert_int_equal(host->changes, 0);
    assert_string_equal(host->pass.report.ledger.timed_wait_delay.policy, "beta");
    host->model.count = 0; /* beta's document is lost: what is its own now stays */
    expect_pass(host, "alpha/2 retired; beta/1 failed");
    assert_int_equal(host->changes, 0);
    host->model.count = 1;
    enforce_double_revise(host, HM_POLICY_RETIRE);
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_string_equal(hm_model_inventory(&host->model), before);
    assert_true(hm_ledger_is_empty(&host->pass.report.ledger));
}

static void put_ledger(const struct hm_enforce_double *host, const char *text)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/ledger.json", host->folder);
    assert_int_equal(hm_os_replace_file(path, text, strlen(text), true, NULL), HM_OK);
}

/* The state of before the change, the system of after it: what is there is somebody else's. */
static void test_state_from_a_snapshot(void **state)
{
    static const char *const systems[] = {MODERN, NULL};

    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        struct hm_enforce_double *host = *state;

        enforce_double_init(host, systems[i]);
        (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
        expect_pass(host, "one/1 verified");
        put_ledger(host, "{\"exclusions\":[],\"ranges\":[]}");
        enforce_double_restart(host);
        expect_pass(host, "one/1 verified");
        assert_int_equal(host->changes, 0);
        enforce_double_revise(host, HM_POLICY_RETIRE);
        expect_pass(host, "one/2 retired");
        assert_int_equal(host->changes, 0);
        assert_string_equal(enforce_double_rows(host, HM_IPV4), "9955");
        if (i + 1 < HM_COUNT(systems)) {
            enforce_double_fini(host);
        }
    }
}

/* The system of before the change, the state of after it: made again. */
static void test_system_from_a_snapshot(void **state)
{
    static const char *const systems[] = {MODERN, NULL};

    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        struct hm_enforce_double *host = *state;

        enforce_double_init(host, systems[i]);
        (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
        expect_pass(host, "one/1 verified");
        undo(host);
        enforce_double_revise(host, HM_POLICY_RETIRE);
        expect_pass(host, "one/2 retired");
        assert_int_equal(host->changes, 0);
        assert_true(hm_ledger_is_empty(&host->pass.report.ledger));
        if (i + 1 < HM_COUNT(systems)) {
            enforce_double_fini(host);
        }
    }
}

/* What a product needs is another now: what it needed is taken back, and it is no repair. */
static void test_product_that_moved(void **state)
{
    static const char *const systems[] = {MODERN, NULL};

    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        struct hm_enforce_double *host = *state;
        struct hm_product *product;

        enforce_double_init(host, systems[i]);
        product = hm_build_product(&host->model.host, "mail", NULL, NULL);
        (void)hm_build_require(&host->model.host, product, "pop", HM_TCP, "9955", HM_KIND_SOCKET);
        (void)hm_model_policy(&host->model, "one", "\"reservations\":[{\"product\":\"mail\"}]");
        expect_pass(host, "one/1 verified");
        product->requirements.at[0].ports = (struct hm_ports){(struct hm_range[]){{9956, 9957}}, 1};
        expect_pass(host, "one/1 verified");
        assert_string_equal(enforce_double_rows(host, HM_IPV4), "9956-9957");
        assert_int_equal(enforce_double_outcome(host, "one")->repairs, 0);
        if (i + 1 < HM_COUNT(systems)) {
            enforce_double_fini(host);
        }
    }
}

/* A host that has taken policies for years: those that are over crowd out none, and what is told
 * of them does not change from look to look. */
static void test_years_of_policies(void **state)
{
    enum { OVER = 600 };
    static const struct hm_policy *policies[OVER + 1];
    static struct hm_policy over[OVER];
    static char names[OVER][16];
    struct hm_enforce_double *host = *state;
    const char *report;

    enforce_double_init(host, MODERN);
    policies[OVER] = hm_model_reserve(&host->model, "zeta", "tcp", "9955");
    for (size_t i = 0; i < OVER; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "old-%03u", (unsigned)i);
        over[i] = *policies[OVER];
        over[i].name = names[i];
        over[i].mode = HM_POLICY_RETIRE;
        policies[i] = &over[i];
    }
    host->more = (struct hm_policies){policies, OVER + 1};
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_int_equal(enforce_double_outcome(host, "zeta")->state, HM_OUTCOME_VERIFIED);
    enforce_double_wait(host, 300);
    assert_int_equal(enforce_double_pass(host), HM_OK);
    report = enforce_double_report(host);
    for (unsigned i = 0; i < 3; i++) {
        enforce_double_wait(host, 300);
        enforce_double_restart(host);
        assert_int_equal(enforce_double_pass(host), HM_OK);
        assert_string_equal(enforce_double_report(host), report);
    }
}

/* ---- told once ----------------------------------------------------------------------------- */

static void test_lasting_damage_is_told_once(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
    expect_pass(host, "one/1 verified");
    listen_to("nothing_enforced");
    for (unsigned i = 0; i < 3; i++) {
        put_ledger(host, "{\"exclusions\":");
        expect_pass(host, "one/1 failed");
        expect_pass(host, "one/1 failed");
        assert_int_equal(told.count, i + 1);
        put_ledger(host, "{\"exclusions\":[],\"ranges\":[]}");
        assert_int_equal(enforce_double_pass(host), HM_OK);
    }
    put_ledger(host, "{\"exclusions\":");
    expect_pass(host, "one/1 failed");
    put_ledger(host, "[");
    expect_pass(host, "one/1 failed");
    assert_int_equal(told.count, 5); /* another damage */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_much_is_done_in_parts),
        TEST(test_slow_host_is_not_silent),
        TEST(test_clock_set_back),
        TEST(test_retry_after_a_clock_set_back),
        TEST(test_expired_by_a_clock_that_was_ahead),
        TEST(test_a_host_that_matches_again_is_no_repair),
        TEST(test_war_is_not_waged_for_ever),
        TEST(test_lasting_damage_is_told_once),
        TEST(test_shared_port_outlives_one_owner),
        TEST(test_shared_delay_outlives_one_owner),
        TEST(test_state_from_a_snapshot),
        TEST(test_system_from_a_snapshot),
        TEST(test_product_that_moved),
        TEST(test_years_of_policies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
