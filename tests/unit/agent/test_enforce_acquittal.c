/* tests/unit/agent/test_enforce_acquittal.c — when a policy that was turned off is innocent.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/enforce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/enforce_double.h"

#define SETTLED_S 700

static struct hm_enforce_double one;

static void expect_pass(struct hm_enforce_double *host, const char *states)
{
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_string_equal(enforce_double_states(host), states);
}

static void boot_and_settle(struct hm_enforce_double *host, const char *boot_id)
{
    enforce_double_boot(host, boot_id);
    enforce_double_wait(host, SETTLED_S);
}

static void fail_service(struct hm_service *service)
{
    service->runs = false;
    service->exit_code = 32;
}

/* The service ended with error 32 after the change, and the policy for its port is off. */
static struct hm_service *begin(struct hm_enforce_double *host, enum hm_listener_kind kind,
                                bool log_is_read)
{
    struct hm_service *service;

    enforce_double_init(host, "10.0.17763");
    service = hm_build_service_runs(&host->model.host, "Caddy", true);
    service->start = HM_START_AUTOMATIC;
    host->model.host.has_sockets = true;
    hm_build_event(&host->model.host, "Service Control Manager", 7023, "Caddy");
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000");
    boot_and_settle(host, "boot-1");
    expect_pass(host, "one/1 verified");
    (void)hm_build_remember(&host->model.host, HM_TCP, 40000, "caddy.exe", "Caddy", kind, 2);
    fail_service(service);
    host->model.host.events.count = log_is_read ? 1 : 0;
    enforce_double_wait(host, 30);
    expect_pass(host, "one/1 failed");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "");
    enforce_double_wait(host, 30);
    expect_pass(host, "one/1 failed");
    return service;
}

/* Ready to be counted again: what it wants is new, and waits for the host to settle. */
static void expect_again(struct hm_enforce_double *host)
{
    for (unsigned i = 0; i < 3; i++) {
        expect_pass(host, "one/1 verified");
        assert_string_equal(enforce_double_rows(host, HM_IPV4), "40000");
        assert_non_null(strstr(enforce_double_outcome(host, "one")->text, "Caddy"));
        assert_int_equal(enforce_double_outcome(host, "one")->repairs, 0);
        enforce_double_wait(host, 30);
    }
}

static void test_it_fails_without_the_policy(void **state)
{
    (void)state;
    (void)begin(&one, HM_KIND_SOCKET, true);
    boot_and_settle(&one, "boot-2");
    expect_again(&one);
    boot_and_settle(&one, "boot-3"); /* it keeps failing, and blames nobody any more */
    expect_again(&one);
    enforce_double_fini(&one);
}

static void test_it_is_started_again_in_that_boot(void **state)
{
    (void)state;
    (void)begin(&one, HM_KIND_SOCKET, true);
    enforce_double_wait(&one, 300);
    expect_pass(&one, "one/1 failed"); /* nobody has started it */
    one.model.host.events.at[0].count = 1;
    expect_pass(&one, "one/1 failed"); /* the log was cleared */
    one.model.host.events.at[0].count = 2;
    enforce_double_restart(&one);
    expect_again(&one);
    enforce_double_fini(&one);
}

/* While the log cannot be read, nobody knows how often the service had failed: its old failure is
 * none without the policy. */
static void test_an_old_failure_is_read_late(void **state)
{
    (void)state;
    (void)begin(&one, HM_KIND_SOCKET, false);
    one.model.host.events.count = 1;
    enforce_double_wait(&one, 30);
    expect_pass(&one, "one/1 failed");
    enforce_double_wait(&one, 30);
    expect_pass(&one, "one/1 failed"); /* nobody has started it */
    one.model.host.events.at[0].count++;
    expect_again(&one);
    enforce_double_fini(&one);
}

/* Then the policy was the reason, and later failures say nothing of it. */
static void test_it_runs_without_the_policy(void **state)
{
    struct hm_service *service = begin(&one, HM_KIND_SOCKET, true);

    (void)state;
    service->runs = true;
    boot_and_settle(&one, "boot-2");
    expect_pass(&one, "one/1 failed");
    fail_service(service);
    boot_and_settle(&one, "boot-3");
    expect_pass(&one, "one/1 failed");
    enforce_double_fini(&one);
}

