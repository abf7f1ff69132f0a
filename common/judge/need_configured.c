/* common/judge/need_configured.c — ports that HTTP.sys, IIS and containers serve or are set up to
 * serve, and that no requirement of the catalogue covers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A binding of IIS is a requirement where its service starts, and that of an FTP site or of net.tcp
 * is a plain socket, which an exclusion protects; so is a port that a container
 * publishes, while anybody may be given it or another program listens there. What else reserves its
 * port counts where an administered exclusion covers it, inside the dynamic range or not: it fails
 * at its next start (windows-ports 2.1). URL reservations and SSL bindings
 * are permissions (need_permission.c). On Linux the ports of
 * containers count that Docker or a unit starts, or that run (CNI), those of socket units and of
 * forwarders (ssh, socat), which may be down, and those of tunnels of WireGuard that no product of
 * the catalogue has. */
#include "common/judge/need.h"

#include <string.h>

#include "common/base/str.h"
#include "common/judge/need_port.h"
#include "common/ports/configured.h"

static const char *iis_names[] = {"W3SVC", "WAS"};
static const char *ftp_names[] = {"ftpsvc"};
static const char *net_tcp_names[] = {"NetTcpPortSharing"};
static const char *hns_names[] = {"hns"};
static const char *docker_names[] = {"docker", "snap.docker.dockerd"}; /* of Linux */
static const char *system_names[] = {"System"};
static const struct hm_strings system_program = {system_names, HM_COUNT(system_names)};
static const struct hm_strings none = {NULL, 0};

static bool is_reserver(enum hm_listener_kind kind)
{
    return hm_kind_exclusion_effect(kind) == HM_EXCLUSION_BREAKS;
}

bool hm_facts_is_excluded(const struct hm_facts *facts, enum hm_protocol protocol, uint16_t port)
{
    bool excluded = false;

    for (unsigned i = 0; i < 2; i++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(facts, protocol, i == 0 ? HM_IPV4 : HM_IPV6);

        excluded = excluded || hm_ports_contains(stack->administered, port);
    }
    return excluded;
}

/* Settings of which it is known who serves them. */
struct server {
    struct hm_strings services; /* any of them */
    const char *product;        /* the catalogue's product of this service; NULL none */
    const char *source;
    bool binding;   /* of IIS: a requirement wherever the service starts */
    bool linux_too; /* on Linux a requirement, too */
};

#define WEB_SOURCE "binding of a web site on the host"
#define CONTAINER_SOURCE "endpoint of a container on the host"
static const struct server servers[HM_CONFIGURED_BY_COUNT] = {
    [HM_BY_IIS_BINDING] = {.services = {iis_names, HM_COUNT(iis_names)},
                           .product = "W3SVC",
                           .source = WEB_SOURCE,
                           .binding = true},
    [HM_BY_FTP_BINDING] = {.services = {ftp_names, HM_COUNT(ftp_names)},
                           .product = "ftpsvc",
                           .source = "binding of an FTP site on the host",
                           .binding = true},
    [HM_BY_NET_TCP_BINDING] = {.services = {net_tcp_names, HM_COUNT(net_tcp_names)},
                           .product = "NetTcpPortSharing",
                           .source = WEB_SOURCE,
                           .binding = true},
    [HM_BY_HNS_ENDPOINT] = {.services = {hns_names, HM_COUNT(hns_names)},
                           .source = CONTAINER_SOURCE},
    [HM_BY_PUBLISHED_PORT] = {.services = {hns_names, HM_COUNT(hns_names)},
                           .source = CONTAINER_SOURCE,
                           .linux_too = true},
    [HM_BY_SOCKET_UNIT] = {.source = "socket unit on the host", .linux_too = true                            },
    [HM_BY_COMMAND_PORT] = {.source = "command line of a service on the host", .linux_too = true                            },
    [HM_BY_WIREGUARD_PORT] = {.source = "file of a tunnel on the host",                                            .linux_too = true                 },
};

