/* common/ports/registry_ports.c — ports that the registry sets for SQL Server, RPC servers and
 * Windows Deployment Services. SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/registry_ports.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/ports/address.h"

#define SERVICES "SYSTEM\\CurrentControlSet\\Services\\"
#define NO_MEMORY "no memory for the ports that are set up"

const struct hm_rpc_port hm_rpc_ports[HM_RPC_PORT_COUNT] = {
    {SERVICES "NTDS\\Parameters",                                        "TCP/IP Port",                HM_SETTING_NUMBER, true,  HM_BY_NTDS_PORT    },
    {SERVICES "Netlogon\\Parameters",                                    "DCTcpipPort",                HM_SETTING_NUMBER, true,  HM_BY_NETLOGON_PORT},
    {SERVICES "NtFrs\\Parameters",                                       "RPC TCP/IP Port Assignment", HM_SETTING_NUMBER, false,
     HM_BY_FRS_PORT                                                                                                                                 },
    {"SOFTWARE\\Classes\\AppID\\{D99E6E74-FC88-11D0-B498-00A0C90312F3}", "Endpoints",
     HM_SETTING_LINES,                                                                                                    false, HM_BY_CA_PORT      },
    {SERVICES "MSExchangeRPC\\ParametersSystem",                         "TCP/IP Port",                HM_SETTING_NUMBER, false,
     HM_BY_EXCHANGE_RPC_PORT                                                                                                                        },
    {SERVICES "MSExchangeAB\\Parameters",                                "RpcTcpPort",                 HM_SETTING_TEXT,   false,
     HM_BY_ADDRESS_BOOK_PORT                                                                                                                        },
    {"SOFTWARE\\Policies\\Microsoft\\Windows NT\\Printers\\RPC",         "RpcTcpPort",                 HM_SETTING_NUMBER,
     true,                                                                                                                       HM_BY_SPOOLER_PORT },
};

/* The work at hand. */
struct taking {
    struct hm_configured_make *make;
    const struct hm_registry_view *view;
    struct hm_err *err;
    bool any;
};

static enum hm_status get(struct taking *taking, const char *key, const char *name,
                          struct hm_setting *out)
{
    const enum hm_status st = taking->view->get(taking->view->self, key, name, out, taking->err);

    taking->any = taking->any || (st == HM_OK && out->type != HM_SETTING_ABSENT);
    return st;
}

static enum hm_status put(struct taking *taking, const struct hm_configured *row,
                          const char *subject)
{
    return hm_configured_put(taking->make, row, (struct hm_span){subject, strlen(subject)},
                             taking->err);
}

/* The row of a value that is no port, and the sentence. */
static enum hm_status put_invalid(struct taking *taking, struct hm_configured row, const char *key,
                                  const char *name, const char *what)
{
    const char *subject = hm_arena_printf(taking->make->arena, "%s %s", name, what);
    enum hm_status st = subject == NULL ? hm_fail(taking->err, HM_ENOMEM, NO_MEMORY) : HM_OK;

    row.port = 0;
    if (st == HM_OK) {
        st = put(taking, &row, subject);
    }
    what = hm_arena_printf(taking->make->arena, "%s, which is no port", what);
    if (st == HM_OK && what == NULL) {
        st = hm_fail(taking->err, HM_ENOMEM, NO_MEMORY);
    }
    return st == HM_OK ? taking->view->note(taking->view->self, key, name, what, taking->err) : st;
}

static bool parse_port(struct hm_span text, uint32_t *out_port)
{
    const struct hm_span trimmed = hm_str_trim(text.at, text.len);

    return hm_str_parse_u32(trimmed.at, trimmed.len, UINT16_MAX, out_port);
}

static struct hm_span span_of(const char *text)
{
    return (struct hm_span){text, strlen(text)};
}

/* ---- RPC servers --------------------------------------------------------------------------- */

