/* tests/unit/plan/test_plan_settling.c — what is planned before a host has settled since its boot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "tests/support/plan_model.h"

#define BOTH "add_exclusion tcp ipv4 9955; add_exclusion tcp ipv6 9955"

static const struct hm_range port_9955 = {9955, 9955};
static const struct hm_range others = {9000, 9954};

static const struct hm_plan_readies nothing = {NULL, 0};

/* Nothing new: each row is one reason to add a port all the same. */
static void test_what_may_be_added(void **state)
{
    static const struct {
        const char *what;
        struct hm_plan_ready row;
        const char *actions;
        size_t notes;
    } rows[] = {
        {"it was verified before",              {.policy = "p", .verified = true},              BOTH, 0},
        {"another policy was verified before",  {.policy = "q", .verified = true},              "",   2},
        {"it waited for a socket in ipv6",
         {"p", false, HM_TCP, HM_IPV6, {&port_9955, 1}},
         "add_exclusion tcp ipv6 9955",                                                               1},
        {"another port waited for a socket",    {"p", false, HM_TCP, HM_IPV4, {&others, 1}},    "",   2},
        {"the port waited for a socket in udp",
         {"p", false, HM_UDP, HM_IPV4, {&port_9955, 1}},
         "",                                                                                          2},
        {"the port of another policy",          {"q", false, HM_TCP, HM_IPV4, {&port_9955, 1}}, "",   2},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const struct hm_plan_readies ready = {&rows[i].row, 1};
        struct hm_model model;

        hm_model_init(&model, SERVER_2019);
        (void)hm_model_reserve(&model, "p", "tcp", "9955");
        model.settling = &ready;
        (void)hm_model_plan(&model);
        if (strcmp(hm_model_actions(&model), rows[i].actions) != 0 ||
            hm_model_count_notes(&model, HM_NOTE_WAITING_SETTLING) != rows[i].notes) {
            fail_msg("%s: %s, %u notes", rows[i].what, hm_model_actions(&model),
                     (unsigned)hm_model_count_notes(&model, HM_NOTE_WAITING_SETTLING));
        }
        model.settling = NULL;
        HM_MODEL_EXPECT(&model, BOTH);
        hm_model_fini(&model);
    }
}

/* What the ledger names is nothing new; a port beside it is. */
static void test_the_ledger(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_start(&model, SERVER_2019,
                   "\"reservations\":[{\"protocol\":\"tcp\","
                   "\"ports\":\"9955\"}]");
    model.host.stacks[0].administered.count = 0; /* somebody removed it */
    model.count = 0;
    (void)hm_model_reserve(&model, "p", "tcp", "9955-9956");
    model.settling = &nothing;
    HM_MODEL_EXPECT(&model, "add_exclusion tcp ipv4 9955");
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_WAITING_SETTLING), 2);
    hm_model_fini(&model);
}

/* An agent that was killed before a change was made, or that the system refused: the ledger names
 * what nobody has ever seen. */
static void test_begun_only(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_start(&model, SERVER_2019,
                   "\"reservations\":[{\"protocol\":\"tcp\","
                   "\"ports\":\"9955\"}]");
    model.host.stacks[0].administered.count = 0;
    for (size_t i = 0; i < model.ledger.exclusions.count; i++) {
        assert_false(model.ledger.exclusions.at[i].pending);
        model.ledger.exclusions.at[i].pending = true;
    }
    model.settling = &nothing;
    HM_MODEL_EXPECT(&model, "");
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_WAITING_SETTLING), 1);
    model.settling = NULL;
    model.settings_unread = true;
    HM_MODEL_EXPECT(&model, "");
    model.settings_unread = false;
    HM_MODEL_EXPECT(&model, "add_exclusion tcp ipv4 9955");
    hm_model_apply(&model);
    model.host.stacks[0].administered.count = 0; /* and now it has been seen */
    model.settling = &nothing;
    HM_MODEL_EXPECT(&model, "add_exclusion tcp ipv4 9955");
    hm_model_fini(&model);
}

