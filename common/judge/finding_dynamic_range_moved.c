/* common/judge/finding_dynamic_range_moved.c — the dynamic range is not the system's default.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

/* Off by one is no move: 1024 for 1025, 61000 for 60999 are defaults of other releases. */
static bool is_near(uint16_t a, uint16_t b)
{
    return a - b <= 1 && b - a <= 1;
}

static bool is_moved(const struct hm_stack_facts *stack, struct hm_range usual)
{
    return stack->has_dynamic && (!is_near(stack->dynamic.first, usual.first) ||
                                  !is_near(stack->dynamic.last, usual.last));
}

/* Does the move put somebody's port at risk that the default would leave alone? */
static bool hurts(const struct hm_finding_ctx *ctx, struct hm_range usual)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_verdict *verdict = &ctx->needs[i].verdict;

        if (verdict->state == HM_EXPOSED && ctx->needs[i].product != NULL &&
            !hm_ports_covers((struct hm_ports){&usual, 1}, verdict->at_risk)) {
            return true;
        }
    }
    return false;
}

static void set_back(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                     struct hm_finding *finding, struct hm_range usual)
{
    if (ctx->facts->linux_host) {
        hm_finding_command(out, finding, "sysctl -w net.ipv4.ip_local_port_range=\"%u %u\"",
                           (unsigned)usual.first, (unsigned)usual.last);
        return;
    }
    if (ctx->facts->legacy) {
        hm_finding_command(out, finding, "reg delete %s /v MaxUserPort /f", HM_REMEDY_TCPIP_KEY);
        finding->needs_reboot = true;
        return;
    }
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        if (is_moved(&ctx->facts->stacks[i], usual)) {
            hm_remedy_set_range(out, finding, i < 2 ? HM_TCP : HM_UDP,
                                i % 2 == 0 ? HM_IPV4 : HM_IPV6, usual);
        }
    }
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    struct hm_finding *finding = NULL;
    struct hm_range usual;

    if (!hm_os_default_dynamic(&ctx->input->inventory->os, &usual)) {
        return;
    }
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        const struct hm_stack_facts *stack = &ctx->facts->stacks[i];

        if (!is_moved(stack, usual)) {
            continue;
        }
        if (finding == NULL) {
            finding = hm_finding_put(out, "dynamic range");
            hm_finding_evidence(
                out, finding, "default",
                hm_finding_print(out, "%u-%u", (unsigned)usual.first, (unsigned)usual.last));
            finding->text = hm_finding_print(
                out,
                "The dynamic range is %u-%u instead of this system's default %u-%u: ports that "
                "products count on may be handed to any program.",
                (unsigned)stack->dynamic.first, (unsigned)stack->dynamic.last,
                (unsigned)usual.first, (unsigned)usual.last);
        }
        hm_finding_evidence(out, finding, "dynamic_range",
                            hm_finding_print(out, "%s/%s %u-%u", hm_protocol_names[i / 2],
                                             hm_family_names[i % 2], (unsigned)stack->dynamic.first,
                                             (unsigned)stack->dynamic.last));
    }
    if (finding == NULL) {
        return;
    }
    if (hurts(ctx, usual)) {
        finding->severity = HM_SEVERITY_MEDIUM;
    }
    finding->remedy =
        "Find out who moved it (Exchange, ISA, TMG, a tuning script): a product that did may do so "
        "again at its next update, so excluding the required ports is the lasting cure. To go "
        "back, see that fewer ports suffice and that firewall rules for RPC fit.";
    set_back(ctx, out, finding, usual);
}

const struct hm_finding_kind hm_finding_dynamic_range_moved = {
    .name = "dynamic_range_moved",
    .severity = HM_SEVERITY_LOW,
    .look = look,
    .help = "the dynamic range differs from the system's default",
};
