/* common/ports/sockets.h — every socket of a host at one moment, and the counters made of them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Volatile facts: they feed verdicts, evidence and samples, and never enter an inventory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ports/inventory.h"

enum hm_socket_state {
    HM_SOCKET_LISTEN,      /* TCP LISTEN; a UDP socket without a peer */
    HM_SOCKET_ESTABLISHED, /* and every other state of a live connection; connected UDP */
    HM_SOCKET_TIME_WAIT,
    HM_SOCKET_BOUND,   /* bound, neither listening nor connected */
    HM_SOCKET_CLOSING, /* Linux: its program has closed it and the other end has not answered yet:
                          FIN_WAIT_1, FIN_WAIT_2, CLOSING or LAST_ACK without an owner */
};
#define HM_SOCKET_STATE_COUNT 5
extern const char *const hm_socket_state_names[HM_SOCKET_STATE_COUNT];

/* Is it a connection that its program has closed, which the system alone still has? It goes by
 * itself: TIME_WAIT of Linux after 60 s (TCP_TIMEWAIT_LEN), the others within minutes (tcp(7),
 * tcp_orphan_retries, tcp_fin_timeout). */
bool hm_socket_state_lingers(enum hm_socket_state state);

struct hm_socket {
    enum hm_protocol protocol;
    enum hm_family family;
    enum hm_socket_state state;
    const char *address; /* local */
    uint16_t port;       /* local */
    const char *remote;  /* "10.0.0.5:3268"; "" none */
    uint32_t pid;        /* 0 = the system does not tell (TIME_WAIT, other namespaces) */
    const char *program; /* as in struct hm_listener */
    const char *service;
    bool connecting;          /* TCP SYN_SENT: the other end has not answered yet, and may never */
    struct hm_strings hosted; /* services of its process, when they are several and nobody tells
                                 which of them has the socket; empty otherwise */
};

struct hm_sockets {
    struct hm_socket *at;
    size_t count;
};

/* Counters of this moment, one row for each stack. */
struct hm_sample_stack {
    enum hm_protocol protocol;
    enum hm_family family;
    uint32_t usable; /* dynamic range without exclusions */
    uint32_t in_use; /* distinct local ports inside usable */
    uint32_t established;
    uint32_t time_wait;
    uint32_t bound;
    uint32_t free_blocks; /* wholly free, aligned blocks of 64 ports (Microsoft SDN test) */
};

struct hm_sample_stacks {
    struct hm_sample_stack *at;
    size_t count;
};

/* Windows System log, source Tcpip, since the last sample (windows-ports 4.1). */
struct hm_sample {
    struct hm_sample_stacks stacks;
    bool has_events;
    uint32_t event_4227; /* TCP TIME_WAIT collision */
    uint32_t event_4231; /* TCP ephemeral ports exhausted */
    uint32_t event_4266; /* UDP ephemeral ports exhausted */
};

/* The DNS Server's random UDP sockets and other client UDP sockets are no services: which
 * sockets become inventory listeners. TCP LISTEN: all. UDP without a peer: those outside the
 * dynamic range, and those inside it whose program holds at most HM_UDP_POOL_MIN of them. */
#define HM_UDP_POOL_MIN 16
enum hm_status hm_sockets_to_listeners(const struct hm_sockets *sockets,
                                       const struct hm_stacks *stacks, struct hm_arena *arena,
                                       struct hm_listeners *out_listeners,
                                       struct hm_err *err) HM_MUST_CHECK;
