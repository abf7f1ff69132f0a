/* agent/platform/windows/socket_rows.c — rows of the system's socket tables as sockets of ours.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <ws2tcpip.h>

#include <iphlpapi.h>
#include <string.h>

#include "agent/platform/windows_rules.h"
#include "common/base/limits.h"
#include "common/os/windows_text.h"

#define ADDRESS_BYTES 16
#define SYSTEM_PID 4

/* One row of any table; IPv4 addresses use the first four bytes. */
struct row {
    enum hm_protocol protocol;
    enum hm_family family;
    DWORD state; /* of TCP */
    unsigned char local[ADDRESS_BYTES];
    unsigned char remote[ADDRESS_BYTES];
    DWORD local_port; /* network order in the low 16 bits; the others may hold anything */
    DWORD remote_port;
    DWORD pid;
    DWORD service_tag; /* 0 = not told */
};

static uint16_t port_of(DWORD stored)
{
    return (uint16_t)((stored & 0xff) << 8 | (stored >> 8 & 0xff));
}

/* ---- the service behind a tag (undocumented, there since Vista) ---------------------------- */

struct tag_query {
    ULONG pid;
    ULONG tag;
    ULONG type;
    wchar_t *name;
};
typedef ULONG WINAPI query_tag(void *reserved, int level, struct tag_query *query);

/* Which of the services of a shared process: only the tag tells. */
static enum hm_status service_of(const struct hm_windows_process *process, const struct row *row,
                                 struct hm_arena *arena, const char **out, struct hm_err *err)
{
    query_tag *query;
    struct tag_query tag = {.pid = row->pid, .tag = row->service_tag};
    const char *name = process->service;

    query = process->services.count > 1 && row->service_tag != 0
                ? (query_tag *)hm_windows_lookup(L"advapi32.dll", "I_QueryTagInformation")
                : NULL;
    if (query != NULL && query(NULL, 1, &tag) == ERROR_SUCCESS && tag.name != NULL) {
        name = hm_windows_utf8(arena, tag.name);
        (void)LocalFree(tag.name);
    }
    if (name == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of sockets");
    }
    *out = name;
    return HM_OK;
}

/* ---- rows ---------------------------------------------------------------------------------- */

static enum hm_socket_state state_of(const struct row *row)
{
    if (row->protocol == HM_UDP) {
        return HM_SOCKET_LISTEN;
    }
    switch (row->state) {
    case MIB_TCP_STATE_LISTEN:
        return HM_SOCKET_LISTEN;
    case MIB_TCP_STATE_TIME_WAIT:
        return HM_SOCKET_TIME_WAIT;
    case MIB_TCP_STATE_CLOSED:
        return HM_SOCKET_BOUND;
    default:
        return HM_SOCKET_ESTABLISHED;
    }
}

static const char *remote_text(const struct row *row, struct hm_arena *arena)
{
    const char *address = hm_windows_address(row->remote, row->family, arena);

    if (address == NULL) {
        return NULL;
    }
    return hm_arena_printf(arena, row->family == HM_IPV6 ? "[%s]:%u" : "%s:%u", address,
                           port_of(row->remote_port));
}

static enum hm_status fill(const struct hm_socket_rows *rows, const struct row *row,
                           struct hm_socket *out, struct hm_err *err)
{
    const struct hm_windows_process *process =
        row->pid == 0 ? NULL : hm_windows_find_process(rows->processes, (uint32_t)row->pid);
    struct hm_socket socket = {.protocol = row->protocol,
                               .family = row->family,
                               .state = state_of(row),
                               .address = hm_windows_address(row->local, row->family, rows->arena),
                               .port = port_of(row->local_port),
                               .remote = "",
                               .pid = (uint32_t)row->pid,
                               .program = row->pid == SYSTEM_PID ? "System" : "",
                               .service = "",
                               .connecting =
                                   row->protocol == HM_TCP && row->state == MIB_TCP_STATE_SYN_SENT};
    enum hm_status st = HM_OK;

    if (socket.state == HM_SOCKET_ESTABLISHED || socket.state == HM_SOCKET_TIME_WAIT) {
        socket.remote = remote_text(row, rows->arena);
    }
    if (process != NULL) {
        socket.program = process->program;
        st = service_of(process, row, rows->arena, &socket.service, err);
        if (st == HM_OK && socket.service[0] == '\0' && process->services.count > 1) {
            socket.hosted = process->services;
        }
    }
    if (st == HM_OK && (socket.address == NULL || socket.remote == NULL)) {
        st = hm_fail(err, HM_ENOMEM, "no memory for the list of sockets");
    }
    if (st == HM_OK) {
        *out = socket;
    }
    return st;
}

