/* agent/enforce/run_plan.c — the plan of a pass of enforcement.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/run_plan.h"

#include <string.h>

#include "agent/enforce/settling.h"

/* What it was made from is kept: a reread replaces the stacks. */
static enum hm_status keep_planned(struct hm_enforce_run *run, struct hm_err *err)
{
    const struct hm_inventory *inventory = &run->pass->observation->inventory;
    struct hm_stack *stacks = hm_arena_alloc(run->arena, inventory->stacks.count, sizeof(*stacks));

    if (stacks == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to enforce policies");
    }
    if (inventory->stacks.count > 0) {
        memcpy(stacks, inventory->stacks.at, inventory->stacks.count * sizeof(*stacks));
    }
    run->planned = *inventory;
    run->planned.stacks.at = stacks;
    return HM_OK;
}

static enum hm_status make_plan(struct hm_enforce_run *run, struct hm_err *err)
{
    const struct hm_observation *seen = run->pass->observation;
    const struct hm_enforce_rows *rows = &run->state.policies;
    struct hm_plan_input input = {
        .inventory = &run->planned,
        .sockets = seen->has_sockets ? &seen->sockets : NULL,
        .catalogue = run->pass->catalogue,
        .ledger = &run->ledger,
        .limits = &run->limits,
        .now_ms = run->expiry_ms,
        .clock_doubted = run->pass->clock_doubted,
        .boot_id = run->boot_id,
        .remembered = run->pass->remembered,
        .memory_lost = run->pass->memory_lost,
        .settings_unread = seen->settings_unread && !run->options->skips_settling,
        .services_failed = run->services_failed,
    };
    enum hm_status st = keep_planned(run, err);

    if (st == HM_OK) {
        input.settling = hm_settling_ready(run, &st, err);
    }
    input.policies.at = hm_arena_alloc(run->arena, rows->count, sizeof(*input.policies.at));
    if (st == HM_OK && input.policies.at == NULL) {
        st = hm_fail(err, HM_ENOMEM, "no memory to enforce policies");
    }
    for (size_t i = 0; st == HM_OK && i < rows->count && !run->restoring; i++) {
        const struct hm_enforce_row *row = &rows->at[i];
        const struct hm_policy *policy = row->stand_in != NULL ? row->stand_in : row->chosen;

        if (policy != NULL && row->off[0] == '\0') {
            input.policies.at[input.policies.count++] = policy;
        }
    }
    if (st == HM_OK) {
        hm_run_step(run, "plan");
        st = hm_plan(&input, run->arena, &run->plan, err);
    }
    return st;
}

enum hm_status hm_run_plan(struct hm_enforce_run *run, struct hm_err *err)
{
    enum hm_status st = make_plan(run, err);

    if (st != HM_OK && st != HM_ENOMEM) {
        hm_run_trouble(run, HM_TOLD_NOT_PLANNED, err);
        run->broken = hm_arena_strdup(run->arena, err->text);
        run->plan = (struct hm_plan){.needs_reboot = false};
        st = run->broken == NULL ? hm_fail(err, HM_ENOMEM, "no memory to enforce policies") : HM_OK;
    }
    return st;
}
