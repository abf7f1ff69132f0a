/* server/hmctl/diff.h — two texts, line by line.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/hmctl/output.h"

/* Prints the lines of both with "- ", "+ " or "  " before them, in the order of the shortest way
 * from one to the other; false when they are equal (nothing is printed). HM_ETOOBIG past
 * HM_DIFF_LINES lines. */
#define HM_DIFF_LINES 4000u
enum hm_status hm_diff_print(const struct hm_output *output, const char *before, const char *after,
                             struct hm_arena *arena, bool *out_differ,
                             struct hm_err *err) HM_MUST_CHECK;
