/* common/judge/need_weigh.c — will a need get its ports at the next start? (windows-ports 2.1)
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/need.h"

#include <string.h>

#include "common/base/str.h"

/* Among equal states the reason that says most. */
static const unsigned reason_weight[HM_REASON_COUNT] = {
    [HM_REASON_HELD] = 10,           [HM_REASON_RESERVER_EXCLUDED] = 9,
    [HM_REASON_SHARED_EXCLUDED] = 8, [HM_REASON_RUNTIME_EXCLUSION] = 7,
    [HM_REASON_IN_DYNAMIC] = 6,      [HM_REASON_UNKNOWN_LISTENER] = 5,
    [HM_REASON_FACTS_MISSING] = 4,   [HM_REASON_PORT_UNKNOWN] = 4,
    [HM_REASON_OWN_RESERVATION] = 3, [HM_REASON_EXCLUDED] = 2,
    [HM_REASON_OUTSIDE_DYNAMIC] = 1,
};

/* One stack of one need on the scales. */
struct scales {
    const struct hm_facts *facts;
    struct hm_need *need;
    enum hm_family family;
    const struct hm_stack_facts *stack;
    bool after_boot;                 /* the next one */
    enum hm_exclusion_effect effect; /* of an administered exclusion */
    struct hm_arena *arena;
    struct hm_err *err;
    struct hm_ports ports;     /* those of the need that it binds in this family */
    struct hm_ports open;      /* of them, those that nothing has decided yet */
    bool nameless;             /* one of them is taken, by nobody knows whom */
    struct hm_ports lingering; /* of them, those that closed connections may block */
    bool own;                  /* a part is reserved by the serving component itself */
    struct hm_need_stack *out;
};

static enum hm_exclusion_effect effect_of(const struct hm_facts *facts, enum hm_listener_kind kind)
{
    if (facts->linux_host || facts->legacy) {
        return HM_EXCLUSION_PROTECTS; /* reserved ports there never hinder an explicit bind */
    }
    if (kind == HM_KIND_SHARED && (facts->windows < 601 || facts->windows > 603)) {
        return HM_EXCLUSION_PROTECTS; /* KB3039044: 2008 R2, 2012, 2012 R2 only */
    }
    return hm_kind_exclusion_effect(kind);
}

/* What listens outranks the catalogue. "socket" is also what a system says that cannot tell more,
 * so it only corrects a kind that would have shown as another process or component. */
static enum hm_listener_kind real_kind(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_requirement *requirement = need->requirement;
    struct hm_port_cursor cursor = {0, 0, 0};
    enum hm_listener_kind kind = requirement->kind;
    const struct hm_listener *listener;

    while ((listener = hm_facts_next_listener(facts, requirement->protocol, requirement->ports,
                                              &cursor)) != NULL) {
        bool plain = listener->kind == HM_KIND_SOCKET;
        bool corrects =
            requirement->kind == HM_KIND_HTTPSYS || requirement->kind == HM_KIND_CONTAINER;

        if (hm_need_owner_of_listener(facts, need, listener) != HM_OWNER_SELF) {
            continue;
        }
        if (!plain) {
            return listener->kind;
        }
        if (corrects && !hm_str_equal(listener->program, "") &&
            !hm_need_stands_in(requirement->kind, listener->program)) {
            kind = HM_KIND_SOCKET;
        }
    }
    return kind;
}

/* What an earlier step left unknown stays at risk beside what a later one finds, which is as bad or
 * worse and says the reason. */
static enum hm_status decide(struct scales *scales, enum hm_verdict_state state,
                             enum hm_verdict_reason reason, struct hm_ports at_risk)
{
    struct hm_need_stack *out = scales->out;

    out->state = state;
    out->reason = reason;
    if (out->at_risk.count == 0) {
        out->at_risk = at_risk;
        return HM_OK;
    }
    return hm_ports_union(out->at_risk, at_risk, scales->arena, &out->at_risk, scales->err);
}

static bool decided(const struct scales *scales)
{
    return scales->out->at_risk.count > 0;
}

