/* common/base/arena.c — memory of one request or one cycle, freed at once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK_BYTES 4096u
#define LARGEST_BLOCK_BYTES (256u * 1024u)

struct hm_arena_block {
    struct hm_arena_block *next;
    size_t size;
    size_t used; /* from the front, aligned */
    size_t end;  /* texts are from here to size: they need no alignment */
    max_align_t data[];
};

void hm_arena_init(struct hm_arena *arena, size_t cap_bytes)
{
    arena->block = NULL;
    arena->used_bytes = 0;
    arena->cap_bytes = cap_bytes;
}

static void free_blocks(struct hm_arena_block *block)
{
    while (block != NULL) {
        struct hm_arena_block *next = block->next;

        free(block);
        block = next;
    }
}

void hm_arena_fini(struct hm_arena *arena)
{
    if (arena == NULL) {
        return;
    }
    free_blocks(arena->block);
    arena->block = NULL;
    arena->used_bytes = 0;
}

void hm_arena_reset(struct hm_arena *arena)
{
    struct hm_arena_block *keep = arena->block;

    if (keep != NULL) {
        free_blocks(keep->next);
        keep->next = NULL;
        keep->used = 0;
        keep->end = keep->size;
        if (keep->size > LARGEST_BLOCK_BYTES) { /* one big request must not stay for ever */
            free(keep);
            arena->block = NULL;
        }
    }
    arena->used_bytes = 0;
}

static struct hm_arena_block *new_block(const struct hm_arena *arena, size_t need)
{
    size_t size = FIRST_BLOCK_BYTES;
    struct hm_arena_block *block;

    if (arena->block != NULL) {
        size = arena->block->size * 2;
    }
    if (size > LARGEST_BLOCK_BYTES) {
        size = LARGEST_BLOCK_BYTES;
    }
    if (size < need) {
        size = need;
    }
    block = malloc(sizeof(*block) + size);
    if (block != NULL) {
        block->next = NULL;
        block->size = size;
        block->used = 0;
        block->end = size;
    }
    return block;
}

/* Memory of need bytes is left in the newest block; false: over the cap, or there is none. */
static bool make_room(struct hm_arena *arena, size_t need)
{
    struct hm_arena_block *block = arena->block;

    if (need > arena->cap_bytes - arena->used_bytes) {
        return false;
    }
    if (block != NULL && block->end - block->used >= need) {
        return true;
    }
    block = new_block(arena, need);
    if (block == NULL) {
        return false;
    }
    block->next = arena->block;
    arena->block = block;
    return true;
}

void *hm_arena_alloc(struct hm_arena *arena, size_t count, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    size_t need;
    unsigned char *at;

    if (size != 0 && count > (SIZE_MAX / 2) / size) {
        return NULL;
    }
    need = (count * size + align - 1) / align * align;
    if (need == 0) {
        need = align;
    }
    if (!make_room(arena, need)) {
        return NULL;
    }
    at = (unsigned char *)arena->block->data + arena->block->used;
    arena->block->used += need;
    arena->used_bytes += need;
    memset(at, 0, need);
    return at;
}

char *hm_arena_strndup(struct hm_arena *arena, const char *text, size_t len)
{
    struct hm_arena_block *block;
    char *copy;

    if (len >= SIZE_MAX / 2 || !make_room(arena, len + 1)) {
        return NULL;
    }
    block = arena->block;
    block->end -= len + 1;
    arena->used_bytes += len + 1;
    copy = (char *)block->data + block->end;
    if (len > 0) {
        memcpy(copy, text, len);
    }
    copy[len] = '\0';
    return copy;
}

char *hm_arena_strdup(struct hm_arena *arena, const char *text)
{
    return hm_arena_strndup(arena, text, strlen(text));
}

char *hm_arena_printf(struct hm_arena *arena, const char *fmt, ...)
{
    va_list args;
    char *text;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) {
        return NULL;
    }
    text = hm_arena_alloc(arena, (size_t)len + 1, 1);
    if (text != NULL) {
        va_start(args, fmt);
        (void)vsnprintf(text, (size_t)len + 1, fmt, args);
        va_end(args);
    }
    return text;
}

int hm_arena_grow(struct hm_arena *arena, void **items, size_t count, size_t *cap, size_t item_size)
{
    size_t room = *cap == 0 ? 8 : *cap * 2;
    void *larger;

    if (count < *cap) {
        return 0;
    }
    larger = hm_arena_alloc(arena, room, item_size);
    if (larger == NULL) {
        return -1;
    }
    if (count > 0) {
        memcpy(larger, *items, count * item_size);
    }
    *items = larger;
    *cap = room;
    return 0;
}
