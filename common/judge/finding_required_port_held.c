/* common/judge/finding_required_port_held.c — another process has a required port now.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/base/str.h"
#include "common/judge/remedy.h"

/* What has to happen before the exclusion can be added. */
static const char *lead_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                           const struct hm_need *need)
{
    const struct hm_holder *holder = &need->verdict.holder;
    const char *name = hm_str_equal(holder->program, "") ? holder->service : holder->program;

    if (holder->state != HM_SOCKET_LISTEN) {
        return hm_finding_print(
            out,
            "The port is free again once %s ends its socket (at the latest after a restart of it "
            "or of the host). %s",
            name,
            ctx->facts->linux_host || ctx->facts->legacy
                ? "A restart of the service alone hides the cause."
                : "A restart alone hides the cause, and netsh refuses the port while it is held: "
                  "add the exclusion as soon as it is free, then start the service.");
    }
    return hm_finding_print(out,
                            "%s listens on the port: give one of the two another port, or stop it "
                            "and see that it does not start before the service.",
                            name);
}

static bool needs_cure(const struct hm_finding_ctx *ctx, const struct hm_need *need)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(ctx->facts, need->verdict.protocol, i == 0 ? HM_IPV4 : HM_IPV6);

        if (need->stacks[i].judged && stack->has_dynamic &&
            hm_ports_overlap(need->verdict.at_risk, (struct hm_ports){&stack->dynamic, 1}) &&
            !hm_ports_covers(stack->administered, need->verdict.at_risk)) {
            return true;
        }
    }
    return false;
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];
        struct hm_finding *finding;
        const char *lead;

        if (need->verdict.state != HM_BLOCKED || need->verdict.reason != HM_REASON_HELD ||
            hm_need_is_own(need)) {
            continue;
        }
        finding = hm_finding_put(
            out, hm_finding_ports(out, need->verdict.protocol, need->verdict.at_risk));
        finding->text = hm_finding_print(out, "%s: %s", need->verdict.title, need->text);
        hm_finding_describe(ctx, out, finding, need);
        lead = lead_of(ctx, out, need);
        if (hm_need_is_cured_by_boot(need) && needs_cure(ctx, need)) {
            hm_remedy_boot(out, finding);
            continue;
        }
        if (need->verdict.holder.state == HM_SOCKET_LISTEN) {
            (void)hm_remedy_service(ctx, out, finding, "stop", need->verdict.holder.service);
        }
        if (needs_cure(ctx, need)) {
            hm_remedy_protect(ctx, out, finding, need, lead);
        } else {
            finding->remedy = lead; /* excluded or outside already: nothing to add */
        }
    }
}

const struct hm_finding_kind hm_finding_required_port_held = {
    .name = "required_port_held",
    .severity = HM_SEVERITY_HIGH,
    .look = look,
    .help = "another process has a required port now",
};
