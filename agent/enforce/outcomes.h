/* agent/enforce/outcomes.h — how far each policy has come, from the last plan of a pass and what it
 * did. SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement. A row is: failed, when a change of it failed or it was taken back;
 * waiting, when something else must happen first; refused, when any of its wants is; applied, when
 * it was done and the system could not be read again; else verified, or repaired where it had been
 * verified before and somebody undid it; retired, when nothing of it is wanted or left. */
#pragma once

#include "agent/enforce/enforce_run.h"

/* Sets state, why, code, text and the times of every row. */
void hm_outcomes_judge(struct hm_enforce_run *run);

/* The report of the pass: the rows, what was delivered and refused, ledger, trust version. */
enum hm_status hm_outcomes_report(struct hm_enforce_run *run, struct hm_err *err);
