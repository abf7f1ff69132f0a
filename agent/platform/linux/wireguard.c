/* agent/platform/linux/wireguard.c — the ports of WireGuard's tunnels, from their files.
 * SPDX-License-Identifier: Apache-2.0
 *
 * wg-quick@NAME starts the tunnel of /etc/wireguard/NAME.conf, systemd-networkd those of .netdev
 * files, NetworkManager its connections. The kernel binds their UDP ports, and nothing shows them
 * while the tunnel is down. wg(8): "ListenPort" in the section [Interface]; systemd.netdev(5):
 * "ListenPort=" in [WireGuard], a number or "auto"; nm-settings-keyfile(5): "listen-port" in
 * [wireguard]. Without it, or with 0, the kernel gives a port. A .netdev file hides those of the
 * same name in later folders (one that is a link to /dev/null, too), and the files of NAME.netdev.d
 * change it; of these, too, an earlier folder hides later ones. The files have private keys:
 * nothing else of them is kept, and the text is wiped. */
#include "agent/platform/linux/linux.h"

#include <string.h>
#include <sys/types.h>

#include "agent/platform/linux/units.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define DROP_INS_MAX 64u

/* A folder of files of one kind; of networkd in the order in which they hide each other. */
struct source {
    const char *folder;
    const char *suffix;
    const char *section;
    const char *key;
    const char *service; /* NULL: wg-quick@ and the name of the file */
};

#define NETDEV(folder)                                                                             \
    {                                                                                              \
        folder, ".netdev", "[wireguard]", "listenport", "systemd-networkd"                         \
    }
#define CONNECTIONS(folder)                                                                        \
    {                                                                                              \
        folder, ".nmconnection", "[wireguard]", "listen-port", "NetworkManager"                    \
    }

static const struct source sources[] = {
    {"/etc/wireguard", ".conf", "[interface]", "listenport", NULL},
    NETDEV("/etc/systemd/network"),
    NETDEV("/run/systemd/network"),
    NETDEV("/usr/local/lib/systemd/network"),
    NETDEV("/usr/lib/systemd/network"),
    CONNECTIONS("/etc/NetworkManager/system-connections"),
    CONNECTIONS("/run/NetworkManager/system-connections"),
};

/* What a file says. */
struct tunnel {
    bool has_section; /* it is one of WireGuard */
    bool manual;
    uint32_t port; /* 0 none */
};

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the ports of WireGuard");
}

/* A memset that no compiler leaves out. */
static void wipe(char *text, size_t len)
{
    volatile char *at = text;

    for (size_t i = 0; i < len; i++) {
        at[i] = 0;
    }
}

static bool is_word(struct hm_span text, const char *word)
{
    const size_t len = strlen(word);

    for (size_t i = 0; i < len && i < text.len; i++) {
        const char c =
            text.at[i] >= 'A' && text.at[i] <= 'Z' ? (char)(text.at[i] | 0x20) : text.at[i];

        if (c != word[i]) {
            return false;
        }
    }
    return text.len == len;
}

/* The last port of the section, of several texts one after the other. wg takes names in any
 * letters, and the rest of a line after '#' is a comment. */
static void read_tunnel(const struct source *source, struct hm_span text, struct tunnel *inout)
{
    bool inside = false;
    struct hm_span line;

    while (hm_str_next_line(&text, &line)) {
        const char *comment = line.len == 0 ? NULL : memchr(line.at, '#', line.len);
        const char *equals;
        struct hm_span key;
        struct hm_span value;

        line = hm_str_trim(line.at, comment == NULL ? line.len : (size_t)(comment - line.at));
        equals = line.len == 0 ? NULL : memchr(line.at, '=', line.len);
        if (line.len > 0 && line.at[0] == '[') {
            inside = is_word(line, source->section);
            inout->has_section = inout->has_section || inside;
        }
        if (equals == NULL) {
            continue;
        }
        key = hm_str_trim(line.at, (size_t)(equals - line.at));
        value = hm_str_trim(equals + 1, line.len - (size_t)(equals - line.at) - 1);
        if (inside && is_word(key, source->key) &&
            !hm_str_parse_u32(value.at, value.len, UINT16_MAX, &inout->port)) {
            inout->port = 0;
        }
        inout->manual = inout->manual || (is_word(key, "autoconnect") && is_word(value, "false"));
    }
}

