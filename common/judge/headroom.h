/* common/judge/headroom.h — how full the dynamic ranges are (windows-ports 4.3).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/ports/sockets.h"

/* Fills one row a stack whose dynamic range is known; events are the caller's. The union of both
 * families' exclusions counts as blocked; ports, not rows, are counted (dual-stack sockets). */
enum hm_status hm_headroom_sample(const struct hm_inventory *inventory,
                                  const struct hm_sockets *sockets, struct hm_arena *arena,
                                  struct hm_sample *out_sample, struct hm_err *err) HM_MUST_CHECK;

/* in_use / usable, 0 to 1; 1 when nothing is usable. */
double hm_headroom_utilisation(const struct hm_sample_stack *row);

/* Usable ports that nothing has now. */
uint32_t hm_headroom_left(const struct hm_sample_stack *row);

/* Is it nearly used up, by the share in use or by the few that are left? */
bool hm_headroom_is_low(const struct hm_sample_stack *row);

#define HM_HEADROOM_WARN 0.75     /* ours */
#define HM_HEADROOM_CRITICAL 0.90 /* ours */
#define HM_HEADROOM_LEFT_MIN 64u  /* ours: one block of WinNAT; fewer are critical in any range */
#define HM_HEADROOM_BLOCKS_MIN 10 /* Microsoft SDN networkhealth.ps1 fails a node at <= 10 */
