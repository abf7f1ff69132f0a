/* agent/platform/linux/services.c — systemd's services: how they start, whether they run.
 * SPDX-License-Identifier: Apache-2.0
 *
 * From files alone (units.h). What is known from where:
 * - starts by itself: what default.target reaches over .wants and .requires links and the files'
 *   Wants=, Requires=, BindsTo=, Upholds=; triggered: by a socket or path unit that is reached, or
 * a timer that is, unless it is a job (Type=oneshot). Listed are those that somebody, a preset or a
 *   generator enabled, what such a service needs, and what a person's file names; what packages
 * want of themselves (basic services of the system) only while it runs. Jobs of timers come and go
 * and are left out, as are transient units ("run-…") and the managers of logged-in users;
 * - a cluster may start it: a resource of Pacemaker names it (cluster.c);
 * - sapinit starts it: a line of /usr/sap/sapservices names it (sap.c);
 * - it runs: a control group of its name has processes (systemd.resource-control(5): the tree
 *   follows slices and units; cgroup.events has "populated 1");
 * - it does not: systemd runs this host (/run/systemd/system, sd_booted(3)), and no control group
 *   of its name has processes. That says nothing, and stays unknown, of a unit that may be active
 *   without any (Type=oneshot, RemainAfterExit=), whose processes may have moved to a log-in's
 *   session (PAMName=, a terminal), that a condition or a missing device may keep from starting,
 *   or whose file cannot be read;
 *   A tunnel of wg-quick (oneshot) is up while its interface is in /sys/class/net;
 * - how it ended, and whether systemd has given up on it, no file tells: exit_code stays 0;
 * - which run of it this is: the invocation id, a link in /run/systemd/units that systemd makes for
 *   its journal (since version 235; where it is missing one run cannot be told from the next);
 * - installed: it has a unit file; disabled: masked, or a transient one of systemd-run that runs:
 *   once it is stopped nobody can start it again;
 * - has a listener of process 1: the socket unit that names the port (socket_units.c);
 * - depends on: services that stop it when they stop: Requires=, BindsTo=, Requisite=, PartOf=. */
#include "agent/platform/linux/linux.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/platform/linux/units.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define DEPTH_MAX 6 /* of slices, and of groups below a unit */
#define GROUP_FILE_BYTES (64u * 1024u)
#define SUFFIX ".service"
#define INVOCATION_DIGITS 13 /* of 32: 52 bits, which every reader of JSON keeps exact */

struct scan {
    const char *root;
    struct hm_arena *arena;
    struct hm_strings running; /* with ".service" */
    size_t running_room;
    bool has_groups;
    struct hm_linux_units *units;
    bool booted; /* systemd runs this host */
    struct hm_observation *seen;
    size_t details_room;
    size_t instances_room;
    size_t idle_room;
};

/* Where systemd's tree of control groups is: unified, hybrid, legacy. */
static const char *const trees[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/systemd",
                                    "/sys/fs/cgroup/unified"};
static const char *const passing_prefixes[] = {"run-", "user@", "user-runtime-dir@"};

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
}

/* ---- what runs ----------------------------------------------------------------------------- */

/* "a/b"; false when that is longer than any path. */
static bool join_path(char out[HM_LINUX_PATH_BYTES], const char *a, const char *b)
{
    const int put = snprintf(out, HM_LINUX_PATH_BYTES, "%s/%s", a, b);

    return put > 0 && put < (int)HM_LINUX_PATH_BYTES;
}

/* A file of a group, like "cgroup.procs" and "pids.max", and no group below. */
static bool is_group_file(const char *name)
{
    return strchr(name, '.') != NULL && hm_linux_unit_stem(name, SUFFIX) == 0 &&
           hm_linux_unit_stem(name, ".scope") == 0;
}

