/* common/judge/policy_marks.c — what policies have set on a host, or will set.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/policy_marks.h"

const struct hm_policy_mark *hm_policy_mark_find(const struct hm_policy_marks *marks,
                                                 enum hm_mark_kind kind, bool waits,
                                                 enum hm_protocol protocol, enum hm_family family,
                                                 struct hm_ports ports)
{
    for (size_t i = 0; marks != NULL && i < marks->count; i++) {
        const struct hm_policy_mark *mark = &marks->at[i];

        if (mark->kind == kind && mark->waits == waits &&
            (!mark->has_protocol || mark->protocol == protocol) &&
            (!mark->has_family || mark->family == family) && hm_ports_overlap(mark->ports, ports)) {
            return mark;
        }
    }
    return NULL;
}

const struct hm_policy_mark *hm_policy_mark_any(const struct hm_policy_marks *marks,
                                                enum hm_mark_kind kind)
{
    for (size_t i = 0; marks != NULL && i < marks->count; i++) {
        if (marks->at[i].kind == kind && !marks->at[i].waits) {
            return &marks->at[i];
        }
    }
    return NULL;
}
