/* tests/support/recorded_folder.h — a recorded host made of a test's own files, and observed.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/platform/platform.h"

struct recorded_folder {
    char path[512];
    struct hm_arena arena;
    struct hm_observation seen;
    struct hm_err err;
    enum hm_status st; /* of the last observation */
};

/* Makes an empty folder. */
void recorded_folder_init(struct recorded_folder *host);
void recorded_folder_fini(struct recorded_folder *host);

/* Writes one file, over the one of that name. */
void recorded_folder_put(struct recorded_folder *host, const char *name, const char *bytes,
                         size_t len);
void recorded_folder_puts(struct recorded_folder *host, const char *name, const char *text);

/* Observes; st tells how it went. Fails the running test when the folder cannot be opened. */
void recorded_folder_observe(struct recorded_folder *host);
/* Observes, and fails the running test when that fails. */
void recorded_folder_must_observe(struct recorded_folder *host);

/* Is there a sentence about what is unknown that holds all the pieces (NULL at the end)? */
bool recorded_folder_is_unknown(const struct recorded_folder *host, const char *const *pieces);
