/* tests/unit/agent/test_enforce.c — policies on a made-up host: carried out, kept, taken back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/enforce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/enforce_double.h"

#define MODERN "10.0.17763"
#define LEGACY "5.2.3790"

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

/* ---- there and back ------------------------------------------------------------------------ */

static void test_apply_and_retire(void **state)
{
    static const char *const systems[] = {MODERN, NULL};

    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        struct hm_enforce_double *host = *state;
        const char *before;

        enforce_double_init(host, systems[i]);
        for (unsigned family = 0; family < 2; family++) {
            hm_build_exclude(&host->model.host, HM_TCP, (enum hm_family)family, "50000-50059");
            hm_build_exclude(&host->model.host, HM_UDP, (enum hm_family)family, "50000-50059");
        }
        before = hm_model_inventory(&host->model);
        (void)hm_model_reserve(&host->model, "exchange", "tcp", "9933,9955");
        expect_pass(host, "exchange/1 verified");
        assert_true(host->pass.changed);
        assert_string_equal(enforce_double_rows(host, HM_IPV4), "9933,9955,50000-50059");
        assert_string_equal(enforce_double_rows(host, HM_IPV6), "9933,9955,50000-50059");
        assert_false(hm_ledger_is_empty(&host->pass.report.ledger));
        assert_int_equal(host->pass.report.trust_version, 7);

        enforce_double_revise(host, HM_POLICY_RETIRE);
        expect_pass(host, "exchange/2 retired");
        assert_string_equal(hm_model_inventory(&host->model), before);
        assert_true(hm_ledger_is_empty(&host->pass.report.ledger));
        if (i + 1 < HM_COUNT(systems)) {
            enforce_double_fini(host);
        }
    }
}

static void test_order_of_an_action(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, NULL);
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000");
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_string_equal(host->order, "plan reread watch state ledger_begin state ledger_before "
                                     "change reread ledger_after plan state");
}

static void test_quiet_and_stable(void **state)
{
    struct hm_enforce_double *host = *state;
    const char *report;

    enforce_double_init(host, MODERN);
    (void)hm_build_socket(&host->model.host, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 9955, "dns.exe",
                          "DNS");
    host->model.host.sockets.at[0].pid = 4711;
    (void)hm_model_reserve(&host->model, "exchange", "tcp", "9933,9955");
    expect_pass(host, "exchange/1 waiting busy");
    report = enforce_double_report(host);
    host->model.host.sockets.at[0].pid = 4712;
    for (unsigned i = 0; i < 3; i++) {
        enforce_double_wait(host, 60);
        if (i == 1) {
            enforce_double_restart(host);
        }
        assert_int_equal(enforce_double_pass(host), HM_OK);
        assert_string_equal(enforce_double_report(host), report);
        assert_int_equal(host->changes, 0);
    }
}

static void test_busy_until_freed(void **state)
{
    struct hm_enforce_double *host = *state;
    const struct hm_outcome *row;

    enforce_double_init(host, MODERN);
    (void)hm_build_socket(&host->model.host, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 9955, "dns.exe",
                          "DNS");
    (void)hm_model_reserve(&host->model, "exchange", "tcp", "9933,9955");
    expect_pass(host, "exchange/1 waiting busy");
    row = enforce_double_outcome(host, "exchange");
    assert_int_equal(row->notes.count, 1);
    assert_true(row->notes.at[0].has_holder);
    assert_string_equal(row->notes.at[0].holder.service, "DNS");
    assert_true(row->has_failing_since);
    assert_true(host->pass.again_in_ms > 0);
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "9933");
    assert_string_equal(enforce_double_rows(host, HM_IPV6), "9933,9955");
    host->model.host.sockets.count = 0;
    enforce_double_wait(host, 60);
    expect_pass(host, "exchange/1 verified");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "9933,9955");
    assert_false(enforce_double_outcome(host, "exchange")->has_failing_since);
}

