/* common/ports/sockets.c — which sockets of a moment are listeners of the host.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/sockets.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"

const char *const hm_socket_state_names[HM_SOCKET_STATE_COUNT] = {
    "listen", "established", "time_wait", "bound", "closing",
};

bool hm_socket_state_lingers(enum hm_socket_state state)
{
    return state == HM_SOCKET_TIME_WAIT || state == HM_SOCKET_CLOSING;
}

#define WINDOWS_SYSTEM_PID 4 /* kernel drivers and HTTP.sys: their sockets belong to "System" */

/* Ports that say by themselves who serves them (windows-ports 2.1, 2.6, 5.1). */
struct kind_row {
    enum hm_protocol protocol;
    uint16_t port;
    bool system_only;
    enum hm_listener_kind kind;
};

static const struct kind_row kinds[] = {
    {HM_TCP, 139,  true,  HM_KIND_KERNEL}, /* SMB over NetBIOS */
    {HM_TCP, 445,  true,  HM_KIND_KERNEL}, /* SMB */
    {HM_TCP, 1723, true,  HM_KIND_KERNEL}, /* PPTP */
    {HM_UDP, 443,  true,  HM_KIND_QUIC  }, /* HTTP/3, SMB over QUIC */
    {HM_UDP, 1900, false, HM_KIND_SHARED}, /* SSDP */
    {HM_UDP, 3702, false, HM_KIND_SHARED}, /* WS-Discovery */
    {HM_UDP, 5353, false, HM_KIND_SHARED}, /* mDNS */
    {HM_UDP, 5355, false, HM_KIND_SHARED}, /* LLMNR */
};

static const char *known(const char *text)
{
    return text == NULL ? "" : text;
}

static enum hm_listener_kind kind_of(const struct hm_socket *socket)
{
    const char *program = known(socket->program);
    bool system = socket->pid == WINDOWS_SYSTEM_PID &&
                  (program[0] == '\0' || hm_str_equal_nocase(program, "System"));

    for (size_t i = 0; i < HM_COUNT(kinds); i++) {
        const struct kind_row *row = &kinds[i];

        if (row->protocol == socket->protocol && row->port == socket->port &&
            (system || !row->system_only)) {
            return row->kind;
        }
    }
    if (system) { /* an unknown port of System counts as HTTP.sys: excluding it would break it */
        return socket->protocol == HM_TCP ? HM_KIND_HTTPSYS : HM_KIND_KERNEL;
    }
    return HM_KIND_SOCKET;
}

/* A UDP port that the stack may have handed out. Unknown range: it may be any. */
static bool maybe_random(const struct hm_socket *socket, const struct hm_stacks *stacks)
{
    if (socket->protocol != HM_UDP || socket->state != HM_SOCKET_LISTEN) {
        return false;
    }
    for (size_t i = 0; i < stacks->count; i++) {
        const struct hm_stack *stack = &stacks->at[i];

        if (stack->protocol == HM_UDP && stack->family == socket->family && stack->has_dynamic) {
            return hm_range_contains(stack->dynamic, socket->port);
        }
    }
    return true;
}

/* One process: by id where the system tells it, else by name. */
static int compare_owners(const void *a, const void *b)
{
    const struct hm_socket *x = *(const struct hm_socket *const *)a;
    const struct hm_socket *y = *(const struct hm_socket *const *)b;

    if (x->pid != y->pid) {
        return x->pid < y->pid ? -1 : 1;
    }
    return strcmp(known(x->program), known(y->program));
}

static void add_listener(struct hm_listeners *out, const struct hm_socket *socket)
{
    out->at[out->count++] = (struct hm_listener){
        .protocol = socket->protocol,
        .family = socket->family,
        .address = known(socket->address),
        .port = socket->port,
        .program = known(socket->program),
        .service = known(socket->service),
        .kind = kind_of(socket),
        .hosted = socket->hosted,
    };
}

/* Adds the random-range UDP sockets of each process that holds few of them. */
static void add_small_holders(const struct hm_socket **sockets, size_t count,
                              struct hm_listeners *out)
{
    size_t start = 0;

    if (count > 1) {
        qsort(sockets, count, sizeof(*sockets), compare_owners);
    }
    while (start < count) {
        size_t end = start + 1;

        while (end < count && compare_owners(&sockets[start], &sockets[end]) == 0) {
            end++;
        }
        for (size_t i = start; end - start <= HM_UDP_POOL_MIN && i < end; i++) {
            add_listener(out, sockets[i]);
        }
        start = end;
    }
}

enum hm_status hm_sockets_to_listeners(const struct hm_sockets *sockets,
                                       const struct hm_stacks *stacks, struct hm_arena *arena,
                                       struct hm_listeners *out_listeners, struct hm_err *err)
{
    struct hm_inventory settled = {.has_listeners = true};
    struct hm_listeners *found = &settled.listeners;
    const struct hm_socket **random;
    size_t random_count = 0;

    found->at = hm_arena_alloc(arena, sockets->count, sizeof(*found->at));
    random = hm_arena_alloc(arena, sockets->count, sizeof(*random));
    if (found->at == NULL || random == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the listeners among %zu sockets",
                       sockets->count);
    }
    for (size_t i = 0; i < sockets->count; i++) {
        const struct hm_socket *socket = &sockets->at[i];

        if (maybe_random(socket, stacks)) {
            random[random_count++] = socket;
        } else if (socket->state == HM_SOCKET_LISTEN) {
            add_listener(found, socket);
        }
    }
    add_small_holders(random, random_count, found);
    hm_inventory_settle(&settled);
    *out_listeners = *found;
    return HM_OK;
}
