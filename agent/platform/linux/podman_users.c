/* agent/platform/linux/podman_users.c — ports of containers that users' services start at boot.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The services of a user start at boot where that user lingers (a file of that name in
 * /var/lib/systemd/linger; loginctl(1), enable-linger). Those that run a container of Podman
 * without root are files of Quadlet in ~/.config/containers/systemd or, for all users, in
 * /etc/containers/systemd/users (podman-systemd.unit(5)), or units in ~/.config/systemd/user. */
#include "agent/platform/linux/units.h"
#include "agent/platform/linux/watch.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define LINGER "/var/lib/systemd/linger"
#define USERS_MAX 256u /* who linger */
#define FILES_MAX 256u /* of one user */

/* One user's services. */
struct user {
    const char *root;
    const char *name;
    const char *home;
    const char *id; /* as a number; "" not known */
    struct hm_configured_make *make;
    bool any;
    bool whole;
    struct hm_err *err;
};

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the containers of users");
}

/* The field-th part of a line of passwd(5). */
static struct hm_span part_of(struct hm_span line, unsigned field)
{
    const char *at = line.at;
    size_t left = line.len;

    for (;;) {
        const char *colon = left == 0 ? NULL : memchr(at, ':', left);
        const size_t len = colon == NULL ? left : (size_t)(colon - at);

        if (field == 0) {
            return (struct hm_span){at, len};
        }
        if (colon == NULL) {
            return (struct hm_span){at, 0};
        }
        field--;
        at = colon + 1;
        left -= len + 1;
    }
}

static bool is_text(struct hm_span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}

/* Of a user that passwd does not have (a directory service does) the usual folder is assumed. */
static enum hm_status find_home(struct user *user, struct hm_span passwd)
{
    struct hm_arena *arena = user->make->arena;
    struct hm_span line;

    user->id = "";
    user->home = hm_arena_printf(arena, "/home/%s", user->name);
    while (hm_str_next_line(&passwd, &line)) {
        const struct hm_span home = part_of(line, 5);
        const struct hm_span id = part_of(line, 2);

        if (is_text(part_of(line, 0), user->name) && home.len > 0) {
            user->home = hm_arena_strndup(arena, home.at, home.len);
            user->id = hm_arena_strndup(arena, id.at, id.len);
        }
    }
    return user->home == NULL || user->id == NULL ? no_memory(user->err) : HM_OK;
}

static enum hm_status put_ports(struct user *user, const struct hm_linux_unit *unit)
{
    const char *subject = hm_arena_printf(user->make->arena, "of a container of %s", user->name);
    const bool hides = unit->hides_ports || unit->starts_count > 0;
    enum hm_status st = subject == NULL ? no_memory(user->err) : HM_OK;

    user->any = user->any || unit->listens_count > 0 || hides;
    user->whole = user->whole && !hides;
    for (size_t i = 0; st == HM_OK && i < unit->listens_count; i++) {
        struct hm_configured row = {
            .protocol = unit->listens[i].protocol,
            .port = unit->listens[i].port,
            .kind = HM_KIND_CONTAINER,
            .by = HM_BY_PUBLISHED_PORT,
            .service = "",
        };

        hm_linux_listen_place(unit, &unit->listens[i], &row);
        st = hm_configured_put(user->make, &row, (struct hm_span){subject, strlen(subject)},
                               user->err);
    }
    return st;
}

/* "PublishPort=8080:80" lines of a file that the boot starts ([Install]). Those of Kubernetes
 * (.kube) have their ports in another file. */
static enum hm_status take_quadlet(struct user *user, const char *name, struct hm_span text)
{
    static const char key[] = "PublishPort=";
    const size_t len = sizeof(key) - 1;
    struct hm_linux_unit unit = {.name = name, .folder = ""};
    struct hm_span rest = text;
    struct hm_span line;
    bool installed = false;

    unit.hides_ports = hm_linux_unit_stem(name, ".kube") > 0;
    while (hm_str_next_line(&rest, &line)) {
        line = hm_str_trim(line.at, line.len);
        installed = installed || (line.len > 8 && memcmp(line.at, "WantedBy", 8) == 0);
        if (line.len > len && memcmp(line.at, key, len) == 0) {
            const char *arguments = hm_arena_printf(user->make->arena, "run --publish %.*s image",
                                                    (int)(line.len - len), line.at + len);

            if (arguments == NULL ||
                !hm_linux_unit_publish(&unit, "podman", false,
                                       (struct hm_span){arguments, strlen(arguments)},
                                       user->make->arena)) {
                return no_memory(user->err);
            }
        }
    }
    return installed ? put_ports(user, &unit) : HM_OK;
}

