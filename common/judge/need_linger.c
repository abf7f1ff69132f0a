/* common/judge/need_linger.c — Linux: a connection that its program has closed: whose was it?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The kernel alone still has its port. That blocks a bind unless its socket *and* the server's were
 * set SO_REUSEADDR (bind(2), socket(7)). What a server accepted has that from the server, and
 * nearly every server sets it; a client has not, so its connection blocks every server. */
#include "common/judge/need.h"

#include <string.h>

#include "common/base/str.h"

/* As a rule no client has a lower port: not by the range, not where a program asks for one below
 * 1024 (bindresvport(3) from 600, rresvport(3) from 512: NFS, GlusterFS), and netfilter gives a
 * port of 512 and more no lower one when it translates an address. But a server of FTP connects
 * from port 20 to its client, which accepts (active mode, RFC 959 section 3.2). */
#define FIRST_OF_CLIENTS 512u
#define FTP_DATA_PORT 20u

/* The remote address and port: "10.0.0.9:443", "[2001:db8::1]:443", "fe80::1:443". */
static bool split_remote(const char *remote, size_t *out_address_len, uint16_t *out_port)
{
    const char *colon = remote == NULL ? NULL : strrchr(remote, ':');
    uint32_t port = 0;

    if (colon == NULL ||
        !hm_str_parse_u32(colon + 1, strlen(colon + 1), HM_PORT_COUNT - 1, &port)) {
        return false;
    }
    *out_address_len = (size_t)(colon - remote);
    *out_port = (uint16_t)port;
    return true;
}

static bool is_own_address(const struct hm_holder *holder, size_t address_len)
{
    const char *remote = holder->remote;

    if (address_len >= 2 && remote[0] == '[' && remote[address_len - 1] == ']') {
        remote++;
        address_len -= 2;
    }
    return holder->address != NULL && strlen(holder->address) == address_len &&
           memcmp(holder->address, remote, address_len) == 0;
}

static bool somebody_listens(const struct hm_facts *facts, const struct hm_need *need,
                             enum hm_family family, uint16_t port)
{
    const struct hm_range range = {port, port};
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;

    while ((listener = hm_facts_next_listener(facts, need->requirement->protocol,
                                              (struct hm_ports){&range, 1}, &cursor)) != NULL) {
        if (listener->family == family) {
            return true;
        }
    }
    return false;
}

bool hm_need_was_clients(const struct hm_facts *facts, const struct hm_need *need,
                         enum hm_family family, const struct hm_holder *holder)
{
    const struct hm_stack_facts *stack = hm_facts_stack(facts, need->requirement->protocol, family);
    size_t address_len;
    uint16_t port;

    if (!split_remote(holder->remote, &address_len, &port)) {
        return false;
    }
    if (is_own_address(holder, address_len) && somebody_listens(facts, need, family, port)) {
        return true; /* both ends are here, and that one is the server's */
    }
    return hm_range_contains(stack->dynamic, holder->port) && port < stack->dynamic.first &&
           port < FIRST_OF_CLIENTS && port != FTP_DATA_PORT;
}

bool hm_need_may_be_clients(const struct hm_facts *facts, const struct hm_need *need,
                            enum hm_family family, const struct hm_holder *holder)
{
    size_t address_len;
    uint16_t port;

    return !split_remote(holder->remote, &address_len, &port) ||
           !hm_range_contains(hm_facts_stack(facts, need->requirement->protocol, family)->dynamic,
                              port);
}
