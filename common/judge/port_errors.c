/* common/judge/port_errors.c — exit codes of services that speak of a port.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/port_errors.h"

#include "common/base/str.h"

#define HRESULT_OF_WIN32 0x80070000u

static const struct hm_port_error rows[] = {
    {10013, true,  true,  false, "the port is reserved by something else"           },
    {10048, true,  false, false, "the port is in use"                               },
    {1740,  true,  false, false, "the RPC end point is in use"                      },
    {32,    false, false, true,  "HTTP.sys found the port in use, or a file is open"},
};

const struct hm_port_error *hm_port_error_find(const struct hm_facts *facts, uint32_t code)
{
    const uint32_t win32 = (code & 0xffff0000u) == HRESULT_OF_WIN32 ? code & 0xffffu : code;

    for (size_t i = 0; !facts->linux_host && i < HM_COUNT(rows); i++) {
        if (rows[i].code == win32) {
            return &rows[i];
        }
    }
    return NULL;
}
