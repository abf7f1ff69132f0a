/* agent/platform/linux/sysctl_others.c — the settings files of sysctl.d: what those of others say,
 * and what the next boot makes of all of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"
#include "common/readers/sysctl_ports.h"
#include "common/readers/sysctl_remedy.h"

#define OWN_NAME HM_SYSCTL_AGENT_NAME
#define CONF_FILE "/etc/sysctl.conf"
#define SUFFIX ".conf"

/* Of files with the same name only the one in the first of these folders counts. */
const char *const hm_linux_sysctl_folders[HM_LINUX_SYSCTL_FOLDERS] = {
    "/etc/sysctl.d",     "/run/sysctl.d", "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d", "/lib/sysctl.d",
};

static const struct hm_ports no_ports = {NULL, 0};

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the files of sysctl.d");
}

/* ---- the files of others ------------------------------------------------------------------- */

/* Adds what the file sets; one that is not there sets nothing. *out_unread becomes true for one
 * that is there and cannot be read. */
static enum hm_status read_file(const char *path, struct hm_arena *arena,
                                struct hm_sysctl_ports *ports, bool *out_unread, struct hm_err *err)
{
    char *text;
    size_t len;
    enum hm_status st = hm_os_read_file(path, HM_LIMIT_INPUT_FILE_BYTES, arena, &text, &len, err);

    if (st == HM_ENOMEM) {
        return st;
    }
    *out_unread = *out_unread || (st != HM_OK && st != HM_ENOENT);
    return st == HM_OK ? hm_sysctl_take_settings((struct hm_span){text, len}, arena, ports, err)
                       : HM_OK;
}

struct conf {
    const char *name;
    const char *path;
};

struct confs {
    struct conf *at; /* by name */
    size_t count;
    size_t room;
};

/* Hidden files are not read: conf_files_list() of systemd. */
static bool is_conf(const char *name)
{
    size_t len = strlen(name);
    size_t end = sizeof(SUFFIX) - 1;

    return name[0] != '.' && len > end && strcmp(name + len - end, SUFFIX) == 0;
}

/* Where the name is, or belongs. */
static size_t find_conf(const struct confs *confs, const char *name)
{
    size_t at = 0;

    while (at < confs->count && strcmp(confs->at[at].name, name) < 0) {
        at++;
    }
    return at;
}

static enum hm_status put_conf(struct confs *confs, const char *folder, const char *name,
                               struct hm_arena *arena, struct hm_err *err)
{
    size_t at = find_conf(confs, name);
    char *path;

    if (at < confs->count && strcmp(confs->at[at].name, name) == 0) {
        return HM_OK;
    }
    path = hm_arena_printf(arena, "%s/%s", folder, name);
    if (path == NULL || hm_arena_grow(arena, (void **)&confs->at, confs->count, &confs->room,
                                      sizeof(*confs->at)) != 0) {
        return no_memory(err);
    }
    memmove(&confs->at[at + 1], &confs->at[at], (confs->count - at) * sizeof(*confs->at));
    confs->at[at] = (struct conf){name, path};
    confs->count++;
    return HM_OK;
}

/* In the order in which they are loaded; our own only when it is asked for. */
static enum hm_status list_confs(const char *root, bool own, struct hm_arena *arena,
                                 struct confs *confs, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < HM_LINUX_SYSCTL_FOLDERS; i++) {
        const char *folder = hm_arena_printf(arena, "%s%s", root, hm_linux_sysctl_folders[i]);
        struct hm_strings names = {NULL, 0};

        if (folder == NULL) {
            return no_memory(err);
        }
        st = hm_os_list_folder(folder, arena, &names, err);
        if (st == HM_ENOMEM) {
            return st;
        }
        st = HM_OK; /* a folder that is not there has no files */
        for (size_t k = 0; st == HM_OK && k < names.count; k++) {
            if (is_conf(names.at[k]) && (own || strcmp(names.at[k], OWN_NAME) != 0)) {
                st = put_conf(confs, folder, names.at[k], arena, err);
            }
        }
    }
    return st;
}

/* ---- what the files of others say ----------------------------------------------------------- */

