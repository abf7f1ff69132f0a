/* agent/platform/notes.h — the sentences of an observation's unknown list, for every platform.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/ports/inventory.h"

struct hm_notes {
    struct hm_arena *arena;
    struct hm_strings list;
    size_t room;
};

void hm_notes_init(struct hm_notes *notes, struct hm_arena *arena);

/* Adds one sentence: which facts, and why they are unknown. No counters, no process ids: the
 * list travels with the findings, and an unchanged host must report the same bytes. */
enum hm_status hm_notes_add(struct hm_notes *notes, struct hm_err *err, const char *fmt, ...)
    HM_PRINTF(3, 4) HM_MUST_CHECK;