/* HTTP.sys says 32 as well where somebody else has the port, now that it is not reserved. */
static void test_a_port_that_somebody_has_proves_nothing(void **state)
{
    (void)state;
    (void)begin(&one, HM_KIND_SOCKET, true);
    (void)hm_build_socket(&one.model.host, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 40000, "thief.exe",
                          "");
    boot_and_settle(&one, "boot-2");
    expect_pass(&one, "one/1 failed");
    one.model.host.sockets.count = 0;
    enforce_double_wait(&one, 30);
    expect_pass(&one, "one/1 failed");
    one.model.host.events.at[0].count++;
    expect_again(&one);
    enforce_double_fini(&one);
}

static void test_a_port_of_httpsys_acquits_nobody(void **state)
{
    (void)state;
    (void)begin(&one, HM_KIND_HTTPSYS, true);
    boot_and_settle(&one, "boot-2");
    expect_pass(&one, "one/1 failed");
    enforce_double_fini(&one);
}

/* A port that no book has: the same error may be because of a thief who is gone by now. */
static void test_a_guess_acquits_nobody(void **state)
{
    struct hm_service *service;

    (void)state;
    enforce_double_init(&one, "10.0.17763");
    service = hm_build_service_runs(&one.model.host, "Portal", true);
    one.model.host.has_sockets = true;
    (void)hm_model_reserve(&one.model, "one", "tcp", "40000");
    boot_and_settle(&one, "boot-1");
    expect_pass(&one, "one/1 verified");
    fail_service(service);
    enforce_double_wait(&one, 30);
    expect_pass(&one, "one/1 failed");
    boot_and_settle(&one, "boot-2");
    expect_pass(&one, "one/1 failed");
    boot_and_settle(&one, "boot-3");
    expect_pass(&one, "one/1 failed");
    enforce_double_fini(&one);
}

/* All that require the port were off for one reason, and count again together. */
static void test_all_that_hold_the_port(void **state)
{
    struct hm_service *service;

    (void)state;
    enforce_double_init(&one, "10.0.17763");
    service = hm_build_service_runs(&one.model.host, "Caddy", true);
    one.model.host.has_sockets = true;
    (void)hm_build_remember(&one.model.host, HM_TCP, 40000, "caddy.exe", "Caddy", HM_KIND_SOCKET,
                            2);
    (void)hm_model_reserve(&one.model, "adds", "tcp", "40000");
    (void)hm_model_reserve(&one.model, "holds", "tcp", "40000");
    boot_and_settle(&one, "boot-1");
    expect_pass(&one, "adds/1 verified; holds/1 verified");
    fail_service(service);
    enforce_double_wait(&one, 30);
    expect_pass(&one, "adds/1 failed; holds/1 failed");
    enforce_double_wait(&one, 30);
    expect_pass(&one, "adds/1 failed; holds/1 failed");
    boot_and_settle(&one, "boot-2");
    for (unsigned i = 0; i < 3; i++) {
        expect_pass(&one, "adds/1 verified; holds/1 verified");
        enforce_double_wait(&one, 30);
    }
    enforce_double_fini(&one);
}

/* ---- what HTTP.sys says later -------------------------------------------------------------- */

static const char http_event[] = "Microsoft-Windows-HttpEvent";

static struct hm_service *begin_two(struct hm_enforce_double *host)
{
    struct hm_service *service;

    enforce_double_init(host, "10.0.17763");
    service = hm_build_service_runs(&host->model.host, "Portal", true);
    service->start = HM_START_AUTOMATIC;
    (void)hm_model_reserve(&host->model, "raw", "tcp", "40000");
    (void)hm_model_reserve(&host->model, "two", "tcp", "40010");
    boot_and_settle(host, "boot-1");
    expect_pass(host, "raw/1 verified; two/1 verified");
    return service;
}

