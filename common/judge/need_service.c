/* common/judge/need_service.c — is a service that needs the port down?
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/need.h"

#include "common/base/str.h"
#include "common/judge/port_errors.h"

/* By the service's name; a product that is known by its program alone, by that. An observed program
 * without a service was no service's process: it is not known which one it belongs to. */
static bool is_own(const struct hm_need *need, const struct hm_service *service)
{
    const struct hm_detect *names = hm_need_names(need);

    if (names->services.count > 0) {
        return hm_detect_owns(names, "", service->name);
    }
    return need->product != NULL && !hm_need_is_shared_host(service->program) &&
           hm_detect_owns(names, service->program, "");
}

static bool is_down(const struct hm_service *service, bool must_run)
{
    const bool always = service->start == HM_START_AUTOMATIC ||
                        service->start == HM_START_DELAYED || service->start == HM_START_DEPENDENCY;

    return service->has_runs && !service->runs &&
           (always || (!must_run && service->start == HM_START_TRIGGERED) ||
            (service->start == HM_START_MANUAL && hm_service_has_failed(service)));
}

const struct hm_service *hm_need_next_down(const struct hm_facts *facts, const struct hm_need *need,
                                           bool must_run, size_t *at)
{
    const struct hm_services *details = &facts->inventory->service_details;

    while (facts->inventory->has_service_details && *at < details->count) {
        const struct hm_service *service = &details->at[(*at)++];

        if (is_down(service, must_run) && is_own(need, service)) {
            return service;
        }
    }
    return NULL;
}

bool hm_need_may_do_without(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_service *service;
    struct hm_port_failure failure;
    size_t at = 0;

    if (need->product == NULL || !need->requirement->optional || !need->only_at_risk ||
        need->configured || need->published) {
        return false;
    }
    while ((service = hm_need_next_down(facts, need, false, &at)) != NULL) {
        if (hm_port_failure_of(facts, service, &failure)) {
            return false;
        }
    }
    return true;
}
