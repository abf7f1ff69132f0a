/* agent/platform/linux/linux.h — the parts of the Linux platform; private to this folder and its
 * tests.
 * SPDX-License-Identifier: Apache-2.0
 *
 * root is "" on a live host; tests give a folder that has proc/, etc/ and sys/ below it.
 * Everything returned lives in the arena. Facts that cannot be read become a sentence in notes;
 * a status other than HM_OK means that nothing can be told at all (no memory). */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/platform/linux/units.h"
#include "agent/platform/notes.h"
#include "agent/platform/platform.h"
#include "common/plan/plan.h"
#include "common/ports/configured.h"
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
/* The open files of a process, by a descriptor of its /proc/PID/fd, which is taken over. NULL with
 * HM_OK: it has ended since (newer kernels fail fstat(2) on that folder then). */
enum hm_status hm_linux_open_files(int fd, DIR **out_files, struct hm_err *err) HM_MUST_CHECK;
/* "socket:[12345]" */
bool hm_linux_socket_inode(const char *link, size_t len, uint32_t *out_inode);
/* The systemd unit in the text of /proc/PID/cgroup, without ".service"; "" when there is none. */
const char *hm_linux_cgroup_service(const char *text, size_t len, struct hm_arena *arena);
/* A listener of a container engine's helper (docker-proxy, rootlessport …). */
bool hm_linux_is_container(const char *program);

/* wireguard.c — adds the ports of the tunnels of wg-quick, systemd-networkd and NetworkManager.
 * *inout_any becomes true when there are such files, *inout_whole false when not all of them could
 * be read. */
enum hm_status hm_linux_wireguard(const char *root, struct hm_configured_make *make,
                                  bool *inout_any, bool *inout_whole,
                                  struct hm_err *err) HM_MUST_CHECK;

/* published.c — what containers are set up to publish, the ports of tunnels and of units, as
 * configured rows of the inventory, which has its services. units may be NULL. */
struct hm_linux_units;
enum hm_status hm_linux_published(const char *root, struct hm_linux_units *units,
                                  struct hm_notes *notes, struct hm_inventory *inventory,
                                  struct hm_err *err) HM_MUST_CHECK;

/* services.c — services that run or start by themselves, with their details and which run of each
 * this is; and as idle_services all that have a unit file, in the order of precedence, masked ones
 * as disabled. Read from files alone. */
enum hm_status hm_linux_services(const char *root, struct hm_linux_unit_cache *cache,
                                 struct hm_notes *notes, struct hm_observation *out_seen,
                                 struct hm_err *err) HM_MUST_CHECK;

/* sysctl_value.c — the running values. read: HM_ENOENT where the kernel has no such name; write:
 * HM_EDENIED says what to do. The kernel takes a page of the list at once, so one of more than
 * HM_LINUX_PIECE_BYTES is written in pieces that add up, the ports of others first: cut off there,
 * only ours are missing, which the next look mends. */
