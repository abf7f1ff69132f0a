/* agent/enforce/recent.c — for how long a change may be why a service fails.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/recent.h"

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/ports/settled.h"

#define RECENT_S 604800u /* of the boot of the change */
#define BOOTS_MOST 5u    /* after it */

bool hm_recent_log_awaited(const struct hm_enforce_run *run)
{
    const struct hm_observation *seen = run->pass->observation;

    return seen->has_uptime && !seen->has_events && seen->uptime_s < HM_SETTLED_MOST_S;
}

bool hm_recent_row(const struct hm_enforce_run *run, struct hm_enforce_row *row)
{
    const uint64_t number = run->state.boot.number;

    if (hm_str_equal(row->changed_boot_id, "")) {
        return false;
    }
    if (hm_str_equal(row->changed_boot_id, run->boot_id)) {
        return hm_run_boot_s(run) < row->changed_s + RECENT_S;
    }
    if (run->state.has_boot && number > row->changed_number + BOOTS_MOST) {
        row->changed_boot_id = "";
        row->knows_before = false;
        row->failed_before.count = 0;
        row->failing_before.count = 0;
        row->errors_before.count = 0;
        return false;
    }
    return true;
}

static struct hm_start *find_start(const struct hm_enforce_run *run, const char *service)
{
    for (size_t i = 0; i < run->state.starts.count; i++) {
        if (hm_str_equal_nocase(run->state.starts.at[i].service, service)) {
            return &run->state.starts.at[i];
        }
    }
    return NULL;
}

bool hm_recent_service(const struct hm_enforce_run *run, const struct hm_enforce_row *row,
                       const char *service)
{
    const struct hm_start *start = find_start(run, service);

    if (hm_str_equal(row->changed_boot_id, run->boot_id) || start == NULL) {
        return true;
    }
    return (start->boot == run->state.boot.number ? start->before : start->boot) <=
           row->changed_number;
}

/* Is there a change of an earlier boot that may still be why a service fails? */
static bool is_asked_for(const struct hm_enforce_run *run)
{
    for (size_t i = 0; i < run->state.policies.count; i++) {
        const struct hm_enforce_row *row = &run->state.policies.at[i];

        if (!hm_str_equal(row->changed_boot_id, "") &&
            !hm_str_equal(row->changed_boot_id, run->boot_id)) {
            return true;
        }
    }
    return false;
}

void hm_recent_note(struct hm_enforce_run *run, const struct hm_services *const lists[2],
                    bool (*failed)(const struct hm_observation *seen,
                                   const struct hm_service *service))
{
    const struct hm_observation *seen = run->pass->observation;
    struct hm_starts *starts = &run->state.starts;
    struct hm_start *at;

    if (!run->state.has_boot || seen->inventory.os.family != HM_OS_WINDOWS || !is_asked_for(run)) {
        starts->count = 0;
        return;
    }
    at = hm_arena_alloc(run->arena, starts->count + lists[0]->count + lists[1]->count, sizeof(*at));
    if (at == NULL) {
        return;
    }
    for (size_t i = 0; i < starts->count; i++) {
        at[i] = starts->at[i];
    }
    starts->at = at;
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < lists[k]->count; i++) {
            const struct hm_service *service = &lists[k]->at[i];
            struct hm_start *start = find_start(run, service->name);

            if (!service->has_runs || (!service->runs && !hm_service_has_failed(service)) ||
                (failed(seen, service) && hm_recent_log_awaited(run))) {
                continue;
            }
            if (start == NULL && starts->count < HM_LIMIT_SERVICES) {
                start = &starts->at[starts->count++];
                *start = (struct hm_start){.service = service->name};
            }
            if (start != NULL && start->boot != run->state.boot.number) {
                start->before = start->boot;
                start->boot = run->state.boot.number;
            }
        }
    }
}
