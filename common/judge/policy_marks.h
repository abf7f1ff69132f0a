/* common/judge/policy_marks.h — what policies have set on a host, or will set, so that no remedy
 * argues with them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Plain records, filled from ledger and outcomes by common/plan/marks.h: judging itself knows no
 * policy. Everything is borrowed from the caller's arena. */
#pragma once

#include "common/ports/line.h"
#include "common/ports/stack.h"

enum hm_mark_kind {
    HM_MARK_PORTS,      /* ports are reserved */
    HM_MARK_RANGE,      /* the dynamic range; MaxUserPort of 2000 to 2003 */
    HM_MARK_TIMED_WAIT, /* TcpTimedWaitDelay */
};

struct hm_policy_mark {
    enum hm_mark_kind kind;
    const char *policy;
    bool has_protocol; /* false: for both */
    enum hm_protocol protocol;
    bool has_family; /* likewise */
    enum hm_family family;
    struct hm_ports ports; /* of a range that one range */
    bool waits;            /* it is wanted and not done yet */
    const char *when;      /* of one that waits: "as soon as they are free" */
};

struct hm_policy_marks {
    struct hm_policy_mark *at;
    size_t count;
};

/* The first mark of the kind for the stack whose ports overlap these; NULL when there is none.
 * marks may be NULL. */
const struct hm_policy_mark *hm_policy_mark_find(const struct hm_policy_marks *marks,
                                                 enum hm_mark_kind kind, bool waits,
                                                 enum hm_protocol protocol, enum hm_family family,
                                                 struct hm_ports ports);

/* The first mark of the kind that is set, whatever it is for. */
const struct hm_policy_mark *hm_policy_mark_any(const struct hm_policy_marks *marks,
                                                enum hm_mark_kind kind);
