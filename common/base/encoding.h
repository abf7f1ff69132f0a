/* common/base/encoding.h — files as people and programs write them, made UTF-8 before they are
 * read.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Takes UTF-8 with or without byte order mark, UTF-16 of both byte orders with a mark (PowerShell's
 * ">", regedit) and without one (cmd /u). A Ctrl-Z at the end, which old editors write, is taken
 * off. The result may point into bytes (not ended by NUL unless they are) or into the arena (ended
 * by NUL). Errors are HM_EINVAL and say the line,
 * what was found and what to do; the caller puts the file's name before them. Threads: all are
 * pure. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

/* For outputs of programs: what is not Unicode (an old code page) is handed back as it is, lone
 * surrogates as U+FFFD. Refused: NUL bytes, a cut UTF-16 text, UTF-32, archives. */
enum hm_status hm_text_decode(const char *bytes, size_t len, struct hm_arena *arena,
                              struct hm_span *out_text, struct hm_err *err) HM_MUST_CHECK;

/* For JSON, YAML, settings: the text is UTF-8 for certain; anything else is refused. */
enum hm_status hm_text_decode_utf8(const char *bytes, size_t len, struct hm_arena *arena,
                                   struct hm_span *out_text, struct hm_err *err) HM_MUST_CHECK;

/* UTF-16LE code units (2 bytes each) as UTF-8 in the arena, lone surrogates as U+FFFD; ended by
 * NUL. false on no memory. */
bool hm_text_from_utf16le(const unsigned char *bytes, size_t units, struct hm_arena *arena,
                          struct hm_span *out_text);

/* One code point (at most 0x10ffff) as UTF-8, not ended by NUL; returns how many bytes. */
#define HM_UTF8_MAX 4u
size_t hm_utf8_put(uint32_t code, char out[HM_UTF8_MAX]);
