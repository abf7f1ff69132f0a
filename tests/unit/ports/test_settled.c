/* tests/unit/ports/test_settled.c — when a host has settled since its boot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/settled.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- one boot, observation by observation -------------------------------------------------- */

struct step {
    const char *boot_id;
    int64_t uptime_s;
    bool started;
    uint64_t facts;
    bool settled; /* expected */
};

#define STEPS_MAX 5

static const struct {
    const char *what;
    struct step steps[STEPS_MAX];
} boots[] = {
    {"services have started, two equal observations",
     {{"a", 100, true, 1, false}, {"a", 130, true, 1, true}}                                       },
    {"two equal observations that are too close to each other",
     {{"a", 100, true, 1, false}, {"a", 129, true, 1, false}, {"a", 131, true, 1, true}}           },
    {"a listener appears in between",
     {{"a", 100, true, 1, false}, {"a", 130, true, 2, false}, {"a", 160, true, 2, true}}           },
    {"equal observations count only once the services have started",
     {{"a", 20, false, 1, false},
      {"a", 60, false, 1, false},
      {"a", 90, true, 1, false},
      {"a", 120, true, 1, true}}                                                                   },
    {"a service that is stopped and started again begins from zero",
     {{"a", 100, true, 1, false},
      {"a", 115, false, 1, false},
      {"a", 131, true, 1, false},
      {"a", 161, true, 1, true}}                                                                   },
    {"services that never start: ten minutes",
     {{"a", 300, false, 1, false}, {"a", 599, false, 1, false}, {"a", 600, false, 2, true}}        },
    {"settled is settled until the next boot",
     {{"a", 100, true, 1, false},
      {"a", 130, true, 1, true},
      {"a", 140, false, 9, true},
      {"b", 20, true, 9, false},
      {"b", 55, true, 9, true}}                                                                    },
    {"facts of the boot before do not count",
     {{"a", 40, true, 1, false}, {"b", 70, true, 1, false}}                                        },
    {"a boot without an id shows by its time",
     {{"", 100, true, 1, false}, {"", 40, true, 1, false}, {"", 70, true, 1, true}}                },
    {"one that had settled, too",
     {{"", 100, true, 1, false}, {"", 130, true, 1, true}, {"", 20, true, 1, false}}               },
    {"an agent that is started later",                               {{"a", 86400, false, 1, true}}},
};

static void test_boots(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(boots); i++) {
        struct hm_settled_memo memo = {.boot_id = ""};

        for (size_t k = 0; k < STEPS_MAX && boots[i].steps[k].boot_id != NULL; k++) {
            const struct step *step = &boots[i].steps[k];
            const struct hm_settled_look look = {step->boot_id, true, step->uptime_s, step->started,
                                                 step->facts};

            memo = hm_settled_note(&memo, &look);
            if (memo.settled != step->settled) {
                fail_msg("%s: at %d s", boots[i].what, (int)step->uptime_s);
            }
        }
    }
}

/* A folder with a host in it says nothing of a boot. */
static void test_a_described_host_has_settled(void **state)
{
    const struct hm_settled_memo memo = {.boot_id = ""};
    const struct hm_settled_look look = {.boot_id = "recorded"};

    (void)state;
    assert_true(hm_settled_note(&memo, &look).settled);
}

/* ---- services ------------------------------------------------------------------------------ */

static const struct {
    struct hm_service service;
    bool started;
} services[] = {
    {{.start = HM_START_AUTOMATIC, .has_runs = true, .runs = true},                         true },
    {{.start = HM_START_AUTOMATIC, .has_runs = true, .exit_code = 1077},                    false},
    {{.start = HM_START_DELAYED, .has_runs = true, .exit_code = 1077},                      false},
    {{.start = HM_START_AUTOMATIC, .has_runs = true, .exit_code = 10048},                   true },
    {{.start = HM_START_AUTOMATIC, .has_runs = true, .exit_code = 0},                       true },
    {{.start = HM_START_AUTOMATIC},                                                         false}, /* starting */
    {{.start = HM_START_TRIGGERED, .has_runs = true, .exit_code = 1077},                    true },
    {{.start = HM_START_CLUSTER, .has_runs = true, .exit_code = 1077},                      true },
    {{.name = "hns", .start = HM_START_TRIGGERED, .has_runs = true, .exit_code = 1077},     false},
    {{.name = "was", .start = HM_START_DEPENDENCY, .has_runs = true, .exit_code = 1077},    false},
    {{.name = "hns", .start = HM_START_TRIGGERED, .has_runs = true, .runs = true},          true },
    {{.name = "hns", .start = HM_START_MANUAL, .has_runs = true, .exit_code = 1077},        true },
    {{.name = "w32time", .start = HM_START_TRIGGERED, .has_runs = true, .exit_code = 1077}, true },
    {{.start = HM_START_MANUAL, .has_runs = true, .exit_code = 1077},                       true },
};

static void test_services(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(services); i++) {
        struct hm_service rows[] = {
            {.start = HM_START_AUTOMATIC, .has_runs = true, .runs = true},
            services[i].service
        };
        const struct hm_services all = {rows, HM_COUNT(rows)};

        if (hm_services_have_started(&all) != services[i].started) {
            fail_msg("row %u", (unsigned)i);
        }
    }
}

/* ---- facts --------------------------------------------------------------------------------- */

static void test_facts(void **state)
{
    struct hm_range block = {50000, 50099};
    struct hm_stack stack = {.has_runtime = true};
    struct hm_listener listener = {.port = 443, .program = "System", .kind = HM_KIND_KERNEL};
    struct hm_inventory inventory = {
        .stacks = {&stack,    1},
          .listeners = {&listener, 1}
    };
    uint64_t before = hm_settled_facts(&inventory);

    (void)state;
    assert_true(hm_settled_facts(&inventory) == before);
    stack.runtime = (struct hm_ports){&block, 1};
    assert_true(hm_settled_facts(&inventory) != before);
    before = hm_settled_facts(&inventory);
    listener.kind = HM_KIND_HTTPSYS;
    assert_true(hm_settled_facts(&inventory) != before);
    before = hm_settled_facts(&inventory);
    inventory.listeners.count = 0;
    assert_true(hm_settled_facts(&inventory) != before);
}

/* ---- when to observe again ----------------------------------------------------------------- */

static void test_again(void **state)
{
    static const struct {
        struct hm_settled_memo memo;
        int64_t uptime_s;
        int64_t again_s;
    } rows[] = {
        {{.settled = false},                  5,     55 },
        {{.settled = false},                  60,    120},
        {{.settled = true},                   179,   1  },
        {{.settled = true},                   180,   420},
        {{.has_facts = true, .since_s = 20},  20,    30 },
        {{.has_facts = true, .since_s = 20},  45,    5  },
        {{.has_facts = true, .since_s = 50},  55,    5  },
        {{.has_facts = true, .since_s = 590}, 595,   5  },
        {{.settled = true},                   600,   0  },
        {{.settled = true},                   86400, 0  },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(hm_settled_again_s(&rows[i].memo, rows[i].uptime_s), rows[i].again_s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boots),    cmocka_unit_test(test_a_described_host_has_settled),
        cmocka_unit_test(test_services), cmocka_unit_test(test_facts),
        cmocka_unit_test(test_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
