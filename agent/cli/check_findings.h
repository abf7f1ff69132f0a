/* agent/cli/check_findings.h — findings and their remedies, as "hm-agent check" prints them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to check_text.c. What two remedies share is printed once. */
#pragma once

#include "agent/cli/check_text.h"

/* By enum hm_severity: escapes of a terminal. */
extern const char *const hm_check_severity_colours[HM_SEVERITY_HIGH + 1];

/* The heading and every finding, severest first as they stand; nothing when there are none. Fails
 * on lack of memory; the buffer remembers its own failures. */
enum hm_status hm_check_put_findings(const struct hm_findings *findings,
                                     const struct hm_check_look *look, struct hm_buf *out,
                                     struct hm_err *err) HM_MUST_CHECK;
