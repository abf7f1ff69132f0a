/* agent/platform/windows/windows.h — the parts of the Windows platform; private to this folder
 * and its tests.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each part reads one source of facts. A source that this Windows does not have is no error: its
 * facts stay unknown, with a sentence in notes. Functions newer than Server 2003, or not
 * documented, are looked up at run time and may be absent. Everything returned lives in the
 * arena. */
#pragma once

#include <winsock2.h>

#include <windows.h>

#include "agent/platform/notes.h"
#include "agent/platform/platform.h"
#include "agent/platform/windows_events.h"
#include "agent/platform/windows_lists.h"
#include "common/readers/service_rows.h"

/* A function of a system library, NULL where this Windows lacks it; cast it to its real type. */
typedef void (*hm_windows_function)(void);
hm_windows_function hm_windows_lookup(const wchar_t *library, const char *name);

/* service_install.c — the service manager, with these rights; HM_EDENIED says to use an elevated
 * prompt. */
enum hm_status hm_windows_open_manager(DWORD access, SC_HANDLE *out_manager,
                                       struct hm_err *err) HM_MUST_CHECK;

/* child.c — one program with an argument list: no shell, no window, a time limit. */
struct hm_child_result {
    unsigned long exit_status;
    const char *output; /* standard output and error, raw bytes, NUL-terminated */
    size_t len;
};

#define HM_CHILD_OUTPUT_BYTES (1024u * 1024u)

/* program is a full path. HM_EBUSY with code "timed_out" when it was ended after timeout_ms with
 * everything it had started; HM_ETOOBIG when it printed more than HM_CHILD_OUTPUT_BYTES. */
enum hm_status hm_child_run(const wchar_t *program, const wchar_t *const *arguments,
                            size_t argument_count, DWORD timeout_ms, struct hm_arena *arena,
                            struct hm_child_result *out_result, struct hm_err *err) HM_MUST_CHECK;

/* One command line in the quoting that the C run-time library undoes ("Parsing C command-line
 * arguments"). HM_ETOOBIG past room. */
enum hm_status hm_child_command_line(const wchar_t *program, const wchar_t *const *arguments,
                                     size_t argument_count, wchar_t *out, size_t room,
                                     struct hm_err *err) HM_MUST_CHECK;

/* watch.c — has anything changed that netsh's listings depend on? */
struct hm_watch;

enum hm_status hm_watch_open(struct hm_watch **out_watch, struct hm_err *err) HM_MUST_CHECK;
void hm_watch_close(struct hm_watch *watch);

/* The lists (windows_lists.h) whose registry key (TCP/IP, HNS, HTTP, Nsi) changed since the last
 * call; all when the machine was asleep. Watches on from this moment on: ask before the facts are
 * read.
 */
unsigned hm_watch_changed(struct hm_watch *watch);

/* netsh.c — the lists that netsh and WMI show, each read only when it can have changed. */
struct hm_netsh;

enum hm_status hm_netsh_open(struct hm_netsh **out_netsh, struct hm_err *err) HM_MUST_CHECK;
void hm_netsh_close(struct hm_netsh *netsh);

/* "netsh http show servicestate", "urlacl" and "sslcert"; borrowed until the next reading. */
enum hm_netsh_http_list { HM_NETSH_SERVICE_STATE, HM_NETSH_URLACL, HM_NETSH_SSLCERT };
#define HM_NETSH_HTTP_LISTS 3
struct hm_netsh_http {
    const char *fault; /* why there is none; NULL: it was printed */
    const char *text;  /* raw bytes */
    size_t len;
};

struct hm_netsh_facts {
    struct hm_stacks stacks; /* all four */
    struct hm_netsh_http http[HM_NETSH_HTTP_LISTS];
    struct hm_range_opinions opinions;
    int64_t again_in_ms; /* a list was refused: it is due then; 0 = none was */
};

struct hm_netsh_need {
    uint64_t signature;  /* hm_lists_signature of the same observation */
    bool waits_with_wmi; /* early in a boot: WMI may not run, and would be waited for */
    unsigned only;       /* lists: no other is read, whatever is due; 0 = as due */
};

