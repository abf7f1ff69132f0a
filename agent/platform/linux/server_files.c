/* agent/platform/linux/server_files.c — the files that a server reads, with those that they
 * include. SPDX-License-Identifier: Apache-2.0
 *
 * Only regular files are opened, so that a pipe or a device in their place blocks nobody; size,
 * number and depth of the files are bounded. */
#include "agent/platform/linux/server_settings.h"

#include <string.h>
#include <sys/stat.h>

#include "agent/platform/linux/linux.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define FILES_MAX 64u /* of one service, with those that they include */
#define DEPTH_MAX 8u
#define FOLDER_NAMES_MAX 1024u

void hm_linux_server_doubt(struct hm_linux_server *server, const char *file, const char *why)
{
    if (server->doubt == NULL) {
        server->doubt = why;
        server->doubt_file = file;
    }
}

bool hm_linux_server_read(struct hm_linux_server *server, const char *path, char **out_text,
                          size_t *out_len)
{
    const char *full = hm_arena_printf(server->arena, "%s%s", server->root, path);
    struct stat info;
    enum hm_status st;

    *out_text = NULL;
    *out_len = 0;
    if (full == NULL) {
        server->no_memory = true;
        return false;
    }
    if (stat(full, &info) == 0 && !S_ISREG(info.st_mode)) {
        hm_linux_server_doubt(server, path, "is not a file");
        return true;
    }
    st = hm_os_read_file(full, HM_LIMIT_CONFIG_BYTES, server->arena, out_text, out_len, NULL);
    server->no_memory = st == HM_ENOMEM;
    if (st != HM_OK) {
        *out_text = NULL;
        *out_len = 0;
    }
    if (st != HM_OK && st != HM_ENOENT) {
        hm_linux_server_doubt(server, path,
                              st == HM_ETOOBIG ? "is too large" : "could not be read");
    }
    return !server->no_memory;
}

bool hm_linux_server_file(struct hm_linux_server *server, const char *path, bool *out_there)
{
    const char *const file = server->file;
    const char *const doubt = server->settings.doubt;
    const bool doubted = server->doubt != NULL;
    char *text;
    size_t len;
    bool ok;

    *out_there = true;
    if (server->depth >= DEPTH_MAX || server->files >= FILES_MAX) {
        hm_linux_server_doubt(server, path, "is one file too many, or included in a loop");
        return true;
    }
    if (!hm_linux_server_read(server, path, &text, &len)) {
        return false;
    }
    if (text == NULL) {
        *out_there = !doubted && server->doubt != NULL;
        return true;
    }
    server->first = server->first == NULL ? path : server->first;
    server->file = path;
    server->files++;
    server->depth++;
    server->settings.doubt = NULL;
    ok = hm_server_settings_take(&server->settings, (struct hm_span){text, len});
    if (server->settings.doubt != NULL) {
        hm_linux_server_doubt(server, path, server->settings.doubt);
    }
    server->depth--;
    server->file = file;
    server->settings.doubt = doubt;
    return ok;
}

/* Files of a folder whose names fit, in the order of their names. */
static bool take_folder(struct hm_linux_server *server, const char *folder, const char *pattern)
{
    const char *full = hm_arena_printf(server->arena, "%s%s", server->root, folder);
    struct hm_strings names = {NULL, 0};
    enum hm_status st =
        full == NULL ? HM_ENOMEM : hm_os_list_folder(full, server->arena, &names, NULL);

    server->no_memory = st == HM_ENOMEM;
    if (st != HM_OK && st != HM_ENOENT) {
        hm_linux_server_doubt(server, folder, "could not be read");
    }
    if (names.count > FOLDER_NAMES_MAX) {
        hm_linux_server_doubt(server, folder, "has too many files");
        return true;
    }
    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        const char *path;
        bool there;

        if (names.at[i][0] == '.' || !hm_str_glob_nocase(pattern, names.at[i])) {
            continue;
        }
        path = hm_arena_printf(server->arena, "%s/%s", folder, names.at[i]);
        server->no_memory = path == NULL;
        if (path == NULL || !hm_linux_server_file(server, path, &there)) {
            return false;
        }
    }
    return !server->no_memory;
}

/* The path from the root; NULL: it counts from a folder that is not known. */
static const char *absolute(struct hm_linux_server *server, struct hm_span path)
{
    const char *slash = server->file == NULL ? NULL : strrchr(server->file, '/');
    const char *out = NULL;

    if (path.at[0] == '/') {
        out = hm_arena_strndup(server->arena, path.at, path.len);
    } else if (server->settings.kind == HM_SERVER_SSH) {
        out = hm_arena_printf(server->arena, "/etc/ssh/%.*s", (int)path.len, path.at);
    } else if (server->settings.kind == HM_SERVER_POSTGRESQL && slash != NULL) {
        out = hm_arena_printf(server->arena, "%.*s/%.*s", (int)(slash - server->file), server->file,
                              (int)path.len, path.at);
    } else {
        return NULL;
    }
    server->no_memory = out == NULL;
    return out;
}

/* "/etc/ssh/sshd_config.d/[*].conf": a pattern of names in one folder. */
static bool take_pattern(struct hm_linux_server *server, const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    const char *folder =
        hm_arena_strndup(server->arena, path, (size_t)(name - path) - (name - path > 1));
    bool there;

    if (folder == NULL) {
        server->no_memory = true;
        return false;
    }
    if (strpbrk(folder, "*?[") != NULL || strchr(name, '[') != NULL) {
        hm_linux_server_doubt(server, server->file, "includes files by a pattern that is not read");
        return true;
    }
    return strpbrk(name, "*?") == NULL ? hm_linux_server_file(server, path, &there)
                                       : take_folder(server, folder, name);
}

bool hm_linux_server_include(void *with, enum hm_server_include how, struct hm_span span)
{
    struct hm_linux_server *server = with;
    const char *path = span.len >= HM_LINUX_PATH_BYTES ? NULL : absolute(server, span);
    bool there = true;
    bool ok = true;

    if (path == NULL) {
        hm_linux_server_doubt(server, server->file, "includes a file by a path that is not read");
        return !server->no_memory;
    }
    switch (how) {
    case HM_INCLUDE_FILE:
    case HM_INCLUDE_IF_ANY:
        ok = hm_linux_server_file(server, path, &there);
        break;
    case HM_INCLUDE_FOLDER:
        ok = take_folder(server, path,
                         server->settings.kind == HM_SERVER_MYSQL ? "*.cnf" : "*.conf");
        break;
    case HM_INCLUDE_PATTERN:
        ok = take_pattern(server, path);
        break;
    }
    if (ok && !there && how == HM_INCLUDE_FILE) {
        hm_linux_server_doubt(server, path, "is included and is not there");
    }
    return ok;
}
