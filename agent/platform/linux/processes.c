/* agent/platform/linux/processes.c — which process and which systemd unit has a socket.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One pass over /proc/PID/fd, ended as soon as every socket has its owner: the owners of last
 * time first, so that an unchanged host costs little. Of processes that share a socket the lowest
 * process id is named (the parent of a pool of workers), but process 1 last: it keeps the sockets
 * that it hands to services. */
#include "agent/platform/linux/linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/base/str.h"

#define CGROUP_BYTES 8192u
#define FULL_SCAN_EVERY 12 /* looks; a service that process 1 started since is found by then */

struct scan {
    int proc; /* /proc */
    struct hm_arena *arena;
    struct hm_linux_socket **by_inode;
    size_t count;
    size_t missing; /* sockets that have no owner yet, but for the cache's orphans */
    const struct hm_linux_owner_cache *cache; /* NULL while all processes are searched */
    bool complete;
    char own_namespace[64];
};

/* Helpers that listen for a container's published ports. */
static const char *const container_programs[] = {
    "conmon",       "containerd",   "containerd-shim-runc-v2",
    "docker-proxy", "dockerd",      "kube-proxy",
    "pasta",        "pasta.avx2",   "podman",
    "rootlesskit",  "rootlessport", "slirp4netns",
};

bool hm_linux_is_container(const char *program)
{
    for (size_t i = 0; i < HM_COUNT(container_programs); i++) {
        if (hm_str_equal(program, container_programs[i])) {
            return true;
        }
    }
    return false;
}

bool hm_linux_socket_inode(const char *link, size_t len, uint32_t *out_inode)
{
    static const char prefix[] = "socket:[";
    const size_t prefix_len = sizeof(prefix) - 1;

    return len > prefix_len + 1 && memcmp(link, prefix, prefix_len) == 0 && link[len - 1] == ']' &&
           hm_str_parse_u32(link + prefix_len, len - prefix_len - 1, UINT32_MAX, out_inode);
}

/* The last ".service" of "/user.slice/user@0.service/app.slice/syncthing.service". */
static struct hm_span service_of_path(struct hm_span path)
{
    static const char suffix[] = ".service";
    const size_t suffix_len = sizeof(suffix) - 1;
    struct hm_span found = {NULL, 0};
    size_t start = 0;

    for (size_t i = 0; i <= path.len; i++) {
        if (i < path.len && path.at[i] != '/') {
            continue;
        }
        if (i - start > suffix_len && memcmp(path.at + i - suffix_len, suffix, suffix_len) == 0) {
            found = (struct hm_span){path.at + start, i - start - suffix_len};
        }
        start = i + 1;
    }
    return found;
}

const char *hm_linux_cgroup_service(const char *text, size_t len, struct hm_arena *arena)
{
    struct hm_span rest = {text, len};
    struct hm_span line;

    while (hm_str_next_line(&rest, &line)) {
        const char *colon = memchr(line.at, ':', line.len);
        const char *second;
        struct hm_span controllers;
        struct hm_span found;
        size_t left;

        if (colon == NULL) {
            continue;
        }
        left = line.len - (size_t)(colon + 1 - line.at);
        second = memchr(colon + 1, ':', left);
        if (second == NULL) {
            continue;
        }
        controllers = (struct hm_span){colon + 1, (size_t)(second - colon - 1)};
        if (controllers.len != 0 && !(controllers.len == strlen("name=systemd") &&
                                      memcmp(controllers.at, "name=systemd", 12) == 0)) {
            continue; /* only systemd's own hierarchy is named after units */
        }
        found = service_of_path((struct hm_span){second + 1, left - controllers.len - 1});
        if (found.len > 0 && found.len <= HM_LIMIT_NAME_BYTES &&
            hm_str_is_utf8(found.at, found.len)) {
            return hm_arena_strndup(arena, found.at, found.len);
        }
    }
    return "";
}

/* Up to size - 1 bytes of a link; 0 when it cannot be read. */
static size_t read_link(int folder, const char *path, char *out, size_t size)
{
    ssize_t got = readlinkat(folder, path, out, size - 1);

    if (got <= 0) {
        out[0] = '\0';
        return 0;
    }
    out[got] = '\0';
    return (size_t)got;
}

static size_t read_small(int folder, const char *path, char *out, size_t size)
{
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if (fd < 0) {
        return 0;
    }
    got = read(fd, out, size - 1);
    (void)close(fd);
    return got > 0 ? (size_t)got : 0;
}

