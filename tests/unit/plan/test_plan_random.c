/* tests/unit/plan/test_plan_random.c — random hosts and policies: what is planned can be carried
 * out, nothing is left to do afterwards, and retiring all gives back the host to the byte.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/plan/plan_apply.h"
#include "tests/support/plan_model.h"

#define ROUNDS 400
#define SEED 0x9e3779b97f4a7c15u
#define PORT_BASE 49100u /* across the start of the modern range: rows and wants meet often */
#define PORT_SPAN 300u

static uint64_t next(uint64_t *state, uint64_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state % below;
}

static const char *const systems[] = {"10.0.20348", "6.3.9600", "5.2.3790", NULL};

/* Ascending ranges with gaps of gap or more; "" now and then. */
static struct hm_ports random_ports(struct hm_model *model, uint64_t *state, unsigned gap)
{
    struct hm_range *ranges = hm_arena_alloc(&model->host.arena, 8, sizeof(*ranges));
    struct hm_ports ports = {ranges, 0};
    uint32_t at = PORT_BASE + (uint32_t)next(state, 40);

    assert_non_null(ranges);
    for (uint64_t left = next(state, 7); left > 0; left--) {
        uint32_t last = at + (uint32_t)next(state, 12) * (uint32_t)next(state, 2);

        ranges[ports.count++] = (struct hm_range){(uint16_t)at, (uint16_t)last};
        at = last + 1 + gap + (uint32_t)next(state, 30);
    }
    return ports;
}

static void make_stacks(struct hm_model *model, uint64_t *state)
{
    struct hm_ports all = random_ports(model, state, 1); /* Linux: one list, a set */

    for (size_t i = 0; i < model->host.inventory.stacks.count; i++) {
        struct hm_stack *stack = &model->host.stacks[i];
        struct hm_ports runtime = random_ports(model, state, 0);
        bool is_linux = model->host.inventory.os.family == HM_OS_LINUX;

        if (hm_os_is_legacy(&model->host.inventory.os)) {
            continue;
        }
        stack->administered = is_linux ? all : random_ports(model, state, 0);
        if (!is_linux) {
            assert_int_equal(hm_ports_subtract(runtime, stack->administered, &model->host.arena,
                                               &stack->runtime, NULL),
                             HM_OK);
        }
    }
}

static void make_lines(struct hm_model *model, uint64_t *state)
{
    static const char *const odd[] = {"junk", "77", "9-5"};
    struct hm_ports ports = random_ports(model, state, 0);

    if (!hm_os_is_legacy(&model->host.inventory.os)) {
        return;
    }
    for (size_t i = ports.count; i > 0; i--) { /* in any order, neighbours and all */
        hm_build_reserved(&model->host, hm_arena_printf(&model->host.arena, "%u-%u",
                                                        (unsigned)ports.at[i - 1].first,
                                                        (unsigned)ports.at[i - 1].last));
        if (next(state, 4) == 0) {
            hm_build_reserved(&model->host, odd[next(state, HM_COUNT(odd))]);
        }
    }
    if (next(state, 2) == 0) {
        uint16_t last = (uint16_t)(60000 + next(state, 5535));

        model->host.inventory.registry.has_max_user_port = true;
        model->host.inventory.registry.max_user_port = last;
        hm_build_dynamic(&model->host, 1025, last);
    }
    if (next(state, 2) == 0) {
        model->host.inventory.registry.has_tcp_timed_wait_delay_s = true;
        model->host.inventory.registry.tcp_timed_wait_delay_s = (uint32_t)next(state, 400);
    }
}

static void make_sockets(struct hm_model *model, uint64_t *state)
{
    for (uint64_t left = next(state, 20); left > 0; left--) {
        (void)hm_build_socket(&model->host, next(state, 2) == 0 ? HM_TCP : HM_UDP,
                              next(state, 2) == 0 ? HM_IPV4 : HM_IPV6,
                              (enum hm_socket_state)next(state, HM_SOCKET_STATE_COUNT),
                              (uint16_t)(PORT_BASE + next(state, PORT_SPAN)), "x.exe", "");
    }
    if (next(state, 3) == 0) {
        hm_build_listener(&model->host, HM_TCP, HM_IPV4,
                          (uint16_t)(PORT_BASE + next(state, PORT_SPAN)), "System", "",
                          HM_KIND_HTTPSYS);
    }
}

static void make_policies(struct hm_model *model, uint64_t *state)
{
    for (uint64_t left = next(state, 4); left > 0; left--) {
        const char *name = hm_arena_printf(&model->host.arena, "p%u", (unsigned)left);
        const char *range = next(state, 3) > 0
                                ? ""
                                : ",\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"1025-60000\"}]";
        const char *delay = next(state, 3) > 0    ? ""
                            : next(state, 4) == 0 ? ",\"tcp_timed_wait_delay_s\":90"
                                                  : ",\"tcp_timed_wait_delay_s\":60";
        const char *ports = hm_ports_text(random_ports(model, state, 0), &model->host.arena);

        if (ports[0] != '\0') {
            (void)hm_model_policy(
                model, name,
                hm_arena_printf(&model->host.arena,
                                "\"reservations\":[{\"protocol\":\"%s\",\"ports\":\"%s\"}]%s%s",
                                next(state, 2) == 0 ? "tcp" : "udp", ports, range, delay));
        }
    }
}

