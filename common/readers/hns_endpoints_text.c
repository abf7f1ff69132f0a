/* common/readers/hns_endpoints_text.c — outer ports of containers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Not a reader of all JSON: structure, strings and numbers are read, and what does not close is
 * refused. */
#include "common/readers/hns_endpoints_text.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/ports/address.h"

#define PROTOCOL_TCP 6u
#define PROTOCOL_UDP 17u

/* One object or list that is open. */
struct level {
    char close; /* '}' or ']' */
    uint32_t external_port;
    uint32_t internal_port;
    uint32_t protocol;      /* number of the protocol; 0: none is given */
    bool by_key;            /* Docker: the key "80/tcp" says the inner port and the protocol */
    bool policy;            /* Docker: RestartPolicy, of the bindings before it */
    struct hm_span address; /* HostIp of Docker, hostIP of CNI; of no length: not given */
};

struct scan {
    struct hm_span rest;
    unsigned line;
    struct level levels[HM_LIMIT_JSON_DEPTH];
    size_t depth;
    struct hm_span key; /* of the value that comes next */
    bool has_key;
    size_t first; /* row of the container whose restart policy has not been read */
    struct hm_configured_make *make;
    struct hm_err *err;
};

#define CUT "it was cut, or is no JSON: gather it again with collect.cmd"

static enum hm_status broken(struct scan *scan, const char *why)
{
    enum hm_status st = hm_fail(scan->err, HM_EINVAL, "%s", why);

    if (scan->err != NULL) {
        scan->err->line = scan->line;
    }
    return st;
}

static void skip(struct scan *scan)
{
    scan->line += scan->rest.at[0] == '\n' ? 1 : 0;
    scan->rest = (struct hm_span){scan->rest.at + 1, scan->rest.len - 1};
}

static bool same(struct hm_span text, const char *word)
{
    if (text.len != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        const char a =
            text.at[i] >= 'A' && text.at[i] <= 'Z' ? (char)(text.at[i] + 32) : text.at[i];

        if (a != word[i]) {
            return false;
        }
    }
    return true;
}

/* Docker starts a container by itself with "always" and "unless-stopped" only. */
static void take_policy(struct scan *scan, struct hm_span policy)
{
    const bool starts = same(policy, "always") || same(policy, "unless-stopped");

    for (; scan->first < scan->make->list.count; scan->first++) {
        scan->make->list.at[scan->first].manual = !starts;
    }
}

/* A value of the object that is open, as text without quotes. */
static void take_value(struct scan *scan, struct hm_span value)
{
    struct level *level = scan->depth > 0 ? &scan->levels[scan->depth - 1] : NULL;
    uint32_t number = 0;
    const bool is_number = hm_str_parse_u32(value.at, value.len, 65535, &number);

    if (level == NULL || !scan->has_key) {
        return;
    }
    scan->has_key = false;
    if (same(scan->key, "endpointscut")) {
        scan->make->doubt = "there are more endpoints than it holds";
    } else if (level->policy && same(scan->key, "name")) {
        take_policy(scan, value);
    } else if ((same(scan->key, "externalport") || same(scan->key, "hostport")) && is_number) {
        level->external_port = number;
    } else if ((same(scan->key, "internalport") || same(scan->key, "containerport")) && is_number) {
        level->internal_port = number;
    } else if (same(scan->key, "hostip")) {
        level->address = value;
    } else if (same(scan->key, "protocol")) {
        level->protocol = is_number            ? number
                          : same(value, "tcp") ? PROTOCOL_TCP
                          : same(value, "udp") ? PROTOCOL_UDP
                                               : 0;
    }
}

static enum hm_status read_string(struct scan *scan)
{
    struct hm_span text;
    size_t len = 0;

    skip(scan);
    text.at = scan->rest.at;
    while (scan->rest.len > 0 && scan->rest.at[0] != '"') {
        const size_t take = scan->rest.at[0] == '\\' && scan->rest.len > 1 ? 2 : 1;

        for (size_t i = 0; i < take; i++) {
            skip(scan);
        }
        len += take;
    }
    if (scan->rest.len == 0) {
        return broken(scan, "a text does not end");
    }
    skip(scan);
    text.len = len;
    while (scan->rest.len > 0 && strchr(" \t\r\n", scan->rest.at[0]) != NULL) {
        skip(scan);
    }
    if (scan->rest.len > 0 && scan->rest.at[0] == ':') {
        skip(scan);
        scan->key = text;
        scan->has_key = true;
    } else {
        take_value(scan, text);
    }
    return HM_OK;
}

static void read_word(struct scan *scan)
{
    struct hm_span word = {scan->rest.at, 0};

    while (scan->rest.len > 0 && strchr(" \t\r\n,:\"[]{}", scan->rest.at[0]) == NULL) {
        skip(scan);
        word.len++;
    }
    take_value(scan, word);
}

