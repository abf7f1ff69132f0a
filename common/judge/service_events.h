/* common/judge/service_events.h — events of a service that did not get its port, or did
 * not start at all: by provider and number, which are the same in every language.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Agents look for these and no others; deploy/windows/collect.cmd gathers the same numbers. */
#pragma once

#include "common/base/str.h"
#include "common/judge/judge.h"

struct hm_service_event {
    const char *log;      /* "System", "Application", "DNS Server": where Windows writes it */
    const char *provider; /* '*' and '?' as in file names: named instances have their own */
    uint32_t id;
    const char *product;        /* id in the catalogue that it is about; "" by what it names */
    bool failed;                /* the service manager says that the service failed */
    bool by_port;               /* the service says that a port was the reason */
    bool no_tcp;                /* the product runs on, and says that it did not get a TCP port; */
    bool no_udp;                /* a UDP port */
    enum hm_listener_kind kind; /* with product "": of listeners that it is about, or socket */
    unsigned about;   /* which text of the event names the service as people see it, or the
                         address, from 1; 0 none */
    bool about_all;   /* all texts together name the address and the port */
    unsigned error;   /* which text is the error that the service ended with, from 1; 0 none */
    const char *says; /* for people, in the order: it …; source beside the row */
};

extern const struct hm_service_event hm_service_events[];
extern const size_t hm_service_events_count;

/* The row of an event; NULL when nobody asks for it. */
const struct hm_service_event *hm_service_event_find(const char *provider, uint32_t id);

/* Does it say that HTTP.sys could not serve an address? */
bool hm_service_event_is_httpsys(const struct hm_event_count *event);

/* The address and the port that about names, each where it does: "1433", "0.0.0.0:443", "[::]:443",
 * "http://+:8080/", "10.1.1.5", "10.1.1.5 <ipv4> 1433", "'any' <ipv6> 1433". */
struct hm_event_place {
    bool has_port;
    uint16_t port;
    bool has_address;
    enum hm_family family;  /* of address */
    struct hm_span address; /* as in struct hm_listener; borrowed from the event */
};
struct hm_event_place hm_service_event_place(const struct hm_event_count *event);

/* Its port; false when it names none. */
bool hm_service_event_port(const struct hm_event_count *event, uint16_t *out_port);

/* Is the event about this service or product? product may be "". */
bool hm_service_event_concerns(const struct hm_event_count *event, const char *service,
                               const char *product);
