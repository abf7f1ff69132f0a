/* common/judge/finding_required_in_runtime_exclusion.c — a required port inside a block that a
 * component holds. SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

#define BLOCK_MIN_PORTS 16u /* WinNAT and HNS take 64 or 100; HTTP.sys takes single ports */

/* The runtime row that meets the ports at risk, and its family. */
static const struct hm_range *find_row(const struct hm_finding_ctx *ctx, const struct hm_need *need,
                                       enum hm_family *out_family)
{
    for (unsigned i = 0; i < 2; i++) {
        enum hm_family family = i == 0 ? HM_IPV4 : HM_IPV6;
        struct hm_ports rows = hm_facts_stack(ctx->facts, need->verdict.protocol, family)->runtime;

        for (size_t at = 0; at < rows.count && need->stacks[i].judged; at++) {
            if (hm_ports_overlap((struct hm_ports){&rows.at[at], 1}, need->verdict.at_risk)) {
                *out_family = family;
                return &rows.at[at];
            }
        }
    }
    return NULL;
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];
        const struct hm_configured *published;
        const struct hm_range *row;
        struct hm_finding *finding;
        enum hm_family family = HM_IPV4;

        if (need->verdict.state != HM_BLOCKED || hm_need_is_own(need) ||
            need->verdict.reason != HM_REASON_RUNTIME_EXCLUSION) {
            continue;
        }
        row = find_row(ctx, need, &family);
        finding = hm_finding_put(
            out, hm_finding_ports(out, need->verdict.protocol, need->verdict.at_risk));
        finding->text = hm_finding_print(out, "%s: %s", need->verdict.title, need->text);
        hm_finding_describe(ctx, out, finding, need);
        if (row != NULL) {
            hm_finding_evidence(out, finding, "runtime_exclusion",
                                hm_finding_print(out, "%s/%s %u-%u",
                                                 hm_protocol_names[need->verdict.protocol],
                                                 hm_family_names[family], (unsigned)row->first,
                                                 (unsigned)row->last));
        }
        published =
            hm_configured_container(ctx->facts, need->verdict.protocol, need->verdict.at_risk);
        if (published != NULL && !need->published) {
            hm_finding_evidence(out, finding, "configured",
                                hm_finding_print(out, "%s %u %s",
                                                 hm_configured_by_names[published->by],
                                                 (unsigned)published->port, published->subject));
        }
        hm_remedy_protect(ctx, out, finding, need,
                          row != NULL && hm_range_count(*row) >= BLOCK_MIN_PORTS
                              ? "Such blocks are taken again at each boot."
                              : "");
    }
}

const struct hm_finding_kind hm_finding_required_in_runtime_exclusion = {
    .name = "required_in_runtime_exclusion",
    .severity = HM_SEVERITY_HIGH,
    .look = look,
    .of_ports = true,
    .help = "a required port lies in a runtime exclusion of WinNAT, HNS or HTTP.sys",
};