/* "ncacn_ip_tcp,0,50300": end points of other protocols are no ports. *out_found: there is one. */
static bool parse_end_points(const struct hm_strings *lines, bool *out_found, uint32_t *out_port)
{
    static const char protocol[] = "ncacn_ip_tcp,";

    *out_found = false;
    for (size_t i = 0; i < lines->count; i++) {
        const char *line = lines->at[i];
        const char *last = strrchr(line, ',');
        char head[sizeof(protocol)];

        if (strlen(line) < sizeof(protocol)) {
            continue;
        }
        memcpy(head, line, sizeof(protocol) - 1);
        head[sizeof(protocol) - 1] = '\0';
        if (hm_str_equal_nocase(head, protocol)) {
            *out_found = true;
            return parse_port(span_of(last + 1), out_port);
        }
    }
    return true;
}

static const char *const wrong_types[] = {
    [HM_SETTING_NUMBER] = "of another type than REG_DWORD",
    [HM_SETTING_TEXT] = "of another type than REG_SZ",
    [HM_SETTING_LINES] = "of another type than REG_MULTI_SZ",
};

static enum hm_status take_rpc_port(struct taking *taking, const struct hm_rpc_port *value)
{
    struct hm_configured row = {
        .protocol = HM_TCP, .kind = HM_KIND_RPC, .by = value->by, .subject = ""};
    struct hm_setting found = {.type = HM_SETTING_ABSENT};
    const char *shown = "";
    uint32_t port = 0;
    bool is_number = true;
    bool is_there = true;
    enum hm_status st = get(taking, value->key, value->name, &found);

    if (st != HM_OK || found.type == HM_SETTING_ABSENT) {
        return st;
    }
    if (found.type != value->type) {
        return put_invalid(taking, row, value->key, value->name, wrong_types[value->type]);
    }
    if (found.type == HM_SETTING_NUMBER) {
        port = found.number;
        shown = hm_arena_printf(taking->make->arena, "0x%x", (unsigned)port);
    } else if (found.type == HM_SETTING_TEXT) {
        is_number = parse_port(span_of(found.text), &port);
        shown = found.text;
    } else {
        is_number = parse_end_points(&found.lines, &is_there, &port);
        shown = found.lines.count > 0 ? found.lines.at[0] : "";
    }
    if (!is_there || (is_number && port == 0 && value->zero_is_given)) {
        return HM_OK;
    }
    if (!is_number || port == 0 || port > UINT16_MAX) {
        return put_invalid(taking, row, value->key, value->name, shown == NULL ? "" : shown);
    }
    row.port = (uint16_t)port;
    return put(taking, &row, value->name);
}

/* ---- Windows Deployment Services ------------------------------------------------------------- */

#define DEPLOYMENT SERVICES "WDSServer\\Parameters"
#define DEPLOYMENT_FIRST 64001u /* where the values are not set */
#define DEPLOYMENT_LAST 65000u

static enum hm_status put_deployment(struct taking *taking, enum hm_configured_by by, uint32_t port,
                                     const char *subject)
{
    const struct hm_configured row = {.protocol = HM_UDP,
                                      .port = (uint16_t)port,
                                      .kind = HM_KIND_SOCKET,
                                      .by = by,
                                      .subject = ""};

    return put(taking, &row, subject);
}

static bool is_of_type(const struct hm_setting *setting, uint32_t least, uint32_t most)
{
    return setting->type == HM_SETTING_ABSENT ||
           (setting->type == HM_SETTING_NUMBER && setting->number >= least &&
            setting->number <= most);
}

/* The range of TFTP and multicast, or that there is none. */
static enum hm_status take_deployment(struct taking *taking)
{
    static const char *const names[] = {"UdpPortPolicy", "UdpStartPort", "UdpEndPort"};
    static const struct hm_configured invalid = {
        .protocol = HM_UDP, .kind = HM_KIND_SOCKET, .by = HM_BY_DEPLOYMENT_PORT, .subject = ""};
    struct hm_setting found[HM_COUNT(names)];
    uint32_t first;
    uint32_t last;
    const char *swapped;
    bool range = taking->make->deployment_range;
    bool any = false;
    enum hm_status st = HM_OK;

