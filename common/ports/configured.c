/* common/ports/configured.c — the list of ports that components are set up to serve.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/configured.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/ports/os_version.h"

#define HTTP3_BUILD 20348u
#define RANKS 4u /* inside a dynamic range or not, and of each: URL reservation or not */

const char *const hm_configured_by_names[HM_CONFIGURED_BY_COUNT] = {
    "url_reservation",   "ssl_binding",
    "iis_binding",       "hns_endpoint",
    "published_port",    "ftp_binding",
    "net_tcp_binding",   "rdp_port",
    "port_proxy",        "sql_port",
    "sql_dynamic_port",  "ntds_port",
    "netlogon_port",     "frs_port",
    "ca_port",           "exchange_rpc_port",
    "address_book_port", "spooler_port",
    "wireguard_port",    "wireguard_given_port",
    "deployment_port",   "deployment_given_port",
    "socket_unit",       "settings_port",
    "settings_no_port",  "command_port",
};
const char *const hm_configured_by_labels[HM_CONFIGURED_BY_COUNT] = {
    "URL reservation",
    "SSL binding",
    "IIS binding",
    "HNS endpoint",
    "published port",
    "FTP binding",
    "net.tcp binding",
    "port of Remote Desktop",
    "port proxy entry",
    "TcpPort of SQL Server",
    "TcpDynamicPorts of SQL Server",
    "TCP/IP Port of NTDS",
    "DCTcpipPort of Netlogon",
    "port of the File Replication Service",
    "end point of the certification authority",
    "TCP/IP Port of RPC Client Access",
    "RpcTcpPort of the Address Book service",
    "RpcTcpPort of the print spooler",
    "ListenPort of WireGuard",
    "WireGuard without ListenPort",
    "port range of Windows Deployment Services",
    "UdpPortPolicy of Windows Deployment Services",
    "socket unit",
    "settings file",
    "settings file without a port",
    "command line",
};

/* "10.0.20348" */
static uint32_t build_of(const struct hm_os *os)
{
    const char *at = os->version == NULL ? NULL : strrchr(os->version, '.');
    uint32_t build = 0;

    if (os->family != HM_OS_WINDOWS || at == NULL || strncmp(os->version, "10.", 3) != 0 ||
        !hm_str_parse_u32(at + 1, strlen(at + 1), UINT32_MAX, &build)) {
        return 0;
    }
    return build;
}

bool hm_os_has_http3(const struct hm_os *os)
{
    return build_of(os) >= HTTP3_BUILD;
}

void hm_configured_begin(struct hm_configured_make *make, const struct hm_os *os,
                         struct hm_arena *arena)
{
    *make = (struct hm_configured_make){
        .arena = arena,
        .http3 = hm_os_has_http3(os),
        .deployment_range = hm_os_within(os, "", "6.1") == HM_WITHIN_YES,
        .deployment_policy = hm_os_within(os, "6.1", "") == HM_WITHIN_YES,
    };
}

static char *clean(struct hm_span text, struct hm_arena *arena)
{
    const size_t len = text.len < HM_LIMIT_SUBJECT_BYTES ? text.len : HM_LIMIT_SUBJECT_BYTES;
    char *out = hm_arena_strndup(arena, text.at, len);

    for (size_t i = 0; out != NULL && i < len; i++) {
        out[i] = out[i] >= ' ' && out[i] <= '~' ? out[i] : '?';
    }
    return out;
}

enum hm_status hm_configured_put(struct hm_configured_make *make, const struct hm_configured *row,
                                 struct hm_span subject, struct hm_err *err)
{
    struct hm_configured_list *list = &make->list;
    struct hm_configured copy = *row;

