/* common/judge/finding_reserved_ports_ignored.c — ReservedPorts on a system that does not read it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

/* Does the need rely in vain on the listed ports? */
static bool relies(const struct hm_finding_ctx *ctx, const struct hm_need *need,
                   struct hm_finding_list *list, const void *listed)
{
    (void)list;
    return need->verdict.state == HM_EXPOSED && hm_remedy_may_exclude(ctx, need) &&
           hm_ports_overlap(need->verdict.at_risk, *(const struct hm_ports *)listed);
}

static bool any_relies(const struct hm_finding_ctx *ctx, const struct hm_ports *listed)
{
    for (size_t i = 0; i < ctx->count; i++) {
        if (relies(ctx, &ctx->needs[i], NULL, listed)) {
            return true;
        }
    }
    return false;
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_inventory *inventory = ctx->input->inventory;
    struct hm_finding *finding;
    struct hm_remedy_step *step;
    struct hm_ports listed;

    if (ctx->facts->linux_host || ctx->facts->legacy || ctx->facts->windows < 600 ||
        !inventory->has_registry || !inventory->registry.has_reserved_ports) {
        return;
    }
    listed = hm_remedy_listed(ctx, out);
    if (listed.count == 0) {
        return;
    }
    finding = hm_finding_put(out, "registry ReservedPorts");
    finding->text = hm_finding_print(
        out,
        "ReservedPorts lists %s, but this system does not read it: Windows 2003 was the last one "
        "that did. Whoever wrote it believes these ports protected.",
        hm_finding_list_ports(out, listed));
    hm_finding_evidence(out, finding, "reserved_ports", hm_finding_list_ports(out, listed));
    if (any_relies(ctx, &listed)) {
        finding->severity = HM_SEVERITY_MEDIUM;
        hm_remedy_protect_all(ctx, out, finding, relies, &listed);
        finding->remedy = "Ports that are needed on this host are listed in vain: exclude them by "
                          "netsh, then delete the value.";
    } else {
        finding->remedy = "Nothing depends on the value: delete it.";
    }
    step = hm_remedy_step(out, finding, HM_STEP_SET, "Delete the value, which nothing reads.");
    step->precondition = "Every port that is still needed is excluded.";
    hm_remedy_command(out, step, "reg delete %s /v ReservedPorts /f", HM_REMEDY_TCPIP_KEY);
}

const struct hm_finding_kind hm_finding_reserved_ports_ignored = {
    .name = "reserved_ports_ignored",
    .severity = HM_SEVERITY_LOW,
    .look = look,
    .help = "ReservedPorts is set on Vista, 2008 or later, which ignore it",
};
