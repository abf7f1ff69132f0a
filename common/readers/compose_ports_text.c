/* common/readers/compose_ports_text.c — published ports in a file of compose.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/compose_ports_text.h"

#include <string.h>

/* A port in the long form: "target: 80", "published: 8080", a line each. */
struct item {
    bool open;
    struct hm_span published;
    struct hm_span target;
    struct hm_span protocol;
    struct hm_span address;
};

struct scan {
    struct hm_compose *compose;
    struct hm_arena *arena;
    bool in_services;
    size_t service_indent; /* of the names of services; 0: not seen yet */
    bool in_ports;
    size_t ports_indent;
    struct item item;
    bool no_memory;
};

static bool is(struct hm_span word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.at, text, word.len) == 0;
}

static bool has(struct hm_span text, char c)
{
    return text.len > 0 && memchr(text.at, c, text.len) != NULL;
}

static struct hm_span unquote(struct hm_span text)
{
    text = hm_str_trim(text.at, text.len);
    return text.len > 1 && (text.at[0] == '"' || text.at[0] == '\'') &&
                   text.at[text.len - 1] == text.at[0]
               ? (struct hm_span){text.at + 1, text.len - 2}
               : text;
}

/* Without the comment: '#' at the start, or behind a blank and not in quotes. */
static struct hm_span without_comment(struct hm_span line)
{
    char quote = '\0';

    for (size_t i = 0; i < line.len; i++) {
        const char c = line.at[i];

        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '#' && (i == 0 || line.at[i - 1] == ' ' || line.at[i - 1] == '\t')) {
            return (struct hm_span){line.at, i};
        }
    }
    return line;
}

/* "key: value"; false: the line is no such one. */
static bool split(struct hm_span line, struct hm_span *out_key, struct hm_span *out_value)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.at[i] == ':' && (i + 1 == line.len || line.at[i + 1] == ' ')) {
            *out_key = unquote((struct hm_span){line.at, i});
            *out_value = hm_str_trim(line.at + i + 1, line.len - i - 1);
            return true;
        }
    }
    return false;
}

static void doubt(struct scan *scan)
{
    struct hm_compose *compose = scan->compose;

    if (compose->services_count > 0) {
        compose->services[compose->services_count - 1].unknown = true;
    } else {
        compose->more = true;
    }
}

static void put_value(struct scan *scan, const char *value)
{
    struct hm_compose *compose = scan->compose;

    scan->no_memory = scan->no_memory || value == NULL;
    if (compose->ports_count >= HM_COMPOSE_PORTS_MAX || compose->services_count == 0) {
        compose->more = true;
        return;
    }
    compose->ports[compose->ports_count++] =
        (struct hm_compose_port){value, compose->services_count - 1};
}

/* "8080:80", "127.0.0.1:8080:80/udp"; "80" has no fixed outer port. */
static void put_short(struct scan *scan, struct hm_span value)
{
    value = unquote(value);
    if (value.len == 0 || has(value, '$') || has(value, '{') || has(value, '*') ||
        has(value, '&') || has(value, '!') || has(value, ' ')) {
        doubt(scan);
    } else if (has(value, ':')) {
        put_value(scan, hm_arena_strndup(scan->arena, value.at, value.len));
    }
}

static void end_item(struct scan *scan)
{
    const struct item item = scan->item;
    const bool is_ipv6 = has(item.address, ':') && !has(item.address, '[');

    scan->item = (struct item){.open = false};
    if (!item.open || item.published.len == 0) {
        return;
    }
    if (has(item.published, '$') || has(item.address, '$') || has(item.protocol, '$')) {
        doubt(scan);
        return;
    }
    put_value(scan,
              hm_arena_printf(scan->arena, "%s%.*s%s%s%.*s:%.*s%s%.*s", is_ipv6 ? "[" : "",
                              (int)item.address.len, item.address.at, is_ipv6 ? "]" : "",
                              item.address.len > 0 ? ":" : "", (int)item.published.len,
                              item.published.at, item.target.len > 0 ? (int)item.target.len : 1,
                              item.target.len > 0 ? item.target.at : "1",
                              item.protocol.len > 0 ? "/" : "", (int)item.protocol.len,
                              item.protocol.len > 0 ? item.protocol.at : ""));
}

/* A line of the long form; false: it is none. */
static bool take_member(struct scan *scan, struct hm_span line)
{
    static const char *const others[] = {"mode", "name", "app_protocol"};
    struct hm_span key;
    struct hm_span value;

    if (!split(line, &key, &value)) {
        return false;
    }
    value = unquote(value);
    if (is(key, "published")) {
        scan->item.published = value;
    } else if (is(key, "target")) {
        scan->item.target = value;
    } else if (is(key, "protocol")) {
        scan->item.protocol = value;
    } else if (is(key, "host_ip")) {
        scan->item.address = value;
    } else {
        bool known = false;

        for (size_t i = 0; i < HM_COUNT(others); i++) {
            known = known || is(key, others[i]);
        }
        return known;
    }
    scan->item.open = true;
    return true;
}