    for (size_t i = 0; i < HM_COUNT(names) && st == HM_OK; i++) {
        found[i] = (struct hm_setting){.type = HM_SETTING_ABSENT};
        st = get(taking, DEPLOYMENT, names[i], &found[i]);
        any = any || found[i].type != HM_SETTING_ABSENT;
    }
    if (st != HM_OK || !any) {
        return st;
    }
    for (size_t i = 0; i < HM_COUNT(names); i++) {
        if (!is_of_type(&found[i], i == 0 ? 0 : 1, i == 0 ? UINT32_MAX : UINT16_MAX)) {
            return put_invalid(taking, invalid, DEPLOYMENT, names[i],
                               found[i].type == HM_SETTING_NUMBER ? "out of range"
                                                                  : wrong_types[HM_SETTING_NUMBER]);
        }
    }
    if (taking->make->deployment_policy && found[0].type == HM_SETTING_NUMBER) {
        range = found[0].number != 0;
    }
    if (!range) {
        return put_deployment(taking, HM_BY_DEPLOYMENT_GIVEN_PORT, 0, "UdpPortPolicy");
    }
    first = found[1].type == HM_SETTING_NUMBER ? found[1].number : DEPLOYMENT_FIRST;
    last = found[2].type == HM_SETTING_NUMBER ? found[2].number : DEPLOYMENT_LAST;
    if (first > last) { /* one of them alone is set, or both are wrong: no range is sure */
        swapped =
            hm_arena_printf(taking->make->arena, "of a range that ends before it begins (%u to %u)",
                            (unsigned)first, (unsigned)last);
        return swapped == NULL
                   ? hm_fail(taking->err, HM_ENOMEM, NO_MEMORY)
                   : put_invalid(taking, invalid, DEPLOYMENT,
                                 found[1].type == HM_SETTING_NUMBER ? names[1] : names[2], swapped);
    }
    st = put_deployment(taking, HM_BY_DEPLOYMENT_PORT, first, "UdpStartPort");
    return st == HM_OK ? put_deployment(taking, HM_BY_DEPLOYMENT_PORT, last, "UdpEndPort") : st;
}

/* ---- SQL Server ---------------------------------------------------------------------------- */

/* 64-bit and 32-bit instances. */
static const char *const sql_bases[] = {
    "SOFTWARE\\Microsoft\\Microsoft SQL Server",
    "SOFTWARE\\WOW6432Node\\Microsoft\\Microsoft SQL Server",
};
#define SQL_ADDRESSES_MAX 256u /* IP1, IP2, ... of one instance */

struct instance {
    const char *service;
    const char *tcp;     /* its key ...\SuperSocketNetLib\Tcp */
    bool on_all;         /* its ports hold for all addresses */
    const char *address; /* otherwise the one at hand; "" not known */
    bool fixed;          /* a row of it has a port, or is invalid */
    uint16_t given;
    bool is_given;
};

static struct hm_configured row_of(const struct instance *instance, enum hm_configured_by by,
                                   uint16_t port)
{
    return (struct hm_configured){.protocol = HM_TCP,
                                  .port = port,
                                  .kind = HM_KIND_SOCKET,
                                  .by = by,
                                  .service = instance->service,
                                  .subject = ""};
}

static enum hm_status put_sql(struct taking *taking, const struct instance *instance,
                              enum hm_configured_by by, uint16_t port, const char *subject)
{
    struct hm_configured row = row_of(instance, by, port);

    if (by == HM_BY_SQL_PORT && hm_address_is_single(span_of(instance->address), &row.families)) {
        row.address = instance->address;
    }
    return put(taking, &row, subject);
}

static enum hm_status put_sql_invalid(struct taking *taking, struct instance *instance,
                                      const char *key, const char *name, const char *what)
{
    instance->fixed = true;
    return put_invalid(taking, row_of(instance, HM_BY_SQL_PORT, 0), key, name, what);
}

/* "1433" or "1433,1500". */
static enum hm_status take_port_list(struct taking *taking, struct instance *instance,
                                     const char *key, const char *list)
{
    enum hm_status st = HM_OK;

    for (const char *at = list; at != NULL && st == HM_OK;) {
        const char *comma = strchr(at, ',');
        const struct hm_span piece = {at, comma == NULL ? strlen(at) : (size_t)(comma - at)};
        uint32_t port = 0;

        if (!parse_port(piece, &port) || port == 0) {
            return put_sql_invalid(taking, instance, key, "TcpPort", list);
        }
        instance->fixed = true;
        st = put_sql(taking, instance, HM_BY_SQL_PORT, (uint16_t)port,
                     instance->on_all ? HM_SQL_PORT_ON_ALL : "TcpPort of one address");
        at = comma == NULL ? NULL : comma + 1;
    }
    return st;
}

