/* common/judge/finding_reserver_excluded.c — an exclusion that breaks the listener it was meant
 * for. SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/base/str.h"
#include "common/judge/remedy.h"

#define HNS_FIRST 50000u
#define HNS_LAST 50059u

/* The row that HNS itself makes: netsh must not delete it. */
static bool is_hns_row(const struct hm_finding_ctx *ctx, struct hm_range row)
{
    const struct hm_inventory *inventory = ctx->input->inventory;
    const struct hm_hns_state *hns = &inventory->registry.hns;

    if (inventory->has_registry && inventory->registry.has_hns) {
        return hns->enabled && hns->count > 0 && row.first == hns->start &&
               hm_range_count(row) == hns->count;
    }
    return row.first == HNS_FIRST && row.last == HNS_LAST;
}

/* What was meant to be protected by the row, and may be: it is added back. */
static struct hm_ports keep_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                               const struct hm_need *need, enum hm_family family,
                               struct hm_range row)
{
    enum hm_protocol protocol = need->verdict.protocol;
    const struct hm_stack_facts *stack = hm_facts_stack(ctx->facts, protocol, family);
    struct hm_ports left = hm_finding_without(out, (struct hm_ports){&row, 1}, need->verdict.ports);

    left = hm_finding_without(out, left, hm_remedy_untouchable(ctx, out, protocol));
    return hm_finding_common(out, left,
                             (struct hm_ports){&stack->dynamic, stack->has_dynamic ? 1 : 0});
}

/* The rows over the ports: those that netsh may delete, exactly as they stand. */
struct rows {
    struct hm_ports of[2]; /* kept lists, by family */
    bool hns;
};

static void find_rows(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                      struct hm_finding *finding, const struct hm_need *need, struct rows *rows)
{
    for (unsigned i = 0; i < 2; i++) {
        enum hm_family family = i == 0 ? HM_IPV4 : HM_IPV6;
        struct hm_ports all =
            hm_facts_stack(ctx->facts, need->verdict.protocol, family)->administered;
        struct hm_range *hit = hm_arena_alloc(out->arena, all.count, sizeof(*hit));
        size_t count = 0;

        for (size_t at = 0; hit != NULL && at < all.count && need->stacks[i].judged; at++) {
            if (!hm_ports_overlap((struct hm_ports){&all.at[at], 1}, need->verdict.at_risk)) {
                continue;
            }
            hm_finding_evidence(
                out, finding, "exclusion",
                hm_finding_print(out, "%s/%s %u-%u", hm_protocol_names[need->verdict.protocol],
                                 hm_family_names[family], (unsigned)all.at[at].first,
                                 (unsigned)all.at[at].last));
            if (is_hns_row(ctx, all.at[at])) {
                rows->hns = true;
            } else {
                hit[count++] = all.at[at];
            }
        }
        rows->of[i] = (struct hm_ports){hit, count};
    }
}

static void turn_off_hns(struct hm_finding_list *out, struct hm_finding *finding)
{
    struct hm_remedy_step *step =
        hm_remedy_step(out, finding, HM_STEP_SET, "Turn the exclusion of HNS off in the registry.");

    step->precondition = "The service cannot be given a port outside the exclusion.";
    hm_remedy_command(out, step,
                      "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\hns\\State /v "
                      "EnableExcludedPortRange /t REG_DWORD /d 0 /f");
    hm_remedy_restart(out, finding, "Restart the host: HNS reads the value when it starts.");
}

static const struct hm_policy_mark *mark_of(const struct hm_finding_ctx *ctx,
                                            const struct hm_need *need)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_policy_mark *mark =
            hm_policy_mark_find(ctx->input->marks, HM_MARK_PORTS, false, need->verdict.protocol,
                                i == 0 ? HM_IPV4 : HM_IPV6, need->verdict.at_risk);

        if (mark != NULL && need->stacks[i].judged) {
            return mark;
        }
    }
    return NULL;
}

void hm_remedy_unexclude(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                         struct hm_finding *finding, const struct hm_need *need)
{
    enum hm_protocol protocol = need->verdict.protocol;
    struct rows rows = {.hns = false};
    const struct hm_policy_mark *mark;
    struct hm_stack_ports keep = {{{NULL, 0}}};

    find_rows(ctx, out, finding, need, &rows);
    mark = mark_of(ctx, need);
    if (mark != NULL) {
        hm_remedy_decide(out, finding,
                         hm_finding_print(out,
                                          "Set by policy %s, which would add the exclusion again: "
                                          "take the port out of the policy.",
                                          mark->policy));
        return;
    }
    finding->remedy = "Delete the exclusion, with exactly its start and count, before the service "
                      "starts again. Never exclude this port: its listener fails at its next "
                      "start.";
    if (rows.of[0].count + rows.of[1].count > 0) {
        struct hm_remedy_step *step = hm_remedy_step(
            out, finding, HM_STEP_FREE, "Delete the exclusion, with exactly its start and count.");

        for (unsigned i = 0; i < 2; i++) {
            enum hm_family family = i == 0 ? HM_IPV4 : HM_IPV6;

            for (size_t at = 0; at < rows.of[i].count; at++) {
                struct hm_range row = rows.of[i].at[at];
                struct hm_ports *of = &keep.of[hm_stack_index(protocol, family)];

                hm_remedy_command(out, step,
                                  "netsh int %s delete excludedportrange protocol=%s startport=%u "
                                  "numberofports=%u store=persistent",
                                  hm_family_names[family], hm_protocol_names[protocol],
                                  (unsigned)row.first, (unsigned)hm_range_count(row));
                *of = hm_finding_union(out, *of, keep_of(ctx, out, need, family, row));
            }
        }
    }
    if (rows.hns) {
        finding->remedy = "HNS makes this exclusion itself, so netsh must not delete it: give the "
                          "service a port outside, or turn the exclusion off in the registry and "
                          "reboot.";
        turn_off_hns(out, finding);
    }
    hm_remedy_exclude(ctx, out, finding, &keep);
    hm_remedy_move(ctx, out, finding, protocol, need->verdict.at_risk);
    hm_remedy_start(ctx, out, finding, need);
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];
        struct hm_finding *finding;

        if (hm_need_is_own(need) || (need->verdict.reason != HM_REASON_RESERVER_EXCLUDED &&
                                     need->verdict.reason != HM_REASON_SHARED_EXCLUDED)) {
            continue;
        }
        finding = hm_finding_put(
            out, hm_finding_ports(out, need->verdict.protocol, need->verdict.at_risk));
        finding->text = hm_finding_print(out, "%s: %s", need->verdict.title, need->text);
        hm_finding_describe(ctx, out, finding, need);
        hm_finding_evidence(out, finding, "listener_kind",
                            hm_listener_kind_names[need->verdict.kind]);
        hm_remedy_unexclude(ctx, out, finding, need);
    }
}

const struct hm_finding_kind hm_finding_reserver_excluded = {
    .name = "reserver_excluded",
    .severity = HM_SEVERITY_HIGH,
    .look = look,
    .help = "a port of HTTP.sys, QUIC, a container or several sharing programs is excluded",
};
