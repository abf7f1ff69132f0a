/* common/judge/holders.c — which programs hold the ports of a dynamic range.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/holders.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"

/* One socket inside the dynamic range. */
struct held {
    const char *program;
    const char *service;
    uint16_t port;
};

static const char time_wait[] = "TIME_WAIT";

static const char *known(const char *text)
{
    return text == NULL ? "" : text;
}

static int compare_names(const struct held *a, const struct held *b)
{
    int by = strcmp(a->program, b->program);

    return by != 0 ? by : strcmp(a->service, b->service);
}

static int compare_held(const void *a, const void *b)
{
    const struct held *x = a;
    const struct held *y = b;
    int by = compare_names(x, y);

    return by != 0 ? by : (x->port > y->port) - (x->port < y->port);
}

static bool in_range(const struct hm_facts *facts, const struct hm_socket *socket)
{
    const struct hm_stack_facts *stack = hm_facts_stack(facts, socket->protocol, socket->family);

    return stack->has_dynamic && hm_range_contains(stack->dynamic, socket->port);
}

static size_t collect(const struct hm_facts *facts, enum hm_protocol protocol, struct held *at)
{
    const struct hm_sockets *sockets = facts->input->sockets;
    size_t count = 0;

    for (size_t i = 0; i < sockets->count; i++) {
        const struct hm_socket *socket = &sockets->at[i];

        if (socket->protocol != protocol || !in_range(facts, socket)) {
            continue;
        }
        at[count] = (struct held){known(socket->program), known(socket->service), socket->port};
        if (at[count].program[0] == '\0' && at[count].service[0] == '\0') {
            at[count].program = socket->state == HM_SOCKET_TIME_WAIT ? time_wait
                                : socket->state == HM_SOCKET_CLOSING ? "closed connections"
                                                                     : "an unknown process";
        }
        count++;
    }
    return count;
}

static const char *name_of(const struct held *held, struct hm_arena *arena)
{
    if (held->program[0] == '\0') {
        return held->service;
    }
    return held->service[0] == '\0' || hm_str_equal_nocase(held->service, held->program)
               ? held->program
               : hm_arena_printf(arena, "%s (service %s)", held->program, held->service);
}

/* Keeps the list in order of ports, the smallest last. */
static void keep(struct hm_port_holder *holders, size_t room, size_t *count,
                 struct hm_port_holder holder)
{
    size_t at = *count;

    while (at > 0 && holders[at - 1].ports < holder.ports) {
        at--;
    }
    if (at == room) {
        return;
    }
    if (*count < room) {
        (*count)++;
    }
    memmove(&holders[at + 1], &holders[at], (*count - at - 1) * sizeof(*holders));
    holders[at] = holder;
}

enum hm_status hm_holders_list(const struct hm_facts *facts, enum hm_protocol protocol,
                               struct hm_arena *arena, struct hm_port_holder *out_holders,
                               size_t room, size_t *out_count, struct hm_err *err)
{
    const struct hm_sockets *sockets = facts->input->sockets;
    struct held *at;
    size_t count;
    size_t i = 0;

    *out_count = 0;
    if (sockets == NULL) {
        return HM_OK;
    }
    at = hm_arena_alloc(arena, sockets->count, sizeof(*at));
    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to count who holds ports");
    }
    count = collect(facts, protocol, at);
    if (count > 1) {
        qsort(at, count, sizeof(*at), compare_held);
    }
    while (i < count) {
        const struct held *first = &at[i];
        struct hm_port_holder holder = {name_of(first, arena), 0};

        if (holder.name == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory to count who holds ports");
        }
        for (uint32_t last = HM_PORT_COUNT; i < count && compare_names(first, &at[i]) == 0; i++) {
            holder.ports += at[i].port != last;
            last = at[i].port;
        }
        keep(out_holders, room, out_count, holder);
    }
    return HM_OK;
}
