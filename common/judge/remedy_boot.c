/* common/judge/remedy_boot.c — the remedy of what is written already: the next boot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/remedy.h"
#include "common/judge/remedy_scope.h"

#define BOOT_TEXT                                                                                  \
    "Restart the host: what cures this is written already, and the system reads it when it "       \
    "starts. Nothing else has to be changed."
#define MORE_TEXT                                                                                  \
    "What cures this is written already, and counts after the next boot. Other ports of this "     \
    "host "                                                                                        \
    "are at risk, too: reserve them first, so that one restart is enough."

void hm_remedy_boot(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                    struct hm_finding *finding, bool held)
{
    if (ctx->facts->linux_host && !held) {
        hm_remedy_set_next(ctx, list, finding);
        return;
    }
    if (ctx->facts->legacy &&
        !hm_ports_covers(hm_remedy_listed(ctx, list), ctx->reserve)) { /* one boot for all */
        finding->remedy = MORE_TEXT;
        hm_remedy_write_reserved(ctx, list, finding, ctx->reserve);
        hm_remedy_restart(list, finding,
                          "Restart the host: this system reads ReservedPorts when it starts, and "
                          "nothing else has the ports then.");
        return;
    }
    finding->remedy = BOOT_TEXT;
    hm_remedy_restart(list, finding, BOOT_TEXT);
}
