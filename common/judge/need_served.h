/* common/judge/need_served.h — is somebody seen at the address and port that an event names?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to judging. A service that bound one of two addresses of its port serves a part of its
 * clients: a listener counts for the address of the event only, and one on a loopback address for
 * nobody outside of the host. */
#pragma once

#include "common/judge/need.h"
#include "common/judge/service_events.h"

/* Does the need's product listen where the event says that it could not? A listener whose owner
 * could not be read counts as its own. Without an address in the event: does it listen on anything
 * but a loopback address? */
bool hm_need_serves(const struct hm_facts *facts, const struct hm_need *need,
                    const struct hm_event_place *place);

/* Does a web site have a binding at the need's ports, while its service runs and nobody listens at
 * any of them? Then the site is stopped: it starts neither by itself nor with the service. */
bool hm_need_site_is_stopped(const struct hm_facts *facts, const struct hm_need *need);

/* Is this holder of a port on the address that the event names, or on all of its family? */
bool hm_holder_has_place(enum hm_family family, const struct hm_holder *holder,
                         const struct hm_event_place *place);

/* The addresses on which it listens elsewhere, "127.0.0.1 and 10.1.1.5"; "" where it does not. */
enum hm_status hm_need_serves_elsewhere(const struct hm_facts *facts, const struct hm_need *need,
                                        struct hm_arena *arena, const char **out_addresses,
                                        struct hm_err *err) HM_MUST_CHECK;

/* Does HTTP.sys serve the port of the event on other addresses, while no socket of the host shows
 * the one that it could not take? It may be gone; then its list of addresses (iplisten) still has
 * it, and nothing keeps HTTP.sys from its port. */
bool hm_httpsys_lost_address(const struct hm_facts *facts, const struct hm_event_place *place);

/* Does HTTP.sys listen at a TCP port where the event says that it could not? */
bool hm_httpsys_serves(const struct hm_facts *facts, const struct hm_event_place *place);
