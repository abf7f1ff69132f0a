/* agent/cycle.h — observe, judge, report, hold; for ever, or once.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A look and a contact have clocks of their own: a host is looked at every interval whether the
 * collector is there or not, and the newest look is what it gets when it is back. err is never
 * NULL here: what fails is kept for the status. */
#pragma once

#include "agent/agent.h"

/* Facts only, for enrolment: fills agent->observation and agent->name. */
enum hm_status hm_cycle_observe(struct hm_agent *agent, struct hm_err *err) HM_MUST_CHECK;

/* Observe, judge, spool: agent->report is the newest state of this host. */
enum hm_status hm_cycle_look(struct hm_agent *agent, struct hm_err *err) HM_MUST_CHECK;

/* Enrols with this join token; needs an observation. Statuses of hm_identity_enroll. */
enum hm_status hm_cycle_enroll(struct hm_agent *agent, const char *token,
                               struct hm_err *err) HM_MUST_CHECK;

/* Sends the report; enrols before where that is due (no identity, a clone, an identity that is
 * refused while a join token is configured). Statuses of hm_uplink_check_in; on a failure
 * agent->uplink.retry_ms says when to try again. */
enum hm_status hm_cycle_report(struct hm_agent *agent, struct hm_uplink_sent *out_sent,
                               struct hm_err *err) HM_MUST_CHECK;

/* Holds GET /v1/desired for at most wait_s; a new state is stored and loaded. */
enum hm_status hm_cycle_hold(struct hm_agent *agent, uint32_t wait_s, bool *out_changed,
                             struct hm_err *err) HM_MUST_CHECK;

/* Until a stop is asked for. Logs; never gives up. */
void hm_cycle_run(struct hm_agent *agent);

/* Writes status.json when it is due, or now. */
void hm_cycle_save_status(struct hm_agent *agent, bool now);
