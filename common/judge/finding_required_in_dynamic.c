/* common/judge/finding_required_in_dynamic.c — a required port that anybody may be handed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

#define LIKELY 0.10 /* one start in ten fails */

static enum hm_severity severity_of(const struct hm_need *need)
{
    bool likely = need->verdict.has_odds && need->verdict.odds >= LIKELY;

    if (need->product == NULL) {
        return likely ? HM_SEVERITY_MEDIUM : HM_SEVERITY_LOW;
    }
    return likely && !need->requirement->starts_without ? HM_SEVERITY_HIGH : HM_SEVERITY_MEDIUM;
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];
        struct hm_finding *finding;

        if (need->verdict.state != HM_EXPOSED || hm_need_is_own(need) ||
            hm_need_is_family_gap(ctx, need) || hm_need_is_protocol_gap(ctx, need)) {
            continue; /* a kind of their own says more */
        }
        finding = hm_finding_put(
            out, hm_finding_ports(out, need->verdict.protocol, need->verdict.at_risk));
        finding->severity = severity_of(need);
        finding->text = hm_finding_print(out, "%s: %s", need->verdict.title, need->text);
        hm_finding_describe(ctx, out, finding, need);
        hm_remedy_protect(ctx, out, finding, need, "");
    }
}

const struct hm_finding_kind hm_finding_required_in_dynamic = {
    .name = "required_in_dynamic",
    .severity = HM_SEVERITY_MEDIUM,
    .look = look,
    .of_ports = true,
    .help = "a required port lies in the dynamic range and is not excluded",
};
