/* common/judge/finding_dynamic_range_moved.c — the dynamic range is not the system's default.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"
#include "common/judge/remedy_scope.h"

/* May the moved range of one of its stacks have given these ports away? */
static bool reaches(const struct hm_finding_ctx *ctx, const struct hm_verdict *verdict)
{
    for (unsigned family = 0; family < 2; family++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(ctx->facts, verdict->protocol, (enum hm_family)family);

        if (stack->has_dynamic &&
            hm_ports_overlap((struct hm_ports){&stack->dynamic, 1}, verdict->at_risk)) {
            return true;
        }
    }
    return false;
}

/* Does the move put somebody's port at risk that the default would leave alone, or has somebody
 * got it already? */
static bool hurts(const struct hm_finding_ctx *ctx, struct hm_range usual)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_verdict *verdict = &ctx->needs[i].verdict;

        if ((verdict->state == HM_EXPOSED ||
             (verdict->state == HM_BLOCKED && reaches(ctx, verdict))) &&
            ctx->needs[i].product != NULL &&
            !hm_ports_covers((struct hm_ports){&usual, 1}, verdict->at_risk)) {
            return true;
        }
    }
    return false;
}

/* The policy that set every range that is moved; NULL when somebody else moved one. */
static const char *policy_of(const struct hm_finding_ctx *ctx, struct hm_range usual)
{
    const char *policy = NULL;

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        const struct hm_policy_mark *mark =
            hm_remedy_range_mark(ctx, i < 2 ? HM_TCP : HM_UDP, i % 2 == 0 ? HM_IPV4 : HM_IPV6);

        if (!hm_remedy_is_moved(&ctx->facts->stacks[i], usual)) {
            continue;
        }
        if (mark == NULL) {
            return NULL;
        }
        policy = policy == NULL ? mark->policy : policy;
    }
    return policy;
}

static const char *remedy_of(const struct hm_finding_ctx *ctx)
{
    if (ctx->facts->linux_host) {
        return "Find out which file or program moved it: /etc/sysctl.conf, a file in "
               "/etc/sysctl.d, a tuning profile or an installer may do so again. Reserving the "
               "required ports is the lasting cure, whatever the range is.";
    }
    return "Find out who moved it (a product's set-up, a tuning script): it may do so again at its "
           "next update, so excluding the required ports is the lasting cure. To go back, see that "
           "fewer ports suffice and that firewall rules for RPC fit.";
}

static bool is_same_range(struct hm_range a, struct hm_range b)
{
    return a.first == b.first && a.last == b.last;
}

/* "The dynamic range of tcp/ipv4 and tcp/ipv6 is 1025-65534, that of udp/ipv4 is 1025-5000";
 * without the stacks where all of the host have one range. */
static const char *ranges_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                             const bool moved[HM_STACK_COUNT])
{
    bool told[HM_STACK_COUNT] = {false};
    struct hm_line line;

    hm_line_init(&line);
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        const struct hm_range range = ctx->facts->stacks[i].dynamic;
        const char *names[HM_STACK_COUNT];
        size_t count = 0;
        bool all = true;

        for (unsigned k = 0; k < HM_STACK_COUNT; k++) {
            const struct hm_stack_facts *stack = &ctx->facts->stacks[k];
            bool same = moved[k] && is_same_range(stack->dynamic, range);

            all = all && (same || !stack->present);
            if (moved[i] && !told[k] && same) {
                names[count++] = hm_finding_print(out, "%s/%s", hm_protocol_names[k / 2],
                                                  hm_family_names[k % 2]);
                told[k] = true;
            }
        }
        if (count == 0) {
            continue;
        }
        hm_line_put(&line, line.len == 0 ? "The dynamic range" : ", that");
        if (!all) {
            hm_line_put(&line, " of ");
            hm_line_put_names(&line, names, count);
        }
        hm_line_put(&line, " is ");
        hm_line_put_range(&line, range);
    }
    return hm_finding_line(out, &line);
}

/* Are all moved ranges parts of the default? */
static bool is_inside(const struct hm_finding_ctx *ctx, const bool moved[HM_STACK_COUNT],
                      struct hm_range usual)
{
    bool inside = true;

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        const struct hm_range range = ctx->facts->stacks[i].dynamic;

        inside = inside && (!moved[i] || (range.first >= usual.first && range.last <= usual.last));
    }
    return inside;
}

static const char *const sure[] = {
    [HM_CONF_DOCUMENTED] = "",
    [HM_CONF_REPORTED] = ", as reported",
    [HM_CONF_SINGLE] = ", by one report",
    [HM_CONF_INFERRED] = ", it seems",
};

