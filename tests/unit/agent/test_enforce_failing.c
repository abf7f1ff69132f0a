/* tests/unit/agent/test_enforce_failing.c — a service that is down because of a policy when the
 * next policy comes. SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/enforce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/enforce_double.h"

#define SETTLED_S 700

static struct hm_enforce_double one;

static void expect_pass(const char *states)
{
    assert_int_equal(enforce_double_pass(&one), HM_OK);
    assert_string_equal(enforce_double_states(&one), states);
}

static void expect_soon(const char *states)
{
    enforce_double_wait(&one, 30);
    expect_pass(states);
}

static void boot_and_settle(const char *boot_id)
{
    enforce_double_boot(&one, boot_id);
    enforce_double_wait(&one, SETTLED_S);
}

static void fail_service(struct hm_service *service)
{
    service->has_runs = true;
    service->runs = false;
    service->exit_code = 32;
}

/* Portal is down because of revision 1. */
static struct hm_service *begin(void)
{
    struct hm_service *service;

    enforce_double_init(&one, "10.0.17763");
    service = hm_build_service_runs(&one.model.host, "Portal", true);
    service->start = HM_START_AUTOMATIC;
    hm_build_event(&one.model.host, "Service Control Manager", 7023, "Portal");
    one.model.host.events.at[0].count = 1;
    (void)hm_model_reserve(&one.model, "raw", "tcp", "40000");
    boot_and_settle("boot-1");
    expect_pass("raw/1 verified");
    fail_service(service);
    expect_soon("raw/1 failed");
    expect_soon("raw/1 failed");
    return service;
}

static const struct {
    const char *what;
    const char *boot_id;
    bool is_seen_starting;
    uint32_t events;
} again[] = {
    {"seen while it starts", NULL,     true,  0},
    {"one more event",       NULL,     false, 1},
    {"in the next boot",     "boot-2", false, 0},
};

static void fail_anew(struct hm_service *service, size_t how, const char *states)
{
    one.model.host.events.at[0].count += again[how].events;
    if (again[how].is_seen_starting) {
        service->has_runs = false;
        expect_soon(states);
    }
    if (again[how].boot_id != NULL) {
        boot_and_settle(again[how].boot_id);
    }
    fail_service(service);
    enforce_double_wait(&one, 30);
}

/* The first failure was because of this very policy: it is no alibi. */
static void test_a_new_revision(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(again); i++) {
        struct hm_service *service = begin();

        print_message("%s\n", again[i].what);
        enforce_double_revise(&one, HM_POLICY_ENFORCE);
        expect_soon("raw/2 verified");
        expect_soon("raw/2 verified"); /* nobody has started it since */
        enforce_double_restart(&one);
        expect_soon("raw/2 verified");
        fail_anew(service, i, "raw/2 verified");
        expect_pass("raw/2 failed");
        enforce_double_fini(&one);
    }
}

static void test_another_policy(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(again); i++) {
        struct hm_service *service = begin();

        print_message("%s\n", again[i].what);
        (void)hm_model_reserve(&one.model, "too", "tcp", "40000");
        expect_soon("raw/1 failed; too/1 verified");
        expect_soon("raw/1 failed; too/1 verified");
        fail_anew(service, i, "raw/1 failed; too/1 verified");
        expect_pass("raw/1 failed; too/1 failed");
        enforce_double_fini(&one);
    }
}

/* With that revision it runs: what happens next has nothing to do with the first failure, and is
 * no failure from before the change either. */
static void test_it_runs_again(void **state)
{
    struct hm_service *service = begin();

    (void)state;
    enforce_double_revise(&one, HM_POLICY_ENFORCE);
    expect_soon("raw/2 verified");
    service->runs = true;
    expect_soon("raw/2 verified");
    boot_and_settle("boot-2");
    expect_pass("raw/2 verified");
    enforce_double_fini(&one);
    service = begin();
    enforce_double_revise(&one, HM_POLICY_ENFORCE);
    expect_soon("raw/2 verified");
    service->runs = true;
    expect_soon("raw/2 verified");
    fail_service(service);
    expect_soon("raw/2 failed");
    enforce_double_fini(&one);
}

/* It fails for a reason of its own: no policy that comes later is blamed, whenever it fails. */
static void test_a_reason_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(again); i++) {
        struct hm_service *service;

        enforce_double_init(&one, "10.0.17763");
        service = hm_build_service_runs(&one.model.host, "Portal", true);
        hm_build_event(&one.model.host, "Service Control Manager", 7023, "Portal");
        boot_and_settle("boot-1");
        fail_service(service);
        expect_soon("");
        (void)hm_model_reserve(&one.model, "raw", "tcp", "40000");
        expect_soon("raw/1 verified");
        fail_anew(service, i, "raw/1 verified");
        expect_pass("raw/1 verified");
        enforce_double_fini(&one);
    }
}

