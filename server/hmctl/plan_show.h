/* server/hmctl/plan_show.h — a plan of the fleet: waited for, then shown.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/hmctl/policy.h"

struct hm_plan_view {
    const char *start; /* "/v1/plans", "/v1/whatif" */
    const struct hm_record *asks;
    const void *ask;
    bool one_host;    /* asked about one: its plan is shown whole */
    const char *only; /* which hosts are listed; NULL = those that something is to be done on */
    unsigned limit;   /* hosts that are listed; 0 = all */
    const char *none; /* said when no host is meant */
};

/* Starts it, waits with a line of progress on a terminal, and answers the counts. */
enum hm_status hm_ctl_plan_run(struct hm_ctl *ctl, const struct hm_plan_view *view,
                               struct hm_api_plan *out_plan, struct hm_err *err) HM_MUST_CHECK;

/* The same, and prints counts and hosts, or with --json one document {plan, hosts}. */
enum hm_status hm_ctl_plan_show(struct hm_ctl *ctl, const struct hm_plan_view *view,
                                struct hm_err *err) HM_MUST_CHECK;
