/* agent/platform/linux/services.c — systemd units that run or are enabled, from files alone.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Running: folders of the control group tree named after units. Enabled: links in the .wants
 * folders below /etc/systemd/system, but for units that are masked. Installed: unit files. Units
 * that a timer starts come and go and would make an unchanged host look changed: they are left out,
 * as are transient units ("run-…") and the managers of logged-in users. */
#include "agent/platform/linux/linux.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define SLICE_DEPTH_MAX 4

struct units {
    struct hm_arena *arena;
    struct hm_strings services;
    size_t services_room;
    struct hm_strings timers; /* names without ".timer" */
    size_t timers_room;
    struct hm_services installed; /* of every unit file; masked ones are disabled */
    size_t installed_room;
};

static const char *const slices[] = {"/sys/fs/cgroup/system.slice",
                                     "/sys/fs/cgroup/systemd/system.slice",
                                     "/sys/fs/cgroup/unified/system.slice"};
/* In the order in which systemd looks (systemd.unit(5)): the first file of a name counts. */
static const char *const unit_folders[] = {
    "/etc/systemd/system",           "/run/systemd/system",     "/run/systemd/generator",
    "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",
    "/run/systemd/generator.late"};
#define MASK_FOLDERS 2 /* "systemctl mask" writes to the first, "mask --runtime" to the second */
static const char *const passing_prefixes[] = {"run-", "user@", "user-runtime-dir@"};

/* Length of the name without the suffix; 0 when it does not end so. */
static size_t stem(const char *name, const char *suffix)
{
    size_t len = strlen(name);
    size_t suffix_len = strlen(suffix);

    return len > suffix_len && memcmp(name + len - suffix_len, suffix, suffix_len) == 0
               ? len - suffix_len
               : 0;
}

