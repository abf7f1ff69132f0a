/* common/judge/service_events.c — events of a service that did not get its port.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/service_events.h"

#include <string.h>

#include "common/base/str.h"

#define SCM "Service Control Manager"

/* clang-format off */
#define MANAGER_ABOUT(number, place, text) \
    {.log = "System", .provider = SCM, .id = number, .product = "", .failed = true, .about = place, \
     .says = text}
#define MANAGER(number, text) MANAGER_ABOUT(number, 1, text)
#define MANAGER_ENDED(number, text) \
    {.log = "System", .provider = SCM, .id = number, .product = "", .failed = true, .about = 1, \
     .error = 2, .says = text}
#define PRODUCT(where, who, number, what, text) \
    {.log = where, .provider = who, .id = number, .product = what, .says = text}
#define SQL_PORT(who, number, place, text) \
    {.log = "Application", .provider = who, .id = number, .product = "sql-server", .by_port = true, \
     .no_tcp = true, .about_all = place, .says = text}
#define DNS(who, number, tcp, udp, text) \
    {.log = "DNS Server", .provider = who, .id = number, .product = "dns-server", .no_tcp = tcp, \
     .no_udp = udp, .about = 1, .says = text}

/* Service Control Manager: Microsoft's "Service Control Manager" event pages. The rest: KB956189
 * (IPSec, Server ActiveSync), SQL Server "Server configuration" and "TDSSNIClient" error pages,
 * "HTTP.sys" (HttpEvent), KB199286 (DNS Server). The second text of 7009 is the service (the first is
 * the time), that of 15005 the address; that of 7023 and 7024 the error. The first one of the DNS
 * Server's is an address; the texts of 26023 are an address, its family and the port. */
const struct hm_service_event hm_service_events[] = {
    MANAGER(7000, "the service failed to start"),
    MANAGER(7001, "a service that it depends on failed to start"),
    MANAGER_ABOUT(7009, 2, "the service did not answer in time when it was started"),
    MANAGER(7022, "the service hung when it was started"),
    MANAGER_ENDED(7023, "the service ended with an error"),
    MANAGER_ENDED(7024, "the service ended with an error of its own"),
    MANAGER(7031, "the service ended unexpectedly"),
    MANAGER(7034, "the service ended unexpectedly"),
    PRODUCT("System", "IPSec", 4292, "ipsec", "the IPsec driver is in block mode and drops all traffic"),
    PRODUCT("System", "Server ActiveSync", 3015, "exchange-2003-autd", "notifications could not be set up"),
    PRODUCT("System", "Server ActiveSync", 3024, "exchange-2003-autd", "notifications could not be set up"),
    PRODUCT("Application", "Server ActiveSync", 3015, "exchange-2003-autd", "notifications could not be set up"),
    PRODUCT("Application", "Server ActiveSync", 3024, "exchange-2003-autd", "notifications could not be set up"),
    SQL_PORT("MSSQLSERVER", 17182, false, "the TCP listener could not be started"),
    SQL_PORT("MSSQL$*", 17182, false, "the TCP listener could not be started"),
    PRODUCT("Application", "MSSQLSERVER", 17826, "sql-server", "the network library could not be started"),
    PRODUCT("Application", "MSSQL$*", 17826, "sql-server", "the network library could not be started"),
    SQL_PORT("MSSQLSERVER", 26023, true, "the TCP port is in use already"),
    SQL_PORT("MSSQL$*", 26023, true, "the TCP port is in use already"),
    DNS("DNS", 404, true, false,
        "a TCP socket could not be bound to an address"),
    DNS("Microsoft-Windows-DNS-Server-Service", 404, true, false,
        "a TCP socket could not be bound to an address"),
    DNS("DNS", 407, false, true,
        "a UDP socket could not be bound to an address"),
    DNS("Microsoft-Windows-DNS-Server-Service", 407, false, true,
        "a UDP socket could not be bound to an address"),
    DNS("DNS", 408, true, true,
        "a socket could not be opened for an address"),
    DNS("Microsoft-Windows-DNS-Server-Service", 408, true, true,
        "a socket could not be opened for an address"),
    {.log = "System", .provider = "HTTP", .id = 15005, .product = "", .no_tcp = true,
     .kind = HM_KIND_HTTPSYS, .about = 2, .says = "HTTP.sys could not take a port"},
    {.log = "System", .provider = "Microsoft-Windows-HttpEvent", .id = 15005, .product = "",
     .no_tcp = true, .kind = HM_KIND_HTTPSYS, .about = 2,
     .says = "HTTP.sys could not take a port"},
};
/* clang-format on */
const size_t hm_service_events_count = HM_COUNT(hm_service_events);

const struct hm_service_event *hm_service_event_find(const char *provider, uint32_t id)
{
    for (size_t i = 0; i < hm_service_events_count; i++) {
        const struct hm_service_event *row = &hm_service_events[i];

        if (row->id == id && hm_str_glob_nocase(row->provider, provider)) {
            return row;
        }
    }
    return NULL;
}

