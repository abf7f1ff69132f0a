/* common/ports/inventory.h — what an agent observed on one host: facts, no opinion.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Plain records. Stable: two inventories of an unchanged host are equal, so no process ids and
 * no counters here; those are in struct hm_sockets and struct hm_sample. has_… false = unknown.
 * All pointers are borrowed from one arena. Text is UTF-8, "" where a system does not tell. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ports/stack.h"

enum hm_os_family { HM_OS_WINDOWS, HM_OS_LINUX };
extern const char *const hm_os_family_names[2]; /* "windows", "linux" */

struct hm_os {
    enum hm_os_family family;
    const char *name;    /* "Windows Server 2019 Standard" */
    const char *version; /* Windows "10.0.17763" (RtlGetVersion), Linux kernel "6.1.0-21-amd64" */
    uint32_t revision;   /* UBR; 0 where there is none */
    const char *arch;    /* "x86_64" */
    const char *locale;  /* "fr-FR" */
};

/* How a listener holds its port; decides what an exclusion does to it (windows-ports 2.1). */
enum hm_listener_kind {
    HM_KIND_SOCKET,    /* a plain bind */
    HM_KIND_HTTPSYS,   /* reserved through HTTP.sys: an administered exclusion breaks it */
    HM_KIND_QUIC,      /* msquic: likewise */
    HM_KIND_RPC,       /* RPC endpoint */
    HM_KIND_KERNEL,    /* a driver */
    HM_KIND_CONTAINER, /* published by HNS, WinNAT or a container engine */
    HM_KIND_SHARED,    /* several processes bind it with SO_REUSEADDR: 1900, 3702, 5353, 5355 */
};
#define HM_KIND_COUNT 7
extern const char *const hm_listener_kind_names[HM_KIND_COUNT];

/* What an administered exclusion does to a listener of a kind (windows-ports 2.1; KB3039044). */
enum hm_exclusion_effect {
    HM_EXCLUSION_PROTECTS,      /* nobody is handed the port, and an explicit bind works */
    HM_EXCLUSION_BREAKS,        /* its component reserves the port itself, which then fails */
    HM_EXCLUSION_BREAKS_SECOND, /* the second process that binds the port fails */
};
enum hm_exclusion_effect hm_kind_exclusion_effect(enum hm_listener_kind kind);

/* Does a listener of this kind fail at its next start once its port is excluded? */
bool hm_kind_forbids_exclusion(enum hm_listener_kind kind);

/* A TCP port that a driver of Windows binds, never HTTP.sys: NetBIOS, SMB, NFS, PPTP ... */
bool hm_port_is_of_driver(uint16_t port);

struct hm_strings {
    const char **at; /* sorted, unique, where a set is meant */
    size_t count;
};

struct hm_listener {
    enum hm_protocol protocol;
    enum hm_family family;
    const char *address; /* "0.0.0.0", "::", "127.0.0.1" */
    uint16_t port;
    const char *program; /* file name without folder: "dns.exe"; "" unknown */
    const char *service; /* Windows service name or systemd unit without ".service"; "" none */
    enum hm_listener_kind kind;
    struct hm_strings hosted; /* as in struct hm_socket; of this moment, in no document */
    uint16_t last;            /* in a document alone: the row is for each port up to this one, 0 for
                                 port only (listener_ranges.h) */
};

struct hm_listeners {
    struct hm_listener *at; /* sorted: protocol, family, port, address, program */
    size_t count;
};

/* Start types of a service. All but manual and disabled start by themselves: HM_START_TRIGGERED by
 * an event of the system (a trigger; socket or timer units), HM_START_CLUSTER by a failover
 * cluster, which sets the start type to manual (the passive node, too), HM_START_DEPENDENCY, a
 * manual one, with an automatic service that depends on it, also over others: the service manager
 * starts it first. An automatic one that has triggers counts as triggered: such services stop by
 * themselves when there is nothing to do. */
enum hm_service_start {
    HM_START_AUTOMATIC,
    HM_START_DELAYED,
    HM_START_TRIGGERED,
    HM_START_CLUSTER,
    HM_START_DEPENDENCY,
    HM_START_MANUAL,
    HM_START_DISABLED,
};
#define HM_SERVICE_START_COUNT 7
extern const char *const hm_service_start_names[HM_SERVICE_START_COUNT];

