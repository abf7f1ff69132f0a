/* common/judge/need_unread.c — services whose port a setting of the registry, or a file, says, and
 * that setting was not gathered. SPDX-License-Identifier: Apache-2.0
 *
 * An instance of SQL Server that was read has a row for a fixed port, or for one that it is given;
 * so has Remote Desktop, whose PortNumber every Windows has. Without a row the catalogue's port is
 * an assumption: a listener there confirms it. A service that is down, that listens in the dynamic
 * range only, or whose listeners were not all read, may have any port at its next start, and nobody
 * may call that safe. */
#include "common/judge/need.h"

#include <string.h>

#include "common/base/str.h"
#include "common/ports/line.h"
#include "common/ports/port_book.h"

/* The Windows Internal Database ("MSSQL$MICROSOFT##WID", "MSSQL$MICROSOFT##SSEE") is reached by
 * named pipes alone. */
static const char *internal_names[] = {"MSSQL$MICROSOFT##*"};
static const struct hm_detect internal_database = {
    .services = {internal_names, HM_COUNT(internal_names)}
};

static bool is_sql(const struct hm_requirement *row)
{
    return row->port_from == HM_BY_SQL_PORT;
}

static bool has_row(const struct hm_facts *facts, const struct hm_requirement *row,
                    const char *service)
{
    const struct hm_inventory *inventory = facts->inventory;

    for (size_t i = 0; inventory->has_configured && i < inventory->configured.count; i++) {
        const struct hm_configured *one = &inventory->configured.at[i];

        if ((one->by == row->port_from || (is_sql(row) && one->by == HM_BY_SQL_DYNAMIC_PORT)) &&
            (!is_sql(row) || hm_str_equal_nocase(one->service, service))) {
            return true;
        }
    }
    return false;
}

/* Has the port book seen the service on the catalogue's port? */
static bool is_remembered(const struct hm_facts *facts, const struct hm_requirement *row,
                          const char *service)
{
    const struct hm_inventory *inventory = facts->inventory;

    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        const struct hm_port_entry *entry = &inventory->port_book.at[i];

        if (!hm_port_entry_is_retired(entry) && entry->protocol == row->protocol &&
            hm_ports_contains(row->ports, entry->port) &&
            hm_str_equal_nocase(entry->service, service)) {
            return true;
        }
    }
    return false;
}

/* Where the service listens for other hosts. */
struct seen {
    bool usual;   /* on the catalogue's port */
    bool given;   /* on one that it may have been given */
    bool unnamed; /* a listener may be its own, as nothing names the service of it */
    struct hm_range *ranges;
    size_t count;
    size_t cap;
};

/* Is the port that of another part of the product? */
static bool is_other_part(const struct hm_product *product, const struct hm_requirement *row,
                          uint16_t port)
{
    for (size_t i = 0; i < product->requirements.count; i++) {
        const struct hm_requirement *other = &product->requirements.at[i];

        if (!other->has_port_from && other->protocol == row->protocol &&
            hm_ports_contains(other->ports, port)) {
            return true;
        }
    }
    return false;
}

/* Nothing names the service of the listener, and its program may be that of the product. */
static bool may_be_own(const struct hm_product *product, const struct hm_listener *listener)
{
    return listener->service[0] == '\0' &&
           (listener->program[0] == '\0' ||
            hm_detect_owns(&product->detect, listener->program, ""));
}

static enum hm_status find_listeners(const struct hm_facts *facts, const struct hm_product *product,
                                     const struct hm_requirement *row, const char *service,
                                     struct hm_arena *arena, struct seen *out, struct hm_err *err)
{
    const struct hm_listeners *all = &facts->inventory->listeners;

    *out = (struct seen){.usual = false};
    for (size_t i = 0; facts->inventory->has_listeners && i < all->count; i++) {
        const struct hm_listener *one = &all->at[i];
        const bool own = hm_str_equal_nocase(one->service, service);

        if (one->protocol != row->protocol || (!own && !may_be_own(product, one))) {
            continue;
        }
        out->usual = out->usual || hm_ports_contains(row->ports, one->port);
        if (hm_listener_is_loopback(one) || is_other_part(product, row, one->port)) {
            continue;
        }
        if (!own) {
            out->unnamed = true;
            continue;
        }
        out->given = out->given || hm_facts_may_give(facts, one);
        if (hm_arena_grow(arena, (void **)&out->ranges, out->count, &out->cap,
                          sizeof(*out->ranges)) != 0) {
            return hm_fail(err, HM_ENOMEM, "no memory for the ports of a service");
        }
        out->ranges[out->count++] = (struct hm_range){one->port, one->port};
    }
    return HM_OK;
}