static bool is_quadlet(const char *name)
{
    return hm_linux_unit_stem(name, ".container") > 0 || hm_linux_unit_stem(name, ".pod") > 0 ||
           hm_linux_unit_stem(name, ".kube") > 0;
}

/* A unit of the user's own that default.target wants. */
static enum hm_status take_unit(struct user *user, const char *name, char *text, size_t len)
{
    struct hm_linux_watches watches = {NULL, 0, 0}; /* read at each look */
    const struct hm_linux_unit_source source = {
        .root = user->root, .arena = user->make->arena, .watches = &watches, .by_person = true};
    struct hm_linux_unit unit = {
        .name = name, .program = "", .arguments = "", .activates = "", .folder = ""};

    return hm_linux_unit_parse(&unit, &source, text, len) ? put_ports(user, &unit)
                                                          : no_memory(user->err);
}

/* The files of one folder; wants: links to units, of which those in the folder above count. */
static enum hm_status take_folder(struct user *user, const char *folder, bool wants)
{
    struct hm_arena *arena = user->make->arena;
    struct hm_strings names = {NULL, 0};
    enum hm_status st = folder == NULL ? HM_ENOMEM : hm_os_list_folder(folder, arena, &names, NULL);

    if (st == HM_EDENIED || names.count > FILES_MAX) {
        user->any = true;
        user->whole = false;
    }
    for (size_t i = 0; st == HM_OK && i < names.count && i < FILES_MAX; i++) {
        const bool restarts = wants && strcmp(names.at[i], HM_LINUX_PODMAN_RESTART ".service") == 0;
        const char *path =
            hm_arena_printf(arena, wants ? "%s/../%s" : "%s/%s", folder, names.at[i]);
        char *text = NULL;
        size_t len = 0;

        if (!restarts && !wants && !is_quadlet(names.at[i])) {
            continue;
        }
        st = path == NULL ? HM_ENOMEM
                          : hm_os_read_file(path, HM_LIMIT_CONFIG_BYTES, arena, &text, &len, NULL);
        if (restarts || (st != HM_OK && st != HM_ENOENT && st != HM_ENOMEM)) {
            user->any = true; /* Podman has their ports in a database */
            user->whole = false;
        }
        if (st == HM_OK) {
            st = wants ? take_unit(user, names.at[i], text, len)
                       : take_quadlet(user, names.at[i], (struct hm_span){text, len});
        }
        st = st == HM_ENOMEM ? st : HM_OK;
    }
    return st == HM_ENOMEM ? no_memory(user->err) : HM_OK;
}

static enum hm_status take_user(struct user *user)
{
    struct hm_arena *arena = user->make->arena;
    const char *const folders[] = {
        hm_arena_printf(arena, "%s%s/.config/containers/systemd", user->root, user->home),
        hm_arena_printf(arena, "%s/etc/containers/systemd/users", user->root),
        hm_arena_printf(arena, "%s/etc/containers/systemd/users/%s", user->root,
                        user->id[0] == '\0' ? "none" : user->id),
    };
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < HM_COUNT(folders); i++) {
        st = take_folder(user, folders[i], false);
    }
    return st == HM_OK
               ? take_folder(user,
                             hm_arena_printf(arena,
                                             "%s%s/.config/systemd/user/default.target.wants",
                                             user->root, user->home),
                             true)
               : st;
}

enum hm_status hm_linux_podman_users(const char *root, struct hm_configured_make *make,
                                     bool *inout_any, bool *inout_whole, struct hm_err *err)
{
    const char *folder = hm_arena_printf(make->arena, "%s" LINGER, root);
    const char *path = hm_arena_printf(make->arena, "%s/etc/passwd", root);
    struct hm_strings names = {NULL, 0};
    char *text = NULL;
    size_t len = 0;
    enum hm_status st = folder == NULL || path == NULL
                            ? HM_ENOMEM
                            : hm_os_list_folder(folder, make->arena, &names, NULL);

    if (st == HM_OK && names.count > 0) {
        st = hm_os_read_file(path, HM_LIMIT_INPUT_FILE_BYTES, make->arena, &text, &len, NULL);
        len = st == HM_OK ? len : 0;
    }
    if (st == HM_ENOMEM) {
        return no_memory(err);
    }
    st = HM_OK;
    *inout_whole = *inout_whole && names.count <= USERS_MAX;
    for (size_t i = 0; st == HM_OK && i < names.count && i < USERS_MAX; i++) {
        struct user user = {
            .root = root, .name = names.at[i], .make = make, .whole = true, .err = err};

        st = find_home(&user, (struct hm_span){text, len});
        if (st == HM_OK) {
            st = take_user(&user);
        }
        *inout_any = *inout_any || user.any;
        *inout_whole = *inout_whole && user.whole;
    }
    return st;
}
