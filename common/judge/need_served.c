/* common/judge/need_served.c — is somebody seen at the address and port that an event names?
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/need_served.h"

#include <string.h>

#include "common/ports/line.h"

#define ADDRESSES_SHOWN 3u

static bool is_wildcard(struct hm_span address)
{
    return (address.len == 7 && memcmp(address.at, "0.0.0.0", 7) == 0) ||
           (address.len == 2 && memcmp(address.at, "::", 2) == 0);
}

static bool is_loopback(struct hm_span address)
{
    return (address.len > 4 && memcmp(address.at, "127.", 4) == 0) ||
           (address.len == 3 && memcmp(address.at, "::1", 3) == 0);
}

static char folded(char c)
{
    return c >= 'A' && c <= 'F' ? (char)(c | 0x20) : c;
}

/* The zone behind '%' is a number of one boot. */
static struct hm_span without_zone(struct hm_span address)
{
    const char *zone = address.len == 0 ? NULL : memchr(address.at, '%', address.len);

    return zone == NULL ? address : (struct hm_span){address.at, (size_t)(zone - address.at)};
}

static bool is_same(struct hm_span a, struct hm_span b)
{
    const struct hm_span x = without_zone(a);
    const struct hm_span y = without_zone(b);

    for (size_t i = 0; i < x.len && x.len == y.len; i++) {
        if (folded(x.at[i]) != folded(y.at[i])) {
            return false;
        }
    }
    return x.len == y.len;
}

static struct hm_span address_of(const struct hm_listener *listener)
{
    return (struct hm_span){listener->address, strlen(listener->address)};
}

/* Were listeners of the family read at all? */
static bool has_family(const struct hm_facts *facts, enum hm_family family)
{
    const struct hm_listeners *listeners = &facts->inventory->listeners;

    for (size_t i = 0; i < listeners->count; i++) {
        if (listeners->at[i].family == family) {
            return true;
        }
    }
    return false;
}

static bool covers(const struct hm_facts *facts, const struct hm_event_place *place,
                   const struct hm_listener *listener)
{
    const struct hm_span address = address_of(listener);

    if (place->has_port && listener->port != place->port) {
        return false;
    }
    if (!place->has_address) {
        return !is_loopback(address);
    }
    if (listener->family != place->family && has_family(facts, place->family)) {
        return false;
    }
    return is_wildcard(address) || is_same(address, place->address) ||
           (is_wildcard(place->address) && !is_loopback(address));
}

bool hm_holder_has_place(enum hm_family family, const struct hm_holder *holder,
                         const struct hm_event_place *place)
{
    const char *text = holder->address == NULL ? "" : holder->address;
    const struct hm_span address = {text, strlen(text)};

    if (!place->has_address) {
        return !is_loopback(address);
    }
    return family == place->family && (is_wildcard(address) || is_same(address, place->address) ||
                                       (is_wildcard(place->address) && !is_loopback(address)));
}

/* The next listener on the need's ports that may be its own; NULL at the end. */
static const struct hm_listener *next_own(const struct hm_facts *facts, const struct hm_need *need,
                                          struct hm_port_cursor *cursor)
{
    const struct hm_requirement *requirement = need->requirement;
    const struct hm_listener *listener;

    while ((listener = hm_facts_next_listener(facts, requirement->protocol, requirement->ports,
                                              cursor)) != NULL) {
        if (hm_need_owner_of_listener(facts, need, listener) != HM_OWNER_FOREIGN) {
            return listener;
        }
    }
    return NULL;
}

bool hm_need_serves(const struct hm_facts *facts, const struct hm_need *need,
                    const struct hm_event_place *place)
{
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;

    while ((listener = next_own(facts, need, &cursor)) != NULL) {
        if (covers(facts, place, listener)) {
            return true;
        }
    }
    return false;
}

bool hm_need_site_is_stopped(const struct hm_facts *facts, const struct hm_need *need)
{
    struct hm_port_cursor cursor = {0, 0, 0};

    return need->configured && need->verdict.kind == HM_KIND_HTTPSYS &&
           facts->inventory->has_listeners && !facts->inventory->listeners_partial &&
           !facts->lacks_rows[need->verdict.protocol] && hm_need_runs(facts, need) == HM_RUNS_YES &&
           hm_facts_next_listener(facts, need->verdict.protocol, need->verdict.ports, &cursor) ==
               NULL;
}

enum hm_status hm_need_serves_elsewhere(const struct hm_facts *facts, const struct hm_need *need,
                                        struct hm_arena *arena, const char **out_addresses,
                                        struct hm_err *err)
{
    struct hm_port_cursor cursor = {0, 0, 0};
    const char *shown[ADDRESSES_SHOWN];
    const struct hm_listener *listener;
    struct hm_line line;
    const char *text;
    size_t count = 0;

    while (count < ADDRESSES_SHOWN && (listener = next_own(facts, need, &cursor)) != NULL) {
        bool is_new = true;

        for (size_t i = 0; i < count; i++) {
            is_new = is_new && strcmp(shown[i], listener->address) != 0;
        }
        if (is_new) {
            shown[count++] = listener->address;
        }
    }
    hm_line_init(&line);
    hm_line_put_names(&line, shown, count);
    text = hm_line_text(&line, arena);
    if (text == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a verdict");
    }
    *out_addresses = text;
    return HM_OK;
}

bool hm_httpsys_serves(const struct hm_facts *facts, const struct hm_event_place *place)
{
    const struct hm_range range = {place->port, place->port};
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;

    while ((listener = hm_facts_next_listener(facts, HM_TCP, (struct hm_ports){&range, 1},
                                              &cursor)) != NULL) {
        if ((listener->kind == HM_KIND_HTTPSYS || listener->program[0] == '\0' ||
             hm_str_equal_nocase(listener->program, "System")) &&
            covers(facts, place, listener)) {
            return true;
        }
    }
    return false;
}

bool hm_httpsys_lost_address(const struct hm_facts *facts, const struct hm_event_place *place)
{
    const struct hm_event_place anywhere = {.has_port = true, .port = place->port};
    const struct hm_sockets *sockets = facts->input->sockets;

    if (sockets == NULL || !place->has_address || is_wildcard(place->address) ||
        is_loopback(place->address) || !hm_httpsys_serves(facts, &anywhere)) {
        return false;
    }
    for (size_t i = 0; i < sockets->count; i++) {
        const char *text = sockets->at[i].address;
        const struct hm_span address = {text, text == NULL ? 0 : strlen(text)};

        if (is_same(address, place->address) ||
            (sockets->at[i].port == place->port && is_wildcard(address))) {
            return false;
        }
    }
    return true;
}
