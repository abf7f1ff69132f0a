/* common/ports/requirement.c — does a host have a product, and is a process one of its own?
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/requirement.h"

#include <string.h>

#include "common/base/str.h"

const char *const hm_effect_when_names[4] = {"install", "update", "configure", "feature"};
const char *const hm_effect_what_names[HM_EFFECT_WHAT_COUNT] = {
    [HM_RANGE_MOVED] = "range_moved", [HM_RANGE_RESET] = "range_reset",
    [HM_PORTS_TAKEN] = "ports_taken", [HM_PORTS_RESERVED] = "ports_reserved",
    [HM_POOL_TAKEN] = "pool_taken",
};
const char *const hm_confidence_names[4] = {"documented", "reported", "single", "inferred"};
const char *const hm_safe_to_exclude_names[3] = {"yes", "no", "when_stopped"};

/* "" is "unknown" or "none" and matches nothing, not even "*". */
static bool any_matches(const struct hm_strings *patterns, const char *name)
{
    if (name == NULL || name[0] == '\0') {
        return false;
    }
    for (size_t i = 0; i < patterns->count; i++) {
        if (hm_str_glob_nocase(patterns->at[i], name)) {
            return true;
        }
    }
    return false;
}

bool hm_program_cut(const char *pattern, char out[HM_COMM_BYTES])
{
    if (strlen(pattern) < HM_COMM_BYTES || strpbrk(pattern, "*?") != NULL) {
        return false;
    }
    memcpy(out, pattern, HM_COMM_BYTES - 1);
    out[HM_COMM_BYTES - 1] = '\0';
    return true;
}

static bool any_program_matches(const struct hm_strings *patterns, const char *name)
{
    char cut[HM_COMM_BYTES];

    if (any_matches(patterns, name)) {
        return true;
    }
    for (size_t i = 0; name != NULL && i < patterns->count; i++) {
        if (hm_program_cut(patterns->at[i], cut) && hm_str_equal_nocase(cut, name)) {
            return true;
        }
    }
    return false;
}

bool hm_detect_matches(const struct hm_detect *detect, const struct hm_inventory *inventory)
{
    if (detect->always) {
        return true;
    }
    for (size_t i = 0; inventory->has_services && i < inventory->services.count; i++) {
        if (any_matches(&detect->services, inventory->services.at[i])) {
            return true;
        }
    }
    for (size_t i = 0; inventory->has_listeners && i < inventory->listeners.count; i++) {
        const struct hm_listener *listener = &inventory->listeners.at[i];

        if (any_program_matches(&detect->programs, listener->program) ||
            any_matches(&detect->services, listener->service)) {
            return true;
        }
    }
    return false;
}

bool hm_detect_owns(const struct hm_detect *detect, const char *program, const char *service)
{
    return any_matches(&detect->services, service) ||
           any_program_matches(&detect->programs, program);
}

bool hm_companions_own(const struct hm_companions *companions, const char *program,
                       const char *service)
{
    return any_matches(&companions->services, service) ||
           any_program_matches(&companions->programs, program);
}

bool hm_companions_share(const struct hm_companions *companions, const char *program)
{
    return any_program_matches(&companions->shared_programs, program);
}
