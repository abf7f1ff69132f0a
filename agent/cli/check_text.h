/* agent/cli/check_text.h — what "hm-agent check" prints for people.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/platform/platform.h"
#include "common/base/buf.h"

#define HM_CHECK_TEXT_COLUMNS 100

/* Appends host, verdicts (worst first), findings, unknown facts and one summary line. Lines end
 * within HM_CHECK_TEXT_COLUMNS but for commands, which are left whole to be copied. colour:
 * with terminal escapes. HM_ETOOBIG past the buffer's cap. */
enum hm_status hm_check_text(const struct hm_observation *observation,
                             const struct hm_judgement *judgement, bool colour, struct hm_buf *out,
                             struct hm_err *err) HM_MUST_CHECK;
