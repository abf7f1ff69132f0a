/* agent/enforce/stand_in.h — in place of a policy that cannot be read now: what it added stays.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement. Absence alone takes nothing back: only an approved last revision, an end
 * that was signed, or a match that does not hold do. */
#pragma once

#include "common/plan/ledger.h"
#include "common/plan/policy.h"

/* A policy of mode audit that wants what the ledger says is that policy's: nothing of it is
 * removed, nothing is added. *out_policy is NULL when the ledger has nothing of it. */
enum hm_status hm_stand_in(const char *policy, uint32_t revision, const struct hm_ledger *ledger,
                           struct hm_arena *arena, const struct hm_policy **out_policy,
                           struct hm_err *err) HM_MUST_CHECK;

bool hm_ledger_names(const struct hm_ledger *ledger, const char *policy);