bool hm_service_event_is_httpsys(const struct hm_event_count *event)
{
    const struct hm_service_event *row = hm_service_event_find(event->provider, event->id);

    return row != NULL && row->kind == HM_KIND_HTTPSYS;
}

/* Only digits and dots, or only what an IPv6 address has. */
static bool is_address(struct hm_span text, enum hm_family family)
{
    const char *const allowed = family == HM_IPV4 ? "0123456789." : "0123456789abcdefABCDEF:.";
    const char *const sign = family == HM_IPV4 ? "." : ":";
    bool has_sign = false;

    for (size_t i = 0; i < text.len; i++) {
        if (strchr(allowed, text.at[i]) == NULL) {
            return false;
        }
        has_sign = has_sign || text.at[i] == sign[0];
    }
    return has_sign;
}

/* The zone behind '%' is a number of one boot. */
static void take_address(struct hm_event_place *place, struct hm_span text, enum hm_family family)
{
    const char *zone = text.len == 0 ? NULL : memchr(text.at, '%', text.len);

    text.len = zone == NULL ? text.len : (size_t)(zone - text.at);
    if (is_address(text, family)) {
        place->has_address = true;
        place->family = family;
        place->address = text;
    }
}

static void take_port(struct hm_event_place *place, struct hm_span text)
{
    uint32_t port;

    if (hm_str_parse_u32(text.at, text.len, UINT16_MAX, &port)) {
        place->has_port = true;
        place->port = (uint16_t)port;
    }
}

/* "http://+:8080/": "+:8080"; any other word as it is. */
static struct hm_span without_scheme(struct hm_span word)
{
    for (size_t i = 0; i + 3 <= word.len; i++) {
        if (memcmp(word.at + i, "://", 3) == 0) {
            const char *host = word.at + i + 3;
            const size_t len = word.len - i - 3;
            const char *path = len == 0 ? NULL : memchr(host, '/', len);

            return (struct hm_span){host, path == NULL ? len : (size_t)(path - host)};
        }
    }
    return word;
}

/* "1433", "10.1.1.5", "fe80::1", "0.0.0.0:443" or "[::]:443". */
static void take_word(struct hm_event_place *place, struct hm_span word)
{
    const char *first = memchr(word.at, ':', word.len);
    const char *bracket = word.at[0] == '[' ? memchr(word.at, ']', word.len) : NULL;
    const char *colon = NULL;

    if (bracket != NULL) {
        take_address(place, (struct hm_span){word.at + 1, (size_t)(bracket - word.at) - 1},
                     HM_IPV6);
        colon = bracket + 1;
    } else if (first != NULL &&
               memchr(first + 1, ':', word.len - 1 - (size_t)(first - word.at)) != NULL) {
        take_address(place, word, HM_IPV6);
    } else if (first != NULL) {
        take_address(place, (struct hm_span){word.at, (size_t)(first - word.at)}, HM_IPV4);
        colon = first;
    } else {
        take_address(place, word, HM_IPV4);
        take_port(place, word);
    }
    if (colon != NULL && colon < word.at + word.len && *colon == ':') {
        take_port(place, (struct hm_span){colon + 1, word.len - 1 - (size_t)(colon - word.at)});
    }
}

struct hm_event_place hm_service_event_place(const struct hm_event_count *event)
{
    struct hm_event_place place = {.has_port = false};
    const char *about = event->about == NULL ? "" : event->about;
    bool any = false;

    while (*about != '\0') {
        const struct hm_span whole = {about, strcspn(about, " <>'")};
        const struct hm_span word = without_scheme(whole);

        if (word.len == 3 && memcmp(word.at, "any", 3) == 0) {
            any = true;
        } else if (any && word.len == 4 && memcmp(word.at, "ipv", 3) == 0) {
            const bool v6 = word.at[3] == '6';

            take_address(&place, v6 ? (struct hm_span){"::", 2} : (struct hm_span){"0.0.0.0", 7},
                         v6 ? HM_IPV6 : HM_IPV4);
        } else if (word.len > 0) {
            take_word(&place, word);
        }
        about += whole.len == 0 ? 1 : whole.len;
    }
    return place;
}

bool hm_service_event_port(const struct hm_event_count *event, uint16_t *out_port)
{
    const struct hm_event_place place = hm_service_event_place(event);

    if (place.has_port) {
        *out_port = place.port;
    }
    return place.has_port;
}

bool hm_service_event_concerns(const struct hm_event_count *event, const char *service,
                               const char *product)
{
    const struct hm_service_event *row = hm_service_event_find(event->provider, event->id);

    if (row == NULL) {
        return false;
    }
    if (row->failed) {
        return !hm_str_equal(service, "") && hm_str_equal_nocase(event->about, service);
    }
    /* A named instance writes under the name of its service. */
    return hm_str_equal_nocase(event->provider, service) ||
           (!hm_str_equal(product, "") && hm_str_equal(row->product, product));
}
