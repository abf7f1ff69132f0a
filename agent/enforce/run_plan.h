/* agent/enforce/run_plan.h — the plan of a pass of enforcement.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement. */
#pragma once

#include "agent/enforce/enforce_run.h"

/* run->plan, from the rows and what is observed now; run->planned is what it was made from. Too
 * much to plan is no reason to be silent: run->broken says so. Fails on lack of memory only. */
enum hm_status hm_run_plan(struct hm_enforce_run *run, struct hm_err *err);
