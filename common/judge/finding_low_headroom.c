/* common/judge/finding_low_headroom.c — the dynamic range is nearly used up.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/headroom.h"
#include "common/judge/remedy.h"
#include "common/ports/timed_wait.h"

/* The fuller family of a protocol, or NULL. */
static const struct hm_sample_stack *find_fuller(const struct hm_sample *sample,
                                                 enum hm_protocol protocol)
{
    const struct hm_sample_stack *worst = NULL;

    for (size_t i = 0; i < sample->stacks.count; i++) {
        const struct hm_sample_stack *row = &sample->stacks.at[i];

        if (row->protocol == protocol &&
            (worst == NULL || hm_headroom_utilisation(row) > hm_headroom_utilisation(worst))) {
            worst = row;
        }
    }
    return worst;
}

#define MAX_USER_PORT_MOST 65534u

/* Written since the boot: what it says is not yet in force. */
static bool waits_for_boot(const struct hm_inventory *inventory)
{
    const enum hm_in_force in_force = inventory->registry.in_force;

    return inventory->has_registry &&
           (in_force == HM_IN_FORCE_EARLIER || in_force == HM_IN_FORCE_UNKNOWN);
}

static const char *legacy_remedy(bool larger, bool shorter, bool waits)
{
    if (larger && shorter) {
        return "Find out which program holds the ports. On this system the usual cure is a larger "
               "range and a shorter TIME_WAIT; reserve every required port below the new end "
               "first. Both work after a reboot.";
    }
    if (larger) {
        return "Find out which program holds the ports. On this system the usual cure is a larger "
               "range; reserve every required port below the new end first. It works after a "
               "reboot.";
    }
    if (shorter) {
        return "Find out which program holds the ports. MaxUserPort is as high as it can be; "
               "a shorter TIME_WAIT helps. It works after a reboot.";
    }
    return waits ? "Find out which program holds the ports. The registry values that help are "
                   "written already; they work after a reboot."
                 : "Find out which program holds the ports. MaxUserPort is as high as it can be: "
                   "only that program can use fewer ports.";
}

/* Larger, and for TCP shorter, never the other way round; nothing that is written already. */
static void cure_legacy(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                        struct hm_finding *finding, enum hm_protocol protocol)
{
    const struct hm_inventory *inventory = ctx->input->inventory;
    const struct hm_registry *registry = &inventory->registry;
    bool is_set = false;
    uint32_t s = 0;
    bool larger = !inventory->has_registry || !registry->has_max_user_port ||
                  registry->max_user_port != MAX_USER_PORT_MOST;
    bool shorter =
        protocol == HM_TCP && (!hm_timed_wait_delay_written(inventory, &is_set, &s) || !is_set ||
                               s < HM_TIMED_WAIT_DELAY_MIN_S || s > HM_TIMED_WAIT_DELAY_ADVISED_S);

    hm_finding_command(out, finding, "netstat -ano");
    if (larger) {
        hm_finding_command(out, finding, "reg add %s /v MaxUserPort /t REG_DWORD /d %u /f",
                           HM_REMEDY_TCPIP_KEY, MAX_USER_PORT_MOST);
    }
    if (shorter) {
        hm_finding_command(out, finding, "reg add %s /v TcpTimedWaitDelay /t REG_DWORD /d %u /f",
                           HM_REMEDY_TCPIP_KEY, HM_TIMED_WAIT_DELAY_ADVISED_S);
    }
    finding->remedy = legacy_remedy(larger, shorter, waits_for_boot(inventory));
    finding->needs_reboot = larger || shorter || waits_for_boot(inventory);
}

static void cure(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                 struct hm_finding *finding, enum hm_protocol protocol)
{
    finding->remedy = "Find out which program holds the ports; one with a growing number leaks "
                      "them. A larger dynamic range only buys time, and puts more required ports "
                      "at risk.";
    if (ctx->facts->linux_host) {
        hm_finding_command(out, finding, "ss -tuanp");
    } else if (ctx->facts->legacy) {
        cure_legacy(ctx, out, finding, protocol);
    } else {
        hm_finding_command(out, finding,
                           ctx->facts->windows >= 1000 ? "netstat -anoq" : "netstat -ano");
    }
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    for (unsigned i = 0; ctx->input->sample != NULL && i < 2; i++) {
        enum hm_protocol protocol = i == 0 ? HM_TCP : HM_UDP;
        const struct hm_sample_stack *row = find_fuller(ctx->input->sample, protocol);
        struct hm_finding *finding;
        double full;

        if (row == NULL) {
            continue;
        }
        full = hm_headroom_utilisation(row);
        if (full < HM_HEADROOM_WARN) {
            continue;
        }
        finding = hm_finding_put(
            out, hm_finding_print(out, "%s dynamic range", hm_protocol_names[protocol]));
        if (full >= HM_HEADROOM_CRITICAL) {
            finding->severity = HM_SEVERITY_HIGH;
        }
        finding->counts = true;
        finding->text = hm_finding_print(
            out,
            "More than %s of the usable %s ports of the dynamic range are in use: when none is "
            "left, outgoing connections fail.%s",
            full >= HM_HEADROOM_CRITICAL ? "90 %" : "75 %", hm_protocol_names[protocol],
            hm_finding_holders(ctx, out, finding, protocol));
        hm_finding_evidence(out, finding, "in_use",
                            hm_finding_print(out, "%u", (unsigned)row->in_use));
        hm_finding_evidence(out, finding, "usable",
                            hm_finding_print(out, "%u", (unsigned)row->usable));
        hm_finding_evidence(out, finding, "time_wait",
                            hm_finding_print(out, "%u", (unsigned)row->time_wait));
        hm_finding_evidence(out, finding, "bound",
                            hm_finding_print(out, "%u", (unsigned)row->bound));
        cure(ctx, out, finding, protocol);
    }
}

const struct hm_finding_kind hm_finding_low_headroom = {
    .name = "low_headroom",
    .severity = HM_SEVERITY_MEDIUM,
    .look = look,
    .help = "three quarters or more of the dynamic range are in use",
};
