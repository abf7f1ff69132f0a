/* common/judge/remedy_room.c — a remedy leaves ports for outgoing connections.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is reserved or excluded is given to nobody. Where the dynamic range is small, the ports at
 * risk may be nearly all of it: kept free together, they would end all outgoing connections of the
 * host. Then the range comes first. */
#include "common/judge/headroom.h"
#include "common/judge/remedy_scope.h"

#define ROOM_MIN_PORTS 1024u /* a remedy that leaves fewer may take half of the range at most */

/* Would these ports, kept free, leave too few of the stack's range? */
static bool starves(struct hm_finding_list *list, const struct hm_stack_facts *stack,
                    struct hm_ports ports, uint32_t *out_left)
{
    struct hm_ports before =
        hm_finding_without(list, (struct hm_ports){&stack->dynamic, 1}, stack->administered);
    uint32_t left = hm_ports_count(hm_finding_without(list, before, ports));

    if (!stack->has_dynamic || left == hm_ports_count(before)) {
        return false;
    }
    *out_left = left;
    return left < HM_HEADROOM_LEFT_MIN || left < stack->others + HM_HEADROOM_LEFT_MIN ||
           (left < ROOM_MIN_PORTS && left < hm_ports_count(before) / 2);
}

/* netsh adds rows one by one: what the other findings of the host exclude counts, too. */
struct hm_ports hm_remedy_all_excludable(const struct hm_finding_ctx *ctx,
                                         struct hm_finding_list *list, enum hm_protocol protocol)
{
    struct hm_port_bag bag = {.count = 0};

    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];

        if (need->verdict.protocol == protocol && hm_remedy_is_at_risk(need) &&
            hm_remedy_may_exclude(ctx, need)) {
            hm_port_bag_put(list, &bag, need->verdict.at_risk);
        }
    }
    return hm_port_bag_set(list, &bag);
}

static struct hm_ports of_stack(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                                const struct hm_stack_ports *ports, unsigned stack)
{
    return hm_finding_union(list, ports->of[stack], ctx->excludable[stack < 2 ? HM_TCP : HM_UDP]);
}

bool hm_remedy_leaves_room(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                           const struct hm_stack_ports *ports, uint32_t *out_left)
{
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        const struct hm_stack_facts *next = hm_facts_next_stack(ctx->facts, i < 2 ? HM_TCP : HM_UDP,
                                                                i % 2 == 0 ? HM_IPV4 : HM_IPV6);

        if (ports->of[i].count == 0) {
            continue;
        }
        if (starves(list, &ctx->facts->stacks[i], of_stack(ctx, list, ports, i), out_left) ||
            starves(list, next, of_stack(ctx, list, ports, i), out_left)) {
            return false;
        }
    }
    return true;
}

/* Does the system's default range have enough ports beside these? */
static bool default_has_room(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                             struct hm_ports ports)
{
    struct hm_range usual;

    return hm_os_default_dynamic(&ctx->input->inventory->os, &usual) &&
           hm_ports_count(hm_finding_without(list, (struct hm_ports){&usual, 1}, ports)) >=
               ROOM_MIN_PORTS;
}

bool hm_remedy_make_room(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                         struct hm_finding *finding, const struct hm_stack_ports *ports,
                         uint32_t left)
{
    struct hm_ports all = {NULL, 0};

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        all = hm_finding_union(list, all, of_stack(ctx, list, ports, i));
    }
    if (!ctx->facts->boot_changes && default_has_room(ctx, list, all) &&
        hm_remedy_can_set_back(ctx, list)) {
        hm_remedy_set_back(ctx, list, finding);
        return true;
    }
    (void)hm_remedy_step(
        list, finding, HM_STEP_DECIDE,
        hm_finding_print(list,
                         "Keep none of the ports at risk free before the dynamic range is larger: "
                         "%u of its ports would be left, and when none is free, outgoing "
                         "connections fail. Give this host a larger range, or one that is off "
                         "these ports; then look again.",
                         (unsigned)left));
    return false;
}
