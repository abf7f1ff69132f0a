/* tests/unit/plan/test_plan_timed_wait.c — plans that set TcpTimedWaitDelay, and put it back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/plan_model.h"

#define DELAY(s) "\"tcp_timed_wait_delay_s\":" s

static void write_value(struct hm_model *model, uint32_t s)
{
    model->host.inventory.registry.has_tcp_timed_wait_delay_s = true;
    model->host.inventory.registry.tcp_timed_wait_delay_s = s;
}

static void expect_notes(const struct hm_model *model, enum hm_plan_note_kind kind, size_t count)
{
    assert_int_equal(hm_model_count_notes(model, kind), count);
    assert_int_equal(model->plan.notes.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(hm_model_note(model, kind, NULL, i)->has_timed_wait_delay_s);
        assert_true(hm_model_note(model, kind, NULL, i)->text[0] != '\0');
    }
}

/* Set, waiting for a boot, there, and back to the byte: whatever stood there before. */
static void test_there_and_back(void **state)
{
    static const uint32_t before[] = {0, 10, 240, 100000}; /* 0: not set */
    static const char *const systems[] = {SERVER_2003, WINDOWS_2000};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(before) * HM_COUNT(systems); i++) {
        const uint32_t was = before[i / HM_COUNT(systems)];
        struct hm_model model;
        const char *untouched;

        hm_model_init(&model, systems[i % HM_COUNT(systems)]);
        if (was != 0) {
            write_value(&model, was);
        }
        untouched = hm_model_inventory(&model);
        (void)hm_model_policy(&model, "p", DELAY("60"));
        HM_MODEL_EXPECT(&model, "set_timed_wait_delay 60");
        assert_true(model.plan.needs_reboot);
        assert_int_equal(model.plan.actions.at[0].has_before_timed_wait_delay_s, was != 0);
        assert_int_equal(model.plan.actions.at[0].before_timed_wait_delay_s, was);
        hm_model_apply(&model);
        assert_int_equal(model.host.inventory.registry.tcp_timed_wait_delay_s, 60);
        HM_MODEL_EXPECT(&model, "");
        expect_notes(&model, HM_NOTE_WAITING_REBOOT, 1);
        assert_int_equal(hm_model_note(&model, HM_NOTE_WAITING_REBOOT, "p", 0)->timed_wait_delay_s,
                         60);
        model.boot_id = "boot-2";
        HM_MODEL_EXPECT(&model, "");
        expect_notes(&model, HM_NOTE_ALREADY_THERE, 1);
        model.count = 0;
        HM_MODEL_EXPECT(&model, was == 0    ? "set_timed_wait_delay unset"
                                : was == 10 ? "set_timed_wait_delay 10"
                                : was < 300 ? "set_timed_wait_delay 240"
                                            : "set_timed_wait_delay 100000");
        hm_model_apply(&model);
        assert_string_equal(hm_model_inventory(&model), untouched);
        assert_true(hm_ledger_is_empty(&model.ledger));
        HM_MODEL_EXPECT(&model, "");
        assert_int_equal(model.plan.notes.count, 0);
        hm_model_fini(&model);
    }
}

/* The value before the first of several changes is what comes back. */
static void test_first_value_comes_back(void **state)
{
    static const char *const delays[] = {DELAY("60"), DELAY("90"), DELAY("240"), DELAY("30")};
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2003);
    write_value(&model, 240);
    for (size_t i = 0; i < HM_COUNT(delays); i++) {
        model.count = 0;
        (void)hm_model_policy(&model, "p", delays[i]);
        hm_model_enforce(&model);
    }
    model.count = 0;
    HM_MODEL_EXPECT(&model, "set_timed_wait_delay 240");
    hm_model_fini(&model);
}

/* Killed before or after the change to another value: it is ours, whichever stands there. */
static void test_killed_between_values(void **state)
{
    (void)state;
    for (size_t steps = 0; steps <= 2; steps++) {
        struct hm_model model;

        hm_model_start(&model, SERVER_2003, DELAY("60"));
        model.count = 0;
        (void)hm_model_policy(&model, "p", DELAY("90"));
        HM_MODEL_EXPECT(&model, "set_timed_wait_delay 90");
        assert_true(hm_model_apply_some(&model, steps));
        model.count = 0;
        HM_MODEL_EXPECT(&model, "set_timed_wait_delay unset");
        hm_model_apply(&model);
        assert_true(hm_ledger_is_empty(&model.ledger));
        hm_model_fini(&model);
    }
}

