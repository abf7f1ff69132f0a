/* common/base/map.c — hash map from a text key to a pointer.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/map.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"

#define FIRST_ROOM 64u

void hm_map_init(struct hm_map *map)
{
    memset(map, 0, sizeof(*map));
}

void hm_map_fini(struct hm_map *map)
{
    if (map == NULL) {
        return;
    }
    free(map->slots);
    hm_map_init(map);
}

static uint64_t hash_key(const char *key)
{
    return hm_str_hash(HM_HASH_START, key, strlen(key));
}

/* The slot that holds key, or the first one where it may be put; NULL in an empty map. */
static struct hm_map_slot *find(const struct hm_map *map, const char *key, uint64_t hash)
{
    struct hm_map_slot *dead = NULL;

    if (map->room == 0) {
        return NULL;
    }
    for (size_t at = (size_t)hash & (map->room - 1);; at = (at + 1) & (map->room - 1)) {
        struct hm_map_slot *slot = &map->slots[at];

        if (slot->key == NULL) {
            return dead != NULL ? dead : slot;
        }
        if (slot->value == NULL) {
            dead = dead != NULL ? dead : slot;
        } else if (slot->hash == hash && strcmp(slot->key, key) == 0) {
            return slot;
        }
    }
}

void *hm_map_get(const struct hm_map *map, const char *key)
{
    const struct hm_map_slot *slot = find(map, key, hash_key(key));

    return slot != NULL ? slot->value : NULL;
}

static enum hm_status grow(struct hm_map *map, struct hm_err *err)
{
    struct hm_map larger = {.room = map->room == 0 ? FIRST_ROOM : map->room};

    if (map->count * 2 >= larger.room) { /* else only tombstones are cleared */
        larger.room *= 2;
    }
    larger.slots = calloc(larger.room, sizeof(*larger.slots));
    if (larger.slots == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a map of %zu entries", larger.room);
    }
    for (size_t i = 0; i < map->room; i++) {
        const struct hm_map_slot *slot = &map->slots[i];

        if (slot->key != NULL && slot->value != NULL) {
            *find(&larger, slot->key, slot->hash) = *slot;
            larger.used++;
        }
    }
    larger.count = larger.used;
    free(map->slots);
    *map = larger;
    return HM_OK;
}

enum hm_status hm_map_put(struct hm_map *map, const char *key, void *value, struct hm_err *err)
{
    uint64_t hash = hash_key(key);
    struct hm_map_slot *slot;

    if ((map->used + 1) * 4 > map->room * 3) {
        enum hm_status st = grow(map, err);

        if (st != HM_OK) {
            return st;
        }
    }
    slot = find(map, key, hash);
    if (slot->key == NULL) {
        map->used++;
    }
    if (slot->value == NULL) {
        map->count++;
    }
    slot->key = key;
    slot->value = value;
    slot->hash = hash;
    return HM_OK;
}

void *hm_map_remove(struct hm_map *map, const char *key)
{
    struct hm_map_slot *slot = find(map, key, hash_key(key));
    void *value;

    if (slot == NULL || slot->value == NULL) {
        return NULL;
    }
    value = slot->value;
    slot->key = ""; /* the key's memory goes with the value */
    slot->value = NULL;
    map->count--;
    return value;
}

void *hm_map_next(const struct hm_map *map, size_t *at)
{
    while (*at < map->room) {
        const struct hm_map_slot *slot = &map->slots[(*at)++];

        if (slot->key != NULL && slot->value != NULL) {
            return slot->value;
        }
    }
    return NULL;
}
