/* agent/platform/recorded/boot_host.c — a settled host taken apart: its services, and everything
 * that has ports. SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/boot_parts.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"

#define HOST_BYTES (64u * 1024u * 1024u)
#define ANY_PORT_MIN 1024u /* nothing below is ever given at random */

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for a host that boots");
}

/* ---- services -------------------------------------------------------------------------------- */

static size_t find_service(const struct hm_boot_host *host, const char *name)
{
    for (size_t i = 0; name[0] != '\0' && i < host->services_count; i++) {
        if (hm_str_equal_nocase(host->services[i].name, name)) {
            return i;
        }
    }
    return HM_BOOT_NOBODY;
}

static enum hm_status take_services(struct hm_boot_host *host, struct hm_err *err)
{
    const struct hm_services *details = &host->base.seen.inventory.service_details;

    host->services_count = details->count;
    host->services = hm_arena_alloc(&host->arena, details->count, sizeof(*host->services));
    if (host->services == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < details->count; i++) {
        const struct hm_service *from = &details->at[i];

        host->services[i] = (struct hm_boot_service){
            .name = from->name,
            .start = from->start,
            .is_known = from->has_runs,
            .runs = from->has_runs && from->runs,
            .exit_code = from->exit_code,
        };
    }
    for (size_t i = 0; i < details->count; i++) {
        const struct hm_strings *names = &details->at[i].depends_on;
        struct hm_boot_service *service = &host->services[i];

        service->after = hm_arena_alloc(&host->arena, names->count, sizeof(*service->after));
        if (service->after == NULL) {
            return no_memory(err);
        }
        for (size_t k = 0; details->at[i].has_depends_on && k < names->count; k++) {
            const size_t other = find_service(host, names->at[k]);

            if (other != HM_BOOT_NOBODY) {
                service->after[service->after_count++] = other;
            }
        }
    }
    return HM_OK;
}

/* ---- items ----------------------------------------------------------------------------------- */

static enum hm_status add_item(struct hm_boot_host *host, const struct hm_boot_item *item,
                               size_t owner, size_t most, struct hm_err *err)
{
    if (host->items == NULL) {
        host->items = hm_arena_alloc(&host->arena, most, sizeof(*host->items));
        host->owners = hm_arena_alloc(&host->arena, most, sizeof(*host->owners));
    }
    if (host->items == NULL || host->owners == NULL || host->items_count == most) {
        return no_memory(err);
    }
    host->owners[host->items_count] = owner;
    host->items[host->items_count++] = *item;
    return HM_OK;
}

/* In that family if there is one: two programs may have one port, one in each family. */
static const struct hm_listener *find_listener(const struct hm_boot_host *host,
                                               enum hm_protocol protocol, enum hm_family family,
                                               uint16_t port)
{
    const struct hm_listeners *all = &host->settled.inventory.listeners;
    const struct hm_listener *found = NULL;

    for (size_t i = 0; i < all->count; i++) {
        const struct hm_listener *row = &all->at[i];

        if (row->protocol == protocol && row->port == port &&
            (found == NULL || (row->family == family && found->family != family))) {
            found = row;
        }
    }
    return found;
}

static bool is_dynamic(const struct hm_boot_host *host, enum hm_protocol protocol, uint16_t port)
{
    const struct hm_stacks *stacks = &host->settled.inventory.stacks;

    for (size_t i = 0; port >= ANY_PORT_MIN && i < stacks->count; i++) {
        if (stacks->at[i].protocol == protocol && stacks->at[i].has_dynamic &&
            hm_range_contains(stacks->at[i].dynamic, port)) {
            return true;
        }
    }
    return false;
}

/* HTTP.sys serves for others: WinRM, and the World Wide Web service for the rest. */
static size_t owner_of_url(const struct hm_boot_host *host, uint16_t port)
{
    const bool winrm = port == 5985 || port == 5986 || port == 47001;

    return find_service(host, winrm ? "WinRM" : "W3SVC");
}

static size_t owner_of(const struct hm_boot_host *host, const char *service,
                       const struct hm_strings *hosted)
{
    size_t owner = find_service(host, service);

    for (size_t i = 0; owner == HM_BOOT_NOBODY && hosted != NULL && i < hosted->count; i++) {
        owner = find_service(host, hosted->at[i]);
    }
    return owner == HM_BOOT_NOBODY || host->services[owner].runs ? owner : HM_BOOT_NOBODY;
}

static bool is_pool(const struct hm_boot_item *item)
{
    return item->protocol == HM_UDP && hm_str_equal_nocase(item->program, "dns.exe");
}

/* One listener, or one client: a port of a protocol, in one family or both. */
static struct hm_boot_item make_item(const struct hm_boot_host *host, enum hm_protocol protocol,
                                     enum hm_family family, uint16_t port, const char *program)
{
    const struct hm_listener *listener = find_listener(host, protocol, family, port);
    struct hm_boot_item item = {
        .protocol = protocol,
        .port = port,
        .count = 1,
        .program = program,
        .service = "",
    };

