/* common/judge/finding_family_gap.c — excluded in one address family, not in the other.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];
        const struct hm_verdict *verdict = &need->verdict;
        const char *open;
        struct hm_finding *finding;

        if (!hm_need_is_family_gap(ctx, need) || hm_need_is_own(need)) {
            continue;
        }
        open = verdict->families.at[0];
        finding = hm_finding_put(out, hm_finding_ports(out, verdict->protocol, verdict->at_risk));
        finding->text = hm_finding_print(
            out,
            "%s: %s %s is excluded on %s but not on %s: a socket of the other family can still "
            "take it before the service starts.",
            verdict->title, hm_protocol_names[verdict->protocol],
            hm_finding_list_ports(out, verdict->at_risk),
            hm_family_names[open == hm_family_names[HM_IPV4] ? HM_IPV6 : HM_IPV4], open);
        hm_finding_describe(ctx, out, finding, need);
        hm_remedy_protect(ctx, out, finding, need, "The cure was applied to one family only.");
    }
}

const struct hm_finding_kind hm_finding_family_gap = {
    .name = "family_gap",
    .severity = HM_SEVERITY_MEDIUM,
    .look = look,
    .of_ports = true,
    .help = "a port is excluded for one address family only",
};
