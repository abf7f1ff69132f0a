/* agent/platform/recorded/services.c — services of a recorded host, from every file that has them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * How a service starts: services.txt (reg query), services.reg (an export, of 2000 to 2003) or
 * services-config.txt (sc qc). Whether it runs: services-state.txt (sc queryex), tasklist.csv, or
 * services-running.txt (net start). What a failover cluster starts: cluster-resources.reg. A list
 * in host.json is a person's, who means all of them. */
#include "agent/platform/recorded/recorded.h"

#include <string.h>

#include "agent/platform/windows_services.h"
#include "common/base/str.h"
#include "common/judge/service_events.h"
#include "common/ports/numbered.h"
#include "common/readers/net_start_text.h"
#include "common/readers/reg_query_text.h"
#include "common/readers/sc_text.h"

#define LISTING_FILE "services.txt"
#define EXPORT_FILE "services.reg"
#define CONFIG_FILE "services-config.txt"
#define STATE_FILE "services-state.txt"
#define RUNNING_FILE "services-running.txt"
#define CLUSTER_FILE "cluster-resources.reg"

/* All that the files say of services. */
struct sources {
    const struct hm_tasks *tasks;
    bool has_rows;     /* how services start is known */
    bool has_registry; /* by the whole key Services, which has the triggers, too */
    struct hm_service_rows rows;
    bool has_states;
    struct hm_sc_states states;
    bool has_running; /* net start was applied to the rows */
    bool has_cluster;
    struct hm_strings clustered;
    bool cut; /* services.txt ends before its last queries */
    bool partial;
};

/* collect.cmd asks for Type, Start, ImagePath, DelayedAutostart, DependOnService and Action, in
 * this order; reg query ends each answer with a line, and no Windows is without dependencies. */
#define QUERIES_TO_DEPENDENCIES 5u

static enum hm_status note(struct hm_recorded *recorded, struct sources *sources,
                           struct hm_err *err, const char *text)
{
    sources->partial = true;
    return hm_notes_add(&recorded->notes, err, "%s", text);
}

/* A file that is too large is as good as none: the whole key Services may be. */
static enum hm_status read_file(struct hm_recorded *recorded, const char *name,
                                struct hm_recorded_file *out_file, struct hm_err *err)
{
    struct hm_err why;
    enum hm_status st = hm_recorded_read(recorded, name, out_file, &why);

    if (st == HM_ETOOBIG) {
        *out_file = (struct hm_recorded_file){.name = name, .text = ""};
        return hm_notes_add(&recorded->notes, err, "%s is not read: %s", name, why.text);
    }
    if (st != HM_OK && err != NULL) {
        *err = why;
    }
    return st;
}

/* ---- reading --------------------------------------------------------------------------------- */

#define UNKNOWN_STARTS "how services start is unknown"

static bool is_listing_cut(const struct hm_reg *reg)
{
    bool reached = reg->ends >= QUERIES_TO_DEPENDENCIES;

    for (size_t i = 0; i < reg->count && !reached; i++) {
        reached = hm_str_equal_nocase(reg->at[i].name, "DependOnService") ||
                  hm_str_equal_nocase(reg->at[i].name, "Action");
    }
    return !reached || reg->open;
}

static enum hm_status take_reg(struct hm_recorded *recorded, struct hm_recorded_file *file,
                               struct sources *sources, struct hm_err *err)
{
    struct hm_reg reg;
    enum hm_status st = strcmp(file->name, LISTING_FILE) == 0
                            ? hm_reg_query_parse(file->text, file->len, recorded->arena, &reg, err)
                            : hm_reg_parse(file->text, file->len, recorded->arena, &reg, err);

    if (st == HM_OK) {
        st = hm_service_rows_from_reg(&reg, recorded->arena, &sources->rows, err);
    }
    sources->has_rows = st == HM_OK && sources->rows.count > 0;
    sources->has_registry = sources->has_rows;
    sources->cut = st == HM_OK && strcmp(file->name, LISTING_FILE) == 0 && is_listing_cut(&reg);
    for (size_t i = 0; sources->cut && i < sources->rows.count; i++) {
        sources->rows.at[i].has_depends_on = false;
    }
    return st == HM_OK ? HM_OK
                       : hm_recorded_refused(recorded, file,
                                             strcmp(file->name, EXPORT_FILE) == 0 ? HM_TEXT_REGISTRY
                                                                                  : HM_TEXT_UNKNOWN,
                                             UNKNOWN_STARTS, err);
}

