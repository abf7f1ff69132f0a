/* server/policy/life.h — the life of one revision: which act is allowed when, and what comes of it.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   draft -> submitted -> approved -> active <-> paused
 *                |            (of mode retire: submitted -> retired, which hosts are offered)
 *             rejected
 *
 * What no host has been offered can be withdrawn; what a host has is taken back by a later, signed
 * revision of mode retire, never by absence. A new revision supersedes one that was on its way, and
 * with it its approvals; what is live stays so until a later revision takes its place. Pure. */
#pragma once

#include "server/store/entities_policy.h"

enum hm_act {
    HM_ACT_EDIT, /* a new revision came after this one */
    HM_ACT_SUBMIT,
    HM_ACT_SIGN,           /* a signature more; more are needed, or enough were there */
    HM_ACT_APPROVE,        /* the last signature that was needed */
    HM_ACT_APPROVE_RETIRE, /* likewise, of mode retire */
    HM_ACT_REJECT,
    HM_ACT_ACTIVATE,
    HM_ACT_PAUSE,
    HM_ACT_RESUME,
    HM_ACT_RETIRE, /* a revision of mode retire is asked for; this one stays until it is approved */
    HM_ACT_WITHDRAW,
    HM_ACT_SUPERSEDE, /* a later revision is live */
};
#define HM_ACT_COUNT 12
extern const char *const hm_act_names[HM_ACT_COUNT];

/* HM_ECONFLICT with a stable code and what to do instead. */
enum hm_status hm_life_next(enum hm_revision_state state, enum hm_act act,
                            enum hm_revision_state *out_next, struct hm_err *err) HM_MUST_CHECK;
