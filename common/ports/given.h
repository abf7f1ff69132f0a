/* common/ports/given.h — sockets whose port the system picked: the evidence of its dynamic range.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A listener asks for its port. A client's connection, and the sockets of the DNS Server's pool
 * (KB956188), take what they are given. Left out is what may be something else: connections on a
 * port where somebody listens (they were accepted), connections without a process (a service that
 * was stopped leaves them for minutes), TIME_WAIT, UDP sockets of other programs, ports under
 * 1024. Pure. Threads: safe. */
#pragma once

#include "common/ports/sockets.h"

#define HM_GIVEN_FIRST 1024u /* no system gives a lower port */

struct hm_given {
    const struct hm_socket **at; /* sorted: protocol, port */
    size_t count;
    size_t pool; /* of these, UDP sockets of the DNS Server */
};

/* has_dns: the DNS Server is there. Where the system tells no program at all (Windows 2000), its
 * UDP sockets count when there are at least HM_GIVEN_POOL_MIN of them, but for a few that lie so
 * far past all others that the pool, which is at random, would have filled the gap: services chose
 * them. */
#define HM_GIVEN_POOL_MIN 256u
enum hm_status hm_given_find(const struct hm_sockets *sockets, bool has_dns, struct hm_arena *arena,
                             struct hm_given *out_given, struct hm_err *err) HM_MUST_CHECK;

/* The one with the highest port of both protocols; NULL without any. */
const struct hm_socket *hm_given_highest(const struct hm_given *given);

/* Is it a socket of the DNS Server's pool? */
bool hm_socket_is_pool(const struct hm_socket *socket);

/* Where a range was read: do the sockets contradict it all the same? Programs may bind the port of
 * a connection themselves, and when the range was made smaller, old connections keep their ports.
 * So that takes HM_GIVEN_MANY sockets outside, HM_GIVEN_TIMES as many as inside (a range around
 * this one leaves more of them inside), of HM_GIVEN_PROGRAMS programs or of the DNS Server's pool.
 * lowest, highest: of those outside. */
#define HM_GIVEN_MANY 32u
#define HM_GIVEN_TIMES 4u
#define HM_GIVEN_PROGRAMS 3u
struct hm_given_outside {
    bool contradict;
    size_t count;
    uint16_t lowest;
    uint16_t highest;
};
struct hm_given_outside hm_given_outside(const struct hm_given *given, enum hm_protocol protocol,
                                         struct hm_range range);
