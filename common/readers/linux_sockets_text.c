/* common/readers/linux_sockets_text.c — sockets of a Linux host, as netstat or ss of Linux list
 * them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/linux_sockets_text.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/readers/input_text.h"
#include "common/readers/netstat_row.h"

#define INPUT_ARENA_BYTES (2u * HM_LIMIT_NETSTAT_FILE_BYTES)
#define ROW_WORDS_MIN 5 /* of netstat's UDP without a program; ss has six */

/* What a wildcard of IPv6 says about IPv4. */
enum wild {
    WILD_NOT,  /* no such address, or "[::]" of ss: IPv6 alone */
    WILD_DUAL, /* ":::80" of netstat, which does not show the IPv6-only flag: as sockets usually are
                */
    WILD_STAR, /* "*:80" of ss: both families; of ss before 4.17 it is 0.0.0.0 */
};

struct row {
    struct hm_socket socket;
    enum wild wild;
};

struct listing {
    struct row *at;
    size_t count;
    size_t room;
    bool old_ss; /* ss without brackets: its "*" is an address of IPv4 */
    struct hm_linux_listing about;
    struct hm_arena *arena;
};

static enum hm_status refuse(struct hm_err *err, unsigned line, const char *why)
{
    return hm_fail_line(err, HM_EINVAL, line, "line %u: %s", line, why);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "::ffff:10.0.0.7": IPv4 spoken through an IPv6 socket. */
static void unmap(struct hm_span *address)
{
    static const char prefix[] = "::ffff:";
    const size_t len = sizeof(prefix) - 1;

    if (address->len > len && memcmp(address->at, prefix, len) == 0 &&
        memchr(address->at, '.', address->len) != NULL) {
        *address = (struct hm_span){address->at + len, address->len - len};
    }
}

/* "0.0.0.0:22", ":::80", "[::]:80", "*:80", "127.0.0.53%lo:53"; out_port 0 for "*". */
static bool parse_end(struct hm_span word, struct hm_socket *socket, uint16_t *out_port,
                      struct hm_span *out_address)
{
    size_t colon = word.len;
    uint32_t port = 0;
    const char *zone;
    bool any;

    while (colon > 0 && word.at[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2 || colon == word.len) {
        return false;
    }
    any = word.at[colon] == '*' && word.len == colon + 1;
    if (!any && !hm_str_parse_u32(word.at + colon, word.len - colon, HM_PORT_COUNT - 1, &port)) {
        return false;
    }
    *out_port = (uint16_t)port;
    *out_address = (struct hm_span){word.at, colon - 1};
    zone = memchr(out_address->at, '%', out_address->len);
    if (zone != NULL) {
        out_address->len =
            (size_t)(zone - out_address->at); /* "[fe80::1]%eth0", "[fe80::1%eth0]" */
    }
    if (out_address->len > 1 && out_address->at[0] == '[') {
        out_address->at++;
        out_address->len -= out_address->at[out_address->len - 2] == ']' ? 2 : 1;
    }
    if (hm_netstat_is_word(*out_address, "*")) {
        *out_address = (struct hm_span){"::", 2}; /* of both families */
    }
    unmap(out_address);
    for (size_t i = 0; i < out_address->len; i++) {
        if (strchr("0123456789abcdefABCDEF:.", out_address->at[i]) == NULL) {
            return false;
        }
    }
    if (socket != NULL) {
        socket->family = memchr(out_address->at, ':', out_address->len) != NULL ? HM_IPV6 : HM_IPV4;
    }
    return out_address->len > 0;
}

static bool is_one_of(struct hm_span word, const char *a, const char *b)
{
    return hm_netstat_is_word(word, a) || hm_netstat_is_word(word, b);
}

/* "812/sshd" and, of a title that the program gave itself, "900/nginx:". */
static enum hm_status take_slash(struct listing *list, struct hm_span word,
                                 struct hm_socket *socket)
{
    const char *slash = word.len == 0 ? NULL : memchr(word.at, '/', word.len);
    size_t len;

