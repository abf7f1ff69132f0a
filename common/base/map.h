/* common/base/map.h — hash map from a text key to a pointer.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keys are borrowed: they must live as long as their entry (usually inside the value). Values
 * are not owned. Open addressing, grows by itself. Threads: the caller locks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct hm_map_slot {
    const char *key; /* NULL = never used; tombstones have an empty value */
    void *value;
    uint64_t hash;
};

struct hm_map {
    struct hm_map_slot *slots;
    size_t room;  /* power of two or 0 */
    size_t used;  /* live and dead */
    size_t count; /* live */
};

void hm_map_init(struct hm_map *map);
void hm_map_fini(struct hm_map *map);

/* NULL when there is none. */
void *hm_map_get(const struct hm_map *map, const char *key);

/* Adds or replaces. value must not be NULL. HM_ENOMEM leaves the map as it was. */
enum hm_status hm_map_put(struct hm_map *map, const char *key, void *value,
                          struct hm_err *err) HM_MUST_CHECK;

/* Returns the value that was removed, or NULL. */
void *hm_map_remove(struct hm_map *map, const char *key);

/* Iteration in no order: start with *at = 0; NULL at the end. Do not change the map meanwhile. */
void *hm_map_next(const struct hm_map *map, size_t *at);
