/* agent/platform/linux/unit_ports.c — ports that units are set up to open.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A socket unit that is down, or failed, has no listener, and a container that does not run has no
 * process; their units name the ports (systemd.socket(5); unit_publish.c). */
#include "agent/platform/linux/units.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/ports/address.h"

#define HIDING_MAX 8 /* units that a note names */

bool hm_linux_socket_starts(const struct hm_linux_unit *unit, char out[HM_LINUX_UNIT_NAME_BYTES])
{
    const size_t own = hm_linux_unit_stem(unit->name, ".socket");
    const size_t other = hm_linux_unit_stem(unit->activates, ".service");
    const char *name = other > 0 ? unit->activates : unit->name;
    const size_t len = other > 0 ? other : own;

    if (own == 0 || len > HM_LIMIT_NAME_BYTES || !hm_str_is_utf8(name, len)) {
        return false;
    }
    (void)snprintf(out, HM_LINUX_UNIT_NAME_BYTES, "%.*s", (int)len, name);
    return true;
}

/* "[::]:22" and "22" are IPv6 that takes IPv4, too. */
enum hm_families hm_linux_listen_families(const struct hm_linux_unit *unit,
                                          const struct hm_linux_listen *listen)
{
    bool has[3] = {false, false, false};

    for (size_t i = 0; i < unit->listens_count; i++) {
        const struct hm_linux_listen *one = &unit->listens[i];

        if (one->protocol == listen->protocol && one->port == listen->port) {
            has[one->families == HM_FAMILIES_BOTH && unit->ipv6_only ? HM_FAMILIES_IPV6
                                                                     : one->families] = true;
        }
    }
    if (has[HM_FAMILIES_BOTH] || has[HM_FAMILIES_IPV4] == has[HM_FAMILIES_IPV6]) {
        return HM_FAMILIES_BOTH;
    }
    return has[HM_FAMILIES_IPV4] ? HM_FAMILIES_IPV4 : HM_FAMILIES_IPV6;
}

const char *hm_linux_listen_address(struct hm_span text, struct hm_arena *arena)
{
    static const char mapped[] = "::ffff:";
    enum hm_families families;

    if (text.len > 2 && text.at[0] == '[' && text.at[text.len - 1] == ']') {
        text = (struct hm_span){text.at + 1, text.len - 2};
    }
    if (!hm_address_is_single(text, &families) ||
        (text.len >= sizeof(mapped) && memcmp(text.at, mapped, sizeof(mapped) - 1) == 0)) {
        return "";
    }
    return hm_arena_strndup(arena, text.at, text.len);
}

void hm_linux_listen_place(const struct hm_linux_unit *unit, const struct hm_linux_listen *listen,
                           struct hm_configured *inout_row)
{
    const struct hm_span address = {listen->address, strlen(listen->address)};

    inout_row->address = listen->address;
    inout_row->families = hm_linux_listen_families(unit, listen);
    (void)hm_address_is_single(address, &inout_row->families);
}

static const struct hm_service *find_listed(const struct hm_services *listed, const char *name,
                                            size_t len)
{
    for (size_t i = 0; i < listed->count; i++) {
        if (strlen(listed->at[i].name) == len && memcmp(listed->at[i].name, name, len) == 0) {
            return &listed->at[i];
        }
    }
    return NULL;
}

static enum hm_status put_ports(const struct hm_linux_unit *unit, const char *service, bool socket,
                                struct hm_configured_make *make, struct hm_err *err)
{
    const char *name = hm_arena_strdup(make->arena, service);
    const char *subject =
        socket ? unit->name : hm_arena_printf(make->arena, "of the container of %s", service);
    enum hm_status st = HM_OK;

