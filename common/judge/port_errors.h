/* common/judge/port_errors.h — exit codes of services that speak of a port.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to judging. As Windows reports them (System Error Codes; Windows Sockets Error Codes),
 * and the HRESULT of each (0x8007xxxx), which services written in .NET or COM end with. */
#pragma once

#include "common/judge/facts.h"

struct hm_port_error {
    uint32_t code;
    bool certain;  /* false: it is the error of a file in use, too */
    bool reserved; /* something reserves the port, which no list of sockets shows */
    bool httpsys;  /* HTTP.sys says so when a URL is registered */
    const char *says;
};

/* NULL when the code does not speak of a port; on Linux it is the program's own. */
const struct hm_port_error *hm_port_error_find(const struct hm_facts *facts, uint32_t code);
