/* common/judge/need_companion.c — companions of a product, and whether the product runs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/need.h"

#include "common/base/str.h"

static bool has_copy(const struct hm_product *product, const struct hm_requirement *row,
                     const char *program)
{
    return hm_companions_share(&product->companions, program) ||
           hm_companions_share(&row->companions, program) ||
           hm_detect_owns(&product->detect, program, "") ||
           hm_detect_owns(&row->detect, program, "");
}

/* Does another product of this host have the program, too, and requires the same port? */
static bool is_claimed(const struct hm_facts *facts, const struct hm_need *need,
                       const char *program)
{
    for (size_t i = 0; i < facts->present_count; i++) {
        const struct hm_product *product = facts->present[i];

        for (size_t j = 0; product != need->product && j < product->requirements.count; j++) {
            const struct hm_requirement *row = &product->requirements.at[j];

            if (row->protocol == need->requirement->protocol &&
                hm_ports_overlap(row->ports, need->requirement->ports) &&
                has_copy(product, row, program)) {
                return true;
            }
        }
    }
    return false;
}

enum hm_owner hm_need_companion(const struct hm_facts *facts, const struct hm_need *need,
                                const char *program, const char *service,
                                enum hm_socket_state state)
{
    const struct hm_requirement *requirement = need->requirement;

    if (hm_companions_own(&requirement->companions, program, service)) {
        return HM_OWNER_SELF;
    }
    if (need->product == NULL || state != HM_SOCKET_LISTEN) {
        return HM_OWNER_FOREIGN;
    }
    if (hm_companions_own(&need->product->companions, program, service)) {
        return HM_OWNER_SELF;
    }
    if (!hm_companions_share(&requirement->companions, program) &&
        !hm_companions_share(&need->product->companions, program)) {
        return HM_OWNER_FOREIGN;
    }
    if (!hm_str_equal(service, "") || hm_need_runs(facts, need) == HM_RUNS_NO) {
        return HM_OWNER_FOREIGN; /* another product's copy; children carry no service */
    }
    return is_claimed(facts, need, program) ? HM_OWNER_UNREAD : HM_OWNER_SELF;
}

enum hm_runs hm_need_runs(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_detect *names = hm_need_names(need);

    if (hm_names_match(&facts->running, &names->services)) {
        return HM_RUNS_YES;
    }
    for (size_t i = 0; i < names->programs.count; i++) {
        const struct hm_strings one = {&names->programs.at[i], 1};

        if (!hm_need_is_shared_host(names->programs.at[i]) &&
            hm_names_match(&facts->programs, &one)) {
            return HM_RUNS_YES;
        }
    }
    return hm_names_match(&facts->stopped, &names->services) ? HM_RUNS_NO : HM_RUNS_UNKNOWN;
}
