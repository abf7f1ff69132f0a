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

/* By what a service that is down says that a port was the reason. */
struct hm_port_failure {
    const struct hm_port_error *error;  /* NULL: its own log says so, without a number */
    uint32_t code;                      /* of error */
    const struct hm_event_count *event; /* that says so, as its state does not; NULL its state */
};

/* False when nothing says so. Its state counts first. An event of this boot counts beside a state
 * without an error: as long as no later start is known (the platform drops the errors of events
 * before one), the two contradict each other, and the convenient one is not believed. Not of a
 * service that an event of the system starts: that one stops by itself, so that a state without an
 * error is of a later run. Nor beside a state that is no failure of the service (1068, 1077). */
bool hm_port_failure_of(const struct hm_facts *facts, const struct hm_service *service,
                        struct hm_port_failure *out_failure);
