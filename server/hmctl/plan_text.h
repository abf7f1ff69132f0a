/* server/hmctl/plan_text.h — actions and notes of a plan as lines for people.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Texts are in the arena; never NULL ("" without memory). */
#pragma once

#include "common/base/arena.h"
#include "common/plan/plan.h"

/* "add_exclusion tcp/ipv4 9955", "set_timed_wait_delay 60 s, now 240 s  (counts after a reboot)" */
const char *hm_plan_text_action(const struct hm_action *action, struct hm_arena *arena);
/* "busy tcp/ipv4 9955: lsass.exe has it now; …" */
const char *hm_plan_text_note(const struct hm_plan_note *note, struct hm_arena *arena);