static enum hm_status read_rows(struct hm_recorded *recorded, struct sources *sources,
                                struct hm_err *err)
{
    static const char *const names[] = {LISTING_FILE, EXPORT_FILE, CONFIG_FILE};
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && !sources->has_rows && i < HM_COUNT(names); i++) {
        struct hm_recorded_file file;

        st = read_file(recorded, names[i], &file, err);
        if (st != HM_OK || !file.there) {
            continue;
        }
        if (strcmp(names[i], CONFIG_FILE) != 0) {
            st = take_reg(recorded, &file, sources, err);
            continue;
        }
        st = hm_sc_config_parse(file.text, file.len, recorded->arena, &sources->rows, err);
        sources->has_rows = st == HM_OK;
        sources->cut = sources->cut && st != HM_OK;
        st = st == HM_OK
                 ? HM_OK
                 : hm_recorded_refused(recorded, &file, HM_TEXT_UNKNOWN, UNKNOWN_STARTS, err);
    }
    return st;
}

static enum hm_status read_states(struct hm_recorded *recorded, struct sources *sources,
                                  struct hm_err *err)
{
    struct hm_recorded_file file;
    enum hm_status st = read_file(recorded, STATE_FILE, &file, err);

    if (st == HM_OK && file.there) {
        st = hm_sc_query_parse(file.text, file.len, recorded->arena, &sources->states, err);
        sources->has_states = st == HM_OK;
        return st == HM_OK ? HM_OK
                           : hm_recorded_refused(recorded, &file, HM_TEXT_UNKNOWN,
                                                 "the states of services are unknown", err);
    }
    if (st != HM_OK || sources->tasks->count > 0 || !sources->has_rows) {
        return st;
    }
    st = read_file(recorded, RUNNING_FILE, &file, err);
    if (st == HM_OK && file.there) {
        size_t lines = 0;

        st = hm_net_start_apply(file.text, file.len, &sources->rows, &lines, err);
        sources->has_running = st == HM_OK && lines > 0;
        return st == HM_OK ? HM_OK
                           : hm_recorded_refused(recorded, &file, HM_TEXT_UNKNOWN,
                                                 "which services run is unknown", err);
    }
    return st;
}

static enum hm_status read_cluster(struct hm_recorded *recorded, struct sources *sources,
                                   struct hm_err *err)
{
    struct hm_recorded_file file;
    struct hm_reg reg;
    enum hm_status st = hm_recorded_read(recorded, CLUSTER_FILE, &file, err);

    if (st != HM_OK || !file.there) {
        return st;
    }
    st = hm_reg_parse(file.text, file.len, recorded->arena, &reg, err);
    if (st == HM_OK) {
        st = hm_service_names_from_cluster(&reg, recorded->arena, &sources->clustered, err);
    }
    if (st != HM_OK) {
        return hm_recorded_refused(recorded, &file, HM_TEXT_REGISTRY,
                                   "what a failover cluster starts is unknown", err);
    }
    sources->has_cluster = true;
    hm_windows_mark_clustered(&sources->rows, &sources->clustered);
    return HM_OK;
}

/* ---- joining --------------------------------------------------------------------------------- */

static bool is_in(const struct hm_strings *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (hm_str_equal_nocase(names->at[i], name)) {
            return true;
        }
    }
    return false;
}

static bool has_task(const struct hm_tasks *tasks, const char *service)
{
    for (size_t i = 0; i < tasks->count; i++) {
        if (is_in(&tasks->at[i].services, service)) {
            return true;
        }
    }
    return false;
}

/* sc knows best; a process that hosts it is proof as well. */
static void fill_states(const struct sources *sources, struct hm_service_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct hm_service_row *row = &rows->at[i];
        const struct hm_sc_state *state =
            sources->has_states ? hm_sc_states_find(&sources->states, row->name) : NULL;

        if (state != NULL && row->display[0] == '\0') { /* the registry keeps it in a library */
            row->display = state->display;
        }
        if (state != NULL) {
            hm_service_row_set_state(row, state->state, state->exit_code);
        } else if (sources->tasks->count > 0) {
            row->has_runs = true;
            row->runs = has_task(sources->tasks, row->name);
        }
    }
}

/* An event of a service that failed names it as people see it, and nothing tells whose name that
 * is: of all of them one line. */
