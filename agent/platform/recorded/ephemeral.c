/* agent/platform/recorded/ephemeral.c — does a program that asks for any port still get one?
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/changes.h"

#include "agent/platform/recorded/recorded.h"
#include "common/judge/headroom.h"

enum hm_status hm_recorded_try_ephemeral(const struct hm_recorded *recorded, const char **out_why,
                                         struct hm_err *err)
{
    struct hm_sample sample = {0};
    const char *why = "";
    enum hm_status st = hm_headroom_sample(&recorded->seen.inventory, &recorded->seen.sockets,
                                           recorded->arena, &sample, err);

    for (size_t i = 0; st == HM_OK && i < sample.stacks.count; i++) {
        const struct hm_sample_stack *row = &sample.stacks.at[i];

        if (row->in_use < row->usable) {
            continue;
        }
        why = hm_arena_printf(recorded->arena, "%s%s%s over %s", why,
                              why[0] == '\0' ? "no port is left of " : ", ",
                              hm_protocol_names[row->protocol], hm_family_names[row->family]);
        if (why == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory to tell which stacks have no port left");
        }
    }
    if (st == HM_OK) {
        *out_why = why;
    }
    return st;
}