static void test_drift_is_repaired(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, NULL);
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000");
    expect_pass(host, "one/1 verified");
    for (unsigned times = 1; times <= 2; times++) {
        for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
            host->model.host.stacks[i].administered = (struct hm_ports){NULL, 0};
        }
        enforce_double_wait(host, 300);
        enforce_double_restart(host);
        expect_pass(host, "one/1 repaired");
        assert_int_equal(enforce_double_outcome(host, "one")->repairs, times);
        assert_true(enforce_double_outcome(host, "one")->since == host->model.now_ms);
        enforce_double_wait(host, 300);
        expect_pass(host, "one/1 repaired");
        assert_int_equal(enforce_double_outcome(host, "one")->repairs, times);
    }
}

static void test_what_outlives_a_boot_is_repaired(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, NULL);
    host->keeps = true;
    enforce_double_restart(host);
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000");
    expect_pass(host, "one/1 verified");
    host->lost = true;
    expect_pass(host, "one/1 repaired");
    assert_int_equal(enforce_double_outcome(host, "one")->repairs, 1);
}

/* One command that acts on both families is recorded and taken back as two rows. */
static void test_both_families_at_once(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    host->both_families = true;
    (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
    expect_pass(host, "one/1 verified");
    assert_int_equal(host->changes, 1);
    assert_int_equal(host->pass.report.ledger.exclusions.count, 2);
    enforce_double_revise(host, HM_POLICY_RETIRE);
    expect_pass(host, "one/2 retired");
    assert_int_equal(host->changes, 1);
    assert_string_equal(enforce_double_rows(host, HM_IPV6), "");
    assert_true(hm_ledger_is_empty(&host->pass.report.ledger));
}

/* ---- what stands in the way ---------------------------------------------------------------- */

static void test_second_family_fails(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    host->refuse = HM_EIO;
    host->refuse_family = HM_IPV6;
    (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
    expect_pass(host, "one/1 failed");
    assert_non_null(strstr(enforce_double_outcome(host, "one")->text, "tcp/ipv6 9955"));
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "9955");
    assert_int_equal(host->changes, 2);
    enforce_double_wait(host, 5);
    expect_pass(host, "one/1 failed"); /* its time has not come */
    assert_int_equal(host->changes, 0);
    assert_in_range(host->pass.again_in_ms, 1, 10000);
    host->refuse = HM_OK;
    enforce_double_wait(host, 60);
    expect_pass(host, "one/1 verified");
}

static void test_one_bad_beside_good_ones(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    host->refuse = HM_EDENIED;
    host->refuse_policy = "bad";
    (void)hm_model_reserve(&host->model, "alpha", "tcp", "9955");
    (void)hm_model_reserve(&host->model, "bad", "tcp", "9966");
    (void)hm_model_reserve(&host->model, "omega", "tcp", "9977");
    expect_pass(host, "alpha/1 verified; bad/1 failed; omega/1 verified");
    assert_int_equal(host->pass.report.ledger.exclusions.count, 5); /* ipv6 of "bad" went through */
}

static void test_system_that_pretends(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    host->pretends = true;
    (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
    expect_pass(host, "one/1 failed");
    assert_non_null(strstr(enforce_double_outcome(host, "one")->text, "does not show it"));
}

/* What somebody else made in the last moment is theirs, and stays when the policy goes. */
static void test_outrun(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    host->outrun = true;
    (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
    expect_pass(host, "one/1 verified");
    assert_int_equal(host->pass.report.ledger.exclusions.count, 0);
    enforce_double_revise(host, HM_POLICY_RETIRE);
    expect_pass(host, "one/2 retired");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "9955");
    assert_string_equal(enforce_double_rows(host, HM_IPV6), "9955");
}

static void test_system_that_cannot_be_read_again(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    host->blind = true;
    (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
    expect_pass(host, "one/1 failed");
    assert_int_equal(host->changes, 0); /* no precondition, no change */
    host->blind = false;
    enforce_double_wait(host, 60);
    expect_pass(host, "one/1 verified");
}

static void test_httpsys_is_refused(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 443, "System", "", HM_KIND_HTTPSYS);
    (void)hm_model_reserve(&host->model, "web", "tcp", "443");
    expect_pass(host, "web/1 refused httpsys");
    assert_int_equal(host->changes, 0);
}

static void test_audit_and_window(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_policy *policy;

    enforce_double_init(host, MODERN);
    policy = hm_model_reserve(&host->model, "look", "tcp", "9955");
    policy->mode = HM_POLICY_AUDIT;
    (void)hm_model_policy(&host->model, "night",
                          "\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"9966\"}],"
                          "\"window\":{\"weekdays\":[\"wed\"],\"start_minute\":780,"
                          "\"minutes\":60}");
    expect_pass(host, "look/1 waiting audit; night/1 waiting window");
    assert_int_equal(host->changes, 0);
    assert_int_equal(host->pass.again_in_ms, 3600 * 1000); /* it is noon, 13:00 it opens */
    enforce_double_wait(host, 3600);
    expect_pass(host, "look/1 waiting audit; night/1 verified");
}

static void test_local_limits(void **state)
{
    static const struct hm_range never = {9955, 9955};
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    host->model.limits.never = (struct hm_ports){&never, 1};
    host->model.limits.policy_ports_max = 2;
    enforce_double_restart(host);
    (void)hm_model_reserve(&host->model, "large", "tcp", "9970-9972");
    (void)hm_model_reserve(&host->model, "never", "tcp", "9955");
    (void)hm_model_reserve(&host->model, "small", "tcp", "9980-9981");
    expect_pass(host, "large/1 refused local_limit; never/1 refused local_limit; small/1 verified");

    host->model.limits = (struct hm_local_limits){.enforce_off = true};
    enforce_double_restart(host);
    enforce_double_revise(
        host, HM_POLICY_RETIRE); /* "small" is wanted by nobody now, and stays all the same */
    (void)hm_model_reserve(&host->model, "z", "tcp", "9990");
    expect_pass(host, "large/1 refused local_limit; never/1 refused local_limit; "
                      "small/2 refused local_limit; z/1 refused local_limit");
    assert_int_equal(host->changes, 0);
}

static void test_refused_deliveries(void **state)
{
    static const struct hm_policy_refused refused[] = {
        {"good", 2, HM_POLICY_ENFORCE, HM_REFUSE_UNSIGNED,  "Nobody signed it.",      1795600000000},
        {"good", 1, HM_POLICY_ENFORCE, HM_REFUSE_ALTERED,   "It is not what it was.", 1795600000000},
        {"",     0, HM_POLICY_ENFORCE, HM_REFUSE_MALFORMED, "It cannot be read.",     1795600000000},
    };
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    (void)hm_model_reserve(&host->model, "good", "tcp", "9955");
    host->refused = refused;
    host->refused_count = HM_COUNT(refused);
    expect_pass(host, "good/1 verified; good/2 refused unsigned");
    assert_string_equal(host->pass.report.refused, "good revision 1: It is not what it was.");
}

/* What is not there tells nothing; what is over does, and so does a host that is not meant. */
static void test_absence_takes_nothing_back(void **state)
{
    static const char *const systems[] = {MODERN, NULL, LEGACY};
    struct hm_policy_refused over = {
        "one", 1, HM_POLICY_ENFORCE, HM_REFUSE_EXPIRED, "It is over.", 1795600000000};

    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        struct hm_enforce_double *host = *state;
        const char *before;

        enforce_double_init(host, systems[i]);
        before = hm_model_inventory(&host->model);
        (void)hm_model_policy(&host->model, "one",
                              "\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"2000\"}],"
                              "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"1025-6000\"}],"
                              "\"tcp_timed_wait_delay_s\":60");
        assert_int_equal(enforce_double_pass(host), HM_OK);
        assert_true(host->changes > 0);
        host->model.count = 0;
        enforce_double_wait(host, 300);
        expect_pass(host, "one/1 failed");
        assert_int_equal(host->changes, 0);
        host->refused = &over;
        host->refused_count = 1;
        expect_pass(host, "one/1 retired");
        assert_string_equal(hm_model_inventory(&host->model), before);
        if (i + 1 < HM_COUNT(systems)) {
            enforce_double_fini(host);
        }
    }
}

static void test_lost_product_takes_nothing_back(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_product *product;

    enforce_double_init(host, MODERN);
    product = hm_build_product(&host->model.host, "mail", NULL, NULL);
    (void)hm_build_require(&host->model.host, product, "pop", HM_TCP, "9955", HM_KIND_SOCKET);
    (void)hm_model_policy(&host->model, "one", "\"reservations\":[{\"product\":\"mail\"}]");
    expect_pass(host, "one/1 verified");
    host->model.host.catalogue.count = 0;
    expect_pass(host, "one/1 refused facts_missing");
    assert_int_equal(host->changes, 0);
    host->model.host.catalogue.count = 1;
    expect_pass(host, "one/1 verified");
    assert_int_equal(enforce_double_outcome(host, "one")->repairs, 0);
}

static void test_host_that_is_not_meant_any_more(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_policy *policy;

    enforce_double_init(host, MODERN);
    hm_build_service(&host->model.host, "MSExchangePop3BE");
    policy = hm_model_reserve(&host->model, "one", "tcp", "9955");
    policy->match.hosts.count = 0;
    policy->match.services = host->model.host.inventory.services;
    expect_pass(host, "one/1 verified");
    host->model.host.inventory.has_services = false;
    expect_pass(host, "one/1 verified"); /* not known is not gone */
    host->model.host.inventory.has_services = true;
    policy->match.services = (struct hm_strings){(const char *[]){"other"}, 1};
    expect_pass(host, "one/1 retired");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "");
}

