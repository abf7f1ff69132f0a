/* common/judge/port_errors.c — exit codes of services that speak of a port.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/port_errors.h"

#include "common/base/str.h"
#include "common/judge/service_events.h"

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

static bool may_be_standing(const struct hm_service *service)
{
    return service->exit_code == 0 ? service->start != HM_START_TRIGGERED
                                   : hm_service_has_failed(service);
}

bool hm_port_failure_of(const struct hm_facts *facts, const struct hm_service *service,
                        struct hm_port_failure *out_failure)
{
    const struct hm_event_counts *events = facts->input->events;
    struct hm_port_failure failure = {.error = hm_port_error_find(facts, service->exit_code),
                                      .code = service->exit_code};
    bool failed = failure.error != NULL;

    for (size_t i = 0; !failed && events != NULL && may_be_standing(service) && i < events->count;
         i++) {
        const struct hm_event_count *event = &events->at[i];
        const struct hm_service_event *row = hm_service_event_find(event->provider, event->id);

        if (row == NULL || !hm_service_event_concerns(event, service->name, "")) {
            continue;
        }
        failure = (struct hm_port_failure){
            .error = hm_port_error_find(facts, event->error), .code = event->error, .event = event};
        failed = row->failed ? failure.error != NULL : row->by_port;
    }
    if (failed) {
        *out_failure = failure;
    }
    return failed;
}