/* Runs netsh, and asks WMI, for the lists that are due (windows_lists.h); answers the rest from
 * memory. A listing that netsh refuses, or that cannot be read for certain, leaves its facts
 * unknown: notes tell, and hold it as a refusal. One that was not asked for yet is unknown, too. */
enum hm_status hm_netsh_stacks(struct hm_netsh *netsh, const struct hm_os *os,
                               const struct hm_netsh_need *need, struct hm_arena *arena,
                               struct hm_netsh_facts *out_facts, struct hm_notes *notes,
                               struct hm_err *err) HM_MUST_CHECK;

/* Those of HM_LISTS_STACKS asked now, whatever is remembered; the others as last shown. */
#define HM_NETSH_TIMEOUT_MS 20000 /* of one run */
enum hm_status hm_netsh_reread(struct hm_netsh *netsh, const struct hm_os *os, unsigned lists,
                               struct hm_stacks *out_stacks, struct hm_notes *notes,
                               struct hm_err *err) HM_MUST_CHECK;
/* The exclusions of one stack (hm_stack_index), asked now. Fails as hm_windows_take_excluded. */
enum hm_status hm_netsh_list(struct hm_netsh *netsh, const struct hm_os *os, unsigned index,
                             struct hm_arena *arena, struct hm_stack *out_stack,
                             struct hm_err *err) HM_MUST_CHECK;
/* netsh run for a change, which these lists may show: they count as not read from then on. Its
 * words are for nobody: *out_exit_status is all that it tells. */
enum hm_status hm_netsh_change(struct hm_netsh *netsh, const wchar_t *const *words, size_t count,
                               unsigned lists, DWORD timeout_ms, struct hm_arena *arena,
                               unsigned long *out_exit_status, struct hm_err *err) HM_MUST_CHECK;

/* How many netsh processes were started so far (for the budget test). */
unsigned hm_netsh_started(const struct hm_netsh *netsh);

/* sites.c — the bindings of IIS as they were last read. */
#define HM_SITES_BYTES (64u * 1024u * 1024u) /* of the rows, at most */
#define HM_SITES_PATH_CHARS 1024
struct hm_sites {
    bool hurried;                      /* the caller's: no file of another computer is read now */
    wchar_t path[HM_SITES_PATH_CHARS]; /* of the file in use */
    DWORD failure;                     /* of a shared one: why it could not be read; 0: it could */
    int64_t failed_ms;                 /* when it was tried; monotonic */
    bool known;
    FILETIME written; /* of the file */
    DWORD size_low;
    DWORD size_high;
    struct hm_configured_list rows; /* in the arena */
    bool cut;                       /* there were more */
    const char *doubt;              /* why the list is not known whole; NULL: it is */
    struct hm_arena arena;
};
void hm_sites_init(struct hm_sites *sites);
void hm_sites_fini(struct hm_sites *sites);

/* configured.c — what HTTP.sys, IIS and containers are set up to serve, into the inventory, and the
 * ports that HTTP.sys serves now. What cannot be read becomes a note, and the list is partial.
 * IIS: applicationHost.config; containers: computenetwork.dll, where the host has both. */
enum hm_status hm_windows_configured(const struct hm_netsh_http http[HM_NETSH_HTTP_LISTS],
                                     struct hm_sites *sites, struct hm_inventory *inventory,
                                     struct hm_notes *notes, struct hm_ports *out_httpsys,
                                     struct hm_err *err) HM_MUST_CHECK;

/* configured.c — of that the ports that the registry says: all that 2000 to 2003 can tell. */
enum hm_status hm_windows_port_values(struct hm_inventory *inventory, struct hm_notes *notes,
                                      struct hm_err *err) HM_MUST_CHECK;

/* wmi.c — two numbers of each instance of a class, by the documented interface. A namespace, a
 * class or a service that is not there is no instance; nulls are skipped, as are doubles. */
struct hm_wmi_pair {
    uint32_t first;
    uint32_t second;
};
struct hm_wmi_pairs {
    struct hm_wmi_pair *at;
    size_t count;
};
#define HM_WMI_PAIRS_MAX 64
enum hm_status hm_wmi_list(const wchar_t *name_space, const wchar_t *query,
                           const wchar_t *first_property, const wchar_t *second_property,
                           struct hm_arena *arena, struct hm_wmi_pairs *out_pairs,
                           struct hm_err *err) HM_MUST_CHECK;

