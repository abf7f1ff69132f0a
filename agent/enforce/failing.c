/* agent/enforce/failing.c — services that failed because of a policy, and fail again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/failing.h"

#include "common/base/str.h"
#include "common/judge/service_events.h"

const struct hm_service *hm_failing_find(const struct hm_services *const lists[2], const char *name)
{
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < lists[k]->count; i++) {
            if (hm_str_equal_nocase(lists[k]->at[i].name, name)) {
                return &lists[k]->at[i];
            }
        }
    }
    return NULL;
}

uint32_t hm_failing_count(const struct hm_observation *seen, const char *service)
{
    uint32_t count = 0;

    for (size_t i = 0; seen->has_events && i < seen->events.count; i++) {
        const struct hm_event_count *event = &seen->events.at[i];
        const struct hm_service_event *row = hm_service_event_find(event->provider, event->id);

        count += row != NULL && row->failed && hm_str_equal_nocase(event->about, service)
                     ? event->count
                     : 0;
    }
    return count;
}

static void drop_name(struct hm_strings *names, const char *service)
{
    size_t count = 0;

    for (size_t i = 0; i < names->count; i++) {
        if (!hm_str_equal_nocase(names->at[i], service)) {
            names->at[count++] = names->at[i];
        }
    }
    names->count = count;
}

/* Was it started again since the failure that a policy was blamed for, and has failed again? */
static bool has_failed_anew(const struct hm_enforce_run *run, struct hm_failing *failing,
                            bool fails)
{
    const struct hm_observation *seen = run->pass->observation;
    const uint32_t failures = hm_failing_count(seen, failing->service);
    const bool same_boot = hm_str_equal(failing->boot_id, run->boot_id);
    bool again;

    if (!fails) {
        failing->stopped = failing->stopped || same_boot;
        return false;
    }
    again = !same_boot || failing->stopped ||
            (seen->has_events && failing->has_failures && failures > failing->failures);
    if (seen->has_events && (!failing->has_failures || failures < failing->failures)) {
        failing->has_failures = true; /* fewer: the log was cleared */
        failing->failures = failures;
    }
    return again;
}

/* What failed because of a policy, and fails again, has not failed since before the next change. */
void hm_failing_look(struct hm_enforce_run *run, const struct hm_services *const lists[2],
                     bool (*failed)(const struct hm_observation *seen,
                                    const struct hm_service *service))
{
    const struct hm_failing_list *list = &run->state.failing;

    for (size_t i = 0; i < list->count; i++) {
        struct hm_failing *failing = &list->at[i];
        const struct hm_service *service = hm_failing_find(lists, failing->service);

        if (!failing->by_us || service == NULL ||
            !has_failed_anew(run, failing, failed(run->pass->observation, service))) {
            continue;
        }
        failing->by_us = false;
        for (size_t k = 0; k < run->state.policies.count; k++) {
            struct hm_enforce_row *row = &run->state.policies.at[k];

            if (!hm_str_equal_nocase(row->innocent_of, failing->service)) {
                drop_name(&row->failed_before, failing->service);
                drop_name(&row->failing_before, failing->service);
            }
        }
    }
}

void hm_failing_blamed(struct hm_enforce_run *run, const char *service)
{
    const struct hm_observation *seen = run->pass->observation;
    const struct hm_failing_list *list = &run->state.failing;

    for (size_t i = 0; i < list->count; i++) {
        struct hm_failing *failing = &list->at[i];

        if (hm_str_equal_nocase(failing->service, service)) {
            failing->by_us = true;
            failing->boot_id = run->boot_id;
            failing->stopped = false;
            failing->has_failures = seen->has_events;
            failing->failures = hm_failing_count(seen, service);
        }
    }
}
