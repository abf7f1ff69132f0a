/* server/policy/acts.h — what people do to policies: one act, one transaction, its events.
 * SPDX-License-Identifier: Apache-2.0
 *
 * On the writer thread, inside a session. A refused act changes nothing. */
#pragma once

#include "common/wire/records_policies.h"
#include "server/policy/life.h"

/* Who does it. Everything is borrowed for the call; what is made lives in the arena. */
struct hm_act_by {
    struct hm_event event; /* when, who, from where, why; kind, before and after are filled here */
    const char *operator_name; /* "anna" */
    const struct hm_catalogue *catalogue;
    struct hm_arena *arena;
    bool *out_live; /* set when what hosts are offered is another now */
};

/* A new draft; a document equal to the newest changes nothing (*out_made is false). The
 * document's revision is ignored. HM_EINVAL "bad_policy", "use_retire". */
enum hm_status hm_policy_edit(struct hm_session *s, const struct hm_act_by *by,
                              const struct hm_policy *document, bool *out_made,
                              struct hm_err *err) HM_MUST_CHECK;

/* SUBMIT, APPROVE, REJECT, ACTIVATE, PAUSE, RESUME, RETIRE, WITHDRAW. HM_ECONFLICT "changed" when
 * ask->revision is not the newest; hm_life_next's refusals; "lint"; those of approval.h. */
enum hm_status hm_policy_do(struct hm_session *s, const struct hm_act_by *by, const char *name,
                            enum hm_act act, const struct hm_api_policy_act *ask,
                            struct hm_err *err) HM_MUST_CHECK;
