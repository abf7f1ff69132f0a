/* server/hmctl/show.h — values as the cells of tables.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Texts are in the arena, or borrowed; never NULL. */
#pragma once

#include "common/wire/records_policies.h"
#include "server/hmctl/client.h"

const char *hm_show_number(struct hm_arena *arena, uint64_t number);
const char *hm_show_strings(struct hm_arena *arena, const struct hm_strings *strings); /* "a b" */
const char *hm_show_seen(struct hm_ctl *ctl, bool silent, int64_t last_seen_ms);
const char *hm_show_odds(struct hm_arena *arena, const struct hm_verdict *verdict); /* "12 %" */
const char *hm_show_ports(struct hm_arena *arena, const struct hm_verdict *verdict);
/* Why: the holder where there is one, else the reason in words. */
const char *hm_show_why(struct hm_arena *arena, const struct hm_verdict *verdict);
/* "waiting (taken)", "refused (httpsys)", "unknown, was verified" of a silent host. */
const char *hm_show_policy_state(struct hm_arena *arena, const struct hm_api_host_policy *row);
const char *hm_show_time(struct hm_arena *arena, int64_t time_ms); /* RFC 3339; "" for 0 */
