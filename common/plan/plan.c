/* common/plan/plan.c — which policies count, and the parts of a plan in their order.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/judge/headroom.h"
#include "common/plan/plan_build.h"

const char *const hm_action_kind_names[HM_ACTION_KIND_COUNT] = {
    "remove_exclusion",    "add_exclusion", "set_reserved_ports",
    "set_sysctl_reserved", "set_range",     "set_timed_wait_delay",
};

const char *const hm_plan_note_kind_names[HM_PLAN_NOTE_KIND_COUNT] = {
    "already_there", "foreign_left_alone", "gone",           "refused",          "taken",
    "busy",          "waiting_window",     "waiting_reboot", "waiting_settling", "audit_only",
};

const char *const hm_refusal_code_names[HM_REFUSAL_CODE_COUNT] = {
    "none",          "httpsys",
    "quic",          "shared",
    "container",     "unsafe",
    "local_limit",   "unsupported_system",
    "facts_missing", "would_break_headroom",
    "contradiction", "expired",
    "invalid",       "wrong_type",
    "unsigned",      "altered",
    "unknown_key",   "threshold",
    "author_only",   "wrong_fleet",
    "replayed",      "malformed",
};

static int compare_policies(const void *a, const void *b)
{
    const struct hm_policy *x = *(const struct hm_policy *const *)a;
    const struct hm_policy *y = *(const struct hm_policy *const *)b;
    int by = strcmp(x->name == NULL ? "" : x->name, y->name == NULL ? "" : y->name);

    if (by == 0) {
        by = (x->revision < y->revision) - (x->revision > y->revision); /* newest first */
    }
    return by;
}

/* Says why when the policy does not count. */
static bool counts(struct hm_plan_build *b, const struct hm_policy *policy)
{
    const struct hm_policies *so_far = &b->policies;
    struct hm_err why = {0};
    struct hm_plan_note *note;

    if (hm_policy_check(policy, &why) != HM_OK) {
        note = hm_plan_put_note(b, HM_NOTE_REFUSED, policy->name, policy->revision);
        hm_plan_refuse(b, note, HM_REFUSE_INVALID, hm_plan_print(b, "%s.", why.text));
        return false;
    }
    if (policy->mode == HM_POLICY_RETIRE) {
        return false; /* nothing to say: that its ports are not wanted any more is the message */
    }
    if (hm_policy_is_expired(policy, b->input->now_ms)) {
        note = hm_plan_put_note(b, HM_NOTE_REFUSED, policy->name, policy->revision);
        hm_plan_refuse(b, note, HM_REFUSE_EXPIRED,
                       "The policy has expired and counts as retired; what it added is removed.");
        return false;
    }
    if (so_far->count > 0 && strcmp(so_far->at[so_far->count - 1]->name, policy->name) == 0) {
        note = hm_plan_put_note(b, HM_NOTE_REFUSED, policy->name, policy->revision);
        hm_plan_refuse(b, note, HM_REFUSE_CONTRADICTION,
                       hm_plan_print(b, "Revision %u of the same policy is there too and counts.",
                                     so_far->at[so_far->count - 1]->revision));
        return false;
    }
    return true;
}

/* Invalid policies are passed over before older revisions are, so a broken new one leaves the
 * good old one in place. */
static void choose_policies(struct hm_plan_build *b)
{
    const struct hm_policies *given = &b->input->policies;
    const struct hm_policy **sorted = hm_plan_alloc(b, given->count, sizeof(*sorted));

    b->policies.at = hm_plan_alloc(b, given->count, sizeof(*b->policies.at));
    if (sorted == NULL || b->policies.at == NULL) {
        return;
    }
    for (size_t i = 0; i < given->count; i++) {
        sorted[i] = given->at[i];
    }
    if (given->count > 1) {
        qsort(sorted, given->count, sizeof(*sorted), compare_policies);
    }
    for (size_t i = 0; i < given->count; i++) {
        if (counts(b, sorted[i])) {
            b->policies.at[b->policies.count++] = sorted[i];
        }
    }
}

/* All that the wants name of one protocol, as a set. */
static struct hm_ports gather(struct hm_plan_build *b, const struct hm_wants *wants,
                              enum hm_protocol protocol)
{
    struct hm_range *ranges = hm_plan_alloc(b, wants->count, sizeof(*ranges));
    struct hm_ports set = {NULL, 0};
    size_t count = 0;

    for (size_t i = 0; ranges != NULL && i < wants->count; i++) {
        if (wants->at[i].protocol == protocol) {
            ranges[count++] = wants->at[i].range;
        }
    }
    if (ranges != NULL) {
        hm_plan_fail(b, hm_ports_from_ranges(ranges, count, b->arena, &set, b->err));
    }
    return set;
}

static bool within_limit(struct hm_plan_build *b, const struct hm_policy *policy,
                         const struct hm_wants *wants)
{
    uint32_t max = b->limits.policy_ports_max;
    struct hm_plan_note *note;

    for (unsigned i = 0; max > 0 && i < 2; i++) {
        enum hm_protocol protocol = i == 0 ? HM_TCP : HM_UDP;
        uint32_t count = hm_ports_count(gather(b, wants, protocol));

        if (count > max) {
            note = hm_plan_put_note(b, HM_NOTE_REFUSED, policy->name, policy->revision);
            note->has_protocol = true;
            note->protocol = protocol;
            hm_plan_refuse(b, note, HM_REFUSE_LOCAL_LIMIT,
                           hm_plan_print(b,
                                         "The policy wants %u %s ports; this agent's configuration "
                                         "allows a policy %u.",
                                         count, hm_protocol_names[protocol], max));
            return false;
        }
    }
    return true;
}