    if (slash == NULL ||
        !hm_str_parse_u32(word.at, (size_t)(slash - word.at), UINT32_MAX, &socket->pid)) {
        return HM_OK;
    }
    len = word.len - (size_t)(slash + 1 - word.at);
    len -= len > 0 && slash[len] == ':' ? 1 : 0;
    socket->program = hm_input_clean(
        slash + 1, len > HM_LIMIT_NAME_BYTES ? HM_LIMIT_NAME_BYTES : len, list->arena);
    return socket->program == NULL ? HM_ENOMEM : HM_OK;
}

/* users:(("systemd",pid=1,fd=40),("sshd",pid=812,fd=3)): process 1 keeps what it hands on, so that
 * another one is named where there is one. */
static enum hm_status take_users(struct listing *list, struct hm_span line,
                                 struct hm_socket *socket)
{
    const char *end = line.at + line.len;
    const char *at = line.at;

    while (at < end && (socket->pid == 0 || socket->pid == 1)) {
        const char *open = memchr(at, '"', (size_t)(end - at));
        const char *close = open == NULL ? NULL : memchr(open + 1, '"', (size_t)(end - open - 1));
        static const char mark[] = ",pid=";
        const size_t mark_len = sizeof(mark) - 1;
        size_t digits = 0;

        if (close == NULL) {
            break;
        }
        at = close + 1;
        if ((size_t)(end - at) <= mark_len || memcmp(at, mark, mark_len) != 0) {
            continue;
        }
        at += mark_len;
        while (at + digits < end && is_digit(at[digits])) {
            digits++;
        }
        if (!hm_str_parse_u32(at, digits, UINT32_MAX, &socket->pid)) {
            break;
        }
        socket->program = hm_input_clean(open + 1, (size_t)(close - open - 1), list->arena);
        if (socket->program == NULL) {
            return HM_ENOMEM;
        }
    }
    return HM_OK;
}

/* States of a connection that its program has closed; with a program it is closed halfway. */
static bool is_closing(struct hm_span state)
{
    static const char *const names[] = {"CLOSING",   "FIN-WAIT-1", "FIN-WAIT-2", "FIN_WAIT1",
                                        "FIN_WAIT2", "LAST-ACK",   "LAST_ACK"};

    for (size_t i = 0; i < HM_COUNT(names); i++) {
        if (hm_netstat_is_word(state, names[i])) {
            return true;
        }
    }
    return false;
}

static enum hm_socket_state state_of(const struct hm_socket *socket, struct hm_span state,
                                     bool has_peer)
{
    if (socket->protocol == HM_UDP) {
        return has_peer ? HM_SOCKET_ESTABLISHED : HM_SOCKET_LISTEN;
    }
    return hm_netstat_is_word(state, "LISTEN")          ? HM_SOCKET_LISTEN
           : is_one_of(state, "CLOSE", "UNCONN")        ? HM_SOCKET_BOUND
           : is_one_of(state, "TIME_WAIT", "TIME-WAIT") ? HM_SOCKET_TIME_WAIT
           : is_closing(state) && socket->pid == 0      ? HM_SOCKET_CLOSING
                                                        : HM_SOCKET_ESTABLISHED;
}

static bool begins(struct hm_span word, const char *text)
{
    const size_t len = strlen(text);

    return word.len > len && memcmp(word.at, text, len) == 0;
}

static enum wild wild_of(struct hm_span local, bool is_ss)
{
    if (is_ss && begins(local, "*:")) {
        return WILD_STAR;
    }
    return begins(local, ":::") ? WILD_DUAL : WILD_NOT;
}

static const char *remote_text(struct listing *list, struct hm_span word, struct hm_span peer,
                               uint16_t port)
{
    return memchr(peer.at, ':', peer.len) != NULL
               ? hm_arena_strndup(list->arena, word.at, word.len)
               : hm_arena_printf(list->arena, "%.*s:%u", (int)peer.len, peer.at, (unsigned)port);
}

static enum hm_status add_row(struct listing *list, const struct hm_netstat_words *words,
                              struct hm_span text, unsigned line, struct hm_err *err)
{
    const size_t count = words->count < HM_NETSTAT_WORDS ? words->count : HM_NETSTAT_WORDS;
    const bool is_ss = count > 1 && !is_digit(words->at[1].at[0]);
    const size_t local = is_ss ? 4 : 3;
    struct hm_socket socket = {.remote = "", .program = "", .service = ""};
    struct hm_span state = {"", 0};
    struct hm_span address;
    struct hm_span peer;
    uint16_t peer_port;
    void *items = list->at;
    enum hm_status st = HM_OK;