/* What was taken and means others is told of, or the collector would wait for ever; unless it is
 * not certain. */
static void test_policy_for_others(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_policy *policy;

    enforce_double_init(host, MODERN);
    policy = hm_model_reserve(&host->model, "one", "tcp", "9955");
    policy->match.hosts = (struct hm_strings){(const char *[]){"another"}, 1};
    expect_pass(host, "one/1 retired");
    assert_int_equal(host->changes, 0);
    policy = hm_model_reserve(&host->model, "two", "tcp", "9966");
    policy->match.hosts.count = 0;
    policy->match.services = (struct hm_strings){(const char *[]){"other"}, 1};
    host->model.host.inventory.has_services = false;
    expect_pass(host, "one/1 retired");
    host->model.host.inventory.has_services = true;
    expect_pass(host, "one/1 retired; two/1 retired");
}

static void test_reboot_on_2003(void **state)
{
    struct hm_enforce_double *host = *state;
    const char *before;

    enforce_double_init(host, LEGACY);
    hm_build_reserved(&host->model.host, "1433-1434");
    before = hm_model_inventory(&host->model);
    (void)hm_model_reserve(&host->model, "one", "tcp", "1500");
    expect_pass(host, "one/1 waiting reboot");
    assert_int_equal(host->model.host.inventory.registry.reserved_ports.count, 2);
    enforce_double_wait(host, 300);
    expect_pass(host, "one/1 waiting reboot");
    host->model.boot_id = "boot-2";
    expect_pass(host, "one/1 verified");
    enforce_double_revise(host, HM_POLICY_RETIRE);
    expect_pass(host, "one/2 waiting reboot");
    assert_string_equal(hm_model_inventory(&host->model), before);
    host->model.boot_id = "boot-3";
    expect_pass(host, "one/2 retired");
}