static enum hm_status weigh_holders(struct scales *scales)
{
    struct hm_need *need = scales->need;
    const bool before = need->nameless_owner;
    struct hm_need_held held;
    enum hm_status st;

    if (need->requirement->reserve_only || need->requirement->falls_back) {
        return HM_OK;
    }
    need->nameless_owner = false; /* in this family */
    st = hm_need_held(scales->facts, need, scales->family, scales->after_boot, scales->arena, &held,
                      scales->err);
    scales->nameless = need->nameless_owner;
    need->nameless_owner = scales->nameless || before;
    if (st == HM_OK && held.ports.count > 0) {
        st = decide(scales, HM_BLOCKED, HM_REASON_HELD, held.ports);
        scales->out->has_holder = true;
        scales->out->holder = held.holder;
    }
    if (st == HM_OK) {
        scales->lingering = held.lingering;
        scales->out->unclear = held.unclear;
        scales->out->unclear_holder = held.unclear_holder;
    }
    return st;
}

static enum hm_status weigh_administered(struct scales *scales)
{
    struct hm_ports administered = scales->stack->administered;
    struct hm_ports hit;
    enum hm_status st;

    if (!hm_ports_overlap(scales->open, administered)) {
        return HM_OK;
    }
    if (scales->effect == HM_EXCLUSION_PROTECTS) {
        return hm_ports_subtract(scales->open, administered, scales->arena, &scales->open,
                                 scales->err);
    }
    st = hm_ports_intersect(scales->open, administered, scales->arena, &hit, scales->err);
    if (st != HM_OK) {
        return st;
    }
    return decide(scales, HM_BLOCKED,
                  scales->effect == HM_EXCLUSION_BREAKS_SECOND ? HM_REASON_SHARED_EXCLUDED
                                                               : HM_REASON_RESERVER_EXCLUDED,
                  hit);
}

static bool owner_serves(const struct scales *scales, const struct hm_listener *listener)
{
    bool component = scales->effect == HM_EXCLUSION_BREAKS &&
                     (hm_kind_exclusion_effect(listener->kind) == HM_EXCLUSION_BREAKS ||
                      hm_str_equal_nocase(listener->program, "System"));

    return component ||
           hm_need_owner_of_listener(scales->facts, scales->need, listener) == HM_OWNER_SELF;
}

/* Takes the ports off hit where the owner itself listens. A row without "*" is there while its
 * component runs: it does not keep the port free for the next start, so that the port stays open.
 * A published port counts as safe while WinNAT has it. */
static enum hm_status drop_own(struct scales *scales, struct hm_ports *hit)
{
    const struct hm_ports held = *hit;
    const struct hm_ports runtime = scales->stack->runtime;
    enum hm_protocol protocol = scales->need->requirement->protocol;
    struct hm_port_cursor cursor = {0, 0, 0};
    struct hm_ports all = *hit;
    const struct hm_listener *listener;
    enum hm_status st = HM_OK;

    while (st == HM_OK &&
           (listener = hm_facts_next_listener(scales->facts, protocol, all, &cursor)) != NULL) {
        const struct hm_range own = {listener->port, listener->port};

        if (owner_serves(scales, listener)) {
            scales->own = true;
            st = hm_ports_subtract(*hit, (struct hm_ports){&own, 1}, scales->arena, hit,
                                   scales->err);
        }
    }
    for (size_t i = 0; scales->need->published && st == HM_OK && i < runtime.count; i++) {
        const struct hm_ports row = {&runtime.at[i], 1};

        if (hm_range_count(runtime.at[i]) == 1 && hm_ports_overlap(*hit, row)) {
            scales->own = true; /* WinNAT serves it without a socket, and reserves the one port */
            st = hm_ports_subtract(*hit, row, scales->arena, hit, scales->err);
        }
    }
    if (st == HM_OK && scales->own) {
        struct hm_ports of_owner;

        st = hm_ports_subtract(held, *hit, scales->arena, &of_owner, scales->err);
        if (st == HM_OK && scales->need->published) {
            scales->out->unprotected =
                scales->stack->has_dynamic &&
                hm_ports_overlap(of_owner, (struct hm_ports){&scales->stack->dynamic, 1});
        } else if (st == HM_OK) {
            st = hm_ports_union(scales->open, of_owner, scales->arena, &scales->open, scales->err);
        }
    }
    return st;
}

