/* server/policy/trust.h — the next trust root of the fleet.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/policy/approval.h"

/* Stores it, with its event (kind, when, who and why are the caller's; before and after are filled
 * here). Refused: hm_trust_root_accept's codes; "wrong_fleet"; the first has version 1, else
 * "version_gap". */
enum hm_status hm_trust_turn(struct hm_session *s, const struct hm_envelope *envelope,
                             const struct hm_event *event, struct hm_arena *arena,
                             struct hm_err *err) HM_MUST_CHECK;