/* Both loaders, and each file alone, as "sysctl -p FILE" loads it. */
struct said {
    struct hm_sysctl_ports folders; /* as systemd-sysctl reads them */
    struct hm_sysctl_ports conf;    /* /etc/sysctl.conf, which "sysctl --system" reads last */
    bool equal;                     /* some file alone sets exactly the list that is asked for */
};

static bool sets(const struct hm_sysctl_ports *settings, struct hm_ports list,
                 struct hm_arena *arena)
{
    struct hm_ports set = no_ports;

    return settings->has_reserved &&
           hm_ports_union(settings->reserved, no_ports, arena, &set, NULL) == HM_OK &&
           hm_ports_equal(set, list);
}

/* A file that cannot be read by the agent cannot be read by the system's loader: both are root. */
static enum hm_status read_one(const char *path, struct hm_ports list, struct hm_arena *arena,
                               struct hm_sysctl_ports *all, struct said *said, struct hm_err *err)
{
    struct hm_sysctl_ports alone = {0};
    bool unread = false;
    enum hm_status st = read_file(path, arena, all, &unread, err);

    if (st == HM_OK) {
        st = read_file(path, arena, &alone, &unread, err);
    }
    said->equal = said->equal || (st == HM_OK && sets(&alone, list, arena));
    return st;
}

static enum hm_status read_others(const char *root, struct hm_ports list, struct hm_arena *arena,
                                  struct said *out, struct hm_err *err)
{
    struct said said = {.equal = false};
    struct confs confs = {0};
    const char *conf = hm_arena_printf(arena, "%s" CONF_FILE, root);
    enum hm_status st = conf == NULL ? no_memory(err) : list_confs(root, false, arena, &confs, err);

    for (size_t i = 0; st == HM_OK && i < confs.count; i++) {
        st = read_one(confs.at[i].path, list, arena, &said.folders, &said, err);
    }
    if (st == HM_OK) {
        st = read_one(conf, list, arena, &said.conf, &said, err);
    }
    *out = said;
    return st;
}

enum hm_status hm_linux_sysctl_others(const char *root, struct hm_arena *arena,
                                      struct hm_ports *out_ports, struct hm_err *err)
{
    struct said said;
    enum hm_status st = read_others(root, no_ports, arena, &said, err);

    return st == HM_OK
               ? hm_ports_union(said.folders.reserved, said.conf.reserved, arena, out_ports, err)
               : st;
}

enum hm_status hm_linux_sysctl_is_loaded(const char *root, struct hm_ports list,
                                         struct hm_arena *arena, bool *out_is, struct hm_err *err)
{
    struct said said;
    enum hm_status st = hm_ports_union(list, no_ports, arena, &list, err);

    if (st == HM_OK) {
        st = read_others(root, list, arena, &said, err);
    }
    if (st == HM_OK) {
        *out_is = said.equal || sets(&said.folders, list, arena);
    }
    return st;
}

/* ---- the next boot -------------------------------------------------------------------------- */

#define TUNED_PROFILE "/etc/tuned/active_profile"
#define KERNEL_LINE "/proc/cmdline"
#define SYSTEMD_FOLDER "/run/systemd/system"
#define MARK "ip_local_" /* in each name that matters here */

/* Text of a file below root; "" when it cannot be read. */
static enum hm_status read_small(const char *root, const char *path, struct hm_arena *arena,
                                 const char **out_text, struct hm_err *err)
{
    const char *whole = hm_arena_printf(arena, "%s%s", root, path);
    char *text;
    size_t len;
    enum hm_status st =
        whole == NULL ? no_memory(err)
                      : hm_os_read_file(whole, HM_LIMIT_INPUT_FILE_BYTES, arena, &text, &len, err);

    *out_text = st == HM_OK ? text : "";
    return st == HM_ENOMEM ? st : HM_OK;
}

/* Is there something else that sets the values at boot? A container has them from its engine, the
 * kernel takes them from its command line, and a tuned profile outranks the files. */
