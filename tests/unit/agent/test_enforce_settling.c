/* tests/unit/agent/test_enforce_settling.c — what enforcement changes before its host has settled
 * since the boot. SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/enforce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/enforce/enforce_state.h"
#include "tests/support/enforce_double.h"

#define MODERN "10.0.17763"

static int set_up(void **state)
{
    struct hm_enforce_double *host = calloc(1, sizeof(*host));

    *state = host;
    if (host != NULL) {
        enforce_double_init(host, MODERN);
    }
    return host == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_fini(host);
    free(host);
    return 0;
}

static void expect_pass(struct hm_enforce_double *host, const char *states, const char *rows)
{
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_string_equal(enforce_double_states(host), states);
    assert_string_equal(enforce_double_rows(host, HM_IPV4), rows);
}

static struct hm_service *automatic(struct hm_enforce_double *host, const char *name)
{
    struct hm_service *service = hm_build_service_runs(&host->model.host, name, true);

    service->start = HM_START_AUTOMATIC;
    return service;
}

static struct hm_enforce_boot boot_of(struct hm_enforce_double *host)
{
    struct hm_enforce_state kept;

    assert_int_equal(hm_enforce_state_load(host->folder, &host->arena, &kept, NULL), HM_OK);
    assert_true(kept.has_boot);
    return kept.boot;
}

/* The site that uses the port has not started: the port looks free. */
static void test_a_port_looks_free_before_its_service_has_started(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_service *site = automatic(host, "W3SVC");

    (void)hm_model_reserve(&host->model, "p", "tcp", "50443");
    hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 50443, "System", "", HM_KIND_HTTPSYS);
    expect_pass(host, "p/1 refused httpsys", "");

    enforce_double_boot(host, "boot-2");
    host->model.host.inventory.listeners.count = 0;
    site->runs = false;
    site->exit_code = 1077;
    enforce_double_wait(host, 15);
    expect_pass(host, "p/1 waiting settling", "");
    assert_int_equal(host->changes, 0);
    assert_int_equal(host->pass.again_in_ms, 45000);
    enforce_double_wait(host, 45);
    expect_pass(host, "p/1 waiting settling", "");

    host->model.host.inventory.listeners.count = 1;
    site->runs = true;
    enforce_double_wait(host, 120);
    expect_pass(host, "p/1 refused httpsys", "");
}

/* Ten minutes are the limit, whatever does not start. */
static void test_the_limit(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_service *broken = automatic(host, "Broken");

    broken->runs = false;
    broken->exit_code = 1077;
    (void)hm_model_reserve(&host->model, "p", "tcp", "9955");
    enforce_double_boot(host, "boot-2");
    enforce_double_wait(host, 599);
    expect_pass(host, "p/1 waiting settling", "");
    assert_int_equal(host->pass.again_in_ms, 1000);
    enforce_double_wait(host, 1);
    expect_pass(host, "p/1 verified", "9955");
    assert_int_equal(boot_of(host).first_change_s, 600);
    assert_int_equal(boot_of(host).complete_s, 600);
}

/* Services have started, and two observations are equal. */
static void test_two_equal_observations(void **state)
{
    struct hm_enforce_double *host = *state;

    (void)automatic(host, "Good");
    (void)hm_model_reserve(&host->model, "p", "tcp", "9955");
    enforce_double_boot(host, "boot-2");
    enforce_double_wait(host, 100);
    expect_pass(host, "p/1 waiting settling", "");
    assert_int_equal(host->pass.again_in_ms, 30000);
    assert_false(boot_of(host).has_complete_s);
    enforce_double_restart(host); /* or killed: what was noted is on disk */
    enforce_double_wait(host, 30);
    expect_pass(host, "p/1 verified", "9955");
    assert_int_equal(boot_of(host).first_change_s, 130);
    assert_int_equal(boot_of(host).complete_s, 130);
}

/* Verified in an earlier boot: done again at once. */
static void test_what_was_verified_is_done_again(void **state)
{
    struct hm_enforce_double *host = *state;

    (void)hm_model_reserve(&host->model, "p", "tcp", "9955");
    expect_pass(host, "p/1 verified", "9955");
    enforce_double_boot(host, "boot-2");
    hm_build_stack(&host->model.host, HM_TCP, HM_IPV4)->administered.count = 0;
    enforce_double_wait(host, 5);
    expect_pass(host, "p/1 repaired", "9955");
    assert_int_equal(boot_of(host).first_change_s, 5);
}

