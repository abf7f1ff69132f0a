/* agent/platform/linux/sockets.c — every socket of this network namespace, through sock_diag.
 * SPDX-License-Identifier: Apache-2.0
 *
 * sock_diag(7): one dump for each protocol and family; faster than the text of /proc/net, and it
 * tells the IPv6-only flag and, from Linux 6.8 on, sockets that are bound and nothing more. */
#include "agent/platform/linux/linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/limits.h"

#define REPLY_BYTES (64u * 1024u)
#define REMOTE_BYTES (INET6_ADDRSTRLEN + 10)

/* The kernel's socket states (include/net/tcp_states.h); UDP uses 1 and 7. */
#define STATE_ESTABLISHED 1u
#define STATE_SYN_SENT 2u
#define STATE_FIN_WAIT1 4u
#define STATE_FIN_WAIT2 5u
#define STATE_TIME_WAIT 6u
#define STATE_CLOSE 7u
#define STATE_LAST_ACK 9u
#define STATE_LISTEN 10u
#define STATE_CLOSING 11u
#define STATE_BOUND_INACTIVE 13u    /* Linux 6.8; older kernels ignore the bit */
#define ALL_STATES ((1u << 14) - 2) /* bits 1 to 13 */

struct request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
};

enum hm_status hm_linux_sockets_add(struct hm_linux_sockets *sockets, struct hm_arena *arena,
                                    const struct hm_linux_socket *socket, struct hm_err *err)
{
    void *items = sockets->at;

    if (sockets->count >= HM_LIMIT_SOCKETS) {
        return hm_fail(err, HM_ETOOBIG, "more than %u sockets on this host", HM_LIMIT_SOCKETS);
    }
    if (hm_arena_grow(arena, &items, sockets->count, &sockets->room, sizeof(*sockets->at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of sockets");
    }
    sockets->at = items;
    sockets->at[sockets->count++] = *socket;
    return HM_OK;
}

static enum hm_socket_state state_of(const struct hm_linux_raw *raw)
{
    if (raw->protocol == HM_UDP) {
        return raw->state == STATE_ESTABLISHED ? HM_SOCKET_ESTABLISHED : HM_SOCKET_LISTEN;
    }
    switch (raw->state) {
    case STATE_LISTEN:
        return HM_SOCKET_LISTEN;
    case STATE_TIME_WAIT:
        return HM_SOCKET_TIME_WAIT;
    case STATE_FIN_WAIT1: /* half closed while a program has it, an orphan without */
    case STATE_FIN_WAIT2:
    case STATE_CLOSING:
    case STATE_LAST_ACK:
        return raw->inode == 0 ? HM_SOCKET_CLOSING : HM_SOCKET_ESTABLISHED;
    case STATE_CLOSE:
    case STATE_BOUND_INACTIVE:
        return HM_SOCKET_BOUND;
    default:
        return HM_SOCKET_ESTABLISHED;
    }
}

static bool is_mapped(const unsigned char address[16])
{
    static const unsigned char prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    return memcmp(address, prefix, sizeof(prefix)) == 0;
}

static bool is_zero(const unsigned char address[16], size_t len)
{
    static const unsigned char zero[16];

    return memcmp(address, zero, len) == 0;
}

/* The usual wildcard costs no memory. */
static const char *address_text(const unsigned char address[16], bool ipv6, struct hm_arena *arena)
{
    char text[INET6_ADDRSTRLEN];

    if (is_zero(address, ipv6 ? 16 : 4)) {
        return ipv6 ? "::" : "0.0.0.0";
    }
    if (inet_ntop(ipv6 ? AF_INET6 : AF_INET, address, text, sizeof(text)) == NULL) {
        return "";
    }
    return hm_arena_strdup(arena, text);
}

static const char *remote_text(const struct hm_linux_raw *raw, struct hm_arena *arena)
{
    char text[INET6_ADDRSTRLEN];

    if (raw->remote_port == 0 ||
        inet_ntop(raw->ipv6 ? AF_INET6 : AF_INET, raw->remote, text, sizeof(text)) == NULL) {
        return "";
    }
    return hm_arena_printf(arena, raw->ipv6 ? "[%s]:%u" : "%s:%u", text, raw->remote_port);
}

enum hm_status hm_linux_sockets_add_raw(struct hm_linux_sockets *sockets, struct hm_arena *arena,
                                        const struct hm_linux_raw *raw, struct hm_err *err)
{
    struct hm_linux_raw plain = *raw;
    struct hm_linux_socket row;

    if (raw->local_port == 0) {
        return HM_OK;
    }
    if (raw->ipv6 && is_mapped(raw->local)) { /* IPv4 spoken through an IPv6 socket */
        plain.ipv6 = false;
        memcpy(plain.local, raw->local + 12, 4);
        memcpy(plain.remote, raw->remote + 12, 4);
    }
    row = (struct hm_linux_socket){
        .socket = {.protocol = raw->protocol,
                   .family = plain.ipv6 ? HM_IPV6 : HM_IPV4,
                   .state = state_of(raw),
                   .address = address_text(plain.local, plain.ipv6, arena),
                   .port = raw->local_port,
                   .remote = remote_text(&plain, arena),
                   .program = "",
                   .service = "",
                   .connecting = raw->protocol == HM_TCP && raw->state == STATE_SYN_SENT},
        .inode = raw->inode,
        .dual_stack = plain.ipv6 && !raw->v6only && is_zero(plain.local, 16),
    };
    if (row.socket.address == NULL || row.socket.remote == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of sockets");
    }
    return hm_linux_sockets_add(sockets, arena, &row, err);
}

/* The attributes behind the fixed part: only the IPv6-only flag matters here. */
static bool find_v6only(const char *bytes, size_t len)
{
    size_t at = 0;

    while (len - at >= sizeof(struct nlattr)) {
        struct nlattr attribute;

        memcpy(&attribute, bytes + at, sizeof(attribute));
        if (attribute.nla_len < sizeof(attribute) || attribute.nla_len > len - at) {
            return false;
        }
        if (attribute.nla_type == INET_DIAG_SKV6ONLY && attribute.nla_len > sizeof(attribute)) {
            return bytes[at + sizeof(attribute)] != 0;
        }
        at += (attribute.nla_len + 3u) & ~(size_t)3u;
        if (at > len) {
            return false;
        }
    }
    return false;
}

static enum hm_status take_message(const char *bytes, size_t len, enum hm_protocol protocol,
                                   struct hm_arena *arena, struct hm_linux_sockets *out,
                                   struct hm_err *err)
{
    struct inet_diag_msg message;
    struct hm_linux_raw raw = {.protocol = protocol};

    if (len < sizeof(message)) {
        return hm_fail(err, HM_EIO, "sock_diag: the kernel sent a row of %zu bytes", len);
    }
    memcpy(&message, bytes, sizeof(message));
    raw.ipv6 = message.idiag_family == AF_INET6;
    memcpy(raw.local, message.id.idiag_src, sizeof(raw.local));
    memcpy(raw.remote, message.id.idiag_dst, sizeof(raw.remote));
    raw.local_port = ntohs(message.id.idiag_sport);
    raw.remote_port = ntohs(message.id.idiag_dport);
    raw.state = message.idiag_state;
    raw.inode = message.idiag_inode;
    raw.v6only = find_v6only(bytes + sizeof(message), len - sizeof(message));
    return hm_linux_sockets_add_raw(out, arena, &raw, err);
}

/* Walks one datagram of the dump. */
static enum hm_status take_reply(const char *bytes, size_t len, enum hm_protocol protocol,
                                 struct hm_arena *arena, struct hm_linux_sockets *out,
                                 bool *out_end, struct hm_err *err)
{
    size_t at = 0;

    while (at < len && len - at >= sizeof(struct nlmsghdr)) {
        struct nlmsghdr header;
        enum hm_status st;

        memcpy(&header, bytes + at, sizeof(header));
        if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > len - at) {
            return hm_fail(err, HM_EIO, "sock_diag: the kernel sent a broken message");
        }
        if (header.nlmsg_type == NLMSG_DONE) {
            *out_end = true;
            return HM_OK;
        }
        if (header.nlmsg_type == NLMSG_ERROR) {
            return hm_fail(err, HM_EUNSUPPORTED, "sock_diag: the kernel refuses the question");
        }
        st = take_message(bytes + at + sizeof(header), header.nlmsg_len - sizeof(header), protocol,
                          arena, out, err);
        if (st != HM_OK) {
            return st;
        }
        at += (header.nlmsg_len + 3u) & ~(size_t)3u;
    }
    return HM_OK;
}

static enum hm_status dump(int fd, enum hm_protocol protocol, unsigned char family, char *reply,
                           struct hm_arena *arena, struct hm_linux_sockets *out, struct hm_err *err)
{
    struct request request = {
        .header = {.nlmsg_len = sizeof(request),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = family,
                   .sdiag_protocol = protocol == HM_TCP ? IPPROTO_TCP : IPPROTO_UDP,
                   .idiag_states = ALL_STATES               },
    };
    bool end = false;

    if (send(fd, &request, sizeof(request), 0) < 0) {
        return hm_fail(err, HM_EIO, "sock_diag: %s", strerror(errno));
    }
    while (!end) {
        ssize_t got = recv(fd, reply, REPLY_BYTES, 0);
        enum hm_status st;

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return hm_fail(err, HM_EIO, "sock_diag: %s", strerror(errno));
        }
        st = take_reply(reply, (size_t)got, protocol, arena, out, &end, err);
        if (st != HM_OK) {
            return st;
        }
    }
    return HM_OK;
}

enum hm_status hm_linux_sockets_netlink(struct hm_arena *arena,
                                        struct hm_linux_sockets *out_sockets, struct hm_err *err)
{
    static const unsigned char families[] = {AF_INET, AF_INET6};
    struct hm_linux_sockets sockets = {0};
    char *reply = hm_arena_alloc(arena, REPLY_BYTES, 1);
    enum hm_status st = HM_OK;
    int fd;

    if (reply == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of sockets");
    }
    fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) {
        return hm_fail(err, HM_EUNSUPPORTED, "sock_diag: %s", strerror(errno));
    }
    for (unsigned i = 0; st == HM_OK && i < HM_STACK_COUNT; i++) {
        st = dump(fd, i < 2 ? HM_TCP : HM_UDP, families[i % 2], reply, arena, &sockets, err);
    }
    if (st == HM_OK) {
        *out_sockets = sockets;
    }
    (void)close(fd);
    return st;
}
