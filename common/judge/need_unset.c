/* common/judge/need_unset.c — a server whose port nobody has seen or read.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Administrators move the ports of databases, web servers and the like. While such a server has
 * never been seen with a port, and its setting was not read, that its usual port is safe says
 * nothing of the one that it asks for at its next start. It may be down; nobody may know whether it
 * runs; it is said to run, and the complete list of sockets has none of it, so that one of the two
 * is wrong; or it is one of several, and listens inside the dynamic range (need_stray.c). A usual
 * port that somebody reserved is one that somebody counts on, unless another instance may be meant,
 * or the row is wide. Where there are several instances, only what is known of this one says
 * something of it. A web server that was stopped beside web sites of HTTP.sys on its usual port is
 * as a rule set up for another one. */
#include "common/judge/need.h"

#include <string.h>

#include "common/base/str.h"
#include "common/judge/port_errors.h"
#include "common/ports/line.h"
#include "common/ports/port_book.h"

/* An exclusion or a reservation wider than this is not for one server. */
#define PORTS_OF_A_CAUSE 32u

/* Is it a port that people move, and that nothing read from the host says? */
static bool is_assumed(const struct hm_need *need)
{
    const struct hm_requirement *row = need->requirement;

    return need->product != NULL && row->set_in != NULL && row->set_in[0] != '\0' &&
           row->ports_by == NULL && row->port_unread == NULL && !need->configured &&
           !need->published;
}

/* Is it the port that a settings file of the server says? */
static bool is_of_file(const struct hm_need *need)
{
    const struct hm_requirement *row = need->requirement;

    return need->product != NULL && row->set_in != NULL && row->set_in[0] != '\0' &&
           row->has_port_from && row->port_from == HM_BY_SETTINGS_PORT && row->ports_by != NULL &&
           row->port_unread == NULL && !need->configured && !need->published;
}

/* Does somebody have one of its ports who may be the product? of: only this service, NULL any. */
static bool is_seen_there(const struct hm_facts *facts, const struct hm_need *need,
                          const struct hm_service *of)
{
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;

    while ((listener = hm_facts_next_listener(facts, need->requirement->protocol,
                                              need->requirement->ports, &cursor)) != NULL) {
        if ((of == NULL || hm_str_equal_nocase(listener->service, of->name)) &&
            hm_need_owner_of_listener(facts, need, listener) != HM_OWNER_FOREIGN) {
            return true;
        }
    }
    return false;
}

/* Was the port chosen? One of the dynamic range that was seen in few boots may have been given, and
 * is not judged: need_observed.c. */
static bool is_chosen(const struct hm_facts *facts, const struct hm_need *need,
                      const struct hm_port_entry *entry)
{
    if (hm_ports_contains(need->requirement->ports, entry->port)) {
        return true;
    }
    for (unsigned family = 0; family < 2; family++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(facts, entry->protocol, (enum hm_family)family);

        if (entry->families != (family == HM_IPV4 ? HM_FAMILIES_IPV6 : HM_FAMILIES_IPV4) &&
            hm_ports_contains(hm_stack_facts_may_give(stack), entry->port) &&
            entry->boots < hm_need_boots_of_fixed(facts, entry->protocol, (enum hm_family)family)) {
            return false;
        }
    }
    return true;
}

/* On whatever port: then it was judged there. of: as above. */
static bool is_remembered(const struct hm_facts *facts, const struct hm_need *need,
                          const struct hm_service *of)
{
    const struct hm_inventory *inventory = facts->inventory;

    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        const struct hm_port_entry *entry = &inventory->port_book.at[i];

        if (!hm_port_entry_is_retired(entry) && entry->protocol == need->requirement->protocol &&
            (of == NULL || hm_str_equal_nocase(entry->service, of->name)) &&
            hm_need_owner(facts, need, entry->program, entry->service, HM_SOCKET_LISTEN) ==
                HM_OWNER_SELF &&
            is_chosen(facts, need, entry)) {
            return true;
        }
    }
    return false;
}

/* Is there another instance that runs, or that starts by itself and is down? Its sockets and what
 * is reserved for it say nothing of this service. */
