/* agent/guarding.c — services that wait for the agent's first pass.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/guarding.h"

#include "agent/platform/guard.h"
#include "common/base/log.h"

#define AGAIN_MS 1000
#define ARENA_BYTES (16u * 1024u * 1024u)

static bool is_native(const struct hm_agent *agent)
{
    return agent->platform_ops == &hm_platform_native;
}

static void tell(struct hm_agent *agent)
{
    struct hm_err err;

    if (!is_native(agent) || agent->guard_told) {
        return;
    }
    agent->guard_told = true;
    if (hm_guard_passed(&err) != HM_OK) {
        hm_log_failure(HM_LOG_WARNING, "guard_not_told", &err);
    }
}

void hm_agent_guard_passed(struct hm_agent *agent)
{
    if (agent->guard_told || !is_native(agent)) {
        return;
    }
    if (agent->observation.inventory.has_listeners || agent->guard_again) {
        tell(agent);
        return;
    }
    /* Too early in the boot: that pass could add nothing. */
    agent->guard_again = true;
    if (agent->again_in_ms == 0 || agent->again_in_ms > AGAIN_MS) {
        agent->again_in_ms = AGAIN_MS;
    }
}

void hm_agent_guard_begin(struct hm_agent *agent)
{
    if (!agent->config.enforce || hm_enforcer_is_held(agent->enforcer) ||
        hm_agent_policies_all(agent->policies)->count == 0) {
        tell(agent);
    }
}

static void log_services(enum hm_log_level level, const char *event,
                         const struct hm_strings *services, const char *fault)
{
    for (size_t i = 0; i < services->count; i++) {
        struct hm_log_line line;

        hm_log_begin(&line, level, event);
        hm_log_str(&line, "service", services->at[i]);
        if (fault[0] != '\0') {
            hm_log_str(&line, "fault", fault);
        }
        hm_log_end(&line);
    }
}

void hm_guarding_keep(void)
{
    struct hm_guard_kept kept;
    struct hm_arena arena;
    struct hm_err err;
    enum hm_status st;

    hm_arena_init(&arena, ARENA_BYTES);
    st = hm_guard_keep(&arena, &kept, &err);
    if (st == HM_OK) {
        log_services(HM_LOG_WARNING, "guard_released", &kept.released, kept.fault);
        log_services(HM_LOG_ERROR, "guard_not_released", &kept.left, kept.fault);
        log_services(HM_LOG_WARNING, "guarded_service_started", &kept.started, "");
        if (kept.listed) {
            struct hm_log_line line;

            hm_log_begin(&line, HM_LOG_WARNING, "guard_listed_for_safe_mode");
            hm_log_end(&line);
        }
    } else if (st != HM_EBUSY) { /* somebody adds or removes a guard at this moment */
        hm_log_failure(HM_LOG_WARNING, "guard_not_checked", &err);
    }
    hm_arena_fini(&arena);
}

void hm_agent_guard_keep(struct hm_agent *agent)
{
    if (is_native(agent)) {
        hm_guarding_keep();
    }
}
