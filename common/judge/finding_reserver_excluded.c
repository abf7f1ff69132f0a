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

static void delete_row(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                       struct hm_finding *finding, const struct hm_need *need,
                       enum hm_family family, struct hm_range row)
{
    struct hm_ports left = hm_finding_without(out, (struct hm_ports){&row, 1}, need->verdict.ports);

    (void)ctx;
    hm_finding_command(out, finding,
                       "netsh int %s delete excludedportrange protocol=%s startport=%u "
                       "numberofports=%u store=persistent",
                       hm_family_names[family], hm_protocol_names[need->verdict.protocol],
                       (unsigned)row.first, (unsigned)hm_range_count(row));
    for (size_t i = 0; i < left.count; i++) { /* its neighbours stay protected */
        hm_finding_command(out, finding,
                           "netsh int %s add excludedportrange protocol=%s startport=%u "
                           "numberofports=%u store=persistent",
                           hm_family_names[family], hm_protocol_names[need->verdict.protocol],
                           (unsigned)left.at[i].first, (unsigned)hm_range_count(left.at[i]));
    }
}

static void cure(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                 struct hm_finding *finding, const struct hm_need *need)
{
    bool hns = false;

    for (unsigned i = 0; i < 2; i++) {
        enum hm_family family = i == 0 ? HM_IPV4 : HM_IPV6;
        struct hm_ports rows =
            hm_facts_stack(ctx->facts, need->verdict.protocol, family)->administered;

        for (size_t at = 0; at < rows.count && need->stacks[i].judged; at++) {
            if (!hm_ports_overlap((struct hm_ports){&rows.at[at], 1}, need->verdict.at_risk)) {
                continue;
            }
            hm_finding_evidence(
                out, finding, "exclusion",
                hm_finding_print(out, "%s/%s %u-%u", hm_protocol_names[need->verdict.protocol],
                                 hm_family_names[family], (unsigned)rows.at[at].first,
                                 (unsigned)rows.at[at].last));
            if (is_hns_row(ctx, rows.at[at])) {
                hns = true;
            } else {
                delete_row(ctx, out, finding, need, family, rows.at[at]);
            }
        }
    }
    hm_remedy_move(ctx, out, finding, need->verdict.protocol, need->verdict.at_risk,
                   "Delete the exclusion, with exactly its start and count, before the service "
                   "starts again.");
    if (hns) {
        hm_finding_command(out, finding,
                           "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\hns\\State /v "
                           "EnableExcludedPortRange /t REG_DWORD /d 0 /f");
        finding->needs_reboot = true;
        finding->remedy = "HNS makes this exclusion itself, so netsh must not delete it: give the "
                          "service a port outside, or turn the exclusion off in the registry and "
                          "reboot.";
    }
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
        cure(ctx, out, finding, need);
    }
}

const struct hm_finding_kind hm_finding_reserver_excluded = {
    .name = "reserver_excluded",
    .severity = HM_SEVERITY_HIGH,
    .look = look,
    .help = "a port of HTTP.sys, QUIC, a container or several sharing programs is excluded",
};
