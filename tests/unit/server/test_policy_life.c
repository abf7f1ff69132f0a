/* tests/unit/server/test_policy_life.c — every act in every state: where it leads, or why not.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/policy/life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In the order of enum hm_revision_state: the next state, or "!" and the code of the refusal. */
static const struct {
    const char *act;
    const char *next[HM_REVISION_STATE_COUNT];
} rows[] = {
    {"edit",
     {"superseded", "superseded", "superseded", "superseded", "active", "paused", "retired",
      "superseded", "withdrawn"}                         },
    {"submit",
     {"submitted", "!submitted_already", "!rejected", "!approved_already", "!active_already",
      "!paused", "!retired", "!superseded", "!withdrawn"}},
    {"sign",
     {"!not_submitted", "submitted", "!rejected", "approved", "active", "paused", "retired",
      "!superseded", "!withdrawn"}                       },
    {"approve",
     {"!not_submitted", "approved", "!rejected", "!approved_already", "!active_already", "!paused",
      "!retired", "!superseded", "!withdrawn"}           },
    {"approve_retire",
     {"!not_submitted", "retired", "!rejected", "!not_retiring", "!not_retiring", "!not_retiring",
      "!retired", "!superseded", "!withdrawn"}           },
    {"reject",
     {"!not_submitted", "rejected", "!rejected", "!approved_already", "!live", "!live", "!retired",
      "!superseded", "!withdrawn"}                       },
    {"activate",
     {"!not_approved", "!not_approved", "!rejected", "active", "!active_already", "!paused",
      "!retired", "!superseded", "!withdrawn"}           },
    {"pause",
     {"!not_live", "!not_live", "!not_live", "!not_live", "paused", "!paused", "!retired",
      "!superseded", "!withdrawn"}                       },
    {"resume",
     {"!not_paused", "!not_paused", "!not_paused", "!not_paused", "!not_paused", "active",
      "!retired", "!superseded", "!withdrawn"}           },
    {"retire",
     {"!not_live", "!not_live", "!not_live", "!not_live", "active", "paused", "!retired",
      "!superseded", "!withdrawn"}                       },
    {"withdraw",
     {"withdrawn", "withdrawn", "withdrawn", "withdrawn", "!live", "!live", "!retired",
      "!superseded", "!withdrawn"}                       },
    {"supersede",
     {"!not_live", "!not_live", "!not_live", "!not_live", "superseded", "superseded", "superseded",
      "!superseded", "!withdrawn"}                       },
};

static void try_one(enum hm_act act, unsigned from, const char *want)
{
    const enum hm_revision_state state = (enum hm_revision_state)from;
    enum hm_revision_state next = HM_REVISION_DRAFT;
    struct hm_err err = {.status = HM_OK};
    enum hm_status st = hm_life_next(state, act, &next, &err);

    if (want[0] != '!') {
        if (st != HM_OK || strcmp(hm_revision_state_names[next], want) != 0) {
            fail_msg("%s from %s: %s %s", hm_act_names[act], hm_revision_state_names[from],
                     err.text, hm_revision_state_names[next]);
        }
        return;
    }
    if (st != HM_ECONFLICT || strcmp(hm_err_code(&err), want + 1) != 0) {
        fail_msg("%s from %s: %s, not %s", hm_act_names[act], hm_revision_state_names[from],
                 st == HM_OK ? hm_revision_state_names[next] : hm_err_code(&err), want + 1);
    }
    assert_non_null(strstr(err.text, hm_revision_state_names[from])); /* it says where it is */
    assert_non_null(strchr(err.text, ':'));                           /* and what to do */
}

static void test_every_transition(void **state)
{
    (void)state;
    assert_int_equal(HM_COUNT(rows), HM_ACT_COUNT);
    for (unsigned act = 0; act < HM_ACT_COUNT; act++) {
        assert_string_equal(hm_act_names[act], rows[act].act);
        for (unsigned from = 0; from < HM_REVISION_STATE_COUNT; from++) {
            try_one((enum hm_act)act, from, rows[act].next[from]);
        }
    }
}

/* Nothing but enough signatures makes a revision approved, and nothing else goes live. */
static void test_what_no_act_may_do(void **state)
{
    (void)state;
    for (unsigned act = 0; act < HM_ACT_COUNT; act++) {
        for (unsigned from = 0; from < HM_REVISION_STATE_COUNT; from++) {
            enum hm_revision_state next = (enum hm_revision_state)from;

            if (hm_life_next((enum hm_revision_state)from, (enum hm_act)act, &next, NULL) !=
                    HM_OK ||
                next == (enum hm_revision_state)from) {
                continue;
            }
            if (next == HM_REVISION_APPROVED) {
                assert_int_equal(act, HM_ACT_APPROVE);
                assert_int_equal(from, HM_REVISION_SUBMITTED);
            }
            if (next == HM_REVISION_ACTIVE) {
                assert_true(from == HM_REVISION_APPROVED || from == HM_REVISION_PAUSED);
            }
            if (next == HM_REVISION_RETIRED) {
                assert_int_equal(act, HM_ACT_APPROVE_RETIRE);
            }
            assert_int_not_equal(next, HM_REVISION_DRAFT);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_transition),
        cmocka_unit_test(test_what_no_act_may_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
