/* agent/obey.h — one pass of enforcement for an agent: what it is given, what is told of it.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/agent.h"

/* Needs an observation, whose inventory is read again where something was changed. Fills
 * outcome_json (empty: there is nothing to tell) and again_in_ms. A failure is logged and stops
 * nothing: the host is judged and reported all the same. */
void hm_agent_obey(struct hm_agent *agent, int64_t now_ms);

/* Before each observation: says what it is for. Before the first one reads everything, early in a
 * boot, what waited for a plain socket when the host had settled is added at once: services take
 * their ports meanwhile. A failure is logged and stops nothing. */
void hm_agent_hurry(struct hm_agent *agent, int64_t now_ms);

/* As it travels. What makes it too large for one document is left out, notes first, then the
 * ledger, and refused says so: a host with very many rows must not be a silent one. */
enum hm_status hm_obey_encode(struct hm_outcome_report *report, struct hm_buf *out,
                              struct hm_err *err) HM_MUST_CHECK;

/* The time by which policies expire (expiry_clock.h). */
int64_t hm_agent_expiry_ms(struct hm_agent *agent, int64_t now_ms);

/* The collector has answered: does its clock agree with ours? */
void hm_agent_confirm_expiry(struct hm_agent *agent);
