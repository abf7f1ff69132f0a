/* common/readers/netstat_text.c — "netstat -ano" of Windows: rows by first word and by shape.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/netstat_text.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/readers/input_text.h"

#define INPUT_ARENA_BYTES (4u * HM_LIMIT_INPUT_FILE_BYTES)
#define WORDS_MAX 8 /* protocol, local, remote, a state of some words, process id */

struct words {
    struct hm_span at[WORDS_MAX];
    size_t count; /* WORDS_MAX + 1 = more than fit */
};

/* One end of a socket as netstat writes it: "10.0.0.5:80", "[fe80::1%4]:80", "*:*". */
struct end_point {
    enum hm_family family;
    struct hm_span address; /* without brackets */
    uint16_t port;
    bool any; /* "*:*" */
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct words split(struct hm_span line)
{
    struct words words = {0};
    size_t at = 0;

    while (at < line.len) {
        size_t end = at;

        while (end < line.len && !is_space(line.at[end])) {
            end++;
        }
        if (end > at && words.count < WORDS_MAX) {
            words.at[words.count] = (struct hm_span){line.at + at, end - at};
        }
        words.count += end > at && words.count <= WORDS_MAX ? 1 : 0;
        at = end + 1;
    }
    return words;
}

static bool is_word(struct hm_span word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.at, text, word.len) == 0;
}

static bool starts_with_nocase(struct hm_span word, const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (i >= word.len || (word.at[i] | 0x20) != text[i]) {
            return false;
        }
    }
    return true;
}

/* Four decimal parts. */
static bool is_ipv4(struct hm_span text)
{
    size_t start = 0;
    unsigned parts = 0;

    for (size_t i = 0; i <= text.len; i++) {
        uint32_t part;

        if (i < text.len && text.at[i] != '.') {
            continue;
        }
        if (i - start > 3 || !hm_str_parse_u32(text.at + start, i - start, 255, &part)) {
            return false;
        }
        parts++;
        start = i + 1;
    }
    return parts == 4;
}

/* Digits of an IPv6 address and at most a zone behind '%'; netstat made it, so no more. */
static bool is_ipv6(struct hm_span text)
{
    const char *zone = text.len == 0 ? NULL : memchr(text.at, '%', text.len);
    size_t len = zone == NULL ? text.len : (size_t)(zone - text.at);
    size_t colons = 0;
    uint32_t number;

    for (size_t i = 0; i < len; i++) {
        if (text.at[i] == '\0' || strchr("0123456789abcdefABCDEF:.", text.at[i]) == NULL) {
            return false;
        }
        colons += text.at[i] == ':' ? 1 : 0;
    }
    return colons >= 2 &&
           (zone == NULL || hm_str_parse_u32(zone + 1, text.len - len - 1, UINT32_MAX, &number));
}