static enum hm_status note_unmatched(struct hm_recorded *recorded, const struct sources *sources,
                                     struct hm_err *err)
{
    const struct hm_event_counts *events = &recorded->seen.events;

    for (size_t i = 0; i < events->count; i++) {
        const struct hm_event_count *event = &events->at[i];
        const struct hm_service_event *known = hm_service_event_find(event->provider, event->id);
        char shown[128];

        if (known == NULL || !known->failed || event->about[0] == '\0' ||
            hm_service_rows_find(&sources->rows, event->about) != NULL) {
            continue;
        }
        hm_str_show(event->about, shown, sizeof(shown));
        return hm_notes_add(&recorded->notes, err,
                            "events.xml says that \"%s\" failed (%s %u), and without " STATE_FILE
                            " it is not known which service that is",
                            shown, event->provider, (unsigned)event->id);
    }
    return HM_OK;
}

/* sc tells the names that people see, too, where it is all that there is. */
static enum hm_status name_events(struct hm_recorded *recorded, struct sources *sources,
                                  struct hm_err *err)
{
    struct hm_event_counts *events = &recorded->seen.events;
    const size_t count = sources->has_states ? sources->states.count : 0;
    struct hm_service_rows shown = {hm_arena_alloc(recorded->arena, count, sizeof(*shown.at)),
                                    count};

    if (shown.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
    }
    for (size_t i = 0; i < count; i++) {
        shown.at[i].name = sources->states.at[i].name;
        shown.at[i].display = sources->states.at[i].display;
    }
    hm_windows_name_events(&sources->rows, events);
    hm_windows_name_events(&shown, events);
    if (sources->has_states || !sources->has_rows) {
        return HM_OK;
    }
    hm_windows_take_errors(&sources->rows, events);
    return note_unmatched(recorded, sources, err);
}

/* Names that are there beside the rows. */
struct extra {
    struct hm_strings names;
    size_t room;
    struct hm_arena *arena;
    bool failed;
};

static void put_extra(struct extra *extra, const char *name)
{
    void *grown = (void *)extra->names.at;

    if (hm_arena_grow(extra->arena, &grown, extra->names.count, &extra->room, sizeof(char *)) !=
        0) {
        extra->failed = true;
        return;
    }
    extra->names.at = (const char **)grown;
    extra->names.at[extra->names.count++] = name;
}

/* Services that run and whose start type the rows lack: where there are rows, they are not all. */
static void put_running(const struct sources *sources, struct extra *extra)
{
    for (size_t i = 0; sources->has_states && i < sources->states.count; i++) {
        const struct hm_sc_state *state = &sources->states.at[i];

        if (!hm_windows_is_user_service(state->type) &&
            hm_service_rows_find(&sources->rows, state->name) == NULL &&
            (state->state != HM_SERVICE_STOPPED || sources->has_rows)) {
            put_extra(extra, state->name);
        }
    }
    for (size_t i = 0; i < sources->tasks->count; i++) {
        const struct hm_strings *services = &sources->tasks->at[i].services;

        for (size_t k = 0; k < services->count; k++) {
            const struct hm_sc_state *state =
                sources->has_states ? hm_sc_states_find(&sources->states, services->at[k]) : NULL;

            if ((state == NULL || !hm_windows_is_user_service(state->type)) &&
                hm_service_rows_find(&sources->rows, services->at[k]) == NULL) {
                put_extra(extra, services->at[k]);
            }
        }
    }
}

static bool runs(const struct sources *sources, const char *name)
{
    const struct hm_sc_state *state =
        sources->has_states ? hm_sc_states_find(&sources->states, name) : NULL;

    return state != NULL ? state->state != HM_SERVICE_STOPPED : has_task(sources->tasks, name);
}

/* A person's list has those that run or start by themselves: one that no process hosts is one
 * that starts by itself and is down. */
static enum hm_status take_listed(struct hm_recorded *recorded, const struct sources *sources,
                                  struct hm_err *err)
{
    const struct hm_strings *listed = &recorded->host.services;
    struct hm_services *details = &recorded->seen.inventory.service_details;
    const size_t most = details->count + listed->count;
    struct hm_service *at;

