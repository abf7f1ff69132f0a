/* common/readers/sysctl_name.h — names and patterns of kernel settings; for the sysctl readers.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "common/base/str.h"

/* Does the pattern match the name, which has dots? As glob(7) on the files below /proc/sys: a "*"
 * is within one part of the name, so that only the last one can take more. '/' stands for '.'. A
 * pattern over HM_LIMIT_SYSCTL_NAME_BYTES matches nothing. */
bool hm_sysctl_name_matches(struct hm_span pattern, const char *name);

/* Is there a '*', '?' or '[' in it? */
bool hm_sysctl_name_is_pattern(struct hm_span name);