static enum hm_status add(struct units *units, struct hm_strings *list, size_t *room,
                          const char *name, size_t len, struct hm_err *err)
{
    void *items = (void *)list->at;
    char *copy;

    if (list->count >= HM_LIMIT_SERVICES || len > HM_LIMIT_NAME_BYTES ||
        !hm_str_is_utf8(name, len)) {
        return HM_OK;
    }
    copy = hm_arena_strndup(units->arena, name, len);
    if (copy == NULL ||
        hm_arena_grow(units->arena, &items, list->count, room, sizeof(*list->at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
    }
    list->at = (const char **)items;
    list->at[list->count++] = copy;
    return HM_OK;
}

/* Control groups: units at this level, and below nested slices. */
static enum hm_status add_running(struct units *units, const char *path, int depth, bool *out_found,
                                  struct hm_err *err)
{
    struct hm_strings names;
    enum hm_status st = HM_OK;

    if (hm_os_list_folder(path, units->arena, &names, NULL) != HM_OK) {
        return HM_OK;
    }
    *out_found = true;
    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        size_t len = stem(names.at[i], ".service");
        char below[HM_LINUX_PATH_BYTES];

        if (len > 0) {
            st = add(units, &units->services, &units->services_room, names.at[i], len, err);
        } else if (depth < SLICE_DEPTH_MAX && stem(names.at[i], ".slice") > 0) {
            (void)snprintf(below, sizeof(below), "%s/%s", path, names.at[i]);
            st = add_running(units, below, depth + 1, out_found, err);
        }
    }
    return st;
}

/* A masked unit is a link to /dev/null: nobody can start it. */
static bool is_masked_in(const char *root, size_t folder, const char *name, size_t len)
{
    char path[HM_LINUX_PATH_BYTES + HM_LIMIT_NAME_BYTES + 16];
    char target[sizeof("/dev/null")];

    (void)snprintf(path, sizeof(path), "%s%s/%.*s.service", root, unit_folders[folder], (int)len,
                   name);
    return readlink(path, target, sizeof(target)) == (ssize_t)sizeof(target) - 1 &&
           memcmp(target, "/dev/null", sizeof(target) - 1) == 0;
}

static bool is_masked(const char *root, const char *name, size_t len)
{
    for (size_t i = 0; i < MASK_FOLDERS; i++) {
        if (is_masked_in(root, i, name, len)) {
            return true;
        }
    }
    return false;
}

static enum hm_status add_installed(struct units *units, const char *name, size_t len, bool masked,
                                    struct hm_err *err)
{
    void *items = units->installed.at;
    struct hm_service service = {.program = "",
                                 .start = masked ? HM_START_DISABLED : HM_START_MANUAL};

    if (len > HM_LIMIT_NAME_BYTES || !hm_str_is_utf8(name, len)) {
        return HM_OK;
    }
    service.name = hm_arena_strndup(units->arena, name, len);
    if (service.name == NULL ||
        hm_arena_grow(units->arena, &items, units->installed.count, &units->installed_room,
                      sizeof(*units->installed.at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
    }
    units->installed.at = items;
    units->installed.at[units->installed.count++] = service;
    return HM_OK;
}

/* Links in one .wants folder. */
static enum hm_status add_wanted(struct units *units, const char *root, const char *path,
                                 bool with_services, struct hm_err *err)
{
    struct hm_strings names;
    enum hm_status st = HM_OK;

    if (hm_os_list_folder(path, units->arena, &names, NULL) != HM_OK) {
        return HM_OK;
    }
    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        size_t service = stem(names.at[i], ".service");
        size_t timer = stem(names.at[i], ".timer");

        if (service > 0 && with_services && !is_masked(root, names.at[i], service)) {
            st = add(units, &units->services, &units->services_room, names.at[i], service, err);
        } else if (timer > 0) {
            st = add(units, &units->timers, &units->timers_room, names.at[i], timer, err);
        }
    }
    return st;
}

/* What packages want of themselves (basic services of the system) is not taken as a service of
 * this host, but its timers count. */
static enum hm_status add_enabled(struct units *units, const char *root, size_t folder,
                                  bool *out_found, struct hm_err *err)
{
    struct hm_strings names;
    enum hm_status st = HM_OK;
    char path[HM_LINUX_PATH_BYTES];

    (void)snprintf(path, sizeof(path), "%s%s", root, unit_folders[folder]);
    if (hm_os_list_folder(path, units->arena, &names, NULL) != HM_OK) {
        return HM_OK;
    }
    *out_found = *out_found || folder == 0;
    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        size_t service = stem(names.at[i], ".service");
        size_t timer = stem(names.at[i], ".timer");
        char wants[HM_LINUX_PATH_BYTES + HM_LIMIT_NAME_BYTES + 2];

        if (stem(names.at[i], ".wants") > 0) {
            (void)snprintf(wants, sizeof(wants), "%s/%s", path, names.at[i]);
            st = add_wanted(units, root, wants, folder == 0, err);
        } else if (service > 0) {
            st = add_installed(
                units, names.at[i], service,
                folder < MASK_FOLDERS && is_masked_in(root, folder, names.at[i], service), err);
        } else if (timer > 0) {
            st = add(units, &units->timers, &units->timers_room, names.at[i], timer, err);
        }
    }
    return st;
}

static bool is_passing(const struct units *units, const char *service)
{
    for (size_t i = 0; i < HM_COUNT(passing_prefixes); i++) {
        if (strncmp(service, passing_prefixes[i], strlen(passing_prefixes[i])) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < units->timers.count; i++) {
        if (hm_str_equal(units->timers.at[i], service)) {
            return true;
        }
    }
    return false;
}

static void drop_passing(struct units *units)
{
    size_t left = 0;

    for (size_t i = 0; i < units->services.count; i++) {
        if (!is_passing(units, units->services.at[i])) {
            units->services.at[left++] = units->services.at[i];
        }
    }
    units->services.count = left;
}

enum hm_status hm_linux_services(const char *root, struct hm_notes *notes, bool *out_has,
                                 struct hm_strings *out_services, struct hm_services *out_installed,
                                 struct hm_err *err)
{
    struct units units = {.arena = notes->arena};
    enum hm_status st = HM_OK;
    bool found = false;

    for (size_t i = 0; st == HM_OK && i < HM_COUNT(slices); i++) {
        char path[HM_LINUX_PATH_BYTES];

        (void)snprintf(path, sizeof(path), "%s%s", root, slices[i]);
        st = add_running(&units, path, 0, &found, err);
    }
    for (size_t i = 0; st == HM_OK && i < HM_COUNT(unit_folders); i++) {
        st = add_enabled(&units, root, i, &found, err);
    }
    if (st != HM_OK) {
        return st;
    }
    if (!found) {
        *out_has = false;
        return hm_notes_add(notes, err,
                            "services: neither systemd's control groups nor "
                            "/etc/systemd/system can be read");
    }
    drop_passing(&units);
    *out_has = true;
    *out_services = units.services;
    *out_installed = units.installed;
    return HM_OK;
}