/* What the agent removed as a hazard is not done again early, and nobody undid it. */
static void test_what_was_removed_is_not_done_again(void **state)
{
    static struct hm_port_hazard at[] = {
        {HM_TCP, 9955, HM_KIND_HTTPSYS, "URL reservation http://+:9955/", false, 1},
    };
    static const struct hm_port_hazards hazards = {at, 1};
    struct hm_enforce_double *host = *state;

    (void)automatic(host, "Good");
    (void)hm_model_reserve(&host->model, "p", "tcp", "9955");
    expect_pass(host, "p/1 verified", "9955");
    hm_build_configured(&host->model.host, HM_TCP, 9955, HM_KIND_HTTPSYS, HM_BY_URL_RESERVATION,
                        "http://+:9955/");
    expect_pass(host, "p/1 refused httpsys", "");

    enforce_double_boot(host, "boot-2"); /* and nothing can be read yet */
    host->model.host.inventory.has_configured = false;
    host->model.settings_unread = true;
    enforce_double_wait(host, 5);
    expect_pass(host, "p/1 waiting settling", "");
    enforce_double_wait(host, 600);
    expect_pass(host, "p/1 refused facts_missing", "");
    assert_int_equal(host->pass.again_in_ms, 120000);
    host->model.remembered = &hazards;
    expect_pass(host, "p/1 refused httpsys", "");

    host->model.settings_unread = false; /* the URL is gone */
    expect_pass(host, "p/1 verified", "9955");
    assert_int_equal(enforce_double_outcome(host, "p")->repairs, 0);
}

/* Settings that cannot be read yet: also a port of a product waits, for ten minutes at most. */
static void test_unread_settings_early_in_a_boot(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_product *product = hm_build_product(&host->model.host, "product", "app", NULL);

    (void)hm_build_require(&host->model.host, product, "r", HM_TCP, "9955", HM_KIND_SOCKET);
    hm_build_service(&host->model.host, "app");
    (void)automatic(host, "Good");
    (void)hm_model_reserve(&host->model, "p", "tcp", "9955");
    host->model.settings_unread = true;
    enforce_double_boot(host, "boot-2");
    enforce_double_wait(host, 100);
    expect_pass(host, "p/1 waiting settling", "");
    enforce_double_wait(host, 400);
    expect_pass(host, "p/1 waiting settling", "");
    enforce_double_wait(host, 100);
    expect_pass(host, "p/1 verified", "9955");
}

static struct hm_ledger ledger_of(struct hm_enforce_double *host)
{
    struct hm_ledger kept;

    assert_int_equal(hm_ledger_load(host->folder, false, &host->arena, &kept, NULL), HM_OK);
    return kept;
}

static void leave_ledger(struct hm_enforce_double *host, struct hm_ledger_exclusion *row)
{
    const struct hm_enforce_state state = {.id = "", .held = false};
    const struct hm_ledger ledger = {
        .exclusions = {row, 1}
    };

    assert_int_equal(hm_enforce_state_save(host->folder, &state, NULL), HM_OK);
    assert_int_equal(hm_ledger_save(host->folder, &ledger, NULL), HM_OK);
}

/* Killed between the ledger and the change: the next boot finds a row of a port that was never
 * excluded, which is new. It goes where the system refuses it. */
static void test_a_change_that_was_only_begun(void **state)
{
    static struct hm_ledger_exclusion begun = {
        "p", 1, HM_TCP, HM_IPV4, {9955, 9955},
            1, true
    };
    struct hm_enforce_double *host = *state;

    (void)hm_model_reserve(&host->model, "p", "tcp", "9955");
    leave_ledger(host, &begun);
    enforce_double_boot(host, "boot-2");
    enforce_double_wait(host, 20);
    expect_pass(host, "p/1 waiting settling", "");
    host->refuse = HM_EDENIED;
    enforce_double_wait(host, 700);
    expect_pass(host, "p/1 failed", "");
    assert_int_equal(ledger_of(host).exclusions.count, 1);
    assert_int_equal(ledger_of(host).exclusions.at[0].family, HM_IPV6);
    assert_false(ledger_of(host).exclusions.at[0].pending);
    host->refuse = HM_OK;
    enforce_double_restart(host);
    expect_pass(host, "p/1 verified", "9955");
    assert_int_equal(ledger_of(host).exclusions.count, 2);
}

