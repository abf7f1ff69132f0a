/* common/ports/port_values.h — registry values that say on which port a service of Windows listens.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The same in every language and from Windows 2000 on. Sources: Microsoft Learn, "Change the
 * listening port for Remote Desktop" (PortNumber); "netsh interface portproxy", whose entries the
 * IP Helper service keeps below Services\PortProxy, one value for each, named "address/port".
 * Pure: memory from the list in the making. */
#pragma once

#include "common/ports/configured.h"

/* A REG_DWORD with a port. */
struct hm_port_value {
    const char *key; /* below HKEY_LOCAL_MACHINE; deployment and tests use this path, too */
    const char *name;
    const char
        *parent; /* other keys in it may have the value, too: more listeners of the service */
    enum hm_configured_by by;
    bool udp; /* the same UDP port, too */
};
#define HM_PORT_VALUE_COUNT 1
extern const struct hm_port_value hm_port_values[HM_PORT_VALUE_COUNT];

/* A key in which the name of each value ends with a TCP port: "*" "/8080". */
struct hm_port_key_names {
    const char *key;
    const char *kind; /* the subject of the row begins with it: "v4tov4 *""/8080" */
    enum hm_configured_by by;
};
#define HM_PORT_KEY_COUNT 4
extern const struct hm_port_key_names hm_port_keys[HM_PORT_KEY_COUNT];

#define HM_PORT_VALUE_OTHERS 16u /* of these at most are read */

/* Is a key of the parent, of this name, another listener of the service? Not the main one, and not
 * one of Citrix, whose own services listen on the port. */
bool hm_port_value_is_other(const struct hm_port_value *value, const char *name);

/* The value of that other listener, for the functions below; NULL when there is no memory. */
const struct hm_port_value *hm_port_value_other(const struct hm_port_value *value, const char *name,
                                                struct hm_arena *arena);

/* Adds the port. One that is no port (0, above 65535) becomes a row with port 0: nobody knows which
 * port the service has at its next start. */
enum hm_status hm_port_value_put(struct hm_configured_make *make, const struct hm_port_value *value,
                                 uint32_t port, struct hm_err *err) HM_MUST_CHECK;

/* The row of a value that is no port, or of another type than REG_DWORD; text: as it stands. */
enum hm_status hm_port_value_put_invalid(struct hm_configured_make *make,
                                         const struct hm_port_value *value, const char *text,
                                         struct hm_err *err) HM_MUST_CHECK;

/* Adds the port at the end of the name of a value; *out_port: it has one. A name without one adds
 * nothing. */
enum hm_status hm_port_key_put(struct hm_configured_make *make, const struct hm_port_key_names *key,
                               const char *name, bool *out_port, struct hm_err *err) HM_MUST_CHECK;
