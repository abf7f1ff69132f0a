/* common/judge/finding_low_headroom.c — the dynamic range is nearly used up.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/headroom.h"
#include "common/judge/remedy.h"
#include "common/ports/timed_wait.h"

#define MAX_USER_PORT 65534u

/* Is a nearer its end than b? */
static bool is_fuller(const struct hm_sample_stack *a, const struct hm_sample_stack *b)
{
    const bool a_few = hm_headroom_left(a) < HM_HEADROOM_LEFT_MIN;
    const bool b_few = hm_headroom_left(b) < HM_HEADROOM_LEFT_MIN;

    return a_few != b_few ? a_few : hm_headroom_utilisation(a) > hm_headroom_utilisation(b);
}

/* The fuller family of a protocol, or NULL. */
static const struct hm_sample_stack *find_fuller(const struct hm_sample *sample,
                                                 enum hm_protocol protocol)
{
    const struct hm_sample_stack *worst = NULL;

    for (size_t i = 0; i < sample->stacks.count; i++) {
        const struct hm_sample_stack *row = &sample->stacks.at[i];

        if (row->protocol == protocol && (worst == NULL || is_fuller(row, worst))) {
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

/* The first half of most remedies. The netstat of 2000 names no process. */
static const char *find_holder(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const char *command = hm_remedy_list_sockets(ctx);

    if (ctx->facts->windows != 0 && ctx->facts->windows < HM_REMEDY_NETSTAT_O_SINCE) {
        return hm_finding_print(out,
                                "Find out which program holds the ports: \"%s\" of this system "
                                "shows the remote addresses only, a tool such as TCPView the "
                                "programs.",
                                command);
    }
    return hm_finding_print(out, "Find out which program holds the ports (\"%s\").", command);
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

    return hm_finding_print(out, "%s %s", find_holder(ctx, out), cure);
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
                             "%s %s is set by policy %s: where that is not enough, change the "
                             "policy.",
                             find_holder(ctx, out),
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

/* Exclusions leave (nearly) none of the range: fewer sockets would not help. */
static bool is_excluded_away(const struct hm_sample_stack *row, const struct hm_stack_facts *stack)
{
    return stack->has_dynamic && row->usable < HM_HEADROOM_LEFT_MIN &&
           hm_range_count(stack->dynamic) >= 2 * HM_HEADROOM_LEFT_MIN;
}

/* What to remove, by system: the list itself was read, and is printed with the verdicts. */
static const char *cure_excluded(const struct hm_finding_ctx *ctx)
{
    if (ctx->facts->legacy) {
        return "ReservedPorts covers the dynamic range: replace the lines that are wider than what "
               "services need by the ports that they do need, and restart the host. A larger "
               "MaxUserPort helps, too.";
    }
    if (ctx->facts->linux_host) {
        return "net.ipv4.ip_local_reserved_ports covers the dynamic range: reserve only the ports "
               "that services need, or make net.ipv4.ip_local_port_range larger.";
    }
    return "Exclusions cover the dynamic range: delete those that no service needs (\"netsh int "
           "ipv4 show excludedportrange protocol=tcp\" and udp lists them), or make the dynamic "
           "range larger.";
}

/* Is the range smaller than the system's own? Then that is the cause, not who has the ports. */
static bool is_small(const struct hm_finding_ctx *ctx, const struct hm_stack_facts *stack)
{
    struct hm_range usual;

    return hm_os_default_dynamic(&ctx->input->inventory->os, &usual) && stack->has_dynamic &&
           hm_range_count(stack->dynamic) < hm_range_count(usual) / 2;
}

/* Whom to look for, where a person has to. */
static const char *look_for(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                            const struct hm_sample_stack *row)
{
    static const char more[] = "A larger dynamic range only buys time, and puts more required "
                               "ports at risk.";

    if (row->time_wait > row->in_use / 2) {
        return hm_finding_print(
            out,
            "Find out to whom the host connects again and again: the remote addresses of the lines "
            "in TIME_WAIT (\"%s\") show it. Let the program that does keep its connections open, "
            "or use fewer. %s",
            hm_remedy_list_sockets(ctx), more);
    }
    return hm_finding_print(out, "%s One with a growing number leaks them. %s",
                            find_holder(ctx, out), more);
}

static void cure(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                 struct hm_finding *finding, const struct hm_sample_stack *row)
{
    const struct hm_stack_facts *stack = hm_facts_stack(ctx->facts, row->protocol, row->family);

    if (!ctx->facts->legacy && is_small(ctx, stack) && hm_remedy_can_set_back(ctx, out)) {
        finding->remedy = hm_finding_print(out,
                                           "The dynamic range is much smaller than this system's "
                                           "own: set it back. Where that is not enough: %s",
                                           look_for(ctx, out, row));
        hm_remedy_set_back(ctx, out, finding);
    } else if (is_excluded_away(row, stack)) {
        hm_remedy_decide(out, finding, cure_excluded(ctx));
    } else if (ctx->facts->legacy) {
        cure_legacy(ctx, out, finding, row->protocol);
    } else {
        hm_remedy_decide(out, finding, look_for(ctx, out, row));
    }
}

static const char *say_how_full(struct hm_finding_list *out, const struct hm_sample_stack *row)
{
    const char *protocol = hm_protocol_names[row->protocol];
    const uint32_t left = hm_headroom_left(row);

    if (left == 0) {
        return hm_finding_print(out, "No usable %s port of the dynamic range is left:", protocol);
    }
    if (left < HM_HEADROOM_LEFT_MIN) {
        return hm_finding_print(out,
                                "Only %u usable %s port%s of the dynamic range %s left: when none "
                                "is,",
                                (unsigned)left, protocol, left == 1 ? "" : "s",
                                left == 1 ? "is" : "are");
    }
    return hm_finding_print(
        out,
        "More than %s of the usable %s ports of the dynamic range are in use: when none is left,",
        hm_headroom_utilisation(row) >= HM_HEADROOM_CRITICAL ? "90 %" : "75 %", protocol);
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    for (unsigned i = 0; ctx->input->sample != NULL && i < 2; i++) {
        enum hm_protocol protocol = i == 0 ? HM_TCP : HM_UDP;
        const struct hm_sample_stack *row = find_fuller(ctx->input->sample, protocol);
        struct hm_finding *finding;

        if (row == NULL || !hm_headroom_is_low(row)) {
            continue;
        }
        finding = hm_finding_put(
            out, hm_finding_print(out, "%s dynamic range", hm_protocol_names[protocol]));
        if (hm_headroom_utilisation(row) >= HM_HEADROOM_CRITICAL ||
            hm_headroom_left(row) < HM_HEADROOM_LEFT_MIN) {
            finding->severity = HM_SEVERITY_HIGH;
        }
        finding->counts = true;
        finding->text =
            hm_finding_print(out, "%s outgoing connections fail.%s", say_how_full(out, row),
                             hm_finding_holders(ctx, out, finding, protocol, row->in_use));
        hm_finding_evidence(out, finding, "in_use",
                            hm_finding_print(out, "%u", (unsigned)row->in_use));
        hm_finding_evidence(out, finding, "usable",
                            hm_finding_print(out, "%u", (unsigned)row->usable));
        hm_finding_evidence(out, finding, "time_wait",
                            hm_finding_print(out, "%u", (unsigned)row->time_wait));
        hm_finding_evidence(out, finding, "bound",
                            hm_finding_print(out, "%u", (unsigned)row->bound));
        cure(ctx, out, finding, row);
    }
}

const struct hm_finding_kind hm_finding_low_headroom = {
    .name = "low_headroom",
    .severity = HM_SEVERITY_MEDIUM,
    .look = look,
    .help = "three quarters or more of the dynamic range are in use, or few ports are left",
};
