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

bool hm_need_is_claimed(const struct hm_catalogue *catalogue, const char *service)
{
    for (size_t i = 0; catalogue != NULL && i < catalogue->count; i++) {
        const struct hm_product *product = &catalogue->at[i];

        if (hm_detect_owns(&product->detect, "", service) ||
            hm_companions_own(&product->companions, "", service)) {
            return true;
        }
        for (size_t k = 0; k < product->requirements.count; k++) {
            const struct hm_requirement *row = &product->requirements.at[k];

            if (hm_detect_owns(&row->detect, "", service) ||
                hm_companions_own(&row->companions, "", service)) {
                return true;
            }
        }
    }
    return false;
}

bool hm_need_is_instance(const struct hm_facts *facts, const struct hm_need *need,
                         const char *program, const char *service)
{
    const struct hm_detect *names = hm_need_names(need);

    return hm_detect_owns(names, "", service) ||
           (need->product != NULL && !need->requirement->of_instance &&
            !hm_need_is_shared_host(program) && hm_detect_owns(names, program, "") &&
            !hm_need_is_claimed(facts->input->catalogue, service));
}

const struct hm_service *hm_need_next_down_instance(const struct hm_facts *facts,
                                                    const struct hm_need *need, size_t *at)
{
    const struct hm_services *details = &facts->inventory->service_details;

    while (facts->inventory->has_service_details && *at < details->count) {
        const struct hm_service *service = &details->at[(*at)++];

        if (service->start != HM_START_MANUAL && is_down(service, true) &&
            hm_need_is_instance(facts, need, service->program, service->name)) {
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
