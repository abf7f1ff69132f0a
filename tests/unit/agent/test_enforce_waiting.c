/* tests/unit/agent/test_enforce_waiting.c — what a policy waits for, and what its text says.
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

static void expect_text(const struct hm_enforce_double *host, const char *policy, const char *part)
{
    const char *text = enforce_double_outcome(host, policy)->text;

    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}

/* ---- taken and busy ------------------------------------------------------------------------ */

static void add_exchange(struct hm_enforce_double *host)
{
    struct hm_product *product;

    enforce_double_init(host, MODERN);
    product = hm_build_product(&host->model.host, "exchange", "MSExchange*", NULL);
    (void)hm_build_require(&host->model.host, product, "back-end", HM_TCP, "9933,9955",
                           HM_KIND_SOCKET);
    hm_build_service(&host->model.host, "MSExchangePOP3BE");
    (void)hm_model_policy(&host->model, "mail", "\"reservations\":[{\"product\":\"exchange\"}]");
}

static void test_taken_comes_first(void **state)
{
    struct hm_enforce_double *host = *state;
    const struct hm_outcome *row;

    add_exchange(host);
    (void)hm_build_socket(&host->model.host, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 9933, "imap.exe",
                          "MSExchangeIMAP4BE");
    (void)hm_build_socket(&host->model.host, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 9955,
                          "lsass.exe", "NTDS");
    expect_pass(host, "mail/1 waiting taken");
    expect_text(host, "mail", "tcp/ipv4 9955: NTDS has it now and is another program");
    expect_text(host, "mail", "Also in use: tcp 9933.");
    row = enforce_double_outcome(host, "mail");
    assert_int_equal(row->notes.count, 2);
    assert_int_equal(row->notes.at[0].kind, HM_NOTE_TAKEN);
    assert_string_equal(row->notes.at[0].holder.program, "lsass.exe");
    assert_int_equal(row->notes.at[1].kind, HM_NOTE_BUSY);
    assert_true(host->pass.again_in_ms > 0);
    assert_true(row->has_failing_since);

    host->model.host.sockets.count = 1; /* lsass.exe is gone; its reservation follows at once */
    enforce_double_wait(host, 15);
    expect_pass(host, "mail/1 waiting busy");
    expect_text(host, "mail", "tcp/ipv4 9933: MSExchangeIMAP4BE has it now and belongs to");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "9955");
    host->model.host.sockets.count = 0;
    enforce_double_wait(host, 15);
    expect_pass(host, "mail/1 verified");
}

/* Verified before: a row that went, and a program that took the port, are a disturbance. */
static void test_taken_after_it_was_verified(void **state)
{
    struct hm_enforce_double *host = *state;

    add_exchange(host);
    expect_pass(host, "mail/1 verified");
    hm_build_exclude(&host->model.host, HM_TCP, HM_IPV4, "9933");
    (void)hm_build_socket(&host->model.host, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 9955,
                          "lsass.exe", "NTDS");
    enforce_double_wait(host, 60);
    expect_pass(host, "mail/1 waiting taken");
    host->model.host.sockets.count = 0;
    enforce_double_wait(host, 60);
    expect_pass(host, "mail/1 repaired");
}

/* ---- removed, and in force until the next boot ---------------------------------------------- */

static struct hm_strings *reserved_ports(struct hm_enforce_double *host)
{
    return &host->model.host.inventory.registry.reserved_ports;
}

static void begin_2003(struct hm_enforce_double *host)
{
    enforce_double_init(host, LEGACY);
    (void)hm_model_reserve(&host->model, "one", "tcp", "1500");
    expect_pass(host, "one/1 waiting reboot");
}

static void test_retired_on_2003(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_err err;
    bool began;

    begin_2003(host);
    host->model.boot_id = "boot-2";
    expect_pass(host, "one/1 verified");
    assert_false(host->pass.needs_reboot);
    enforce_double_revise(host, HM_POLICY_RETIRE);
    expect_pass(host, "one/2 waiting reboot");
    assert_int_equal(reserved_ports(host)->count, 0);
    expect_text(host, "one", "stays in force until the next boot");
    assert_true(host->pass.needs_reboot);
    enforce_double_restart(host);
    enforce_double_wait(host, 3600);
    expect_pass(host, "one/2 waiting reboot");
    assert_int_equal(enforce_double_restore(host, &err), HM_OK);
    assert_true(host->pass.needs_reboot);
    assert_int_equal(hm_enforcer_resume(host->enforcer, &began, &err), HM_OK);
    host->model.boot_id = "boot-3";
    expect_pass(host, "one/2 retired");
    assert_false(host->pass.needs_reboot);
}

/* What was never in force needs no boot to go. */
static void test_retired_on_2003_before_its_boot(void **state)
{
    struct hm_enforce_double *host = *state;

    begin_2003(host);
    enforce_double_revise(host, HM_POLICY_RETIRE);
    expect_pass(host, "one/2 retired");
}