/* Hundreds of rows in the ledger, and as many new ports: one cycle's memory is enough. */
static void test_many(void **state)
{
    enum { MANY = 500 };
    static struct hm_ledger_exclusion rows[MANY];
    struct hm_plan_input input;
    struct hm_arena arena;
    struct hm_model model;
    struct hm_plan plan;
    char ports[MANY * 8];
    size_t len = 0;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    for (unsigned i = 0; i < MANY; i++) {
        const uint16_t port = (uint16_t)(20000 + 2 * i);

        rows[i] = (struct hm_ledger_exclusion){
            .policy = "old", .protocol = HM_TCP, .range = {port, port}
        };
        len += (size_t)snprintf(ports + len, sizeof(ports) - len, "%s%u", i > 0 ? "," : "",
                                30000 + 2 * i);
    }
    (void)hm_model_reserve(&model, "new", "tcp", ports);
    model.ledger.exclusions = (struct hm_ledger_exclusions){rows, MANY};
    input = (struct hm_plan_input){
        .inventory = &model.host.inventory,
        .policies = {model.policies, model.count},
        .ledger = &model.ledger,
        .now_ms = model.now_ms,
        .boot_id = "b",
        .settling = &nothing,
    };
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    assert_int_equal(hm_plan(&input, &arena, &plan, NULL), HM_OK);
    assert_int_equal(plan.actions.count, 0);
    hm_arena_fini(&arena);
    hm_model_fini(&model);
}

/* What nobody wants is removed in any case: a change that did harm must be undone at once. */
static void test_a_removal_does_not_wait(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_start(&model, SERVER_2019,
                   "\"reservations\":[{\"protocol\":\"tcp\","
                   "\"ports\":\"9955\"}]");
    model.count = 0;
    model.settling = &nothing;
    HM_MODEL_EXPECT(&model, "remove_exclusion tcp ipv4 9955; remove_exclusion tcp ipv6 9955");
    hm_model_fini(&model);
}

/* A port that somebody has is named as such, and what must not be excluded is refused. */
static void test_other_reasons_come_first(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    (void)hm_model_reserve(&model, "p", "tcp", "9955,9957,9959");
    hm_build_listener(&model.host, HM_TCP, HM_IPV4, 9955, "a.exe", "", HM_KIND_SOCKET);
    hm_build_listener(&model.host, HM_TCP, HM_IPV4, 9957, "System", "", HM_KIND_HTTPSYS);
    model.settling = &nothing;
    HM_MODEL_EXPECT(&model, "");
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_TAKEN) +
                         hm_model_count_notes(&model, HM_NOTE_BUSY),
                     1);
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_REFUSED), 2);
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_WAITING_SETTLING), 3);
    hm_model_fini(&model);
}

/* One list for the whole system: policy by policy. */
static void test_lists(void **state)
{
    static const struct hm_plan_ready verified = {.policy = "a", .verified = true};
    static const struct hm_plan_readies ready = {&verified, 1};
    struct hm_model model;

    (void)state;
    hm_model_init(&model, LINUX);
    (void)hm_model_reserve(&model, "a", "tcp", "40001");
    (void)hm_model_reserve(&model, "b", "tcp", "40003");
    model.settling = &ready;
    HM_MODEL_EXPECT(&model, "set_sysctl_reserved 40001");
    assert_non_null(hm_model_note(&model, HM_NOTE_WAITING_SETTLING, "b", 0));
    hm_model_fini(&model);
}

static void test_ranges(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    (void)hm_model_policy(&model, "p",
                          "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"32768-65535\"}]");
    model.settling = &nothing;
    HM_MODEL_EXPECT(&model, "");
    assert_true(hm_model_count_notes(&model, HM_NOTE_WAITING_SETTLING) > 0);
    hm_model_fini(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_may_be_added),
        cmocka_unit_test(test_the_ledger),
        cmocka_unit_test(test_begun_only),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_a_removal_does_not_wait),
        cmocka_unit_test(test_other_reasons_come_first),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