const struct hm_configured *hm_configured_container(const struct hm_facts *facts,
                                                    enum hm_protocol protocol,
                                                    struct hm_ports ports)
{
    const struct hm_configured_list *list = &facts->inventory->configured;

    for (size_t i = 0; facts->inventory->has_configured && i < list->count; i++) {
        const struct hm_configured *row = &list->at[i];

        if (row->kind == HM_KIND_CONTAINER && row->protocol == protocol &&
            hm_ports_contains(ports, row->port)) {
            return row;
        }
    }
    return NULL;
}

bool hm_configured_is_binding(const struct hm_configured *row)
{
    return servers[row->by].binding;
}

/* Linux: Docker is one service or another; none where nobody knows what starts it. */
static struct hm_strings services_of(const struct hm_facts *facts, const struct hm_configured *row)
{
    if (!facts->linux_host) {
        return servers[row->by].services;
    }
    if (row->service == NULL || hm_str_equal(row->service, "")) {
        return none;
    }
    return row->by == HM_BY_PUBLISHED_PORT && hm_str_equal(row->service, docker_names[0])
               ? (struct hm_strings){docker_names, HM_COUNT(docker_names)}
               : (struct hm_strings){(const char **)&row->service, 1};
}

/* A mapping of CNI is there as long as its container runs; a socket unit is in the list when a boot
 * starts it. */
static bool starts_on_linux(const struct hm_facts *facts, const struct hm_configured *row)
{
    const struct hm_strings services = services_of(facts, row);

    if (row->manual || row->port == 0 || !servers[row->by].linux_too) {
        return false;
    }
    return row->by == HM_BY_SOCKET_UNIT ||
           (row->by == HM_BY_PUBLISHED_PORT && services.count == 0) ||
           hm_names_match(&facts->services, &services);
}

bool hm_configured_starts(const struct hm_facts *facts, const struct hm_configured *row)
{
    const struct hm_strings services = services_of(facts, row);

    if (facts->linux_host) {
        return starts_on_linux(facts, row);
    }
    return services.count > 0 && row->kind != HM_KIND_QUIC && !row->manual &&
           hm_names_match(&facts->services, &services);
}

bool hm_configured_has_socket_unit(const struct hm_facts *facts, enum hm_protocol protocol,
                                   struct hm_ports ports)
{
    const struct hm_inventory *inventory = facts->inventory;

    for (size_t i = 0; inventory->has_configured && i < inventory->configured.count; i++) {
        const struct hm_configured *row = &inventory->configured.at[i];

        if (row->by == HM_BY_SOCKET_UNIT && row->protocol == protocol &&
            hm_ports_contains(ports, row->port) && hm_configured_starts(facts, row)) {
            return true;
        }
    }
    return false;
}

/* The product of the catalogue that has this service; NULL when the host shows none. */
static const struct hm_product *product_of(const struct hm_facts *facts, const char *service)
{
    for (size_t i = 0; i < facts->present_count; i++) {
        const struct hm_detect *detect = &facts->present[i]->detect;

        if (detect->services.count > 0 && hm_str_equal_nocase(detect->services.at[0], service)) {
            return facts->present[i];
        }
    }
    return NULL;
}