/* What others wrote before us is no change of ours; what they wrote after us stays theirs. */
static void test_value_of_others(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2003);
    write_value(&model, 60);
    (void)hm_model_policy(&model, "p", DELAY("60"));
    HM_MODEL_EXPECT(&model, "");
    expect_notes(&model, HM_NOTE_ALREADY_THERE, 1);
    hm_model_apply(&model);
    assert_true(hm_ledger_is_empty(&model.ledger));
    write_value(&model, 120);
    HM_MODEL_EXPECT(&model, "set_timed_wait_delay 60");
    hm_model_apply(&model);
    write_value(&model, 45);
    HM_MODEL_EXPECT(&model, "set_timed_wait_delay 60"); /* repaired while it is wanted */
    model.count = 0;
    HM_MODEL_EXPECT(&model, "");
    expect_notes(&model, HM_NOTE_FOREIGN_LEFT_ALONE, 1);
    hm_model_apply(&model);
    assert_true(hm_ledger_is_empty(&model.ledger));
    assert_int_equal(model.host.inventory.registry.tcp_timed_wait_delay_s, 45);
    hm_model_fini(&model);
}

/* Removed by hand: a repair while a policy sets it, afterwards nothing is left to put back. */
static void test_removed_by_others(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_start(&model, SERVER_2003, DELAY("60"));
    model.host.inventory.registry.has_tcp_timed_wait_delay_s = false;
    model.host.inventory.registry.tcp_timed_wait_delay_s = 0;
    HM_MODEL_EXPECT(&model, "set_timed_wait_delay 60");
    model.count = 0;
    HM_MODEL_EXPECT(&model, "");
    expect_notes(&model, HM_NOTE_GONE, 1);
    hm_model_apply(&model);
    assert_true(hm_ledger_is_empty(&model.ledger));
    hm_model_fini(&model);
}

/* Every policy that sets the value gets to know that nothing is done, also one of two that agree.
 */
static void test_contradiction(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2003);
    (void)hm_model_policy(&model, "a", DELAY("60"));
    (void)hm_model_policy(&model, "b", DELAY("60"));
    (void)hm_model_policy(&model, "c", DELAY("90"));
    HM_MODEL_EXPECT(&model, "");
    expect_notes(&model, HM_NOTE_REFUSED, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct hm_plan_note *note = hm_model_note(&model, HM_NOTE_REFUSED, NULL, i);

        assert_int_equal(note->code, HM_REFUSE_CONTRADICTION);
        assert_non_null(strstr(note->text, i < 2 ? "and c set" : "c and a set"));
    }
    hm_model_fini(&model);
}

/* All who set it wait for the same boot, and it stays until the last of them is gone. */
static void test_two_who_agree(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2003);
    (void)hm_model_policy(&model, "a", DELAY("60"));
    (void)hm_model_policy(&model, "b", DELAY("60"));
    HM_MODEL_EXPECT(&model, "set_timed_wait_delay 60");
    hm_model_apply(&model);
    HM_MODEL_EXPECT(&model, "");
    expect_notes(&model, HM_NOTE_WAITING_REBOOT, 2);
    model.policies[0] = model.policies[1];
    model.count = 1;
    HM_MODEL_EXPECT(&model, "");
    expect_notes(&model, HM_NOTE_WAITING_REBOOT, 1);
    hm_model_fini(&model);
}

static void test_other_systems(void **state)
{
    static const char *const systems[] = {SERVER_2019, SERVER_2008, LINUX};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        struct hm_model model;

        hm_model_init(&model, systems[i]);
        (void)hm_model_policy(&model, "p", DELAY("60"));
        HM_MODEL_EXPECT(&model, "");
        expect_notes(&model, HM_NOTE_REFUSED, 1);
        assert_int_equal(hm_model_note(&model, HM_NOTE_REFUSED, "p", 0)->code,
                         HM_REFUSE_UNSUPPORTED_SYSTEM);
        hm_model_fini(&model);
    }
}