/* Written again in this boot, and in force since an earlier one. */
static void test_retired_on_2003_after_a_repair(void **state)
{
    struct hm_enforce_double *host = *state;

    begin_2003(host);
    host->model.boot_id = "boot-2";
    expect_pass(host, "one/1 verified");
    reserved_ports(host)->count = 0;
    expect_pass(host, "one/1 waiting reboot");
    enforce_double_revise(host, HM_POLICY_RETIRE);
    expect_pass(host, "one/2 waiting reboot");
}

static void stop_after_change(const char *name, void *arg)
{
    struct hm_enforce_double *host = arg;

    host->blind = host->blind || strcmp(name, "change") == 0;
}

/* Killed after the change, before it is in the ledger. */
static void test_retired_on_2003_and_killed(void **state)
{
    struct hm_enforce_double *host = *state;

    begin_2003(host);
    host->model.boot_id = "boot-2";
    expect_pass(host, "one/1 verified");
    enforce_double_revise(host, HM_POLICY_RETIRE);
    host->step = stop_after_change;
    host->step_arg = host;
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_int_equal(reserved_ports(host)->count, 0);
    host->step = NULL;
    host->blind = false;
    enforce_double_restart(host);
    expect_pass(host, "one/2 waiting reboot");
}

/* Another policy still wants it: nothing is removed. */
static void test_retired_on_2003_beside_another(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, LEGACY);
    (void)hm_model_reserve(&host->model, "two", "tcp", "1500");
    (void)hm_model_reserve(&host->model, "one", "tcp", "1500");
    expect_pass(host, "one/1 waiting reboot; two/1 waiting reboot");
    host->model.boot_id = "boot-2";
    expect_pass(host, "one/1 verified; two/1 verified");
    enforce_double_revise(host, HM_POLICY_RETIRE);
    expect_pass(host, "one/2 retired; two/1 verified");
    assert_int_equal(reserved_ports(host)->count, 1);
}

/* A newer revision removed a part: a document that is lost then takes nothing more back. */
static void test_lost_on_2003_after_a_removal(void **state)
{
    struct hm_enforce_double *host = *state;

    begin_2003(host);
    host->model.boot_id = "boot-2";
    expect_pass(host, "one/1 verified");
    host->model.count = 0;
    hm_model_reserve(&host->model, "one", "tcp", "1501")->revision = 2;
    expect_pass(host, "one/2 waiting reboot");
    host->model.count = 0;
    expect_pass(host, "one/2 failed");
    assert_int_equal(reserved_ports(host)->count, 1);
}

/* The host is not meant any more, and then the document goes: that is over, not lost. */
static void test_not_meant_on_2003(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_policy *policy;

    enforce_double_init(host, LEGACY);
    policy = hm_model_reserve(&host->model, "one", "tcp", "1500");
    expect_pass(host, "one/1 waiting reboot");
    host->model.boot_id = "boot-2";
    expect_pass(host, "one/1 verified");
    policy->match.hosts = (struct hm_strings){(const char *[]){"another"}, 1};
    expect_pass(host, "one/1 waiting reboot");
    host->model.count = 0;
    expect_pass(host, "one/1 waiting reboot");
    host->model.boot_id = "boot-3";
    expect_pass(host, "one/1 retired");
}

/* ---- turned off by the dead-man -------------------------------------------------------------- */

static void lose_listener(struct hm_enforce_double *host)
{
    host->model.host.inventory.listeners.count = 0;
    for (unsigned i = 0; i < 2; i++) {
        enforce_double_wait(host, 30);
        assert_int_equal(enforce_double_pass(host), HM_OK);
    }
}

static void expect_off(struct hm_enforce_double *host, const char *policy, const char *rest)
{
    const char *text = hm_arena_printf(&host->model.host.arena,
                                       "After the change the listener tcp/ipv4 40000 of db was "
                                       "lost: this revision is off here until a newer one.%s",
                                       rest);

    for (unsigned i = 0; i < 2; i++) { /* and it says so again */
        assert_int_equal(enforce_double_outcome(host, policy)->state, HM_OUTCOME_FAILED);
        assert_string_equal(enforce_double_outcome(host, policy)->text, text);
        enforce_double_restart(host);
        enforce_double_wait(host, 3600);
        assert_int_equal(enforce_double_pass(host), HM_OK);
    }
}

static void begin_linux(struct hm_enforce_double *host)
{
    enforce_double_init(host, NULL);
    hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 40000, "db", "db", HM_KIND_SOCKET);
}

static void test_off_and_removed(void **state)
{
    struct hm_enforce_double *host = *state;

    begin_linux(host);
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000,40010");
    expect_pass(host, "one/1 verified");
    lose_listener(host);
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "");
    expect_off(host, "one", " Not reserved now: tcp 40000,40010.");
}

