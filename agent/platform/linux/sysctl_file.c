/* agent/platform/linux/sysctl_file.c — what outlives a boot, in a file of our own in sysctl.d.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"
#include "common/readers/sysctl_ports.h"

#define OWN_FOLDER "/etc/sysctl.d"
#define OWN_NAME "zzzzzzzzz-havenmaster.conf"
#define CONF_FILE "/etc/sysctl.conf"
#define SUFFIX ".conf"

#define OWN_TEXT_BYTES (2u * HM_LINUX_SYSCTL_BYTES)

/* Of files with the same name only the one in the first of these folders counts. */
static const char *const folders[] = {
    "/etc/sysctl.d",     "/run/sysctl.d", "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d", "/lib/sysctl.d",
};

static const char header[] =
    "# Made by hm-agent: policies of Havenmaster keep these ports. It is written again when they\n"
    "# change, and removed when none is left. Ports that other files reserve are repeated here,\n"
    "# because the last file that sets the value wins.\n";

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the files of sysctl.d");
}

static enum hm_status own_path(const char *root, char out[HM_LINUX_PATH_BYTES], struct hm_err *err)
{
    int put = snprintf(out, HM_LINUX_PATH_BYTES, "%s" HM_LINUX_SYSCTL_FILE, root);

    return put > 0 && (size_t)put < HM_LINUX_PATH_BYTES
               ? HM_OK
               : hm_fail(err, HM_EINVAL, "%s: the path is too long", root);
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

static bool is_conf(const char *name)
{
    size_t len = strlen(name);
    size_t end = sizeof(SUFFIX) - 1;

    return len > end && strcmp(name + len - end, SUFFIX) == 0;
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

    for (size_t i = 0; st == HM_OK && i < HM_COUNT(folders); i++) {
        const char *folder = hm_arena_printf(arena, "%s%s", root, folders[i]);
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

/* What the files of others leave of the list, ours put aside. */
static enum hm_status read_others(const char *root, struct hm_arena *arena,
                                  struct hm_ports *out_ports, struct hm_err *err)
{
    struct hm_sysctl_ports folder_says = {0};
    struct hm_sysctl_ports conf_says = {0};
    bool unread = false; /* by the agent, then by the system's loader, too: both are root */
    struct confs confs = {0};
    const char *conf = hm_arena_printf(arena, "%s" CONF_FILE, root);
    enum hm_status st = conf == NULL ? no_memory(err) : list_confs(root, false, arena, &confs, err);

    for (size_t i = 0; st == HM_OK && i < confs.count; i++) {
        st = read_file(confs.at[i].path, arena, &folder_says, &unread, err);
    }
    if (st == HM_OK) {
        st = read_file(conf, arena, &conf_says, &unread, err);
    }
    if (st == HM_OK) {
        st = hm_ports_union(folder_says.reserved, conf_says.reserved, arena, out_ports, err);
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
    if (unread) {
        hm_sysctl_doubt_next(stack);
    }
    return st == HM_OK && !unread ? hm_sysctl_set_next(&settings, arena, stack, err) : st;
}

/* ---- our file ------------------------------------------------------------------------------ */

enum hm_status hm_linux_sysctl_file_save(const char *root, struct hm_arena *arena,
                                         struct hm_linux_sysctl_bytes *out_bytes,
                                         struct hm_err *err)
{
    char path[HM_LINUX_PATH_BYTES];
    char *text;
    size_t len;
    enum hm_status st = own_path(root, path, err);

    if (st == HM_OK) {
        st = hm_os_read_file(path, HM_LIMIT_INPUT_FILE_BYTES, arena, &text, &len, err);
    }
    if (st == HM_ENOENT) {
        *out_bytes = (struct hm_linux_sysctl_bytes){NULL, 0};
        return HM_OK;
    }
    if (st == HM_OK) {
        *out_bytes = (struct hm_linux_sysctl_bytes){text, len};
    }
    return st;
}

/* "Permission denied" helps nobody who does not know what the file is for. */
static enum hm_status explain(const char *folder, enum hm_status st, struct hm_err *err)
{
    char why[HM_ERR_TEXT_MAX];

    if (st == HM_OK || access(folder, W_OK) == 0 ||
        (errno != EACCES && errno != EPERM && errno != EROFS)) {
        return st;
    }
    (void)snprintf(why, sizeof(why), "%s", strerror(errno));
    return hm_fail(err, HM_EDENIED,
                   "%s: %s: reserved ports and ranges are kept there for the next boot; run the "
                   "agent as root, and let its unit write there (ReadWritePaths=)",
                   folder, why);
}

/* With what a crash may have left of an earlier try. */
static enum hm_status remove_own(const char *path, struct hm_err *err)
{
    char temporary[HM_LINUX_PATH_BYTES + sizeof(".tmp")];
    enum hm_status st;

    (void)snprintf(temporary, sizeof(temporary), "%s.tmp", path);
    st = hm_os_remove_file(temporary, err);
    return st == HM_OK || st == HM_ENOENT ? hm_os_remove_file(path, err) : st;
}

enum hm_status hm_linux_sysctl_file_set(const char *root, const struct hm_linux_sysctl_bytes *bytes,
                                        struct hm_err *err)
{
    char path[HM_LINUX_PATH_BYTES];
    char folder[HM_LINUX_PATH_BYTES];
    enum hm_status st = own_path(root, path, err);

    if (st != HM_OK) {
        return st;
    }
    (void)snprintf(folder, sizeof(folder), "%s" OWN_FOLDER, root);
    if (bytes->text == NULL) {
        return hm_os_exists(path) ? explain(folder, remove_own(path, err), err) : HM_OK;
    }
    st = hm_os_make_folder(folder, 0755, err);
    if (st == HM_OK) {
        st = hm_os_replace_file(path, bytes->text, bytes->len, false, err);
    }
    return explain(folder, st, err);
}

static enum hm_status format(const struct hm_linux_kept *kept, struct hm_ports others,
                             struct hm_arena *arena, struct hm_buf *out, struct hm_err *err)
{
    struct hm_ports added;
    enum hm_status st = hm_ports_subtract(kept->owned, others, arena, &added, err);

    if (st != HM_OK) {
        return st;
    }
    (void)hm_buf_puts(out, header);
    if (kept->owned.count > 0) {
        (void)hm_buf_puts(out, "net.ipv4.ip_local_reserved_ports = ");
        (void)hm_ports_format(others, out);
        (void)hm_buf_puts(out, others.count > 0 && added.count > 0 ? "," : "");
        (void)hm_ports_format(added, out);
        (void)hm_buf_putc(out, '\n');
    }
    if (kept->has_range) {
        (void)hm_buf_printf(out, "net.ipv4.ip_local_port_range = %u %u\n",
                            (unsigned)kept->range.first, (unsigned)kept->range.last);
    }
    return hm_buf_status(out, err);
}

static bool same_bytes(const struct hm_linux_sysctl_bytes *a, const struct hm_linux_sysctl_bytes *b)
{
    if (a->text == NULL || b->text == NULL) {
        return a->text == b->text;
    }
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

enum hm_status hm_linux_sysctl_file_put(const char *root, const struct hm_linux_kept *kept,
                                        struct hm_arena *arena, bool *out_changed,
                                        struct hm_err *err)
{
    struct hm_linux_sysctl_bytes before;
    struct hm_linux_sysctl_bytes after = {NULL, 0};
    struct hm_ports others = {NULL, 0};
    struct hm_buf text;
    enum hm_status st;

    hm_buf_init(&text, OWN_TEXT_BYTES);
    st = hm_linux_sysctl_file_save(root, arena, &before, err);
    if (st == HM_OK && kept->owned.count > 0) {
        st = read_others(root, arena, &others, err);
    }
    if (st == HM_OK && (kept->owned.count > 0 || kept->has_range)) {
        st = format(kept, others, arena, &text, err);
        after = (struct hm_linux_sysctl_bytes){hm_buf_text(&text), text.len};
    }
    if (st == HM_OK && !same_bytes(&before, &after)) {
        st = hm_linux_sysctl_file_set(root, &after, err);
    }
    if (st == HM_OK) {
        *out_changed = !same_bytes(&before, &after);
    }
    hm_buf_fini(&text);
    return st;
}

enum hm_status hm_linux_sysctl_file_get(const char *root, struct hm_arena *arena,
                                        struct hm_linux_kept *out_kept, struct hm_err *err)
{
    struct hm_linux_sysctl_bytes bytes;
    struct hm_sysctl_ports ports = {0};
    enum hm_status st = hm_linux_sysctl_file_save(root, arena, &bytes, err);

    if (st == HM_OK && bytes.text != NULL) {
        st = hm_sysctl_take_settings((struct hm_span){bytes.text, bytes.len}, arena, &ports, err);
    }
    if (st == HM_OK) {
        *out_kept = (struct hm_linux_kept){ports.reserved, ports.has_range, ports.range};
    }
    return st;
}