/* Would a listener of it have been seen? */
static bool shows_all(const struct hm_inventory *inventory, const struct seen *seen)
{
    return inventory->has_listeners && !inventory->listeners_partial && !seen->unnamed;
}

bool hm_need_is_unread(const struct hm_facts *facts, const struct hm_requirement *row,
                       const char *service)
{
    const struct hm_service *known = hm_inventory_service(facts->inventory, service);

    /* Of Remote Desktop that runs, its listeners say the port (need_ports.c). */
    return (is_sql(row) || row->port_from == HM_BY_RDP_PORT) && !row->optional && known != NULL &&
           known->has_runs && (is_sql(row) || !known->runs) &&
           !hm_detect_owns(&internal_database, "", service) && !has_row(facts, row, service) &&
           !is_remembered(facts, row, service);
}

enum hm_status hm_need_guess_ports(const struct hm_facts *facts, const struct hm_product *product,
                                   const char *service, const char *why,
                                   struct hm_requirement *inout, struct hm_arena *arena,
                                   struct hm_err *err)
{
    const struct hm_service *known = hm_inventory_service(facts->inventory, service);
    const bool runs = known != NULL && known->runs;
    const bool of_file = inout->port_from == HM_BY_SETTINGS_PORT;
    const char *text = NULL;
    struct hm_ports ports = {NULL, 0};
    struct seen seen;
    enum hm_status st = find_listeners(facts, product, inout, service, arena, &seen, err);

    /* SQL Server may run without TCP. A server whose file was not read may be set to another port,
     * which it does not have yet. */
    if (st != HM_OK || seen.usual ||
        (runs && !of_file && seen.count == 0 && shows_all(facts->inventory, &seen))) {
        return st;
    }
    st = hm_ports_from_ranges(seen.ranges, seen.count, arena, &ports, err);
    if (st != HM_OK) {
        return st;
    }
    if (runs && seen.count > 0 && !seen.given) { /* a port that nobody was given was chosen */
        inout->ports = ports;
        inout->ports_by = "its service listens there";
        return HM_OK;
    }
    text = seen.count == 0 ? "" : hm_ports_text(ports, arena);
    why = why != NULL ? why
                      : hm_arena_printf(arena, "the registry setting of %s was not read", service);
    inout->port_unread =
        text == NULL || why == NULL ? NULL
        : text[0] == '\0'
            ? why
            : hm_arena_printf(arena,
                              "%s, and where it listens (%s) may be fixed or given by the system",
                              why, text);
    return inout->port_unread == NULL
               ? hm_fail(err, HM_ENOMEM, "no memory for the ports of a service")
               : HM_OK;
}

void hm_need_put_unknown_port(const struct hm_need *need, bool has_ports, struct hm_line *line)
{
    if (need->unsure && need->product != NULL) {
        hm_line_put(line, " is another program's now, and Remote Desktop, whose service runs, does "
                          "not listen: whether it is switched on (fDenyTSConnections) is not "
                          "known.");
        return;
    }
    if (need->unsure) {
        hm_line_put(line, " is named by this setting, and whether ");
        hm_line_put_names(line, need->requirement->detect.services.at,
                          need->requirement->detect.services.count);
        hm_line_put(line, " needs it is not known: anybody may have it, or be given it, before.");
        return;
    }
    if (need->clash != NULL && need->requirement->port_doubt == NULL) {
        hm_line_put(line, " is set up for ");
        hm_line_put(line, need->clash);
        hm_line_put(line, need->requirement->port_from == HM_BY_SETTINGS_PORT
                              ? ", too: only one of the two gets it, unless each listens on "
                                "addresses of its own. Give one of them another port."
                              : ", too: only one of the two gets it. Give one of them another "
                                "port.");
        return;
    }
    hm_line_put(line, has_ports ? " is not known to be the port of the next start: "
                                : "port of the next start is not known: ");
    if (need->requirement->port_doubt != NULL) {
        hm_line_put(line, "the registry says ");
        hm_line_put(line, need->requirement->port_doubt);
        hm_line_put(line, ", which is no port. Set one from 1 to 65535.");
    } else {
        hm_line_put(line, need->requirement->port_unread);
        hm_line_put(line, ".");
    }
}
