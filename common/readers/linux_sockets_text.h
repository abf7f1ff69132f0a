/* common/readers/linux_sockets_text.h — sockets of a Linux host, as netstat or ss of Linux list
 * them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * "netstat -tuanp" (net-tools) and "ss -tuanp" (iproute2), also with -l. Rows are known by their
 * first word (tcp, tcp6, udp, udp6); netstat has two numbers behind it, ss a state. Rows of other
 * protocols and text without such a word are skipped. Addresses and ports have to be numbers (-n).
 *
 * A socket on the wildcard of IPv6 usually takes its port of IPv4, too (ipv6(7), IPV6_V6ONLY): it
 * is listed twice, as "::" and as "0.0.0.0". ss shows which do: "*:80" does, "[::]:80" does not.
 * netstat does not show it: there each one does. */
#pragma once

#include "common/ports/sockets.h"

struct hm_linux_listing {
    struct hm_sockets sockets; /* service is "" everywhere */
    bool has_programs;         /* -p, and the right to see them */
    bool has_connections;      /* false: listeners alone (-l), so that ranges look empty */
};

/* HM_EINVAL with line and reason; a text without any row is refused. Everything lives in the arena.
 */
enum hm_status hm_linux_sockets_parse(const char *text, size_t len, struct hm_arena *arena,
                                      struct hm_linux_listing *out_listing,
                                      struct hm_err *err) HM_MUST_CHECK;
