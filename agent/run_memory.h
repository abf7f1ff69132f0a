/* agent/run_memory.h — which services run, settled: runs.json in the state folder.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What it remembers, and why, is in common/ports/run_state.h. The file is a memory and no more:
 * when it is missing or damaged, run states are unknown until they have settled again. It holds one
 * boot and is written only when a service was seen in another state. */
#pragma once

#include "agent/platform/platform.h"
#include "common/base/arena.h"
#include "common/base/err.h"

struct hm_agent_runs;

/* Reads the memory of this state folder; a damaged one is logged, and forgotten. Fails only for
 * want of memory or a path that is too long. */
enum hm_status hm_agent_runs_open(const char *state_dir, struct hm_agent_runs **out_runs,
                                  struct hm_err *err) HM_MUST_CHECK;
void hm_agent_runs_close(struct hm_agent_runs *runs);

/* Notes an observation and gives its inventory the settled run states; nothing happens to one whose
 * states are settled already (a recorded host). Lists that changed are in arena. A memory that
 * cannot be saved is logged, once as long as the reason stays, and works as long as the agent
 * runs. */
enum hm_status hm_agent_runs_note(struct hm_agent_runs *runs, struct hm_arena *arena,
                                  struct hm_observation *observation,
                                  struct hm_err *err) HM_MUST_CHECK;

/* The one observation of "hm-agent check": run states are taken as they are, once the host has been
 * up for long enough; before that they become unknown, and the observation says so. */
enum hm_status hm_agent_runs_check(struct hm_arena *arena, struct hm_observation *observation,
                                   struct hm_err *err) HM_MUST_CHECK;
