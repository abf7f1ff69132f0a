/* common/judge/need_next.c — what the next boot makes of a need.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/need.h"

/* The part of the ports that the stack surely never hands out, in or out of its range. */
static enum hm_status get_spared(const struct hm_stack_facts *stack, struct hm_ports ports,
                                 struct hm_arena *arena, struct hm_ports *out_spared,
                                 struct hm_err *err)
{
    struct hm_ports dynamic = {&stack->dynamic, 1};
    struct hm_ports open = {NULL, 0};
    enum hm_status st = HM_OK;

    if (!stack->has_dynamic) { /* whatever the range is */
        return hm_ports_intersect(ports, stack->administered, arena, out_spared, err);
    }
    st = hm_ports_intersect(ports, dynamic, arena, &open, err);
    if (st == HM_OK) {
        st = hm_ports_subtract(open, stack->administered, arena, &open, err);
    }
    return st == HM_OK ? hm_ports_subtract(ports, open, arena, out_spared, err) : st;
}

/* Is the exclusion that breaks the listener another one after the boot? */
static bool is_unbroken(const struct hm_need *need, const struct hm_stack_facts *now,
                        const struct hm_stack_facts *next)
{
    const struct hm_ports ports = need->requirement->ports;

    return (need->verdict.reason == HM_REASON_RESERVER_EXCLUDED ||
            need->verdict.reason == HM_REASON_SHARED_EXCLUDED) &&
           hm_ports_overlap(ports, now->administered) &&
           !hm_ports_overlap(ports, next->administered);
}

/* Does what is written mean something to these ports? */
static enum hm_status is_touched(const struct hm_facts *facts, const struct hm_need *need,
                                 struct hm_arena *arena, bool *out_touched, struct hm_err *err)
{
    const struct hm_requirement *requirement = need->requirement;
    enum hm_status st = HM_OK;

    *out_touched = false;
    for (unsigned i = 0; facts->boot_changes && i < 2 && st == HM_OK && !*out_touched; i++) {
        enum hm_family family = i == 0 ? HM_IPV4 : HM_IPV6;
        struct hm_ports now;
        struct hm_ports next;

        if (!need->stacks[i].judged) {
            continue;
        }
        st = get_spared(hm_facts_stack(facts, requirement->protocol, family), requirement->ports,
                        arena, &now, err);
        if (st == HM_OK) {
            st = get_spared(hm_facts_next_stack(facts, requirement->protocol, family),
                            requirement->ports, arena, &next, err);
        }
        *out_touched =
            st == HM_OK && (!hm_ports_equal(now, next) ||
                            is_unbroken(need, hm_facts_stack(facts, requirement->protocol, family),
                                        hm_facts_next_stack(facts, requirement->protocol, family)));
    }
    return st;
}

/* 2000 to 2003: was everything that is reserved so when the host started? Then the program that
 * has such a port took it in spite of that, and may do so again. */
static bool was_booted(const struct hm_facts *facts)
{
    return facts->legacy && facts->inventory->has_registry &&
           facts->inventory->registry.has_reserved_ports &&
           (facts->inventory->registry.in_force == HM_IN_FORCE_WRITTEN ||
            facts->inventory->registry.contradicted);
}

enum hm_status hm_need_weigh_next(const struct hm_facts *facts, struct hm_need *need,
                                  struct hm_arena *arena, struct hm_err *err)
{
    struct hm_verdict *verdict = &need->verdict;
    struct hm_need after = *need;
    enum hm_verdict_state worst = HM_SAFE;
    bool touched;
    enum hm_status st = is_touched(facts, need, arena, &touched, err);

    if (st == HM_OK && verdict->reason == HM_REASON_OWN_RESERVATION &&
        (need->stacks[0].unprotected || need->stacks[1].unprotected)) {
        verdict->has_after_boot = true;
        verdict->after_boot = HM_EXPOSED;
        return HM_OK;
    }
    if (st != HM_OK || (!touched && (verdict->reason != HM_REASON_HELD || was_booted(facts)))) {
        return st;
    }
    st = hm_need_weigh_stacks(facts, &after, true, need->next, arena, err);
    for (unsigned i = 0; i < 2; i++) {
        worst = need->next[i].judged && need->next[i].state > worst ? need->next[i].state : worst;
    }
    verdict->has_after_boot =
        st == HM_OK && worst != verdict->state && (touched || worst == HM_SAFE);
    verdict->after_boot = verdict->has_after_boot ? worst : HM_SAFE;
    need->awaits_boot = touched || facts->legacy;
    return st;
}

bool hm_need_is_cured_by_boot(const struct hm_need *need)
{
    return need->awaits_boot && need->verdict.state != HM_SAFE && need->verdict.has_after_boot &&
           need->verdict.after_boot == HM_SAFE;
}