/* Where listeners, or rows of them, are missing, it does not show whether a component has the port
 * for the product itself or for another one. *out_doubt: the part of hit that this is true of. HNS
 * and WinNAT take blocks: theirs are another's, unless no listener at all was read. */
static enum hm_status find_doubt(struct scales *scales, struct hm_ports hit,
                                 struct hm_ports *out_doubt)
{
    const struct hm_inventory *inventory = scales->facts->inventory;
    const struct hm_ports rows = scales->stack->runtime;
    const bool misses = inventory->listeners_partial ||
                        scales->facts->lacks_rows[scales->need->requirement->protocol];
    enum hm_status st = HM_OK;

    *out_doubt = (struct hm_ports){NULL, 0};
    if (scales->effect != HM_EXCLUSION_BREAKS) {
        return HM_OK;
    }
    if (!inventory->has_listeners || scales->need->published) { /* WinNAT's block, and its port */
        *out_doubt = hit;
        return HM_OK;
    }
    for (size_t i = 0; misses && st == HM_OK && i < rows.count; i++) {
        const struct hm_ports row = {&rows.at[i], 1};

        if (hm_range_count(rows.at[i]) == 1 && hm_ports_overlap(hit, row)) {
            st = hm_ports_union(*out_doubt, row, scales->arena, out_doubt, scales->err);
        }
    }
    return st;
}

static enum hm_status weigh_runtime(struct scales *scales)
{
    struct hm_ports runtime = scales->stack->runtime;
    struct hm_ports doubt;
    struct hm_ports hit;
    enum hm_status st;

    if (!hm_ports_overlap(scales->open, runtime) || scales->need->requirement->falls_back) {
        return HM_OK; /* who falls back starts in spite of a row, too */
    }
    st = hm_ports_intersect(scales->open, runtime, scales->arena, &hit, scales->err);
    if (st == HM_OK) {
        st = hm_ports_subtract(scales->open, runtime, scales->arena, &scales->open, scales->err);
    }
    if (st == HM_OK && scales->need->requirement->reserve_only) {
        /* a row keeps programs off as an exclusion does, until it moves or goes */
        scales->own = true;
        scales->out->unprotected =
            scales->stack->has_dynamic &&
            hm_ports_overlap(hit, (struct hm_ports){&scales->stack->dynamic, 1});
        return HM_OK;
    }
    if (st == HM_OK) {
        st = drop_own(scales, &hit);
    }
    if (st == HM_OK) {
        st = find_doubt(scales, hit, &doubt);
    }
    if (st == HM_OK) {
        st = hm_ports_subtract(hit, doubt, scales->arena, &hit, scales->err);
    }
    if (st == HM_OK && hit.count > 0) {
        return decide(scales, HM_BLOCKED, HM_REASON_RUNTIME_EXCLUSION, hit);
    }
    if (st == HM_OK && doubt.count > 0) {
        scales->out->unsure = doubt; /* it may be its own row */
        return decide(scales, HM_UNKNOWN, HM_REASON_FACTS_MISSING, doubt);
    }
    return st;
}

/* Ports that are in no range that it may be are outside of it. */
static enum hm_status weigh_unknown_range(struct scales *scales)
{
    struct hm_ports most = {&scales->stack->most, 1};
    struct hm_ports hit = scales->open;
    enum hm_status st = HM_OK;

    if (scales->stack->has_most && scales->stack->has_runtime) {
        st = hm_ports_intersect(scales->open, most, scales->arena, &hit, scales->err);
    }
    if (st == HM_OK && hit.count > 0) {
        st = decide(scales, HM_UNKNOWN, HM_REASON_FACTS_MISSING, hit);
    }
    return st;
}

/* Ports outside of the range are safe when no exclusion that matters can have them. */
static bool is_outside_unread(const struct scales *scales)
{
    return !scales->stack->has_runtime ||
           (scales->effect != HM_EXCLUSION_PROTECTS && !scales->stack->has_administered);
}

