/* common/judge/need_configured.c — ports that HTTP.sys, IIS and containers serve or are set up to
 * serve, and that no requirement of the catalogue covers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A binding of IIS is a requirement where its service starts, and that of an FTP site or of net.tcp
 * is a plain socket, which an exclusion protects; so is a port that a container
 * publishes, while anybody may be given it or another program listens there. What else reserves its
 * port counts where an administered exclusion covers it, inside the dynamic range or not: it fails
 * at its next start (windows-ports 2.1). A URL reservation or an SSL binding is only a permission,
 * and no requirement by itself; where a service that nobody knows ended with the error by which
 * HTTP.sys finds a port in use, it says which port that may be. */
#include "common/judge/need.h"

#include <string.h>

#include "common/base/str.h"
#include "common/judge/default_urls.h"
#include "common/judge/port_errors.h"
#include "common/ports/configured.h"

static const char *iis_names[] = {"W3SVC", "WAS"};
static const char *ftp_names[] = {"ftpsvc"};
static const char *net_tcp_names[] = {"NetTcpPortSharing"};
static const char *hns_names[] = {"hns"};
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
    bool binding; /* of IIS: a requirement wherever the service starts */
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
                           .source = CONTAINER_SOURCE                                       },
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

bool hm_configured_starts(const struct hm_facts *facts, const struct hm_configured *row)
{
    const struct server *server = &servers[row->by];

    return server->services.count > 0 && row->kind != HM_KIND_QUIC && !row->manual &&
           hm_names_match(&facts->services, &server->services);
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

/* What is known of a port that becomes a need. */
struct port {
    enum hm_protocol protocol;
    enum hm_families families;
    uint16_t port;
    enum hm_listener_kind kind;
    const struct hm_product *product;
    const char *title;
    struct hm_strings services;
    struct hm_strings programs;
    const char *source;
    bool published;
    bool bound;        /* by a binding of IIS: nothing else may have it */
    bool only_at_risk; /* of services that are down; somebody's permission, otherwise nothing */
};

static enum hm_status put(struct hm_facts *facts, struct hm_need_list *list,
                          const struct port *port)
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
        .by_iis_bindings = port->bound,
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
    need->remembered = port->only_at_risk;
    list->observed++;
    hm_portbits_put(facts->required[port->protocol], port->port);
    return HM_OK;
}

static enum hm_status put_configured(struct hm_facts *facts, struct hm_need_list *list,
                                     const struct hm_configured *row)
{
    const struct server *server = &servers[row->by];
    const struct port port = {
        .protocol = row->protocol,
        .families = HM_FAMILIES_BOTH,
        .port = row->port,
        .kind = row->kind,
        .product = server->product == NULL ? NULL : product_of(facts, server->product),
        .title = hm_arena_printf(
            list->arena, server->binding ? "Binding %s" : "Container port (%s)", row->subject),
        .services = server->services,
        .published = row->by == HM_BY_PUBLISHED_PORT,
        .bound = server->binding,
        .programs = none,
        .source = server->source,
    };

    return put(facts, list, &port);
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
    struct port port = {
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
    return put(facts, list, &port);
}

/* Anybody may be given a published port, or a program that serves no container listens on it. */
static bool is_contested(const struct hm_facts *facts, const struct hm_configured *row)
{
    const struct hm_range range = {row->port, row->port};
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;

    for (unsigned i = 0; i < 2; i++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(facts, row->protocol, i == 0 ? HM_IPV4 : HM_IPV6);

        if (hm_ports_contains(hm_stack_facts_may_give(stack), row->port)) {
            return true;
        }
    }
    while ((listener = hm_facts_next_listener(facts, row->protocol, (struct hm_ports){&range, 1},
                                              &cursor)) != NULL) {
        if (!is_reserver(listener->kind) &&
            !hm_need_stands_in(HM_KIND_CONTAINER, listener->program)) {
            return true;
        }
    }
    return false;
}

/* ---- permissions whose service may be down ------------------------------------------------- */

static bool is_permission(const struct hm_configured *row)
{
    return row->kind == HM_KIND_HTTPSYS && row->subject != NULL &&
           (row->by == HM_BY_URL_RESERVATION || row->by == HM_BY_SSL_BINDING);
}

/* Does a product of this host, or the port book, know which ports this service needs? */
static bool is_known(const struct hm_facts *facts, const char *service)
{
    const struct hm_inventory *inventory = facts->inventory;

    for (size_t i = 0; i < facts->present_count; i++) {
        if (hm_detect_owns(&facts->present[i]->detect, "", service)) {
            return true;
        }
    }
    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        if (hm_str_equal_nocase(inventory->port_book.at[i].service, service)) {
            return true;
        }
    }
    return false;
}