    if (sources->tasks->count == 0 && !sources->has_states) {
        return HM_OK;
    }
    at = hm_arena_alloc(recorded->arena, most, sizeof(*at));
    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
    }
    for (size_t i = 0; i < details->count; i++) {
        at[i] = details->at[i];
    }
    details->at = at;
    for (size_t i = 0; i < listed->count; i++) {
        const char *name = listed->at[i];

        if (!runs(sources, name) && hm_inventory_service(&recorded->seen.inventory, name) == NULL) {
            at[details->count++] = (struct hm_service){
                .name = name, .program = "", .start = HM_START_AUTOMATIC, .has_runs = true};
        }
    }
    recorded->seen.inventory.has_service_details = details->count > 0;
    return HM_OK;
}

/* As hm_service_rows_find, of rows in no order. */
static bool is_row(const struct hm_service_rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (hm_str_equal_nocase(rows->at[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* Resources of the cluster without a row: they start by themselves all the same. A registry that
 * lacks one is of a node that does not have the service. */
static enum hm_status take_clustered(struct hm_recorded *recorded, const struct sources *sources,
                                     struct hm_err *err)
{
    struct hm_inventory *inventory = &recorded->seen.inventory;
    const size_t count = sources->clustered.count;
    struct hm_service_rows rows;

    if (sources->has_registry && !sources->partial && !sources->cut) {
        return HM_OK;
    }
    rows = (struct hm_service_rows){hm_arena_alloc(recorded->arena, count, sizeof(*rows.at)), 0};
    if (rows.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = sources->clustered.at[i];

        if (hm_service_rows_find(&sources->rows, name) == NULL &&
            hm_inventory_service(inventory, name) == NULL && !is_row(&rows, name)) {
            rows.at[rows.count++] = (struct hm_service_row){.name = name,
                                                            .display = "",
                                                            .image = "",
                                                            .start = HM_SERVICE_DEMAND_START,
                                                            .clustered = true};
        }
    }
    fill_states(sources, &rows);
    return rows.count == 0 ? HM_OK
                           : hm_windows_take_services(&rows, recorded->arena, inventory, err);
}

/* Details in host.json outrank files: the rows of those names go. */
static void drop_detailed(const struct hm_recorded *recorded, struct hm_service_rows *rows)
{
    const struct hm_services *details = &recorded->host.service_details;
    size_t left = 0;

    for (size_t i = 0; i < rows->count; i++) {
        bool detailed = false;

        for (size_t k = 0; k < details->count && !detailed; k++) {
            detailed = hm_str_equal_nocase(details->at[k].name, rows->at[i].name);
        }
        if (!detailed) {
            rows->at[left++] = rows->at[i];
        }
    }
    rows->count = left;
}

static enum hm_status join(struct hm_recorded *recorded, struct sources *sources,
                           struct hm_err *err)
{
    struct hm_inventory *inventory = &recorded->seen.inventory;
    struct extra extra = {.arena = recorded->arena};
    enum hm_status st = HM_OK;

    put_running(sources, &extra);
    sources->partial = sources->has_rows && extra.names.count > 0;
    for (size_t i = 0; i < recorded->host.services.count; i++) {
        put_extra(&extra, recorded->host.services.at[i]);
    }
    for (size_t i = 0; i < recorded->host.service_details.count; i++) {
        const struct hm_service *detail = &recorded->host.service_details.at[i];

        if (hm_service_is_wanted(detail) || (detail->has_runs && detail->runs)) {
            put_extra(&extra, detail->name);
        }
    }
    if (extra.failed) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
    }
    inventory->services = extra.names;
    inventory->has_services = extra.names.count > 0 || recorded->host.has_services ||
                              sources->tasks->count > 0 || sources->has_states;
    if (sources->has_rows) {
        recorded->seen.knows_all_services = !sources->partial && !sources->cut;
        st = hm_windows_idle_services(&sources->rows, recorded->arena,
                                      &recorded->seen.idle_services, err);
        drop_detailed(recorded, &sources->rows);
    }
    if (st == HM_OK && sources->has_rows) {
        st = hm_windows_take_services(&sources->rows, recorded->arena, inventory, err);
    }
    if (st == HM_OK) {
        st = take_clustered(recorded, sources, err);
    }
    return st == HM_OK ? take_listed(recorded, sources, err) : st;
}

/* ---- is that all? ---------------------------------------------------------------------------- */

static bool is_node(const struct hm_recorded *recorded, const struct sources *sources)
{
    return hm_windows_is_cluster_node(&sources->rows) ||
           is_in(&recorded->seen.inventory.services, "ClusSvc");
}

static enum hm_status judge_rows(struct hm_recorded *recorded, struct sources *sources,
                                 struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (sources->cut) {
        st = note(recorded, sources, err,
                  LISTING_FILE " was cut: services, and which of them depend on others, are "
                               "missing; gather it again");
    }
    if (st == HM_OK && sources->partial && !sources->cut) {
        st = note(recorded, sources, err,
                  "services run, or are listed, of which it is not known how they start: the list "
                  "of services is not complete");
    }
    if (st == HM_OK && !sources->has_registry && !hm_os_is_legacy(&recorded->seen.inventory.os)) {
        st = note(recorded, sources, err,
                  CONFIG_FILE " does not say which services an event of the system starts");
    }
    if (st == HM_OK && !sources->has_states && sources->tasks->count == 0 &&
        !sources->has_running) {
        st = note(recorded, sources, err,
                  "which services run is not known: neither " STATE_FILE
                  ", tasklist.csv nor " RUNNING_FILE " says so");
    }
    return st;
}

static enum hm_status judge_all(struct hm_recorded *recorded, struct sources *sources,
                                struct hm_err *err)
{
    struct hm_inventory *inventory = &recorded->seen.inventory;
    enum hm_status st = HM_OK;

    if (sources->has_rows) {
        st = judge_rows(recorded, sources, err);
    } else if (inventory->has_services && !recorded->host.has_services &&
               !recorded->host.has_service_details) {
        st = sources->cut
                 ? note(recorded, sources, err,
                        LISTING_FILE " was cut before it tells how services start: of the services "
                                     "only those that run are known; gather it again")
                 : note(recorded, sources, err,
                        LISTING_FILE " is missing (a " EXPORT_FILE " or " CONFIG_FILE
                                     " would do): of "
                                     "the services only those that run are known; gather the files "
                                     "with the collect.cmd of this version");
    } else if (!inventory->has_services) {
        st = hm_recorded_missing(recorded, LISTING_FILE, "services are unknown", err);
    }
    if (st == HM_OK && is_node(recorded, sources) && !sources->has_cluster &&
        !recorded->host.has_service_details) {
        st = note(recorded, sources, err,
                  CLUSTER_FILE " is missing: which services the failover cluster starts on this "
                               "host is not known");
    }
    inventory->services_partial = inventory->has_services && sources->partial;
    return st;
}

/* sapinit starts instances that have no unit: a list that has it and none of them is cut short. */
static enum hm_status judge_linux(struct hm_recorded *recorded, struct hm_err *err)
{
    static const struct hm_numbered rule = {.service = "SAP???_##", .ports = ""};
    struct hm_inventory *inventory = &recorded->seen.inventory;
    char number[3];

    if (!is_in(&inventory->services, "sapinit")) {
        return HM_OK;
    }
    for (size_t i = 0; i < inventory->services.count; i++) {
        if (hm_numbered_fits(&rule, inventory->services.at[i], number)) {
            return HM_OK;
        }
    }
    inventory->services_partial = true;
    return hm_notes_add(&recorded->notes, err,
                        "services: which instances of SAP sapinit starts; add those of "
                        "/usr/sap/sapservices to the services of host.json, as \"SAPPRD_00\"");
}

enum hm_status hm_recorded_services(struct hm_recorded *recorded, const struct hm_tasks *tasks,
                                    struct hm_err *err)
{
    struct hm_inventory *inventory = &recorded->seen.inventory;
    struct sources sources = {.tasks = tasks};
    enum hm_status st = HM_OK;

    if (inventory->os.family == HM_OS_WINDOWS) {
        st = read_rows(recorded, &sources, err);
        recorded->service_rows = sources.rows;
        if (st == HM_OK) {
            st = read_states(recorded, &sources, err);
        }
        if (st == HM_OK) {
            st = read_cluster(recorded, &sources, err);
        }
        hm_service_rows_mark_needed(&sources.rows);
        fill_states(&sources, &sources.rows);
        if (st == HM_OK) {
            st = name_events(recorded, &sources, err);
        }
    }
    recorded->service_states = sources.states;
    if (st == HM_OK) {
        st = join(recorded, &sources, err);
    }
    if (st == HM_OK && inventory->os.family == HM_OS_WINDOWS) {
        st = judge_all(recorded, &sources, err);
    } else if (st == HM_OK && !inventory->has_services) {
        st = hm_notes_add(&recorded->notes, err, "host.json does not list services");
    } else if (st == HM_OK) {
        st = judge_linux(recorded, err);
    }
    if (st == HM_OK) {
        hm_inventory_settle(inventory);
    }
    return st;
}
