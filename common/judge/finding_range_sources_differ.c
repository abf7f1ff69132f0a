/* common/judge/finding_range_sources_differ.c — two interfaces of one system tell two ranges.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

static void cure(struct hm_finding_list *out, struct hm_finding *finding,
                 const struct hm_stack *stack)
{
    finding->remedy = "Set the range once more, so that both report the same; then compare both "
                      "listings.";
    hm_remedy_set_range(
        out,
        hm_remedy_step(out, finding, HM_STEP_SET, "Set the range that netsh reports once more."),
        stack->protocol, stack->family, stack->dynamic);
    (void)hm_remedy_step(
        out, finding, HM_STEP_DECIDE,
        hm_finding_print(out,
                         "Compare \"netsh int %s show dynamicportrange protocol=%s\" with "
                         "\"Get-Net%sSetting\" of PowerShell.",
                         hm_family_names[stack->family], hm_protocol_names[stack->protocol],
                         stack->protocol == HM_TCP ? "TCP" : "UDP"));
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_range_opinions *opinions = ctx->input->opinions;
    const struct hm_stacks *stacks = &ctx->input->inventory->stacks;

    for (size_t i = 0; opinions != NULL && i < opinions->count; i++) {
        const struct hm_range_opinion *opinion = &opinions->at[i];

        for (size_t j = 0; j < stacks->count; j++) {
            const struct hm_stack *stack = &stacks->at[j];
            const char *protocol = hm_protocol_names[stack->protocol];
            const char *family = hm_family_names[stack->family];
            struct hm_finding *finding;

            if (stack->protocol != opinion->protocol || !stack->has_dynamic ||
                (stack->dynamic.first == opinion->range.first &&
                 stack->dynamic.last == opinion->range.last)) {
                continue;
            }
            finding = hm_finding_put(
                out, hm_finding_print(out, "dynamic range of %s/%s", protocol, family));
            finding->text = hm_finding_print(
                out,
                "netsh reports %u-%u, the %s reports %u-%u: which of them Windows uses is not "
                "certain. Verdicts are made with netsh's.",
                stack->dynamic.first, stack->dynamic.last, opinion->source, opinion->range.first,
                opinion->range.last);
            hm_finding_evidence(
                out, finding, "netsh",
                hm_finding_print(out, "%u-%u", stack->dynamic.first, stack->dynamic.last));
            hm_finding_evidence(
                out, finding, opinion->source,
                hm_finding_print(out, "%u-%u", opinion->range.first, opinion->range.last));
            cure(out, finding, stack);
        }
    }
}

const struct hm_finding_kind hm_finding_range_sources_differ = {
    .name = "range_sources_differ",
    .severity = HM_SEVERITY_LOW,
    .look = look,
    .help = "netsh and WMI do not tell the same dynamic range",
};