static enum hm_status is_set_elsewhere(const char *root, struct hm_arena *arena, bool *out_is,
                                       struct hm_err *err)
{
    static const char *const tuned[] = {"/etc/tuned/profiles", "/etc/tuned",
                                        "/usr/lib/tuned/profiles", "/usr/lib/tuned"};
    static const char *const engines[] = {"/.dockerenv", "/run/.containerenv"};
    const char *text = "";
    struct hm_span profile;
    enum hm_status st = read_small(root, KERNEL_LINE, arena, &text, err);

    *out_is = st == HM_OK && strstr(text, "sysctl.") != NULL && strstr(text, MARK) != NULL;
    for (size_t i = 0; st == HM_OK && i < HM_COUNT(engines); i++) {
        const char *path = hm_arena_printf(arena, "%s%s", root, engines[i]);

        *out_is = *out_is || path == NULL || hm_os_exists(path);
    }
    if (st == HM_OK) {
        st = read_small(root, TUNED_PROFILE, arena, &text, err);
    }
    profile = hm_str_trim(text, strlen(text));
    for (size_t i = 0; st == HM_OK && profile.len > 0 && i < HM_COUNT(tuned); i++) {
        const char *path =
            hm_arena_printf(arena, "%s/%.*s/tuned.conf", tuned[i], (int)profile.len, profile.at);

        st = path == NULL ? no_memory(err) : read_small(root, path, arena, &text, err);
        *out_is = *out_is || strstr(text, MARK) != NULL || strstr(text, "include") != NULL;
    }
    return st;
}

/* What the unit adds to that at the boot. */
static enum hm_status add_boot_ports(const char *root, struct hm_arena *arena,
                                     struct hm_sysctl_ports *settings, struct hm_err *err)
{
    struct hm_linux_kept kept = {.has_range = false};
    const char *why = "";
    bool by_unit = false;
    struct hm_err ignored;
    enum hm_status st = hm_linux_boot_unit(root, arena, &by_unit, &why, err);

    if (st != HM_OK || !by_unit) {
        return st;
    }
    st = hm_linux_boot_file_get(root, arena, &kept, &ignored);
    if (st != HM_OK) { /* then the unit cannot read it either */
        return st == HM_ENOMEM ? no_memory(err) : HM_OK;
    }
    if (kept.owned.count > 0) {
        settings->has_reserved = true;
        st = hm_ports_union(settings->reserved, kept.owned, arena, &settings->reserved, err);
    }
    if (kept.has_range) {
        settings->has_range = true;
        settings->range = kept.range;
    }
    return st;
}

enum hm_status hm_linux_sysctl_next(const char *root, struct hm_arena *arena,
                                    struct hm_stack *stack, struct hm_err *err)
{
    const char *systemd = hm_arena_printf(arena, "%s" SYSTEMD_FOLDER, root);
    const char *conf = hm_arena_printf(arena, "%s" CONF_FILE, root);
    struct hm_sysctl_ports settings = {0};
    struct confs confs = {0};
    bool elsewhere = false;
    bool unread = false;
    enum hm_status st = systemd == NULL || conf == NULL
                            ? no_memory(err)
                            : is_set_elsewhere(root, arena, &elsewhere, err);

    if (st != HM_OK || elsewhere) {
        hm_sysctl_doubt_next(stack);
        return st;
    }
    st = list_confs(root, true, arena, &confs, err);
    for (size_t i = 0; st == HM_OK && i < confs.count; i++) {
        st = read_file(confs.at[i].path, arena, &settings, &unread, err);
    }
    if (st == HM_OK && !hm_os_exists(systemd)) { /* "sysctl --system" reads it last */
        st = read_file(conf, arena, &settings, &unread, err);
    }
    if (st == HM_OK) {
        st = add_boot_ports(root, arena, &settings, err);
    }
    if (unread) {
        hm_sysctl_doubt_next(stack);
    }
    return st == HM_OK && !unread ? hm_sysctl_set_next(&settings, arena, stack, err) : st;
}

enum hm_status hm_linux_sysctl_behind(const char *root, struct hm_arena *arena,
                                      const char **out_reserved, const char **out_range,
                                      struct hm_err *err)
{
    struct confs confs = {0};
    const char *reserved = "";
    const char *range = "";
    bool unread[2] = {false, false}; /* behind the file of the range, and of the list */
    enum hm_status st = list_confs(root, false, arena, &confs, err);

