/* agent/platform/host.h — the host as the place where an agent is installed: what its
 * administrator enforces, and who may read what the agent keeps.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Implemented in linux/ and windows/, chosen at link time. */
#pragma once

#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/judge/judge.h"

struct hm_host_setting {
    const char *key;
    const char *value;
};

struct hm_host_settings {
    const struct hm_host_setting *at;
    size_t count;
};

/* Settings that the system's own management enforces; they are named as the configuration's keys
 * and sorted by them. Windows: the values of HKLM\SOFTWARE\Policies\Havenmaster (text, number, or
 * several texts, which come with commas between). Elsewhere none. */
enum hm_status hm_host_policy(struct hm_arena *arena, struct hm_host_settings *out_settings,
                              struct hm_err *err) HM_MUST_CHECK;

/* Where policy settings come from, for errors; "" where there are none. */
extern const char hm_host_policy_source[];

/* How lines of a file that people edit end here. */
extern const char hm_host_line_end[];

/* Makes the folder of the agent's own files, its parents too. Windows: only SYSTEM and
 * Administrators may enter it, also when it was there already; HM_EDENIED when somebody else
 * owns it, who could have put anything there. Elsewhere: as the system makes folders. */
enum hm_status hm_host_own_folder(const char *path, struct hm_err *err) HM_MUST_CHECK;

/* The dynamic ranges as the documented interface of the system tells them, a second opinion next
 * to what the platform reads. Windows: WMI. Elsewhere HM_EUNSUPPORTED: there is one source only. */
enum hm_status hm_host_ranges(struct hm_arena *arena, struct hm_range_opinions *out_opinions,
                              struct hm_err *err) HM_MUST_CHECK;
