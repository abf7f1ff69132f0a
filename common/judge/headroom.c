/* common/judge/headroom.c — how full the dynamic ranges are (windows-ports 4.3).
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/headroom.h"

#include "common/ports/portbits.h"

#define BLOCK_PORTS 64u /* what kube-proxy and the Microsoft SDN test take at once */

/* Both families' exclusions as one set: a component's block may show in one family only. */
static enum hm_status get_blocked(const struct hm_inventory *inventory, enum hm_protocol protocol,
                                  struct hm_arena *arena, struct hm_ports *out_blocked,
                                  struct hm_err *err)
{
    struct hm_ports family[2] = {
        {NULL, 0},
        {NULL, 0}
    };
    enum hm_status st = HM_OK;

    for (unsigned i = 0; i < 2 && st == HM_OK; i++) {
        bool known;

        st = hm_inventory_excluded(inventory, protocol, i == 0 ? HM_IPV4 : HM_IPV6, arena, &known,
                                   &family[i], err);
    }
    if (st == HM_OK) {
        st = hm_ports_union(family[0], family[1], arena, out_blocked, err);
    }
    return st;
}

static void count_states(const struct hm_sockets *sockets, struct hm_sample_stack *row)
{
    for (size_t i = 0; i < sockets->count; i++) {
        const struct hm_socket *socket = &sockets->at[i];

        if (socket->protocol != row->protocol || socket->family != row->family) {
            continue;
        }
        row->established += socket->state == HM_SOCKET_ESTABLISHED ||
                            socket->state == HM_SOCKET_CLOSING; /* as netstat of Windows counts */
        row->time_wait += socket->state == HM_SOCKET_TIME_WAIT;
        row->bound += socket->state == HM_SOCKET_BOUND;
    }
}

/* taken: every port that is in use or blocked. */
static uint32_t count_free_blocks(const struct hm_portbits *taken, struct hm_range dynamic)
{
    uint32_t first = (dynamic.first + BLOCK_PORTS - 1) / BLOCK_PORTS;
    uint32_t end = (dynamic.last + 1u) / BLOCK_PORTS;
    uint32_t count = 0;

    for (uint32_t at = first; at < end; at++) {
        count += taken->word[at] == 0;
    }
    return count;
}

static enum hm_status fill_row(const struct hm_stack *stack, const struct hm_inventory *inventory,
                               const struct hm_sockets *sockets, struct hm_arena *arena,
                               struct hm_sample_stack *row, struct hm_err *err)
{
    struct hm_portbits *taken = hm_portbits_new(arena);
    struct hm_ports dynamic = {&stack->dynamic, 1};
    struct hm_ports blocked;
    struct hm_ports usable;
    enum hm_status st;

    if (taken == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to count ports in use");
    }
    st = get_blocked(inventory, stack->protocol, arena, &blocked, err);
    if (st == HM_OK) {
        st = hm_ports_subtract(dynamic, blocked, arena, &usable, err);
    }
    if (st != HM_OK) {
        return st;
    }
    row->protocol = stack->protocol;
    row->family = stack->family;
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->at[i].protocol == stack->protocol) {
            hm_portbits_put(taken, sockets->at[i].port);
        }
    }
    row->usable = hm_ports_count(usable);
    row->in_use = hm_portbits_count_ports(taken, usable);
    count_states(sockets, row);
    hm_portbits_put_ports(taken, blocked);
    row->free_blocks = count_free_blocks(taken, stack->dynamic);
    return HM_OK;
}

enum hm_status hm_headroom_sample(const struct hm_inventory *inventory,
                                  const struct hm_sockets *sockets, struct hm_arena *arena,
                                  struct hm_sample *out_sample, struct hm_err *err)
{
    struct hm_sample_stack *rows = hm_arena_alloc(arena, HM_STACK_COUNT, sizeof(*rows));
    size_t count = 0;

    if (rows == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a sample");
    }
    for (size_t i = 0; i < inventory->stacks.count && count < HM_STACK_COUNT; i++) {
        const struct hm_stack *stack = &inventory->stacks.at[i];
        enum hm_status st;

        if (!stack->has_dynamic) {
            continue;
        }
        st = fill_row(stack, inventory, sockets, arena, &rows[count], err);
        if (st != HM_OK) {
            return st;
        }
        count++;
    }
    out_sample->stacks = (struct hm_sample_stacks){rows, count};
    return HM_OK;
}

double hm_headroom_utilisation(const struct hm_sample_stack *row)
{
    if (row->usable == 0) {
        return 1.0;
    }
    return (double)row->in_use / (double)row->usable;
}

uint32_t hm_headroom_left(const struct hm_sample_stack *row)
{
    return row->usable > row->in_use ? row->usable - row->in_use : 0;
}

bool hm_headroom_is_low(const struct hm_sample_stack *row)
{
    return hm_headroom_utilisation(row) >= HM_HEADROOM_WARN ||
           hm_headroom_left(row) < HM_HEADROOM_LEFT_MIN;
}
