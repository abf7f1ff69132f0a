/* tests/fuzz/fuzz_policy.c — any policy on any host: checked, matched, linted and planned, and the
 * plan is sound: it touches nothing of others and can be sent. The first byte chooses the limits;
 * policy and inventory are parted by a NUL.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/plan/policy_lint.h"
#include "common/wire/records.h"

#define ENFORCE_OFF 1u
#define NEVER_LOW 2u
#define FEW_PORTS 4u
#define OWNS_ROWS 8u

static const struct hm_range low = {1, 1023};
static const struct hm_range served = {8530, 8531};
static struct hm_requirement requirements[] = {
    {.id = "http",
     .title = "http",
     .protocol = HM_TCP,
     .ports = {&served, 1},
     .kind = HM_KIND_HTTPSYS},
    {.id = "rpc",            .title = "rpc",   .protocol = HM_UDP, .ports = {&served, 1}},
};
static struct hm_product products[] = {
    {.id = "wsus",
     .title = "wsus",
     .detect = {.always = true},
     .requirements = {requirements, HM_COUNT(requirements)}},
};
static const struct hm_catalogue catalogue = {products, HM_COUNT(products)};

struct subject {
    struct hm_arena arena;
    struct hm_policy policy;
    struct hm_inventory inventory;
    struct hm_ledger ledger;
    struct hm_local_limits limits;
};

/* A ledger that says the first row of each stack is ours. */
static void make_ledger(struct subject *s)
{
    struct hm_ledger_exclusions *rows = &s->ledger.exclusions;

    rows->at = hm_arena_alloc(&s->arena, s->inventory.stacks.count, sizeof(*rows->at));
    HM_MUST(rows->at != NULL);
    for (size_t i = 0; i < s->inventory.stacks.count; i++) {
        const struct hm_stack *stack = &s->inventory.stacks.at[i];

        if (stack->has_administered && stack->administered.count > 0) {
            rows->at[rows->count++] = (struct hm_ledger_exclusion){
                "old", 1, stack->protocol, stack->family, stack->administered.at[0], 0, false,
            };
        }
    }
}

static bool is_ours(const struct subject *s, const struct hm_action *action)
{
    bool found = false;

    for (size_t i = 0; i < s->ledger.exclusions.count; i++) {
        const struct hm_ledger_exclusion *row = &s->ledger.exclusions.at[i];

        found = found || (row->protocol == action->protocol && row->family == action->family &&
                          row->range.first == action->ports.at[0].first &&
                          row->range.last == action->ports.at[0].last);
    }
    return found;
}

static void check_action(const struct subject *s, const struct hm_plan *plan,
                         const struct hm_action *action)
{
    HM_MUST(action->precondition[0] != '\0' && action->reason[0] != '\0');
    HM_MUST(!s->limits.enforce_off);
    if (action->kind == HM_ACTION_REMOVE_EXCLUSION) {
        HM_MUST(action->ports.count == 1 && is_ours(s, action));
    } else if (action->kind == HM_ACTION_ADD_EXCLUSION) {
        const struct hm_stack *stack =
            hm_inventory_stack(&s->inventory, action->protocol, action->family);

        HM_MUST(action->ports.count == 1 && stack != NULL);
        HM_MUST(!hm_ports_overlap(stack->runtime, action->ports));
        HM_MUST(!hm_ports_overlap(s->limits.never, action->ports));
        HM_MUST(!(action->protocol == HM_TCP &&
                  hm_ports_overlap((struct hm_ports){&served, 1}, action->ports)));
        HM_MUST(!hm_ports_overlap(stack->administered, action->ports) ||
                (plan->actions.at[0].kind == HM_ACTION_REMOVE_EXCLUSION));
    } else if (action->kind == HM_ACTION_SET_SYSCTL_RESERVED) {
        HM_MUST(hm_ports_covers(action->ports, action->before_ports));
    }
}