/* Like MaxUserPort: written and waiting, verified after the boot, repaired, and put back. */
static void test_timed_wait_delay(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_registry *registry;
    const char *before;

    enforce_double_init(host, LEGACY);
    registry = &host->model.host.inventory.registry;
    registry->has_tcp_timed_wait_delay_s = true;
    registry->tcp_timed_wait_delay_s = 240;
    before = hm_model_inventory(&host->model);
    (void)hm_model_policy(&host->model, "one", "\"tcp_timed_wait_delay_s\":60");
    expect_pass(host, "one/1 waiting reboot");
    assert_non_null(strstr(enforce_double_outcome(host, "one")->text, "TcpTimedWaitDelay 60: "));
    assert_int_equal(registry->tcp_timed_wait_delay_s, 60);
    enforce_double_restart(host);
    expect_pass(host, "one/1 waiting reboot");
    host->model.boot_id = "boot-2";
    expect_pass(host, "one/1 verified");
    registry->tcp_timed_wait_delay_s = 120;
    expect_pass(host, "one/1 waiting reboot");
    assert_int_equal(registry->tcp_timed_wait_delay_s, 60);
    host->model.boot_id = "boot-3";
    expect_pass(host, "one/1 repaired");
    host->model.host.inventory.has_registry = false;
    enforce_double_revise(host, HM_POLICY_RETIRE);
    expect_pass(host, "one/2 failed"); /* it cannot be seen whether anything is left */
    host->model.host.inventory.has_registry = true;
    expect_pass(host, "one/2 waiting reboot");
    host->model.boot_id = "boot-4";
    expect_pass(host, "one/2 retired");
    assert_string_equal(hm_model_inventory(&host->model), before);
    assert_true(hm_ledger_is_empty(&host->pass.report.ledger));
}

