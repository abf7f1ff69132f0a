/* agent/platform/linux/watch.c — files that were read: have they changed since?
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/watch.h"

#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

struct hm_linux_watch {
    const char *path;
    bool there;
    dev_t device;
    ino_t inode;
    off_t size_bytes;
    struct timespec changed; /* ctime: no program can set it back */
};

static void look_at(const char *path, struct hm_linux_watch *out)
{
    struct stat found;

    memset(out, 0, sizeof(*out));
    out->path = path;
    if (stat(path, &found) == 0) {
        out->there = true;
        out->device = found.st_dev;
        out->inode = found.st_ino;
        out->size_bytes = found.st_size;
        out->changed = found.st_ctim;
    }
}

bool hm_linux_watch(struct hm_linux_watches *watches, const char *path, struct hm_arena *arena)
{
    void *items = watches->at;
    const char *copy = hm_arena_strdup(arena, path);

    if (copy == NULL ||
        hm_arena_grow(arena, &items, watches->count, &watches->room, sizeof(*watches->at)) != 0) {
        return false;
    }
    watches->at = items;
    look_at(copy, &watches->at[watches->count++]);
    return true;
}

bool hm_linux_watches_changed(const struct hm_linux_watches *watches)
{
    for (size_t i = 0; i < watches->count; i++) {
        const struct hm_linux_watch *old = &watches->at[i];
        struct hm_linux_watch now;

        look_at(old->path, &now);
        if (now.there != old->there || now.device != old->device || now.inode != old->inode ||
            now.size_bytes != old->size_bytes || now.changed.tv_sec != old->changed.tv_sec ||
            now.changed.tv_nsec != old->changed.tv_nsec) {
            return true;
        }
    }
    return false;
}
