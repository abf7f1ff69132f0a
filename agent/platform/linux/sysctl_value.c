/* agent/platform/linux/sysctl_value.c — the running values: read, replaced, added to.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/readers/sysctl_ports.h"

#define SYSCTL_FOLDER "/proc/sys/net/ipv4/"
#define BEHIND_THE_FIRST                                                                           \
    1 /* any place but the first: the kernel adds to a list what is put there */

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

static void path_of(const char *root, const char *name, char out[HM_LINUX_PATH_BYTES])
{
    (void)snprintf(out, HM_LINUX_PATH_BYTES, "%s" SYSCTL_FOLDER "%s", root, name);
}

/* In one read: the kernel answers a second one with the end of the file, so a long list would be
 * cut without a sign. */
enum hm_status hm_linux_sysctl_read(const char *root, const char *name, struct hm_arena *arena,
                                    char **out_text, size_t *out_len, struct hm_err *err)
{
    char path[HM_LINUX_PATH_BYTES];
    char *text = hm_arena_alloc(arena, HM_LINUX_SYSCTL_BYTES, 1);
    ssize_t got;
    int fd;

    if (text == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to read %s", name);
    }
    path_of(root, name, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return hm_fail(err, errno == ENOENT ? HM_ENOENT : HM_EIO, "%s: %s", path, strerror(errno));
    }
    got = read(fd, text, HM_LINUX_SYSCTL_BYTES);
    if (got < 0) {
        (void)hm_fail(err, HM_EIO, "%s: %s", path, strerror(errno));
    }
    (void)close(fd);
    if (got < 0) {
        return HM_EIO;
    }
    *out_text = text;
    *out_len = (size_t)got;
    return HM_OK;
}

/* The first piece replaces the value, each further one adds to it; with adds the first one, too. */
static enum hm_status write_pieces(int fd, const char *path, bool adds, const char *text,
                                   size_t len, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    while (st == HM_OK && len > 0) {
        size_t piece = next_piece(text, len);
        ssize_t put = adds ? pwrite(fd, text, piece, BEHIND_THE_FIRST) : write(fd, text, piece);

        if (put < 0 && errno != EINTR) {
            st = fail_sysctl(err, path, errno);
        } else if (put >= 0 && (size_t)put < piece && text[put] != '\n') {
            st = hm_fail(err, HM_EIO, "%s: the kernel took %zd of %zu bytes", path, put, piece);
        } else if (put >= 0) {
            text += piece;
            len -= piece;
        }
    }
    return st;
}

enum hm_status hm_linux_sysctl_write(const char *root, const char *name, const char *text,
                                     size_t len, struct hm_err *err)
{
    char path[HM_LINUX_PATH_BYTES];
    enum hm_status st;
    int fd;

    path_of(root, name, path);
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0) {
        return fail_sysctl(err, path, errno);
    }
    st = write_pieces(fd, path, false, text, len, err);
    (void)close(fd);
    return st;
}

enum hm_status hm_linux_running(const char *root, struct hm_arena *arena, struct hm_ports *out_list,
                                struct hm_err *err)
{
    struct hm_ports list = {NULL, 0};
    const struct hm_ports none = {NULL, 0};
    char *text;
    size_t len;
    enum hm_status st = hm_linux_sysctl_read(root, HM_LINUX_RESERVED, arena, &text, &len, err);

    if (st == HM_OK) {
        st = hm_sysctl_parse_reserved(text, len, arena, &list, err);
    }
    return st == HM_OK ? hm_ports_union(list, none, arena, out_list, err) : st;
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

enum hm_status hm_linux_reserved_set(const char *root, struct hm_ports list, struct hm_ports owned,
                                     struct hm_arena *arena, struct hm_err *err)
{
    struct hm_buf text;
    enum hm_status st;

    hm_buf_init(&text, HM_LINUX_SYSCTL_BYTES);
    st = format_list(list, owned, arena, &text, err);
    if (st == HM_OK) {
        st = hm_linux_sysctl_write(root, HM_LINUX_RESERVED, hm_buf_text(&text), text.len, err);
    }
    hm_buf_fini(&text);
    return st;
}

/* The kernel itself adds: what others put there at the same moment stays. */
static enum hm_status add_to_kernel(int fd, const char *path, struct hm_ports ports,
                                    struct hm_err *err)
{
    struct hm_buf text;
    enum hm_status st;

    hm_buf_init(&text, HM_LINUX_SYSCTL_BYTES);
    (void)hm_ports_format(ports, &text);
    (void)hm_buf_putc(&text, '\n');
    st = hm_buf_status(&text, err);
    if (st == HM_OK) {
        st = write_pieces(fd, path, true, hm_buf_text(&text), text.len, err);
    }
    hm_buf_fini(&text);
    return st;
}

enum hm_status hm_linux_reserved_add(const char *root, struct hm_ports ports,
                                     struct hm_arena *arena, struct hm_err *err)
{
    char path[HM_LINUX_PATH_BYTES];
    struct hm_ports list;
    struct statfs system;
    enum hm_status st;
    bool is_kernel;
    int fd;

    path_of(root, HM_LINUX_RESERVED, path);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail_sysctl(err, path, errno);
    }
    is_kernel = fstatfs(fd, &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
    st = is_kernel ? add_to_kernel(fd, path, ports, err) : HM_OK;
    (void)close(fd);
    if (is_kernel) {
        return st;
    }
    st = hm_linux_running(root, arena, &list, err); /* a file of this name, in a folder of tests */
    if (st == HM_OK) {
        st = hm_ports_union(list, ports, arena, &list, err);
    }
    return st == HM_OK ? hm_linux_reserved_set(root, list, ports, arena, err) : st;
}
