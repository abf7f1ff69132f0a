/* common/judge/finding_own_port_at_risk.c — a port of Havenmaster itself is not safe.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];
        struct hm_finding *finding;

        if (!hm_need_is_own(need) || need->verdict.state < HM_EXPOSED) {
            continue;
        }
        finding = hm_finding_put(
            out, hm_finding_ports(out, need->verdict.protocol, need->verdict.at_risk));
        finding->text = hm_finding_print(out, "%s: %s While it does not start, no host can report.",
                                         need->verdict.title, need->text);
        hm_finding_describe(ctx, out, finding, need);
        hm_remedy_protect(ctx, out, finding, need, "");
    }
}

const struct hm_finding_kind hm_finding_own_port_at_risk = {
    .name = "own_port_at_risk",
    .severity = HM_SEVERITY_HIGH,
    .look = look,
    .of_ports = true,
    .help = "the agent's or the collector's own port is not safe",
};
