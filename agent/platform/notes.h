/* agent/platform/notes.h — what an observation could not tell: sentences and refused listings.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/judge/judge.h"

struct hm_notes {
    struct hm_arena *arena;
    struct hm_strings list;
    size_t room;
    struct hm_refusals refusals;
    size_t refusals_room;
};

void hm_notes_init(struct hm_notes *notes, struct hm_arena *arena);

/* Adds one sentence: which facts, and why they are unknown. No counters, no process ids: the
 * list travels with the findings, and an unchanged host must report the same bytes. */
enum hm_status hm_notes_add(struct hm_notes *notes, struct hm_err *err, const char *fmt, ...)
    HM_PRINTF(3, 4) HM_MUST_CHECK;

/* Adds a refused listing; what is unknown without it is a sentence of its own. Copies the first
 * HM_REFUSAL_BYTES of its bytes, borrows the rest. */
enum hm_status hm_notes_add_refusal(struct hm_notes *notes, const struct hm_refusal *refusal,
                                    struct hm_err *err) HM_MUST_CHECK;
