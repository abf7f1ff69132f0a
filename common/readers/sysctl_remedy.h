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
#define HM_SYSCTL_RANGE_NAME "zzzzzzzz-port-range.conf"      /* of the dynamic range */
#define HM_SYSCTL_AGENT_NAME "zzzzzzzzz-havenmaster.conf"    /* the agent's own */

/* Does this file of /etc/sysctl.d that a remedy writes have lines, comments among them, beside the
 * setting? Of any other file false. */
bool hm_sysctl_is_mixed(struct hm_span path, struct hm_span text);

/* Is the file of this name, of the same folder or another one, read after the remedy's file of this
 * name, and not the agent's? */
bool hm_sysctl_comes_behind(struct hm_span name, const char *remedy);

/* What a remedy must know of the files of others. */
struct hm_sysctl_files {
    const char *reserved_behind; /* path of the last file that reserves ports and comes behind the
                                    one of a remedy; NULL none is seen */
    const char *range_behind;    /* likewise, of the dynamic range */
    bool mixed;                  /* hm_sysctl_is_mixed, of any */
};

/* The output of "systemd-analyze cat-config sysctl.d", which has a line "# PATH" before each file.
 * Fails for want of memory only. */
enum hm_status hm_sysctl_see_files(struct hm_span text, struct hm_arena *arena,
                                   struct hm_sysctl_files *out_files,
                                   struct hm_err *err) HM_MUST_CHECK;
