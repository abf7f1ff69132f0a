/* agent/platform/windows/sockets.c — every TCP and UDP socket of this host.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <ws2tcpip.h>

#include <iphlpapi.h>
#include <stdlib.h>

#include "common/os/windows_text.h"

#define FIRST_BYTES (256u * 1024u)
#define SPARE_BYTES (64u * 1024u) /* sockets come while we ask */
#define TRIES 5

/* The undocumented function behind "netstat -q" (Windows 10, 2016; 8.1 and 2012 R2 by update). */
typedef ULONG WINAPI bound_table(void **out_table, HANDLE heap, ULONG flags);

/* Where the rows of a table begin, and how long each is. */
struct shape {
    enum hm_protocol protocol;
    enum hm_family family;
    size_t rows_at;
    size_t row_bytes;
};

static const struct shape shapes[HM_STACK_COUNT] = {
    {HM_TCP, HM_IPV4, offsetof(MIB_TCPTABLE_OWNER_MODULE,  table), sizeof(MIB_TCPROW_OWNER_MODULE)},
    {HM_TCP, HM_IPV6, offsetof(MIB_TCP6TABLE_OWNER_MODULE, table),
     sizeof(MIB_TCP6ROW_OWNER_MODULE)                                                             },
    {HM_UDP, HM_IPV4, offsetof(MIB_UDPTABLE_OWNER_MODULE,  table), sizeof(MIB_UDPROW_OWNER_MODULE)},
    {HM_UDP, HM_IPV6, offsetof(MIB_UDP6TABLE_OWNER_MODULE, table),
     sizeof(MIB_UDP6ROW_OWNER_MODULE)                                                             },
};

static DWORD get_table(const struct shape *shape, void *table, DWORD *bytes)
{
    const ULONG family = shape->family == HM_IPV4 ? AF_INET : AF_INET6;

    return shape->protocol == HM_TCP
               ? GetExtendedTcpTable(table, bytes, FALSE, family, TCP_TABLE_OWNER_MODULE_ALL, 0)
               : GetExtendedUdpTable(table, bytes, FALSE, family, UDP_TABLE_OWNER_MODULE, 0);
}

/* A big room first: each call costs, and under load the table grows between two of them. */
static enum hm_status read_table(const struct shape *shape, void **out_table, DWORD *out_bytes,
                                 struct hm_err *err)
{
    DWORD number = ERROR_INSUFFICIENT_BUFFER;
    DWORD room = FIRST_BYTES;
    void *table = NULL;

    for (int i = 0; i < TRIES && number == ERROR_INSUFFICIENT_BUFFER; i++) {
        DWORD bytes = room;

        free(table);
        table = malloc(room);
        if (table == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for the list of sockets");
        }
        number = get_table(shape, table, &bytes);
        *out_bytes = room;
        room = bytes + SPARE_BYTES;
    }
    if (number != NO_ERROR) {
        free(table);
        return hm_windows_fail(err, "the list of sockets", number);
    }
    *out_table = table;
    return HM_OK;
}

static enum hm_status read_stack(const struct shape *shape, struct hm_socket_rows *rows,
                                 struct hm_err *err)
{
    void *table = NULL;
    DWORD bytes = 0;
    enum hm_status st = read_table(shape, &table, &bytes, err);
    DWORD count;

    if (st != HM_OK) {
        return st;
    }
    count = *(const DWORD *)table;
    if (count > (bytes - shape->rows_at) / shape->row_bytes) {
        st = hm_fail(err, HM_EIO, "the list of sockets is longer than it is");
    }
    for (DWORD i = 0; st == HM_OK && i < count; i++) {
        st = hm_socket_rows_add(rows, shape->protocol, shape->family,
                                (const char *)table + shape->rows_at + i * shape->row_bytes, err);
    }
    free(table);
    return st;
}

static enum hm_status read_bound(const char *function, enum hm_family family,
                                 struct hm_socket_rows *rows, struct hm_err *err)
{
    bound_table *get = (bound_table *)hm_windows_lookup(L"iphlpapi.dll", function);
    const size_t row_bytes =
        family == HM_IPV4 ? sizeof(struct hm_bound_row4) : sizeof(struct hm_bound_row6);
    enum hm_status st = HM_OK;
    void *table = NULL;

    if (get == NULL || get(&table, GetProcessHeap(), 0) != NO_ERROR || table == NULL) {
        return HM_OK; /* an older Windows does not tell */
    }
    for (DWORD i = 0; st == HM_OK && i < *(const DWORD *)table; i++) {
        st = hm_socket_rows_add_bound(rows, family,
                                      (const char *)table + sizeof(DWORD) + i * row_bytes, err);
    }
    (void)HeapFree(GetProcessHeap(), 0, table);
    return st;
}

enum hm_status hm_windows_sockets(const struct hm_windows_processes *processes,
                                  struct hm_arena *arena, struct hm_sockets *out_sockets,
                                  struct hm_err *err)
{
    struct hm_socket_rows rows = {.processes = processes, .arena = arena};
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < HM_COUNT(shapes); i++) {
        st = read_stack(&shapes[i], &rows, err);
        if (st != HM_OK && st != HM_ENOMEM && st != HM_ETOOBIG && shapes[i].family == HM_IPV6) {
            st = HM_OK; /* Server 2003 without IPv6 */
        }
    }
    if (st == HM_OK) {
        st = read_bound("InternalGetBoundTcpEndpointTable", HM_IPV4, &rows, err);
    }
    if (st == HM_OK) {
        st = read_bound("InternalGetBoundTcp6EndpointTable", HM_IPV6, &rows, err);
    }
    if (st == HM_OK) {
        *out_sockets = rows.sockets;
    }
    return st;
}