static bool parse_end_point(struct hm_span word, struct end_point *out)
{
    size_t colon = word.len;
    uint32_t port;

    *out = (struct end_point){.any = is_word(word, "*:*")};
    if (out->any) {
        return true;
    }
    while (colon > 0 && word.at[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2 ||
        !hm_str_parse_u32(word.at + colon, word.len - colon, HM_PORT_COUNT - 1, &port)) {
        return false;
    }
    out->port = (uint16_t)port;
    out->address = (struct hm_span){word.at, colon - 1};
    if (word.at[0] == '[' && word.at[colon - 2] == ']' && colon >= 3) {
        out->family = HM_IPV6;
        out->address = (struct hm_span){word.at + 1, colon - 3};
        return is_ipv6(out->address);
    }
    out->family = HM_IPV4;
    return is_ipv4(out->address);
}

static enum hm_status refuse(struct hm_err *err, unsigned line, const char *why)
{
    return hm_fail_line(err, HM_EINVAL, line, "line %u: %s", line, why);
}

/* Shape of the words behind the protocol; names the fault. NULL = fine. */
static const char *check_row(const struct words *words, enum hm_protocol protocol,
                             struct end_point *local, struct end_point *remote, uint32_t *out_pid)
{
    const struct hm_span *last = &words->at[words->count - 1];
    uint32_t number;

    if (words->count > WORDS_MAX) {
        return "too many words for a row of netstat -ano";
    }
    if (words->count < 4 || (protocol == HM_UDP && words->count != 4)) {
        return "a row needs local address, remote address, state (TCP) and process id; run "
               "netstat -ano";
    }
    if (!parse_end_point(words->at[1], local) || local->any) {
        return "the local address is no 'address:port'; run netstat with -n";
    }
    if (!parse_end_point(words->at[2], remote)) {
        return "the remote address is no 'address:port'; run netstat with -n";
    }
    if (!remote->any && remote->family != local->family) {
        return "local and remote address are of different families";
    }
    if (!hm_str_parse_u32(last->at, last->len, UINT32_MAX, out_pid)) {
        return "the row does not end in a process id; run netstat with -o";
    }
    for (size_t i = 3; i + 1 < words->count; i++) {
        if (hm_str_parse_u32(words->at[i].at, words->at[i].len, UINT32_MAX, &number)) {
            return "a number where the state should be";
        }
    }
    return NULL;
}

static enum hm_socket_state state_of(const struct end_point *remote, uint32_t pid)
{
    if (remote->any || remote->port == 0) {
        return HM_SOCKET_LISTEN;
    }
    return pid == 0 ? HM_SOCKET_TIME_WAIT : HM_SOCKET_ESTABLISHED;
}

/* The rows in the making. */
struct rows {
    struct hm_socket *at;
    size_t count;
    size_t room;
};

static enum hm_status add_row(struct rows *rows, const struct words *words,
                              enum hm_protocol protocol, unsigned line, struct hm_arena *arena,
                              struct hm_err *err)
{
    struct hm_socket socket = {.protocol = protocol, .remote = "", .program = "", .service = ""};
    struct end_point local;
    struct end_point remote;
    const char *fault = check_row(words, protocol, &local, &remote, &socket.pid);
    void *grown = rows->at;

    if (fault != NULL) {
        return refuse(err, line, fault);
    }
    if (rows->count >= HM_LIMIT_SOCKETS) {
        return hm_fail_line(err, HM_ETOOBIG, line, "line %u: more than %u rows", line,
                            HM_LIMIT_SOCKETS);
    }
    socket.family = local.family;
    socket.state = state_of(&remote, socket.pid);
    socket.port = local.port;
    socket.address = hm_arena_strndup(arena, local.address.at, local.address.len);
    if (socket.state != HM_SOCKET_LISTEN) {
        socket.remote = hm_arena_strndup(arena, words->at[2].at, words->at[2].len);
    }
    if (socket.address == NULL || socket.remote == NULL ||
        hm_arena_grow(arena, &grown, rows->count, &rows->room, sizeof(*rows->at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for %zu rows of netstat", rows->count + 1);
    }
    rows->at = grown;
    rows->at[rows->count++] = socket;
    return HM_OK;
}

static enum hm_status take_line(struct rows *rows, struct hm_span text, unsigned line,
                                struct hm_arena *arena, struct hm_err *err)
{
    struct words words = split(text);

    if (words.count == 0) {
        return HM_OK;
    }
    if (is_word(words.at[0], "TCP")) {
        return add_row(rows, &words, HM_TCP, line, arena, err);
    }
    if (is_word(words.at[0], "UDP")) {
        return add_row(rows, &words, HM_UDP, line, arena, err);
    }
    if (words.count > 2 && words.at[0].len <= 4 &&
        (starts_with_nocase(words.at[0], "tcp") || starts_with_nocase(words.at[0], "udp"))) {
        return refuse(err, line, "a row of another system's netstat; this reads Windows' -ano");
    }
    if (words.count == 1 && is_word(words.at[0], "...")) {
        return refuse(err, line, "something was left out here");
    }
    return HM_OK;
}

enum hm_status hm_netstat_parse(const char *text, size_t len, struct hm_arena *arena,
                                struct hm_sockets *out_sockets, struct hm_err *err)
{
    struct rows rows = {0};
    struct hm_arena input;
    struct hm_span rest;
    struct hm_span line_text;
    unsigned line = 0;
    enum hm_status st;

    hm_arena_init(&input, INPUT_ARENA_BYTES);
    st = hm_input_text(text, len, &input, &rest, err);
    while (st == HM_OK && hm_str_next_line(&rest, &line_text)) {
        line++;
        st = take_line(&rows, hm_input_unquote(line_text), line, arena, err);
    }
    if (st == HM_OK && rows.count == 0) {
        st = refuse(err, line, "no TCP or UDP row up to here: this is no output of netstat -ano");
    }
    if (st == HM_OK) {
        *out_sockets = (struct hm_sockets){rows.at, rows.count};
    }
    hm_arena_fini(&input);
    return st;
}