/* Killed between the change and the ledger: it is there. */
static void test_a_change_that_was_not_noted(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_ledger_exclusion rows[2];
    struct hm_ledger ledger;

    (void)hm_model_reserve(&host->model, "p", "tcp", "9955");
    expect_pass(host, "p/1 verified", "9955");
    ledger = ledger_of(host);
    assert_int_equal(ledger.exclusions.count, 2);
    for (size_t i = 0; i < 2; i++) {
        rows[i] = ledger.exclusions.at[i];
        rows[i].pending = true;
    }
    ledger.exclusions.at = rows;
    assert_int_equal(hm_ledger_save(host->folder, &ledger, NULL), HM_OK);
    expect_pass(host, "p/1 verified", "9955");
    ledger = ledger_of(host);
    assert_int_equal(ledger.exclusions.count, 2);
    assert_false(ledger.exclusions.at[0].pending || ledger.exclusions.at[1].pending);
}

/* It took the place of a row of its own, which another policy had made. */
static void test_what_it_replaces_is_no_repair(void **state)
{
    struct hm_enforce_double *host = *state;

    (void)hm_model_reserve(&host->model, "a", "tcp", "9950-9959");
    expect_pass(host, "a/1 verified", "9950-9959");
    (void)hm_model_reserve(&host->model, "b", "tcp", "9955");
    expect_pass(host, "a/1 verified; b/1 verified", "9950-9959");
    host->model.count = 0;
    hm_model_policy(&host->model, "a",
                    "\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"9950\"}]")
        ->revision = 2;
    (void)hm_model_reserve(&host->model, "b", "tcp", "9955");
    expect_pass(host, "a/2 verified; b/1 verified", "9950,9955");
    assert_int_equal(enforce_double_outcome(host, "b")->repairs, 0);
}

/* A service that starts by itself has failed: a port that nobody is known to serve may be its. */
static void test_a_failed_service(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_service *service = automatic(host, "Portal");

    service->runs = false;
    service->exit_code = 10048;
    (void)hm_model_reserve(&host->model, "p", "tcp", "9955,9960");
    (void)hm_build_remember(&host->model.host, HM_TCP, 9960, "app.exe", "app", HM_KIND_SOCKET, 2);
    enforce_double_boot(host, "boot-2");
    enforce_double_wait(host, 100);
    expect_pass(host, "p/1 waiting settling", "");
    enforce_double_wait(host, 30);
    expect_pass(host, "p/1 waiting settling", "9960");
    enforce_double_wait(host, 470);
    expect_pass(host, "p/1 verified", "9955,9960");
}

/* Another revision wants more: that is new. */
static void test_a_new_revision_waits(void **state)
{
    struct hm_enforce_double *host = *state;

    (void)hm_model_reserve(&host->model, "p", "tcp", "9955");
    expect_pass(host, "p/1 verified", "9955");
    host->model.count = 0;
    hm_model_reserve(&host->model, "p", "tcp", "9955,9957")->revision = 2;
    enforce_double_boot(host, "boot-2");
    enforce_double_wait(host, 5);
    expect_pass(host, "p/2 waiting settling", "9955");
}

/* A plain socket was all that stood in the way, and the host had settled. */
static void test_what_waited_for_a_socket_is_added(void **state)
{
    struct hm_enforce_double *host = *state;

    (void)hm_model_reserve(&host->model, "p", "tcp", "53,9955");
    hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 53, "dns.exe", "DNS", HM_KIND_SOCKET);
    expect_pass(host, "p/1 waiting busy", "9955");
    enforce_double_boot(host, "boot-2");
    host->model.host.inventory.listeners.count = 0; /* the agent is early */
    enforce_double_wait(host, 3);
    expect_pass(host, "p/1 verified", "53,9955");
    assert_int_equal(boot_of(host).first_change_s, 3);
}

/* While settings cannot be read, a socket may stand where HTTP.sys was to be: that is no reason to
 * take the port early in the next boot. */
static void test_what_waits_while_settings_are_unread_is_not_noted(void **state)
{
    struct hm_enforce_double *host = *state;

    (void)hm_model_reserve(&host->model, "p", "tcp", "50443");
    hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 50443, "guest.exe", "", HM_KIND_SOCKET);
    host->model.settings_unread = true;
    expect_pass(host, "p/1 waiting busy", "");
    enforce_double_boot(host, "boot-2");
    host->model.host.inventory.listeners.count = 0;
    enforce_double_wait(host, 3);
    expect_pass(host, "p/1 waiting settling", "");
}

