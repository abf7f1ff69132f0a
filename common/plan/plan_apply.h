/* common/plan/plan_apply.h — a host as it will be once a plan has been carried out.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For "what if": facts in, facts out; nothing is changed anywhere. Where an action is in
 * force after the next boot only, it is the host after that boot. Pure; what is new lives in the
 * arena, the rest is borrowed. */
#pragma once

#include "common/plan/plan.h"

enum hm_status hm_plan_apply(const struct hm_inventory *inventory, const struct hm_actions *actions,
                             struct hm_arena *arena, struct hm_inventory *out_inventory,
                             struct hm_err *err) HM_MUST_CHECK;