static void test_timed_wait_delay_elsewhere(void **state)
{
    static const char *const systems[] = {MODERN, NULL};

    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        struct hm_enforce_double *host = *state;

        enforce_double_init(host, systems[i]);
        (void)hm_model_policy(&host->model, "one", "\"tcp_timed_wait_delay_s\":60");
        expect_pass(host, "one/1 refused unsupported_system");
        assert_int_equal(host->changes, 0);
        if (i + 1 < HM_COUNT(systems)) {
            enforce_double_fini(host);
        }
    }
}

/* The system says that it took the value, and goes on showing another. */
static void test_timed_wait_delay_that_is_not_shown(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, LEGACY);
    (void)hm_model_policy(&host->model, "one", "\"tcp_timed_wait_delay_s\":60");
    host->pretends = true;
    expect_pass(host, "one/1 failed");
    assert_non_null(
        strstr(enforce_double_outcome(host, "one")->text, "setting TcpTimedWaitDelay to 60: "));
}

static void write_between(const char *name, void *arg)
{
    struct hm_enforce_double *host = arg;
    struct hm_registry *registry = &host->model.host.inventory.registry;

    if (strcmp(name, "plan") == 0 && registry->tcp_timed_wait_delay_s == 240) {
        registry->tcp_timed_wait_delay_s = 120;
    }
}

/* Somebody writes another value after the plan was made: that one is put back in the end. */
static void test_timed_wait_delay_changes_meanwhile(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_registry *registry;

    enforce_double_init(host, LEGACY);
    registry = &host->model.host.inventory.registry;
    registry->has_tcp_timed_wait_delay_s = true;
    registry->tcp_timed_wait_delay_s = 240;
    host->step = write_between;
    host->step_arg = host;
    (void)hm_model_policy(&host->model, "one", "\"tcp_timed_wait_delay_s\":60");
    expect_pass(host, "one/1 waiting reboot");
    assert_int_equal(host->changes, 1);
    host->step = NULL;
    enforce_double_revise(host, HM_POLICY_RETIRE);
    expect_pass(host, "one/2 retired");
    assert_int_equal(registry->tcp_timed_wait_delay_s, 120);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_apply_and_retire),
        TEST(test_order_of_an_action),
        TEST(test_quiet_and_stable),
        TEST(test_busy_until_freed),
        TEST(test_drift_is_repaired),
        TEST(test_what_outlives_a_boot_is_repaired),
        TEST(test_both_families_at_once),
        TEST(test_second_family_fails),
        TEST(test_one_bad_beside_good_ones),
        TEST(test_system_that_pretends),
        TEST(test_outrun),
        TEST(test_system_that_cannot_be_read_again),
        TEST(test_httpsys_is_refused),
        TEST(test_audit_and_window),
        TEST(test_local_limits),
        TEST(test_refused_deliveries),
        TEST(test_absence_takes_nothing_back),
        TEST(test_lost_product_takes_nothing_back),
        TEST(test_host_that_is_not_meant_any_more),
        TEST(test_policy_for_others),
        TEST(test_reboot_on_2003),
        TEST(test_timed_wait_delay),
        TEST(test_timed_wait_delay_elsewhere),
        TEST(test_timed_wait_delay_that_is_not_shown),
        TEST(test_timed_wait_delay_changes_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