/* A line inside of "ports:". */
static void take_port(struct scan *scan, struct hm_span line)
{
    if (line.at[0] != '-') {
        if (!scan->item.open || !take_member(scan, line)) {
            doubt(scan);
        }
        return;
    }
    end_item(scan);
    line = hm_str_trim(line.at + 1, line.len - 1);
    if (line.len == 0) {
        scan->item.open = true;
    } else if (!take_member(scan, line)) {
        put_short(scan, line);
    }
}

/* "ports:" of a service, with what stands behind it. */
static void open_ports(struct scan *scan, size_t indent, struct hm_span value)
{
    if (value.len == 0) {
        scan->in_ports = true;
        scan->ports_indent = indent;
        return;
    }
    if (value.at[0] != '[' || value.at[value.len - 1] != ']') {
        doubt(scan);
        return;
    }
    value = (struct hm_span){value.at + 1, value.len - 2};
    while (value.len > 0) {
        const char *comma = memchr(value.at, ',', value.len);
        const size_t len = comma == NULL ? value.len : (size_t)(comma - value.at);
        const struct hm_span one = hm_str_trim(value.at, len);

        if (one.len > 0) {
            put_short(scan, one);
        }
        value =
            (struct hm_span){value.at + len + (comma != NULL), value.len - len - (comma != NULL)};
    }
}

static void open_service(struct scan *scan, struct hm_span name, struct hm_span value)
{
    struct hm_compose *compose = scan->compose;

    if (compose->services_count >= HM_COMPOSE_SERVICES_MAX) {
        compose->more = true;
        return;
    }
    /* "web: {ports: ...}", "web: *other", "web: &name" and what follows */
    compose->services[compose->services_count++] =
        (struct hm_compose_service){.name = name, .unknown = value.len > 0 && value.at[0] != '&'};
}

static void take_line(struct scan *scan, size_t indent, struct hm_span line)
{
    struct hm_compose *compose = scan->compose;
    struct hm_span key;
    struct hm_span value;

    if (scan->in_ports &&
        (indent > scan->ports_indent || (indent == scan->ports_indent && line.at[0] == '-'))) {
        take_port(scan, line);
        return;
    }
    end_item(scan);
    scan->in_ports = false;
    if (!split(line, &key, &value)) {
        return;
    }
    if (indent == 0) {
        scan->in_services = is(key, "services");
        compose->more = compose->more || is(key, "include") ||
                        (scan->in_services && value.len > 0 && !is(value, "{}"));
    } else if (scan->in_services && (scan->service_indent == 0 || indent <= scan->service_indent)) {
        scan->service_indent = indent;
        open_service(scan, key, value);
    } else if (scan->in_services && compose->services_count > 0) {
        struct hm_compose_service *service = &compose->services[compose->services_count - 1];

        if (is(key, "ports")) {
            open_ports(scan, indent, value);
        } else if (is(key, "profiles")) {
            service->has_profile = true;
        } else if (is(key, "extends") || is(key, "<<")) {
            service->unknown = true;
        }
    }
}

enum hm_status hm_compose_ports_parse(struct hm_span text, struct hm_arena *arena,
                                      struct hm_compose *out_compose, struct hm_err *err)
{
    struct hm_compose compose = {
        .services = hm_arena_alloc(arena, HM_COMPOSE_SERVICES_MAX, sizeof(*compose.services)),
        .ports = hm_arena_alloc(arena, HM_COMPOSE_PORTS_MAX, sizeof(*compose.ports))};
    struct scan scan = {.compose = &compose, .arena = arena};
    struct hm_span line;

    scan.no_memory = compose.services == NULL || compose.ports == NULL;
    if (text.len > 0 && memchr(text.at, '\0', text.len) != NULL) { /* no text */
        compose.more = true;
        text.len = 0;
    }
    while (!scan.no_memory && hm_str_next_line(&text, &line)) {
        size_t indent = 0;

        while (indent < line.len && line.at[indent] == ' ') {
            indent++;
        }
        line = without_comment(line);
        line = hm_str_trim(line.at, line.len);
        if (line.len > 0 && !is(line, "---")) {
            take_line(&scan, indent, line);
        }
    }
    if (!scan.no_memory) {
        end_item(&scan);
    }
    if (scan.no_memory) {
        return hm_fail(err, HM_ENOMEM, "no memory for a file of compose");
    }
    *out_compose = compose;
    return HM_OK;
}
