/* common/readers/input_text.h — text as programs and people hand it over, before it is read.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files of unknown origin: any code page, UTF-8 with or without byte order mark, UTF-16 with one
 * (what redirecting in PowerShell writes). Threads: all are pure. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

/* UTF-16 with a mark becomes UTF-8 in the arena, a UTF-8 mark is taken off, anything else is
 * handed back as it is. HM_EINVAL with the line for NUL bytes (UTF-16 without a mark, or no text
 * at all) and a cut UTF-16 file; HM_ETOOBIG past HM_LIMIT_INPUT_FILE_BYTES. */
enum hm_status hm_input_text(const char *text, size_t len, struct hm_arena *arena,
                             struct hm_span *out_text, struct hm_err *err) HM_MUST_CHECK;

/* UTF-16LE code units (2 bytes each) as UTF-8 in the arena, lone surrogates as U+FFFD; ended by
 * NUL. false on no memory. */
bool hm_input_utf16(const unsigned char *bytes, size_t units, struct hm_arena *arena,
                    struct hm_span *out_text);

/* A copy that is UTF-8 for sure: when the text is not, each byte over 0x7f becomes '?'. NULL on
 * no memory. */
const char *hm_input_clean(const char *text, size_t len, struct hm_arena *arena);

/* The line without indentation and the marks that quoting or commenting put before it ("> ",
 * "# ", "// ", " * "). A '*' there means nothing: only one behind two numbers does. */
struct hm_span hm_input_unquote(struct hm_span line);
