/* common/judge/need_permission.c — ports that a URL reservation or an SSL binding of HTTP.sys
 * names, and that a service of this host uses. SPDX-License-Identifier: Apache-2.0
 *
 * By itself such a setting is only a permission, which may be left over. It is a service's own
 * where its path carries the service's name; where the product was moved to another HTTPS port, and
 * nothing else explains the binding; or where the service ended with the error by which HTTP.sys
 * finds a port in use. While the service is down, or runs and does not serve it, whatever has the
 * port keeps the service from it. Of a service that failed, and whose ports nobody knows, it may be
 * the own one. */
#include "common/judge/need_port.h"

#include "common/base/str.h"
#include "common/judge/default_urls.h"
#include "common/judge/port_errors.h"

#define OWN_SOURCE "setting of HTTP.sys on the host"
#define REFUSED_SOURCE                                                                             \
    "setting of HTTP.sys on the host; that the service ended with error 32 is the only sign that " \
    "it is its own"

static bool is_permission(const struct hm_configured *row)
{
    return row->kind == HM_KIND_HTTPSYS && row->subject != NULL &&
           (row->by == HM_BY_URL_RESERVATION || row->by == HM_BY_SSL_BINDING);
}

/* ---- services that ended with the error of HTTP.sys ---------------------------------------- */

