/* common/judge/facts.h — one host's facts, indexed once so that judging needs no searching.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to judging. Borrows from the judge's input; everything made lives in the arena. */
#pragma once

#include "common/judge/judge.h"
#include "common/judge/names.h"
#include "common/ports/given.h"
#include "common/ports/portbits.h"

/* Exclusions of one stack as they count for judging. */
struct hm_stack_facts {
    bool present; /* this family exists on the host: its absence from an old or a Linux system
                     means "not installed", on a modern Windows it means "not read" */
    bool has_dynamic;
    struct hm_range dynamic;
    bool contradicted; /* sockets contradict the range that was told: it is dynamic, and counts as
                          unknown */
    bool has_least;    /* range unknown: these ports are surely in it */
    struct hm_range least;
    bool has_most; /* range unknown: no other port is in it */
    struct hm_range most;
    bool has_administered;
    struct hm_ports administered; /* legacy Windows: ReservedPorts with its adjacency fault */
    bool has_runtime;
    struct hm_ports runtime;
    bool unsupported;
    bool has_usable; /* all of the above are known */
    struct hm_ports usable;
    uint32_t usable_count;
    struct hm_ports space;  /* usable, once a boot has ended the blocks: they are placed again */
    struct hm_ports blocks; /* kept: the runtime rows that are such blocks */
    bool has_others;        /* sockets (or a sample) tell how many ports are taken */
    uint32_t others;    /* distinct ports inside usable, of either family; UDP: without dns.exe */
    uint32_t dns_taken; /* UDP: those of dns.exe in this family */
};

/* A listener or a socket under "protocol, port": sorted, so one range is one run. */
struct hm_port_key {
    uint32_t key; /* protocol << 16 | port */
    uint32_t at;  /* place in the inventory's or the sockets' list */
};

struct hm_port_index {
    struct hm_port_key *at;
    size_t count;
};

struct hm_facts {
    const struct hm_judge_input *input;
    const struct hm_inventory *inventory;
    bool linux_host;
    bool legacy;      /* Windows 2000, XP, 2003 */
    unsigned windows; /* major * 100 + minor: 601 is 2008 R2; 0 unknown or not Windows */
    struct hm_stack_facts stacks[HM_STACK_COUNT]; /* by hm_stack_index: what is in force */
    bool boot_changes; /* something is written that only the next boot puts in force */
    struct hm_stack_facts next[HM_STACK_COUNT]; /* after the next boot; as stacks without it */
    struct hm_names services;
    struct hm_names programs;          /* that have a socket */
    struct hm_names idle_programs;     /* of services that are there, and of the port book: they
                                          tell of a product, not that it runs */
    struct hm_names running;           /* services that have a socket, or are known to run */
    struct hm_names stopped;           /* services that are known not to run */
    const struct hm_product **present; /* products of the catalogue that this host has */
    size_t present_count;
    struct hm_port_index listeners;
    struct hm_port_index sockets;    /* only of ports that somebody requires; see index_sockets */
    struct hm_given given;           /* Windows: sockets whose port the system picked */
    struct hm_portbits *used[2];     /* by protocol, UDP without dns.exe; NULL = unknown */
    struct hm_portbits *required[2]; /* by protocol: ports of the catalogue's requirements */
    struct hm_portbits *fixed[2];    /* by protocol: required ports on which somebody listens */
    bool lacks_rows[2];              /* by protocol: a list of a Windows' sockets has none of it */
    bool has_dns;                    /* the DNS Server with its pool of random UDP ports */
    struct hm_dns_pool dns;
};

enum hm_status hm_facts_init(const struct hm_judge_input *input, struct hm_arena *arena,
                             struct hm_facts *out_facts, struct hm_err *err) HM_MUST_CHECK;

/* Call once required is filled: indexes the sockets on those ports. */
enum hm_status hm_facts_index_sockets(struct hm_facts *facts, struct hm_arena *arena,
                                      struct hm_err *err) HM_MUST_CHECK;

/* After hm_facts_index_sockets: who takes ports at random at the next start (odds.h). Fills the
 * stacks' space and blocks, and fixed. A runtime row moves with each boot when it is wider than one
 * port, above the ports that no system gives, not the range that HNS keeps, and not served by
 * listeners throughout (HTTP.sys, published ports). */
enum hm_status hm_facts_find_takers(struct hm_facts *facts, struct hm_arena *arena,
                                    struct hm_err *err) HM_MUST_CHECK;

/* As hm_detect_matches, by index, and over sockets too. */
bool hm_facts_detect(const struct hm_facts *facts, const struct hm_detect *detect);

const struct hm_stack_facts *hm_facts_stack(const struct hm_facts *facts, enum hm_protocol protocol,
                                            enum hm_family family);

/* Is the port in the stack's dynamic range, for certain? */
bool hm_stack_facts_gives(const struct hm_stack_facts *stack, uint16_t port);

/* The dynamic range; where it is not known, all that may be in it; empty where nothing is known.
 * Borrows from stack. */
struct hm_ports hm_stack_facts_may_give(const struct hm_stack_facts *stack);

/* May the system have given the listener its port? Not one that is reserved or excluded. */
bool hm_facts_may_give(const struct hm_facts *facts, const struct hm_listener *listener);

/* Is it for this host alone: the administrator's port, one that ssh forwards? */
bool hm_listener_is_loopback(const struct hm_listener *listener);

/* As hm_facts_stack, after the next boot: what is only written now is in force then. The counters
 * of sockets are those of now. */
const struct hm_stack_facts *hm_facts_next_stack(const struct hm_facts *facts,
                                                 enum hm_protocol protocol, enum hm_family family);

/* Was this socket given its port out of the dynamic range: a client's connection, a bound socket,
 * a socket of the DNS Server's pool? A boot ends it, and then it may get any other. */
bool hm_facts_ends_with_boot(const struct hm_facts *facts, const struct hm_socket *socket);

/* The entries of the index inside the range: *out_at to the end answered. */
size_t hm_facts_find(const struct hm_port_index *index, enum hm_protocol protocol,
                     struct hm_range range, size_t *out_at);

/* Walks the listeners on the ports in their order: start with *cursor zeroed; NULL at the end. */
struct hm_port_cursor {
    size_t range; /* of ports */
    size_t at;    /* in the index */
    size_t end;
};
const struct hm_listener *hm_facts_next_listener(const struct hm_facts *facts,
                                                 enum hm_protocol protocol, struct hm_ports ports,
                                                 struct hm_port_cursor *cursor);
const struct hm_socket *hm_facts_next_socket(const struct hm_facts *facts,
                                             enum hm_protocol protocol, struct hm_ports ports,
                                             struct hm_port_cursor *cursor);