/* Did the service end because HTTP.sys found a port in use, as far as the error says it, and nobody
 * knows its ports? */
static bool is_refused(const struct hm_facts *facts, const struct hm_service *service)
{
    const struct hm_port_error *error = hm_port_error_find(facts, service->exit_code);

    return error != NULL && error->httpsys && hm_service_is_wanted(service) &&
           service->start != HM_START_CLUSTER && hm_service_has_failed(service) &&
           !is_known(facts, service->name);
}

/* The services that were refused, and may be those that the row is set up for. */
static enum hm_status find_refused(const struct hm_facts *facts, struct hm_need_list *list,
                                   const struct hm_configured *row, struct hm_strings *out_names)
{
    const struct hm_services *details = &facts->inventory->service_details;
    const size_t count = facts->inventory->has_service_details ? details->count : 0;

    *out_names = (struct hm_strings){NULL, 0};
    for (size_t i = 0; i < count; i++) {
        const struct hm_service *service = &details->at[i];

        if (!is_refused(facts, service) || !hm_default_url_may_serve(row, service, details)) {
            continue;
        }
        if (out_names->at == NULL) {
            out_names->at = hm_arena_alloc(list->arena, count, sizeof(*out_names->at));
        }
        if (out_names->at == NULL) {
            return hm_fail(list->err, HM_ENOMEM, "no memory for the ports that are set up");
        }
        out_names->at[out_names->count++] = service->name;
    }
    return HM_OK;
}

static enum hm_status put_permission(struct hm_facts *facts, struct hm_need_list *list,
                                     const struct hm_configured *row, struct hm_strings services)
{
    const struct port port = {
        .protocol = row->protocol,
        .families = HM_FAMILIES_BOTH,
        .port = row->port,
        .kind = row->kind,
        .title =
            hm_arena_printf(list->arena, "%s %s", hm_configured_by_labels[row->by], row->subject),
        .services = services,
        .programs = none,
        .source = "setting of HTTP.sys on the host; that the service ended with error 32 is the "
                  "only sign that it is its own",
        .only_at_risk = true,
    };

    return put(facts, list, &port);
}

bool hm_need_is_permission(const struct hm_need *need)
{
    return need->product == NULL && need->remembered && need->only_at_risk;
}

/* Of several settings of a port, the one that carries the name of a service speaks. */
static enum hm_status put_permissions(struct hm_facts *facts, struct hm_need_list *list)
{
    const struct hm_configured_list *configured = &facts->inventory->configured;
    enum hm_status st = HM_OK;

    for (unsigned named = 2; named-- > 0;) {
        for (size_t i = 0; i < configured->count && st == HM_OK; i++) {
            const struct hm_configured *row = &configured->at[i];
            struct hm_strings refused;

            if (!is_permission(row) || hm_portbits_has(facts->required[row->protocol], row->port)) {
                continue;
            }
            st = find_refused(facts, list, row, &refused);
            if (st == HM_OK && refused.count > 0 &&
                (named == 0 || hm_url_names_service(row, refused.at[0]))) {
                st = put_permission(facts, list, row, refused);
            }
        }
    }
    return st;
}

enum hm_status hm_needs_configure(struct hm_facts *facts, struct hm_need_list *list)
{
    const struct hm_inventory *inventory = facts->inventory;
    enum hm_status st = HM_OK;

    if (facts->linux_host || facts->legacy) {
        return HM_OK; /* reserved ports there never hinder an explicit bind */
    }
    for (size_t i = 0; inventory->has_configured && i < inventory->configured.count && st == HM_OK;
         i++) {
        const struct hm_configured *row = &inventory->configured.at[i];

        if (!hm_portbits_has(facts->required[row->protocol], row->port) &&
            hm_configured_starts(facts, row) &&
            (hm_configured_is_binding(row) ||
             (row->by == HM_BY_PUBLISHED_PORT && is_contested(facts, row)) ||
             hm_facts_is_excluded(facts, row->protocol, row->port))) {
            st = put_configured(facts, list, row);
        }
    }
    for (size_t i = 0; i < facts->listeners.count && st == HM_OK; i++) {
        const struct hm_listener *listener = &inventory->listeners.at[facts->listeners.at[i].at];

        if (is_reserver(listener->kind) &&
            !hm_portbits_has(facts->required[listener->protocol], listener->port) &&
            hm_facts_is_excluded(facts, listener->protocol, listener->port)) {
            st = put_listener(facts, list, listener);
        }
    }
    return st == HM_OK && inventory->has_configured ? put_permissions(facts, list) : st;
}
