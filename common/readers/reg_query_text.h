/* common/readers/reg_query_text.h — what "reg query KEY /s /v NAME" prints, in any language.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A line that begins with HKEY_ is a key; below it, indented, "name    REG_DWORD    0x2" with four
 * spaces between (Vista and later) or tabs (XP, 2003). REG_MULTI_SZ has \0 between its lines. All
 * else (headings, the translated number of matches) says nothing and is skipped. Several such
 * outputs may follow each other in one file. */
#pragma once

#include "common/readers/reg_text.h"

/* As hm_reg_parse. HM_EINVAL when there is no key in it at all. */
enum hm_status hm_reg_query_parse(const char *text, size_t len, struct hm_arena *arena,
                                  struct hm_reg *out_reg, struct hm_err *err) HM_MUST_CHECK;