    if (listener != NULL) {
        item.kind = listener->kind;
        item.program = listener->program;
        item.is_given = listener->kind == HM_KIND_RPC;
        item.is_listener = !item.is_given;
    } else {
        item.is_given = is_dynamic(host, protocol, port);
        item.is_pool = item.is_given && is_pool(&item);
    }
    return item;
}

/* What has the port in either family, from 1: one program, or nobody knows better. */
struct owned {
    size_t *at; /* by stack and port */
};

static size_t *find_owned(const struct owned *owned, enum hm_protocol protocol,
                          enum hm_family family, uint16_t port)
{
    return &owned->at[(size_t)hm_stack_index(protocol, family) * HM_BOOT_PORTS + port];
}

/* Of the other family: is it another service's? */
static bool is_another(const struct hm_boot_host *host, size_t at, const struct hm_boot_item *item,
                       size_t owner)
{
    return at != 0 && item->is_listener && item->kind == HM_KIND_SOCKET &&
           host->items[at - 1].is_listener && owner != HM_BOOT_NOBODY &&
           host->owners[at - 1] != HM_BOOT_NOBODY && host->owners[at - 1] != owner;
}

static enum hm_status take_row(struct hm_boot_host *host, const struct owned *owned,
                               struct hm_boot_item item, enum hm_family family, size_t owner,
                               size_t most, struct hm_err *err)
{
    const enum hm_family other = family == HM_IPV4 ? HM_IPV6 : HM_IPV4;
    size_t *own = find_owned(owned, item.protocol, family, item.port);
    size_t at = *own != 0 ? *own : *find_owned(owned, item.protocol, other, item.port);

    if (*own == 0 && is_another(host, at, &item, owner)) {
        at = 0;
    }
    if (at == 0) {
        enum hm_status st;

        if (item.kind == HM_KIND_HTTPSYS && item.is_listener) {
            owner = owner_of_url(host, item.port);
        }
        item.service = owner == HM_BOOT_NOBODY ? "" : host->services[owner].name;
        st = add_item(host, &item, owner, most, err);
        if (st != HM_OK) {
            return st;
        }
        at = host->items_count;
    }
    *own = at;
    host->items[at - 1].in[family == HM_IPV6 ? 1 : 0] = true;
    if (host->owners[at - 1] == HM_BOOT_NOBODY && owner != HM_BOOT_NOBODY &&
        host->items[at - 1].kind != HM_KIND_HTTPSYS) {
        host->owners[at - 1] = owner;
        host->items[at - 1].service = host->services[owner].name;
    }
    return HM_OK;
}

static enum hm_status take_sockets(struct hm_boot_host *host, const struct owned *owned,
                                   size_t most, struct hm_err *err)
{
    const struct hm_sockets *sockets = &host->base.seen.sockets;
    const struct hm_listeners *filed = &host->base.host.listeners;
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < sockets->count; i++) {
        const struct hm_socket *row = &sockets->at[i];

        st = take_row(host, owned,
                      make_item(host, row->protocol, row->family, row->port, row->program),
                      row->family, owner_of(host, row->service, &row->hosted), most, err);
        host->socket_items[i] = *find_owned(owned, row->protocol, row->family, row->port) - 1;
    }
    for (size_t i = 0; st == HM_OK && host->base.host.has_listeners && i < filed->count; i++) {
        const struct hm_listener *row = &filed->at[i];

        st = take_row(host, owned,
                      make_item(host, row->protocol, row->family, row->port, row->program),
                      row->family, owner_of(host, row->service, NULL), most, err);
        host->filed_items[i] = *find_owned(owned, row->protocol, row->family, row->port) - 1;
    }
    return st;
}

/* The row of HTTP.sys or of msquic comes with its listener. */
static bool is_of_listener(const struct hm_boot_host *host, enum hm_protocol protocol,
                           struct hm_range row)
{
    const struct hm_listener *listener = find_listener(host, protocol, HM_IPV4, row.first);

    return hm_range_count(row) == 1 && listener != NULL &&
           (listener->kind == HM_KIND_HTTPSYS || listener->kind == HM_KIND_QUIC);
}

static struct hm_boot_item *find_block(struct hm_boot_host *host, size_t from,
                                       enum hm_protocol protocol, struct hm_range row)
{
    for (size_t i = from; i < host->items_count; i++) {
        struct hm_boot_item *item = &host->items[i];

        if (item->protocol == protocol && item->port == row.first &&
            item->count == hm_range_count(row) && item->is_block) {
            return item;
        }
    }
    return NULL;
}

