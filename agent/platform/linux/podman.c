/* agent/platform/linux/podman.c — does Podman have containers?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Their ports are in its database; that there is a container at all is in containers.json, a list
 * in JSON, in the folder of the storage's driver (overlay-containers, vfs-containers ...; library
 * containers/storage). The storage is where graphroot of storage.conf says
 * (containers-storage.conf(5)): that of /etc replaces the one of the package. */
#include "agent/platform/linux/units.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define STORAGE "/var/lib/containers/storage"

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the containers of Podman");
}

/* graphroot = "/srv/containers"; NULL none. *out_known false: it is there and not understood. */
static const char *find_graphroot(struct hm_span text, struct hm_arena *arena, bool *out_known)
{
    static const char key[] = "graphroot";
    struct hm_span line;

    *out_known = true;
    while (hm_str_next_line(&text, &line)) {
        const char *equals;
        const char *closing;
        struct hm_span value;

        line = hm_str_trim(line.at, line.len);
        equals = line.len == 0 ? NULL : memchr(line.at, '=', line.len);
        if (equals == NULL) {
            continue;
        }
        value = hm_str_trim(line.at, (size_t)(equals - line.at));
        if (value.len != sizeof(key) - 1 || memcmp(value.at, key, value.len) != 0) {
            continue;
        }
        value = hm_str_trim(equals + 1, line.len - (size_t)(equals - line.at) - 1);
        closing = value.len < 2 ? NULL : memchr(value.at + 1, value.at[0], value.len - 1);
        *out_known = closing != NULL && strchr("\"'", value.at[0]) != NULL && value.at[1] == '/' &&
                     memchr(value.at, '$', value.len) == NULL;
        return *out_known ? hm_arena_strndup(arena, value.at + 1, (size_t)(closing - value.at) - 1)
                          : NULL;
    }
    return NULL;
}

/* *out_folder NULL: not known. */
static enum hm_status find_storage(const char *root, struct hm_arena *arena,
                                   const char **out_folder, struct hm_err *err)
{
    static const char *const files[] = {"/etc/containers/storage.conf",
                                        "/usr/share/containers/storage.conf"};
    enum hm_status st = HM_ENOENT;
    char *text = NULL;
    size_t len = 0;
    bool known;

    *out_folder = NULL;
    for (size_t i = 0; st == HM_ENOENT && i < HM_COUNT(files); i++) {
        const char *path = hm_arena_printf(arena, "%s%s", root, files[i]);

        st = path == NULL ? HM_ENOMEM
                          : hm_os_read_file(path, HM_LIMIT_CONFIG_BYTES, arena, &text, &len, NULL);
    }
    if (st == HM_ENOMEM) {
        return no_memory(err);
    }
    if (st == HM_ENOENT) {
        *out_folder = STORAGE;
    } else if (st == HM_OK) {
        *out_folder = find_graphroot((struct hm_span){text, len}, arena, &known);
        if (*out_folder == NULL && known) {
            *out_folder = STORAGE;
        }
    }
    return HM_OK;
}

/* "[]", "null" and an empty file: no container. */
static enum hm_linux_containers read_list(struct hm_span text)
{
    text = hm_str_trim(text.at, text.len);
    if (text.len >= 2 && text.at[0] == '[' && text.at[text.len - 1] == ']' &&
        hm_str_trim(text.at + 1, text.len - 2).len == 0) {
        return HM_LINUX_CONTAINERS_NONE;
    }
    return text.len == 0 || (text.len == 4 && memcmp(text.at, "null", 4) == 0)
               ? HM_LINUX_CONTAINERS_NONE
               : HM_LINUX_CONTAINERS_SOME;
}

enum hm_status hm_linux_podman_containers(const char *root, struct hm_arena *arena,
                                          enum hm_linux_containers *out, struct hm_err *err)
{
    static const char suffix[] = "-containers";
    struct hm_strings names = {NULL, 0};
    const char *storage;
    const char *folder;
    enum hm_status st = find_storage(root, arena, &storage, err);

    *out = HM_LINUX_CONTAINERS_UNREAD;
    if (st != HM_OK || storage == NULL) {
        return st;
    }
    folder = hm_arena_printf(arena, "%s%s", root, storage);
    st = folder == NULL ? HM_ENOMEM : hm_os_list_folder(folder, arena, &names, NULL);
    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        const char *path = hm_arena_printf(arena, "%s/%s/containers.json", folder, names.at[i]);
        char *text;
        size_t len;

        if (hm_linux_unit_stem(names.at[i], suffix) == 0) {
            continue;
        }
        st = path == NULL ? HM_ENOMEM
                          : hm_os_read_file(path, HM_LIMIT_CONFIG_BYTES, arena, &text, &len, NULL);
        if (st == HM_ETOOBIG ||
            (st == HM_OK && read_list((struct hm_span){text, len}) == HM_LINUX_CONTAINERS_SOME)) {
            *out = HM_LINUX_CONTAINERS_SOME;
            return HM_OK;
        }
        st = st == HM_ENOENT ? HM_OK : st;
    }
    if (st == HM_OK || st == HM_ENOENT) {
        *out = HM_LINUX_CONTAINERS_NONE;
    }
    return st == HM_ENOMEM ? no_memory(err) : HM_OK;
}