    if (list->count >= HM_LIMIT_CONFIGURED_READ) {
        make->cut = true;
        return HM_OK;
    }
    copy.subject = clean(subject, make->arena);
    copy.address = row->address == NULL ? NULL : hm_arena_strdup(make->arena, row->address);
    if (copy.subject == NULL || (row->address != NULL && copy.address == NULL) ||
        hm_arena_grow(make->arena, (void **)&list->at, list->count, &make->cap,
                      sizeof(*list->at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the ports that are set up");
    }
    list->at[list->count++] = copy;
    return HM_OK;
}

enum hm_status hm_configured_put_http(struct hm_configured_make *make, enum hm_configured_by by,
                                      uint16_t port, bool secure, bool manual,
                                      struct hm_span subject, struct hm_err *err)
{
    struct hm_configured row = {.protocol = HM_TCP,
                                .port = port,
                                .kind = HM_KIND_HTTPSYS,
                                .by = by,
                                .manual = manual,
                                .subject = ""};
    enum hm_status st = HM_OK;

    if (port != 0) {
        st = hm_configured_put(make, &row, subject, err);
    }
    if (st == HM_OK && port != 0 && secure && make->http3) {
        row.protocol = HM_UDP;
        row.kind = HM_KIND_QUIC;
        st = hm_configured_put(make, &row, subject, err);
    }
    return st;
}

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

/* All but the families and the subject. */
static int compare_places(const struct hm_configured *a, const struct hm_configured *b)
{
    const int by[] = {
        (int)a->protocol - (int)b->protocol, (int)a->port - (int)b->port,
        (int)a->kind - (int)b->kind,         (int)a->by - (int)b->by,
        (int)a->manual - (int)b->manual,
    };

    for (size_t i = 0; i < HM_COUNT(by); i++) {
        if (by[i] != 0) {
            return by[i];
        }
    }
    return compare_texts(a->service, b->service) != 0 ? compare_texts(a->service, b->service)
                                                      : compare_texts(a->address, b->address);
}

static int compare(const void *a, const void *b)
{
    const struct hm_configured *x = a;
    const struct hm_configured *y = b;
    const int by = compare_places(x, y);

    if (by != 0) {
        return by;
    }
    return x->families != y->families ? (int)x->families - (int)y->families
                                      : compare_texts(x->subject, y->subject);
}

/* Keeps at most so many rows of one place. */
static void thin(struct hm_configured_list *list, size_t most)
{
    size_t left = 0;
    size_t same = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct hm_configured *last = left > 0 ? &list->at[left - 1] : NULL;

        if (last != NULL && compare(last, &list->at[i]) == 0) {
            continue;
        }
        same = last != NULL && compare_places(last, &list->at[i]) == 0 ? same + 1 : 0;
        if (same < most) {
            list->at[left++] = list->at[i];
        }
    }
    list->count = left;
}

static bool is_in(struct hm_range range, uint16_t port)
{
    return port >= range.first && port <= range.last;
}

/* 0: the last to go. A port of the registry is the only one that its service has. */
static unsigned rank_of(const struct hm_configured *row, const struct hm_stacks *stacks)
{
    const unsigned is_reservation = row->by == HM_BY_URL_RESERVATION ? 1 : 0;

    if (row->by >= HM_BY_RDP_PORT) {
        return 0;
    }
    for (size_t i = 0; i < stacks->count; i++) {
        const struct hm_stack *stack = &stacks->at[i];

        if (stack->protocol == row->protocol &&
            ((stack->has_dynamic && is_in(stack->dynamic, row->port)) ||
             (stack->has_next_dynamic && is_in(stack->next_dynamic, row->port)))) {
            return is_reservation;
        }
    }
    return RANKS / 2 + is_reservation;
}

/* Drops rows of one rank, the highest ports first, until the list is short enough. */
static void drop_rank(struct hm_configured_list *list, const struct hm_stacks *stacks,
                      unsigned rank)
{
    const size_t excess = list->count - HM_LIMIT_CONFIGURED;
    size_t of_rank = 0;
    size_t left = 0;
    size_t keep;

    for (size_t i = 0; i < list->count; i++) {
        of_rank += rank_of(&list->at[i], stacks) == rank ? 1 : 0;
    }
    keep = of_rank > excess ? of_rank - excess : 0;
    for (size_t i = 0; i < list->count; i++) {
        const bool is_of_rank = rank_of(&list->at[i], stacks) == rank;

        if (!is_of_rank || keep > 0) {
            keep -= is_of_rank ? 1 : 0;
            list->at[left++] = list->at[i];
        }
    }
    list->count = left;
}

bool hm_configured_settle(struct hm_configured_list *list, const struct hm_stacks *stacks)
{
    if (list->count > 1) {
        qsort(list->at, list->count, sizeof(*list->at), compare);
    }
    thin(list, HM_CONFIGURED_SUBJECTS);
    if (list->count <= HM_LIMIT_CONFIGURED) {
        return true;
    }
    thin(list, 1);
    if (list->count <= HM_LIMIT_CONFIGURED) {
        return true;
    }
    for (unsigned rank = RANKS; rank > 0 && list->count > HM_LIMIT_CONFIGURED; rank--) {
        drop_rank(list, stacks, rank - 1);
    }
    return false;
}

void hm_configured_finish(struct hm_configured_make *make, bool partial,
                          struct hm_inventory *inventory)
{
    const bool whole = hm_configured_settle(&make->list, &inventory->stacks);

    inventory->has_configured = true;
    inventory->configured = make->list;
    inventory->configured_partial = partial || make->cut || !whole;
    inventory->bindings_known = partial && make->bindings && !make->cut && whole;
}

enum hm_status hm_configured_ports(const struct hm_inventory *inventory, enum hm_protocol protocol,
                                   enum hm_listener_kind kind, struct hm_arena *arena,
                                   struct hm_ports *out_ports, struct hm_err *err)
{
    const struct hm_configured_list *list = &inventory->configured;
    struct hm_range *ranges = hm_arena_alloc(arena, list->count, sizeof(*ranges));
    size_t count = 0;

    if (ranges == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the ports that are set up");
    }
    for (size_t i = 0; inventory->has_configured && i < list->count; i++) {
        const struct hm_configured *row = &list->at[i];

        if (row->port != 0 && row->protocol == protocol && row->kind == kind) {
            ranges[count++] = (struct hm_range){row->port, row->port};
        }
    }
    return hm_ports_from_ranges(ranges, count, arena, out_ports, err);
}

bool hm_configured_has(const struct hm_inventory *inventory, enum hm_configured_by by)
{
    for (size_t i = 0; inventory->has_configured && i < inventory->configured.count; i++) {
        if (inventory->configured.at[i].by == by) {
            return true;
        }
    }
    return false;
}

bool hm_configured_knows_bindings(const struct hm_inventory *inventory)
{
    return (!inventory->configured_partial || inventory->bindings_known) &&
           (hm_configured_has(inventory, HM_BY_IIS_BINDING) ||
            hm_configured_has(inventory, HM_BY_FTP_BINDING));
}
