/* common/judge/verdict.h — for one requirement on one host: will it get its ports at next start?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rules by kind of listener: windows-ports 2.1. Plain records in the caller's arena. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ports/requirement.h"
#include "common/ports/sockets.h"

/* In order of badness: the worst stack decides, and the worst requirement decides for a host. */
enum hm_verdict_state { HM_SAFE, HM_UNKNOWN, HM_EXPOSED, HM_BLOCKED };
extern const char *const hm_verdict_state_names[4]; /* "safe", "unknown", "exposed", "blocked" */

enum hm_verdict_reason {
    HM_REASON_EXCLUDED,          /* safe: kept out of the dynamic range */
    HM_REASON_OUTSIDE_DYNAMIC,   /* safe: nobody is handed this port */
    HM_REASON_OWN_RESERVATION,   /* safe: the component that serves it holds it */
    HM_REASON_IN_DYNAMIC,        /* exposed: a race at every start */
    HM_REASON_HELD,              /* blocked: another process has it now (holder) */
    HM_REASON_RUNTIME_EXCLUSION, /* blocked: inside a block of WinNAT, HNS, HTTP.sys … */
    HM_REASON_RESERVER_EXCLUDED, /* blocked: an administered exclusion breaks HTTP.sys and QUIC */
    HM_REASON_SHARED_EXCLUDED,   /* blocked: second SO_REUSEADDR bind fails (KB3039044) */
    HM_REASON_FACTS_MISSING,     /* unknown */
    HM_REASON_UNKNOWN_LISTENER,  /* unknown: the product runs, and an unknown program listens on
                                    its port (holder): a part of it, or a stranger */
    HM_REASON_PORT_UNKNOWN,      /* unknown: nothing says which port it is set up for */
};
#define HM_REASON_COUNT 11
extern const char *const hm_verdict_reason_names[HM_REASON_COUNT];

/* Where the requirement comes from. */
enum hm_verdict_origin { HM_ORIGIN_CATALOGUE, HM_ORIGIN_OBSERVED };
extern const char *const hm_verdict_origin_names[2];

struct hm_holder {
    const char *program; /* "" unknown */
    const char *service;
    uint32_t pid; /* 0 unknown */
    enum hm_socket_state state;
    uint16_t port;
    const char *remote;
    bool connecting;          /* as in struct hm_socket */
    struct hm_strings hosted; /* likewise */
    const char *address;      /* likewise; NULL unknown */
};

/* Who has this socket, and who listens there. Borrows their texts. */
struct hm_holder hm_holder_of_socket(const struct hm_socket *socket);
struct hm_holder hm_holder_of_listener(const struct hm_listener *listener);

struct hm_verdict {
    const char *product;     /* product id; for an observed one the program or service */
    const char *requirement; /* requirement id; for an observed one "tcp-33060" */
    const char *title;       /* "Exchange 2013 POP3 back end" */
    enum hm_protocol protocol;
    struct hm_ports ports;
    enum hm_listener_kind kind;
    enum hm_verdict_origin origin;
    enum hm_verdict_state state;
    enum hm_verdict_reason reason;
    struct hm_strings families; /* the families that have this state: "ipv4", "ipv6" */
    struct hm_ports at_risk;    /* the part of ports that makes the state, with what is unknown
                                   beside it; empty when safe */
    bool has_odds;              /* only of an exposed one; unknown k = unknown odds, not zero */
    double odds;                /* 0 to 1, chance that at least one port is taken */
    bool odds_at_least;         /* only a part of k is known (the DNS socket pool), or blocks fill
                                   more than half of the range */
    bool odds_of_each; /* odds are those of each single port: a pool, of which its user takes
                          a port loses that one alone */
    bool has_holder;
    struct hm_holder holder;
    bool has_after_boot;              /* the next boot makes it another state: what is only */
    enum hm_verdict_state after_boot; /* written is in force then */
    const char *text;                 /* one sentence for people */
};

struct hm_verdicts {
    struct hm_verdict *at; /* sorted: worst first, then product, requirement */
    size_t count;
};

/* "safe after the next boot", for tables; "" where the boot changes nothing. */
const char *hm_verdict_after_boot_text(const struct hm_verdict *verdict);
