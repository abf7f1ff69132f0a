/* common/base/arena.h — memory of one request or one cycle, freed at once.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Memory is zeroed, aligned as malloc's (the copy of a text is not: texts are packed), and lives
 * until hm_arena_reset or hm_arena_fini. A cap
 * is part of the arena: past it hm_arena_alloc answers NULL, as it does when the system has no
 * memory; callers answer HM_ENOMEM. Threads: one arena, one thread at a time. */
#pragma once

#include <stddef.h>

#include "common/base/err.h"

struct hm_arena_block;

struct hm_arena {
    struct hm_arena_block *block; /* newest first; private */
    size_t used_bytes;
    size_t cap_bytes;
};

/* No allocation is made before the first hm_arena_alloc. */
void hm_arena_init(struct hm_arena *arena, size_t cap_bytes);

/* Frees everything. NULL and an arena set to zero are fine. */
void hm_arena_fini(struct hm_arena *arena);

/* Forgets everything, keeps one block for reuse. */
void hm_arena_reset(struct hm_arena *arena);

/* count * size zeroed bytes, or NULL (cap, no memory, overflow). count or size 0 gives a valid
 * pointer. */
void *hm_arena_alloc(struct hm_arena *arena, size_t count, size_t size);

/* Copies; NULL when there is no memory. hm_arena_strndup ends the copy with NUL. */
char *hm_arena_strdup(struct hm_arena *arena, const char *text);
char *hm_arena_strndup(struct hm_arena *arena, const char *text, size_t len);
char *hm_arena_printf(struct hm_arena *arena, const char *fmt, ...) HM_PRINTF(2, 3);

/* Makes room for one more item in a growing list: when *cap is reached, copies *items (of
 * item_size bytes each) into twice the room. Returns 0 on success, -1 on no memory. The old
 * storage stays valid until the arena ends. */
int hm_arena_grow(struct hm_arena *arena, void **items, size_t count, size_t *cap,
                  size_t item_size);