struct hm_service {
    const char *name;    /* of the service, not for display: "MSExchangePOP3BE" */
    const char *program; /* file name without folder: "store.exe"; "" unknown */
    enum hm_service_start start;
    bool has_runs; /* whether it runs is known, from a settled observation */
    bool runs;
    uint32_t exit_code; /* of one that does not run: 10048 its port was in use, 1077 nobody has
                           started it since the boot; 0 stopped in order, or unknown */
    bool has_depends_on;
    struct hm_strings depends_on; /* services that must run before it; sorted */
};

struct hm_services {
    struct hm_service *at; /* sorted by name, each once */
    size_t count;
};

/* What is known of the service of a port book's entry, as the platform lists more services than an
 * inventory has: those that somebody disabled, and those that are no longer there. They need no
 * port now. */
enum hm_entry_service {
    HM_ENTRY_SERVICE_UNKNOWN, /* it is there, or nobody knows, or the entry has none */
    HM_ENTRY_SERVICE_DISABLED,
    HM_ENTRY_SERVICE_GONE,
};
#define HM_ENTRY_SERVICE_COUNT 3
extern const char *const hm_entry_service_names[HM_ENTRY_SERVICE_COUNT];

/* One listener that the port book has seen: the agent's memory over boots. The same program on
 * one port in several boots needs that port; on another port in each boot it was given them. */
struct hm_port_entry {
    enum hm_protocol protocol;
    enum hm_families families; /* in which it was seen */
    uint16_t port;
    const char *program; /* "" unknown */
    const char *service; /* "" none, or not one alone */
    enum hm_listener_kind kind;
    uint32_t boots; /* in how many boots, counted up to HM_PORT_BOOK_BOOTS */
    enum hm_entry_service service_state;
};
#define HM_PORT_BOOK_BOOTS 10u
#define HM_PORT_BOOK_FIXED 2u /* boots after which the port counts as fixed */

struct hm_port_book {
    struct hm_port_entry *at; /* sorted: protocol, port, program, service; each once */
    size_t count;
};

/* How it is known that a port is set up to be served. */
enum hm_configured_by {
    HM_BY_URL_RESERVATION, /* of HTTP.sys: a permission, which nobody may ever use */
    HM_BY_SSL_BINDING,     /* of HTTP.sys: a certificate for a port */
    HM_BY_IIS_BINDING,     /* of a web site */
    HM_BY_HNS_ENDPOINT,    /* of a container: a policy that names an outer port */
    HM_BY_PUBLISHED_PORT,  /* of a container: an outer port with its inner one */
    HM_BY_FTP_BINDING,     /* of an FTP site of IIS: a socket of ftpsvc */
    HM_BY_NET_TCP_BINDING, /* of a web site: a socket of the Net.Tcp Port Sharing Service */
    HM_BY_RDP_PORT,        /* registry: PortNumber of Remote Desktop */
    HM_BY_PORT_PROXY,      /* registry: an entry of "netsh interface portproxy" */
    /* Registry, of what registry_ports.h lists: */
    HM_BY_SQL_PORT,          /* TcpPort of an instance of SQL Server */
    HM_BY_SQL_DYNAMIC_PORT,  /* TcpDynamicPorts: the port that it was given, for which it asks
                                again, and in place of which it takes any other; 0: none yet, or TCP
                                is off */
    HM_BY_NTDS_PORT,         /* "TCP/IP Port" of NTDS */
    HM_BY_NETLOGON_PORT,     /* DCTcpipPort of Netlogon */
    HM_BY_FRS_PORT,          /* "RPC TCP/IP Port Assignment" of NtFrs */
    HM_BY_CA_PORT,           /* end point of the certification authority's DCOM application */
    HM_BY_EXCHANGE_RPC_PORT, /* "TCP/IP Port" of MSExchangeRPC */
    HM_BY_ADDRESS_BOOK_PORT, /* RpcTcpPort of MSExchangeAB */
    HM_BY_SPOOLER_PORT,      /* RpcTcpPort of the print spooler's policy */
    /* Linux, files of wg-quick, systemd-networkd and NetworkManager: */
    HM_BY_WIREGUARD_PORT,       /* ListenPort of a tunnel */
    HM_BY_WIREGUARD_GIVEN_PORT, /* a tunnel without one: the kernel gives it any free port */
    /* Registry, of Windows Deployment Services (registry_ports.h): */
    HM_BY_DEPLOYMENT_PORT,       /* the first and the last port of its range, a row each */
    HM_BY_DEPLOYMENT_GIVEN_PORT, /* UdpPortPolicy 0: it asks Windows for free ports; port 0 */
    HM_BY_SOCKET_UNIT,           /* Linux: ListenStream=, ListenDatagram= of a socket unit */
    /* Linux, settings files of servers (server_settings.h), a row for each service: */
    HM_BY_SETTINGS_PORT,    /* a TCP port that they say; 0: they do not say it for sure, and subject
                               is a clause that says why */
    HM_BY_SETTINGS_NO_PORT, /* they say that it opens none; port 0 */
    HM_BY_COMMAND_PORT,     /* Linux: the command line of a service that forwards a port */
};
#define HM_CONFIGURED_BY_COUNT 26
extern const char *const hm_configured_by_names[HM_CONFIGURED_BY_COUNT];
extern const char *const hm_configured_by_labels[HM_CONFIGURED_BY_COUNT]; /* for people */

