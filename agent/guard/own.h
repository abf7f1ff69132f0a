/* agent/guard/own.h — what the registry says of the guard itself, for the guard and the agent.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Windows only; without any library of ours. */
#pragma once

#include <stdbool.h>
#include <wchar.h>

#define HM_OWN_COMMAND_CHARS 1026 /* of a path, with its quotes */

/* What the guard's service is to run: its program, in quotes. */
void hm_own_command(const wchar_t *program, wchar_t out[HM_OWN_COMMAND_CHARS]);

/* What it runs now; "" when there is no such service. */
void hm_own_read_command(wchar_t out[HM_OWN_COMMAND_CHARS]);

/* Why the guard's service could not start again as it is configured, as the end of a sentence about
 * it ("is disabled"); NULL: it could. program: the path of what it is to run. What cannot be read
 * is no fault. */
const wchar_t *hm_own_fault(const wchar_t *program);

/* Has the agent's first pass of this boot been done? Only a key that cannot have outlived a restart
 * is believed. */
bool hm_own_boot_passed(void);

/* Has the key that speaks of this boot outlived a restart? Somebody exported and imported it. false
 * also when there is none, or it cannot be said. */
bool hm_own_boot_is_stale(void);
