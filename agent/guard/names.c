/* agent/guard/names.c — a list of names as the service manager takes one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/guard/names.h"

static wchar_t fold(wchar_t unit)
{
    return unit >= L'A' && unit <= L'Z' ? (wchar_t)(unit - L'A' + L'a') : unit;
}

static bool is_name(const wchar_t *a, const wchar_t *b)
{
    while (*a != L'\0' && fold(*a) == fold(*b)) {
        a++;
        b++;
    }
    return fold(*a) == fold(*b);
}

size_t hm_names_chars(const wchar_t *names)
{
    const wchar_t *at = names;

    while (at != NULL && *at != L'\0') {
        at += wcslen(at) + 1;
    }
    return at == NULL ? 1 : (size_t)(at - names) + 1;
}

bool hm_names_have(const wchar_t *names, const wchar_t *name)
{
    for (const wchar_t *at = names; at != NULL && *at != L'\0'; at += wcslen(at) + 1) {
        if (is_name(at, name)) {
            return true;
        }
    }
    return false;
}

bool hm_names_equal(const wchar_t *a, const wchar_t *b)
{
    const size_t chars = hm_names_chars(a);

    return chars == hm_names_chars(b) && (chars == 1 || wmemcmp(a, b, chars) == 0);
}

bool hm_names_add(const wchar_t *names, const wchar_t *name, wchar_t *out, size_t room)
{
    const size_t had = hm_names_chars(names) - 1;
    const size_t more = hm_names_have(names, name) ? 0 : wcslen(name) + 1;

    if (had + more + 1 > room) {
        return false;
    }
    if (had > 0) {
        (void)wmemmove(out, names, had);
    }
    if (more > 0) {
        (void)wmemcpy(out + had, name, more);
    }
    out[had + more] = L'\0';
    return true;
}

void hm_names_remove(wchar_t *names, const wchar_t *name)
{
    wchar_t *to = names;

    for (const wchar_t *at = names; at != NULL && *at != L'\0';) {
        const size_t chars = wcslen(at) + 1;
        const wchar_t *next = at + chars;

        if (!is_name(at, name)) {
            (void)wmemmove(to, at, chars);
            to += chars;
        }
        at = next;
    }
    if (to != NULL) {
        *to = L'\0';
    }
}
