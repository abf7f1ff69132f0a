/* agent/reloads.h — others load their own settings again while the agent waits.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A reload of sysctl's files replaces the list of reserved ports, ours with it. The agent notices
 * it while it waits for its next look or for its collector, and adds ours again within a second or
 * two. A value that somebody writes himself (sysctl -w) tells nobody: it is compared every few
 * seconds, and another one ends the wait for the next look, once in half a minute at most. Threads:
 * none; it runs in the agent's waits (hm_os_meanwhile). */
#pragma once

#include "agent/agent.h"

/* start also after each look: files come and go. */
void hm_agent_reloads_start(struct hm_agent *agent);
void hm_agent_reloads_stop(struct hm_agent *agent);
