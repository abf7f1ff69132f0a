/* common/judge/remedy_boot.c — the remedy of what is written already: the next boot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/remedy.h"

#define BOOT_TEXT                                                                                  \
    "Restart the host: what cures this is written already, and the system reads it when it "       \
    "starts. Nothing else has to be changed."

void hm_remedy_boot(struct hm_finding_list *list, struct hm_finding *finding)
{
    struct hm_remedy_step *step = hm_arena_alloc(list->arena, 1, sizeof(*step));

    if (step == NULL) {
        list->status = list->status == HM_OK ? HM_ENOMEM : list->status;
        return;
    }
    *step = (struct hm_remedy_step){
        .kind = HM_STEP_BOOT,
        .text = BOOT_TEXT,
        .precondition = "",
        .warning = "Every service of the host is interrupted.",
    };
    finding->remedy = BOOT_TEXT;
    finding->steps = (struct hm_remedy_steps){step, 1};
    finding->needs_reboot = true;
}
