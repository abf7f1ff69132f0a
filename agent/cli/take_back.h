/* agent/cli/take_back.h — what policies added to this host, taken back by a verb that says so.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/agent.h"

/* hm_agent.tried of such a verb: one line an action on standard output. */
void hm_take_back_show(const struct hm_action *action, const char *failed, void *arg);

struct hm_taken_back {
    bool changed;      /* something was there to take back */
    bool needs_reboot; /* a part of it stays in force until the next boot */
};

/* hm_enforcer_restore for an agent whose steps to restore have started. */
enum hm_status hm_take_back(struct hm_agent *agent, struct hm_taken_back *out_taken,
                            struct hm_err *err) HM_MUST_CHECK;
