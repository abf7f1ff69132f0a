/* common/judge/need_port.h — a port that settings of the host name, as a need.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to judging. Memory is that of the list. Pure. */
#pragma once

#include "common/judge/need.h"

/* What is known of a port that becomes a need. */
struct hm_need_port {
    enum hm_protocol protocol;
    enum hm_families families;
    uint16_t port;
    enum hm_listener_kind kind;
    const struct hm_product *product;
    const char *title;
    struct hm_strings services;
    struct hm_strings programs;
    const char *source;
    bool published;
    bool bound; /* by a binding of IIS, a socket unit, a tunnel: nothing else may have it */
    bool of_iis;
    bool only_at_risk; /* of services that are down; somebody's permission, otherwise nothing */
    bool only_blocked; /* likewise, of services that run and do not serve it */
    bool permission;   /* a URL reservation or an SSL binding names it */
    bool unsure;       /* and nobody knows that its services are the ones */
};

/* Adds it to the list; one over HM_NEEDS_OBSERVED_MAX is counted only. HM_ENOMEM. */
enum hm_status hm_need_put_port(struct hm_facts *facts, struct hm_need_list *list,
                                const struct hm_need_port *port) HM_MUST_CHECK;

/* Adds the needs of URL reservations and SSL bindings of HTTP.sys that services of the host use,
 * as far as their names, their products or their errors say it, and that nothing serves now. */
enum hm_status hm_needs_put_permissions(struct hm_facts *facts,
                                        struct hm_need_list *list) HM_MUST_CHECK;