/* A port that a component is set up to serve, whether or not it listens now (windows-ports 2.1). */
struct hm_configured {
    enum hm_protocol protocol;
    uint16_t port; /* 0: a value of the registry is no port; which one the service has at its next
                      start is not known, and subject has the value */
    enum hm_listener_kind kind;
    enum hm_configured_by by;
    enum hm_families families; /* in which it is served, as far as the setting says so */
    const char *address; /* on which alone it is served; "" or NULL: on any, or nobody knows */
    bool manual;         /* its web site does not start by itself */
    const char
        *service;        /* of several with the same setting, the one that it is for; of a container
                            on Linux what starts it; "" or NULL: there is only one, or nobody knows */
    const char *subject; /* for people: URL, address and port, site; printable ASCII */
};

struct hm_configured_list {
    struct hm_configured *at; /* sorted: protocol, port, kind, by, manual, service, address,
                                 families, subject; unique */
    size_t count;
};

struct hm_stacks {
    struct hm_stack *at; /* at most four, in hm_stack_index order; a missing one is unknown */
    size_t count;
};

struct hm_dns_pool {
    uint32_t size;            /* SocketPoolSize; 2500 where the value is absent and DNS is there */
    struct hm_ports excluded; /* SocketPoolExcludedPortRanges (2008 R2 and later) */
};

struct hm_hns_state {
    bool enabled;   /* EnableExcludedPortRange */
    uint32_t start; /* ExcludedPortRangeStartPort, 50000 */
    uint32_t count; /* ExcludedPortRangePortCount, 60 */
};
#define HM_HNS_START 50000u /* where the value is not set */
#define HM_HNS_COUNT 60u

/* Values of Tcpip\Parameters. has_… false = the value is not set. */
struct hm_tcpip_values {
    bool has_reserved_ports;
    struct hm_strings reserved_ports; /* lines as they stand, in their order */
    bool has_max_user_port;
    uint32_t max_user_port;
    bool has_tcp_timed_wait_delay_s;
    uint32_t tcp_timed_wait_delay_s;
};

/* Are the values of Tcpip\Parameters those that the running system uses? 2000, XP and 2003 read
 * them when they boot (KB956189), so a value written since then only counts after the next boot. */
enum hm_in_force {
    HM_IN_FORCE_ASSUMED, /* the boot time is unknown: they count as in force, and a note says so */
    HM_IN_FORCE_WRITTEN, /* written before the boot */
    HM_IN_FORCE_EARLIER, /* written since the boot; earlier has what is in force */
    HM_IN_FORCE_UNKNOWN, /* written since the boot, and nobody knows what was there before */
};
#define HM_IN_FORCE_COUNT 4
extern const char *const hm_in_force_names[HM_IN_FORCE_COUNT];

/* Tcpip\Parameters and its neighbours, as written. has_… false = the value is not set (the key
 * was read). */
struct hm_registry {
    bool has_reserved_ports;
    struct hm_strings reserved_ports; /* lines as they stand, in their order */
    bool has_max_user_port;
    uint32_t max_user_port;
    bool has_tcp_timed_wait_delay_s;
    uint32_t tcp_timed_wait_delay_s;
    enum hm_in_force in_force; /* of the three values above */
    bool contradicted;         /* they were written before the boot, and yet a socket was given a
                                  reserved port: in_force is unknown, and the next boot may bring
                                  the same */
    bool range_contradicted;   /* 2000 to 2003: in this boot a socket was given a port outside the
                                  range that MaxUserPort makes: the range is not known */
    bool has_earlier;          /* with HM_IN_FORCE_EARLIER */
    struct hm_tcpip_values earlier;
    bool has_dns_socket_pool;
    struct hm_dns_pool dns_socket_pool;
    bool has_hns;
    struct hm_hns_state hns;
    struct hm_strings wrong_types; /* values that do not count, each as a sentence without a dot */
};