/* A block of WinNAT, say, that came afterwards: the agent did add its own, and removed it. */
static void test_off_and_a_later_block(void **state)
{
    struct hm_enforce_double *host = *state;

    begin_linux(host);
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000");
    expect_pass(host, "one/1 verified");
    lose_listener(host);
    expect_off(host, "one", " Not reserved now: tcp 40000.");
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        host->model.host.stacks[i].administered = hm_build_ports(&host->model.host, "40000");
    }
    assert_int_equal(enforce_double_pass(host), HM_OK);
    expect_off(host, "one",
               " This agent reserves nothing for it. Still there: tcp 40000, which something else "
               "than this agent reserves.");
}

/* Two policies reserve the port: for its service nothing has changed. */
static void test_off_beside_another(void **state)
{
    struct hm_enforce_double *host = *state;

    begin_linux(host);
    (void)hm_model_reserve(&host->model, "two", "tcp", "40000");
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000");
    expect_pass(host, "one/1 verified; two/1 verified");
    lose_listener(host);
    assert_string_equal(enforce_double_states(host), "one/1 failed; two/1 verified");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "40000");
    expect_off(host, "one",
               " Nothing was removed. Still there: tcp 40000, which policy two requires, too.");
}

static void test_off_in_part(void **state)
{
    struct hm_enforce_double *host = *state;

    begin_linux(host);
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        host->model.host.stacks[i].administered = hm_build_ports(&host->model.host, "40020");
    }
    (void)hm_model_reserve(&host->model, "two", "tcp", "40010");
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000,40010,40020");
    expect_pass(host, "one/1 verified; two/1 verified");
    lose_listener(host);
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "40010,40020");
    expect_off(host, "one",
               " Not reserved now: tcp 40000. Still there: tcp 40010, which policy two requires, "
               "too. Still there: tcp 40020, which something else than this agent reserves.");
}

/* Both require the port, and it never was reserved: it is not still there. */
static void test_off_and_a_refused_port(void **state)
{
    static const struct hm_range never = {40010, 40010};
    struct hm_enforce_double *host = *state;

    begin_linux(host);
    host->model.limits.never = (struct hm_ports){&never, 1};
    enforce_double_restart(host); /* the limits are read then */
    (void)hm_model_reserve(&host->model, "two", "tcp", "40010");
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000,40010");
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "40000");
    lose_listener(host);
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "");
    expect_off(host, "one", " Not reserved now: tcp 40000,40010.");
}

/* The range of both stays as it is. */
static void test_off_and_a_range_stays(void **state)
{
    static const char range[] = "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"30000-60000\"}]";
    struct hm_enforce_double *host = *state;

    begin_linux(host);
    (void)hm_model_policy(&host->model, "two", range);
    (void)hm_model_policy(
        &host->model, "one",
        hm_arena_printf(&host->model.host.arena,
                        "%s,\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"40000\"}]", range));
    expect_pass(host, "one/1 verified; two/1 verified");
    lose_listener(host);
    assert_int_equal(hm_build_stack(&host->model.host, HM_TCP, HM_IPV4)->dynamic.last, 60000);
    expect_off(host, "one",
               " Not reserved now: tcp 40000. Still there: the tcp dynamic range 30000-60000, "
               "which policy two requires, too.");
}

/* The document says what was reserved; without it only the reason is known. */
static void test_off_without_its_document(void **state)
{
    struct hm_enforce_double *host = *state;

    begin_linux(host);
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000");
    expect_pass(host, "one/1 verified");
    lose_listener(host);
    host->model.count = 0;
    assert_int_equal(enforce_double_pass(host), HM_OK);
    expect_off(host, "one", "");
}

static void test_off_and_not_removed(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 40000, "db", "db", HM_KIND_SOCKET);
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000-40001");
    host->model.host.has_sockets = true; /* no socket is in the way */
    expect_pass(host, "one/1 verified");
    host->refuse = HM_EDENIED;
    host->refuse_family = HM_IPV6;
    lose_listener(host);
    assert_string_equal(enforce_double_rows(host, HM_IPV6), "40000-40001");
    expect_text(
        host, "one",
        "Not everything could be removed yet: removing the exclusion tcp/ipv6 40000-40001: ");
    host->refuse = HM_OK;
    enforce_double_wait(host, 3600);
    assert_int_equal(enforce_double_pass(host), HM_OK);
    expect_off(host, "one", " Not reserved now: tcp 40000-40001.");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_taken_comes_first),
        TEST(test_taken_after_it_was_verified),
        TEST(test_retired_on_2003),
        TEST(test_retired_on_2003_before_its_boot),
        TEST(test_retired_on_2003_after_a_repair),
        TEST(test_retired_on_2003_and_killed),
        TEST(test_retired_on_2003_beside_another),
        TEST(test_lost_on_2003_after_a_removal),
        TEST(test_not_meant_on_2003),
        TEST(test_off_and_removed),
        TEST(test_off_beside_another),
        TEST(test_off_in_part),
        TEST(test_off_and_a_later_block),
        TEST(test_off_and_a_refused_port),
        TEST(test_off_and_a_range_stays),
        TEST(test_off_without_its_document),
        TEST(test_off_and_not_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
