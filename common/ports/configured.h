/* common/ports/configured.h — the list of ports that components are set up to serve, in the
 * making. SPDX-License-Identifier: Apache-2.0
 *
 * A service that is stopped, and every service early in a boot, shows no listener; its settings do.
 * Pure: memory from the caller's arena. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/ports/inventory.h"

/* Subjects that one port and source keep: a web server may have a thousand sites on 443. */
#define HM_CONFIGURED_SUBJECTS 4u

struct hm_configured_make {
    struct hm_arena *arena;
    bool http3; /* HTTP.sys of this system can serve HTTPS over QUIC: the same UDP port */
    bool deployment_range;  /* Windows Deployment Services of this system take their ports out of a
                               range where nothing else is set: before 2012 */
    bool deployment_policy; /* and UdpPortPolicy can say otherwise: from 2008 R2 on */
    struct hm_configured_list list;
    size_t cap;
    bool bindings;     /* all bindings of IIS are in the list */
    bool cut;          /* there were more than HM_LIMIT_CONFIGURED_READ: the rest is missing */
    const char *doubt; /* why the source that was read last is not known whole; NULL: it is. Static
                          text; the caller says it, calls hm_configured_finish with partial, and
                          resets it */
};

/* Can HTTP.sys of this system serve HTTP/3, over QUIC? */
bool hm_os_has_http3(const struct hm_os *os);

/* An empty list for a system: Server 2022 (build 20348) and later have HTTP/3. */
void hm_configured_begin(struct hm_configured_make *make, const struct hm_os *os,
                         struct hm_arena *arena);

/* Adds one row, which borrows its service. Its address is copied, as units of Linux are gone before
 * the inventory is; its subject, too: printable ASCII, anything else as '?', cut at
 * HM_LIMIT_SUBJECT_BYTES. */
enum hm_status hm_configured_put(struct hm_configured_make *make, const struct hm_configured *row,
                                 struct hm_span subject, struct hm_err *err) HM_MUST_CHECK;

/* A port of HTTP.sys: TCP, and for HTTPS with HTTP/3 UDP, too. Port 0 is none. */
enum hm_status hm_configured_put_http(struct hm_configured_make *make, enum hm_configured_by by,
                                      uint16_t port, bool secure, bool manual,
                                      struct hm_span subject, struct hm_err *err) HM_MUST_CHECK;

/* Sorts, drops doubles and subjects over HM_CONFIGURED_SUBJECTS. False when rows over
 * HM_LIMIT_CONFIGURED had to go: first those outside the dynamic ranges of stacks, now and after
 * the next boot, and of both URL reservations first, as nothing need ever serve them. In place. */
bool hm_configured_settle(struct hm_configured_list *list, const struct hm_stacks *stacks);

/* Puts the settled list into the inventory, whose stacks are there. partial: a source of it could
 * not be read. */
void hm_configured_finish(struct hm_configured_make *make, bool partial,
                          struct hm_inventory *inventory);

/* The ports of one protocol and kind, as a set. */
enum hm_status hm_configured_ports(const struct hm_inventory *inventory, enum hm_protocol protocol,
                                   enum hm_listener_kind kind, struct hm_arena *arena,
                                   struct hm_ports *out_ports, struct hm_err *err) HM_MUST_CHECK;

/* Are all bindings of IIS known, and is there one of a site? */
bool hm_configured_knows_bindings(const struct hm_inventory *inventory);

/* Is there a row of this source? */
bool hm_configured_has(const struct hm_inventory *inventory, enum hm_configured_by by);
