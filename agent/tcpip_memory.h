/* agent/tcpip_memory.h — what the agent remembers of ReservedPorts, MaxUserPort and
 * TcpTimedWaitDelay: tcpip.json in the state folder.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Windows 2000, XP and 2003 read these values when they start. The agent keeps how they stood when
 * it first observed a boot, and when it last observed it, and knows from that what is in force,
 * also when another program changes them (common/ports/in_force.h). When the file is missing or
 * damaged, the times of the registry decide until the next boot. It is written only when
 * it changed, and only on such a host. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/ports/in_force.h"

struct hm_agent_tcpip;

/* Reads the memory of this state folder; a damaged one is logged, and forgotten. Fails only for
 * want of memory or a path that is too long. */
enum hm_status hm_agent_tcpip_open(const char *state_dir, struct hm_agent_tcpip **out_tcpip,
                                   struct hm_err *err) HM_MUST_CHECK;
void hm_agent_tcpip_close(struct hm_agent_tcpip *tcpip);

/* For remember of the platform; never NULL. Valid until the next note. */
const struct hm_tcpip_memory *hm_agent_tcpip_get(const struct hm_agent_tcpip *tcpip);

/* After an observation, and after what policies have changed since. highest: highest_given of the
 * observation. A memory that cannot be saved is logged, once as long as the reason stays, and works
 * as long as the agent runs. */
enum hm_status hm_agent_tcpip_note(struct hm_agent_tcpip *tcpip, const char *boot_id,
                                   const struct hm_inventory *inventory, uint32_t highest,
                                   struct hm_err *err) HM_MUST_CHECK;

/* The memory of an agent that may be running, for "hm-agent check"; nothing is written. HM_ENOENT
 * when there is none, HM_EDENIED when this account may not read it, HM_EINVAL when it is damaged.
 */
enum hm_status hm_agent_tcpip_read(const char *state_dir, struct hm_arena *arena,
                                   struct hm_tcpip_memory *out_memory,
                                   struct hm_err *err) HM_MUST_CHECK;