    if (name == NULL || subject == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the ports of units");
    }
    for (size_t i = 0; st == HM_OK && i < unit->listens_count; i++) {
        struct hm_configured row = {
            .protocol = unit->listens[i].protocol,
            .port = unit->listens[i].port,
            .kind = socket ? HM_KIND_SOCKET : HM_KIND_CONTAINER,
            .by = socket ? HM_BY_SOCKET_UNIT : HM_BY_PUBLISHED_PORT,
            .service = name,
        };

        hm_linux_listen_place(unit, &unit->listens[i], &row);
        st = hm_configured_put(make, &row, (struct hm_span){subject, strlen(subject)}, err);
    }
    return st;
}

/* Ports of a container that Docker itself does not start, and the unit does. */
static enum hm_status put_docker(const struct hm_linux_container *container, const char *service,
                                 struct hm_configured_make *make, bool *inout_known,
                                 struct hm_err *err)
{
    const size_t first = make->list.count;
    const char *name = hm_arena_strdup(make->arena, service);
    enum hm_status st = name == NULL
                            ? hm_fail(err, HM_ENOMEM, "no memory for the ports of units")
                            : hm_linux_docker_ports(container->path, make, inout_known, err);

    for (size_t i = first; st == HM_OK && i < make->list.count; i++) {
        if (make->list.at[i].manual) {
            make->list.at[i].manual = false;
            make->list.at[i].service = name;
        }
    }
    return st;
}

/* Have the rows from first on this port on each address and family that the unit gives it? */
static bool has_row(const struct hm_configured_make *make, size_t first,
                    const struct hm_linux_unit *unit, const struct hm_linux_listen *listen)
{
    struct hm_configured mine = {.families = HM_FAMILIES_BOTH};
    bool ipv4;
    bool ipv6;

    hm_linux_listen_place(unit, listen, &mine);
    ipv4 = mine.families == HM_FAMILIES_IPV6; /* not asked for */
    ipv6 = mine.families == HM_FAMILIES_IPV4;
    for (size_t i = first; i < make->list.count; i++) {
        const struct hm_configured *row = &make->list.at[i];
        const char *address = row->address == NULL ? "" : row->address;

        if (row->protocol == listen->protocol && row->port == listen->port &&
            (address[0] == '\0' || hm_str_equal(address, mine.address))) {
            ipv4 = ipv4 || row->families != HM_FAMILIES_IPV6;
            ipv6 = ipv6 || row->families != HM_FAMILIES_IPV4;
        }
    }
    return ipv4 && ipv6;
}

/* Ports that the files of compose have and Docker's rows, from first on, do not. */
static enum hm_status put_compose(const char *root, const struct hm_linux_unit *unit,
                                  const struct hm_linux_start *start, const char *service,
                                  const struct hm_linux_docker *docker, size_t first,
                                  struct hm_configured_make *make, bool *inout_found,
                                  bool *inout_known, struct hm_err *err)
{
    struct hm_linux_unit ports;
    struct hm_linux_listen *kept;
    size_t left = 0;
    bool read;
    enum hm_status st =
        hm_linux_compose(root, unit, start, docker, make->arena, &ports, &read, err);

    if (st != HM_OK) {
        return st;
    }
    *inout_found = *inout_found || read;
    *inout_known = *inout_known && !ports.hides_ports;
    kept = hm_arena_alloc(make->arena, ports.listens_count, sizeof(*kept));
    if (kept == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the ports of units");
    }
    for (size_t i = 0; i < ports.listens_count; i++) {
        if (!has_row(make, first, &ports, &ports.listens[i])) {
            kept[left++] = ports.listens[i];
        }
    }
    ports.listens = kept;
    ports.listens_count = left;
    return put_ports(&ports, service, false, make, err);
}

/* Has Docker a record of each container that the service starts, or compose a file? */
static enum hm_status find_containers(const char *root, const struct hm_linux_unit *unit,
                                      const char *service, const struct hm_linux_docker *docker,
                                      struct hm_configured_make *make, bool *out_known,
                                      struct hm_err *err)
{
    enum hm_status st = HM_OK;