    socket.protocol = (words->at[0].at[0] | 0x20) == 't' ? HM_TCP : HM_UDP;
    if (count < ROW_WORDS_MIN + (is_ss ? 1u : 0u)) {
        return refuse(err, line, "a row of netstat or ss that was cut; run ss -tuanp");
    }
    if (!parse_end(words->at[local], &socket, &socket.port, &address) || socket.port == 0 ||
        !parse_end(words->at[local + 1], NULL, &peer_port, &peer)) {
        return refuse(err, line, "an address that is not \"address:port\"; run ss -tuanp");
    }
    if (is_ss) {
        state = words->at[1];
        st = take_users(list, text, &socket);
    } else {
        const bool has_state =
            count > 5 && !is_digit(words->at[5].at[0]) && !hm_netstat_is_word(words->at[5], "-");

        state = has_state ? words->at[5] : state;
        for (size_t i = 5; st == HM_OK && socket.pid == 0 && i < count; i++) {
            st = take_slash(list, words->at[i], &socket);
        }
    }
    socket.state = state_of(&socket, state, peer_port != 0);
    socket.connecting = is_one_of(state, "SYN_SENT", "SYN-SENT");
    socket.address = hm_arena_strndup(list->arena, address.at, address.len);
    if (peer_port != 0) {
        socket.remote = remote_text(list, words->at[local + 1], peer, peer_port);
    }
    if (list->count >= HM_LIMIT_SOCKETS) {
        return hm_fail_line(err, HM_ETOOBIG, line, "line %u: more than %u rows", line,
                            HM_LIMIT_SOCKETS);
    }
    if (st != HM_OK || socket.address == NULL || socket.remote == NULL ||
        hm_arena_grow(list->arena, &items, list->count, &list->room, sizeof(*list->at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the rows of ss");
    }
    list->about.has_programs = list->about.has_programs || socket.program[0] != '\0';
    list->about.has_connections = list->about.has_connections || socket.state != HM_SOCKET_LISTEN;
    list->old_ss =
        list->old_ss ||
        (is_ss && (begins(words->at[local], ":::") || begins(words->at[local + 1], ":::")));
    list->at = items;
    list->at[list->count++] = (struct row){socket, wild_of(words->at[local], is_ss)};
    return HM_OK;
}

/* A socket that takes its port in both families is listed in each, as on a live host. */
static enum hm_status flatten(struct listing *list, struct hm_sockets *out, struct hm_err *err)
{
    struct hm_sockets sockets = {
        .at = hm_arena_alloc(list->arena, list->count * 2, sizeof(*out->at))};

    if (sockets.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the rows of ss");
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct row *row = &list->at[i];

        if (row->wild != WILD_STAR || !list->old_ss) {
            sockets.at[sockets.count++] = row->socket;
        }
        if (row->wild != WILD_NOT) {
            sockets.at[sockets.count] = row->socket;
            sockets.at[sockets.count].family = HM_IPV4;
            sockets.at[sockets.count].address = "0.0.0.0";
            sockets.count++;
        }
    }
    *out = sockets;
    return HM_OK;
}

static bool is_row(const struct hm_netstat_words *words)
{
    static const char *const names[] = {"tcp", "tcp6", "udp", "udp6"};

    for (size_t i = 0; words->count > 1 && i < HM_COUNT(names); i++) {
        if (hm_netstat_is_word(words->at[0], names[i])) {
            return true;
        }
    }
    return false;
}

enum hm_status hm_linux_sockets_parse(const char *text, size_t len, struct hm_arena *arena,
                                      struct hm_linux_listing *out_listing, struct hm_err *err)
{
    struct listing list = {.arena = arena};
    struct hm_arena input;
    struct hm_span rest;
    struct hm_span text_of_line;
    unsigned line = 0;
    enum hm_status st;

    hm_arena_init(&input, INPUT_ARENA_BYTES);
    st = hm_input_text_up_to(text, len, HM_LIMIT_NETSTAT_FILE_BYTES, &input, &rest, err);
    while (st == HM_OK && hm_str_next_line(&rest, &text_of_line)) {
        struct hm_netstat_words words = hm_netstat_split(text_of_line);

        line++;
        if (is_row(&words)) {
            st = add_row(&list, &words, text_of_line, line, err);
        }
    }
    if (st == HM_OK && list.count == 0) {
        st = refuse(err, line,
                    "no row that begins with tcp or udp up to here: this is no output of "
                    "ss -tuanp or netstat -tuanp");
    }
    if (st == HM_OK) {
        st = flatten(&list, &list.about.sockets, err);
    }
    if (st == HM_OK) {
        *out_listing = list.about;
    }
    hm_arena_fini(&input);
    return st;
}