/* While a service that starts by itself has failed, the port that somebody else has may be the one
 * it failed for, which it serves through HTTP.sys; not so one that its program had for boots. */
static void test_what_waits_while_a_service_has_failed_is_not_noted(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_service *site = automatic(host, "Portal");

    site->runs = false;
    site->exit_code = 10048;
    (void)hm_model_reserve(&host->model, "p", "tcp", "53,50443,50444");
    (void)hm_build_socket(&host->model.host, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 53, "dns.exe",
                          "DNS");
    (void)hm_build_remember(&host->model.host, HM_TCP, 53, "dns.exe", "DNS", HM_KIND_SOCKET, 3);
    (void)hm_build_socket(&host->model.host, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 50443, "guest.exe",
                          "");
    (void)hm_build_socket(&host->model.host, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 50444,
                          "guest.exe", "");
    expect_pass(host, "p/1 waiting taken", "");
    enforce_double_boot(host, "boot-2");
    host->model.host.sockets.count = 0;
    site->exit_code = 1077; /* it has not been started yet */
    enforce_double_wait(host, 3);
    expect_pass(host, "p/1 waiting settling", "53");
}

/* Before everything is read: only what waits, on the stacks that are known, without a report. */
static void test_an_urgent_pass(void **state)
{
    struct hm_enforce_double *host = *state;

    (void)hm_model_reserve(&host->model, "new", "tcp", "9955");
    assert_int_equal(hm_enforcer_urgent(host->enforcer), 0);
    (void)hm_model_reserve(&host->model, "p", "tcp", "53");
    host->model.policies[0] = host->model.policies[1]; /* "new" comes later */
    host->model.count = 1;
    hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 53, "dns.exe", "DNS", HM_KIND_SOCKET);
    expect_pass(host, "p/1 waiting busy", "");
    assert_int_equal(hm_enforcer_urgent(host->enforcer), 1u << hm_stack_index(HM_TCP, HM_IPV4));

    (void)hm_model_reserve(&host->model, "new", "tcp", "9955");
    enforce_double_boot(host, "boot-2");
    host->model.host.inventory.listeners.count = 0;
    enforce_double_wait(host, 2);
    host->urgent = true;
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "53");
    assert_int_equal(host->changes, 1);
    assert_int_equal(host->pass.report.policies.count, 0);
    assert_int_equal(boot_of(host).first_change_s, 2);
    host->urgent = false;
    enforce_double_wait(host, 5);
    expect_pass(host, "new/1 waiting settling; p/1 verified", "53");
    assert_int_equal(boot_of(host).first_change_s, 2);
}

/* The observation of an urgent pass knows one stack: the others are left as they are. */
static void test_an_urgent_pass_leaves_other_stacks_alone(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_stack *other;
    struct hm_stack *here;

    (void)hm_model_reserve(&host->model, "old", "tcp", "9955");
    (void)hm_model_reserve(&host->model, "p", "tcp", "53");
    hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 53, "dns.exe", "DNS", HM_KIND_SOCKET);
    expect_pass(host, "old/1 verified; p/1 waiting busy", "9955");
    assert_string_equal(enforce_double_rows(host, HM_IPV6), "53,9955");

    enforce_double_boot(host, "boot-2");
    host->model.host.inventory.listeners.count = 0;
    here = hm_build_stack(&host->model.host, HM_TCP, HM_IPV4);
    other = hm_build_stack(&host->model.host, HM_TCP, HM_IPV6);
    here->has_dynamic = false;
    other->has_dynamic = false;
    other->has_administered = false;
    other->has_runtime = false;
    host->model.count = 1; /* "p" is over, as far as this delivery says */
    enforce_double_wait(host, 2);
    host->urgent = true;
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_int_equal(host->changes, 0);
    host->model.count = 2;
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_int_equal(host->changes, 1);
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "53,9955");
}