/* Reads the file if there is one; *inout_whole false: it is there and cannot be read. */
static enum hm_status take_file(const struct source *source, const char *path,
                                struct hm_arena *arena, struct tunnel *inout, bool *out_read,
                                bool *inout_whole, struct hm_err *err)
{
    char *text;
    size_t len;
    enum hm_status st =
        path == NULL ? HM_ENOMEM
                     : hm_os_read_file(path, HM_LIMIT_CONFIG_BYTES, arena, &text, &len, NULL);

    *out_read = st == HM_OK;
    if (st == HM_ENOMEM) {
        return no_memory(err);
    }
    if (st == HM_OK) {
        read_tunnel(source, (struct hm_span){text, len}, inout);
        wipe(text, len);
    }
    *inout_whole = *inout_whole && (st == HM_OK || st == HM_ENOENT);
    return HM_OK;
}

static bool is_netdev(const struct source *source)
{
    return strcmp(source->suffix, ".netdev") == 0;
}

/* Is there a file of this name ("wg0.netdev", "wg0.netdev.d/10.conf") in an earlier folder of
 * networkd? */
static bool is_hidden(const char *root, const struct source *source, const char *name,
                      struct hm_arena *arena, bool *out_hidden)
{
    *out_hidden = false;
    for (const struct source *other = sources; is_netdev(source) && other < source; other++) {
        const char *path = hm_arena_printf(arena, "%s%s/%s", root, other->folder, name);

        if (path == NULL) {
            return false;
        }
        *out_hidden = *out_hidden || (is_netdev(other) && hm_os_exists(path));
    }
    return true;
}

/* A drop-in of a .netdev file and the folder it is in. */
struct drop_in {
    const char *name;
    const char *path;
};

/* The drop-ins of one folder, as far as no earlier folder hides them, put into the order of their
 * names. */
static enum hm_status list_drop_ins(const char *root, const struct source *source,
                                    const char *folder_name, struct hm_arena *arena,
                                    struct drop_in *list, size_t *inout_count, bool *inout_whole,
                                    struct hm_err *err)
{
    const char *folder = hm_arena_printf(arena, "%s%s/%s", root, source->folder, folder_name);
    struct hm_strings names = {NULL, 0};
    enum hm_status st = folder == NULL ? HM_ENOMEM : hm_os_list_folder(folder, arena, &names, NULL);

    *inout_whole = *inout_whole && (st == HM_OK || st == HM_ENOENT);
    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        const char *file = hm_arena_printf(arena, "%s/%s", folder_name, names.at[i]);
        const char *path = hm_arena_printf(arena, "%s/%s", folder, names.at[i]);
        size_t at = *inout_count;
        bool hidden;

        if (file == NULL || path == NULL || !is_hidden(root, source, file, arena, &hidden)) {
            return no_memory(err);
        }
        if (hidden || hm_linux_unit_stem(names.at[i], ".conf") == 0) {
            continue;
        }
        if (*inout_count >= DROP_INS_MAX) {
            *inout_whole = false;
            return HM_OK;
        }
        for (; at > 0 && strcmp(list[at - 1].name, names.at[i]) > 0; at--) {
            list[at] = list[at - 1];
        }
        list[at] = (struct drop_in){names.at[i], path};
        (*inout_count)++;
    }
    return st == HM_ENOMEM ? no_memory(err) : HM_OK;
}

static enum hm_status take_drop_ins(const char *root, const struct source *source, const char *name,
                                    struct hm_arena *arena, struct tunnel *inout, bool *inout_whole,
                                    struct hm_err *err)
{
    const char *folder_name = hm_arena_printf(arena, "%s.d", name);
    struct drop_in list[DROP_INS_MAX];
    size_t count = 0;
    enum hm_status st = folder_name == NULL ? no_memory(err) : HM_OK;

