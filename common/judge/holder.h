/* common/judge/holder.h — who has a port now, and is that the service the port is for?
 * SPDX-License-Identifier: Apache-2.0
 *
 * For planning, by the rules of the verdicts: a port that a verdict calls held is one that another
 * program has. Pure; everything lives in the arena or borrows from the input. */
#pragma once

#include "common/judge/judge.h"

enum hm_whose {
    HM_WHOSE_NOBODY,  /* no socket has it */
    HM_WHOSE_OWN,     /* the service that the port is for */
    HM_WHOSE_UNKNOWN, /* not certain: no name, an unknown program beside the running service, or a
                         listener on a port that no requirement has */
    HM_WHOSE_FOREIGN, /* another program: the service cannot start */
};

struct hm_holders;

/* wanted: the ports that will be asked for, by protocol. verdicts and findings of the input's
 * other fields are not used: inventory, catalogue and sockets are. */
enum hm_status hm_holders_open(const struct hm_judge_input *input, const struct hm_ports wanted[2],
                               struct hm_arena *arena, struct hm_holders **out_holders,
                               struct hm_err *err) HM_MUST_CHECK;

/* product: whose requirement the port is, by id; "" = whichever product of this host requires it.
 * The holder is written when somebody has the port: of several the foreign one, the listener, the
 * same one whatever the order of the sockets. */
enum hm_status hm_holders_find(const struct hm_holders *holders, const char *product,
                               enum hm_protocol protocol, enum hm_family family, uint16_t port,
                               struct hm_arena *arena, enum hm_whose *out_whose,
                               struct hm_holder *out_holder, struct hm_err *err) HM_MUST_CHECK;