static void check_document(struct subject *s, const struct hm_plan *plan)
{
    struct hm_plan again;
    struct hm_buf buf;
    struct hm_err err;

    hm_buf_init(&buf, HM_LIMIT_REPLY_BYTES);
    HM_MUST(hm_record_encode(&hm_record_plan, plan, &buf, &err) == HM_OK);
    HM_MUST(hm_record_decode(&hm_record_plan, buf.data, buf.len, true, &s->arena, &again, NULL,
                             &err) == HM_OK);
    HM_MUST(again.actions.count == plan->actions.count);
    HM_MUST(again.notes.count == plan->notes.count);
    hm_buf_fini(&buf);
}

static void check_plan(struct subject *s)
{
    const struct hm_policy *policy = &s->policy;
    const struct hm_plan_input input = {
        .inventory = &s->inventory,
        .policies = {&policy, 1},
        .catalogue = &catalogue,
        .ledger = &s->ledger,
        .limits = &s->limits,
        .boot_id = "b",
    };
    struct hm_plan plan;
    struct hm_ledger ledger;
    struct hm_err err = {0};
    enum hm_status st = hm_plan(&input, &s->arena, &plan, &err);

    HM_MUST(st == HM_OK || (st == HM_ETOOBIG && err.text[0] != '\0') || st == HM_ENOMEM);
    if (st != HM_OK) {
        return;
    }
    for (size_t i = 0; i < plan.actions.count; i++) {
        check_action(s, &plan, &plan.actions.at[i]);
        HM_MUST(i == 0 || plan.actions.at[i - 1].kind <= plan.actions.at[i].kind);
        HM_MUST(hm_ledger_put(&s->ledger, &plan.actions.at[i], HM_LEDGER_BEFORE, 0, "b", &s->arena,
                              &ledger, &err) == HM_OK);
        HM_MUST(hm_ledger_put(&ledger, &plan.actions.at[i], HM_LEDGER_AFTER, 0, "b", &s->arena,
                              &ledger, &err) == HM_OK);
    }
    for (size_t i = 0; i < plan.notes.count; i++) {
        const struct hm_plan_note *note = &plan.notes.at[i];

        HM_MUST((note->kind == HM_NOTE_REFUSED) == (note->code != HM_REFUSE_NONE));
        HM_MUST(note->text[0] != '\0');
        HM_MUST(hm_ledger_remove(&s->ledger, note, &s->arena, &ledger, &err) == HM_OK);
    }
    check_document(s, &plan);
}

static void check_policy(struct subject *s, unsigned choice)
{
    const struct hm_policy *others = &s->policy;
    const struct hm_lint_input input = {
        .policy = &s->policy, .catalogue = &catalogue, .others = {&others, 1}
    };
    struct hm_lint_problems problems;
    struct hm_err err = {0};
    enum hm_status st = hm_policy_lint(&input, &s->arena, &problems, &err);

    HM_MUST(st == HM_OK || st == HM_ETOOBIG || st == HM_ENOMEM);
    HM_MUST(hm_policy_check(&s->policy, &err) == HM_OK || st != HM_OK ||
            hm_lint_worst(&problems) == HM_LINT_ERROR);
    (void)hm_policy_matches(&s->policy, &s->inventory, NULL, "host");
    (void)hm_policies_may_meet(&s->policy, &s->policy);
    s->limits.enforce_off = (choice & ENFORCE_OFF) != 0;
    s->limits.never = (struct hm_ports){&low, (choice & NEVER_LOW) != 0 ? 1 : 0};
    s->limits.policy_ports_max = (choice & FEW_PORTS) != 0 ? 100 : 0;
    if ((choice & OWNS_ROWS) != 0) {
        make_ledger(s);
    }
    check_plan(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;
    const char *middle = size > 1 ? memchr(text, '\0', size - 1) : NULL;
    struct subject s;
    struct hm_err err;

    if (middle == NULL) {
        return 0;
    }
    memset(&s, 0, sizeof(s));
    hm_arena_init(&s.arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    if (hm_record_decode(&hm_record_policy, text, (size_t)(middle - text), true, &s.arena,
                         &s.policy, NULL, &err) == HM_OK &&
        hm_record_decode(&hm_record_inventory, middle + 1, size - 2 - (size_t)(middle - text),
                         false, &s.arena, &s.inventory, NULL, &err) == HM_OK) {
        check_policy(&s, data[0]);
    }
    hm_arena_fini(&s.arena);
    return 0;
}
