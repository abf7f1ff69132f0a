/* common/readers/server_settings.c — ports, addresses and families that settings files of servers
 * say. SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/server_settings.h"

#include <string.h>

#define REDIS_BUS_OFFSET 10000u /* redis.conf, cluster-port */

static const struct {
    bool (*take)(struct hm_server_settings *settings, struct hm_span text);
    uint16_t usual;
} kinds[HM_SERVER_KINDS] = {
    [HM_SERVER_POSTGRESQL] = {hm_server_take_postgresql, 5432 },
    [HM_SERVER_MYSQL] = {hm_server_take_mysql,      3306 },
    [HM_SERVER_REDIS] = {hm_server_take_redis,      6379 },
    [HM_SERVER_SSH] = {hm_server_take_ssh,        22   },
    [HM_SERVER_MEMCACHED] = {hm_server_take_memcached,  11211},
};

void hm_server_settings_init(struct hm_server_settings *settings, enum hm_server_kind kind)
{
    *settings = (struct hm_server_settings){.kind = kind, .instance = ""};
}

bool hm_server_settings_take(struct hm_server_settings *settings, struct hm_span text)
{
    static const char mark[] = "\xEF\xBB\xBF";
    const size_t len = sizeof(mark) - 1;

    if (text.len >= len && memcmp(text.at, mark, len) == 0) {
        text = (struct hm_span){text.at + len, text.len - len};
    }
    if (text.len > 0 && memchr(text.at, '\0', text.len) != NULL) {
        settings->doubt = "is not a text";
        return true;
    }
    return kinds[settings->kind].take(settings, text);
}

bool hm_server_is(struct hm_span word, const char *name)
{
    const size_t len = strlen(name);

    for (size_t i = 0; i < len && i < word.len; i++) {
        const char c =
            word.at[i] >= 'A' && word.at[i] <= 'Z' ? (char)(word.at[i] | 0x20) : word.at[i];

        if (c != name[i]) {
            return false;
        }
    }
    return word.len == len;
}

/* ---- ports ---------------------------------------------------------------------------------- */

static bool read_port(struct hm_server_settings *settings, struct hm_span value, uint16_t *out)
{
    uint32_t port;

    if (!hm_str_parse_u32(value.at, value.len, UINT16_MAX, &port)) {
        settings->doubt = "has a port that is not a number from 1 to 65535";
        return false;
    }
    *out = (uint16_t)port;
    return true;
}

static void put(struct hm_server_settings *settings, uint16_t *ports, size_t *count, uint16_t port)
{
    if (*count >= HM_SERVER_PORTS_MAX) {
        settings->doubt = "has more ports than are read";
        return;
    }
    ports[(*count)++] = port;
}

void hm_server_add_port(struct hm_server_settings *settings, struct hm_span value)
{
    uint16_t port;

    if (!settings->fixed && read_port(settings, value, &port)) {
        put(settings, settings->ports, &settings->ports_count, port);
    }
}

void hm_server_set_port(struct hm_server_settings *settings, struct hm_span value)
{
    uint16_t port;

    if (!settings->fixed && read_port(settings, value, &port)) {
        settings->ports[0] = port;
        settings->ports_count = 1;
    }
}

bool hm_server_settings_default(struct hm_server_settings *settings, struct hm_span port)
{
    uint32_t number;

    if (settings->fixed) {
        return true;
    }
    if (!hm_str_parse_u32(port.at, port.len, UINT16_MAX, &number)) {
        return false;
    }
    settings->ports[0] = (uint16_t)number;
    settings->ports_count = 1;
    return true;
}

bool hm_server_settings_fix(struct hm_server_settings *settings, struct hm_span port)
{
    uint32_t number;

    if (!hm_str_parse_u32(port.at, port.len, UINT16_MAX, &number)) {
        return false;
    }
    if (!settings->fixed || settings->kind != HM_SERVER_SSH) {
        settings->ports_count = 0;
    }
    settings->fixed = true;
    put(settings, settings->ports, &settings->ports_count, (uint16_t)number);
    return true;
}

void hm_server_settings_data(struct hm_server_settings *settings, struct hm_span path)
{
    if (settings->data_fixed) {
        return;
    }
    if (path.len >= sizeof(settings->data)) {
        settings->doubt = "has a folder of data with too long a path";
        return;
    }
    memcpy(settings->data, path.at, path.len);
    settings->data[path.len] = '\0';
}

/* ---- addresses ------------------------------------------------------------------------------ */

