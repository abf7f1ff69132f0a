/* server/hmctl/plan_read.h — options of the verbs that plan.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/hmctl/plan_show.h"

#define HM_CTL_PLAN_HOST                                                                           \
    {                                                                                              \
        "host", "HOST", "one host, by name or id: its plan is shown whole"                         \
    }
#define HM_CTL_PLAN_WHERE                                                                          \
    {                                                                                              \
        "where", "FILTER", "only hosts that match, as in hmctl hosts --filter"                     \
    }
#define HM_CTL_PLAN_ONLY                                                                           \
    {                                                                                              \
        "only", "PART",                                                                            \
            "list these hosts: changed, removes, there, taken, busy, waiting, reboot, refused, "   \
            "audit, better or worse"                                                               \
    }

/* Reads --host, --where, --only and --limit. */
enum hm_status hm_ctl_plan_scope(const struct hm_cli *cli, const char **out_host,
                                 const char **out_filter, struct hm_plan_view *view,
                                 struct hm_err *err) HM_MUST_CHECK;

/* "tcp:9955,9933": both families; "udp/ipv6:5353" one. */
enum hm_status hm_ctl_read_reservation(const char *text, size_t len, struct hm_arena *arena,
                                       struct hm_reservation *out,
                                       struct hm_err *err) HM_MUST_CHECK;
/* "tcp:49152-65535". */
enum hm_status hm_ctl_read_range(const char *text, size_t len, struct hm_policy_range *out,
                                 struct hm_err *err) HM_MUST_CHECK;