/* ranges.c — the dynamic ranges as WMI tells them (hm_host_ranges), asked in a process of its own,
 * "hm-agent ranges": COM stays in the memory of whoever used it, and a broken WMI can hang. No
 * answer is no opinion. */
enum hm_status hm_windows_ask_ranges(struct hm_arena *arena, struct hm_range_opinions *out_opinions,
                                     struct hm_err *err) HM_MUST_CHECK;

/* The lines that "hm-agent ranges" prints; any other line is skipped. */
enum hm_status hm_windows_read_ranges(const char *text, size_t len, struct hm_arena *arena,
                                      struct hm_range_opinions *out_opinions,
                                      struct hm_err *err) HM_MUST_CHECK;

/* registry.c — values of HKEY_LOCAL_MACHINE. *out_found false = the value or its key is not
 * there, or the value is of another type. */
enum hm_status hm_registry_u32(const wchar_t *key, const wchar_t *name, bool *out_found,
                               uint32_t *out_value, struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_registry_text(const wchar_t *key, const wchar_t *name, struct hm_arena *arena,
                                bool *out_found, const char **out_text,
                                struct hm_err *err) HM_MUST_CHECK;
/* Likewise of REG_EXPAND_SZ, too; variables as written. */
enum hm_status hm_registry_path(const wchar_t *key, const wchar_t *name, struct hm_arena *arena,
                                bool *out_found, const char **out_text,
                                struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_registry_lines(const wchar_t *key, const wchar_t *name, struct hm_arena *arena,
                                 bool *out_found, struct hm_strings *out_lines,
                                 struct hm_err *err) HM_MUST_CHECK;
/* The type of a value. */
enum hm_status hm_registry_type(const wchar_t *key, const wchar_t *name, bool *out_found,
                                enum hm_reg_type *out_type, struct hm_err *err) HM_MUST_CHECK;
/* Notes in registry that the value is there with another type than must_be (windows_rules.h). */
enum hm_status hm_registry_check_type(const wchar_t *key, const wchar_t *name,
                                      enum hm_reg_type must_be, struct hm_arena *arena,
                                      struct hm_registry *registry,
                                      struct hm_err *err) HM_MUST_CHECK;
/* Names of the values of a key; HM_ENOENT when there is no such key. */
enum hm_status hm_registry_names(const wchar_t *key, struct hm_arena *arena,
                                 struct hm_strings *out_names, struct hm_err *err) HM_MUST_CHECK;
/* Likewise, the names of the keys in it. */
enum hm_status hm_registry_keys(const wchar_t *key, struct hm_arena *arena,
                                struct hm_strings *out_names, struct hm_err *err) HM_MUST_CHECK;
bool hm_registry_has_key(const wchar_t *key);
/* When a value of the key was last written, or a key below it made; milliseconds, UTC. */
bool hm_registry_last_write(const wchar_t *key, int64_t *out_ms);
/* Written to disk before they return; the key is there. HM_EUNSUPPORTED when a value stands there
 * that the readers above do not show as it is: of another type, or a list with more in it than
 * its lines. It would be lost. Removing what is not there is fine. */
enum hm_status hm_registry_set_u32(const wchar_t *key, const wchar_t *name, uint32_t value,
                                   struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_registry_set_lines(const wchar_t *key, const wchar_t *name,
                                     const struct hm_strings *lines, struct hm_arena *arena,
                                     struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_registry_remove_u32(const wchar_t *key, const wchar_t *name,
                                      struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_registry_remove_lines(const wchar_t *key, const wchar_t *name,
                                        struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

#define HM_WINDOWS_TCPIP_KEY L"SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"

/* settings.c — ReservedPorts, MaxUserPort, TcpTimedWaitDelay, the DNS Server's socket pool,
 * hns\State. After services. *out_has_tcpip: Tcpip\Parameters was read. */
enum hm_status hm_windows_settings(struct hm_inventory *inventory, bool *out_has_tcpip,
                                   struct hm_notes *notes, struct hm_err *err) HM_MUST_CHECK;

/* Reads, and only reads, the store that netsh keeps its exclusions in: entries that the active
 * lists lack become a sentence in notes. */
enum hm_status hm_windows_stored_exclusions(const struct hm_stacks *stacks, struct hm_notes *notes,
                                            struct hm_err *err) HM_MUST_CHECK;

/* os_facts.c — RtlGetVersion, UBR, product name, architecture, system locale. */
enum hm_status hm_windows_os(struct hm_arena *arena, struct hm_os *out_os,
                             struct hm_err *err) HM_MUST_CHECK;
/* The volatile key of this boot (agent/guard/guard_name.h), made when needed. One that outlived a
 * restart, because somebody exported and imported it, is replaced by an empty one. */
long hm_windows_open_boot_key(HKEY *out_key);

/* Changes with every boot: a value in a volatile registry key of our own, which the system
 * forgets when it goes down. */
enum hm_status hm_windows_boot_id(struct hm_arena *arena, const char **out_boot_id,
                                  struct hm_err *err) HM_MUST_CHECK;

/* When the system started; milliseconds, UTC. false: it does not tell. */
bool hm_windows_boot_time(int64_t *out_ms);

/* services.c — Win32 services but for those of one log-on, by the service manager. */
struct hm_windows_service {
    const char *name;
    uint32_t pid;
};
struct hm_windows_services {
    struct hm_windows_service *at; /* those that have a process */
    size_t count;
    struct hm_service_rows rows;
    struct hm_strings unread; /* nobody may ask how they start: they are no rows */
};
enum hm_status hm_windows_services(struct hm_arena *arena, struct hm_windows_services *out_services,
                                   struct hm_err *err) HM_MUST_CHECK;
/* Services into the inventory, with what the failover cluster starts. */
enum hm_status hm_windows_settle_services(const struct hm_windows_services *services,
                                          const wchar_t *resources_key,
                                          struct hm_inventory *inventory, struct hm_notes *notes,
                                          struct hm_err *err) HM_MUST_CHECK;
#define HM_WINDOWS_CLUSTER_KEY L"Cluster\\Resources"

/* service_row.c — all that the manager answers about one service, as a row of it. */
struct hm_service_trigger { /* SERVICE_TRIGGER, which headers for Server 2003 lack */
    DWORD type;
    DWORD action;
    void *subtype;
    DWORD item_count;
    void *items;
};
struct hm_service_triggers { /* SERVICE_TRIGGER_INFO */
    DWORD count;
    struct hm_service_trigger *at;
    void *reserved;
};
struct hm_service_answers {
    const ENUM_SERVICE_STATUS_PROCESSW *entry;
    const QUERY_SERVICE_CONFIGW *config; /* NULL: refused; then start counts */
    DWORD start;
    bool delayed;
    const struct hm_service_triggers *triggers; /* NULL: none, or a system that has none */
};
enum hm_status hm_windows_service_row(const struct hm_service_answers *answers,
                                      struct hm_arena *arena, struct hm_service_row *out_row,
                                      struct hm_err *err) HM_MUST_CHECK;

/* processes.c — every process by id. */
struct hm_windows_process {
    uint32_t pid;
    const char *program;        /* "svchost.exe" */
    const char *service;        /* of its only service; "" none or several */
    struct hm_strings services; /* that live in it */
};
struct hm_windows_processes {
    struct hm_windows_process *at; /* sorted by pid */
    size_t count;
};
enum hm_status hm_windows_processes(const struct hm_windows_services *services,
                                    struct hm_arena *arena,
                                    struct hm_windows_processes *out_processes,
                                    struct hm_err *err) HM_MUST_CHECK;
/* NULL when there is none. */
const struct hm_windows_process *
hm_windows_find_process(const struct hm_windows_processes *processes, uint32_t pid);

/* sockets.c — GetExtendedTcpTable, GetExtendedUdpTable, bound endpoints where they can be had. */
enum hm_status hm_windows_sockets(const struct hm_windows_processes *processes,
                                  struct hm_arena *arena, struct hm_sockets *out_sockets,
                                  struct hm_err *err) HM_MUST_CHECK;

/* socket_rows.c — a row of those tables (MIB_TCPROW_OWNER_MODULE and its like) as a socket. */
struct hm_socket_rows {
    const struct hm_windows_processes *processes;
    struct hm_arena *arena;
    struct hm_sockets sockets;
    size_t room;
};
enum hm_status hm_socket_rows_add(struct hm_socket_rows *rows, enum hm_protocol protocol,
                                  enum hm_family family, const void *row,
                                  struct hm_err *err) HM_MUST_CHECK;
/* A row of what the undocumented function behind "netstat -q" gives: bound, neither listening nor
 * connected. These are MIB_TCPROW2 and MIB_TCP6ROW2, which headers for Server 2003 lack. */
struct hm_bound_row4 {
    DWORD state;
    unsigned char address[4];
    DWORD port;
    DWORD remote_address;
    DWORD remote_port;
    DWORD pid;
    DWORD offload_state;
};
struct hm_bound_row6 {
    unsigned char address[16];
    DWORD scope;
    DWORD port;
    unsigned char remote_address[16];
    DWORD remote_scope;
    DWORD remote_port;
    DWORD state;
    DWORD pid;
    DWORD offload_state;
};
enum hm_status hm_socket_rows_add_bound(struct hm_socket_rows *rows, enum hm_family family,
                                        const void *row, struct hm_err *err) HM_MUST_CHECK;

/* events.c — the event logs: port exhaustion (source Tcpip) since the last call, where the first
 * one only begins; and events of services (hm_service_events) since the boot. The first call goes
 * back to the boot, later ones read what is new. */
#define HM_EVENT_LOGS 3
#define HM_EVENT_MEMORY_BYTES (1024u * 1024u)
struct hm_event_memory {
    struct hm_event_mark logs[HM_EVENT_LOGS];
    struct hm_arena arena;
    struct hm_event_tally tally; /* since the boot */
    bool has_started;
    int64_t started_ms; /* when the system started */
    bool cut;           /* not all events of the boot could be read */
};
void hm_event_memory_init(struct hm_event_memory *memory);
void hm_event_memory_fini(struct hm_event_memory *memory);
/* Fills seen->events, with services as people see them, and the counts of seen->sample. */
enum hm_status hm_windows_events(struct hm_event_memory *memory, struct hm_observation *seen,
                                 struct hm_notes *notes, struct hm_err *err) HM_MUST_CHECK;

/* platform.c — completes an inventory whose system, boot, services and sockets are known by what
 * the registry and netsh say now. memory: as remember of the platform. need: signature is found
 * here. */
enum hm_status hm_windows_compose(struct hm_netsh *netsh, struct hm_sites *sites,
                                  const struct hm_tcpip_memory *memory,
                                  const struct hm_netsh_need *need, struct hm_observation *seen,
                                  struct hm_notes *notes, struct hm_err *err) HM_MUST_CHECK;

/* change.c — one action of a plan, on a system of this version; as change of the platform. A netsh
 * that has no answer within timeout_ms is ended: HM_EBUSY, code "timed_out". */
enum hm_status hm_windows_change(struct hm_netsh *netsh, const struct hm_os *os,
                                 const struct hm_action *action, DWORD timeout_ms,
                                 struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* ephemeral.c — as try_ephemeral of the platform. */
enum hm_status hm_windows_try_ephemeral(struct hm_arena *arena, const char **out_why,
                                        struct hm_err *err) HM_MUST_CHECK;
/* false: Windows says that this family is not installed. */
bool hm_windows_has_family(enum hm_family family);

/* platform.c — as reread of the platform, for a system of the inventory's version. */
enum hm_status hm_windows_reread(struct hm_netsh *netsh, const struct hm_actions *actions,
                                 struct hm_arena *arena, struct hm_inventory *inventory,
                                 struct hm_err *err) HM_MUST_CHECK;
/* change.c — the lists that show whether the action is done: of both families, as one command may
 * act on both. */
unsigned hm_windows_action_lists(const struct hm_action *action);
