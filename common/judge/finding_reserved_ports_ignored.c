/* common/judge/finding_reserved_ports_ignored.c — ReservedPorts on a system that does not read it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

/* Listed ports that are in the dynamic range of the stack and not excluded there. */
static struct hm_ports open_ports(struct hm_finding_list *out, const struct hm_stack_facts *stack,
                                  struct hm_ports listed)
{
    if (!stack->has_dynamic || !stack->has_administered) {
        return (struct hm_ports){NULL, 0};
    }
    listed = hm_finding_common(out, listed, (struct hm_ports){&stack->dynamic, 1});
    return hm_finding_without(out, listed, stack->administered);
}

/* Ports of the protocol that somebody needs and that are listed in vain. */
static struct hm_ports wanted_ports(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                                    enum hm_protocol protocol, struct hm_ports listed)
{
    struct hm_ports wanted = {NULL, 0};

    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];

        if (need->verdict.protocol == protocol && need->verdict.state == HM_EXPOSED &&
            hm_remedy_may_exclude(ctx, need)) {
            wanted = hm_finding_union(out, wanted, need->verdict.at_risk);
        }
    }
    return hm_finding_common(out, wanted, listed);
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_inventory *inventory = ctx->input->inventory;
    struct hm_finding *finding;
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
    finding->remedy = "Nothing depends on the value; delete it once every port that is still "
                      "needed is excluded by netsh.";
    for (unsigned protocol = 0; protocol < 2; protocol++) {
        enum hm_protocol at = protocol == 0 ? HM_TCP : HM_UDP;
        struct hm_ports wanted = wanted_ports(ctx, out, at, listed);
        const struct hm_ports missing[2] = {
            open_ports(out, hm_facts_stack(ctx->facts, at, HM_IPV4), wanted),
            open_ports(out, hm_facts_stack(ctx->facts, at, HM_IPV6), wanted),
        };

        if (missing[0].count + missing[1].count > 0) {
            finding->severity = HM_SEVERITY_MEDIUM;
            hm_remedy_exclude(ctx, out, finding, at, missing,
                              "Ports that are needed on this host are among them.");
        }
    }
    hm_finding_command(out, finding, "reg delete %s /v ReservedPorts /f", HM_REMEDY_TCPIP_KEY);
}

const struct hm_finding_kind hm_finding_reserved_ports_ignored = {
    .name = "reserved_ports_ignored",
    .severity = HM_SEVERITY_LOW,
    .look = look,
    .help = "ReservedPorts is set on Vista, 2008 or later, which ignore it",
};