bool hm_plan_is_over(const struct hm_plan_build *b, const char *policy)
{
    for (size_t i = 0; i < b->over.count; i++) {
        if (strcmp(b->over.at[i], policy) == 0) {
            return true;
        }
    }
    return false;
}

static void put_wants(struct hm_plan_build *b, const struct hm_policy *policy, size_t *cap)
{
    struct hm_wants wants = {NULL, 0};
    const char *missing = "";
    struct hm_plan_note *note;

    hm_plan_fail(b,
                 hm_policy_wants(policy, b->input->catalogue, b->arena, &wants, &missing, b->err));
    if (missing[0] != '\0') {
        note = hm_plan_put_note(b, HM_NOTE_REFUSED, policy->name, policy->revision);
        hm_plan_refuse(b, note, HM_REFUSE_FACTS_MISSING,
                       hm_plan_print(b, "The catalogue here has no product %.255s.", missing));
    }
    if (!within_limit(b, policy, &wants)) {
        b->over.at[b->over.count++] = policy->name;
        return;
    }
    for (size_t i = 0; b->status == HM_OK && i < wants.count; i++) {
        if (b->wants.count >= HM_LIMIT_WANTS) {
            b->status = hm_fail(b->err, HM_ETOOBIG,
                                "the policies of this host want more than %u ranges of ports",
                                HM_LIMIT_WANTS);
        } else if (hm_arena_grow(b->arena, (void **)&b->wants.at, b->wants.count, cap,
                                 sizeof(*b->wants.at)) != 0) {
            b->status = hm_fail(b->err, HM_ENOMEM, "no memory for a plan");
        } else {
            b->wants.at[b->wants.count++] = wants.at[i];
        }
    }
}

static void collect_wants(struct hm_plan_build *b)
{
    size_t cap = 0;

    b->over.at = hm_plan_alloc(b, b->policies.count, sizeof(*b->over.at));
    for (size_t i = 0; b->status == HM_OK && i < b->policies.count; i++) {
        put_wants(b, b->policies.at[i], &cap);
    }
    hm_wants_sort(&b->wants);
    b->wanted[HM_TCP] = gather(b, &b->wants, HM_TCP);
    b->wanted[HM_UDP] = gather(b, &b->wants, HM_UDP);
}

static int compare_actions(const void *a, const void *b)
{
    const struct hm_action *x = a;
    const struct hm_action *y = b;
    const uint16_t x_first = x->ports.count > 0 ? x->ports.at[0].first : 0;
    const uint16_t y_first = y->ports.count > 0 ? y->ports.at[0].first : 0;
    const int by[] = {
        (int)x->kind - (int)y->kind,
        (int)x->protocol - (int)y->protocol,
        (int)x->family - (int)y->family, /* ipv4 first: ipv6 may follow by itself */
        (int)x_first - (int)y_first,
    };

    for (size_t i = 0; i < HM_COUNT(by); i++) {
        if (by[i] != 0) {
            return by[i];
        }
    }
    return 0;
}

static void make_parts(struct hm_plan_build *b)
{
    choose_policies(b);
    collect_wants(b);
    if (b->input->sockets != NULL) {
        hm_plan_fail(b, hm_headroom_sample(b->input->inventory, b->input->sockets, b->arena,
                                           &b->sample, b->err));
    }
    hm_plan_ranges(b);
    hm_plan_timed_wait_delay(b);
    if (b->shared_range) {
        hm_plan_list(b);
        return;
    }
    hm_plan_find_hazards(b);
    hm_plan_find_plain(b);
    for (unsigned i = 0; b->status == HM_OK && i < HM_STACK_COUNT; i++) {
        hm_plan_exclusions(b, i);
    }
}

enum hm_status hm_plan(const struct hm_plan_input *input, struct hm_arena *arena,
                       struct hm_plan *out_plan, struct hm_err *err)
{
    struct hm_plan_build *b = hm_arena_alloc(arena, 1, sizeof(*b));

    if (b == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a plan");
    }
    b->input = input;
    b->arena = arena;
    b->err = err;
    b->legacy = hm_os_is_legacy(&input->inventory->os);
    b->shared_range = b->legacy || input->inventory->os.family == HM_OS_LINUX;
    if (input->ledger != NULL) {
        b->ledger = *input->ledger;
    }
    if (input->limits != NULL) {
        b->limits = *input->limits;
    }
    make_parts(b);
    if (b->status != HM_OK) {
        return b->status;
    }
    if (b->actions.count > 1) {
        qsort(b->actions.at, b->actions.count, sizeof(*b->actions.at), compare_actions);
    }
    *out_plan = (struct hm_plan){.actions = b->actions, .notes = b->notes};
    for (size_t i = 0; i < b->actions.count; i++) {
        out_plan->needs_reboot = out_plan->needs_reboot || b->actions.at[i].needs_reboot;
    }
    return HM_OK;
}
