/* agent/enforce/kept.h — what policies added, over boots and over reloads of others' settings.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement. Both change nothing where enforcement is off or its record is damaged. */
#pragma once

#include "agent/enforce/enforce_run.h"

/* Before anything is planned: what others took out by loading their settings again is added, and
 * the inventory read again. In the first pass of a boot for whatever reason it is missing, and that
 * is noted for "hm-agent status". */
void hm_kept_reapply(struct hm_enforce_run *run);

/* After the actions: what outlives a boot agrees with the ledger. Something of ours that was
 * missing there counts as undone. */
void hm_kept_keep(struct hm_enforce_run *run);
