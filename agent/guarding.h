/* agent/guarding.h — services that wait for the agent's first pass (agent/platform/guard.h).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only on the host the agent runs on, never for a recorded one. What goes wrong is logged: no guard
 * may disturb an observation or enforcement. */
#pragma once

#include "agent/agent.h"

/* Before the first observation: where no policy is enforced, nobody needs to wait for it. */
void hm_agent_guard_begin(struct hm_agent *agent);

/* A pass of enforcement is over, whatever became of it. One that did not know who listens (too
 * early in a boot) could add nothing: another follows in a second, and that one counts. */
void hm_agent_guard_passed(struct hm_agent *agent);

/* Once a look: a guard that cannot work keeps no service from starting. */
void hm_agent_guard_keep(struct hm_agent *agent);

/* The same for an agent that could not even begin. */
void hm_guarding_keep(void);