struct hm_inventory {
    struct hm_os os;
    struct hm_stacks stacks;
    bool has_registry; /* false = the registry was not read (or this is not Windows) */
    struct hm_registry registry;
    bool has_listeners;
    struct hm_listeners listeners;
    bool owners_partial;    /* other users' processes could not be read: listeners lack programs */
    bool listeners_partial; /* the list was cut or filtered: some are missing */
    bool has_services;
    struct hm_strings
        services;          /* that run, or are wanted (hm_service_is_wanted); sorted, case kept */
    bool services_partial; /* only those that run could be read: one that is down is missing */
    bool has_service_details;
    struct hm_services service_details; /* of services, and of those that depend on them */
    bool has_port_book;
    struct hm_port_book port_book;
    bool has_configured;
    struct hm_configured_list configured;
    bool bindings_known;     /* those of IIS are all there, although configured is partial */
    bool configured_partial; /* one of its sources, or what HTTP.sys serves now, was not read */
};

enum hm_presence { HM_ABSENT, HM_PRESENCE_UNKNOWN, HM_PRESENT };

/* Does the host have the Host Network Service? Windows has it since 10.0 (2016); it is known to be
 * there when it runs, starts by itself, or has left its values in the registry. One that is
 * installed, has never run and does not start by itself makes no exclusion: it counts as absent. */
enum hm_presence hm_hns_presence(const struct hm_inventory *inventory);

/* Is it the range that HNS keeps excluded for itself, by the registry or by default? netsh must not
 * delete it, and it does not move at a boot. False where HNS is not known to be there. */
bool hm_hns_keeps(const struct hm_inventory *inventory, struct hm_range range);

/* Would it be that range, on a host of which it is not known whether it has HNS? */
bool hm_hns_may_keep(const struct hm_inventory *inventory, struct hm_range range);

/* As hm_hns_keeps, but that is turned off in the registry: HNS reads it when it starts, so the
 * range that is still there goes with the next boot. */
bool hm_hns_kept(const struct hm_inventory *inventory, struct hm_range range);

/* NULL when there are no details of this service; names are compared without case. */
const struct hm_service *hm_inventory_service(const struct hm_inventory *inventory,
                                              const char *name);

/* Does it start without a person? Everything but manual and disabled. */
bool hm_service_starts_itself(const struct hm_service *service);

/* Does it not run, and did its last run end with an error? Not when nobody has started it since the
 * boot (1077), nobody may (1058), one that it depends on does not run (1068), or its account cannot
 * log on (1069). */
bool hm_service_has_failed(const struct hm_service *service);

/* Does it start without a person, or has a start of it failed? That somebody started it, who wants
 * it to run, so a manual one counts, too. */
bool hm_service_is_wanted(const struct hm_service *service);

/* NULL when the inventory does not have this stack. */
const struct hm_stack *hm_inventory_stack(const struct hm_inventory *inventory,
                                          enum hm_protocol protocol, enum hm_family family);

/* Sorts listeners, services, their details, the port book and what is configured as the comments
 * above say and drops exact doubles. */
void hm_inventory_settle(struct hm_inventory *inventory);

/* Windows generations by version number; false on other systems and unknown versions. */
bool hm_os_is_legacy(const struct hm_os *os);       /* 2000, XP, 2003: ReservedPorts, MaxUserPort */
bool hm_os_needs_kb2665809(const struct hm_os *os); /* Vista, 2008, 7, 2008 R2: 6.0 and 6.1 */

/* The default dynamic range of the system (KB929851; Linux 32768-60999); false = unknown. */
bool hm_os_default_dynamic(const struct hm_os *os, struct hm_range *out_range);

/* What the stack never hands out now, as one set: administered and runtime rows and, on a legacy
 * system, the ReservedPorts in force with its adjacency fault (KB812873: of neighbours on separate
 * lines only the first is surely reserved). What is only written counts in the inventory that
 * hm_inventory_next makes (in_force.h). *out_known is false when the system did not tell. */
enum hm_status hm_inventory_excluded(const struct hm_inventory *inventory,
                                     enum hm_protocol protocol, enum hm_family family,
                                     struct hm_arena *arena, bool *out_known,
                                     struct hm_ports *out_excluded,
                                     struct hm_err *err) HM_MUST_CHECK;
