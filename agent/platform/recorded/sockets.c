/* agent/platform/recorded/sockets.c — sockets and listeners of a recorded host.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/recorded.h"

#include <string.h>

#include "agent/platform/windows_rules.h"
#include "common/base/str.h"

#define NETSTAT_FILE "netstat.txt"
#define TASKLIST_FILE "tasklist.csv"

enum hm_status hm_recorded_tasks(struct hm_recorded *recorded, struct hm_tasks *out_tasks,
                                 struct hm_err *err)
{
    static const char unknown[] = "the programs behind sockets are unknown";
    struct hm_tasks tasks = {0};
    struct hm_recorded_file file;
    enum hm_status st = hm_recorded_read(recorded, TASKLIST_FILE, &file, err);

    if (st == HM_OK && !file.there && recorded->seen.inventory.os.family == HM_OS_WINDOWS) {
        st = hm_recorded_missing(recorded, TASKLIST_FILE, unknown, err);
    } else if (st == HM_OK && file.there) {
        st = hm_tasklist_parse(file.text, file.len, recorded->arena, &tasks, err);
        if (st != HM_OK) {
            st = hm_recorded_refused(recorded, &file, HM_TEXT_TASKLIST, unknown, err);
        }
    }
    if (st == HM_OK) {
        *out_tasks = tasks;
    }
    return st;
}

/* Every Windows has a heading above the rows, IPv4, TCP and UDP: what lacks one of them was cut,
 * filtered, or asked for a part. The rows that are there count. */
static enum hm_status note_parts(struct hm_recorded *recorded, const struct hm_netstat *netstat,
                                 struct hm_err *err)
{
    bool has_protocol[2] = {false, false};
    bool has_ipv4 = false;
    const char *lacks;

    for (size_t i = 0; i < netstat->sockets.count; i++) {
        has_protocol[netstat->sockets.at[i].protocol] = true;
        has_ipv4 = has_ipv4 || netstat->sockets.at[i].family == HM_IPV4;
    }
    recorded->netstat_partial = !netstat->has_heading || !has_ipv4;
    lacks = !netstat->has_heading   ? "no heading above its rows: it was filtered (find, findstr, "
                                      "Select-String) or cut"
            : !has_ipv4             ? "no row of IPv4: it was filtered, or made with -p tcpv6"
            : !has_protocol[HM_UDP] ? "no row of UDP: it was cut, filtered, or made with -p tcp"
            : !has_protocol[HM_TCP] ? "no row of TCP: it was cut, filtered, or made with -p udp"
                                    : NULL;
    return lacks == NULL ? HM_OK
                         : hm_notes_add(&recorded->notes, err,
                                        NETSTAT_FILE " has %s. Listeners are missing; gather it "
                                                     "again with collect.cmd, or run \"netstat "
                                                     "-ano > netstat.txt\", and leave out nothing",
                                        lacks);
}

/* Without process ids nothing tells who holds a port; Windows 2000 cannot do better. */
static enum hm_status parse_sockets(struct hm_recorded *recorded,
                                    const struct hm_recorded_file *file,
                                    struct hm_sockets *out_sockets, struct hm_err *err)
{
    const struct hm_os *os = &recorded->seen.inventory.os;
    struct hm_netstat netstat;
    enum hm_status st = hm_netstat_parse(file->text, file->len, recorded->arena, &netstat, err);

    if (st != HM_OK) {
        return st;
    }
    if (!netstat.has_pids && !netstat.has_programs &&
        !(os->family == HM_OS_WINDOWS && strncmp(os->version, "5.0", 3) == 0)) {
        return hm_fail(err, HM_EINVAL,
                       "the rows do not end in a process id; run netstat with -o (netstat -ano)");
    }
    *out_sockets = netstat.sockets;
    return os->family == HM_OS_WINDOWS ? note_parts(recorded, &netstat, err) : HM_OK;
}

/* Without tasklist.csv the service tells the program. */
static void fill_programs(struct hm_recorded *recorded)
{
    struct hm_sockets *sockets = &recorded->seen.sockets;

    for (size_t i = 0; i < sockets->count; i++) {
        struct hm_socket *socket = &sockets->at[i];
        const char *service = socket->hosted.count > 0 ? socket->hosted.at[0] : socket->service;
        const struct hm_service *details =
            socket->program[0] != '\0' || service[0] == '\0'
                ? NULL
                : hm_inventory_service(&recorded->seen.inventory, service);

        if (details != NULL) {
            socket->program = details->program;
        }
    }
}

/* host.json may know the unit of the process that listens there, which ss does not tell. */
static void name_units(const struct hm_recorded *recorded, struct hm_sockets *sockets)
{
    const struct hm_listeners *listeners = &recorded->host.listeners;

    for (size_t i = 0; i < sockets->count; i++) {
        struct hm_socket *socket = &sockets->at[i];

        for (size_t k = 0; recorded->host.has_listeners && k < listeners->count; k++) {
            const struct hm_listener *one = &listeners->at[k];

            if (one->protocol == socket->protocol && one->port == socket->port &&
                hm_str_equal(one->program, socket->program)) {
                socket->service = one->service;
            }
        }
    }
}