static enum hm_status put_port(struct scan *scan, const struct level *level)
{
    static const struct {
        enum hm_protocol protocol;
        uint32_t number;
    } rows[] = {
        {HM_TCP, PROTOCOL_TCP},
        {HM_UDP, PROTOCOL_UDP},
    };
    const bool published = level->internal_port != 0;
    char subject[HM_LIMIT_SUBJECT_BYTES];
    enum hm_families families = HM_FAMILIES_BOTH;
    const char *address = "";
    enum hm_status st = HM_OK;

    if (level->external_port == 0) {
        return HM_OK;
    }
    if (hm_address_is_single(level->address, &families)) {
        address = hm_arena_strndup(scan->make->arena, level->address.at, level->address.len);
        if (address == NULL) {
            return hm_fail(scan->err, HM_ENOMEM, "no memory for the ports that are set up");
        }
    } else if (same(level->address, "0.0.0.0")) {
        families = HM_FAMILIES_IPV4;
    }
    if (published) {
        (void)snprintf(subject, sizeof(subject), "to port %u of a container", level->internal_port);
    } else {
        (void)snprintf(subject, sizeof(subject), "of a container");
    }
    for (size_t i = 0; i < HM_COUNT(rows) && st == HM_OK; i++) {
        const struct hm_configured row = {
            .protocol = rows[i].protocol,
            .port = (uint16_t)level->external_port,
            .kind = HM_KIND_CONTAINER,
            .by = published ? HM_BY_PUBLISHED_PORT : HM_BY_HNS_ENDPOINT,
            .families = families,
            .address = address,
            .service = level->by_key ? "docker" : "",
        };

        if (level->protocol == 0 || level->protocol == rows[i].number) {
            st = hm_configured_put(scan->make, &row, (struct hm_span){subject, strlen(subject)},
                                   scan->err);
        }
    }
    return st;
}

/* "80/tcp", the key of a list of bindings; what is inside it inherits port and protocol. */
static struct level open_level(const struct scan *scan, char close)
{
    const struct level *outer = scan->depth > 0 ? &scan->levels[scan->depth - 1] : NULL;
    struct level level = {.close = close,
                          .policy = scan->has_key && same(scan->key, "restartpolicy")};
    const char *slash = scan->has_key ? memchr(scan->key.at, '/', scan->key.len) : NULL;
    uint32_t port = 0;

    if (slash != NULL &&
        hm_str_parse_u32(scan->key.at, (size_t)(slash - scan->key.at), 65535, &port)) {
        const struct hm_span name = {slash + 1, scan->key.len - (size_t)(slash + 1 - scan->key.at)};

        level.by_key = same(name, "tcp") || same(name, "udp");
        level.protocol = same(name, "tcp") ? PROTOCOL_TCP : same(name, "udp") ? PROTOCOL_UDP : 0;
        level.internal_port = port;
    } else if (outer != NULL && outer->by_key) {
        level = *outer;
        level.close = close;
        level.external_port = 0;
        level.address = (struct hm_span){NULL, 0};
    }
    return level;
}

static enum hm_status read_structure(struct scan *scan)
{
    const char c = scan->rest.at[0];
    struct level *level = scan->depth > 0 ? &scan->levels[scan->depth - 1] : NULL;

    skip(scan);
    if (c == '{' || c == '[') {
        if (scan->depth >= HM_LIMIT_JSON_DEPTH) {
            return broken(scan, "too deep");
        }
        scan->levels[scan->depth] = open_level(scan, c == '{' ? '}' : ']');
        scan->depth++;
        scan->has_key = false;
        return HM_OK;
    }
    if (level == NULL || level->close != c) {
        return broken(scan, "a bracket closes what is not open");
    }
    scan->depth--;
    scan->has_key = false;
    return put_port(scan, level);
}

enum hm_status hm_hns_endpoints_parse(const char *text, size_t len, struct hm_configured_make *make,
                                      struct hm_err *err)
{
    struct scan scan = {
        .rest = {text, len},
          .line = 1, .first = make->list.count, .make = make, .err = err
    };
    bool any = false;
    enum hm_status st = HM_OK;

    while (scan.rest.len > 0 && st == HM_OK) {
        const char c = scan.rest.at[0];

        if (c == '\0') {
            return broken(&scan, "no JSON");
        }
        if (strchr("{}[]", c) != NULL) {
            st = read_structure(&scan);
            any = true;
        } else if (c == '"') {
            st = read_string(&scan);
        } else if (strchr(" \t\r\n,:", c) != NULL) {
            skip(&scan);
        } else if (scan.depth == 0) {
            return broken(&scan, "no JSON");
        } else {
            read_word(&scan);
        }
    }
    if (st == HM_OK && (scan.depth > 0 || !any)) {
        return broken(&scan, any ? CUT : "no JSON");
    }
    return st;
}