/* Does a product of this host, or the port book, know which ports this service needs? */
static bool is_known(const struct hm_facts *facts, const char *service)
{
    const struct hm_inventory *inventory = facts->inventory;

    for (size_t i = 0; i < facts->present_count; i++) {
        if (hm_detect_owns(&facts->present[i]->detect, "", service) &&
            !hm_product_has_chosen_urls(facts->present[i])) {
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

static bool was_refused(const struct hm_facts *facts, const struct hm_configured *row,
                        const struct hm_service *service)
{
    return is_refused(facts, service) &&
           hm_default_url_may_serve(row, service, &facts->inventory->service_details);
}

static bool was_refused_by_name(const struct hm_facts *facts, const struct hm_configured *row,
                                const struct hm_service *service)
{
    return was_refused(facts, row, service) && hm_url_names_service(row, service->name);
}

/* ---- services whose setting it is ---------------------------------------------------------- */

static bool is_up(const struct hm_service *service)
{
    return service->has_runs && service->runs;
}

/* One that is to run; a cluster may have started it elsewhere, and an event starts what may stop by
 * itself. */
static bool is_to_run(const struct hm_service *service)
{
    return hm_service_is_wanted(service) && service->start != HM_START_CLUSTER &&
           service->start != HM_START_TRIGGERED;
}

/* Does HTTP.sys serve the port, as far as the listeners say who has it? */
static bool is_served(const struct hm_facts *facts, enum hm_protocol protocol, uint16_t port,
                      bool nameless)
{
    const struct hm_range range = {port, port};
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;

    while ((listener = hm_facts_next_listener(facts, protocol, (struct hm_ports){&range, 1},
                                              &cursor)) != NULL) {
        if (listener->kind == HM_KIND_HTTPSYS || hm_str_equal_nocase(listener->program, "System") ||
            (nameless && hm_str_equal(listener->program, ""))) {
            return true;
        }
    }
    return false;
}

static bool has_row(const struct hm_facts *facts, enum hm_configured_by by, struct hm_ports ports)
{
    const struct hm_configured_list *list = &facts->inventory->configured;

    for (size_t i = 0; i < list->count; i++) {
        if (list->at[i].by == by && list->at[i].protocol == HM_TCP &&
            hm_ports_contains(ports, list->at[i].port)) {
            return true;
        }
    }
    return false;
}

/* Does the product serve HTTPS alone, and no SSL binding has a port of the catalogue? Then it was
 * moved, and a binding that nobody else explains is its own. */
static bool is_moved(const struct hm_facts *facts, const struct hm_product *product)
{
    bool by_ssl = false;

    for (size_t i = 0; i < product->requirements.count; i++) {
        const struct hm_requirement *requirement = &product->requirements.at[i];

        by_ssl = by_ssl || requirement->by_ssl_bindings;
        if (requirement->kind == HM_KIND_HTTPSYS &&
            has_row(facts, HM_BY_SSL_BINDING, requirement->ports)) {
            return false;
        }
    }
    return by_ssl;
}

static bool is_of_moved(const struct hm_facts *facts, const struct hm_service *service)
{
    for (size_t i = 0; i < facts->present_count; i++) {
        if (hm_detect_owns(&facts->present[i]->detect, "", service->name) &&
            is_moved(facts, facts->present[i])) {
            return true;
        }
    }
    return false;
}

static bool has_chosen_urls(const struct hm_facts *facts, const struct hm_service *service)
{
    for (size_t i = 0; i < facts->present_count; i++) {
        if (hm_detect_owns(&facts->present[i]->detect, "", service->name) &&
            hm_product_has_chosen_urls(facts->present[i])) {
            return true;
        }
    }
    return false;
}

/* Is it a setting for HTTPS that no site of IIS and no path explains? */
static bool is_plain_ssl(const struct hm_facts *facts, const struct hm_configured *row)
{
    const struct hm_configured_list *list = &facts->inventory->configured;

    for (size_t i = 0; i < list->count; i++) {
        const struct hm_configured *other = &list->at[i];

        if (other->port == row->port && other->protocol == row->protocol &&
            (other->by == HM_BY_IIS_BINDING ||
             (other->by == HM_BY_URL_RESERVATION && !hm_url_is_bare(other)))) {
            return false;
        }
    }
    return row->by == HM_BY_SSL_BINDING || hm_url_is_https(row);
}

/* Is the setting that of the service, by its path, or as that of a product that was moved? */
static bool is_own(const struct hm_facts *facts, const struct hm_configured *row,
                   const struct hm_service *service)
{
    return is_to_run(service) && hm_default_url_find(row) == NULL &&
           (hm_url_names_service(row, service->name) ||
            (is_plain_ssl(facts, row) && is_of_moved(facts, service)));
}

static bool is_own_and_down(const struct hm_facts *facts, const struct hm_configured *row,
                            const struct hm_service *service)
{
    return !is_up(service) && is_own(facts, row, service);
}

/* Does HTTP.sys serve another port for the service? *out_same: for the same path. */
static bool serves_other(const struct hm_facts *facts, const struct hm_configured *row,
                         const struct hm_service *service, bool *out_same)
{
    const struct hm_configured_list *list = &facts->inventory->configured;
    bool serves = false;

    *out_same = false;
    for (size_t i = 0; i < list->count; i++) {
        const struct hm_configured *other = &list->at[i];

        if (is_permission(other) && other->port != row->port && is_own(facts, other, service) &&
            is_served(facts, other->protocol, other->port, true)) {
            serves = true;
            *out_same = *out_same || other->by != row->by || hm_url_same_path(other, row);
        }
    }
    return serves;
}

/* It runs, and serves nothing else: then it wants this port. */
static bool is_own_and_up(const struct hm_facts *facts, const struct hm_configured *row,
                          const struct hm_service *service)
{
    bool same;

    return is_up(service) && is_own(facts, row, service) &&
           !is_served(facts, row->protocol, row->port, true) &&
           !serves_other(facts, row, service, &same);
}

/* It runs, and serves another path on another port: it may want this one, too. */
static bool is_own_beside(const struct hm_facts *facts, const struct hm_configured *row,
                          const struct hm_service *service)
{
    bool same;

    return is_up(service) && is_own(facts, row, service) &&
           !is_served(facts, row->protocol, row->port, true) &&
           serves_other(facts, row, service, &same) && !same;
}

/* A service that is down, whose ports nobody knows, and that failed or chooses its URLs: the
 * reservation may be its own. */
static bool may_be_own(const struct hm_facts *facts, const struct hm_configured *row,
                       const struct hm_service *service)
{
    return row->by == HM_BY_URL_RESERVATION && is_to_run(service) && service->has_runs &&
           !service->runs && !is_known(facts, service->name) &&
           (hm_service_has_failed(service) || has_chosen_urls(facts, service)) &&
           hm_default_url_find(row) == NULL &&
           hm_default_url_may_serve(row, service, &facts->inventory->service_details);
}

/* ---- the needs ----------------------------------------------------------------------------- */

/* Why a setting counts, the surest first: of several settings of a port, the one that carries the
 * name of a service speaks. */
static const struct claim {
    bool (*is)(const struct hm_facts *facts, const struct hm_configured *row,
               const struct hm_service *service);
    const char *source;
    bool excluded_too; /* otherwise reservation_excluded speaks of an excluded port */
    bool only_blocked;
    bool unsure;
} claims[] = {
    {was_refused_by_name, REFUSED_SOURCE, true,  false, false},
    {was_refused,         REFUSED_SOURCE, true,  false, false},
    {is_own_and_down,     OWN_SOURCE,     false, false, false},
    {is_own_and_up,       OWN_SOURCE,     false, true,  false},
    {is_own_beside,       OWN_SOURCE,     false, true,  true },
    {may_be_own,          OWN_SOURCE,     false, false, true },
};

static enum hm_status find_services(const struct hm_facts *facts, struct hm_need_list *list,
                                    const struct claim *claim, const struct hm_configured *row,
                                    struct hm_strings *out_names)
{
    const struct hm_services *details = &facts->inventory->service_details;
    const size_t count = facts->inventory->has_service_details ? details->count : 0;

    *out_names = (struct hm_strings){NULL, 0};
    for (size_t i = 0; i < count; i++) {
        const struct hm_service *service = &details->at[i];

        if (!claim->is(facts, row, service)) {
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
                                     const struct claim *claim, const struct hm_configured *row,
                                     struct hm_strings services)
{
    const struct hm_need_port port = {
        .protocol = row->protocol,
        .families = HM_FAMILIES_BOTH,
        .port = row->port,
        .kind = row->kind,
        .title =
            hm_arena_printf(list->arena, "%s %s", hm_configured_by_labels[row->by], row->subject),
        .services = services,
        .programs = {NULL, 0},
        .source = claim->source,
        .only_at_risk = true,
        .only_blocked = claim->only_blocked,
        .permission = true,
        .unsure = claim->unsure,
    };

    return hm_need_put_port(facts, list, &port);
}

bool hm_need_is_permission(const struct hm_need *need)
{
    return need->permission;
}

enum hm_status hm_needs_put_permissions(struct hm_facts *facts, struct hm_need_list *list)
{
    const struct hm_configured_list *configured = &facts->inventory->configured;
    enum hm_status st = HM_OK;

    for (size_t k = 0; k < HM_COUNT(claims); k++) {
        for (size_t i = 0; i < configured->count && st == HM_OK; i++) {
            const struct hm_configured *row = &configured->at[i];
            struct hm_strings services;

            if (!is_permission(row) || hm_portbits_has(facts->required[row->protocol], row->port) ||
                (!claims[k].excluded_too &&
                 (is_served(facts, row->protocol, row->port, false) ||
                  hm_facts_is_excluded(facts, row->protocol, row->port)))) {
                continue;
            }
            st = find_services(facts, list, &claims[k], row, &services);
            if (st == HM_OK && services.count > 0) {
                st = put_permission(facts, list, &claims[k], row, services);
            }
        }
    }
    return st;
}
