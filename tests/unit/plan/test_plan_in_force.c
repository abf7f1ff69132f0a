/* tests/unit/plan/test_plan_in_force.c — plans of 2000 to 2003 work on what is written, and wait
 * for the boot that puts it in force, also when somebody else wrote it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan_apply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/ports/in_force.h"
#include "tests/support/plan_model.h"

#define RESERVE "\"reservations\":[{\"protocol\":\"udp\",\"ports\":\"1812-1813\"}]"
#define RANGE "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"1025-60000\"}]"
#define DELAY "\"tcp_timed_wait_delay_s\":60"

/* What stands in the registry is what the policy wants; what was in force before is not. */
struct row {
    const char *wants;
    enum hm_in_force in_force;
    enum hm_plan_note_kind note;
};

static const struct row rows[] = {
    {RESERVE, HM_IN_FORCE_ASSUMED, HM_NOTE_ALREADY_THERE },
    {RESERVE, HM_IN_FORCE_WRITTEN, HM_NOTE_ALREADY_THERE },
    {RESERVE, HM_IN_FORCE_EARLIER, HM_NOTE_WAITING_REBOOT},
    {RESERVE, HM_IN_FORCE_UNKNOWN, HM_NOTE_WAITING_REBOOT},
    {RANGE,   HM_IN_FORCE_ASSUMED, HM_NOTE_ALREADY_THERE },
    {RANGE,   HM_IN_FORCE_EARLIER, HM_NOTE_WAITING_REBOOT},
    {RANGE,   HM_IN_FORCE_UNKNOWN, HM_NOTE_WAITING_REBOOT},
    {DELAY,   HM_IN_FORCE_ASSUMED, HM_NOTE_ALREADY_THERE },
    {DELAY,   HM_IN_FORCE_EARLIER, HM_NOTE_WAITING_REBOOT},
    {DELAY,   HM_IN_FORCE_UNKNOWN, HM_NOTE_WAITING_REBOOT},
};

static void write_all(struct hm_model *model, enum hm_in_force in_force)
{
    struct hm_inventory *inventory = &model->host.inventory;
    struct hm_registry *registry = &inventory->registry;
    bool waits = in_force == HM_IN_FORCE_EARLIER || in_force == HM_IN_FORCE_UNKNOWN;

    hm_build_reserved(&model->host, "1812-1813");
    registry->has_max_user_port = true;
    registry->max_user_port = 60000;
    registry->has_tcp_timed_wait_delay_s = true;
    registry->tcp_timed_wait_delay_s = 60;
    registry->in_force = in_force;
    registry->has_earlier = in_force == HM_IN_FORCE_EARLIER;
    for (size_t i = 0; i < inventory->stacks.count; i++) {
        struct hm_stack *stack = &inventory->stacks.at[i];

        stack->has_dynamic = in_force != HM_IN_FORCE_UNKNOWN;
        stack->dynamic = (struct hm_range){1024, waits ? 5000 : 60000};
        stack->has_next_dynamic = waits;
        stack->next_dynamic = (struct hm_range){1024, 60000};
    }
}

static void test_waits_for_the_boot(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_model model;

        hm_model_init(&model, "5.2.3790");
        write_all(&model, rows[i].in_force);
        (void)hm_model_policy(&model, "p", rows[i].wants);
        model.boot_id = ""; /* and nothing is in the ledger: others wrote it */
        (void)hm_model_plan(&model);
        if (hm_model_count_notes(&model, rows[i].note) != 1 || model.plan.actions.count > 0) {
            print_error("row %zu\n", i);
        }
        assert_int_equal(model.plan.actions.count, 0);
        assert_int_equal(hm_model_count_notes(&model, rows[i].note), 1);
        hm_model_fini(&model);
    }
}

/* Looking ahead means looking past the boot that the plan needs. */
static void test_look_ahead(void **state)
{
    struct hm_inventory after;
    struct hm_ports excluded;
    struct hm_model model;
    bool known;

    (void)state;
    hm_model_init(&model, "5.2.3790");
    write_all(&model, HM_IN_FORCE_EARLIER);
    (void)hm_model_reserve(&model, "p", "udp", "4500");
    (void)hm_model_plan(&model);
    assert_int_equal(model.plan.actions.count, 1);
    assert_true(model.plan.needs_reboot);
    assert_int_equal(
        hm_plan_apply(&model.host.inventory, &model.plan.actions, &model.host.arena, &after, NULL),
        HM_OK);
    assert_int_equal(
        hm_inventory_excluded(&after, HM_UDP, HM_IPV4, &model.host.arena, &known, &excluded, NULL),
        HM_OK);
    assert_string_equal(hm_ports_text(excluded, &model.host.arena), "1812-1813,4500");
    assert_int_equal(after.stacks.at[0].dynamic.last, 60000);
    assert_false(after.stacks.at[0].has_next_dynamic);
    hm_model_fini(&model);
}

/* Linux: our file keeps what is ours; what others reserve at run time only is lost as before. */
static void test_look_ahead_linux(void **state)
{
    struct hm_inventory after;
    struct hm_model model;

    (void)state;
    hm_model_init(&model, NULL);
    for (size_t i = 0; i < model.host.inventory.stacks.count; i++) {
        struct hm_stack *stack = &model.host.inventory.stacks.at[i];

        stack->administered = hm_build_ports(&model.host, "8080,9000");
        stack->has_next_administered = true;
        stack->next_administered = hm_build_ports(&model.host, "9000");
    }
    (void)hm_model_reserve(&model, "p", "tcp", "40000");
    (void)hm_model_plan(&model);
    assert_int_equal(model.plan.actions.count, 1);
    assert_int_equal(
        hm_plan_apply(&model.host.inventory, &model.plan.actions, &model.host.arena, &after, NULL),
        HM_OK);
    assert_string_equal(hm_ports_text(after.stacks.at[0].administered, &model.host.arena),
                        "8080,9000,40000");
    assert_true(after.stacks.at[0].has_next_administered);
    assert_string_equal(hm_ports_text(after.stacks.at[0].next_administered, &model.host.arena),
                        "9000,40000");
    hm_model_fini(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_for_the_boot),
        cmocka_unit_test(test_look_ahead),
        cmocka_unit_test(test_look_ahead_linux),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
