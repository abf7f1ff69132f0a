/* common/judge/finding_few_free_blocks.c — hardly any free run of 64 ports is left.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/headroom.h"
#include "common/judge/remedy.h"

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_sample *sample = ctx->input->sample;
    const struct hm_inventory *inventory = ctx->input->inventory;

    if (sample == NULL || ctx->facts->linux_host || ctx->facts->legacy) {
        return; /* nothing takes blocks there */
    }
    for (size_t i = 0; i < sample->stacks.count; i++) {
        const struct hm_sample_stack *row = &sample->stacks.at[i];
        struct hm_finding *finding;

        if (row->free_blocks > HM_HEADROOM_BLOCKS_MIN) {
            continue;
        }
        finding = hm_finding_put(
            out, hm_finding_print(out, "%s free blocks", hm_protocol_names[row->protocol]));
        if (inventory->has_registry && inventory->registry.has_hns) {
            finding->severity = HM_SEVERITY_MEDIUM; /* there is somebody who takes blocks */
        }
        finding->counts = true;
        finding->text = hm_finding_print(
            out,
            "Hardly any wholly free block of 64 %s ports is left in the dynamic range: containers, "
            "WinNAT and load balancers that take ports in blocks may fail (Microsoft's own test "
            "fails a node at %u).",
            hm_protocol_names[row->protocol], (unsigned)HM_HEADROOM_BLOCKS_MIN);
        hm_finding_evidence(out, finding, "free_blocks",
                            hm_finding_print(out, "%u", (unsigned)row->free_blocks));
        hm_finding_evidence(out, finding, "in_use",
                            hm_finding_print(out, "%u", (unsigned)row->in_use));
        hm_remedy_decide(
            out, finding,
            hm_finding_print(out,
                             "See who scatters ports over the range (\"%s\"; the DNS Server's pool "
                             "does) and whether it can be smaller; on a host without containers "
                             "this may stay.",
                             hm_remedy_list_sockets(ctx)));
    }
}

const struct hm_finding_kind hm_finding_few_free_blocks = {
    .name = "few_free_blocks",
    .severity = HM_SEVERITY_LOW,
    .look = look,
    .help = "ten or fewer free blocks of 64 ports are left in the dynamic range",
};