/* Early in a boot nobody is blamed before the log, which may name the port, could be read. */
static void test_the_log_is_waited_for(void **state)
{
    for (unsigned plain = 0; plain < 2; plain++) {
        struct hm_service *service = begin_two(&one);

        (void)state;
        if (plain == 1) {
            (void)hm_build_remember(&one.model.host, HM_TCP, 40010, "portal.exe", "Portal",
                                    HM_KIND_SOCKET, 2);
        }
        fail_service(service);
        enforce_double_boot(&one, "boot-2");
        for (unsigned i = 0; i < 3; i++) {
            enforce_double_wait(&one, 30);
            expect_pass(&one, "raw/1 verified; two/1 verified");
            assert_in_range(one.pass.again_in_ms, 1, 30000);
        }
        if (plain == 0) {
            hm_build_event(&one.model.host, http_event, 15005, "0.0.0.0:50443");
        }
        for (unsigned i = 0; plain == 0 && i < 30; i++) {
            enforce_double_wait(&one, 30);
            expect_pass(&one, "raw/1 verified; two/1 verified");
        }
        enforce_double_fini(&one);
    }
}

/* … nor for ever. */
static void test_the_log_can_never_be_read(void **state)
{
    (void)state;
    fail_service(begin_two(&one));
    enforce_double_boot(&one, "boot-2");
    enforce_double_wait(&one, 599);
    expect_pass(&one, "raw/1 verified; two/1 verified");
    enforce_double_wait(&one, 1);
    expect_pass(&one, "raw/1 failed; two/1 failed");
    enforce_double_fini(&one);
}

/* Both were suspected; then HTTP.sys says which port it was. */
static void test_a_port_named_later_acquits(void **state)
{
    (void)state;
    fail_service(begin_two(&one));
    enforce_double_wait(&one, 30);
    expect_pass(&one, "raw/1 failed; two/1 failed");
    enforce_double_restart(&one);
    enforce_double_wait(&one, 30);
    expect_pass(&one, "raw/1 failed; two/1 failed");
    hm_build_event(&one.model.host, http_event, 15005, "0.0.0.0:40000");
    for (unsigned i = 0; i < 30; i++) {
        enforce_double_wait(&one, 30);
        expect_pass(&one, "raw/1 failed; two/1 verified");
        assert_string_equal(enforce_double_rows(&one, HM_IPV4), "40010");
        assert_non_null(strstr(enforce_double_outcome(&one, "two")->text, "HTTP.sys has named"));
    }
    boot_and_settle(&one, "boot-2");
    expect_pass(&one, "raw/1 failed; two/1 verified");
    enforce_double_fini(&one);
}

/* What it says in another boot, or much later, is of something else. */
static void test_a_port_named_too_late_acquits_nobody(void **state)
{
    for (unsigned boots = 0; boots < 2; boots++) {
        (void)state;
        fail_service(begin_two(&one));
        hm_build_event(&one.model.host, "Service Control Manager", 7023, "Portal");
        enforce_double_wait(&one, 30);
        expect_pass(&one, "raw/1 failed; two/1 failed");
        if (boots == 1) {
            boot_and_settle(&one, "boot-2");
        } else {
            enforce_double_wait(&one, 601);
            expect_pass(&one, "raw/1 failed; two/1 failed");
        }
        hm_build_event(&one.model.host, http_event, 15005, "0.0.0.0:40000");
        expect_pass(&one, "raw/1 failed; two/1 failed");
        enforce_double_fini(&one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_fails_without_the_policy),
        cmocka_unit_test(test_it_is_started_again_in_that_boot),
        cmocka_unit_test(test_an_old_failure_is_read_late),
        cmocka_unit_test(test_it_runs_without_the_policy),
        cmocka_unit_test(test_a_port_that_somebody_has_proves_nothing),
        cmocka_unit_test(test_a_port_of_httpsys_acquits_nobody),
        cmocka_unit_test(test_a_guess_acquits_nobody),
        cmocka_unit_test(test_all_that_hold_the_port),
        cmocka_unit_test(test_the_log_is_waited_for),
        cmocka_unit_test(test_the_log_can_never_be_read),
        cmocka_unit_test(test_a_port_named_later_acquits),
        cmocka_unit_test(test_a_port_named_too_late_acquits_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
