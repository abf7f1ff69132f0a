/* agent/platform/linux/docker.c — what Docker keeps of its containers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A container has a folder from "docker create" to "docker rm", whether it runs or not:
 * containers/ID/config.v2.json has its name and its labels, hostconfig.json its ports
 * (published.c). Compose labels what it makes with the project's name, folder and files
 * (github.com/docker/compose, pkg/api/labels.go). A unit says one of these, not the ports. */
#include "agent/platform/linux/units.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define CONTAINERS_MAX 4096u
#define ID_DIGITS_MIN 4 /* of an id that is written short */
#define LABEL "\"com.docker.compose.project"
#define SERVICE_LABEL "\"com.docker.compose.service\""

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the containers of Docker");
}

enum hm_status hm_linux_docker_folder(const char *root, size_t i, struct hm_arena *arena,
                                      const char **out_folder, bool *inout_known,
                                      struct hm_err *err)
{
    static const struct {
        const char *folder;
        const char *settings;
    } places[HM_LINUX_DOCKER_FOLDERS] = {
        {"/var/lib/docker/containers",                        "/etc/docker/daemon.json"},
        {"/var/snap/docker/common/var-lib-docker/containers",
         "/var/snap/docker/current/config/daemon.json"                                 },
    };
    static const char *const keys[] = {"\"data-root\"", "\"graph\""}; /* dockerd(8) */
    const char *path = hm_arena_printf(arena, "%s%s", root, places[i].settings);
    char *text;
    size_t len;
    enum hm_status st =
        path == NULL ? HM_ENOMEM
                     : hm_os_read_file(path, HM_LIMIT_CONFIG_BYTES, arena, &text, &len, NULL);

    *out_folder = places[i].folder;
    *inout_known = *inout_known && (st == HM_OK || st == HM_ENOENT);
    for (size_t k = 0; st == HM_OK && k < HM_COUNT(keys); k++) {
        const char *at = strstr(text, keys[k]);

        at = at == NULL ? NULL : at + strlen(keys[k]);
        at = at == NULL ? NULL : at + strspn(at, " \t\r\n:");
        if (at != NULL && at[0] == '"' && at[1] == '/' && strchr(at + 1, '"') != NULL) {
            *out_folder =
                hm_arena_printf(arena, "%.*s/containers", (int)strcspn(at + 1, "\""), at + 1);
            break;
        }
    }
    return st == HM_ENOMEM || *out_folder == NULL ? no_memory(err) : HM_OK;
}

/* The text behind a key that begins so, as the file has it; "" none. Inside of another text its
 * quotes would have a backslash before them, so that it is not found there. Docker writes no spaces
 * around the colon, what backups and tools write again may have them. */
static const char *value_of(const char *text, const char *key, const char *begins,
                            struct hm_arena *arena)
{
    static const char spaces[] = " \t\r\n";
    const char *at = text;

    while ((at = strstr(at, key)) != NULL) {
        at += strlen(key);
        at += strspn(at, spaces);
        if (at[0] != ':') {
            continue;
        }
        at++;
        at += strspn(at, spaces);
        if (at[0] == '"' && strncmp(at + 1, begins, strlen(begins)) == 0) {
            at += 1 + strlen(begins);
            return hm_arena_strndup(arena, at, strcspn(at, "\""));
        }
    }
    return "";
}

static enum hm_status take_container(const char *path, const char *id, struct hm_arena *arena,
                                     struct hm_linux_docker *docker, struct hm_err *err)
{
    const char *file = hm_arena_printf(arena, "%s/config.v2.json", path);
    struct hm_linux_container one = {.path = path, .id = id};
    void *items = docker->at;
    char *text;
    size_t len;
    enum hm_status st =
        file == NULL ? HM_ENOMEM
                     : hm_os_read_file(file, HM_LIMIT_CONFIG_BYTES, arena, &text, &len, NULL);