    for (size_t i = 0; st == HM_OK && i < HM_COUNT(sources); i++) {
        if (is_netdev(source) && is_netdev(&sources[i])) {
            st = list_drop_ins(root, &sources[i], folder_name, arena, list, &count, inout_whole,
                               err);
        }
    }
    for (size_t i = 0; st == HM_OK && i < count; i++) {
        bool read;

        st = take_file(source, list[i].path, arena, inout, &read, inout_whole, err);
    }
    return st;
}

static enum hm_status take_tunnel(const char *root, const struct source *source, const char *name,
                                  struct hm_configured_make *make, bool *inout_any,
                                  bool *inout_whole, struct hm_err *err)
{
    const size_t stem = hm_linux_unit_stem(name, source->suffix);
    const char *subject = hm_arena_printf(make->arena, "%s/%s", source->folder, name);
    const char *path = hm_arena_printf(make->arena, "%s%s/%s", root, source->folder, name);
    const char *service = source->service != NULL
                              ? source->service
                              : hm_arena_printf(make->arena, "wg-quick@%.*s", (int)stem, name);
    struct hm_configured row = {.protocol = HM_UDP, .kind = HM_KIND_KERNEL, .service = service};
    struct tunnel tunnel = {.has_section = source->service == NULL};
    bool hidden = false;
    bool read = false;
    enum hm_status st;

    if (path == NULL || service == NULL || subject == NULL ||
        !is_hidden(root, source, name, make->arena, &hidden)) {
        return no_memory(err);
    }
    if (hidden) {
        return HM_OK;
    }
    st = take_file(source, path, make->arena, &tunnel, &read, inout_whole, err);
    if (st == HM_OK && read) {
        st = take_drop_ins(root, source, name, make->arena, &tunnel, inout_whole, err);
    }
    if (st != HM_OK || !read) {
        *inout_any = true;
        return st;
    }
    if (!tunnel.has_section) {
        *inout_any = *inout_any || !*inout_whole;
        return HM_OK;
    }
    *inout_any = true;
    row.port = (uint16_t)tunnel.port;
    row.manual = tunnel.manual;
    row.by = row.port == 0 ? HM_BY_WIREGUARD_GIVEN_PORT : HM_BY_WIREGUARD_PORT;
    return hm_configured_put(make, &row, (struct hm_span){subject, strlen(subject)}, err);
}

static enum hm_status take_folder(const char *root, const struct source *source,
                                  struct hm_configured_make *make, bool *inout_any,
                                  bool *inout_whole, struct hm_err *err)
{
    const char *folder = hm_arena_printf(make->arena, "%s%s", root, source->folder);
    struct hm_strings names = {NULL, 0};
    size_t taken = 0;
    enum hm_status st =
        folder == NULL ? HM_ENOMEM : hm_os_list_folder(folder, make->arena, &names, NULL);

    if (st == HM_ENOMEM) {
        return no_memory(err);
    }
    *inout_any = *inout_any || st == HM_EDENIED;
    *inout_whole = *inout_whole && st != HM_EDENIED;
    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        const size_t stem = hm_linux_unit_stem(names.at[i], source->suffix);

        if (stem == 0 || stem >= HM_LINUX_UNIT_NAME_BYTES || !hm_str_is_utf8(names.at[i], stem)) {
            continue;
        }
        if (taken++ >= HM_LIMIT_INSTANCES) {
            *inout_whole = false;
            break;
        }
        st = take_tunnel(root, source, names.at[i], make, inout_any, inout_whole, err);
    }
    return st == HM_ENOMEM ? st : HM_OK;
}

enum hm_status hm_linux_wireguard(const char *root, struct hm_configured_make *make,
                                  bool *inout_any, bool *inout_whole, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < HM_COUNT(sources); i++) {
        st = take_folder(root, &sources[i], make, inout_any, inout_whole, err);
    }
    return st;
}
