/* common/base/lifecycle.h — main() as a table: start in order, stop in reverse.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "common/base/err.h"

struct hm_step {
    const char *name; /* one word, in the line that is logged when it fails */
    enum hm_status (*start)(void *app, struct hm_err *err);
    void (*stop)(void *app); /* or NULL; only called when start answered HM_OK */
};

/* Starts each step, then calls wait, then stops the started ones in reverse order. When a step
 * fails, logs one line that names it and stops what was started. Returns the exit status of the
 * program: 0, wait's answer, or 1 when a step failed (2 when it failed with HM_EINVAL: wrong
 * usage or configuration). */
int hm_lifecycle_run(const struct hm_step *steps, size_t count, void *app, int (*wait)(void *app));