static enum hm_status add(struct hm_socket_rows *rows, const struct row *row, struct hm_err *err)
{
    void *items = rows->sockets.at;
    enum hm_status st;

    if (port_of(row->local_port) == 0 ||
        (row->protocol == HM_TCP && row->state == MIB_TCP_STATE_DELETE_TCB)) {
        return HM_OK;
    }
    if (rows->sockets.count >= HM_LIMIT_SOCKETS) {
        return hm_fail(err, HM_ETOOBIG, "more than %u sockets on this host", HM_LIMIT_SOCKETS);
    }
    if (hm_arena_grow(rows->arena, &items, rows->sockets.count, &rows->room,
                      sizeof(*rows->sockets.at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of sockets");
    }
    rows->sockets.at = items;
    st = fill(rows, row, &rows->sockets.at[rows->sockets.count], err);
    if (st == HM_OK) {
        rows->sockets.count++;
    }
    return st;
}

static void take_tcp4(const void *from, struct row *row)
{
    const MIB_TCPROW_OWNER_MODULE *tcp = from;

    memcpy(row->local, &tcp->dwLocalAddr, sizeof(tcp->dwLocalAddr));
    memcpy(row->remote, &tcp->dwRemoteAddr, sizeof(tcp->dwRemoteAddr));
    row->state = tcp->dwState;
    row->local_port = tcp->dwLocalPort;
    row->remote_port = tcp->dwRemotePort;
    row->pid = tcp->dwOwningPid;
    row->service_tag = (DWORD)tcp->OwningModuleInfo[0];
}

static void take_tcp6(const void *from, struct row *row)
{
    const MIB_TCP6ROW_OWNER_MODULE *tcp = from;

    memcpy(row->local, tcp->ucLocalAddr, ADDRESS_BYTES);
    memcpy(row->remote, tcp->ucRemoteAddr, ADDRESS_BYTES);
    row->state = tcp->dwState;
    row->local_port = tcp->dwLocalPort;
    row->remote_port = tcp->dwRemotePort;
    row->pid = tcp->dwOwningPid;
    row->service_tag = (DWORD)tcp->OwningModuleInfo[0];
}

static void take_udp4(const void *from, struct row *row)
{
    const MIB_UDPROW_OWNER_MODULE *udp = from;

    memcpy(row->local, &udp->dwLocalAddr, sizeof(udp->dwLocalAddr));
    row->local_port = udp->dwLocalPort;
    row->pid = udp->dwOwningPid;
    row->service_tag = (DWORD)udp->OwningModuleInfo[0];
}

static void take_udp6(const void *from, struct row *row)
{
    const MIB_UDP6ROW_OWNER_MODULE *udp = from;

    memcpy(row->local, udp->ucLocalAddr, ADDRESS_BYTES);
    row->local_port = udp->dwLocalPort;
    row->pid = udp->dwOwningPid;
    row->service_tag = (DWORD)udp->OwningModuleInfo[0];
}

enum hm_status hm_socket_rows_add(struct hm_socket_rows *rows, enum hm_protocol protocol,
                                  enum hm_family family, const void *from, struct hm_err *err)
{
    static void (*const takers[HM_STACK_COUNT])(const void *from, struct row *row) = {
        take_tcp4, take_tcp6, take_udp4, take_udp6};
    struct row row = {.protocol = protocol, .family = family};

    takers[hm_stack_index(protocol, family)](from, &row);
    return add(rows, &row, err);
}

enum hm_status hm_socket_rows_add_bound(struct hm_socket_rows *rows, enum hm_family family,
                                        const void *from, struct hm_err *err)
{
    const struct hm_bound_row4 *bound4 = from;
    const struct hm_bound_row6 *bound6 = from;
    struct row row = {.protocol = HM_TCP, .family = family, .state = MIB_TCP_STATE_CLOSED};

    if (family == HM_IPV4) {
        memcpy(row.local, bound4->address, sizeof(bound4->address));
        row.local_port = bound4->port;
        row.pid = bound4->pid;
    } else {
        memcpy(row.local, bound6->address, sizeof(bound6->address));
        row.local_port = bound6->port;
        row.pid = bound6->pid;
    }
    return add(rows, &row, err);
}
