/* common/judge/finding_exclusions_unsupported.c — a 2008 or 2008 R2 without hotfix KB2665809.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

/* The findings of the ports have the commands. */
static const char *advice_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    if (!hm_remedy_can_set_back(ctx, out)) {
        return "Install hotfix KB2665809. Until then nothing protects the ports in the dynamic "
               "range, which stays as it is: start the services that need them before others.";
    }
    return hm_remedy_moves_off(ctx)
               ? "Install hotfix KB2665809. Until then move the dynamic range off the required "
                 "ports, as the findings of these ports say: ports outside it need no exclusion."
               : "Install hotfix KB2665809. Until then set the dynamic range back, as the finding "
                 "dynamic_range_moved says: ports outside it need no exclusion.";
}

/* Does a required port lie where any program may be given it? */
static bool has_ports_in_range(const struct hm_finding_ctx *ctx)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];

        for (unsigned f = 0; f < 2; f++) {
            const struct hm_stack_facts *stack =
                hm_facts_stack(ctx->facts, need->verdict.protocol, f == 0 ? HM_IPV4 : HM_IPV6);

            if (hm_ports_overlap(need->verdict.ports, hm_stack_facts_may_give(stack)) ||
                (!stack->has_dynamic && stack->present)) {
                return true;
            }
        }
    }
    return false;
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    struct hm_finding *finding;
    const bool in_range = has_ports_in_range(ctx);
    bool unsupported = false;

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        unsupported = unsupported || ctx->facts->stacks[i].unsupported;
    }
    if (!unsupported || !hm_os_needs_kb2665809(&ctx->input->inventory->os)) {
        return;
    }
    finding = hm_finding_put(out, "hotfix KB2665809");
    for (size_t i = 0; i < ctx->count; i++) {
        if (ctx->needs[i].verdict.state == HM_EXPOSED) {
            finding->severity = HM_SEVERITY_HIGH;
        }
    }
    finding->text = hm_finding_print(
        out,
        "This system cannot exclude ports: netsh has no such command without hotfix KB2665809, and "
        "ReservedPorts is not read. Nothing in the dynamic range can be protected%s.",
        in_range ? "" : "; no port that is known to be required lies there now");
    hm_finding_evidence(out, finding, "os", ctx->input->inventory->os.name);
    hm_finding_evidence(out, finding, "version", ctx->input->inventory->os.version);
    hm_remedy_decide(out, finding,
                     in_range ? advice_of(ctx, out)
                              : "Nothing is urgent. Install hotfix KB2665809 before a port inside "
                                "the dynamic range has to be protected.");
    if (!in_range) {
        finding->severity = HM_SEVERITY_LOW;
        return;
    }
    hm_remedy_restart(out, finding,
                      "Restart the host: \"netsh int ipv4 show excludedportrange protocol=tcp\" "
                      "must print a list then.");
}

const struct hm_finding_kind hm_finding_exclusions_unsupported = {
    .name = "exclusions_unsupported",
    .severity = HM_SEVERITY_MEDIUM,
    .look = look,
    .help = "Windows Server 2008 or 2008 R2 has no working port exclusions",
};
