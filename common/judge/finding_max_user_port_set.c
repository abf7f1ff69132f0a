/* common/judge/finding_max_user_port_set.c — MaxUserPort is set on a system that should not need
 * it. SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_inventory *inventory = ctx->input->inventory;
    const struct hm_registry *registry = &inventory->registry;
    const struct hm_stack_facts *stack = hm_facts_stack(ctx->facts, HM_TCP, HM_IPV4);
    struct hm_finding *finding;

    if (ctx->facts->linux_host || ctx->facts->legacy || !inventory->has_registry ||
        !registry->has_max_user_port) {
        return;
    }
    finding = hm_finding_put(out, "registry MaxUserPort");
    if (stack->has_dynamic && stack->dynamic.first <= 1025) {
        finding->severity = HM_SEVERITY_MEDIUM; /* it has taken effect */
    }
    finding->text = hm_finding_print(
        out,
        "MaxUserPort is set to %u. This system still obeys it: the dynamic range then begins at "
        "1024 and covers the ports of most products, whatever netsh was told.",
        (unsigned)registry->max_user_port);
    hm_finding_evidence(out, finding, "max_user_port",
                        hm_finding_print(out, "%u", (unsigned)registry->max_user_port));
    if (stack->has_dynamic) {
        hm_finding_evidence(out, finding, "dynamic_range",
                            hm_finding_print(out, "tcp/ipv4 %u-%u", (unsigned)stack->dynamic.first,
                                             (unsigned)stack->dynamic.last));
    }
    finding->remedy = "Delete the value (an installer or a tuning script wrote it, such as "
                      "Nmap's), reboot, and read the dynamic range again.";
    hm_remedy_set_value(ctx, out, hm_remedy_step(out, finding, HM_STEP_SET, "Delete the value."),
                        "MaxUserPort", NULL);
    hm_remedy_restart(out, finding, "Restart the host: the value is read when it starts.");
}

const struct hm_finding_kind hm_finding_max_user_port_set = {
    .name = "max_user_port_set",
    .severity = HM_SEVERITY_LOW,
    .look = look,
    .help = "MaxUserPort is set on Vista, 2008 or later",
};