static bool is_blank(const struct hm_setting *setting)
{
    return setting->type == HM_SETTING_ABSENT ||
           (setting->type == HM_SETTING_TEXT &&
            hm_str_trim(setting->text, strlen(setting->text)).len == 0);
}

/* One address, or IPAll: fixed ports, and a port that the instance is given. */
static enum hm_status take_address(struct taking *taking, struct instance *instance,
                                   const char *key)
{
    struct hm_setting ports = {.type = HM_SETTING_ABSENT};
    struct hm_setting dynamic = {.type = HM_SETTING_ABSENT};
    uint32_t given = 0;
    enum hm_status st = get(taking, key, "TcpPort", &ports);

    if (st == HM_OK) {
        st = get(taking, key, "TcpDynamicPorts", &dynamic);
    }
    if (st == HM_OK && !is_blank(&dynamic)) {
        instance->is_given = true;
        if (dynamic.type == HM_SETTING_TEXT && parse_port(span_of(dynamic.text), &given) &&
            given != 0) {
            instance->given = (uint16_t)given;
        }
    }
    if (st != HM_OK || is_blank(&ports)) {
        return st;
    }
    return ports.type == HM_SETTING_TEXT
               ? take_port_list(taking, instance, key, ports.text)
               : put_sql_invalid(taking, instance, key, "TcpPort", wrong_types[HM_SETTING_TEXT]);
}

static bool is_number(const struct hm_setting *setting, uint32_t number)
{
    return setting->type == HM_SETTING_NUMBER && setting->number == number;
}

/* The addresses on which it listens where it does not listen on all of them alike. */
static enum hm_status take_addresses(struct taking *taking, struct instance *instance)
{
    struct hm_strings keys = {NULL, 0};
    enum hm_status st =
        taking->view->list_keys(taking->view->self, instance->tcp, &keys, taking->err);

    for (size_t i = 0; i < keys.count && i < SQL_ADDRESSES_MAX && st == HM_OK; i++) {
        const char *key = hm_arena_printf(taking->make->arena, "%s\\%s", instance->tcp, keys.at[i]);
        struct hm_setting found = {.type = HM_SETTING_ABSENT};

        if (key == NULL) {
            return hm_fail(taking->err, HM_ENOMEM, NO_MEMORY);
        }
        if (hm_str_equal_nocase(keys.at[i], "IPAll")) {
            continue;
        }
        st = get(taking, key, "IpAddress", &found);
        instance->address = found.type == HM_SETTING_TEXT ? found.text : "";
        if (st == HM_OK) {
            st = get(taking, key, "Enabled", &found);
        }
        if (st == HM_OK && !is_number(&found, 0)) {
            st = take_address(taking, instance, key);
        }
    }
    if (st == HM_OK && keys.count > SQL_ADDRESSES_MAX) { /* what the rest says may be its port */
        st = put_sql_invalid(taking, instance, instance->tcp,
                             "the list of addresses (IP1, IP2, ...)", "longer than is read");
    }
    return st;
}

static const char *service_of(struct taking *taking, const char *name)
{
    return hm_str_equal_nocase(name, "MSSQLSERVER")
               ? "MSSQLSERVER"
               : hm_arena_printf(taking->make->arena, "MSSQL$%s", name);
}

