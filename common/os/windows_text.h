/* common/os/windows_text.h — UTF-8 to UTF-16 and system errors to text, for Windows code only.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <wchar.h>

#include "common/base/arena.h"
#include "common/base/err.h"

#define HM_WINDOWS_PATH_CHARS 1024

/* The rights of a file that is only for the system and administrators; nothing is inherited. */
#define HM_WINDOWS_PRIVATE L"D:P(A;;FA;;;SY)(A;;FA;;;BA)"

/* Paths and names are UTF-8 in our code; slashes become backslashes. HM_EINVAL when too long or
 * not UTF-8. */
enum hm_status hm_windows_path(const char *path, wchar_t out[HM_WINDOWS_PATH_CHARS],
                               struct hm_err *err) HM_MUST_CHECK;

/* UTF-16 to UTF-8 in the arena; NULL on no memory. Lone surrogates become U+FFFD. */
char *hm_windows_utf8(struct hm_arena *arena, const wchar_t *text);

/* "what: reason (error N)" with the status that fits the system's error number. */
enum hm_status hm_windows_fail(struct hm_err *err, const char *what, unsigned long number);
