/* common/judge/holders.h — which programs hold the ports of a dynamic range.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Names the culprit of an exhaustion. Pure; memory from the arena. */
#pragma once

#include "common/judge/facts.h"

struct hm_port_holder {
    const char *name; /* program, with its service; "TIME_WAIT" for sockets that nobody owns */
    uint32_t ports;   /* distinct ports of the dynamic range */
};

/* The programs that hold most ports of the protocol's dynamic ranges, most first; at most room of
 * them. 0 when the sockets are unknown. */
enum hm_status hm_holders_list(const struct hm_facts *facts, enum hm_protocol protocol,
                               struct hm_arena *arena, struct hm_port_holder *out_holders,
                               size_t room, size_t *out_count, struct hm_err *err) HM_MUST_CHECK;
