/* common/judge/finding_required_port_held.c — another process has a required port now.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

/* Does the product run, and does not try again by itself? */
static bool runs_without(const struct hm_finding_ctx *ctx, const struct hm_need *need)
{
    return need->verdict.holder.state == HM_SOCKET_LISTEN &&
           (need->lost != NULL || (hm_need_has_no_parts(ctx->facts, need) &&
                                   hm_need_runs(ctx->facts, need) == HM_RUNS_YES));
}

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
        if (need->requirement->starts_without || hm_need_may_do_without(ctx->facts, need)) {
            finding->severity = HM_SEVERITY_MEDIUM;
        }
        finding->text = hm_finding_print(out, "%s: %s%s", need->verdict.title, need->text,
                                         hm_need_dynamic_port_note(need));
        hm_finding_describe(ctx, out, finding, need);
        hm_remedy_protect(ctx, out, finding, need, "");
        if (runs_without(ctx, need)) {
            (void)hm_remedy_step(out, finding, HM_STEP_DECIDE,
                                 "The product runs without the port. When the port is free, "
                                 "restart the product's service, and look whether it listens.");
        }
    }
}

const struct hm_finding_kind hm_finding_required_port_held = {
    .name = "required_port_held",
    .severity = HM_SEVERITY_HIGH,
    .look = look,
    .of_ports = true,
    .help = "another process has a required port now",
};
