/* agent/cli/check_text.h — what "hm-agent check" prints for people.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/platform/platform.h"
#include "common/base/buf.h"

#define HM_CHECK_TEXT_COLUMNS 100

#define HM_CHECK_TEXT_COLUMNS_MIN 60

struct hm_check_look {
    bool colour;                         /* with terminal escapes */
    unsigned columns;                    /* HM_CHECK_TEXT_COLUMNS_MIN at least */
    struct hm_catalogue_release release; /* of the catalogue; version 0: none is named */
};

/* Appends host, verdicts (worst first), findings, unknown facts and one summary line. Lines end
 * within look->columns but for commands, which are left whole to be copied. HM_ETOOBIG past the
 * buffer's cap. */
enum hm_status hm_check_text(const struct hm_observation *observation,
                             const struct hm_judgement *judgement, const struct hm_check_look *look,
                             struct hm_buf *out, struct hm_err *err) HM_MUST_CHECK;
