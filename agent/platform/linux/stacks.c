/* agent/platform/linux/stacks.c — dynamic range and reserved ports of this network namespace.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/readers/sysctl_ports.h"

#define SYSCTL_FOLDER "/proc/sys/net/ipv4/"

/* In one read: the kernel answers a second one with the end of the file, so a long list would be
 * cut without a sign. */
static enum hm_status read_sysctl(const char *root, const char *name, struct hm_arena *arena,
                                  char **out_text, size_t *out_len, struct hm_err *err)
{
    char path[HM_LINUX_PATH_BYTES];
    char *text = hm_arena_alloc(arena, HM_LINUX_SYSCTL_BYTES, 1);
    ssize_t got;
    int fd;

    if (text == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to read %s", name);
    }
    (void)snprintf(path, sizeof(path), "%s" SYSCTL_FOLDER "%s", root, name);
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

static enum hm_status note(struct hm_notes *notes, enum hm_status st, const char *what,
                           const struct hm_err *why, struct hm_err *err)
{
    if (st == HM_ENOMEM) {
        return hm_fail(err, HM_ENOMEM, "%s", why->text);
    }
    return hm_notes_add(notes, err, "%s: %s", what, why->text);
}

enum hm_status hm_linux_stacks(const char *root, struct hm_notes *notes,
                               struct hm_stacks *out_stacks, struct hm_err *err)
{
    struct hm_stack *stacks = hm_arena_alloc(notes->arena, HM_STACK_COUNT, sizeof(*stacks));
    struct hm_stack common = {.has_runtime = true}; /* Linux has no runtime exclusions */
    struct hm_err why;
    enum hm_status st;
    char *text;
    size_t len;

    if (stacks == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port ranges");
    }
    st = read_sysctl(root, "ip_local_port_range", notes->arena, &text, &len, &why);
    if (st == HM_OK) {
        st = hm_sysctl_parse_range(text, len, &common.dynamic, &why);
    }
    common.has_dynamic = st == HM_OK;
    if (st != HM_OK && note(notes, st, "dynamic range", &why, err) != HM_OK) {
        return HM_ENOMEM;
    }
    st = read_sysctl(root, "ip_local_reserved_ports", notes->arena, &text, &len, &why);
    if (st == HM_OK) {
        st = hm_sysctl_parse_reserved(text, len, notes->arena, &common.administered, &why);
    }
    common.has_administered = st == HM_OK;
    if (st != HM_OK && note(notes, st, "reserved ports", &why, err) != HM_OK) {
        return HM_ENOMEM;
    }
    st = hm_linux_sysctl_next(root, notes->arena, &common, err);
    if (st != HM_OK) {
        return st;
    }
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        stacks[i] = common;
        stacks[i].protocol = i < 2 ? HM_TCP : HM_UDP;
        stacks[i].family = i % 2 == 0 ? HM_IPV4 : HM_IPV6;
    }
    *out_stacks = (struct hm_stacks){stacks, HM_STACK_COUNT};
    return HM_OK;
}