enum hm_status hm_need_put_port(struct hm_facts *facts, struct hm_need_list *list,
                                const struct hm_need_port *port)
{
    struct hm_arena *arena = list->arena;
    struct hm_requirement *made = hm_arena_alloc(arena, 1, sizeof(*made));
    struct hm_range *range = hm_arena_alloc(arena, 1, sizeof(*range));
    struct hm_need *need;

    if (list->observed >= HM_NEEDS_OBSERVED_MAX) {
        list->needs.unjudged++;
        return HM_OK;
    }
    need = hm_need_put(list);
    if (made == NULL || range == NULL || need == NULL || port->title == NULL) {
        return hm_fail(list->err, HM_ENOMEM, "no memory for the ports that are set up");
    }
    *range = (struct hm_range){port->port, port->port};
    *made = (struct hm_requirement){
        .id = hm_arena_printf(arena, "%s-%u", hm_protocol_names[port->protocol],
                              (unsigned)port->port),
        .title = port->title,
        .protocol = port->protocol,
        .families = port->families,
        .ports = {range,                      1                         },
        .kind = port->kind,
        .detect = {.services = port->services, .programs = port->programs},
        .safe_to_exclude = is_reserver(port->kind) ? HM_EXCLUDE_NO : HM_EXCLUDE_WHEN_STOPPED,
        .by_iis_bindings = port->of_iis,
        .source = port->source,
        .confidence = HM_CONF_INFERRED,
    };
    if (made->id == NULL) {
        return hm_fail(list->err, HM_ENOMEM, "no memory for the ports that are set up");
    }
    need->product = port->product;
    need->requirement = made;
    need->families = port->families;
    need->published = port->published;
    need->configured = port->bound;
    need->only_at_risk = port->only_at_risk;
    need->only_blocked = port->only_blocked;
    need->remembered = port->only_at_risk;
    need->permission = port->permission;
    need->unsure = port->unsure;
    list->observed++;
    hm_portbits_put(facts->required[port->protocol], port->port);
    return HM_OK;
}

static const char *title_of_row(const struct hm_facts *facts, const struct hm_configured *row,
                                struct hm_arena *arena)
{
    if (facts->linux_host && row->by == HM_BY_SOCKET_UNIT) {
        return hm_arena_printf(arena, "Socket unit %s", row->subject);
    }
    if (facts->linux_host && row->by == HM_BY_WIREGUARD_PORT) {
        return hm_arena_printf(arena, "WireGuard tunnel of %s", row->subject);
    }
    if (row->by == HM_BY_COMMAND_PORT) {
        return hm_arena_printf(arena, "Forwarded port of %s", row->subject);
    }
    return hm_arena_printf(arena, servers[row->by].binding ? "Binding %s" : "Container port (%s)",
                           row->subject);
}

/* Is it the same one that serves both? On Linux units and containers are many. */
static bool same_server(const struct hm_facts *facts, const struct hm_configured *row,
                        const struct hm_configured *other)
{
    const char *const a = row->service == NULL ? "" : row->service;
    const char *const b = other->service == NULL ? "" : other->service;

    return !facts->linux_host || (row->by == other->by && hm_str_equal(a, b));
}

/* In which it is served, by all of its settings for the port. */
static enum hm_families served_families(const struct hm_facts *facts,
                                        const struct hm_configured *row)
{
    const struct hm_configured_list *list = &facts->inventory->configured;

    for (size_t i = 0; i < list->count; i++) {
        const struct hm_configured *other = &list->at[i];

        if (other->protocol == row->protocol && other->port == row->port &&
            other->families != row->families && same_server(facts, row, other) &&
            hm_configured_starts(facts, other)) {
            return HM_FAMILIES_BOTH;
        }
    }
    return row->families;
}

/* Does a requirement speak for the port already? Not that of another socket unit or container whose
 * setting is for another family or address. from: the first need of a setting. */
static bool is_spoken_for(const struct hm_facts *facts, const struct hm_need_list *list,
                          size_t from, const struct hm_configured *row)
{
    bool apart = false;

    if (!hm_portbits_has(facts->required[row->protocol], row->port)) {
        return false;
    }
    for (size_t i = from; i < list->needs.count; i++) {
        const struct hm_need *need = &list->needs.at[i];

        if (need->requirement->protocol != row->protocol ||
            !hm_ports_contains(need->requirement->ports, row->port)) {
            continue;
        }
        if (hm_need_covers(need, row)) {
            return true;
        }
        apart = true;
    }
    return !apart;
}

