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
    enum hm_configured_by by;
    bool udp; /* the same UDP port, too */
};
#define HM_PORT_VALUE_COUNT 1
extern const struct hm_port_value hm_port_values[HM_PORT_VALUE_COUNT];

/* A key in which the name of each value ends with a TCP port: "*" "/8080". */
struct hm_port_key_names {
    const char *key;
    enum hm_configured_by by;
};
#define HM_PORT_KEY_COUNT 4
extern const struct hm_port_key_names hm_port_keys[HM_PORT_KEY_COUNT];

/* Adds the port. One that is no port (0, above 65535) becomes a row with port 0: nobody knows which
 * port the service has at its next start. */
enum hm_status hm_port_value_put(struct hm_configured_make *make, const struct hm_port_value *value,
                                 uint32_t port, struct hm_err *err) HM_MUST_CHECK;

/* The row of a value that is no port, or of another type than REG_DWORD; text: as it stands. */
enum hm_status hm_port_value_put_invalid(struct hm_configured_make *make,
                                         const struct hm_port_value *value, const char *text,
                                         struct hm_err *err) HM_MUST_CHECK;

/* Adds the port at the end of the name of a value; a name without one adds nothing. */
enum hm_status hm_port_key_put(struct hm_configured_make *make, const struct hm_port_key_names *key,
                               const char *name, struct hm_err *err) HM_MUST_CHECK;