    if (st != HM_OK) {
        return st == HM_ENOMEM ? no_memory(err) : HM_OK;
    }
    one.name = value_of(text, "\"Name\"", "/", arena); /* volumes and networks have no slash */
    one.project = value_of(text, LABEL "\"", "", arena);
    one.folder = value_of(text, LABEL ".working_dir\"", "", arena);
    one.files = value_of(text, LABEL ".config_files\"", "", arena);
    one.service = value_of(text, SERVICE_LABEL, "", arena);
    if (one.name == NULL || one.service == NULL || one.project == NULL || one.folder == NULL ||
        one.files == NULL ||
        hm_arena_grow(arena, &items, docker->count, &docker->room, sizeof(*docker->at)) != 0) {
        return no_memory(err);
    }
    docker->at = items;
    docker->at[docker->count++] = one;
    return HM_OK;
}

enum hm_status hm_linux_docker_open(const char *root, struct hm_arena *arena,
                                    struct hm_linux_docker *out_docker, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    *out_docker = (struct hm_linux_docker){NULL, 0, 0};
    for (size_t i = 0; st == HM_OK && i < HM_LINUX_DOCKER_FOLDERS; i++) {
        struct hm_strings names = {NULL, 0};
        const char *folder;
        bool known = true;

        st = hm_linux_docker_folder(root, i, arena, &folder, &known, err);
        if (st != HM_OK) {
            return st;
        }
        folder = hm_arena_printf(arena, "%s%s", root, folder);
        if (folder == NULL || hm_os_list_folder(folder, arena, &names, NULL) == HM_ENOMEM) {
            return no_memory(err);
        }
        for (size_t k = 0; st == HM_OK && k < names.count && k < CONTAINERS_MAX; k++) {
            const char *path = hm_arena_printf(arena, "%s/%s", folder, names.at[k]);

            st = path == NULL ? no_memory(err)
                              : take_container(path, names.at[k], arena, out_docker, err);
        }
    }
    return st;
}

/* ---- which of them a unit starts ----------------------------------------------------------- */

static bool next_part(struct hm_span *rest, char separator, struct hm_span *out_part)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->at, separator, rest->len);
    const size_t len = end == NULL ? rest->len : (size_t)(end - rest->at);

    *out_part = (struct hm_span){rest->at, len};
    *rest = (struct hm_span){rest->at + len + (end == NULL ? 0 : 1),
                             rest->len - len - (end == NULL ? 0 : 1)};
    return len > 0 || end != NULL;
}

bool hm_linux_clean_path(const char *folder, const char *path, char out[HM_LINUX_WORD_BYTES])
{
    const char *const halves[] = {path[0] == '/' ? "" : folder, path};
    size_t len = 0;

    if (path[0] != '/' && folder[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < HM_COUNT(halves); i++) {
        struct hm_span rest = {halves[i], strlen(halves[i])};
        struct hm_span part;

        while (next_part(&rest, '/', &part)) {
            if (part.len == 0 || (part.len == 1 && part.at[0] == '.')) {
                continue;
            }
            if (part.len == 2 && memcmp(part.at, "..", 2) == 0) {
                while (len > 0 && out[--len] != '/') {
                }
                continue;
            }
            if (len + part.len + 2 > HM_LINUX_WORD_BYTES) {
                return false;
            }
            out[len++] = '/';
            memcpy(out + len, part.at, part.len);
            len += part.len;
        }
    }
    out[len] = '\0';
    return len > 0;
}

static bool has_file(const char *files, const char *path)
{
    struct hm_span rest = {files, strlen(files)};
    struct hm_span part;

    while (next_part(&rest, ',', &part)) {
        if (part.len == strlen(path) && memcmp(part.at, path, part.len) == 0) {
            return true;
        }
    }
    return false;
}

bool hm_linux_docker_is(const struct hm_linux_container *container,
                        const struct hm_linux_unit *unit, const struct hm_linux_start *start)
{
    const size_t len = strlen(start->text);
    char path[HM_LINUX_WORD_BYTES];

    switch (start->by) {
    case HM_LINUX_START_NAME:
        return strcmp(container->name, start->text) == 0 ||
               (len >= ID_DIGITS_MIN && strncmp(container->id, start->text, len) == 0);
    case HM_LINUX_START_PROJECT:
        return strcmp(container->project, start->text) == 0;
    case HM_LINUX_START_FILE:
        return hm_linux_clean_path(unit->folder, start->text, path) &&
               has_file(container->files, path);
    case HM_LINUX_START_FOLDER:
        return hm_linux_clean_path(unit->folder, start->text, path) &&
               strcmp(container->folder, path) == 0;
    }
    return false;
}