/* netstat or ss of Linux. Listeners alone would make the range look empty. */
static enum hm_status take_linux(struct hm_recorded *recorded, const struct hm_linux_listing *from,
                                 struct hm_err *err)
{
    struct hm_sockets sockets = from->sockets;
    enum hm_status st = HM_OK;

    name_units(recorded, &sockets);
    if (!from->has_programs) {
        recorded->seen.inventory.owners_partial = true;
        st = hm_notes_add(&recorded->notes, err,
                          NETSTAT_FILE " names no program: run \"ss -tuanp > " NETSTAT_FILE
                                       "\" as root");
    }
    if (from->has_connections) {
        recorded->seen.sockets = sockets;
        recorded->seen.has_sockets = true;
        return st;
    }
    recorded->listening = sockets;
    return st == HM_OK ? hm_notes_add(&recorded->notes, err,
                                      NETSTAT_FILE
                                      " has listeners alone: how full the dynamic "
                                      "ranges are is unknown; run \"ss -tuanp > " NETSTAT_FILE "\"")
                       : st;
}

enum hm_status hm_recorded_sockets(struct hm_recorded *recorded, const struct hm_tasks *tasks,
                                   struct hm_err *err)
{
    const char *unknown =
        recorded->host.has_listeners
            ? "which connections have ports now, and how full the dynamic ranges are, is unknown"
            : "listeners, who holds a port now, and how full the dynamic ranges are, is unknown";
    struct hm_sockets *sockets = &recorded->seen.sockets;
    struct hm_recorded_file file;
    enum hm_status st = hm_recorded_read(recorded, NETSTAT_FILE, &file, err);

    if (st == HM_OK && !file.there) {
        return hm_recorded_missing(recorded, NETSTAT_FILE, unknown, err);
    }
    if (st == HM_OK && recorded->seen.inventory.os.family == HM_OS_LINUX) {
        struct hm_linux_listing listing;

        if (hm_text_kind((struct hm_span){file.text, file.len}) != HM_TEXT_NETSTAT) {
            st = hm_linux_sockets_parse(file.text, file.len, recorded->arena, &listing, err);
            return st == HM_OK
                       ? take_linux(recorded, &listing, err)
                       : hm_recorded_refused(recorded, &file, HM_TEXT_NETSTAT, unknown, err);
        }
    }
    if (st == HM_OK) {
        st = parse_sockets(recorded, &file, sockets, err);
        if (st != HM_OK) {
            return hm_recorded_refused(recorded, &file, HM_TEXT_NETSTAT, unknown, err);
        }
        hm_tasks_name_sockets(tasks, sockets);
        st = hm_sc_states_name_sockets(&recorded->service_states, sockets, recorded->arena, err);
        fill_programs(recorded);
        recorded->seen.has_sockets = true;
    }
    return st;
}

/* Every system has some (the endpoint mapper, ssh). */
static bool any_listens(const struct hm_sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->at[i].state == HM_SOCKET_LISTEN) {
            return true;
        }
    }
    return false;
}

/* Adds what a list of Linux shows to what host.json has; the inventory drops doubles. */
static enum hm_status add_listening(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_inventory *inventory = &recorded->seen.inventory;
    const struct hm_listeners first = recorded->host.listeners;
    struct hm_listeners both = {NULL, 0};
    struct hm_listeners more = {NULL, 0};
    enum hm_status st = hm_sockets_to_listeners(&recorded->listening, &inventory->stacks,
                                                recorded->arena, &more, err);

    if (st != HM_OK) {
        return st;
    }
    both.at = hm_arena_alloc(recorded->arena, first.count + more.count, sizeof(*both.at));
    if (both.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the listeners");
    }
    for (size_t i = 0; i < first.count; i++) {
        both.at[both.count++] = first.at[i];
    }
    for (size_t i = 0; i < more.count; i++) {
        both.at[both.count++] = more.at[i];
    }
    inventory->listeners = both;
    inventory->has_listeners = true;
    return HM_OK;
}

enum hm_status hm_recorded_listeners(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_inventory *inventory = &recorded->seen.inventory;
    enum hm_status st;

    if (recorded->listening.count > 0) {
        return add_listening(recorded, err);
    }
    if (recorded->host.has_listeners) {
        inventory->listeners = recorded->host.listeners;
        inventory->has_listeners = true;
        return HM_OK;
    }
    if (!recorded->seen.has_sockets) {
        return HM_OK;
    }
    if (!any_listens(&recorded->seen.sockets)) {
        return hm_notes_add(&recorded->notes, err,
                            NETSTAT_FILE " has no listening socket, so it was made without -a (or "
                                         "filtered): listeners are unknown; run netstat -ano");
    }
    inventory->listeners_partial = recorded->netstat_partial;
    if (inventory->os.family == HM_OS_WINDOWS) {
        return hm_windows_take_listeners(&recorded->seen.sockets, (struct hm_ports){NULL, 0},
                                         recorded->arena, inventory, err);
    }
    st = hm_sockets_to_listeners(&recorded->seen.sockets, &inventory->stacks, recorded->arena,
                                 &inventory->listeners, err);
    inventory->has_listeners = st == HM_OK;
    return st;
}
