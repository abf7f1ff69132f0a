/* common/readers/input_text.h — text as programs and people hand it over, before it is read.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files of unknown origin: any code page, UTF-8, UTF-16. Threads: all are pure. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

/* hm_text_decode (common/base/encoding.h), and HM_ETOOBIG past HM_LIMIT_INPUT_FILE_BYTES. */
enum hm_status hm_input_text(const char *text, size_t len, struct hm_arena *arena,
                             struct hm_span *out_text, struct hm_err *err) HM_MUST_CHECK;

/* The same with a limit of its own. */
enum hm_status hm_input_text_up_to(const char *text, size_t len, size_t limit,
                                   struct hm_arena *arena, struct hm_span *out_text,
                                   struct hm_err *err) HM_MUST_CHECK;

/* A copy that is UTF-8 for sure: when the text is not, each byte over 0x7f becomes '?'. NULL on
 * no memory. */
const char *hm_input_clean(const char *text, size_t len, struct hm_arena *arena);

/* The line without indentation and the marks that quoting or commenting put before it ("> ",
 * "# ", "// ", " * "). A '*' there means nothing: only one behind two numbers does. */
struct hm_span hm_input_unquote(struct hm_span line);