static bool has_processes_v1(const char *path, struct hm_arena *arena, int depth)
{
    struct hm_strings names;
    char file[HM_LINUX_PATH_BYTES];
    char *text;
    size_t len;

    if (!join_path(file, path, "cgroup.procs")) {
        return false;
    }
    if (hm_os_read_file(file, GROUP_FILE_BYTES, arena, &text, &len, NULL) != HM_OK) {
        return hm_os_exists(path); /* more than fits, or not told; or it has just gone */
    }
    if (len > 0) {
        return true;
    }
    if (depth >= DEPTH_MAX || hm_os_list_folder(path, arena, &names, NULL) != HM_OK) {
        return false;
    }
    for (size_t i = 0; i < names.count; i++) {
        char inner[HM_LINUX_PATH_BYTES];

        if (!is_group_file(names.at[i]) && join_path(file, path, names.at[i]) &&
            join_path(inner, file, "cgroup.procs") && hm_os_exists(inner) &&
            has_processes_v1(file, arena, depth + 1)) {
            return true;
        }
    }
    return false;
}

static bool has_processes(const char *path, struct hm_arena *arena)
{
    char file[HM_LINUX_PATH_BYTES];
    char *text;
    size_t len;

    if (join_path(file, path, "cgroup.events") &&
        hm_os_read_file(file, GROUP_FILE_BYTES, arena, &text, &len, NULL) == HM_OK) {
        return strstr(text, "populated 0") == NULL; /* of the groups below, too */
    }
    return has_processes_v1(path, arena, 0);
}

static enum hm_status put_running(struct scan *scan, const char *name, struct hm_err *err)
{
    void *items = (void *)scan->running.at;

    if (hm_arena_grow(scan->arena, &items, scan->running.count, &scan->running_room,
                      sizeof(*scan->running.at)) != 0) {
        return no_memory(err);
    }
    scan->running.at = (const char **)items;
    scan->running.at[scan->running.count++] = name;
    return HM_OK;
}

/* Units at this level, and below nested slices; of users' slices none is a service of the host. */
static enum hm_status find_running(struct scan *scan, const char *path, int depth,
                                   struct hm_err *err)
{
    struct hm_strings names;
    enum hm_status st = HM_OK;

    if (hm_os_list_folder(path, scan->arena, &names, NULL) != HM_OK) {
        return HM_OK;
    }
    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        const bool is_service = hm_linux_unit_stem(names.at[i], SUFFIX) > 0;
        char below[HM_LINUX_PATH_BYTES];

        if ((!is_service && (hm_linux_unit_stem(names.at[i], ".slice") == 0 ||
                             strcmp(names.at[i], "user.slice") == 0)) ||
            !join_path(below, path, names.at[i])) {
            continue;
        }
        scan->has_groups = scan->has_groups || strcmp(names.at[i], "system.slice") == 0;
        if (!is_service && depth < DEPTH_MAX) {
            st = find_running(scan, below, depth + 1, err);
        } else if (is_service && has_processes(below, scan->arena)) {
            st = put_running(scan, names.at[i], err);
        }
    }
    return st;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum hm_status find_all_running(struct scan *scan, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < HM_COUNT(trees); i++) {
        char path[HM_LINUX_PATH_BYTES];

        (void)snprintf(path, sizeof(path), "%s%s", scan->root, trees[i]);
        st = find_running(scan, path, 0, err);
    }
    if (st == HM_OK && scan->running.count > 1) {
        qsort((void *)scan->running.at, scan->running.count, sizeof(*scan->running.at),
              compare_names);
    }
    return st;
}

static bool is_running(const struct scan *scan, const char *name)
{
    return scan->running.count > 0 && bsearch(&name, scan->running.at, scan->running.count,
                                              sizeof(*scan->running.at), compare_names) != NULL;
}

/* ---- one service --------------------------------------------------------------------------- */

