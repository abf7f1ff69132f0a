/* server/plans/plans.h — plans and what-ifs over the fleet, worked out on threads of their own.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A plan is started, gives counts while it runs, and is kept until PLANS_KEPT newer ones have come.
 * Which hosts it is about is remembered; what it says of each is worked out again when asked, from
 * the facts of then. Threads: every function may be called from any thread; hm_plans_start and
 * hm_plans_hosts read the store and may take a while, so they are for workers, never the writer. */
#pragma once

#include "server/catalogue/shelf.h"
#include "server/plans/host_plan.h"

struct hm_plans;

enum hm_status hm_plans_open(struct hm_store *store, const struct hm_shelf *shelf, unsigned threads,
                             struct hm_plans **out_plans, struct hm_err *err) HM_MUST_CHECK;
/* Gives up what runs. */
void hm_plans_close(struct hm_plans *plans);

/* Texts are copied. */
struct hm_plan_wish {
    bool whatif;
    const char *document; /* the policy as JSON; "" = none: what is live */
    bool retire;          /* as if it were of mode retire */
    const char *host;     /* id or name; "" = the fleet */
    const char *filter;   /* "" = everyone */
    int64_t now_ms;
};

/* HM_EINVAL a document or filter that is none; HM_ENOENT no such host; HM_EBUSY too many run. */
enum hm_status hm_plans_start(struct hm_plans *plans, const struct hm_plan_wish *wish,
                              char out_id[HM_ID_TEXT_BYTES], struct hm_err *err) HM_MUST_CHECK;

/* As it stands now; HM_ENOENT when it is not known, or not any more. */
enum hm_status hm_plans_get(struct hm_plans *plans, const char *id, struct hm_arena *arena,
                            struct hm_api_plan *out_plan, struct hm_err *err) HM_MUST_CHECK;

/* Its hosts by name, from the one with this number on; only: HM_PLAN_… of which one must be so, 0 =
 * all. *out_next is the number to go on from, 0 at the end. HM_EBUSY, code "plan_running". */
enum hm_status hm_plans_hosts(struct hm_plans *plans, const char *id, size_t from, unsigned limit,
                              unsigned only, struct hm_arena *arena,
                              struct hm_api_plan_host_list *out_hosts, size_t *out_next,
                              struct hm_err *err) HM_MUST_CHECK;
