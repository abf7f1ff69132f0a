/* common/readers/net_start_text.h — what "net start" prints: the services that run, by the names
 * that people see.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The only listing of running services that Windows 2000 has. Names are those of the registry's
 * DisplayName, in the language of the system and in its console's code page; what is above and
 * below them is translated. */
#pragma once

#include "common/readers/service_rows.h"

/* Fills has_runs and runs. As the code page is not known, a letter outside ASCII fits any byte over
 * 0x7f, or any two as East Asia has them: of rows that one line fits alike it stays unknown.
 * *out_lines: how many lines name a service; of none nothing is known of any row. */
enum hm_status hm_net_start_apply(const char *text, size_t len, struct hm_service_rows *rows,
                                  size_t *out_lines, struct hm_err *err) HM_MUST_CHECK;
