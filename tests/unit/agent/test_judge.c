/* tests/unit/agent/test_judge.c — what is news, and what is only drift.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct hm_range ports_a[] = {
    {9955, 9955}
};
static const struct hm_range ports_b[] = {
    {9933, 9933}
};

static struct hm_verdict exposed(double odds, const char *text)
{
    return (struct hm_verdict){
        .product = "p",
        .requirement = "r",
        .state = HM_EXPOSED,
        .reason = HM_REASON_IN_DYNAMIC,
        .at_risk = {ports_a, 1},
        .has_odds = true,
        .odds = odds,
        .text = text
    };
}

static void settle_verdict(struct hm_verdict *verdict, struct hm_verdict *last)
{
    struct hm_judgement judgement = {
        .verdicts = {verdict, 1}
    };
    struct hm_judgement reported = {
        .verdicts = {last, 1}
    };

    hm_judge_settle(&judgement, &reported, 0);
}

static void test_odds_within_a_factor_of_two_stay(void **state)
{
    static const struct {
        double last;
        double now;
        bool kept;
    } rows[] = {
        {0.10,   0.10,   true },
        {0.10,   0.19,   true },
        {0.10,   0.20,   true },
        {0.10,   0.21,   false},
        {0.10,   0.05,   true },
        {0.10,   0.049,  false},
        {0,      0,      true },
        {0,      0.0001, false},
        {0.0001, 0,      false},
        {1,      0.5,    true },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_verdict last = exposed(rows[i].last, "old");
        struct hm_verdict now = exposed(rows[i].now, "new");

        settle_verdict(&now, &last);
        assert_true(now.odds == (rows[i].kept ? rows[i].last : rows[i].now));
        assert_string_equal(now.text, rows[i].kept ? "old" : "new");
    }
}

static void test_any_other_difference_is_news(void **state)
{
    const double odds = 0.11; /* a constant may have more digits where sums have (32 bits) */
    struct hm_verdict last = exposed(0.1, "old");
    struct hm_verdict rows[6];

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        rows[i] = exposed(odds, "new");
    }
    rows[0].state = HM_BLOCKED;
    rows[1].reason = HM_REASON_HELD;
    rows[2].at_risk = (struct hm_ports){ports_b, 1};
    rows[3].requirement = "other";
    rows[4].product = "other";
    rows[5].odds_at_least = true;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        settle_verdict(&rows[i], &last);
        assert_string_equal(rows[i].text, "new");
        assert_true(rows[i].odds == odds);
    }
}

static void test_counters_travel_hourly(void **state)
{
    struct hm_evidence old_evidence = {"in_use", "10"};
    struct hm_evidence new_evidence = {"in_use", "12"};
    static const struct {
        bool counts;
        enum hm_severity severity;
        const char *fingerprint;
        int64_t age_ms;
        bool kept;
    } rows[] = {
        {true,  HM_SEVERITY_LOW,  "f1", 0,                       true },
        {true,  HM_SEVERITY_LOW,  "f1", HM_SETTLE_COUNTS_MS - 1, true },
        {true,  HM_SEVERITY_LOW,  "f1", HM_SETTLE_COUNTS_MS,     false},
        {true,  HM_SEVERITY_LOW,  "f1", -1,                      false},
        {true,  HM_SEVERITY_HIGH, "f1", 0,                       false},
        {true,  HM_SEVERITY_LOW,  "f2", 0,                       false},
        {false, HM_SEVERITY_LOW,  "f1", 0,                       false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_finding last = {
            .fingerprint = "f1",
            .severity = HM_SEVERITY_LOW,
            .evidence = {&old_evidence, 1},
            .counts = true,
            .text = "10 of 20"
        };
        struct hm_finding now = {
            .fingerprint = rows[i].fingerprint,
            .severity = rows[i].severity,
            .evidence = {&new_evidence, 1},
            .counts = rows[i].counts,
            .text = "12 of 20"
        };
        struct hm_judgement judgement = {
            .findings = {&now, 1}
        };
        struct hm_judgement reported = {
            .findings = {&last, 1}
        };

        hm_judge_settle(&judgement, &reported, rows[i].age_ms);
        assert_string_equal(now.evidence.at[0].value, rows[i].kept ? "10" : "12");
        assert_string_equal(now.text, rows[i].kept ? "10 of 20" : "12 of 20");
    }
}

static void test_unknown_facts_are_listed_once(void **state)
{
    const char *unknown[] = {"z: not read", "a: not read", "z: not read"};
    const struct hm_catalogue none = {NULL, 0};
    struct hm_observation observation = {
        .name = "h", .boot_id = "b", .unknown = {unknown, 3}
    };
    struct hm_judgement judgement;
    struct hm_arena arena;

    (void)state;
    observation.inventory.os.name = observation.inventory.os.version = "";
    observation.inventory.os.arch = observation.inventory.os.locale = "";
    hm_arena_init(&arena, 16u << 20);
    assert_int_equal(
        hm_judge_observation(&observation, &none, NULL, NULL, NULL, &arena, &judgement, NULL),
        HM_OK);
    assert_true(judgement.unknown.count >= 2);
    for (size_t i = 1; i < judgement.unknown.count; i++) {
        assert_true(strcmp(judgement.unknown.at[i - 1], judgement.unknown.at[i]) < 0);
    }
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_odds_within_a_factor_of_two_stay),
        cmocka_unit_test(test_any_other_difference_is_news),
        cmocka_unit_test(test_counters_travel_hourly),
        cmocka_unit_test(test_unknown_facts_are_listed_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