/* What hm_plan_apply says that the last plan leads to, as it travels. */
static const char *foresee(struct hm_model *model)
{
    struct hm_inventory now = model->host.inventory;
    const char *text;

    assert_int_equal(
        hm_plan_apply(&now, &model->plan.actions, &model->host.arena, &model->host.inventory, NULL),
        HM_OK);
    text = hm_model_inventory(model);
    model->host.inventory = now;
    return text;
}

/* Carried out until nothing is left: once is enough, whatever is busy stays busy. */
static void carry_out(struct hm_model *model, const char *system)
{
    const char *foreseen;

    (void)hm_model_plan(model);
    foreseen = foresee(model);
    hm_model_apply(model);
    assert_string_equal(hm_model_inventory(model), foreseen);
    (void)hm_model_plan(model);
    if (strcmp(hm_model_actions(model), "") != 0) {
        print_error("%s: left to do: %s\n", system == NULL ? "Linux" : system,
                    hm_model_actions(model));
    }
    assert_int_equal(model->plan.actions.count, 0);
    for (size_t i = 0; i < model->plan.notes.count; i++) {
        assert_true(model->plan.notes.at[i].kind != HM_NOTE_GONE);
        assert_true(model->plan.notes.at[i].kind != HM_NOTE_FOREIGN_LEFT_ALONE);
    }
}

static void run_round(uint64_t *state, const char *system)
{
    struct hm_model model;
    const char *before;

    hm_model_init(&model, system);
    make_stacks(&model, state);
    make_lines(&model, state);
    make_sockets(&model, state);
    before = hm_model_inventory(&model);
    for (unsigned i = 0; i < 3; i++) { /* revisions come and go */
        model.count = 0;
        make_policies(&model, state);
        carry_out(&model, system);
    }
    model.count = 0;
    carry_out(&model, system);
    assert_string_equal(hm_model_inventory(&model), before);
    assert_true(hm_ledger_is_empty(&model.ledger));
    hm_model_fini(&model);
}

static void test_all_comes_back(void **state)
{
    uint64_t seed = SEED;

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        run_round(&seed, systems[i % HM_COUNT(systems)]);
    }
}

/* Killed after every possible step of a change from one set of policies to another, and once more
 * while it comes back: retiring all still gives back the host to the byte. */
static void test_killed_at_every_step(void **state)
{
    uint64_t seed = SEED;

    (void)state;
    for (unsigned i = 0; i < ROUNDS / 20; i++) {
        bool killed = true;
        uint64_t start = seed;

        for (size_t steps = 0; killed; steps++) {
            struct hm_model model;
            const char *before;

            seed = start;
            hm_model_init(&model, systems[i % HM_COUNT(systems)]);
            make_stacks(&model, &seed);
            make_lines(&model, &seed);
            before = hm_model_inventory(&model);
            make_policies(&model, &seed);
            carry_out(&model, systems[i % HM_COUNT(systems)]);
            model.count = 0;
            make_policies(&model, &seed);
            (void)hm_model_plan(&model);
            killed = hm_model_apply_some(&model, steps);
            model.count = next(&seed, 2) == 0 ? 0 : model.count;
            (void)hm_model_plan(&model);
            (void)hm_model_apply_some(&model, (size_t)next(&seed, 4));
            model.count = 0;
            carry_out(&model, systems[i % HM_COUNT(systems)]);
            assert_string_equal(hm_model_inventory(&model), before);
            assert_true(hm_ledger_is_empty(&model.ledger));
            hm_model_fini(&model);
        }
    }
}

/* The order in which policies arrive changes nothing. */
static void test_order_does_not_matter(void **state)
{
    uint64_t seed = SEED;

    (void)state;
    for (unsigned i = 0; i < ROUNDS / 4; i++) {
        struct hm_model model;
        const char *first;

        hm_model_init(&model, systems[i % HM_COUNT(systems)]);
        make_stacks(&model, &seed);
        make_lines(&model, &seed);
        make_policies(&model, &seed);
        (void)hm_model_plan(&model);
        first = hm_model_actions(&model);
        for (size_t k = 0; k < model.count / 2; k++) {
            const struct hm_policy *other = model.policies[k];

            model.policies[k] = model.policies[model.count - 1 - k];
            model.policies[model.count - 1 - k] = other;
        }
        HM_MODEL_EXPECT(&model, first);
        hm_model_fini(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_comes_back),
        cmocka_unit_test(test_killed_at_every_step),
        cmocka_unit_test(test_order_does_not_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
