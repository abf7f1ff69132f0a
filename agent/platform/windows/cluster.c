/* agent/platform/windows/cluster.c — the services of this host into its inventory, with those
 * that a failover cluster starts: their start type is manual, the cluster's hive names them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include "agent/platform/windows_services.h"
#include "common/base/limits.h"
#include "common/os/windows_text.h"

/* Two texts of one resource; a value that is not there is NULL. */
static enum hm_status read_text(const char *key, const wchar_t *name, struct hm_arena *arena,
                                const char **out_text, struct hm_err *err)
{
    wchar_t path[HM_WINDOWS_PATH_CHARS];
    bool found = false;
    enum hm_status st = hm_windows_path(key, path, err);

    *out_text = NULL;
    return st == HM_OK ? hm_registry_text(path, name, arena, &found, out_text, err) : st;
}

/* *out_name is "" of a resource that is no service. */
static enum hm_status read_resource(const char *key, struct hm_arena *arena, const char **out_name,
                                    struct hm_err *err)
{
    const char *parameters = hm_arena_printf(arena, "%s\\Parameters", key);
    const char *type;
    const char *service;
    const char *instance;
    enum hm_status st;

    *out_name = "";
    if (parameters == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the cluster's resources");
    }
    st = read_text(key, L"Type", arena, &type, err);
    if (st == HM_OK && type != NULL) {
        st = read_text(parameters, L"ServiceName", arena, &service, err);
        if (st == HM_OK) {
            st = read_text(parameters, L"InstanceName", arena, &instance, err);
        }
        if (st == HM_OK) {
            *out_name = hm_service_of_resource(type, service, instance, arena);
            st = *out_name == NULL
                     ? hm_fail(err, HM_ENOMEM, "no memory for the cluster's resources")
                     : HM_OK;
        }
    }
    return st;
}

static enum hm_status read_cluster(const wchar_t *resources_key, struct hm_arena *arena,
                                   struct hm_strings *out_names, struct hm_err *err)
{
    const char *parent = hm_windows_utf8(arena, resources_key);
    struct hm_strings names = {NULL, 0};
    struct hm_strings keys = {NULL, 0};
    enum hm_status st = hm_registry_keys(resources_key, arena, &keys, err);

    if (st != HM_OK) {
        return st;
    }
    names.at = (const char **)hm_arena_alloc(arena, keys.count, sizeof(*names.at));
    if (parent == NULL || names.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the cluster's resources");
    }
    for (size_t i = 0; st == HM_OK && i < keys.count; i++) {
        const char *key = hm_arena_printf(arena, "%s\\%s", parent, keys.at[i]);

        st = key == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the cluster's resources")
                         : read_resource(key, arena, &names.at[names.count], err);
        names.count += st == HM_OK && names.at[names.count][0] != '\0';
    }
    if (st == HM_OK) {
        *out_names = names;
    }
    return st;
}

static enum hm_status mark_clustered(struct hm_service_rows *rows, const wchar_t *resources_key,
                                     struct hm_inventory *inventory, struct hm_notes *notes,
                                     struct hm_err *err)
{
    struct hm_strings names;
    struct hm_err why;
    enum hm_status st = read_cluster(resources_key, notes->arena, &names, &why);

    if (st == HM_OK) {
        hm_windows_mark_clustered(rows, &names);
        return HM_OK;
    }
    if (st == HM_ENOMEM) {
        return hm_fail(err, st, "%s", why.text);
    }
    if (st == HM_ENOENT && !hm_windows_is_cluster_node(rows)) {
        return HM_OK;
    }
    inventory->services_partial = true;
    return hm_notes_add(notes, err,
                        "the key Cluster\\Resources: %s: which services the failover cluster "
                        "starts on this host is not known",
                        why.text);
}

/* Whoever runs is named; how it starts, and whether one that is down does, nobody says. */
static enum hm_status take_unread(const struct hm_windows_services *services,
                                  struct hm_inventory *inventory, struct hm_notes *notes,
                                  struct hm_err *err)
{
    const size_t most = inventory->services.count + services->count;
    const char **at = (const char **)hm_arena_alloc(notes->arena, most, sizeof(*at));
    enum hm_status st = HM_OK;

    if (services->unread.count == 0) {
        return HM_OK;
    }
    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
    }
    for (size_t i = 0; i < inventory->services.count; i++) {
        at[i] = inventory->services.at[i];
    }
    inventory->services.at = at;
    inventory->services_partial = true;
    for (size_t i = 0; st == HM_OK && i < services->unread.count; i++) {
        const char *name = services->unread.at[i];

        for (size_t k = 0; k < services->count; k++) {
            if (services->at[k].name == name) {
                at[inventory->services.count++] = name;
            }
        }
        st = hm_notes_add(notes, err, "how the service %s starts may not be read", name);
    }
    return st;
}

enum hm_status hm_windows_settle_services(const struct hm_windows_services *services,
                                          const wchar_t *resources_key,
                                          struct hm_inventory *inventory, struct hm_notes *notes,
                                          struct hm_err *err)
{
    struct hm_service_rows rows = services->rows;
    enum hm_status st = mark_clustered(&rows, resources_key, inventory, notes, err);

    hm_service_rows_mark_needed(&rows);
    if (st == HM_OK) {
        st = hm_windows_take_services(&rows, notes->arena, inventory, err);
    }
    return st == HM_OK ? take_unread(services, inventory, notes, err) : st;
}
