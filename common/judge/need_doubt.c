/* common/judge/need_doubt.c — a service ended with the error of a bind, and nothing shows why.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whatever kept it from its port may do so again: a reservation that no list shows (error 10013;
 * windows-ports.md 2.9), a holder that comes and goes, or a port that its configuration says and
 * the catalogue does not. Nobody may call that safe. */
#include "common/judge/need.h"

#include "common/judge/port_errors.h"

/* The need's service that is down by such an error; NULL when there is none. */
static const struct hm_service *find_failed(const struct hm_facts *facts,
                                            const struct hm_need *need)
{
    const struct hm_service *service;
    size_t at = 0;

    while ((service = hm_need_next_down(facts, need, false, &at)) != NULL) {
        if (hm_port_error_find(facts, service->exit_code) != NULL) {
            return service;
        }
    }
    return NULL;
}

static bool is_of(const struct hm_facts *facts, const struct hm_need *need,
                  const struct hm_service *wanted)
{
    const struct hm_service *service;
    size_t at = 0;

    while ((service = hm_need_next_down(facts, need, false, &at)) != NULL) {
        if (service == wanted) {
            return true;
        }
    }
    return false;
}

/* What the other requirements of the service say. */
struct others {
    bool explain; /* one is at risk: that was its port */
    bool need_it; /* one is not optional */
};

static struct others look_at_others(const struct hm_facts *facts, const struct hm_needs *needs,
                                    const struct hm_service *service)
{
    struct others others = {false, false};

    for (size_t i = 0; i < needs->count; i++) {
        const struct hm_need *need = &needs->at[i];

        if (is_of(facts, need, service)) {
            others.explain =
                others.explain || (need->verdict.state != HM_SAFE && need->unexplained == NULL);
            others.need_it = others.need_it || !need->requirement->optional;
        }
    }
    return others;
}

static enum hm_status doubt(struct hm_need *need, const struct hm_service *service,
                            struct hm_arena *arena, struct hm_err *err)
{
    struct hm_verdict *verdict = &need->verdict;
    struct hm_strings families = {hm_arena_alloc(arena, 2, sizeof(*families.at)), 0};

    if (families.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a verdict");
    }
    for (unsigned i = 0; i < 2; i++) {
        struct hm_need_stack *stack = &need->stacks[i];

        if (stack->judged) {
            stack->state = HM_UNKNOWN;
            stack->reason = HM_REASON_FACTS_MISSING;
            stack->at_risk = need->requirement->ports;
            families.at[families.count++] = hm_family_names[i];
        }
    }
    verdict->families = families;
    verdict->state = HM_UNKNOWN;
    verdict->reason = HM_REASON_FACTS_MISSING;
    verdict->at_risk = need->requirement->ports;
    verdict->has_after_boot = false;
    need->unexplained = service;
    return HM_OK;
}

enum hm_status hm_needs_doubt(const struct hm_facts *facts, struct hm_needs *needs,
                              struct hm_arena *arena, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; !facts->input->foretells && i < needs->count && st == HM_OK; i++) {
        struct hm_need *need = &needs->at[i];
        const struct hm_service *service =
            need->verdict.state == HM_SAFE ? find_failed(facts, need) : NULL;
        struct others others;

        if (service == NULL) {
            continue;
        }
        others = look_at_others(facts, needs, service);
        if (!others.explain && (!need->requirement->optional || !others.need_it)) {
            st = doubt(need, service, arena, err);
        }
    }
    return st;
}