static enum hm_status take_instance(struct taking *taking, const char *base, const char *name,
                                    const char *id)
{
    struct hm_arena *arena = taking->make->arena;
    struct instance instance = {
        .service = service_of(taking, name),
        .tcp = hm_arena_printf(arena, "%s\\%s\\MSSQLServer\\SuperSocketNetLib\\Tcp", base, id),
        .address = "",
    };
    const char *all =
        instance.tcp == NULL ? NULL : hm_arena_printf(arena, "%s\\IPAll", instance.tcp);
    struct hm_setting enabled = {.type = HM_SETTING_ABSENT};
    struct hm_setting on_all = {.type = HM_SETTING_ABSENT};
    const bool before = taking->any;
    enum hm_status st;

    if (instance.service == NULL || all == NULL) {
        return hm_fail(taking->err, HM_ENOMEM, NO_MEMORY);
    }
    taking->any = false; /* of this instance */
    st = get(taking, instance.tcp, "Enabled", &enabled);
    if (st == HM_OK && is_number(&enabled, 0)) {
        taking->any = true;
        return put_sql(taking, &instance, HM_BY_SQL_DYNAMIC_PORT, 0, "TCP is off");
    }
    if (st == HM_OK) {
        st = get(taking, instance.tcp, "ListenOnAllIPs", &on_all);
    }
    instance.on_all = !is_number(&on_all, 0);
    if (st == HM_OK) {
        st = !instance.on_all ? take_addresses(taking, &instance)
                              : take_address(taking, &instance, all);
    }
    if (st == HM_OK && instance.is_given) {
        st = put_sql(taking, &instance, HM_BY_SQL_DYNAMIC_PORT, instance.given, "TcpDynamicPorts");
    } else if (st == HM_OK && taking->any && !instance.fixed) {
        st = put_sql_invalid(taking, &instance, instance.tcp, "TcpPort", "empty");
    }
    taking->any = taking->any || before;
    return st;
}

static bool is_row_of(const struct hm_configured *row, const char *service)
{
    return (row->by == HM_BY_SQL_PORT || row->by == HM_BY_SQL_DYNAMIC_PORT) &&
           hm_str_equal_nocase(row->service, service);
}

/* Has the view of 64-bit programs, which is read first, the instance? */
static bool is_taken(const struct hm_configured_list *list, const char *service)
{
    for (size_t i = 0; i < list->count; i++) {
        if (is_row_of(&list->at[i], service)) {
            return true;
        }
    }
    return false;
}

/* Drops the rows of an instance that are within first and end. */
static void drop_rows(struct hm_configured_list *list, size_t first, size_t end,
                      const char *service)
{
    size_t left = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (i < first || i >= end || !is_row_of(&list->at[i], service)) {
            list->at[left++] = list->at[i];
        }
    }
    list->count = left;
}