/* What is no plain socket may be one of HTTP.sys: none of these is added early. */
static void test_what_is_no_plain_socket_waits(void **state)
{
    static const struct {
        const char *program;
        bool block;
    } rows[] = {
        {"System", false},
        {"",       false},
        {"a.exe",  true },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_enforce_double host;

        enforce_double_init(&host, MODERN);
        (void)hm_model_reserve(&host.model, "p", "tcp", "50443");
        hm_build_listener(&host.model.host, HM_TCP, HM_IPV4, 50443, rows[i].program, "",
                          HM_KIND_SOCKET);
        if (rows[i].block) {
            hm_build_runtime(&host.model.host, HM_TCP, HM_IPV4, "50400-50499");
        }
        assert_int_equal(enforce_double_pass(&host), HM_OK);
        assert_int_not_equal(enforce_double_outcome(&host, "p")->state, HM_OUTCOME_VERIFIED);
        enforce_double_boot(&host, "boot-2");
        host.model.host.inventory.listeners.count = 0;
        hm_build_stack(&host.model.host, HM_TCP, HM_IPV4)->runtime.count = 0;
        enforce_double_wait(&host, 3);
        expect_pass(&host, "p/1 waiting settling", "");
        enforce_double_fini(&host);
    }
}

/* An observation before the host has settled takes nothing from what is remembered, and adds
 * nothing to it. */
static void test_early_observations_are_not_remembered(void **state)
{
    struct hm_enforce_double *host = *state;

    (void)hm_model_reserve(&host->model, "p", "tcp", "53");
    enforce_double_boot(host, "boot-1");
    hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 53, "dns.exe", "DNS", HM_KIND_SOCKET);
    enforce_double_wait(host, 3);
    expect_pass(host, "p/1 waiting busy", "");
    enforce_double_boot(host, "boot-2");
    host->model.host.inventory.listeners.count = 0;
    enforce_double_wait(host, 3);
    expect_pass(host, "p/1 waiting settling", "");
}

/* A service that nobody has started yet is no reason to remove what protects it. */
static void test_a_policy_for_a_service_that_does_not_run_yet(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_inventory *inventory = &host->model.host.inventory;

    (void)automatic(host, "Good");
    hm_build_service(&host->model.host, "ByHand");
    (void)hm_model_document(
        &host->model,
        "{\"name\":\"p\",\"revision\":1,\"owner\":\"o\",\"reason\":\"r\",\"review\":"
        "\"2030-01-01T00:00:00Z\",\"match\":{\"services\":[\"ByHand\"]},\"mode\":\"enforce\","
        "\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"9955\"}]}");
    expect_pass(host, "p/1 verified", "9955");

    enforce_double_boot(host, "boot-2");
    inventory->services.count--;
    enforce_double_wait(host, 3);
    host->urgent = true;
    assert_int_equal(enforce_double_pass(host), HM_OK);
    host->urgent = false;
    expect_pass(host, "p/1 verified", "9955");
    enforce_double_wait(host, 20);
    expect_pass(host, "p/1 verified", "9955");
    enforce_double_wait(host, 10); /* it has settled: the service is not there any more */
    expect_pass(host, "p/1 retired", "");
}

/* Nobody waits for a host to settle before harm is undone. */
static void test_a_retired_policy_is_removed_at_once(void **state)
{
    struct hm_enforce_double *host = *state;

    (void)hm_model_reserve(&host->model, "p", "tcp", "9955");
    expect_pass(host, "p/1 verified", "9955");
    enforce_double_boot(host, "boot-2");
    enforce_double_revise(host, HM_POLICY_RETIRE);
    enforce_double_wait(host, 5);
    expect_pass(host, "p/2 retired", "");
}

int main(void)
{
#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON_HOST(test_a_port_looks_free_before_its_service_has_started),
        ON_HOST(test_the_limit),
        ON_HOST(test_two_equal_observations),
        ON_HOST(test_what_was_verified_is_done_again),
        ON_HOST(test_what_was_removed_is_not_done_again),
        ON_HOST(test_unread_settings_early_in_a_boot),
        ON_HOST(test_what_it_replaces_is_no_repair),
        ON_HOST(test_a_failed_service),
        ON_HOST(test_a_change_that_was_only_begun),
        ON_HOST(test_a_change_that_was_not_noted),
        ON_HOST(test_a_new_revision_waits),
        ON_HOST(test_what_waited_for_a_socket_is_added),
        ON_HOST(test_what_waits_while_settings_are_unread_is_not_noted),
        ON_HOST(test_what_waits_while_a_service_has_failed_is_not_noted),
        ON_HOST(test_an_urgent_pass),
        ON_HOST(test_an_urgent_pass_leaves_other_stacks_alone),
        cmocka_unit_test(test_what_is_no_plain_socket_waits),
        ON_HOST(test_early_observations_are_not_remembered),
        ON_HOST(test_a_policy_for_a_service_that_does_not_run_yet),
        ON_HOST(test_a_retired_policy_is_removed_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