/* File name of the executable; the kernel's short name where the link cannot be read. */
static const char *program_of(const struct scan *scan, const char *pid)
{
    char path[64];
    char text[HM_LINUX_PATH_BYTES];
    struct hm_span name;
    char *deleted;
    char *slash;

    (void)snprintf(path, sizeof(path), "%s/exe", pid);
    if (read_link(scan->proc, path, text, sizeof(text)) > 0) {
        deleted = strstr(text, " (deleted)"); /* the package was upgraded under it */
        if (deleted != NULL) {
            *deleted = '\0';
        }
        slash = strrchr(text, '/');
        name = slash == NULL ? hm_str_trim(text, strlen(text))
                             : (struct hm_span){slash + 1, strlen(slash + 1)};
    } else {
        (void)snprintf(path, sizeof(path), "%s/comm", pid);
        name = hm_str_trim(text, read_small(scan->proc, path, text, sizeof(text)));
    }
    if (name.len > HM_LIMIT_NAME_BYTES || !hm_str_is_utf8(name.at, name.len)) {
        return "";
    }
    return hm_arena_strndup(scan->arena, name.at, name.len);
}

static const char *service_of(const struct scan *scan, const char *pid)
{
    char path[64];
    char text[CGROUP_BYTES];

    (void)snprintf(path, sizeof(path), "%s/cgroup", pid);
    return hm_linux_cgroup_service(text, read_small(scan->proc, path, text, sizeof(text)),
                                   scan->arena);
}

static int compare_inodes(const void *a, const void *b)
{
    const struct hm_linux_socket *x = *(struct hm_linux_socket *const *)a;
    const struct hm_linux_socket *y = *(struct hm_linux_socket *const *)b;

    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static struct hm_linux_socket *find_socket(const struct scan *scan, uint32_t inode)
{
    struct hm_linux_socket wanted = {.inode = inode};
    const struct hm_linux_socket *key = &wanted;
    struct hm_linux_socket **found;

    found = bsearch(&key, scan->by_inode, scan->count, sizeof(*scan->by_inode), compare_inodes);
    return found == NULL ? NULL : *found;
}

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t *x = a;
    const uint32_t *y = b;

    return *x < *y ? -1 : *x > *y;
}

static bool is_orphan(const struct hm_linux_owner_cache *cache, uint32_t inode)
{
    return cache != NULL && cache->orphan_count > 0 &&
           bsearch(&inode, cache->orphans, cache->orphan_count, sizeof(inode), compare_numbers) !=
               NULL;
}

/* Looks through the open files of one process. */
static enum hm_status scan_files(struct scan *scan, DIR *files, const char *pid, uint32_t number,
                                 struct hm_err *err)
{
    const char *program = NULL;
    const char *service = NULL;
    struct dirent *entry;

    while (scan->missing > 0 && (entry = readdir(files)) != NULL) {
        struct hm_linux_socket *socket;
        char link[64];
        uint32_t inode;
        size_t len = read_link(dirfd(files), entry->d_name, link, sizeof(link));

        if (!hm_linux_socket_inode(link, len, &inode)) {
            continue;
        }
        socket = find_socket(scan, inode);
        if (socket == NULL || socket->socket.pid != 0) {
            continue;
        }
        if (program == NULL) {
            program = program_of(scan, pid);
            service = service_of(scan, pid);
        }
        if (program == NULL || service == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for the owners of sockets");
        }
        socket->socket.pid = number;
        socket->socket.program = program;
        socket->socket.service = service;
        scan->missing -= !is_orphan(scan->cache, inode);
    }
    return HM_OK;
}

enum hm_status hm_linux_open_files(int fd, DIR **out_files, struct hm_err *err)
{
    DIR *files = fdopendir(fd);

    if (files == NULL) {
        const bool no_memory = errno == ENOMEM;

        (void)close(fd);
        if (no_memory) {
            return hm_fail(err, HM_ENOMEM, "no memory for the owners of sockets");
        }
    }
    *out_files = files;
    return HM_OK;
}

static enum hm_status scan_process(struct scan *scan, const char *pid, uint32_t number,
                                   struct hm_err *err)
{
    enum hm_status st;
    char path[64];
    char namespace[64];
    DIR *files;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/ns/net", pid);
    if (read_link(scan->proc, path, namespace, sizeof(namespace)) > 0 &&
        scan->own_namespace[0] != '\0' && !hm_str_equal(namespace, scan->own_namespace)) {
        return HM_OK;
    }
    (void)snprintf(path, sizeof(path), "%s/fd", pid);
    fd = openat(scan->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        /* It may have ended meanwhile, but process 1 never does: where /proc hides it (proc(5),
         * hidepid=2), it hides the processes of all other users. */
        scan->complete = scan->complete && errno != EACCES && errno != EPERM &&
                         !(number == 1 && errno == ENOENT);
        return HM_OK;
    }
    st = hm_linux_open_files(fd, &files, err);
    if (st == HM_OK && files != NULL) {
        st = scan_files(scan, files, pid, number, err);
        (void)closedir(files);
    }
    return st;
}

static enum hm_status scan_all(struct scan *scan, DIR *processes, struct hm_err *err)
{
    enum hm_status st = HM_OK;
    struct dirent *entry;

