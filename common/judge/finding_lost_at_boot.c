/* common/judge/finding_lost_at_boot.c — a required port that is safe now, and anybody's after the
 * next boot. SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

/* What is at risk then, as a set and by stack. */
static struct hm_ports at_risk_then(const struct hm_need *need, struct hm_finding_list *out,
                                    struct hm_stack_ports *missing)
{
    struct hm_ports all = {NULL, 0};

    for (unsigned i = 0; i < 2; i++) {
        const struct hm_need_stack *next = &need->next[i];
        enum hm_family family = i == 0 ? HM_IPV4 : HM_IPV6;

        if (!next->judged || next->reason != HM_REASON_IN_DYNAMIC) {
            continue;
        }
        missing->of[hm_stack_index(need->verdict.protocol, family)] = next->at_risk;
        all = hm_finding_union(out, all, next->at_risk);
    }
    return all;
}

/* Linux: does a settings file set another range than the one in use? */
static bool range_differs(const struct hm_finding_ctx *ctx, enum hm_protocol protocol)
{
    const struct hm_stack_facts *now = hm_facts_stack(ctx->facts, protocol, HM_IPV4);
    const struct hm_stack_facts *next = hm_facts_next_stack(ctx->facts, protocol, HM_IPV4);

    return ctx->facts->linux_host && now->has_dynamic && next->has_dynamic &&
           (now->dynamic.first != next->dynamic.first || now->dynamic.last != next->dynamic.last);
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];
        struct hm_stack_ports missing = {{{NULL, 0}}};
        struct hm_finding *finding;
        struct hm_ports ports;

        if (need->verdict.state != HM_SAFE || !need->verdict.has_after_boot ||
            hm_need_is_own(need)) {
            continue;
        }
        ports = at_risk_then(need, out, &missing);
        if (ports.count == 0) {
            continue;
        }
        finding = hm_finding_put(out, hm_finding_ports(out, need->verdict.protocol, ports));
        if (need->product == NULL) {
            finding->severity = HM_SEVERITY_MEDIUM;
        }
        finding->text = hm_finding_print(out, "%s: %s", need->verdict.title, need->text);
        hm_finding_describe(ctx, out, finding, need);
        finding->remedy = range_differs(ctx, need->verdict.protocol)
                              ? "A settings file sets another dynamic range than the one that is "
                                "used now: it counts after the next boot. Correct that file, or "
                                "reserve the ports in a settings file, too."
                          : ctx->facts->linux_host
                              ? "Write the reservation into a settings file, too: what is only set "
                                "at run time is gone after the next boot."
                              : "Reserve the ports before the next boot: the dynamic range that is "
                                "written, or the lines of ReservedPorts, leave them open then.";
        hm_remedy_exclude(ctx, out, finding, &missing);
    }
}

const struct hm_finding_kind hm_finding_lost_at_boot = {
    .name = "lost_at_boot",
    .severity = HM_SEVERITY_HIGH, /* "all safe" would be wrong for the boot that starts it */
    .look = look,
    .help = "a required port is safe now, and at risk after the next boot",
};
