/* agent/guard/names.h — a list of names as the service manager takes one: each ends with NUL, an
 * empty one ends the list.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure. Names are compared as the service manager does for what we ask: ASCII letters in either
 * case. NULL counts as the empty list. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

/* 8 KB: as much as the service manager reports of one service. */
#define HM_NAMES_CHARS 4096

/* Units of the list with the NUL that ends it; 1 for the empty one. */
size_t hm_names_chars(const wchar_t *names);

bool hm_names_have(const wchar_t *names, const wchar_t *name);

/* The same names in the same order, each to the letter. */
bool hm_names_equal(const wchar_t *a, const wchar_t *b);

/* names and, at the end, name unless it is there already. false, out untouched: no room. */
bool hm_names_add(const wchar_t *names, const wchar_t *name, wchar_t *out, size_t room);

/* Without name, wherever and however often it stands. */
void hm_names_remove(wchar_t *names, const wchar_t *name);