    while (st == HM_OK && scan->missing > 0 && (entry = readdir(processes)) != NULL) {
        uint32_t number;

        if (hm_str_parse_u32(entry->d_name, strlen(entry->d_name), UINT32_MAX, &number) &&
            number > 1) {
            st = scan_process(scan, entry->d_name, number, err);
        }
    }
    return st == HM_OK && scan->missing > 0 ? scan_process(scan, "1", 1, err) : st;
}

/* The sockets that a process may own, sorted by inode. */
static enum hm_status prepare(struct scan *scan, struct hm_linux_sockets *sockets,
                              struct hm_err *err)
{
    scan->by_inode = hm_arena_alloc(scan->arena, sockets->count, sizeof(*scan->by_inode));
    if (scan->by_inode == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the owners of sockets");
    }
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->at[i].inode != 0) {
            scan->by_inode[scan->count++] = &sockets->at[i];
            scan->missing += !is_orphan(scan->cache, sockets->at[i].inode);
        }
    }
    if (scan->count > 1) {
        qsort(scan->by_inode, scan->count, sizeof(*scan->by_inode), compare_inodes);
    }
    (void)read_link(scan->proc, "self/ns/net", scan->own_namespace, sizeof(scan->own_namespace));
    return HM_OK;
}

static enum hm_status scan_known(struct scan *scan, const struct hm_linux_owner_cache *cache,
                                 struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && scan->missing > 0 && i < cache->pid_count; i++) {
        char pid[16];

        (void)snprintf(pid, sizeof(pid), "%u", cache->pids[i]);
        st = scan_process(scan, pid, cache->pids[i], err);
    }
    return st == HM_OK && scan->missing > 0 ? scan_process(scan, "1", 1, err) : st;
}

/* Forgets the owners again: all processes are to be searched, in their order. */
static void forget(struct scan *scan)
{
    scan->missing = scan->count;
    scan->cache = NULL;
    scan->complete = true;
    for (size_t i = 0; i < scan->count; i++) {
        scan->by_inode[i]->socket.pid = 0;
        scan->by_inode[i]->socket.program = "";
        scan->by_inode[i]->socket.service = "";
    }
}

static size_t sort_unique(uint32_t *numbers, size_t count)
{
    size_t left = 0;

    if (count > 1) {
        qsort(numbers, count, sizeof(*numbers), compare_numbers);
    }
    for (size_t i = 0; i < count; i++) {
        if (left == 0 || numbers[left - 1] != numbers[i]) {
            numbers[left++] = numbers[i];
        }
    }
    return left;
}

/* Lists that do not fit are dropped: the next look is only slower. */
static void learn(const struct scan *scan, struct hm_linux_owner_cache *cache)
{
    size_t pids = 0;
    size_t orphans = 0;

    cache->complete = scan->complete;
    cache->age = 0;
    for (size_t i = 0; i < scan->count; i++) {
        uint32_t pid = scan->by_inode[i]->socket.pid;

        if (pid == 0 && orphans < HM_LINUX_OWNERS_KEPT) {
            cache->orphans[orphans++] = scan->by_inode[i]->inode;
        } else if (pid > 1 && pids == HM_LINUX_OWNERS_KEPT) {
            pids = sort_unique(cache->pids, pids);
        }
        if (pid > 1 && pids < HM_LINUX_OWNERS_KEPT) {
            cache->pids[pids++] = pid;
        }
    }
    cache->pid_count = sort_unique(cache->pids, pids);
    cache->orphan_count = sort_unique(cache->orphans, orphans);
}

static enum hm_status scan_by(struct scan *scan, DIR *processes, struct hm_linux_owner_cache *cache,
                              struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (cache != NULL && cache->pid_count > 0 && ++cache->age < FULL_SCAN_EVERY) {
        st = scan_known(scan, cache, err);
        if (st != HM_OK || scan->missing == 0) {
            scan->complete = cache->complete;
            return st;
        }
    }
    forget(scan);
    st = scan_all(scan, processes, err);
    if (st == HM_OK && cache != NULL) {
        learn(scan, cache);
    }
    return st;
}

enum hm_status hm_linux_owners(const char *root, struct hm_arena *arena,
                               struct hm_linux_owner_cache *cache, struct hm_linux_sockets *sockets,
                               bool *out_complete, struct hm_err *err)
{
    struct scan scan = {.arena = arena, .cache = cache, .complete = true};
    char path[HM_LINUX_PATH_BYTES];
    enum hm_status st;
    DIR *processes;

    (void)snprintf(path, sizeof(path), "%s/proc", root);
    processes = opendir(path);
    if (processes == NULL) {
        *out_complete = false;
        return HM_OK;
    }
    scan.proc = dirfd(processes);
    st = prepare(&scan, sockets, err);
    if (st == HM_OK) {
        st = scan_by(&scan, processes, cache, err);
    }
    if (st == HM_OK) {
        *out_complete = scan.complete;
    }
    (void)closedir(processes);
    return st;
}