void hm_server_clear_addresses(struct hm_server_settings *settings)
{
    settings->addresses = 0;
    settings->plain = 0;
    settings->own_count = 0;
    settings->ipv4 = false;
    settings->ipv6 = false;
    settings->any_family = false;
    settings->no_address = false;
}

/* Names may be of either family; so may the "::" of MySQL, which takes IPv4, too. */
static void see_family(struct hm_server_settings *settings, struct hm_span address)
{
    static const char mapped[] = "::ffff:";
    const size_t len = sizeof(mapped) - 1;
    bool digits = address.len > 0;

    for (size_t i = 0; i < address.len; i++) {
        digits = digits && memchr("0123456789.", address.at[i], 11) != NULL;
    }
    if (digits) {
        settings->ipv4 = true;
    } else if (address.len == 0 || memchr(address.at, ':', address.len) == NULL ||
               (settings->kind == HM_SERVER_MYSQL && hm_server_is(address, "::")) ||
               (address.len > len && hm_server_is((struct hm_span){address.at, len}, mapped)) ||
               memchr(address.at, '*', address.len) != NULL) {
        settings->any_family = true;
    } else {
        settings->ipv6 = true;
    }
}

void hm_server_add_address(struct hm_server_settings *settings, struct hm_span address)
{
    settings->addresses++;
    settings->plain++;
    see_family(settings, address);
}

void hm_server_add_listen(struct hm_server_settings *settings, struct hm_span value)
{
    const char *colon = value.len == 0 ? NULL : memchr(value.at, ':', value.len);
    const char *end = value.at + value.len;
    struct hm_span address = value;
    struct hm_span port = {NULL, 0};
    uint16_t number;

    if (value.len > 0 && value.at[0] == '[') {
        const char *closing = memchr(value.at, ']', value.len);

        if (closing == NULL || (closing + 1 < end && closing[1] != ':')) {
            settings->doubt = "has an address that is not understood";
            return;
        }
        address = (struct hm_span){value.at + 1, (size_t)(closing - value.at) - 1};
        if (closing + 1 < end) {
            port = (struct hm_span){closing + 2, (size_t)(end - closing) - 2};
        }
    } else if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon) - 1) == NULL) {
        address = (struct hm_span){value.at, (size_t)(colon - value.at)};
        port = (struct hm_span){colon + 1, (size_t)(end - colon) - 1};
    }
    if (port.at == NULL) {
        hm_server_add_address(settings, address);
    } else if (read_port(settings, port, &number)) {
        settings->addresses++;
        see_family(settings, address);
        put(settings, settings->own, &settings->own_count, number);
    }
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void put_final(struct hm_server_ports *ports, uint16_t port)
{
    for (size_t i = 0; i < ports->count; i++) {
        if (ports->at[i] == port) {
            return;
        }
    }
    if (port != 0) {
        ports->at[ports->count++] = port;
    }
}

static enum hm_families families_of(const struct hm_server_settings *settings)
{
    if (settings->one_family == 4) {
        return HM_FAMILIES_IPV4;
    }
    if (settings->one_family == 6) {
        return HM_FAMILIES_IPV6;
    }
    if (settings->any_family || settings->ipv4 == settings->ipv6) {
        return HM_FAMILIES_BOTH;
    }
    return settings->ipv4 ? HM_FAMILIES_IPV4 : HM_FAMILIES_IPV6;
}

void hm_server_settings_finish(const struct hm_server_settings *settings,
                               struct hm_server_ports *out_ports)
{
    struct hm_server_ports ports = {.count = 0, .families = families_of(settings)};
    const uint16_t usual = kinds[settings->kind].usual;

    if (!settings->closed && !settings->no_address) {
        for (size_t i = 0; i < settings->own_count; i++) {
            put_final(&ports, settings->own[i]);
        }
        if (settings->addresses == 0 || settings->plain > 0) {
            for (size_t i = 0; i < settings->ports_count; i++) {
                /* 0 is the usual one for MySQL */
                put_final(&ports, settings->ports[i] == 0 && settings->kind == HM_SERVER_MYSQL
                                      ? usual
                                      : settings->ports[i]);
            }
            if (settings->ports_count == 0) {
                put_final(&ports, usual);
            }
            put_final(&ports, settings->second);
            if (settings->clusters && ports.count > 0) {
                const uint32_t base =
                    settings->tls_cluster && settings->second != 0 ? settings->second : ports.at[0];
                const uint32_t bus = settings->bus != 0 ? settings->bus : base + REDIS_BUS_OFFSET;

                put_final(&ports, (uint16_t)(bus > UINT16_MAX ? 0 : bus));
            }
        }
    }
    *out_ports = ports;
}
