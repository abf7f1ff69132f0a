/* common/judge/finding_low_headroom.c — the dynamic range is nearly used up.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/headroom.h"
#include "common/judge/remedy.h"
#include "common/ports/timed_wait.h"

#define MAX_USER_PORT 65534u

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

/* Ports of this host that the larger range would reach: they are reserved first. */
static struct hm_ports below_new_end(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    static const struct hm_range whole = {1024, MAX_USER_PORT};
    const struct hm_inventory *inventory = ctx->input->inventory;
    struct hm_port_bag bag = {.count = 0};

    for (size_t i = 0; i < ctx->count; i++) {
        hm_port_bag_put(out, &bag, ctx->needs[i].requirement->ports);
    }
    for (size_t i = 0; inventory->has_listeners && i < inventory->listeners.count; i++) {
        const struct hm_listener *listener = &inventory->listeners.at[i];
        const struct hm_stack_facts *stack =
            hm_facts_stack(ctx->facts, listener->protocol, listener->family);
        const struct hm_range one = {listener->port, listener->port};

        if (stack->has_dynamic && !hm_range_contains(stack->dynamic, listener->port)) {
            hm_port_bag_put(out, &bag, (struct hm_ports){&one, 1});
        }
    }
    return hm_finding_common(out, hm_port_bag_set(out, &bag), (struct hm_ports){&whole, 1});
}

/* Written since the boot: what it says is not yet in force. */
static bool waits_for_boot(const struct hm_inventory *inventory)
{
    const enum hm_in_force in_force = inventory->registry.in_force;

    return inventory->has_registry &&
           (in_force == HM_IN_FORCE_EARLIER || in_force == HM_IN_FORCE_UNKNOWN);
}

static const char *legacy_remedy(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                                 bool larger, bool shorter, bool waits)
{
    const char *cure =
        larger && shorter ? "On this system the usual cure is a larger range and a shorter "
                            "TIME_WAIT, with every required port below the new end reserved; in "
                            "force after the next boot."
        : larger  ? "On this system the usual cure is a larger range, with every required port "
                    "below the new end reserved; in force after the next boot."
        : shorter ? "MaxUserPort is as high as it can be; a shorter TIME_WAIT helps, after the "
                    "next boot."
        : waits   ? "The registry values that help are written already; the next boot puts them "
                    "in force."
                  : "MaxUserPort is as high as it can be: only that program can use fewer ports.";

    return hm_finding_print(out, "Find out which program holds the ports (\"%s\"). %s",
                            hm_remedy_list_sockets(ctx), cure);
}

static void set_values(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                       struct hm_finding *finding, bool larger, bool shorter)
{
    static const uint32_t end = MAX_USER_PORT;
    static const uint32_t delay_s = HM_TIMED_WAIT_DELAY_ADVISED_S;
    struct hm_ports ports = {NULL, 0};
    struct hm_remedy_step *step;

    if (larger) {
        ports = hm_finding_union(out, ctx->reserve, below_new_end(ctx, out));
    }
    if (ports.count > 0) {
        hm_remedy_write_reserved(ctx, out, finding, ports);
    }
    step = hm_remedy_step(out, finding, HM_STEP_SET,
                          larger && shorter ? "Make the dynamic range larger and TIME_WAIT shorter."
                          : larger          ? "Make the dynamic range larger."
                                            : "Make TIME_WAIT shorter.");
    if (larger) {
        hm_remedy_set_value(ctx, out, step, "MaxUserPort", &end);
    }
    if (shorter) {
        hm_remedy_set_value(ctx, out, step, "TcpTimedWaitDelay", &delay_s);
    }
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
                  registry->max_user_port != MAX_USER_PORT;
    bool shorter =
        protocol == HM_TCP && (!hm_timed_wait_delay_written(inventory, &is_set, &s) || !is_set ||
                               s < HM_TIMED_WAIT_DELAY_MIN_S || s > HM_TIMED_WAIT_DELAY_ADVISED_S);

    const struct hm_policy_mark *range = hm_policy_mark_any(ctx->input->marks, HM_MARK_RANGE);
    const struct hm_policy_mark *delay = hm_policy_mark_any(ctx->input->marks, HM_MARK_TIMED_WAIT);

    if ((larger && range != NULL) || (shorter && delay != NULL)) {
        hm_remedy_decide(
            out, finding,
            hm_finding_print(out,
                             "Find out which program holds the ports (\"%s\"). %s is set "
                             "by policy %s: where that is not enough, change the policy.",
                             hm_remedy_list_sockets(ctx),
                             larger && range != NULL ? "MaxUserPort" : "TcpTimedWaitDelay",
                             larger && range != NULL ? range->policy : delay->policy));
        return;
    }
    if (!larger && !shorter && !waits_for_boot(inventory)) {
        hm_remedy_decide(out, finding, legacy_remedy(ctx, out, false, false, false));
        return;
    }
    finding->remedy = legacy_remedy(ctx, out, larger, shorter, waits_for_boot(inventory));
    if (larger || shorter) {
        set_values(ctx, out, finding, larger, shorter);
    }
    hm_remedy_restart(out, finding,
                      "Restart the host: this system reads the values when it starts.");
}

static void cure(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                 struct hm_finding *finding, enum hm_protocol protocol, bool waiting)
{
    if (ctx->facts->legacy) {
        cure_legacy(ctx, out, finding, protocol);
        return;
    }
    if (waiting) {
        hm_remedy_decide(
            out, finding,
            hm_finding_print(out,
                             "Find out to whom the host connects again and again: the remote "
                             "addresses of the lines in TIME_WAIT (\"%s\") show it. Let the "
                             "program that does keep its connections open, or use fewer. A larger "
                             "dynamic range only buys time, and puts more required ports at risk.",
                             hm_remedy_list_sockets(ctx)));
        return;
    }
    hm_remedy_decide(
        out, finding,
        hm_finding_print(out,
                         "Find out which program holds the ports (\"%s\"); one with a growing "
                         "number leaks them. A larger dynamic range only buys time, and puts more "
                         "required ports at risk.",
                         hm_remedy_list_sockets(ctx)));
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
        cure(ctx, out, finding, protocol, row->time_wait > row->in_use / 2);
    }
}

const struct hm_finding_kind hm_finding_low_headroom = {
    .name = "low_headroom",
    .severity = HM_SEVERITY_MEDIUM,
    .look = look,
    .help = "three quarters or more of the dynamic range are in use",
};