static bool is_own_row(const struct hm_facts *facts, const void *of,
                       const struct hm_configured *row)
{
    return same_server(facts, of, row) && hm_configured_starts(facts, row);
}

static enum hm_status put_configured(struct hm_facts *facts, struct hm_need_list *list,
                                     const struct hm_configured *row)
{
    const struct server *server = &servers[row->by];
    const struct hm_need_port port = {
        .protocol = row->protocol,
        .families = served_families(facts, row),
        .port = row->port,
        .kind = row->kind,
        .product = server->product == NULL ? NULL : product_of(facts, server->product),
        .title = title_of_row(facts, row, list->arena),
        .services = services_of(facts, row),
        .published = row->by == HM_BY_PUBLISHED_PORT,
        .bound = server->binding || (facts->linux_host && row->by != HM_BY_PUBLISHED_PORT),
        .of_iis = server->binding,
        .programs = none,
        .source = server->source,
    };
    const size_t count = list->needs.count;
    enum hm_status st = hm_need_put_port(facts, list, &port);

    return st != HM_OK || list->needs.count == count
               ? st
               : hm_need_take_addresses(facts, &list->needs.at[count], is_own_row, row, list->arena,
                                        list->err);
}

/* The families in which a reserver listens on this port. */
static enum hm_families families_of(const struct hm_facts *facts,
                                    const struct hm_listener *listener)
{
    const struct hm_range range = {listener->port, listener->port};
    struct hm_port_cursor cursor = {0, 0, 0};
    enum hm_families families = listener->family == HM_IPV4 ? HM_FAMILIES_IPV4 : HM_FAMILIES_IPV6;
    const struct hm_listener *other;

    while ((other = hm_facts_next_listener(facts, listener->protocol, (struct hm_ports){&range, 1},
                                           &cursor)) != NULL) {
        if (other->family != listener->family && is_reserver(other->kind)) {
            families = HM_FAMILIES_BOTH;
        }
    }
    return families;
}

/* The first setting of HTTP.sys for the listener's port, which names who may serve it. */
static const struct hm_configured *permission_of(const struct hm_facts *facts,
                                                 const struct hm_listener *listener)
{
    const struct hm_configured_list *list = &facts->inventory->configured;

    for (size_t i = 0; facts->inventory->has_configured && i < list->count; i++) {
        if (list->at[i].protocol == listener->protocol && list->at[i].port == listener->port &&
            list->at[i].kind == listener->kind && list->at[i].subject != NULL) {
            return &list->at[i];
        }
    }
    return NULL;
}

static enum hm_status put_listener(struct hm_facts *facts, struct hm_need_list *list,
                                   const struct hm_listener *listener)
{
    const bool system = hm_str_equal_nocase(listener->program, "System");
    const char *name = !hm_str_equal(listener->service, "") ? listener->service : listener->program;
    const char **program = hm_arena_alloc(list->arena, 1, sizeof(*program));
    struct hm_need_port port = {
        .protocol = listener->protocol,
        .families = families_of(facts, listener),
        .port = listener->port,
        .kind = listener->kind,
        .services = none,
        .programs = system_program,
        .source = "observed on the host",
    };

    if (program == NULL) {
        return hm_fail(list->err, HM_ENOMEM, "no memory for the ports that are set up");
    }
    if (system) {
        const struct hm_configured *row = permission_of(facts, listener);

        port.title = row == NULL ? "HTTP.sys (observed)"
                                 : hm_arena_printf(list->arena, "HTTP.sys (%s %s)",
                                                   hm_configured_by_labels[row->by], row->subject);
    } else {
        *program = listener->program;
        port.programs = (struct hm_strings){program, hm_str_equal(*program, "") ? 0u : 1u};
        port.title = hm_arena_printf(list->arena, "%s (observed)",
                                     hm_str_equal(name, "") ? "unknown program" : name);
    }
    return hm_need_put_port(facts, list, &port);
}

/* Is it what the setting is for? Process 1 for a socket unit, or what that starts; the kernel for a
 * tunnel. */
