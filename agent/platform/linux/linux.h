/* agent/platform/linux/linux.h — the parts of the Linux platform; private to this folder and its
 * tests.
 * SPDX-License-Identifier: Apache-2.0
 *
 * root is "" on a live host; tests give a folder that has proc/, etc/ and sys/ below it.
 * Everything returned lives in the arena. Facts that cannot be read become a sentence in notes;
 * a status other than HM_OK means that nothing can be told at all (no memory). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/platform/notes.h"
#include "common/ports/sockets.h"

#define HM_LINUX_PATH_BYTES 4096u
#define HM_LINUX_SYSCTL_BYTES (224u * 1024u) /* 32,768 single ports are 192 KB of text */

/* os_facts.c */
enum hm_status hm_linux_os_facts(const char *root, struct hm_notes *notes, struct hm_os *out_os,
                                 const char **out_boot_id, struct hm_err *err) HM_MUST_CHECK;
/* Value of NAME=value or NAME="value" in os-release or locale text; NULL when absent. */
const char *hm_linux_shell_value(const char *text, size_t len, const char *name,
                                 struct hm_arena *arena);
/* "fr_FR.UTF-8" to "fr-FR". */
const char *hm_linux_locale(const char *lang, struct hm_arena *arena);

/* stacks.c — one range and one reserved list for all four stacks (windows-ports section 7).
 * Reserved ports are administered exclusions: never handed out, a plain bind still works. */
enum hm_status hm_linux_stacks(const char *root, struct hm_notes *notes,
                               struct hm_stacks *out_stacks, struct hm_err *err) HM_MUST_CHECK;

/* One socket as the kernel tells it. */
struct hm_linux_socket {
    struct hm_socket socket;
    uint32_t inode;  /* 0 = belongs to no process (TIME_WAIT) */
    bool dual_stack; /* an IPv6 wildcard that takes IPv4 too */
};

struct hm_linux_sockets {
    struct hm_linux_socket *at;
    size_t count;
    size_t room;
};

enum hm_status hm_linux_sockets_add(struct hm_linux_sockets *sockets, struct hm_arena *arena,
                                    const struct hm_linux_socket *socket,
                                    struct hm_err *err) HM_MUST_CHECK;

/* A raw row, before addresses become text. state is the kernel's number (TCP_LISTEN …). */
struct hm_linux_raw {
    enum hm_protocol protocol;
    bool ipv6;
    unsigned char local[16]; /* IPv4 uses the first four; network order */
    unsigned char remote[16];
    uint16_t local_port;
    uint16_t remote_port;
    unsigned state;
    uint32_t inode;
    bool v6only;
};

/* Turns a raw row into a socket: IPv4-mapped addresses become IPv4, states become ours. Port 0
 * (not bound) is skipped. */
enum hm_status hm_linux_sockets_add_raw(struct hm_linux_sockets *sockets, struct hm_arena *arena,
                                        const struct hm_linux_raw *raw,
                                        struct hm_err *err) HM_MUST_CHECK;

/* sockets.c — all sockets of this network namespace through sock_diag; HM_EIO or HM_EUNSUPPORTED
 * when the kernel does not answer. */
enum hm_status hm_linux_sockets_netlink(struct hm_arena *arena,
                                        struct hm_linux_sockets *out_sockets,
                                        struct hm_err *err) HM_MUST_CHECK;

/* sockets_proc.c — the same from /proc/net, which tells neither bound-only sockets nor the
 * IPv6-only flag: a wildcard is taken as dual-stack, as it is unless a program asks otherwise. */
enum hm_status hm_linux_sockets_proc(const char *root, struct hm_arena *arena,
                                     struct hm_linux_sockets *out_sockets,
                                     struct hm_err *err) HM_MUST_CHECK;
/* One line of /proc/net/{tcp,udp}{,6}; false for the title line and anything else. */
bool hm_linux_proc_net_line(const char *line, size_t len, enum hm_protocol protocol, bool ipv6,
                            struct hm_linux_raw *out_raw);

#define HM_LINUX_OWNERS_KEPT 2048u

/* What the last look learned: who owned sockets is asked first, and what nobody owned (sockets of
 * the kernel, of other namespaces) is not searched for. Zeroed = nothing learned yet. */
struct hm_linux_owner_cache {
    uint32_t pids[HM_LINUX_OWNERS_KEPT]; /* ascending, without process 1 */
    size_t pid_count;
    uint32_t orphans[HM_LINUX_OWNERS_KEPT]; /* inodes */
    size_t orphan_count;
    bool complete;
    unsigned age; /* looks since all processes were searched */
};

/* processes.c — fills pid, program and service of the sockets by matching inodes with the open
 * files of the processes of this network namespace. *out_complete is false when some processes
 * could not be looked into. cache may be NULL. */
enum hm_status hm_linux_owners(const char *root, struct hm_arena *arena,
                               struct hm_linux_owner_cache *cache, struct hm_linux_sockets *sockets,
                               bool *out_complete, struct hm_err *err) HM_MUST_CHECK;
/* "socket:[12345]" */
bool hm_linux_socket_inode(const char *link, size_t len, uint32_t *out_inode);
/* The systemd unit in the text of /proc/PID/cgroup, without ".service"; "" when there is none. */
const char *hm_linux_cgroup_service(const char *text, size_t len, struct hm_arena *arena);
/* A listener of a container engine's helper (docker-proxy, rootlessport …). */
bool hm_linux_is_container(const char *program);

/* services.c — units that run or are enabled, read from files alone. */
enum hm_status hm_linux_services(const char *root, struct hm_notes *notes, bool *out_has,
                                 struct hm_strings *out_services, struct hm_err *err) HM_MUST_CHECK;