/* What the catalogue knows of a range, no surer than its source. Where no product that makes it is
 * seen, all that do are named: one alone would pass for the culprit. */
static const char *put_makers(const struct hm_range_makers *makers, struct hm_finding_list *out,
                              struct hm_finding *finding)
{
    const bool seen = makers->at[0].seen == HM_MAKER_SEEN;
    const bool may_be = makers->at[0].seen == HM_MAKER_MAY_BE;
    struct hm_line line;

    hm_line_init(&line);
    hm_line_put(&line, seen ? " " : " The same range is known: ");
    for (size_t i = 0; i < makers->count && (i == 0 || !seen); i++) {
        const struct hm_effect *effect = makers->at[i].effect;

        hm_line_put(&line, i > 0 ? "; " : "");
        hm_line_put(&line, effect->title);
        hm_line_put(&line, sure[effect->confidence]);
        hm_finding_evidence(
            out, finding, "known_maker",
            hm_finding_print(out, "%s (%s: %s)", effect->title,
                             hm_confidence_names[effect->confidence],
                             effect->url[0] != '\0' ? effect->url : effect->source));
    }
    hm_line_put(&line, seen     ? "."
                       : may_be ? " (whether such a product is on this host is not known)."
                                : " (no such product is seen on this host).");
    return hm_finding_line(out, &line);
}

/* "" where the catalogue knows none. */
static const char *makers_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                             struct hm_finding *finding, const bool moved[HM_STACK_COUNT])
{
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        const struct hm_range_makers makers =
            hm_remedy_range_makers(ctx, i < 2 ? HM_TCP : HM_UDP, ctx->facts->stacks[i].dynamic);

        if (moved[i] && makers.count > 0) {
            return put_makers(&makers, out, finding);
        }
    }
    return "";
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    struct hm_finding *finding = NULL;
    bool moved[HM_STACK_COUNT] = {false};
    const char *policy;
    struct hm_range usual;

    if (!hm_os_default_dynamic(&ctx->input->inventory->os, &usual)) {
        return;
    }
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        const struct hm_stack_facts *stack = &ctx->facts->stacks[i];

        if (!hm_remedy_is_moved(stack, usual) || hm_remedy_is_moved_off(ctx, i)) {
            continue;
        }
        if (finding == NULL) {
            finding = hm_finding_put(out, "dynamic range");
            hm_finding_evidence(
                out, finding, "default",
                hm_finding_print(out, "%u-%u", (unsigned)usual.first, (unsigned)usual.last));
        }
        moved[i] = true;
        hm_finding_evidence(out, finding, "dynamic_range",
                            hm_finding_print(out, "%s/%s %u-%u", hm_protocol_names[i / 2],
                                             hm_family_names[i % 2], (unsigned)stack->dynamic.first,
                                             (unsigned)stack->dynamic.last));
    }
    if (finding == NULL) {
        return;
    }
    finding->text = hm_finding_print(
        out, "%s instead of this system's default %u-%u: %s", ranges_of(ctx, out, moved),
        (unsigned)usual.first, (unsigned)usual.last,
        is_inside(ctx, moved, usual)
            ? "fewer ports are left for connections, and none is handed out that was not before."
            : "ports that products count on may be handed to any program.");
    if (hurts(ctx, usual)) {
        finding->severity = HM_SEVERITY_MEDIUM;
    }
    policy = policy_of(ctx, usual);
    if (policy != NULL) {
        finding->severity = HM_SEVERITY_INFO;
        hm_finding_evidence(out, finding, "policy", policy);
        hm_remedy_decide(out, finding,
                         hm_finding_print(out,
                                          "Set by policy %s: nothing is to be done here. Where the "
                                          "range is not meant, change the policy.",
                                          policy));
        return;
    }
    finding->text =
        hm_finding_print(out, "%s%s", finding->text, makers_of(ctx, out, finding, moved));
    if (!ctx->facts->linux_host && is_inside(ctx, moved, usual) &&
        ctx->keep_off[HM_TCP].count + ctx->keep_off[HM_UDP].count > 0) {
        hm_remedy_decide(out, finding,
                         "Nothing has to be done for the required ports: the range leaves out some "
                         "of the default range that must not be excluded. Only when connections "
                         "run out of ports, find out who moved it.");
        return;
    }
    finding->remedy = remedy_of(ctx);
    hm_remedy_set_back(ctx, out, finding);
}

const struct hm_finding_kind hm_finding_dynamic_range_moved = {
    .name = "dynamic_range_moved",
    .severity = HM_SEVERITY_LOW,
    .look = look,
    .help = "the dynamic range differs from the system's default",
};
