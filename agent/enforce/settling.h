/* agent/enforce/settling.h — what enforcement may change before its host has settled since the
 * boot, and how long after the boot it was done.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement. The memory is in enforce.json, so that it survives a restart, a kill and
 * a boot: of each policy what it wanted when it was last verified, and the ports that waited only
 * for a plain socket when the host had settled and what HTTP.sys is set up to
 * serve was known. A plain socket is one of a named program that is
 * not the system itself, outside of any block of a component. */
#pragma once

#include "agent/enforce/enforce_run.h"

/* Notes the observation of the pass; run->settled says what came of it. */
void hm_settling_begin(struct hm_enforce_run *run);

/* Of an urgent pass: the host has not settled, and what was observed of it is not noted. */
void hm_settling_begin_urgent(struct hm_enforce_run *run);

/* For hm_plan_input: NULL once the host has settled, and on lack of memory *out_st. */
const struct hm_plan_readies *hm_settling_ready(struct hm_enforce_run *run, enum hm_status *out_st,
                                                struct hm_err *err);

/* A change is shown by the system: the first one of this boot is remembered. */
void hm_settling_changed(struct hm_enforce_run *run);

/* Once the rows are judged: what waits for a plain socket; is enforcement complete? */
enum hm_status hm_settling_end(struct hm_enforce_run *run, struct hm_err *err);
