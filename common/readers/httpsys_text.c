/* common/readers/httpsys_text.c — "netsh http show servicestate" in any language.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/httpsys_text.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"

#define DIGITS_MAX 5

/* A host has HM_LIMIT_NAME_BYTES at most: a text of many beginnings takes no time for each of them
 * that grows with the text. */
static size_t skip_host(const char *text, size_t len, size_t at)
{
    const size_t room = len - at;

    len = room > HM_LIMIT_NAME_BYTES ? at + HM_LIMIT_NAME_BYTES : len;
    if (at < len && text[at] == '[') { /* IPv6: the colons inside are none of ours */
        while (at < len && text[at] != ']' && text[at] != '\n') {
            at++;
        }
    }
    while (at < len && text[at] != ':' && text[at] != '/' && (unsigned char)text[at] > ' ') {
        at++;
    }
    return at;
}

uint16_t hm_http_url_port(const char *text, size_t len, size_t at)
{
    uint32_t port = 0;
    size_t digits = 0;

    at = skip_host(text, len, at);
    if (at >= len || text[at] != ':') {
        return 0;
    }
    for (at++; at + digits < len && digits < DIGITS_MAX && text[at + digits] >= '0' &&
               text[at + digits] <= '9';) {
        digits++;
    }
    /* A URL reservation may name an address behind the port: "https://(any):443:10.0.0.5/". */
    if (digits == 0 || at + digits >= len ||
        (text[at + digits] != '/' && text[at + digits] != ':') ||
        !hm_str_parse_u32(text + at, digits, HM_PORT_COUNT - 1, &port)) {
        return 0;
    }
    return (uint16_t)port;
}

enum hm_status hm_httpsys_parse(const char *text, size_t len, struct hm_arena *arena,
                                struct hm_ports *out_ports, struct hm_err *err)
{
    struct hm_range *ranges = NULL;
    size_t count = 0;
    size_t cap = 0;

    for (size_t at = 0; at + 3 < len; at++) {
        void *items = ranges;
        uint16_t port;

        if (memcmp(text + at, "://", 3) != 0) {
            continue;
        }
        port = hm_http_url_port(text, len, at + 3);
        if (port == 0) {
            continue;
        }
        if (count >= HM_LIMIT_RANGES) {
            return hm_fail(err, HM_ETOOBIG, "more than %u URLs", HM_LIMIT_RANGES);
        }
        if (hm_arena_grow(arena, &items, count, &cap, sizeof(*ranges)) != 0) {
            return hm_fail(err, HM_ENOMEM, "no memory for a list of ports");
        }
        ranges = items;
        ranges[count++] = (struct hm_range){port, port};
    }
    return hm_ports_from_ranges(ranges, count, arena, out_ports, err);
}