static enum hm_status weigh_dynamic(struct scales *scales)
{
    const struct hm_stack_facts *stack = scales->stack;
    struct hm_ports dynamic = {stack->has_dynamic ? &stack->dynamic : &stack->least, 1};
    struct hm_ports hit;
    enum hm_status st;

    if (!stack->has_dynamic && !(stack->has_least && hm_ports_overlap(scales->open, dynamic))) {
        return weigh_unknown_range(scales);
    }
    if (!hm_ports_overlap(scales->open, dynamic)) {
        return scales->open.count > 0 && is_outside_unread(scales)
                   ? decide(scales, HM_UNKNOWN, HM_REASON_FACTS_MISSING, scales->open)
                   : HM_OK;
    }
    st = hm_ports_intersect(scales->open, dynamic, scales->arena, &hit, scales->err);
    if (st != HM_OK) {
        return st;
    }
    if (!stack->has_administered || !stack->has_runtime) {
        return decide(scales, HM_UNKNOWN, HM_REASON_FACTS_MISSING,
                      is_outside_unread(scales) ? scales->open : hit);
    }
    scales->out->exposed = hit;
    return decide(scales, HM_EXPOSED, HM_REASON_IN_DYNAMIC, hit);
}

/* In order of badness; the first that finds something at risk ends it. Unknown does not, as a later
 * step may know worse; none makes it better. */
static enum hm_status (*const steps[])(struct scales *) = {
    weigh_holders,
    weigh_administered,
    weigh_runtime,
    weigh_dynamic,
};

static enum hm_status weigh_stack(struct scales *scales)
{
    struct hm_need_stack *out = scales->out;
    enum hm_status st = HM_OK;

    out->judged = true;
    scales->open = scales->ports;
    for (size_t i = 0; i < HM_COUNT(steps) && st == HM_OK && out->state < HM_EXPOSED; i++) {
        st = steps[i](scales);
    }
    if (st == HM_OK && out->state < HM_EXPOSED && scales->nameless) {
        st = decide(scales, HM_UNKNOWN, HM_REASON_FACTS_MISSING, scales->ports);
    }
    if (st == HM_OK && out->state < HM_EXPOSED && scales->lingering.count > 0) {
        st = decide(scales, HM_UNKNOWN, HM_REASON_FACTS_MISSING, scales->lingering);
        out->has_holder = true;
        out->holder = scales->need->lingering;
    }
    if (st == HM_OK && decided(scales) && out->state < HM_EXPOSED) {
        st = decide(scales, HM_UNKNOWN, HM_REASON_FACTS_MISSING, out->unclear);
    } else if (st == HM_OK && !decided(scales) && out->unclear.count > 0) {
        st = decide(scales, HM_UNKNOWN, HM_REASON_UNKNOWN_LISTENER, out->unclear);
        out->has_holder = true;
        out->holder = out->unclear_holder;
    }
    if (st == HM_OK && !decided(scales)) {
        out->state = HM_SAFE;
        out->reason = HM_REASON_OUTSIDE_DYNAMIC;
        if (scales->own) {
            out->reason = HM_REASON_OWN_RESERVATION;
        } else if (hm_ports_overlap(scales->ports, scales->stack->administered)) {
            out->reason = HM_REASON_EXCLUDED;
        }
    }
    return st;
}

static unsigned weight(const struct hm_need_stack *stack)
{
    return (unsigned)stack->state * 16 + reason_weight[stack->reason];
}

/* Takes what the stack says into the verdict when it is as bad as the worst. */
static enum hm_status merge(struct hm_verdict *verdict, const struct hm_need_stack *stack,
                            enum hm_family family, struct hm_arena *arena, struct hm_err *err)
{
    if (stack->state != verdict->state) {
        return HM_OK;
    }
    verdict->families.at[verdict->families.count++] = hm_family_names[family];
    if (stack->has_holder && !verdict->has_holder) {
        verdict->has_holder = true;
        verdict->holder = stack->holder;
    }
    if (verdict->at_risk.count == 0 || hm_ports_equal(verdict->at_risk, stack->at_risk)) {
        verdict->at_risk = stack->at_risk;
        return HM_OK;
    }
    return hm_ports_union(verdict->at_risk, stack->at_risk, arena, &verdict->at_risk, err);
}