static bool is_own_socket(const struct hm_facts *facts, const struct hm_configured *row,
                          const char *program, const char *service)
{
    if (row->by == HM_BY_SOCKET_UNIT) {
        return hm_str_equal(service, row->service) || hm_need_is_activator(facts, program);
    }
    if (row->by == HM_BY_COMMAND_PORT) {
        return hm_str_equal(service, row->service);
    }
    return row->by == HM_BY_WIREGUARD_PORT ? hm_str_equal(program, "")
                                           : hm_need_stands_in(HM_KIND_CONTAINER, program);
}

/* Anybody may be given a published port, or a program that serves no container listens on it. */
static bool is_contested(const struct hm_facts *facts, const struct hm_configured *row)
{
    const struct hm_range range = {row->port, row->port};
    struct hm_port_cursor cursor = {0, 0, 0};
    struct hm_port_cursor of_sockets = {0, 0, 0};
    const struct hm_listener *listener;
    const struct hm_socket *socket;

    for (unsigned i = 0; i < 2; i++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(facts, row->protocol, i == 0 ? HM_IPV4 : HM_IPV6);

        if (hm_ports_contains(hm_stack_facts_may_give(stack), row->port)) {
            return true;
        }
    }
    while (facts->linux_host &&
           (socket = hm_facts_next_socket(facts, row->protocol, (struct hm_ports){&range, 1},
                                          &of_sockets)) != NULL) {
        if (!is_own_socket(facts, row, socket->program, socket->service)) {
            return true;
        }
    }
    while ((listener = hm_facts_next_listener(facts, row->protocol, (struct hm_ports){&range, 1},
                                              &cursor)) != NULL) {
        if (!is_reserver(listener->kind) &&
            !is_own_socket(facts, row, listener->program, listener->service)) {
            return true;
        }
    }
    return false;
}

/* ---- products whose URLs an administrator chooses -------------------------------------------- */

bool hm_product_has_chosen_urls(const struct hm_product *product)
{
    for (size_t i = 0; i < product->requirements.count; i++) {
        const struct hm_requirement *requirement = &product->requirements.at[i];

        if (requirement->kind == HM_KIND_HTTPSYS && requirement->optional &&
            !requirement->by_iis_bindings) {
            return true;
        }
    }
    return false;
}

enum hm_status hm_needs_configure(struct hm_facts *facts, struct hm_need_list *list)
{
    const struct hm_inventory *inventory = facts->inventory;
    const size_t from = list->needs.count;
    enum hm_status st = HM_OK;

    if (facts->legacy) {
        return HM_OK; /* reserved ports there never hinder an explicit bind */
    }
    for (size_t i = 0; inventory->has_configured && i < inventory->configured.count && st == HM_OK;
         i++) {
        const struct hm_configured *row = &inventory->configured.at[i];

        if (!is_spoken_for(facts, list, from, row) && hm_configured_starts(facts, row) &&
            (hm_configured_is_binding(row) ||
             ((row->by == HM_BY_PUBLISHED_PORT || facts->linux_host) && is_contested(facts, row)) ||
             (!facts->linux_host && hm_facts_is_excluded(facts, row->protocol, row->port)))) {
            st = put_configured(facts, list, row);
        }
    }
    if (facts->linux_host) {
        return st; /* nor on Linux; and HTTP.sys is of Windows */
    }
    for (size_t i = 0; i < facts->listeners.count && st == HM_OK; i++) {
        const struct hm_listener *listener = &inventory->listeners.at[facts->listeners.at[i].at];

        if (is_reserver(listener->kind) &&
            !hm_portbits_has(facts->required[listener->protocol], listener->port) &&
            hm_facts_is_excluded(facts, listener->protocol, listener->port)) {
            st = put_listener(facts, list, listener);
        }
    }
    return st == HM_OK && inventory->has_configured ? hm_needs_put_permissions(facts, list) : st;
}
