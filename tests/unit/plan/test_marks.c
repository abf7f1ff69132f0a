/* tests/unit/plan/test_marks.c — no remedy argues with a policy: what outcomes tell to judging.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/plan/marks.h"
#include "tests/support/finding_checks.h"

static struct hm_range range_of(uint16_t first, uint16_t last)
{
    return (struct hm_range){first, last};
}

/* Judges the host with the marks of the report. */
static void judge_with(struct hm_build *build, struct hm_outcome_report *report)
{
    static struct hm_policy_marks marks;
    struct hm_err err;

    report->refused = "";
    assert_int_equal(hm_plan_marks(report, &build->arena, &marks, &err), HM_OK);
    build->marks = &marks;
    hm_build_judge(build);
}

static void must_be_policy(const struct hm_finding *finding)
{
    assert_non_null(finding);
    assert_int_equal(finding->commands.count, 0);
    assert_int_equal(finding->steps.count, 1);
    assert_int_equal(finding->steps.at[0].kind, HM_STEP_DECIDE);
    assert_non_null(strstr(finding->remedy, "by policy mine"));
}

static void test_range(void **state)
{
    static const char *const versions[] = {W2019, W2003};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(versions); i++) {
        struct hm_build *build = new_build(versions[i]);
        struct hm_ledger_range rows[] = {
            {.policy = "mine", .has_protocol = i == 0, .protocol = HM_TCP},
            {.policy = "mine", .has_protocol = i == 0, .protocol = HM_UDP},
        };
        struct hm_outcome_report report = {
            .ledger.ranges = {rows, 2},
        };

        rows[0].range = rows[1].range = range_of(i == 0 ? 10000 : 1025, 60000);
        hm_build_dynamic(build, i == 0 ? 10000 : 1024, 60000);
        judge_with(build, &report);
        must_be_policy(hm_build_finding(build, "dynamic_range_moved", NULL));
        assert_int_equal(hm_build_finding(build, "dynamic_range_moved", NULL)->severity,
                         HM_SEVERITY_INFO);
        rows[0].range.last = rows[1].range.last = 50000; /* somebody has moved it since */
        judge_with(build, &report);
        assert_true(hm_build_finding(build, "dynamic_range_moved", NULL)->commands.count > 0);
        free_build(build);
    }
}

static void test_headroom(void **state)
{
    struct hm_build *build = new_build(W2003);
    struct hm_ledger_range row = {.policy = "mine", .range = range_of(1025, 5000)};
    struct hm_outcome_report report = {
        .ledger.ranges = {&row, 1},
    };

    (void)state;
    hm_build_sample(build, HM_TCP, HM_IPV4, 3976, 3900);
    judge_with(build, &report);
    must_be_policy(hm_build_finding(build, "low_headroom", NULL));
    report.ledger.ranges.count = 0;
    report.ledger.has_timed_wait_delay = true;
    report.ledger.timed_wait_delay.policy = "mine";
    judge_with(build, &report);
    must_be_policy(hm_build_finding(build, "low_headroom", NULL));
    report.ledger.has_timed_wait_delay = false;
    judge_with(build, &report);
    assert_true(hm_build_finding(build, "low_headroom", NULL)->commands.count > 0);
    free_build(build);
}

static void test_exclusions(void **state)
{
    struct hm_build *build = new_build(W2019);
    struct hm_build *before = new_build(W2019);
    struct hm_ledger_exclusion row = {
        .policy = "mine",
        .protocol = HM_TCP,
        .family = HM_IPV4,
        .range = range_of(50000, 50000),
    };
    struct hm_outcome_report report = {
        .ledger.exclusions = {&row, 1},
    };

    (void)state;
    require(build, HM_TCP, "50000", HM_KIND_HTTPSYS);
    hm_build_exclude(build, HM_TCP, HM_IPV4, "50000");
    judge_with(build, &report);
    must_be_policy(hm_build_finding(build, "reserver_excluded", NULL));
    build->stacks[0].administered = hm_build_ports(build, "");
    hm_build_exclude(before, HM_TCP, HM_IPV4, "50000");
    build->previous_boot = &before->inventory;
    judge_with(build, &report);
    must_be_policy(hm_build_finding(build, "exclusions_shifted", "tcp exclusions lost"));
    free_build(build);
    free_build(before);
}

/* The policy that will do it is named; the steps stay, for who cannot wait. */
static void test_waiting(void **state)
{
    static const struct {
        enum hm_plan_note_kind kind;
        const char *when; /* NULL: it will not */
    } cases[] = {
        {HM_NOTE_BUSY,           "as soon as the port is free"      },
        {HM_NOTE_TAKEN,          "as soon as the port is free"      },
        {HM_NOTE_WAITING_WINDOW, "in its maintenance window"        },
        {HM_NOTE_WAITING_REBOOT, "with the next restart of the host"},
        {HM_NOTE_AUDIT_ONLY,     NULL                               },
        {HM_NOTE_REFUSED,        NULL                               },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(W2019);
        struct hm_plan_note note = {
            .kind = cases[i].kind,
            .has_protocol = true,
            .protocol = HM_TCP,
            .ports = hm_build_ports(build, "50000-50009"),
            .text = "",
        };
        struct hm_outcome outcome = {
            .policy = "mine",
            .notes = {&note, 1},
        };
        struct hm_outcome_report report = {
            .policies = {&outcome, 1},
        };
        const struct hm_finding *finding;

        require(build, HM_TCP, "50001", HM_KIND_SOCKET);
        judge_with(build, &report);
        finding = hm_build_finding(build, "required_in_dynamic", NULL);
        assert_non_null(finding);
        assert_true(finding->commands.count > 0);
        assert_int_equal(strstr(finding->remedy, "Policy mine will reserve tcp 50001") != NULL,
                         cases[i].when != NULL);
        assert_true(cases[i].when == NULL || strstr(finding->remedy, cases[i].when) != NULL);
        free_build(build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_headroom),
        cmocka_unit_test(test_exclusions),
        cmocka_unit_test(test_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
