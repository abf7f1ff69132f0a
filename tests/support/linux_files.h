/* tests/support/linux_files.h — files of a Linux system below a folder, and what an agent sees of
 * them. SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/platform/platform.h"

#define LIB "/usr/lib/systemd/system/"
#define ETC "/etc/systemd/system/"
#define MULTI ETC "multi-user.target.wants/"

struct linux_file {
    const char *path;
    const char *text; /* "-> x": a link to x */
};

/* Removes what an earlier test left below the root, and writes these files. *state becomes an
 * arena, which linux_files_stop frees. */
int linux_files_start(const char *root, const struct linux_file *files, size_t count, void **state);
int linux_files_stop(void **state);

/* The same with a system that has booted, and nothing that starts on it. */
int linux_files_start_booted(const char *root, void **state);

/* Also replaces a file or link that is there; folders are made. */
void linux_files_put(const char *root, const char *path, const char *text);

void linux_files_observe(const char *root, struct hm_arena *arena, struct hm_observation *out);
