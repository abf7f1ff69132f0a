/* server/plans/host_plan.h — what an order would do to one host of the fleet.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The agent's own code (hm_plan, hm_judge) on what the agent reported: inventory, the ledger of its
 * outcome, and who blocks a requirement. What only the host knows is missing: other sockets that
 * are no listeners, and the local limits of its configuration. Pure; the result lives in the arena
 * or borrows from the input. */
#pragma once

#include "common/wire/records_policies.h"
#include "server/store/entities.h"

/* What is asked. */
struct hm_plan_order {
    bool whatif;                    /* policy is made up; verdicts are compared */
    struct hm_policies live;        /* all that is live, without any revision of policy */
    const struct hm_policy *policy; /* NULL = what is live */
    const struct hm_policy *was;    /* its live revision; NULL = none */
    const struct hm_catalogue *catalogue;
    int64_t now_ms;
};

struct hm_plan_subject {
    const struct hm_host_row *row;
    const struct hm_inventory *inventory;
    const struct hm_ledger *ledger;
    const struct hm_verdicts *verdicts; /* the agent's own, with holders; NULL = none is blocked */
};

/* What is so of the host; for counts and for lists of a part. */
#define HM_PLAN_CHANGED 1u
#define HM_PLAN_REMOVES 2u
#define HM_PLAN_THERE 4u /* all that is wanted is there */
#define HM_PLAN_BUSY 8u
#define HM_PLAN_REFUSED 16u
#define HM_PLAN_WAITING 32u
#define HM_PLAN_REBOOT 64u
#define HM_PLAN_BETTER 128u
#define HM_PLAN_WORSE 256u
#define HM_PLAN_AUDIT 512u
#define HM_PLAN_TAKEN 1024u /* another program has a port: HM_PLAN_BUSY is not set by that */

struct hm_host_plan {
    bool matched; /* the order is about this host; else the rest is empty */
    unsigned is;  /* HM_PLAN_… */
    struct hm_plan plan;
    struct hm_api_verdict_change_list verdicts; /* those that change, worst first */
};

/* Is it certain from the row and the ledger alone that the order is not about this host? */
bool hm_host_plan_is_idle(const struct hm_plan_order *order, const struct hm_host_row *row,
                          const struct hm_ledger *ledger);

enum hm_status hm_host_plan(const struct hm_plan_order *order,
                            const struct hm_plan_subject *subject, struct hm_arena *arena,
                            struct hm_host_plan *out_plan, struct hm_err *err) HM_MUST_CHECK;