/* A 2003 that became a 2008 in place: nothing new is written, and retiring still puts back. */
static void test_upgraded_in_place(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_start(&model, SERVER_2003, DELAY("60"));
    model.host.inventory.os.version = SERVER_2008;
    HM_MODEL_EXPECT(&model, "");
    expect_notes(&model, HM_NOTE_REFUSED, 1);
    hm_model_apply(&model);
    assert_false(hm_ledger_is_empty(&model.ledger));
    model.count = 0;
    HM_MODEL_EXPECT(&model, "set_timed_wait_delay unset");
    hm_model_fini(&model);
}

static void test_registry_unknown(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_start(&model, SERVER_2003, DELAY("60"));
    model.host.inventory.has_registry = false;
    HM_MODEL_EXPECT(&model, "");
    expect_notes(&model, HM_NOTE_REFUSED, 1);
    assert_int_equal(hm_model_note(&model, HM_NOTE_REFUSED, "p", 0)->code, HM_REFUSE_FACTS_MISSING);
    model.count = 0;
    HM_MODEL_EXPECT(&model, "");
    expect_notes(&model, HM_NOTE_GONE, 0);
    hm_model_apply(&model);
    assert_false(hm_ledger_is_empty(&model.ledger));
    hm_model_fini(&model);
}

static void test_gates(void **state)
{
    struct hm_model model;
    struct hm_policy *policy;

    (void)state;
    hm_model_init(&model, SERVER_2003);
    policy = hm_model_policy(&model, "p", DELAY("60"));
    policy->mode = HM_POLICY_AUDIT;
    HM_MODEL_EXPECT(&model, "");
    expect_notes(&model, HM_NOTE_AUDIT_ONLY, 1);
    policy->mode = HM_POLICY_ENFORCE;
    policy->has_window = true; /* Saturday; now is Wednesday */
    policy->window = (struct hm_window){
        {(const char *[]){"sat"}, 1},
        0, 60
    };
    HM_MODEL_EXPECT(&model, "");
    expect_notes(&model, HM_NOTE_WAITING_WINDOW, 1);
    policy->window.weekdays.at[0] = "wed";
    policy->window.minutes = 1440;
    model.clock_doubted = true; /* it may be Wednesday, or not */
    HM_MODEL_EXPECT(&model, "");
    assert_non_null(strstr(hm_model_note(&model, HM_NOTE_WAITING_WINDOW, "p", 0)->text, "clock"));
    model.clock_doubted = false;
    HM_MODEL_EXPECT(&model, "set_timed_wait_delay 60");
    policy->window.weekdays.at[0] = "sat";
    (void)hm_model_policy(&model, "q", DELAY("60")); /* which may change something now */
    HM_MODEL_EXPECT(&model, "set_timed_wait_delay 60");
    assert_string_equal(model.plan.actions.at[0].policy, "q");
    hm_model_apply(&model);
    model.limits.enforce_off = true;
    model.count = 0;
    HM_MODEL_EXPECT(&model, "");
    expect_notes(&model, HM_NOTE_REFUSED, 1);
    assert_int_equal(hm_model_note(&model, HM_NOTE_REFUSED, "q", 0)->code, HM_REFUSE_LOCAL_LIMIT);
    hm_model_fini(&model);
}

/* A policy that the host's owner does not allow as a whole sets nothing, and puts nothing back. */
static void test_too_many_ports(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_start(&model, SERVER_2003, DELAY("60"));
    model.limits.policy_ports_max = 1;
    hm_model_policy(&model, "p",
                    DELAY("90") ",\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"5-9\"}]")
        ->revision = 2;
    model.policies[0] = model.policies[--model.count];
    HM_MODEL_EXPECT(&model, "");
    assert_int_equal(hm_model_note(&model, HM_NOTE_REFUSED, "p", 0)->code, HM_REFUSE_LOCAL_LIMIT);
    hm_model_fini(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_first_value_comes_back),
        cmocka_unit_test(test_killed_between_values),
        cmocka_unit_test(test_value_of_others),
        cmocka_unit_test(test_removed_by_others),
        cmocka_unit_test(test_contradiction),
        cmocka_unit_test(test_two_who_agree),
        cmocka_unit_test(test_other_systems),
        cmocka_unit_test(test_upgraded_in_place),
        cmocka_unit_test(test_registry_unknown),
        cmocka_unit_test(test_gates),
        cmocka_unit_test(test_too_many_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