/* ---- a change that was not made ------------------------------------------------------------ */

static jmp_buf killed;

static void kill_before_change(const char *name, void *arg)
{
    (void)arg;
    if (strcmp(name, "change") == 0) {
        longjmp(killed, 1);
    }
}

/* The agent was killed when it had written it down: what fails then has another reason. */
static void test_a_change_that_was_not_made(void **state)
{
    struct hm_service *service;

    (void)state;
    enforce_double_init(&one, "10.0.17763");
    service = hm_build_service_runs(&one.model.host, "Portal", true);
    (void)hm_model_reserve(&one.model, "raw", "tcp", "40000");
    boot_and_settle("boot-1");
    one.step = kill_before_change;
    if (setjmp(killed) == 0) {
        (void)enforce_double_pass(&one);
        fail_msg("it was not killed");
    }
    one.step = NULL;
    assert_string_equal(enforce_double_rows(&one, HM_IPV4), "");
    enforce_double_restart(&one);
    fail_service(service);
    for (unsigned i = 0; i < 3; i++) {
        expect_soon("raw/1 verified");
        assert_string_equal(enforce_double_rows(&one, HM_IPV4), "40000");
    }
    enforce_double_fini(&one);
}

/* ---- how long a change counts -------------------------------------------------------------- */

static struct hm_service *begin_change(void)
{
    struct hm_service *service;

    enforce_double_init(&one, "10.0.17763");
    service = hm_build_service_runs(&one.model.host, "Portal", true);
    service->start = HM_START_AUTOMATIC;
    (void)hm_model_reserve(&one.model, "raw", "tcp", "40000");
    boot_and_settle("boot-1");
    expect_pass("raw/1 verified");
    return service;
}

static void show_state(struct hm_service *service, unsigned how)
{
    service->runs = false;
    service->has_runs = how != 0;
    service->exit_code = how == 1 ? 1077 : 0;
}

/* A boot in which nobody starts the service shows nothing of the change: the next one counts. */
static void test_boots_without_a_start(void **state)
{
    static const char *const boots[] = {"boot-2", "boot-3", "boot-4", "boot-5", "boot-6", "boot-7"};

    (void)state;
    for (unsigned how = 0; how < 3; how++) {
        for (unsigned idle = 1; idle < HM_COUNT(boots); idle++) {
            struct hm_service *service = begin_change();

            print_message("%u boots, %u\n", idle, how);
            show_state(service, how);
            for (unsigned i = 0; i < idle; i++) {
                enforce_double_boot(&one, boots[i]);
                enforce_double_wait(&one, 240);
                expect_pass("raw/1 verified");
            }
            boot_and_settle(boots[idle]);
            fail_service(service);
            expect_pass(idle < 5 ? "raw/1 failed" : "raw/1 verified");
            enforce_double_fini(&one);
        }
    }
}

/* It ran in one of them, or failed with another error: later it has another reason. */
static void test_a_boot_with_a_start(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 2; how++) {
        struct hm_service *service = begin_change();

        show_state(service, 1);
        boot_and_settle("boot-2");
        expect_pass("raw/1 verified");
        boot_and_settle("boot-3");
        service->runs = how == 0;
        service->exit_code = how == 0 ? 0 : 5;
        expect_pass("raw/1 verified");
        boot_and_settle("boot-4");
        fail_service(service);
        expect_pass("raw/1 verified");
        enforce_double_fini(&one);
    }
}

/* It failed, and the boot was over before the event log could be read. */
static void test_a_boot_without_a_log(void **state)
{
    struct hm_service *service = begin_change();

    (void)state;
    fail_service(service);
    enforce_double_boot(&one, "boot-2");
    enforce_double_wait(&one, 50);
    expect_pass("raw/1 verified");
    enforce_double_boot(&one, "boot-3");
    enforce_double_wait(&one, 50);
    expect_pass("raw/1 verified");
    hm_build_event(&one.model.host, "Service Control Manager", 7023, "Portal");
    expect_soon("raw/1 failed");
    enforce_double_fini(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_revision),
        cmocka_unit_test(test_another_policy),
        cmocka_unit_test(test_it_runs_again),
        cmocka_unit_test(test_a_reason_of_its_own),
        cmocka_unit_test(test_a_change_that_was_not_made),
        cmocka_unit_test(test_boots_without_a_start),
        cmocka_unit_test(test_a_boot_with_a_start),
        cmocka_unit_test(test_a_boot_without_a_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