/* Is each row of an instance within first and end also outside of them? */
static bool has_all(const struct hm_configured_list *list, size_t first, size_t end, bool inside,
                    const char *service)
{
    for (size_t i = 0; i < list->count; i++) {
        bool found = !is_row_of(&list->at[i], service) || (i >= first && i < end) != inside;

        for (size_t k = 0; k < list->count && !found; k++) {
            found = (k >= first && k < end) != inside && is_row_of(&list->at[k], service) &&
                    list->at[k].by == list->at[i].by && list->at[k].port == list->at[i].port;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

/* The view that an instance reads, where both have its name: the other one mirrors it, or has what
 * an older installation left. */
enum sql_view { SQL_VIEW_64, SQL_VIEW_32, SQL_VIEW_UNKNOWN };

/* Is this folder in the path of the service? */
static enum hm_status lies_in(struct taking *taking, const char *path, const char *folder,
                              bool *out_lies)
{
    const char *pattern = hm_arena_printf(taking->make->arena, "*\\%s\\*", folder);

    *out_lies = pattern != NULL && hm_str_glob_nocase(pattern, path);
    return pattern == NULL ? hm_fail(taking->err, HM_ENOMEM, NO_MEMORY) : HM_OK;
}

/* The folder of the service has the id of its instance, and lies in that of programs of its kind.
 */
static enum hm_status find_view(struct taking *taking, const char *service, const char *id_64,
                                const char *id_32, enum sql_view *out_view)
{
    const struct hm_registry_view *view = taking->view;
    const char *path = "";
    bool in_64 = false;
    bool in_32 = false;
    enum hm_status st =
        view->image == NULL ? HM_OK : view->image(view->self, service, &path, taking->err);

    *out_view = SQL_VIEW_UNKNOWN;
    if (st == HM_OK) {
        st = lies_in(taking, path, id_64, &in_64);
    }
    if (st == HM_OK) {
        st = lies_in(taking, path, id_32, &in_32);
    }
    if (st == HM_OK && in_64 == in_32) {
        st = lies_in(taking, path, "Program Files", &in_64);
        if (st == HM_OK) {
            st = lies_in(taking, path, "Program Files (x86)", &in_32);
        }
    }
    if (st == HM_OK && in_64 != in_32) {
        *out_view = in_64 ? SQL_VIEW_64 : SQL_VIEW_32;
    }
    return st;
}

static enum hm_status note_unknown_view(struct taking *taking, const char *service)
{
    const char *name = hm_arena_printf(taking->make->arena, "the port of %s", service);

    return name == NULL ? hm_fail(taking->err, HM_ENOMEM, NO_MEMORY)
                        : taking->view->note(taking->view->self, sql_bases[0], name,
                                             "not the one that WOW6432Node has, and which of the "
                                             "two the service reads does not show",
                                             taking->err);
}

/* One of the view of 32-bit programs that the other view has, too. */
static enum hm_status take_twin(struct taking *taking, const char *base, const char *name,
                                const char *id, const char *service)
{
    struct hm_configured_list *list = &taking->make->list;
    const size_t before = list->count;
    const char *names =
        hm_arena_printf(taking->make->arena, "%s\\Instance Names\\SQL", sql_bases[0]);
    struct hm_setting other = {.type = HM_SETTING_ABSENT, .text = ""};
    enum sql_view view = SQL_VIEW_UNKNOWN;
    enum hm_status st = names == NULL ? hm_fail(taking->err, HM_ENOMEM, NO_MEMORY)
                                      : get(taking, names, name, &other);

    if (st == HM_OK) {
        st = find_view(taking, service, other.type == HM_SETTING_TEXT ? other.text : "", id, &view);
    }
    if (st != HM_OK || view == SQL_VIEW_64) {
        return st;
    }
    st = take_instance(taking, base, name, id);
    if (st != HM_OK || list->count == before) {
        return st; /* a name without settings */
    }
    if (view == SQL_VIEW_32) {
        drop_rows(list, 0, before, service);
    } else if (has_all(list, before, list->count, true, service) &&
               has_all(list, before, list->count, false, service)) {
        drop_rows(list, before, list->count, service);
    } else {
        drop_rows(list, 0, list->count, service);
        st = note_unknown_view(taking, service);
    }
    return st;
}

static enum hm_status take_sql(struct taking *taking, const char *base)
{
    const char *key = hm_arena_printf(taking->make->arena, "%s\\Instance Names\\SQL", base);
    struct hm_strings names = {NULL, 0};
    enum hm_status st =
        key == NULL ? hm_fail(taking->err, HM_ENOMEM, NO_MEMORY)
                    : taking->view->list_values(taking->view->self, key, &names, taking->err);

    for (size_t i = 0; i < names.count && i < HM_LIMIT_INSTANCES && st == HM_OK; i++) {
        const char *service = service_of(taking, names.at[i]);
        struct hm_setting id = {.type = HM_SETTING_ABSENT};

        st = service == NULL ? hm_fail(taking->err, HM_ENOMEM, NO_MEMORY)
                             : get(taking, key, names.at[i], &id);
        if (st != HM_OK || id.type != HM_SETTING_TEXT || hm_str_equal(names.at[i], "")) {
            continue;
        }
        st = is_taken(&taking->make->list, service)
                 ? take_twin(taking, base, names.at[i], id.text, service)
                 : take_instance(taking, base, names.at[i], id.text);
    }
    return st;
}

enum hm_status hm_registry_ports_put(struct hm_configured_make *make,
                                     const struct hm_registry_view *view, bool *out_any,
                                     struct hm_err *err)
{
    struct taking taking = {.make = make, .view = view, .err = err};
    enum hm_status st = HM_OK;

    for (size_t i = 0; i < HM_RPC_PORT_COUNT && st == HM_OK; i++) {
        st = take_rpc_port(&taking, &hm_rpc_ports[i]);
    }
    for (size_t i = 0; i < HM_COUNT(sql_bases) && st == HM_OK; i++) {
        st = take_sql(&taking, sql_bases[i]);
    }
    if (st == HM_OK) {
        st = take_deployment(&taking);
    }
    *out_any = st == HM_OK ? taking.any : *out_any;
    return st;
}
