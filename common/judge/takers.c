/* common/judge/takers.c — what takes ports at random at the next start (windows-ports 2.1, 2.9).
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/facts.h"

static bool is_served(const struct hm_facts *facts, enum hm_protocol protocol, struct hm_range row)
{
    const struct hm_ports ports = {&row, 1};
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;
    uint32_t last = HM_PORT_COUNT;
    uint32_t count = 0;

    while ((listener = hm_facts_next_listener(facts, protocol, ports, &cursor)) != NULL) {
        count += listener->port != last;
        last = listener->port;
    }
    return count == hm_range_count(row);
}

static bool moves(const struct hm_facts *facts, enum hm_protocol protocol, struct hm_range row)
{
    return row.first < row.last && row.first >= HM_GIVEN_FIRST &&
           !hm_hns_keeps(facts->inventory, row) && !hm_hns_may_keep(facts->inventory, row) &&
           !is_served(facts, protocol, row);
}

static enum hm_status fill_space(const struct hm_facts *facts, enum hm_protocol protocol,
                                 struct hm_stack_facts *stack, struct hm_arena *arena,
                                 struct hm_err *err)
{
    const struct hm_ports dynamic = {&stack->dynamic, 1};
    const struct hm_ports runtime = stack->runtime;
    struct hm_range *blocks = hm_arena_alloc(arena, runtime.count, sizeof(*blocks));
    struct hm_range *fixed = hm_arena_alloc(arena, runtime.count, sizeof(*fixed));
    struct hm_ports taken = {fixed, 0};
    enum hm_status st;

    if (blocks == NULL || fixed == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the blocks of a host");
    }
    stack->blocks = (struct hm_ports){blocks, 0};
    for (size_t i = 0; i < runtime.count; i++) {
        if (moves(facts, protocol, runtime.at[i])) {
            blocks[stack->blocks.count++] = runtime.at[i];
        } else {
            fixed[taken.count++] = runtime.at[i];
        }
    }
    st = hm_ports_subtract(dynamic, stack->administered, arena, &stack->space, err);
    if (st == HM_OK && taken.count > 0) {
        st = hm_ports_subtract(stack->space, taken, arena, &stack->space, err);
    }
    return st;
}

/* Somebody who listens on a required port has it on purpose, and takes no other at random. */
static enum hm_status fill_fixed(struct hm_facts *facts, struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_inventory *inventory = facts->inventory;
    const struct hm_sockets *sockets = facts->input->sockets;

    for (unsigned i = 0; i < 2; i++) {
        facts->fixed[i] = hm_portbits_new(arena);
        if (facts->fixed[i] == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for the listeners of a host");
        }
    }
    for (size_t i = 0; inventory->has_listeners && i < inventory->listeners.count; i++) {
        const struct hm_listener *listener = &inventory->listeners.at[i];

        if (hm_portbits_has(facts->required[listener->protocol], listener->port)) {
            hm_portbits_put(facts->fixed[listener->protocol], listener->port);
        }
    }
    for (size_t i = 0; i < facts->sockets.count; i++) { /* those of required ports */
        const struct hm_socket *socket = &sockets->at[facts->sockets.at[i].at];

        if (socket->state == HM_SOCKET_LISTEN) {
            hm_portbits_put(facts->fixed[socket->protocol], socket->port);
        }
    }
    return HM_OK;
}

enum hm_status hm_facts_find_takers(struct hm_facts *facts, struct hm_arena *arena,
                                    struct hm_err *err)
{
    enum hm_status st = fill_fixed(facts, arena, err);

    for (unsigned i = 0; i < HM_STACK_COUNT && st == HM_OK; i++) {
        if (facts->stacks[i].has_usable) {
            st = fill_space(facts, i / 2 == 0 ? HM_TCP : HM_UDP, &facts->stacks[i], arena, err);
        }
    }
    return st;
}
