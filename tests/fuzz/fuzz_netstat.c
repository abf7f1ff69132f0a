/* tests/fuzz/fuzz_netstat.c — netstat: accepted rows are whole, and become listeners.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/str.h"
#include "common/readers/netstat_text.h"

#define ARENA_BYTES (64u * 1024u * 1024u)

static void check_socket(const struct hm_socket *socket, const struct hm_netstat *about)
{
    int connected = socket->state == HM_SOCKET_ESTABLISHED || socket->state == HM_SOCKET_TIME_WAIT;

    HM_MUST(socket->address[0] != '\0' && socket->program != NULL && socket->service != NULL);
    HM_MUST(hm_str_is_utf8(socket->address, strlen(socket->address)));
    HM_MUST(hm_str_is_utf8(socket->remote, strlen(socket->remote)));
    HM_MUST(connected == (socket->remote[0] != '\0'));
    HM_MUST(socket->state != HM_SOCKET_TIME_WAIT || socket->pid == 0);
    HM_MUST(about->has_pids || socket->pid == 0);
    HM_MUST(about->has_programs || socket->program[0] == '\0');
    HM_MUST(socket->service[0] == '\0' || socket->program[0] != '\0');
    HM_MUST(socket->state != HM_SOCKET_BOUND || socket->protocol == HM_TCP);
    HM_MUST(hm_str_is_utf8(socket->program, strlen(socket->program)));
    HM_MUST(hm_str_is_utf8(socket->service, strlen(socket->service)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct hm_stacks unknown = {NULL, 0};
    struct hm_err err = {0};
    struct hm_arena arena;
    struct hm_netstat netstat;
    struct hm_listeners listeners;

    hm_arena_init(&arena, ARENA_BYTES);
    if (hm_netstat_parse((const char *)data, size, &arena, &netstat, &err) == HM_OK) {
        const struct hm_sockets *sockets = &netstat.sockets;

        HM_MUST(sockets->count > 0);
        for (size_t i = 0; i < sockets->count; i++) {
            check_socket(&sockets->at[i], &netstat);
        }
        HM_MUST(hm_sockets_to_listeners(sockets, &unknown, &arena, &listeners, &err) == HM_OK);
        HM_MUST(listeners.count <= sockets->count);
    } else {
        HM_MUST(err.status != HM_OK && err.text[0] != '\0');
    }
    hm_arena_fini(&arena);
    return 0;
}
