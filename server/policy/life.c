/* server/policy/life.c — the life of one revision, as a table.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/policy/life.h"

const char *const hm_act_names[HM_ACT_COUNT] = {
    "edit",     "submit", "sign",   "approve", "approve_retire", "reject",
    "activate", "pause",  "resume", "retire",  "withdraw",       "supersede",
};

enum refusal {
    NOT_SUBMITTED,
    SUBMITTED_ALREADY,
    REJECTED_BEFORE,
    APPROVED_ALREADY,
    NOT_APPROVED,
    ACTIVE_ALREADY,
    IS_PAUSED,
    NOT_PAUSED,
    RETIRED_ALREADY,
    IS_SUPERSEDED,
    IS_WITHDRAWN,
    IS_LIVE,
    NOT_LIVE,
    NOT_RETIRING,
};

static const struct {
    const char *code;
    const char *text;
} refusals[] = {
    [NOT_SUBMITTED] = {"not_submitted",     "submit it first"                                            },
    [SUBMITTED_ALREADY] = {"submitted_already",
                       "approve it, reject it, or edit it for a new revision"                            },
    [REJECTED_BEFORE] = {"rejected",          "edit it, and submit the new revision"                       },
    [APPROVED_ALREADY] = {"approved_already",  "activate it, or withdraw it"                                },
    [NOT_APPROVED] = {"not_approved",      "it needs the signatures of its approvers first"             },
    [ACTIVE_ALREADY] = {"active_already",    "hosts are offered it"                                       },
    [IS_PAUSED] = {"paused",            "resume it"                                                  },
    [NOT_PAUSED] = {"not_paused",        "only what is paused can be resumed"                         },
    [RETIRED_ALREADY] = {"retired",           "edit it to bring the policy back"                           },
    [IS_SUPERSEDED] = {"superseded",        "a later revision took its place"                            },
    [IS_WITHDRAWN] = {"withdrawn",         "edit it for a new revision"                                 },
    [IS_LIVE] = {"live",              "hosts may have it: retire the policy, and they take it back"},
    [NOT_LIVE] = {"not_live",          "hosts were never offered it"                                },
    [NOT_RETIRING] = {"not_retiring",      "only a revision of mode retire ends like that"              },
};

#define NO(refusal) (-1 - (int)(refusal))
#define DRAFT HM_REVISION_DRAFT
#define SUBMITTED HM_REVISION_SUBMITTED
#define REJECTED HM_REVISION_REJECTED
#define APPROVED HM_REVISION_APPROVED
#define ACTIVE HM_REVISION_ACTIVE
#define PAUSED HM_REVISION_PAUSED
#define RETIRED HM_REVISION_RETIRED
#define SUPERSEDED HM_REVISION_SUPERSEDED
#define WITHDRAWN HM_REVISION_WITHDRAWN

/* From draft, submitted, rejected, approved, active, paused, retired, superseded, withdrawn. */
/* clang-format off */
static const int next_states[HM_ACT_COUNT][HM_REVISION_STATE_COUNT] = {
    [HM_ACT_EDIT] = {
        SUPERSEDED, SUPERSEDED, SUPERSEDED, SUPERSEDED,
        ACTIVE, PAUSED, RETIRED, SUPERSEDED, WITHDRAWN},
    [HM_ACT_SUBMIT] = {
        SUBMITTED, NO(SUBMITTED_ALREADY), NO(REJECTED_BEFORE), NO(APPROVED_ALREADY),
        NO(ACTIVE_ALREADY), NO(IS_PAUSED), NO(RETIRED_ALREADY), NO(IS_SUPERSEDED), NO(IS_WITHDRAWN)},
    [HM_ACT_SIGN] = {
        NO(NOT_SUBMITTED), SUBMITTED, NO(REJECTED_BEFORE), APPROVED,
        ACTIVE, PAUSED, RETIRED, NO(IS_SUPERSEDED), NO(IS_WITHDRAWN)},
    [HM_ACT_APPROVE] = {
        NO(NOT_SUBMITTED), APPROVED, NO(REJECTED_BEFORE), NO(APPROVED_ALREADY),
        NO(ACTIVE_ALREADY), NO(IS_PAUSED), NO(RETIRED_ALREADY), NO(IS_SUPERSEDED), NO(IS_WITHDRAWN)},
    [HM_ACT_APPROVE_RETIRE] = {
        NO(NOT_SUBMITTED), RETIRED, NO(REJECTED_BEFORE), NO(NOT_RETIRING),
        NO(NOT_RETIRING), NO(NOT_RETIRING), NO(RETIRED_ALREADY), NO(IS_SUPERSEDED), NO(IS_WITHDRAWN)},
    [HM_ACT_REJECT] = {
        NO(NOT_SUBMITTED), REJECTED, NO(REJECTED_BEFORE), NO(APPROVED_ALREADY),
        NO(IS_LIVE), NO(IS_LIVE), NO(RETIRED_ALREADY), NO(IS_SUPERSEDED), NO(IS_WITHDRAWN)},
    [HM_ACT_ACTIVATE] = {
        NO(NOT_APPROVED), NO(NOT_APPROVED), NO(REJECTED_BEFORE), ACTIVE,
        NO(ACTIVE_ALREADY), NO(IS_PAUSED), NO(RETIRED_ALREADY), NO(IS_SUPERSEDED), NO(IS_WITHDRAWN)},
    [HM_ACT_PAUSE] = {
        NO(NOT_LIVE), NO(NOT_LIVE), NO(NOT_LIVE), NO(NOT_LIVE),
        PAUSED, NO(IS_PAUSED), NO(RETIRED_ALREADY), NO(IS_SUPERSEDED), NO(IS_WITHDRAWN)},
    [HM_ACT_RESUME] = {
        NO(NOT_PAUSED), NO(NOT_PAUSED), NO(NOT_PAUSED), NO(NOT_PAUSED),
        NO(NOT_PAUSED), ACTIVE, NO(RETIRED_ALREADY), NO(IS_SUPERSEDED), NO(IS_WITHDRAWN)},
    [HM_ACT_RETIRE] = {
        NO(NOT_LIVE), NO(NOT_LIVE), NO(NOT_LIVE), NO(NOT_LIVE),
        ACTIVE, PAUSED, NO(RETIRED_ALREADY), NO(IS_SUPERSEDED), NO(IS_WITHDRAWN)},
    [HM_ACT_WITHDRAW] = {
        WITHDRAWN, WITHDRAWN, WITHDRAWN, WITHDRAWN,
        NO(IS_LIVE), NO(IS_LIVE), NO(RETIRED_ALREADY), NO(IS_SUPERSEDED), NO(IS_WITHDRAWN)},
    [HM_ACT_SUPERSEDE] = {
        NO(NOT_LIVE), NO(NOT_LIVE), NO(NOT_LIVE), NO(NOT_LIVE),
        SUPERSEDED, SUPERSEDED, SUPERSEDED, NO(IS_SUPERSEDED), NO(IS_WITHDRAWN)},
};
/* clang-format on */

enum hm_status hm_life_next(enum hm_revision_state state, enum hm_act act,
                            enum hm_revision_state *out_next, struct hm_err *err)
{
    int next = next_states[act][state];

    if (next < 0) {
        return hm_fail_code(err, HM_ECONFLICT, refusals[-1 - next].code, "this revision is %s: %s",
                            hm_revision_state_names[state], refusals[-1 - next].text);
    }
    *out_next = (enum hm_revision_state)next;
    return HM_OK;
}
