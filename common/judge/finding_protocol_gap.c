/* common/judge/finding_protocol_gap.c — excluded for one protocol, needed for the other.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];
        const struct hm_verdict *verdict = &need->verdict;
        enum hm_protocol other = verdict->protocol == HM_TCP ? HM_UDP : HM_TCP;
        struct hm_finding *finding;

        if (!hm_need_is_protocol_gap(ctx, need) || hm_need_is_own(need)) {
            continue;
        }
        finding = hm_finding_put(out, hm_finding_ports(out, verdict->protocol, verdict->at_risk));
        finding->text = hm_finding_print(
            out,
            "%s: port %s is excluded for %s, but the service needs it for %s, whose list is "
            "another one: it can still be taken before the service starts.",
            verdict->title, hm_finding_list_ports(out, verdict->at_risk), hm_protocol_names[other],
            hm_protocol_names[verdict->protocol]);
        hm_finding_describe(ctx, out, finding, need);
        hm_finding_evidence(out, finding, "excluded_for", hm_protocol_names[other]);
        hm_remedy_protect(ctx, out, finding, need, "The cure was applied to the other protocol.");
    }
}

const struct hm_finding_kind hm_finding_protocol_gap = {
    .name = "protocol_gap",
    .severity = HM_SEVERITY_MEDIUM,
    .look = look,
    .of_ports = true,
    .help = "a port is excluded for tcp and needed for udp, or the reverse",
};
