/* common/judge/finding_required_port_held.c — another process has a required port now.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];
        struct hm_finding *finding;

        if (need->verdict.state != HM_BLOCKED || need->verdict.reason != HM_REASON_HELD ||
            hm_need_is_own(need)) {
            continue;
        }
        finding = hm_finding_put(
            out, hm_finding_ports(out, need->verdict.protocol, need->verdict.at_risk));
        finding->text = hm_finding_print(out, "%s: %s%s", need->verdict.title, need->text,
                                         hm_need_dynamic_port_note(need));
        hm_finding_describe(ctx, out, finding, need);
        hm_remedy_protect(ctx, out, finding, need, "");
    }
}

const struct hm_finding_kind hm_finding_required_port_held = {
    .name = "required_port_held",
    .severity = HM_SEVERITY_HIGH,
    .look = look,
    .of_ports = true,
    .help = "another process has a required port now",
};
