/* agent/platform/windows_services.c — services of a Windows host into its inventory.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows_services.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/judge/service_events.h"

#define CLUSTER_SERVICE "ClusSvc"

bool hm_windows_is_user_service(uint32_t type)
{
    return (type & (HM_SERVICE_USER_TEMPLATE | HM_SERVICE_USER_INSTANCE)) != 0;
}

void hm_windows_mark_clustered(struct hm_service_rows *rows, const struct hm_strings *names)
{
    for (size_t i = 0; i < names->count; i++) {
        struct hm_service_row *row = hm_service_rows_find(rows, names->at[i]);

        if (row != NULL) {
            row->clustered = true;
        }
    }
}

bool hm_windows_is_cluster_node(const struct hm_service_rows *rows)
{
    const struct hm_service_row *row = hm_service_rows_find(rows, CLUSTER_SERVICE);

    return row != NULL && (row->start == HM_SERVICE_AUTO_START || (row->has_runs && row->runs));
}

/* NULL when no row is shown so, or several are. */
static const struct hm_service_row *find_shown(const struct hm_service_rows *rows,
                                               const char *display)
{
    const struct hm_service_row *found = NULL;

    for (size_t i = 0; i < rows->count; i++) {
        if (!hm_str_equal_nocase(rows->at[i].display, display)) {
            continue;
        }
        if (found != NULL) {
            return NULL;
        }
        found = &rows->at[i];
    }
    return found;
}

void hm_windows_name_events(const struct hm_service_rows *rows, struct hm_event_counts *events)
{
    for (size_t i = 0; i < events->count; i++) {
        struct hm_event_count *event = &events->at[i];
        const struct hm_service_event *known = hm_service_event_find(event->provider, event->id);
        const struct hm_service_row *row;

        if (known != NULL && known->failed && event->service != NULL &&
            (row = hm_service_rows_find(rows, event->service)) != NULL) {
            event->about = row->name;
            continue;
        }
        if (known == NULL || !known->failed || event->about == NULL || event->about[0] == '\0' ||
            hm_service_rows_find(rows, event->about) != NULL) {
            continue;
        }
        row = find_shown(rows, event->about);
        if (row != NULL) {
            event->about = row->name;
        }
    }
}

void hm_windows_take_errors(struct hm_service_rows *rows, const struct hm_event_counts *events)
{
    for (size_t i = 0; i < events->count; i++) {
        const struct hm_event_count *event = &events->at[i];
        struct hm_service_row *row =
            event->error == 0 ? NULL : hm_service_rows_find(rows, event->about);

        if (row != NULL && row->has_runs && !row->runs && row->exit_code == 0) {
            row->exit_code = event->error;
        }
    }
}

static struct hm_service service_of(const struct hm_service_row *row)
{
    return (struct hm_service){
        .name = row->name,
        .program = "",
        .start = hm_service_start_of(row),
        .has_runs = row->has_runs,
        .runs = row->has_runs && row->runs,
        .exit_code = row->has_runs && !row->runs ? row->exit_code : 0,
    };
}

static bool is_idle(const struct hm_service_row *row, const struct hm_service *service)
{
    return !hm_service_is_wanted(service) && !service->runs && !row->pending;
}

enum hm_status hm_windows_idle_services(const struct hm_service_rows *rows, struct hm_arena *arena,
                                        struct hm_services *out_idle, struct hm_err *err)
{
    struct hm_services idle = {hm_arena_alloc(arena, rows->count, sizeof(*idle.at)), 0};

    if (idle.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
    }
    for (size_t i = 0; i < rows->count; i++) {
        const struct hm_service service = service_of(&rows->at[i]);

        if (is_idle(&rows->at[i], &service)) {
            idle.at[idle.count++] = service;
        }
    }
    *out_idle = idle;
    return HM_OK;
}

/* More dependencies than a report holds are not known, rather than a part of them. */
static void take_dependencies(const struct hm_service_row *row, struct hm_service *out)
{
    out->has_depends_on = row->has_depends_on && row->depends_on.count <= HM_LIMIT_DEPENDENCIES;
    if (out->has_depends_on) {
        out->depends_on = row->depends_on;
    }
}

enum hm_status hm_windows_take_services(const struct hm_service_rows *rows, struct hm_arena *arena,
                                        struct hm_inventory *inventory, struct hm_err *err)
{
    struct hm_strings *names = &inventory->services;
    struct hm_services *details = &inventory->service_details;
    const size_t most_names = names->count + rows->count;
    const size_t most_details = details->count + rows->count;
    const char **name_at = (const char **)hm_arena_alloc(arena, most_names, sizeof(*name_at));
    struct hm_service *detail_at = hm_arena_alloc(arena, most_details, sizeof(*detail_at));

    if (name_at == NULL || detail_at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
    }
    for (size_t i = 0; i < names->count; i++) {
        name_at[i] = names->at[i];
    }
    for (size_t i = 0; i < details->count; i++) {
        detail_at[i] = details->at[i];
    }
    names->at = name_at;
    details->at = detail_at;
    for (size_t i = 0; i < rows->count; i++) {
        const struct hm_service_row *row = &rows->at[i];
        struct hm_service detail = service_of(row);

        if (hm_windows_is_user_service(row->type) || is_idle(row, &detail)) {
            continue;
        }
        detail.program = hm_service_program(row->image, arena);
        if (detail.program == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
        }
        take_dependencies(row, &detail);
        name_at[names->count++] = row->name;
        detail_at[details->count++] = detail;
    }
    inventory->has_services = true;
    inventory->has_service_details = true;
    return HM_OK;
}
