/* common/ports/port_values.c — registry values that say on which port a service of Windows listens.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/port_values.h"

#include <stdio.h>
#include <string.h>

#define SYSTEM "SYSTEM\\CurrentControlSet\\"
#define PORT_PROXY SYSTEM "Services\\PortProxy\\"

const struct hm_port_value hm_port_values[HM_PORT_VALUE_COUNT] = {
    {.key = SYSTEM "Control\\Terminal Server\\WinStations\\RDP-Tcp",
     .name = "PortNumber",
     .parent = SYSTEM "Control\\Terminal Server\\WinStations",
     .by = HM_BY_RDP_PORT,
     .udp = true},
};

const struct hm_port_key_names hm_port_keys[HM_PORT_KEY_COUNT] = {
    {PORT_PROXY "v4tov4\\tcp", "v4tov4", HM_BY_PORT_PROXY},
    {PORT_PROXY "v4tov6\\tcp", "v4tov6", HM_BY_PORT_PROXY},
    {PORT_PROXY "v6tov4\\tcp", "v6tov4", HM_BY_PORT_PROXY},
    {PORT_PROXY "v6tov6\\tcp", "v6tov6", HM_BY_PORT_PROXY},
};

static struct hm_span span_of(const char *text)
{
    return (struct hm_span){text, strlen(text)};
}

bool hm_port_value_is_other(const struct hm_port_value *value, const char *name)
{
    return !hm_str_equal_nocase(strrchr(value->key, '\\') + 1, name) &&
           !hm_str_glob_nocase("ICA*", name);
}

const struct hm_port_value *hm_port_value_other(const struct hm_port_value *value, const char *name,
                                                struct hm_arena *arena)
{
    struct hm_port_value *other = hm_arena_alloc(arena, 1, sizeof(*other));

    if (other == NULL) {
        return NULL;
    }
    *other = *value;
    other->key = hm_arena_printf(arena, "%s\\%s", value->parent, name);
    return other->key == NULL ? NULL : other;
}

static enum hm_status put_value(struct hm_configured_make *make, const struct hm_port_value *value,
                                uint16_t port, const char *subject, struct hm_err *err)
{
    struct hm_configured row = {
        .protocol = HM_TCP, .port = port, .kind = HM_KIND_SOCKET, .by = value->by, .subject = ""};
    enum hm_status st = hm_configured_put(make, &row, span_of(subject), err);

    if (st == HM_OK && value->udp) {
        row.protocol = HM_UDP;
        st = hm_configured_put(make, &row, span_of(subject), err);
    }
    return st;
}

enum hm_status hm_port_value_put_invalid(struct hm_configured_make *make,
                                         const struct hm_port_value *value, const char *text,
                                         struct hm_err *err)
{
    const char *subject = hm_arena_printf(make->arena, "%s %s", value->name, text);

    return subject == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the ports that are set up")
                           : put_value(make, value, 0, subject, err);
}

enum hm_status hm_port_value_put(struct hm_configured_make *make, const struct hm_port_value *value,
                                 uint32_t port, struct hm_err *err)
{
    char text[16];

    if (port > 0 && port <= UINT16_MAX) {
        return put_value(make, value, (uint16_t)port, value->name, err);
    }
    (void)snprintf(text, sizeof(text), "0x%x", (unsigned)port);
    return hm_port_value_put_invalid(make, value, text, err);
}

enum hm_status hm_port_key_put(struct hm_configured_make *make, const struct hm_port_key_names *key,
                               const char *name, bool *out_port, struct hm_err *err)
{
    const char *slash = strrchr(name, '/');
    struct hm_configured row = {
        .protocol = HM_TCP, .kind = HM_KIND_SOCKET, .by = key->by, .subject = ""};
    const char *subject = hm_arena_printf(make->arena, "%s %s", key->kind, name);
    uint32_t port = 0;

    if (subject == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the ports that are set up");
    }
    if (slash == NULL || !hm_str_parse_u32(slash + 1, strlen(slash + 1), UINT16_MAX, &port) ||
        port == 0) {
        *out_port = false;
        return HM_OK;
    }
    *out_port = true;
    row.port = (uint16_t)port;
    return hm_configured_put(make, &row, span_of(subject), err);
}
