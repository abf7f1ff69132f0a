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

#include "agent/platform/linux/units.h"
#include "agent/platform/notes.h"
#include "agent/platform/platform.h"
#include "common/plan/plan.h"
#include "common/ports/sockets.h"

#define HM_LINUX_PATH_BYTES 4096u
#define HM_LINUX_SYSCTL_BYTES (224u * 1024u) /* 32,768 single ports are 192 KB of text */

/* os_facts.c */
enum hm_status hm_linux_os_facts(const char *root, struct hm_notes *notes, struct hm_os *out_os,
                                 const char **out_boot_id, struct hm_err *err) HM_MUST_CHECK;
/* Seconds since the boot (/proc/uptime); 0, as right after it, where that cannot be read. */
int64_t hm_linux_uptime_s(const char *root, struct hm_arena *arena);
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

/* services.c — services that run or start by themselves, with their details and which run of each
 * this is; and as idle_services all that have a unit file, in the order of precedence, masked ones
 * as disabled. Read from files alone. */
enum hm_status hm_linux_services(const char *root, struct hm_linux_unit_cache *cache,
                                 struct hm_notes *notes, struct hm_observation *out_seen,
                                 struct hm_err *err) HM_MUST_CHECK;

/* sysctl_file.c — what outlives a boot, in a file of our own.
 *
 * The reserved ports are one value for the whole system, and of the files that set it the last one
 * wins, so two packages' files do not add up. Decided here:
 * - the file is HM_LINUX_SYSCTL_FILE: its name sorts behind what others use, nobody else writes it,
 *   and no file of others is ever touched;
 * - its list is our part, and what the files of others would leave without it. They are read as
 *   systemd-sysctl does (sysctl.d folders by name, the first folder of a name wins) and as
 *   "sysctl --system" does (likewise, /etc/sysctl.conf at the end); where the two differ, both
 *   parts are taken;
 * - ports that others reserved at run time only did not outlive a boot before, and do not because
 *   of us;
 * - the ports of others stand first: "sysctl --system" takes a page (4 KB) of a value and drops the
 *   rest, which systemd-sysctl does not;
 * - a range of ours stands there alone, as a range has one owner;
 * - when nothing is ours any more the file is removed: the system is as before. */
#define HM_LINUX_SYSCTL_FILE "/etc/sysctl.d/zzzzzzzzz-havenmaster.conf"

struct hm_linux_kept {
    struct hm_ports owned; /* reserved by us; empty = none */
    bool has_range;
    struct hm_range range;
};

/* Puts the file in place, atomically, or removes it when there is nothing to keep. *out_changed:
 * it was not so before. HM_EDENIED says what to do. */
enum hm_status hm_linux_sysctl_file_put(const char *root, const struct hm_linux_kept *kept,
                                        struct hm_arena *arena, bool *out_changed,
                                        struct hm_err *err) HM_MUST_CHECK;
/* What the file sets now; the ports with those of others in it. A broken one sets nothing. */
enum hm_status hm_linux_sysctl_file_get(const char *root, struct hm_arena *arena,
                                        struct hm_linux_kept *out_kept,
                                        struct hm_err *err) HM_MUST_CHECK;
/* What the settings files leave of the stack's running values at the next boot: its next_… members.
 * They are read as systemd-sysctl does where systemd runs, else as "sysctl --system" does. Nothing
 * is said where a file cannot be read, or where something else sets the values at boot: a container
 * engine, the kernel's command line, a tuned profile that names them or includes another one. */
enum hm_status hm_linux_sysctl_next(const char *root, struct hm_arena *arena,
                                    struct hm_stack *stack, struct hm_err *err) HM_MUST_CHECK;
/* The file's bytes; text NULL = there is none. set brings exactly that back. */
struct hm_linux_sysctl_bytes {
    const char *text;
    size_t len;
};
enum hm_status hm_linux_sysctl_file_save(const char *root, struct hm_arena *arena,
                                         struct hm_linux_sysctl_bytes *out_bytes,
                                         struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_linux_sysctl_file_set(const char *root, const struct hm_linux_sysctl_bytes *bytes,
                                        struct hm_err *err) HM_MUST_CHECK;

/* change.c — change and keep of platform.h. The file comes first and the running value second: cut
 * off between the two, the ledger covers the file, too. When the kernel refuses, the file is put
 * back. The kernel takes a page of the list at once, so one of more than HM_LINUX_PIECE_BYTES is
 * written in pieces that add up, the ports of others first: cut off there, only ours are missing,
 * which the next look mends. */
#define HM_LINUX_PIECE_BYTES 4000u
enum hm_status hm_linux_change(const char *root, const struct hm_action *action,
                               struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_linux_keep(const char *root, const struct hm_ledger *ledger,
                             struct hm_arena *arena, bool *out_mended,
                             struct hm_err *err) HM_MUST_CHECK;

/* ephemeral.c — try_ephemeral of platform.h. A stack that this host does not have is none that
 * gives no port. */
enum hm_status hm_linux_try_ephemeral(struct hm_arena *arena, const char **out_why,
                                      struct hm_err *err) HM_MUST_CHECK;
