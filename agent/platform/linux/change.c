/* agent/platform/linux/change.c — reserved ports and range of this host: changed, and kept.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"

#define SYSCTL_FOLDER "/proc/sys/net/ipv4/"

static enum hm_status fail_sysctl(struct hm_err *err, const char *path, int number)
{
    const char *why = strerror(number);

    switch (number) {
    case ENOENT:
        return hm_fail(err, HM_EUNSUPPORTED, "%s: %s: this kernel has no such setting", path, why);
    case EACCES:
    case EPERM:
    case EROFS:
        return hm_fail(err, HM_EDENIED,
                       "%s: %s: run the agent as root of the host (CAP_NET_ADMIN); in a container "
                       "/proc/sys is read-only, and the agent belongs on the host",
                       path, why);
    case EINVAL:
        return hm_fail(err, HM_EUNSUPPORTED,
                       "%s: the kernel does not take this value: %s; a range must not begin below "
                       "net.ipv4.ip_unprivileged_port_start",
                       path, why);
    case ENOMEM:
        return hm_fail(err, HM_ENOMEM, "%s: %s", path, why);
    default:
        return hm_fail(err, HM_EIO, "%s: %s", path, why);
    }
}

/* How much of the text goes next: all, or up to a comma, as a number cut in two is two. */
static size_t next_piece(const char *text, size_t len)
{
    size_t piece = len;

    if (len > HM_LINUX_PIECE_BYTES) {
        piece = HM_LINUX_PIECE_BYTES;
        while (piece > 1 && text[piece - 1] != ',') {
            piece--;
        }
    }
    return piece;
}

/* The first piece replaces the value, each further one adds to it. */
static enum hm_status write_sysctl(const char *root, const char *name, const char *text, size_t len,
                                   struct hm_err *err)
{
    char path[HM_LINUX_PATH_BYTES];
    enum hm_status st = HM_OK;
    int fd;

    (void)snprintf(path, sizeof(path), "%s" SYSCTL_FOLDER "%s", root, name);
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0) {
        return fail_sysctl(err, path, errno);
    }
    while (st == HM_OK && len > 0) {
        size_t piece = next_piece(text, len);
        ssize_t put = write(fd, text, piece);

        if (put < 0 && errno != EINTR) {
            st = fail_sysctl(err, path, errno);
        } else if (put >= 0 && (size_t)put < piece && text[put] != '\n') {
            st = hm_fail(err, HM_EIO, "%s: the kernel took %zd of %zu bytes", path, put, piece);
        } else if (put >= 0) {
            text += piece;
            len -= piece;
        }
    }
    (void)close(fd);
    return st;
}

static enum hm_status owned_ports(const struct hm_owned_list *rows, struct hm_arena *arena,
                                  struct hm_ports *out_ports, struct hm_err *err)
{
    struct hm_ports all = {NULL, 0};
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < rows->count; i++) {
        st = hm_ports_union(all, rows->at[i].ports, arena, &all, err);
    }
    if (st == HM_OK) {
        *out_ports = all;
    }
    return st;
}

/* The list with the ports of others first. A new line alone clears the value; nothing at all
 * would leave it as it is. */
static enum hm_status format_list(struct hm_ports list, struct hm_ports owned,
                                  struct hm_arena *arena, struct hm_buf *out, struct hm_err *err)
{
    struct hm_ports others;
    struct hm_ports ours;
    enum hm_status st = hm_ports_subtract(list, owned, arena, &others, err);

    if (st == HM_OK) {
        st = hm_ports_intersect(list, owned, arena, &ours, err);
    }
    if (st != HM_OK) {
        return st;
    }
    (void)hm_ports_format(others, out);
    (void)hm_buf_puts(out, others.count > 0 && ours.count > 0 ? "," : "");
    (void)hm_ports_format(ours, out);
    (void)hm_buf_putc(out, '\n');
    return hm_buf_status(out, err);
}

/* What shall be in the file after the action, and the text for the kernel. */
static enum hm_status prepare(const char *root, const struct hm_action *action,
                              struct hm_arena *arena, struct hm_linux_kept *kept,
                              struct hm_buf *text, struct hm_err *err)
{
    enum hm_status st = hm_linux_sysctl_file_get(root, arena, kept, err);

    if (st != HM_OK) {
        return st;
    }
    if (action->kind == HM_ACTION_SET_RANGE) {
        kept->has_range = !action->restores && !action->unset;
        kept->range = action->range;
        (void)hm_buf_printf(text, "%u %u\n", (unsigned)action->range.first,
                            (unsigned)action->range.last);
        return hm_buf_status(text, err);
    }
    st = owned_ports(&action->owned, arena, &kept->owned, err);
    return st == HM_OK ? format_list(action->ports, kept->owned, arena, text, err) : st;
}

/* The kernel refused; its reason stays the one that is told. */
static void put_back(const char *root, const struct hm_linux_sysctl_bytes *before,
                     struct hm_err *err)
{
    struct hm_err why;

    if (hm_linux_sysctl_file_set(root, before, &why) != HM_OK) {
        hm_err_prefix(err, "%s (and it was not put back) after", why.text);
    }
}

enum hm_status hm_linux_change(const char *root, const struct hm_action *action,
                               struct hm_arena *arena, struct hm_err *err)
{
    bool is_range = action->kind == HM_ACTION_SET_RANGE;
    struct hm_linux_sysctl_bytes before;
    struct hm_linux_kept kept;
    struct hm_buf text;
    enum hm_status st;
    bool changed;

    if ((!is_range && action->kind != HM_ACTION_SET_SYSCTL_RESERVED) ||
        (is_range && (!action->has_range || action->has_protocol || action->has_family))) {
        return hm_fail(err, HM_EUNSUPPORTED,
                       "%s of one stack: Linux has one list and one range for all of them",
                       hm_action_kind_names[action->kind]);
    }
    hm_buf_init(&text, HM_LINUX_SYSCTL_BYTES);
    st = hm_linux_sysctl_file_save(root, arena, &before, err);
    if (st == HM_OK) {
        st = prepare(root, action, arena, &kept, &text, err);
    }
    if (st == HM_OK) {
        st = hm_linux_sysctl_file_put(root, &kept, arena, &changed, err);
    }
    if (st == HM_OK) {
        st = write_sysctl(root, is_range ? "ip_local_port_range" : "ip_local_reserved_ports",
                          hm_buf_text(&text), text.len, err);
        if (st != HM_OK && changed) {
            put_back(root, &before, err);
        }
    }
    hm_buf_fini(&text);
    return st;
}

enum hm_status hm_linux_keep(const char *root, const struct hm_ledger *ledger,
                             struct hm_arena *arena, bool *out_mended, struct hm_err *err)
{
    struct hm_linux_kept kept = {0};
    enum hm_status st = HM_OK;

    if (ledger->has_sysctl) {
        st = owned_ports(&ledger->sysctl.owned, arena, &kept.owned, err);
    }
    for (size_t i = 0; i < ledger->ranges.count; i++) {
        const struct hm_ledger_range *row = &ledger->ranges.at[i];

        if (!row->has_protocol) {
            kept.has_range = true;
            kept.range = row->has_pending ? row->pending : row->range;
        }
    }
    return st == HM_OK ? hm_linux_sysctl_file_put(root, &kept, arena, out_mended, err) : st;
}
