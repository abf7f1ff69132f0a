/* agent/enforce/kept.c — what policies added, over boots and over reloads of others' settings.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/kept.h"

#include <string.h>

#include "agent/enforce/stand_in.h"
#include "common/base/log.h"

static bool may_change(const struct hm_enforce_run *run)
{
    return run->state.ledger && !run->limits.enforce_off && run->broken == NULL;
}

void hm_kept_reapply(struct hm_enforce_run *run)
{
    const struct hm_platform_ops *ops = run->options->ops;
    struct hm_platform *platform = run->options->platform;
    bool added = false;
    struct hm_err ignored; /* the plan finds it missing, and its change fails with the same text */

    if (ops->reapply == NULL || !may_change(run)) {
        return;
    }
    hm_run_step(run, "reapply");
    if (ops->reapply(platform, &run->ledger, run->first_of_boot, run->arena, &added, &ignored) !=
            HM_OK ||
        !added) {
        return;
    }
    hm_log_event(run->first_of_boot ? HM_LOG_WARNING : HM_LOG_INFO,
                 run->first_of_boot ? "reserved_after_first_look" : "reserved_again");
    run->state.boot.reserved_late = run->state.boot.reserved_late || run->first_of_boot;
    run->pass->changed = true;
    if (ops->reread(platform, NULL, run->arena, &run->pass->observation->inventory, &ignored) !=
        HM_OK) {
        hm_run_again(run, 1000);
    }
}

/* Others also undo changes that outlive a boot; they are made again like the rest. */
void hm_kept_keep(struct hm_enforce_run *run)
{
    const struct hm_platform_ops *ops = run->options->ops;
    struct hm_kept kept = {.how = ""};
    struct hm_err err;
    enum hm_status st;

    if (ops->keep == NULL || !may_change(run) || run->stopped != NULL) {
        return;
    }
    hm_run_step(run, "keep");
    st = ops->keep(run->options->platform, &run->ledger, run->arena, &kept, &err);
    if (st != HM_OK) {
        hm_run_trouble(run, HM_TOLD_NOT_OVER_BOOT, &err);
    } else {
        run->state.boot.kept_by = kept.how;
    }
    for (size_t i = 0; i < run->state.policies.count; i++) {
        struct hm_enforce_row *row = &run->state.policies.at[i];

        if (row->chosen == NULL || !hm_ledger_names(&run->ledger, row->policy)) {
            continue;
        }
        if (st != HM_OK && row->failure == NULL) {
            row->failure = hm_arena_printf(run->arena, "it would not outlive a boot: %s", err.text);
        }
        row->disturbed = row->disturbed ||
                         (st == HM_OK && kept.lacked && strcmp(row->verified, row->wanted) == 0);
    }
}