static bool has_passing_prefix(const char *name)
{
    for (size_t i = 0; i < HM_COUNT(passing_prefixes); i++) {
        if (strncmp(name, passing_prefixes[i], strlen(passing_prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Does a timer start it, and does it stay then? A job is done when it ends. */
static bool is_scheduled(const struct hm_linux_unit *unit)
{
    return unit->scheduled && unit->found && unit->has_exec && !unit->oneshot && !unit->masked;
}

/* Is it a service of this host that stays, or is there for a moment? */
static bool is_passing(const struct hm_linux_unit *unit)
{
    return has_passing_prefix(unit->name) ||
           (unit->timed && !(unit->reached && unit->chosen) && !is_scheduled(unit));
}

static bool starts_itself(const struct hm_linux_unit *unit)
{
    const bool enabled = unit->chosen || (unit->generated && !unit->oneshot);

    return is_scheduled(unit) ||
           ((unit->reached || unit->triggered) && enabled && (unit->found || unit->unreadable) &&
            strstr(unit->name, "@.") == NULL);
}

static enum hm_service_start start_of(const struct hm_linux_unit *unit)
{
    return unit->masked || unit->transient ? HM_START_DISABLED
           : unit->triggered               ? HM_START_TRIGGERED
           : unit->reached                 ? HM_START_AUTOMATIC
           : is_scheduled(unit)            ? HM_START_TRIGGERED
                                           : HM_START_MANUAL;
}

/* A tunnel of wg-quick has no process: it is up while its interface is there. */
static bool has_interface(const struct scan *scan, const struct hm_linux_unit *unit, bool *out_is)
{
    static const char prefix[] = "wg-quick@";
    const size_t len = hm_linux_unit_stem(unit->name, SUFFIX);
    char path[HM_LINUX_PATH_BYTES];

    if (len < sizeof(prefix) || strncmp(unit->name, prefix, sizeof(prefix) - 1) != 0) {
        return false;
    }
    (void)snprintf(path, sizeof(path), "%s/sys/class/net/%.*s", scan->root,
                   (int)(len - (sizeof(prefix) - 1)), unit->name + sizeof(prefix) - 1);
    *out_is = hm_os_exists(path);
    return true;
}

/* Does having no process mean that it is down? */
static bool needs_processes(const struct hm_linux_unit *unit)
{
    return unit->found && unit->has_exec && !unit->oneshot && !unit->remains &&
           (unit->reached || !unit->scheduled) && !unit->conditions && !unit->asserts &&
           !unit->bound && !unit->session;
}

static enum hm_status take_dependencies(const struct scan *scan, const struct hm_linux_unit *unit,
                                        struct hm_service *out, struct hm_err *err)
{
    const struct hm_strings *from = &unit->stops_with;
    const char **names;

    if (!unit->found || unit->deps_unknown || from->count > HM_LIMIT_DEPENDENCIES) {
        return HM_OK;
    }
    names = (const char **)hm_arena_alloc(scan->arena, from->count, sizeof(*names));
    if (names == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < from->count; i++) {
        const struct hm_linux_unit *other = hm_linux_unit(scan->units, from->at[i]);
        const char *name = other == NULL ? from->at[i] : other->name;
        const size_t len = hm_linux_unit_stem(name, SUFFIX);

        if (len > HM_LIMIT_NAME_BYTES || !hm_str_is_utf8(name, len)) {
            return HM_OK;
        }
        names[i] = hm_arena_strndup(scan->arena, name, len);
        if (names[i] == NULL) {
            return no_memory(err);
        }
    }
    out->has_depends_on = true;
    out->depends_on = (struct hm_strings){names, from->count};
    return HM_OK;
}

/* The first digits of the invocation id; 0 where there is none. */
static uint64_t run_number(const struct scan *scan, const char *name)
{
    char path[HM_LINUX_PATH_BYTES];
    char id[INVOCATION_DIGITS + 1];
    char *end;
    uint64_t number;
    ssize_t len;

    (void)snprintf(path, sizeof(path), "%s/run/systemd/units/invocation:%s", scan->root, name);
    len = readlink(path, id, INVOCATION_DIGITS);
    if (len != INVOCATION_DIGITS) {
        return 0;
    }
    id[len] = '\0';
    number = strtoull(id, &end, 16);
    return *end == '\0' ? number : 0;
}

static enum hm_status put_instance(struct scan *scan, const char *name, uint64_t number,
                                   struct hm_err *err)
{
    struct hm_run_instances *instances = &scan->seen->instances;
    void *items = instances->at;

    if (number == 0) {
        return HM_OK;
    }
    if (hm_arena_grow(scan->arena, &items, instances->count, &scan->instances_room,
                      sizeof(*instances->at)) != 0) {
        return no_memory(err);
    }
    instances->at = items;
    instances->at[instances->count++] = (struct hm_run_instance){name, number};
    return HM_OK;
}

static enum hm_status put(struct scan *scan, const struct hm_linux_unit *unit, bool runs,
                          enum hm_service_start start, struct hm_err *err)
{
    struct hm_services *details = &scan->seen->inventory.service_details;
    const size_t len = hm_linux_unit_stem(unit->name, SUFFIX);
    const bool known = scan->booted && scan->has_groups;
    void *items = details->at;
    struct hm_service service = {
        .start = start,
        .has_runs = known && (runs || needs_processes(unit)),
        .runs = known && runs,
    };
    enum hm_status st;

    if (known && has_interface(scan, unit, &service.runs)) {
        service.has_runs = true;
    }
    if (details->count >= HM_LIMIT_SERVICES || len > HM_LIMIT_NAME_BYTES ||
        !hm_str_is_utf8(unit->name, len)) {
        return HM_OK;
    }
    service.name = hm_arena_strndup(scan->arena, unit->name, len);
    service.program = hm_arena_strdup(scan->arena, unit->program);
    if (service.name == NULL || service.program == NULL ||
        hm_arena_grow(scan->arena, &items, details->count, &scan->details_room,
                      sizeof(*details->at)) != 0) {
        return no_memory(err);
    }
    details->at = items;
    st = take_dependencies(scan, unit, &service, err);
    if (st == HM_OK && runs) {
        st = put_instance(scan, service.name, run_number(scan, unit->name), err);
    }
    details->at[details->count++] = service;
    return st;
}

/* ---- all of them --------------------------------------------------------------------------- */

/* Services that run are read, too; units that are read meanwhile only say what others depend on. */
static enum hm_status put_all(struct scan *scan, struct hm_err *err)
{
    enum hm_status st = HM_OK;
    size_t count;

    for (size_t i = 0; i < scan->running.count; i++) {
        if (!has_passing_prefix(scan->running.at[i])) { /* their names would fill the cache */
            (void)hm_linux_unit(scan->units, scan->running.at[i]);
        }
    }
    count = hm_linux_units_count(scan->units);
    for (size_t i = 0; st == HM_OK && i < count; i++) {
        const struct hm_linux_unit *unit = hm_linux_units_at(scan->units, i);
        const bool runs = is_running(scan, unit->name);

        if (hm_linux_unit_stem(unit->name, SUFFIX) > 0 && !is_passing(unit) &&
            (runs || starts_itself(unit))) {
            st = put(scan, unit, runs, start_of(unit), err);
        }
    }
    return st;
}

static bool is_listed(const struct scan *scan, const char *name)
{
    const struct hm_services *details = &scan->seen->inventory.service_details;
    const size_t len = hm_linux_unit_stem(name, SUFFIX);

    for (size_t i = 0; i < details->count; i++) {
        if (strlen(details->at[i].name) == len && memcmp(details->at[i].name, name, len) == 0) {
            return true;
        }
    }
    return false;
}

/* Where Pacemaker is: the services that it may start here, which are disabled. */
static enum hm_status put_cluster(struct scan *scan, struct hm_notes *notes, struct hm_err *err)
{
    struct hm_strings names;
    bool known;
    enum hm_status st = HM_OK;

    if (!is_listed(scan, "pacemaker.service") && !is_listed(scan, "corosync.service")) {
        return HM_OK;
    }
    st = hm_linux_cluster_units(scan->root, scan->arena, &names, &known, err);
    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        const struct hm_linux_unit *unit = hm_linux_unit(scan->units, names.at[i]);

        if (unit != NULL && unit->found && !is_listed(scan, unit->name)) {
            st = put(scan, unit, false, HM_START_CLUSTER, err);
        }
    }
    if (st == HM_OK && !known) {
        scan->seen->inventory.services_partial = true;
        st = hm_notes_add(notes, err,
                          "services: which ones the cluster (Pacemaker) may start, as "
                          "/var/lib/pacemaker/cib/cib.xml cannot be read; run it as root");
    }
    return st;
}

/* Where sapinit is: the instances of SAP that it starts, which mostly have no unit. */
static enum hm_status put_sap(struct scan *scan, struct hm_notes *notes, struct hm_err *err)
{
    struct hm_strings names;
    bool known;
    enum hm_status st = HM_OK;

    if (!is_listed(scan, "sapinit.service")) {
        return HM_OK;
    }
    st = hm_linux_sap_instances(scan->root, scan->arena, &names, &known, err);
    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        const struct hm_linux_unit *unit = hm_linux_unit(scan->units, names.at[i]);

        if (unit != NULL && !unit->masked && !is_listed(scan, unit->name)) {
            st = put(scan, unit, is_running(scan, unit->name), HM_START_AUTOMATIC, err);
        }
    }
    if (st == HM_OK && !known) {
        scan->seen->inventory.services_partial = true;
        st = hm_notes_add(notes, err,
                          "services: which instances of SAP sapinit starts, as not all of "
                          "/usr/sap/sapservices could be read; run it as root");
    }
    return st;
}

static enum hm_status list_names(struct scan *scan, struct hm_err *err)
{
    struct hm_inventory *inventory = &scan->seen->inventory;
    const struct hm_services *details = &inventory->service_details;
    const char **names = (const char **)hm_arena_alloc(scan->arena, details->count, sizeof(*names));

    if (names == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < details->count; i++) {
        names[i] = details->at[i].name;
    }
    inventory->services = (struct hm_strings){names, details->count};
    inventory->has_services = true;
    inventory->has_service_details = true;
    return HM_OK;
}

/* Every service that has a unit file. The first of a name counts. */
static enum hm_status put_installed(struct scan *scan, struct hm_err *err)
{
    struct hm_services *idle = &scan->seen->idle_services;

    for (size_t i = 0; i < HM_LINUX_UNIT_FOLDERS; i++) {
        const struct hm_strings *names = hm_linux_units_names(scan->units, i);

        for (size_t k = 0; k < names->count; k++) {
            const size_t len = hm_linux_unit_stem(names->at[k], SUFFIX);
            void *items = idle->at;
            struct hm_service service = {.program = "", .start = HM_START_MANUAL};

            if (len == 0 || len > HM_LIMIT_NAME_BYTES || !hm_str_is_utf8(names->at[k], len)) {
                continue;
            }
            service.name = hm_arena_strndup(scan->arena, names->at[k], len);
            if (service.name == NULL || hm_arena_grow(scan->arena, &items, idle->count,
                                                      &scan->idle_room, sizeof(*idle->at)) != 0) {
                return no_memory(err);
            }
            if (hm_linux_units_masks(scan->units, i, names->at[k])) {
                service.start = HM_START_DISABLED;
            }
            idle->at = items;
            idle->at[idle->count++] = service;
        }
    }
    scan->seen->knows_all_services = true;
    return HM_OK;
}

enum hm_status hm_linux_services(const char *root, struct hm_linux_unit_cache *cache,
                                 struct hm_notes *notes, struct hm_observation *out_seen,
                                 struct hm_err *err)
{
    struct scan scan = {.root = root, .arena = notes->arena, .seen = out_seen};
    char path[HM_LINUX_PATH_BYTES];
    enum hm_status st = find_all_running(&scan, err);

    if (st == HM_OK) {
        st = hm_linux_units_open(root, cache, scan.arena, &scan.units, err);
    }
    if (st != HM_OK) {
        return st;
    }
    if (!scan.has_groups && !hm_linux_units_any(scan.units)) {
        return hm_notes_add(notes, err,
                            "services: neither systemd's control groups nor "
                            "/etc/systemd/system can be read");
    }
    (void)snprintf(path, sizeof(path), "%s/run/systemd/system", root);
    scan.booted = hm_os_exists(path);
    st = put_all(&scan, err);
    if (st == HM_OK) {
        st = put_cluster(&scan, notes, err);
    }
    if (st == HM_OK) {
        st = put_sap(&scan, notes, err);
    }
    if (st == HM_OK) {
        st = hm_linux_name_socket_units(scan.units, scan.arena, out_seen, err);
    }
    if (st == HM_OK && !(scan.booted && scan.has_groups)) {
        out_seen->inventory.services_partial = true;
        st = hm_notes_add(notes, err, "which services run: %s",
                          scan.booted ? "systemd's control groups cannot be read"
                                      : "systemd does not run this system");
    }
    if (st == HM_OK) {
        st = put_installed(&scan, err);
    }
    return st == HM_OK ? list_names(&scan, err) : st;
}