    for (size_t i = 0; st == HM_OK && i < confs.count; i++) {
        const struct hm_span name = {confs.at[i].name, strlen(confs.at[i].name)};
        struct hm_sysctl_ports alone = {0};
        const bool is_last = hm_sysctl_comes_behind(name, HM_SYSCTL_REMEDY_NAME);

        if (!hm_sysctl_comes_behind(name, HM_SYSCTL_RANGE_NAME)) { /* the first of the two */
            continue;
        }
        st = read_file(confs.at[i].path, arena, &alone, is_last ? &unread[1] : &unread[0], err);
        range = alone.has_range ? confs.at[i].path + strlen(root) : range;
        reserved = alone.has_reserved && is_last ? confs.at[i].path + strlen(root) : reserved;
    }
    if (st == HM_OK) {
        *out_reserved = unread[1] ? NULL : reserved;
        *out_range = unread[0] || unread[1] ? NULL : range;
    }
    return st;
}

enum hm_status hm_linux_sysctl_hidden(const char *root, struct hm_arena *arena,
                                      struct hm_hidden_ports *out_hidden, struct hm_err *err)
{
    struct hm_hidden_ports hidden = {NULL, 0, NULL};
    struct hm_ports *lists; /* of each file */
    struct confs confs = {0};
    bool elsewhere = false;
    bool unread = false;
    size_t last = 0;
    enum hm_status st = is_set_elsewhere(root, arena, &elsewhere, err);

    if (st == HM_OK) {
        st = list_confs(root, true, arena, &confs, err);
    }
    lists = hm_arena_alloc(arena, confs.count + 1, sizeof(*lists));
    if (st == HM_OK && lists == NULL) {
        st = no_memory(err);
    }
    for (size_t i = 0; st == HM_OK && i < confs.count; i++) {
        struct hm_sysctl_ports alone = {0};

        st = read_file(confs.at[i].path, arena, &alone, &unread, err);
        lists[i] = alone.has_reserved ? alone.reserved : no_ports;
        last = alone.has_reserved ? i : last;
    }
    if (st != HM_OK || elsewhere || unread || last == 0 ||
        strcmp(confs.at[last].name, OWN_NAME) == 0) {
        return st;
    }
    hidden.at = hm_arena_alloc(arena, last, sizeof(*hidden.at));
    if (hidden.at == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; st == HM_OK && i < last; i++) {
        struct hm_ports lost = no_ports;

        st = hm_ports_subtract(lists[i], lists[last], arena, &lost, err);
        if (st == HM_OK && lost.count > 0) {
            hidden.by = confs.at[last].path + strlen(root);
            hidden.at[hidden.count++] =
                (struct hm_hidden_file){confs.at[i].path + strlen(root), lost};
        }
    }
    if (st == HM_OK) {
        *out_hidden = hidden;
    }
    return st;
}

enum hm_status hm_linux_sysctl_mixed(const char *root, struct hm_arena *arena, bool *out_mixed,
                                     struct hm_err *err)
{
    static const char *const written[] = {"/etc/sysctl.d/" HM_SYSCTL_REMEDY_NAME,
                                          "/etc/sysctl.d/" HM_SYSCTL_RANGE_NAME};
    enum hm_status st = HM_OK;
    bool mixed = false;

    for (size_t i = 0; st == HM_OK && i < HM_COUNT(written); i++) {
        const char *path = hm_arena_printf(arena, "%s%s", root, written[i]);
        char *text;
        size_t len;

        if (path == NULL) {
            return no_memory(err);
        }
        st = hm_os_read_file(path, HM_LIMIT_INPUT_FILE_BYTES, arena, &text, &len, err);
        if (st == HM_OK) {
            mixed = mixed || hm_sysctl_is_mixed((struct hm_span){written[i], strlen(written[i])},
                                                (struct hm_span){text, len});
        }
        mixed = mixed || (st != HM_OK && st != HM_ENOENT);
        st = st == HM_ENOMEM ? st : HM_OK;
    }
    if (st == HM_OK) {
        *out_mixed = mixed;
    }
    return st;
}
