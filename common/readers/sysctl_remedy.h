/* common/readers/sysctl_remedy.h — the settings files of Linux that a remedy writes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sources: sysctl.d(5), systemd-analyze(1) ("cat-config"). */
#pragma once

#include <stdbool.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

#define HM_SYSCTL_REMEDY_NAME "zzzzzzzz-reserved-ports.conf" /* of the reserved ports */
#define HM_SYSCTL_AGENT_NAME "zzzzzzzzz-havenmaster.conf"    /* the agent's own */

/* Does this file of /etc/sysctl.d that a remedy writes have lines, comments among them, beside the
 * setting? Of any other file false. */
bool hm_sysctl_is_mixed(struct hm_span path, struct hm_span text);

/* Is the file of this name, of the same folder or another one, read after the one of a remedy, and
 * not the agent's? */
bool hm_sysctl_comes_behind(struct hm_span name);

/* The output of "systemd-analyze cat-config sysctl.d", which has a line "# PATH" before each file:
 * *out_behind is the path of the last file that reserves ports and comes behind the one of a
 * remedy, NULL when none is seen; *out_mixed as hm_sysctl_is_mixed of all. Fails for want of memory
 * only. */
enum hm_status hm_sysctl_see_files(struct hm_span text, struct hm_arena *arena,
                                   const char **out_behind, bool *out_mixed,
                                   struct hm_err *err) HM_MUST_CHECK;
