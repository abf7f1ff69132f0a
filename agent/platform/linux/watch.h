/* agent/platform/linux/watch.h — files that were read: have they changed since? Private to this
 * folder.
 * SPDX-License-Identifier: Apache-2.0
 *
 * By what stat(2) tells: there or not, which file, its size, its time of change. Folders are such
 * files, too: a name that came or went changes them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"

struct hm_linux_watch;

struct hm_linux_watches {
    struct hm_linux_watch *at;
    size_t count;
    size_t room;
};

/* To be called before the file is read, so that nothing is missed between the two. false on no
 * memory. */
bool hm_linux_watch(struct hm_linux_watches *watches, const char *path, struct hm_arena *arena);
bool hm_linux_watches_changed(const struct hm_linux_watches *watches);
