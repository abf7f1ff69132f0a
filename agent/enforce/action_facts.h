/* agent/enforce/action_facts.h — one action against what a system shows: does its precondition
 * hold, is it done? SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement. Pure. */
#pragma once

#include "common/plan/plan.h"

enum hm_shown { HM_SHOWN_NO, HM_SHOWN_YES, HM_SHOWN_UNKNOWN };

/* Is the action done, as far as the inventory shows? */
enum hm_shown hm_action_shown(const struct hm_action *action, const struct hm_inventory *inventory,
                              struct hm_arena *arena);

/* Are the facts that the action was planned from the same now? */
bool hm_action_holds(const struct hm_action *action, const struct hm_inventory *planned,
                     const struct hm_inventory *now);

/* Adds something that a policy wants, rather than taking something back? */
bool hm_action_adds(const struct hm_action *action, const char *policy);

/* Does it remove something of the policy that was written in an earlier boot (boot_id "": in any),
 * so that it stays in force until the next one? Of 2000 to 2003 only. */
bool hm_action_removes_in_force(const struct hm_action *action, const struct hm_ledger *ledger,
                                const char *policy, const char *boot_id, struct hm_arena *arena);

/* Would it change anything that is the policy's? */
bool hm_action_concerns(const struct hm_action *action, const struct hm_ledger *ledger,
                        const struct hm_inventory *inventory, const char *policy,
                        struct hm_arena *arena);

/* The same change in the other address family? */
bool hm_actions_are_twins(const struct hm_action *a, const struct hm_action *b);

/* Equal for the same change of the same thing, whoever wants it. */
uint64_t hm_action_hash(const struct hm_action *action);

/* "adding tcp/ipv6 9955", for a sentence; NULL on no memory. */
const char *hm_action_text(const struct hm_action *action, struct hm_arena *arena);

/* Does the system show every port that is wanted as kept? */
bool hm_wants_are_shown(const struct hm_wants *wants, const struct hm_inventory *inventory,
                        struct hm_arena *arena);
