/* agent/cli/guard.h — guards removed by a verb that removes more than them.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/base/err.h"

/* hm_guard_remove_all, with one line on standard output for each service. */
enum hm_status hm_cli_remove_guards(struct hm_err *err) HM_MUST_CHECK;