static bool has_sibling(const struct hm_facts *facts, const struct hm_need *need,
                        const struct hm_service *service)
{
    const struct hm_detect *names = hm_need_names(need);
    const struct hm_services *details = &facts->inventory->service_details;
    const struct hm_listeners *listeners = &facts->inventory->listeners;
    const struct hm_service *other;
    size_t at = 0;

    while ((other = hm_need_next_down(facts, need, true, &at)) != NULL) {
        if (other != service && other->start != HM_START_MANUAL) {
            return true;
        }
    }
    for (size_t i = 0; i < details->count; i++) {
        other = &details->at[i];
        if (other != service && other->has_runs && other->runs &&
            hm_detect_owns(names, "", other->name)) {
            return true;
        }
    }
    for (size_t i = 0; facts->inventory->has_listeners && i < listeners->count; i++) {
        const struct hm_listener *listener = &listeners->at[i];

        if (!hm_str_equal(listener->service, "") &&
            !hm_str_equal_nocase(listener->service, service->name) &&
            !hm_need_is_shared_host(listener->program) &&
            !hm_need_is_activator(facts, listener->program) &&
            hm_detect_owns(names, listener->program, "")) {
            return true; /* by a name that the catalogue does not know */
        }
    }
    return false;
}

/* Is the port inside a wide block that somebody excluded or reserved for something else? */
static bool is_in_wide_block(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_requirement *row = need->requirement;

    for (unsigned family = 0; family < 2; family++) {
        const struct hm_ports rows =
            hm_facts_stack(facts, row->protocol, (enum hm_family)family)->administered;

        for (size_t i = 0; need->stacks[family].judged && i < rows.count; i++) {
            const struct hm_ports one = {&rows.at[i], 1};

            if (hm_range_count(rows.at[i]) > PORTS_OF_A_CAUSE &&
                hm_ports_overlap(one, row->ports)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_unset(const struct hm_facts *facts, const struct hm_need *need,
                     const struct hm_service *service, bool beside)
{
    const struct hm_service *of = beside ? service : NULL;

    return (beside || need->verdict.reason != HM_REASON_EXCLUDED ||
            is_in_wide_block(facts, need)) &&
           (beside || hm_need_runs(facts, need) != HM_RUNS_YES) &&
           !is_seen_there(facts, need, of) && !is_remembered(facts, need, of);
}

/* The next service that is down. */
static bool find_down(const struct hm_facts *facts, const struct hm_need *need,
                      struct hm_unset *out)
{
    const struct hm_service *service;
    size_t at = 0;

    while ((service = hm_need_next_down_instance(facts, need, &at)) != NULL) {
        if (need->requirement->optional && !need->requirement->when_down &&
            !hm_detect_owns(hm_need_names(need), "", service->name)) {
            continue; /* nor does anybody know that it has this part */
        }
        out->beside = has_sibling(facts, need, service);
        if (is_unset(facts, need, service, out->beside)) {
            out->service = service->name;
            out->why = HM_UNSET_DOWN;
            return true;
        }
    }
    return false;
}

/* ---- not known to be down ------------------------------------------------------------------ */

/* Its unit serves nothing itself: it groups others (Debian's postgresql.service), or its server is
 * in a container, whose outer ports are settings of the host. */
static bool serves_nothing(const struct hm_service *service)
{
    static const char *const programs[] = {
        "docker", "docker-compose", "nerdctl", "podman", "podman-compose", "true",
    };

    for (size_t i = 0; i < HM_COUNT(programs); i++) {
        if (hm_str_equal(service->program, programs[i])) {
            return true;
        }
    }
    return false;
}

/* Does a setting of the host say a port of this service, or that it has none? A file that was not
 * read says neither. of_file: that a file says its port is known, is there another one? */
static bool is_set_up(const struct hm_facts *facts, const char *service, bool of_file)
{
    const struct hm_inventory *inventory = facts->inventory;

    for (size_t i = 0; inventory->has_configured && i < inventory->configured.count; i++) {
        const struct hm_configured *row = &inventory->configured.at[i];
        const bool other = row->by != HM_BY_SETTINGS_PORT || (row->port != 0 && !of_file);

        if (other && row->service != NULL && hm_str_equal_nocase(row->service, service)) {
            return true;
        }
    }
    return false;
}

/* May the listener be this service's? Only its program says that of one without a service. */
static bool may_be_of(const struct hm_listener *listener, const struct hm_service *service)
{
    for (size_t i = 0; i < listener->hosted.count; i++) {
        if (hm_str_equal_nocase(listener->hosted.at[i], service->name)) {
            return true;
        }
    }
    return hm_str_equal_nocase(listener->service, service->name) ||
           (hm_str_equal(listener->service, "") &&
            hm_str_equal_nocase(listener->program, service->program));
}

/* Does it listen at all, on whatever port? of: only this service, NULL the product. */
static bool listens(const struct hm_facts *facts, const struct hm_need *need,
                    const struct hm_service *of)
{
    const struct hm_listeners *all = &facts->inventory->listeners;

    for (size_t i = 0; facts->inventory->has_listeners && i < all->count; i++) {
        if (of != NULL ? may_be_of(&all->at[i], of)
                       : hm_need_owner_of_listener(facts, need, &all->at[i]) == HM_OWNER_SELF) {
            return true;
        }
    }
    return of == NULL && is_seen_there(facts, need, NULL);
}

/* Would a socket of it have been seen? */
static bool shows_all(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_inventory *inventory = facts->inventory;

    return inventory->has_listeners && !inventory->listeners_partial &&
           !facts->lacks_rows[need->requirement->protocol];
}

static bool starts_always(const struct hm_service *service)
{
    return service->start == HM_START_AUTOMATIC || service->start == HM_START_DELAYED ||
           service->start == HM_START_DEPENDENCY;
}

/* Is this service one whose port nothing shows, though nobody says that it is down? */
static bool is_unseen(const struct hm_facts *facts, const struct hm_need *need,
                      const struct hm_service *service, struct hm_unset *out)
{
    const struct hm_detect *names = hm_need_names(need);
    const struct hm_requirement *row = need->requirement;
    const struct hm_service *of;
    const bool runs = service->has_runs && service->runs;

    if (!hm_detect_owns(names, "", service->name) || serves_nothing(service) ||
        is_set_up(facts, service->name, is_of_file(need)) || (is_of_file(need) && !runs) ||
        (runs ? row->may_be_off || !shows_all(facts, need)
              : service->has_runs || !starts_always(service))) {
        return false;
    }
    /* Of two services with names of the product, one may be a helper: its program says it. */
    out->beside = hm_detect_owns(names, service->program, "") && has_sibling(facts, need, service);
    of = out->beside || is_of_file(need) ? service : NULL;
    if ((is_of_file(need) && is_seen_there(facts, need, NULL)) ||
        (!out->beside && !runs && hm_need_runs(facts, need) == HM_RUNS_YES) ||
        listens(facts, need, of) || is_remembered(facts, need, of)) {
        return false;
    }
    out->service = service->name;
    out->why = runs ? HM_UNSET_SILENT : HM_UNSET_STATE;
    return true;
}

/* A service of which no more than the name was read. */
static bool find_name(const struct hm_facts *facts, const struct hm_need *need,
                      struct hm_unset *out)
{
    const struct hm_inventory *inventory = facts->inventory;

    for (size_t i = 0; inventory->has_services && i < inventory->services.count; i++) {
        const struct hm_service service = {
            .name = inventory->services.at[i], .program = "", .start = HM_START_AUTOMATIC};

        if (hm_inventory_service(inventory, service.name) == NULL &&
            is_unseen(facts, need, &service, out)) {
            return true;
        }
    }
    return false;
}

static bool find_unseen(const struct hm_facts *facts, const struct hm_need *need,
                        struct hm_unset *out)
{
    const struct hm_services *details = &facts->inventory->service_details;

    if (need->verdict.reason == HM_REASON_EXCLUDED && !is_in_wide_block(facts, need)) {
        return false;
    }
    for (size_t i = 0; facts->inventory->has_service_details && i < details->count; i++) {
        if (is_unseen(facts, need, &details->at[i], out)) {
            return true;
        }
    }
    return find_name(facts, need, out);
}

/* ---- beside HTTP.sys ----------------------------------------------------------------------- */

/* Does HTTP.sys listen on all ports of the need? */
static bool is_served_by_http_sys(const struct hm_facts *facts, const struct hm_need *need)
{
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;
    bool any = false;

    while ((listener = hm_facts_next_listener(facts, need->requirement->protocol,
                                              need->requirement->ports, &cursor)) != NULL) {
        if (!hm_need_stands_in(HM_KIND_HTTPSYS, listener->program)) {
            return false;
        }
        any = true;
    }
    return any;
}

/* Did the port book ever see the product on one of its ports? */
static bool had_it(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_inventory *inventory = facts->inventory;

    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        const struct hm_port_entry *entry = &inventory->port_book.at[i];

        if (entry->protocol == need->requirement->protocol &&
            hm_ports_contains(need->requirement->ports, entry->port) &&
            hm_need_has_service(need, entry->service)) {
            return true;
        }
    }
    return false;
}

/* Windows: a web server whose usual port is only a default, and no start of which failed. Beside
 * web sites of HTTP.sys it is as a rule set up for another port. */
static bool is_beside_http_sys(const struct hm_facts *facts, const struct hm_need *need,
                               struct hm_unset *out)
{
    const struct hm_requirement *row = need->requirement;
    const struct hm_service *service;
    struct hm_port_failure failure;
    size_t at = 0;

    if (facts->linux_host || row->kind != HM_KIND_SOCKET || row->protocol != HM_TCP ||
        !row->optional || !row->when_down || !is_served_by_http_sys(facts, need) ||
        hm_need_runs(facts, need) != HM_RUNS_NO || had_it(facts, need)) {
        return false;
    }
    while ((service = hm_need_next_down(facts, need, false, &at)) != NULL) {
        if (hm_service_has_failed(service) || hm_port_failure_of(facts, service, &failure)) {
            return false;
        }
        out->service = service->name;
        out->why = HM_UNSET_BESIDE;
    }
    return out->service != NULL;
}

struct hm_unset hm_need_unset(const struct hm_facts *facts, const struct hm_need *need)
{
    struct hm_unset found = {.service = NULL};

    if (is_assumed(need) && need->verdict.state == HM_SAFE &&
        (need->verdict.reason == HM_REASON_OUTSIDE_DYNAMIC ||
         need->verdict.reason == HM_REASON_EXCLUDED) &&
        (hm_need_find_stray(facts, need, &found) || find_down(facts, need, &found) ||
         find_unseen(facts, need, &found))) {
        return found;
    }
    found = (struct hm_unset){.service = NULL};
    if (is_of_file(need) && need->verdict.state == HM_SAFE &&
        need->verdict.reason == HM_REASON_OUTSIDE_DYNAMIC && find_unseen(facts, need, &found)) {
        return found; /* its file says the port, and yet it has none */
    }
    found = (struct hm_unset){.service = NULL};
    if (is_assumed(need) && need->verdict.state == HM_BLOCKED) {
        (void)is_beside_http_sys(facts, need, &found);
    }
    return found;
}

static void put_stray(const struct hm_need *need, struct hm_line *line)
{
    hm_line_put(line, " is not known to be the port of each instance: ");
    hm_line_put(line, need->unset.service);
    hm_line_put(line, " listens on TCP ");
    hm_line_put_u32(line, need->unset.port);
    hm_line_put(line, " instead, inside the dynamic range. Its configuration (");
    hm_line_put(line, need->requirement->set_in);
    hm_line_put(line, ") says whether that port was chosen: a chosen one is as much at risk as any "
                      "port there, and must be kept out of the range. An installed agent can tell "
                      "once it has seen two boots.");
}

static void put_silent(const struct hm_need *need, struct hm_line *line)
{
    hm_line_put(line, " is not known to be served: ");
    hm_line_put(line, need->unset.service);
    hm_line_put(line, " is said to run, but no listener of this host is known to be its own. The "
                      "port is ");
    hm_line_put(line, need->requirement->ports_by);
    hm_line_put(line, ". Look there, and whether it answers: a port inside the dynamic range must "
                      "be reserved.");
}

void hm_need_put_unset(const struct hm_need *need, struct hm_line *line)
{
    const struct hm_unset *unset = &need->unset;

    if (unset->why == HM_UNSET_STRAY) {
        put_stray(need, line);
        return;
    }
    if (is_of_file(need)) {
        put_silent(need, line);
        return;
    }
    hm_line_put(line, " is not known to be the port of the next start: ");
    if (unset->why == HM_UNSET_STATE) {
        hm_line_put(line, "whether ");
    }
    hm_line_put(line, unset->service);
    hm_line_put(line, unset->why == HM_UNSET_DOWN     ? " does not run"
                      : unset->why == HM_UNSET_BESIDE ? " does not run, HTTP.sys serves web sites "
                                                        "on its usual port"
                      : unset->why == HM_UNSET_SILENT ? " is said to run, but no listener of this "
                                                        "host is known to be its own"
                                                      : " runs is not known, nobody is known to "
                                                        "have used the port");
    hm_line_put(line, ", and nothing that was read says which port it is set to (");
    hm_line_put(line, need->requirement->set_in);
    hm_line_put(line, unset->why == HM_UNSET_BESIDE ? "). With that port it could not start."
                      : unset->beside ? "). Another instance says nothing of its port."
                                      : "). Its usual port is safe.");
    hm_line_put(line, unset->why == HM_UNSET_DOWN     ? " Start it, or look there"
                      : unset->why == HM_UNSET_SILENT ? " Look there, and whether it answers"
                                                      : " Look there");
    hm_line_put(line, ": a port inside the dynamic range must be reserved.");
}