#define HM_LINUX_RESERVED "ip_local_reserved_ports"
#define HM_LINUX_RANGE "ip_local_port_range"
#define HM_LINUX_PIECE_BYTES 4000u
enum hm_status hm_linux_sysctl_read(const char *root, const char *name, struct hm_arena *arena,
                                    char **out_text, size_t *out_len,
                                    struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_linux_sysctl_write(const char *root, const char *name, const char *text,
                                     size_t len, struct hm_err *err) HM_MUST_CHECK;
/* The list of reserved ports as it is now, a set. */
enum hm_status hm_linux_running(const char *root, struct hm_arena *arena, struct hm_ports *out_list,
                                struct hm_err *err) HM_MUST_CHECK;
/* Replaces it; owned stand last. */
enum hm_status hm_linux_reserved_set(const char *root, struct hm_ports list, struct hm_ports owned,
                                     struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;
/* Adds to it. The kernel does that itself (proc_do_large_bitmap: a write behind the first byte), so
 * that nothing is lost that another program puts there at the same moment. */
enum hm_status hm_linux_reserved_add(const char *root, struct hm_ports ports,
                                     struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* What outlives a boot.
 *
 * The reserved ports are one value for the whole system, and of the files that set it the last one
 * wins, so two packages' files do not add up. Decided here:
 * - Where systemd starts HM_LINUX_BOOT_UNIT (boot_unit.c), our ports are in HM_LINUX_BOOT_FILE,
 *   which no loader reads, and the unit adds them to the list after systemd-sysctl. The files of
 *   others count then as if we were not there, whatever their names and patterns are. When such a
 *   file is loaded again, the list is what it says, without ours: the agent adds them again
 *   (reapply of platform.h, and settings_watch.c, which notices it at once).
 * - Otherwise they are in HM_LINUX_SYSCTL_FILE: its name sorts behind what others use, and its list
 *   is our part, and what the files of others would leave without it. They are read as
 *   systemd-sysctl does (sysctl.d folders by name, the first folder of a name wins) and as
 *   "sysctl --system" does (likewise, /etc/sysctl.conf at the end); where the two differ, both
 *   parts are taken. It hides what others reserve later, until the next look writes it again and
 *   adds that to the running list. The ports of others stand first: "sysctl --system" takes a page
 *   (4 KB) of a value and drops the rest, which systemd-sysctl does not.
 * - A range has one owner: it is in HM_LINUX_SYSCTL_FILE in both cases, so that a policy's range
 *   outranks the others' at each reload, and the unit sets it, too.
 * - No file of others is ever touched. Ports that others reserved at run time only did not outlive
 * a boot before, and do not because of us.
 * - When nothing is ours any more the files are removed: the system is as before. */
#define HM_LINUX_BOOT_UNIT "havenmaster-reserve.service"
#define HM_LINUX_BOOT_FILE "/etc/sysctl.d/havenmaster-reserve.ports"
#define HM_LINUX_SYSCTL_FILE "/etc/sysctl.d/zzzzzzzzz-havenmaster.conf"

struct hm_linux_kept {
    struct hm_ports owned; /* reserved by us; empty = none */
    bool has_range;
    struct hm_range range;
    const char *damaged; /* a line of the file that cannot be used; NULL none */
    bool stays;          /* for good, without the agent and its unit: never by the unit */
};

/* boot_unit.c — does systemd run here and start the unit at each boot? By its files: found, not
 * masked, wanted by sysinit.target. out_how: for people, what reserves our ports at a boot, and
 * why. */
enum hm_status hm_linux_boot_unit(const char *root, struct hm_arena *arena, bool *out_is,
                                  const char **out_how, struct hm_err *err) HM_MUST_CHECK;

/* sysctl_file.c — the two files of our own. */
struct hm_linux_put {
    bool changed;           /* a file was written or removed */
    bool lacked;            /* neither file had all that is ours */
    bool by_unit;           /* hm_linux_boot_unit */
    const char *how;        /* likewise */
    struct hm_ports hidden; /* ports of others' files that our file in sysctl.d did not repeat */
};
/* Puts them in place, atomically, or removes them when there is nothing to keep. HM_EDENIED says
 * what to do. */
enum hm_status hm_linux_kept_put(const char *root, const struct hm_linux_kept *kept,
                                 struct hm_arena *arena, struct hm_linux_put *out_put,
                                 struct hm_err *err) HM_MUST_CHECK;
/* What they keep now, without what others' files say. Broken ones keep nothing. */
enum hm_status hm_linux_kept_get(const char *root, struct hm_arena *arena,
                                 struct hm_linux_kept *out_kept, struct hm_err *err) HM_MUST_CHECK;
/* HM_LINUX_BOOT_FILE alone; no file keeps nothing. */
enum hm_status hm_linux_boot_file_get(const char *root, struct hm_arena *arena,
                                      struct hm_linux_kept *out_kept,
                                      struct hm_err *err) HM_MUST_CHECK;
/* A file's bytes; text NULL = there is none. set brings exactly that back. */
struct hm_linux_sysctl_bytes {
    const char *text;
    size_t len;
};
struct hm_linux_kept_bytes {
    struct hm_linux_sysctl_bytes conf;
    struct hm_linux_sysctl_bytes boot;
};
enum hm_status hm_linux_kept_save(const char *root, struct hm_arena *arena,
                                  struct hm_linux_kept_bytes *out_bytes,
                                  struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_linux_kept_set(const char *root, const struct hm_linux_kept_bytes *bytes,
                                 struct hm_err *err) HM_MUST_CHECK;

/* sysctl_others.c — settings files of this system. */
#define HM_LINUX_SYSCTL_FOLDERS 5
extern const char *const hm_linux_sysctl_folders[HM_LINUX_SYSCTL_FOLDERS];
/* The reserved ports of others: what the loaders make of their files, both if they differ. */
enum hm_status hm_linux_sysctl_others(const char *root, struct hm_arena *arena,
                                      struct hm_ports *out_ports, struct hm_err *err) HM_MUST_CHECK;
/* Is the list exactly what a loader makes of the others' files, or one of these files alone
 * ("sysctl -p FILE")? */
enum hm_status hm_linux_sysctl_is_loaded(const char *root, struct hm_ports list,
                                         struct hm_arena *arena, bool *out_is,
                                         struct hm_err *err) HM_MUST_CHECK;
/* What the settings files, and the unit, leave of the stack's running values at the next boot: its
 * next_… members. They are read as systemd-sysctl does where systemd runs, else as
 * "sysctl --system" does. Nothing is said where a file cannot be read, or where something else sets
 * the values at boot: a container engine, the kernel's command line, a tuned profile that names
 * them or includes another one. */
enum hm_status hm_linux_sysctl_next(const char *root, struct hm_arena *arena,
                                    struct hm_stack *stack, struct hm_err *err) HM_MUST_CHECK;

/* The last file of others in sysctl.d that is read after the one that a remedy writes and reserves
 * ports, and sets the dynamic range, too; "" none, NULL where one of them cannot be read. */
enum hm_status hm_linux_sysctl_behind(const char *root, struct hm_arena *arena,
                                      const char **out_reserved, const char **out_range,
                                      struct hm_err *err) HM_MUST_CHECK;

/* Ports that files of sysctl.d reserve in vain, as the last file that reserves any replaces their
 * list; not where that is the agent's own file, which repeats them at the agent's next run. */
enum hm_status hm_linux_sysctl_hidden(const char *root, struct hm_arena *arena,
                                      struct hm_hidden_ports *out_hidden,
                                      struct hm_err *err) HM_MUST_CHECK;

/* Has a file that a remedy writes anything but the one setting that it writes there? One that
 * cannot be read may have. */
enum hm_status hm_linux_sysctl_mixed(const char *root, struct hm_arena *arena, bool *out_mixed,
                                     struct hm_err *err) HM_MUST_CHECK;

/* settings_watch.c — settings of the kernel and their files, while the agent waits. */
struct hm_linux_settings {
    int fd;       /* readable when one of the others is; -1 none */
    int files_fd; /* inotify: a settings file of sysctl was read or written, also by this program */
    int timer_fd; /* every HM_LINUX_SETTINGS_MS: /proc tells nobody that a value was written */
    uint64_t values; /* of the dynamic range and the reserved ports; 0 they cannot be read */
};
#define HM_LINUX_SETTINGS_MS 5000
void hm_linux_settings_init(struct hm_linux_settings *settings);
void hm_linux_settings_fini(struct hm_linux_settings *settings);
/* From now on; again after each look, as files come and go. Returns fd. */
int hm_linux_settings_watch(const char *root, struct hm_linux_settings *settings);
/* Reads it empty; true: there was something of the files. */
bool hm_linux_settings_loaded(const struct hm_linux_settings *settings);
/* Are the values others than when they were watched? */
bool hm_linux_settings_have_moved(const char *root, const struct hm_linux_settings *settings);

/* change.c — change, keep, reapply, leave and at_boot of platform.h. The file comes first and the
 * running value second: cut off between the two, the ledger covers the file, too. When the kernel
 * refuses, the files are put back. */
enum hm_status hm_linux_change(const char *root, const struct hm_action *action,
                               struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_linux_keep(const char *root, const struct hm_ledger *ledger,
                             struct hm_arena *arena, struct hm_kept *out_kept,
                             struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_linux_reapply(const char *root, const struct hm_ledger *ledger, bool always,
                                struct hm_arena *arena, bool *out_added,
                                struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_linux_leave(const char *root, struct hm_arena *arena,
                              struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_linux_at_boot(const char *root, struct hm_arena *arena, const char **out_text,
                                struct hm_err *err) HM_MUST_CHECK;

/* ephemeral.c — try_ephemeral of platform.h. A stack that this host does not have is none that
 * gives no port. */
enum hm_status hm_linux_try_ephemeral(struct hm_arena *arena, const char **out_why,
                                      struct hm_err *err) HM_MUST_CHECK;