static enum hm_status take_block(struct hm_boot_host *host, size_t from,
                                 const struct hm_stack *stack, struct hm_range row, size_t most,
                                 struct hm_err *err)
{
    struct hm_boot_item *same = find_block(host, from, stack->protocol, row);
    const bool kept = hm_hns_keeps(&host->settled.inventory, row);
    size_t owner = find_service(host, kept ? "hns" : "winnat");
    struct hm_boot_item item = {
        .protocol = stack->protocol,
        .port = row.first,
        .count = hm_range_count(row),
        .is_block = true,
        .is_given = !kept && hm_range_count(row) > 1 &&
                    is_dynamic(host, stack->protocol, row.first) &&
                    is_dynamic(host, stack->protocol, row.last),
        .kind = HM_KIND_CONTAINER,
        .program = "",
        .service = "",
    };

    if (same != NULL) {
        same->in[stack->family == HM_IPV6 ? 1 : 0] = true;
        return HM_OK;
    }
    owner = owner == HM_BOOT_NOBODY ? find_service(host, "hns") : owner;
    if (owner != HM_BOOT_NOBODY && host->services[owner].runs) {
        item.service = host->services[owner].name;
    } else {
        owner = HM_BOOT_NOBODY;
    }
    item.in[stack->family == HM_IPV6 ? 1 : 0] = true;
    return add_item(host, &item, owner, most, err);
}

static enum hm_status take_blocks(struct hm_boot_host *host, size_t most, struct hm_err *err)
{
    const struct hm_stacks *stacks = &host->settled.inventory.stacks;
    const size_t from = host->items_count;
    enum hm_status st = HM_OK;

    for (size_t i = 0; i < stacks->count; i++) {
        const struct hm_stack *stack = &stacks->at[i];

        for (size_t k = 0; st == HM_OK && k < stack->runtime.count; k++) {
            if (!is_of_listener(host, stack->protocol, stack->runtime.at[k])) {
                st = take_block(host, from, stack, stack->runtime.at[k], most, err);
            }
        }
    }
    return st;
}

static enum hm_status take_items(struct hm_boot_host *host, struct hm_err *err)
{
    const struct hm_stacks *stacks = &host->settled.inventory.stacks;
    const size_t sockets = host->base.seen.sockets.count;
    const size_t filed = host->base.host.listeners.count;
    const struct owned owned = {calloc((size_t)HM_STACK_COUNT * HM_BOOT_PORTS, sizeof(size_t))};
    size_t most = sockets + filed;
    enum hm_status st = HM_OK;

    for (size_t i = 0; i < stacks->count; i++) {
        most += stacks->at[i].runtime.count;
    }
    host->socket_items = hm_arena_alloc(&host->arena, sockets, sizeof(*host->socket_items));
    host->filed_items = hm_arena_alloc(&host->arena, filed, sizeof(*host->filed_items));
    if (owned.at == NULL || host->socket_items == NULL || host->filed_items == NULL) {
        free(owned.at);
        return no_memory(err);
    }
    st = take_sockets(host, &owned, most, err);
    free(owned.at);
    return st == HM_OK ? take_blocks(host, most, err) : st;
}

/* ---- the host -------------------------------------------------------------------------------- */

static enum hm_status read_host(struct hm_boot_host *host, const char *folder, struct hm_err *err)
{
    struct hm_recorded settled;
    enum hm_status st;

    host->base = (struct hm_recorded){.folder = folder, .arena = &host->arena};
    hm_notes_init(&host->base.notes, &host->arena);
    st = hm_recorded_read_files(&host->base, err);
    if (st != HM_OK) {
        return st;
    }
    host->base.seen.inventory.has_port_book =
        false; /* what is remembered of boots is the agent's */
    settled = host->base;
    if (settled.seen.inventory.os.family == HM_OS_WINDOWS) {
        hm_recorded_apply_registry(&settled);
    }
    if (hm_os_is_legacy(&settled.seen.inventory.os)) {
        st = hm_recorded_stacks(&settled, err);
    }
    if (st == HM_OK) {
        st = hm_recorded_conclude(&settled, err);
    }
    host->settled = settled.seen;
    return st;
}

enum hm_status hm_boot_host_open(const char *folder, struct hm_boot_host **out_host,
                                 struct hm_err *err)
{
    struct hm_boot_host *host = calloc(1, sizeof(*host));
    const char *name;
    enum hm_status st;

    if (host == NULL) {
        return no_memory(err);
    }
    hm_arena_init(&host->arena, HOST_BYTES);
    name = hm_arena_strdup(&host->arena, folder);
    st = name == NULL ? no_memory(err) : read_host(host, name, err);
    if (st == HM_OK) {
        st = take_services(host, err);
    }
    if (st == HM_OK) {
        st = take_items(host, err);
    }
    if (st == HM_OK) {
        *out_host = host;
    } else {
        hm_boot_host_close(host);
    }
    return st;
}

void hm_boot_host_close(struct hm_boot_host *host)
{
    if (host != NULL) {
        hm_arena_fini(&host->arena);
        free(host);
    }
}

const struct hm_observation *hm_boot_host_settled(const struct hm_boot_host *host)
{
    return &host->settled;
}