static bool binds(enum hm_families families, enum hm_family family)
{
    return families == HM_FAMILIES_BOTH || (families == HM_FAMILIES_IPV4) == (family == HM_IPV4);
}

static enum hm_status sum_up(struct hm_need *need, struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_need_stack *worst = NULL;
    struct hm_verdict *verdict = &need->verdict;
    enum hm_status st = HM_OK;

    verdict->families.at = hm_arena_alloc(arena, 2, sizeof(*verdict->families.at));
    if (verdict->families.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a verdict");
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_need_stack *stack = &need->stacks[i];

        if (stack->judged && (worst == NULL || weight(stack) > weight(worst))) {
            worst = stack;
        }
    }
    if (worst == NULL) {
        return HM_OK;
    }
    verdict->state = worst->state;
    verdict->reason = worst->reason;
    for (unsigned i = 0; i < 2 && st == HM_OK; i++) {
        if (need->stacks[i].judged) {
            st = merge(verdict, &need->stacks[i], i == 0 ? HM_IPV4 : HM_IPV6, arena, err);
        }
    }
    return st;
}

/* Most ports of most requirements are: then there is no owner or holder to look for. */
static bool is_quiet(const struct hm_facts *facts, const struct hm_requirement *requirement)
{
    struct hm_port_cursor of_listeners = {0, 0, 0};
    struct hm_port_cursor of_sockets = {0, 0, 0};

    return hm_facts_next_listener(facts, requirement->protocol, requirement->ports,
                                  &of_listeners) == NULL &&
           hm_facts_next_socket(facts, requirement->protocol, requirement->ports, &of_sockets) ==
               NULL;
}

enum hm_status hm_need_weigh_stacks(const struct hm_facts *facts, struct hm_need *need,
                                    bool after_boot, struct hm_need_stack out_stacks[2],
                                    struct hm_arena *arena, struct hm_err *err)
{
    const enum hm_protocol protocol = need->requirement->protocol;
    enum hm_status st = HM_OK;

    for (unsigned i = 0; i < 2 && st == HM_OK; i++) {
        enum hm_family family = i == 0 ? HM_IPV4 : HM_IPV6;
        struct scales scales = {
            .facts = facts,
            .need = need,
            .family = family,
            .stack = after_boot ? hm_facts_next_stack(facts, protocol, family)
                                : hm_facts_stack(facts, protocol, family),
            .after_boot = after_boot,
            .effect = effect_of(facts, need->verdict.kind),
            .arena = arena,
            .err = err,
            .out = &out_stacks[i],
        };

        if (!scales.stack->present || !binds(need->families, family)) {
            continue;
        }
        st = hm_need_ports_in(need, family, arena, &scales.ports, err);
        if (st == HM_OK && (scales.ports.count > 0 || need->requirement->ports.count == 0)) {
            st = weigh_stack(&scales);
        }
    }
    return st;
}

enum hm_status hm_need_weigh(const struct hm_facts *facts, struct hm_need *need,
                             struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_requirement *requirement = need->requirement;
    struct hm_verdict *verdict = &need->verdict;
    enum hm_listener_kind kind = requirement->kind;
    enum hm_status st;

    need->quiet = is_quiet(facts, requirement);
    if (!need->quiet) {
        kind = real_kind(facts, need);
    }
    verdict->requirement = requirement->id;
    verdict->protocol = requirement->protocol;
    verdict->ports = requirement->ports;
    verdict->kind = kind;
    verdict->origin = need->product == NULL ? HM_ORIGIN_OBSERVED : HM_ORIGIN_CATALOGUE;
    st = hm_need_weigh_stacks(facts, need, false, need->stacks, arena, err);
    if (st == HM_OK) {
        st = sum_up(need, arena, err);
    }
    if (st == HM_OK && verdict->state == HM_EXPOSED) {
        st = hm_need_weigh_odds(facts, need, arena, err);
    }
    return st == HM_OK ? hm_need_weigh_next(facts, need, arena, err) : st;
}
