/* agent/cli/kept_state.h — the state folder of an agent that does not run, for a verb that works
 * on it. SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/base/arena.h"
#include "common/os/os.h"

/* Takes the lock of that state; release it with hm_os_unlock. HM_ENOENT when no agent has kept its
 * state there: nothing is made then. HM_EBUSY when an agent with this state runs. */
enum hm_status hm_cli_take_state(const char *state_dir, struct hm_arena *arena,
                                 struct hm_os_lock **out_lock, struct hm_err *err) HM_MUST_CHECK;
