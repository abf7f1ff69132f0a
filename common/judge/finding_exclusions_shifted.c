/* common/judge/finding_exclusions_shifted.c — exclusions are not what they were before the last
 * boot. SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

/* What was there before the boot and is not now, and the reverse, of one protocol. */
struct shift {
    struct hm_ports lost[2]; /* administered, by family */
    struct hm_ports gone;    /* runtime */
    struct hm_ports come;
    struct hm_ports from; /* the blocks they belong to, with their whole bounds */
    struct hm_ports to;
};

static struct hm_ports rows_of(const struct hm_stack *stack, bool runtime)
{
    if (stack == NULL) {
        return (struct hm_ports){NULL, 0};
    }
    return runtime ? stack->runtime : stack->administered;
}

/* The rows that are not among the others with the same bounds, added to what there is. */
static struct hm_ports put_other_rows(struct hm_finding_list *out, struct hm_ports to,
                                      struct hm_ports rows, struct hm_ports others)
{
    for (size_t i = 0; i < rows.count; i++) {
        const struct hm_range *same = hm_ports_find(others, rows.at[i].first);

        if (same == NULL || same->first != rows.at[i].first || same->last != rows.at[i].last) {
            to = hm_finding_union(out, to, (struct hm_ports){&rows.at[i], 1});
        }
    }
    return to;
}

static void compare(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                    enum hm_protocol protocol, struct shift *shift)
{
    for (unsigned i = 0; i < 2; i++) {
        enum hm_family family = i == 0 ? HM_IPV4 : HM_IPV6;
        const struct hm_stack *now = hm_inventory_stack(ctx->input->inventory, protocol, family);
        const struct hm_stack *then =
            hm_inventory_stack(ctx->input->previous_boot, protocol, family);

        if (now == NULL || then == NULL) {
            continue;
        }
        if (now->has_administered && then->has_administered) {
            shift->lost[i] = hm_finding_without(out, rows_of(then, false), rows_of(now, false));
        }
        if (now->has_runtime && then->has_runtime) {
            shift->gone = hm_finding_union(
                out, shift->gone, hm_finding_without(out, rows_of(then, true), rows_of(now, true)));
            shift->come = hm_finding_union(
                out, shift->come, hm_finding_without(out, rows_of(now, true), rows_of(then, true)));
            shift->from = put_other_rows(out, shift->from, rows_of(then, true), rows_of(now, true));
            shift->to = put_other_rows(out, shift->to, rows_of(now, true), rows_of(then, true));
        }
    }
}

static void tell_lost(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                      enum hm_protocol protocol, const struct shift *shift)
{
    struct hm_ports all = hm_finding_union(out, shift->lost[0], shift->lost[1]);
    const bool linux_host = ctx->facts->linux_host;
    struct hm_stack_ports missing = {{{NULL, 0}}};
    struct hm_finding *finding;

    if (all.count == 0) {
        return;
    }
    finding = hm_finding_put(out, hm_finding_print(out, "%s %s lost", hm_protocol_names[protocol],
                                                   linux_host ? "reservations" : "exclusions"));
    finding->severity = HM_SEVERITY_MEDIUM;
    finding->text = hm_finding_print(
        out,
        "%s %s was %s before the last boot and is not any more: the %s was not %s, or something "
        "removed it.",
        hm_protocol_names[protocol], hm_finding_list_ports(out, all),
        linux_host ? "reserved" : "excluded", linux_host ? "reservation" : "exclusion",
        linux_host ? "in a settings file" : "persistent");
    hm_finding_evidence(out, finding, "lost", hm_finding_list_ports(out, all));
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_policy_mark *mark =
            hm_policy_mark_find(ctx->input->marks, HM_MARK_PORTS, false, protocol,
                                i == 0 ? HM_IPV4 : HM_IPV6, shift->lost[i]);

        if (mark != NULL) {
            hm_remedy_decide(out, finding,
                             hm_finding_print(out,
                                              "Set by policy %s: the agent adds the %s again by "
                                              "itself. See what removes them.",
                                              mark->policy,
                                              linux_host ? "reservations" : "exclusions"));
            return;
        }
    }
    finding->remedy =
        linux_host ? "If the ports are still needed, reserve them again, in a settings file; "
                     "those outside the dynamic range need no reservation."
                   : "If the ports are still needed, add them again, persistently; those "
                     "outside the dynamic range need no exclusion.";
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(ctx->facts, protocol, i == 0 ? HM_IPV4 : HM_IPV6);
        struct hm_ports dynamic = {&stack->dynamic, stack->has_dynamic ? 1 : 0};

        missing.of[hm_stack_index(protocol, i == 0 ? HM_IPV4 : HM_IPV6)] =
            hm_finding_without(out, hm_finding_common(out, shift->lost[i], dynamic),
                               hm_remedy_untouchable(ctx, out, protocol));
    }
    hm_remedy_exclude(ctx, out, finding, &missing);
}

/* "moved from 50052-50151 to 50152-50251" */
static const char *move_of(struct hm_finding_list *out, const struct shift *shift)
{
    if (shift->from.count == 0) {
        return hm_finding_print(out, "include %s now and did not",
                                hm_finding_list_ports(out, shift->to));
    }
    if (shift->to.count == 0) {
        return hm_finding_print(out, "do not include %s now and did",
                                hm_finding_list_ports(out, shift->from));
    }
    return hm_finding_print(out, "moved from %s to %s", hm_finding_list_ports(out, shift->from),
                            hm_finding_list_ports(out, shift->to));
}

static void tell_moved(struct hm_finding_list *out, enum hm_protocol protocol,
                       const struct shift *shift)
{
    struct hm_finding *finding;

    if (shift->gone.count + shift->come.count == 0) {
        return;
    }
    finding = hm_finding_put(
        out, hm_finding_print(out, "%s runtime exclusions", hm_protocol_names[protocol]));
    finding->text =
        hm_finding_print(out,
                         "The %s blocks that components (WinNAT, HNS, HTTP.sys) hold %s %s the "
                         "last boot: a port that "
                         "is free today may be inside one tomorrow.",
                         hm_protocol_names[protocol], move_of(out, shift),
                         shift->from.count > 0 && shift->to.count > 0 ? "at" : "before");
    hm_finding_evidence(out, finding, "gone", hm_finding_list_ports(out, shift->gone));
    hm_finding_evidence(out, finding, "come", hm_finding_list_ports(out, shift->come));
    hm_remedy_decide(
        out, finding,
        "Exclude every required port persistently: WinNAT and HNS then leave it out at "
        "each start, wherever their blocks land.");
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    for (unsigned i = 0; ctx->input->previous_boot != NULL && i < 2; i++) {
        enum hm_protocol protocol = i == 0 ? HM_TCP : HM_UDP;
        struct shift shift = {
            .gone = {NULL, 0}
        };

        compare(ctx, out, protocol, &shift);
        tell_lost(ctx, out, protocol, &shift);
        if (!ctx->facts->linux_host) {
            tell_moved(out, protocol, &shift);
        }
    }
}

const struct hm_finding_kind hm_finding_exclusions_shifted = {
    .name = "exclusions_shifted",
    .severity = HM_SEVERITY_LOW,
    .look = look,
    .help = "exclusions differ from those before the last boot",
};
