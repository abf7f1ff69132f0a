/* tests/windows/netsh_texts.h — what netsh says in several languages.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The texts are those of real systems where captures exist; nobody may match them. */
#pragma once

#include <windows.h>

#include <wchar.h>

struct language {
    const wchar_t *name;
    UINT code_page;
    const wchar_t *excluded; /* title, labels, dashes */
    const wchar_t *footer;
    const wchar_t *dynamic;
    const wchar_t *start;
    const wchar_t *count;
    const wchar_t *done;
    const wchar_t *busy;
    const wchar_t *denied;
    const wchar_t *missing;
    const wchar_t *elevation; /* English only: other languages were not seen */
};

/* English first; ended by NULL. */
extern const struct language *const languages[];
