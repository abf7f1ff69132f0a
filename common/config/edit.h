/* common/config/edit.h — changes keys of a "key = value" text and leaves the rest as it is.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For installers: comments, order, foreign keys and line ends stay. Pure; knows no table. */
#pragma once

#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/err.h"

struct hm_config_change {
    const char *key;
    const char *value; /* without line ends; NULL = the key is not set any more */
};

/* The changed text into out. A key that is set changes in its place, and is said once; one that
 * is not comes after its commented sample line ("#key = …"), or at the end. HM_EINVAL when a
 * value has a line end in it. */
enum hm_status hm_config_edit(const char *text, size_t len, const struct hm_config_change *changes,
                              size_t count, struct hm_buf *out, struct hm_err *err) HM_MUST_CHECK;