    *out_known = !unit->hides_ports;
    for (size_t i = 0; st == HM_OK && i < unit->starts_count; i++) {
        const size_t first = make->list.count;
        bool found = false;

        for (size_t k = 0; st == HM_OK && k < docker->count; k++) {
            if (hm_linux_docker_is(&docker->at[k], unit, &unit->starts[i])) {
                found = true;
                st = put_docker(&docker->at[k], service, make, out_known, err);
            }
        }
        if (st == HM_OK) {
            st = put_compose(root, unit, &unit->starts[i], service, docker, first, make, &found,
                             out_known, err);
        }
        *out_known = *out_known && found;
    }
    return st;
}

/* Some of them are enough to look for. */
static enum hm_status put_hiding(const struct hm_linux_unit *unit, struct hm_arena *arena,
                                 size_t *inout_count, const char **inout_names, struct hm_err *err)
{
    const size_t count = (*inout_count)++;

    if (count <= HIDING_MAX) {
        *inout_names = hm_arena_printf(arena, "%s%s%s", *inout_names, count == 0 ? "" : ", ",
                                       count == HIDING_MAX ? "..." : unit->name);
    }
    return *inout_names == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the ports of units")
                                : HM_OK;
}

enum hm_status hm_linux_unit_ports(const char *root, struct hm_linux_units *units,
                                   const struct hm_services *listed,
                                   struct hm_configured_make *make, bool *inout_any,
                                   const char **out_hiding, struct hm_err *err)
{
    const size_t count = units == NULL ? 0 : hm_linux_units_count(units);
    struct hm_linux_docker docker = {NULL, 0, 0};
    bool opened = false;
    size_t hiding = 0;
    enum hm_status st = HM_OK;

    *out_hiding = "";
    for (size_t i = 0; st == HM_OK && i < count; i++) {
        const struct hm_linux_unit *unit = hm_linux_units_at(units, i);
        const size_t len = hm_linux_unit_stem(unit->name, ".service");
        const struct hm_service *service = len == 0 ? NULL : find_listed(listed, unit->name, len);
        char name[HM_LINUX_UNIT_NAME_BYTES];

        if (unit->masked ||
            (unit->listens_count == 0 && unit->starts_count == 0 && !unit->hides_ports)) {
            continue;
        }
        if (service != NULL && unit->listens_count == 0 &&
            hm_str_equal(service->name, HM_LINUX_PODMAN_RESTART)) {
            continue;
        }
        if (service != NULL) {
            bool known = !unit->hides_ports;

            *inout_any = true;
            if (unit->starts_count > 0 && !opened) {
                st = hm_linux_docker_open(root, make->arena, &docker, err);
                opened = true;
            }
            if (st == HM_OK) {
                st = find_containers(root, unit, service->name, &docker, make, &known, err);
            }
            if (st == HM_OK && !known && !(service->has_runs && service->runs)) {
                st = put_hiding(unit, make->arena, &hiding, out_hiding, err);
            }
            if (st == HM_OK) {
                st = put_ports(unit, service->name, false, make, err);
            }
        } else if (unit->reached && hm_linux_socket_starts(unit, name)) {
            *inout_any = true;
            st = put_ports(unit, name, true, make, err);
        }
    }
    return st;
}

void hm_linux_unit_unpublish(struct hm_linux_unit *unit, enum hm_linux_command command)
{
    size_t kept = 0;

    for (size_t i = 0; i < unit->listens_count; i++) {
        if (unit->listens[i].command != command) {
            unit->listens[kept++] = unit->listens[i];
        }
    }
    unit->listens_count = kept;
    kept = 0;
    for (size_t i = 0; i < unit->starts_count; i++) {
        if (unit->starts[i].command != command) {
            unit->starts[kept++] = unit->starts[i];
        }
    }
    unit->starts_count = kept;
    unit->hides_by[command] = false;
    unit->hides_ports = false;
    for (size_t i = 0; i < HM_LINUX_COMMANDS; i++) {
        unit->hides_ports = unit->hides_ports || unit->hides_by[i];
    }
}
