/* tests/unit/agent/test_guard_names.c — lists of dependencies, as the service manager takes them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/guard/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define GUARD L"HavenmasterGuard"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct list_case {
    const wchar_t *before; /* the literal's own NUL is the second one */
    const wchar_t *added;
    const wchar_t *removed; /* from before */
};

static const struct list_case cases[] = {
    {L"",                         GUARD L"\0",                            L""                  },
    {L"Tcpip\0",                  L"Tcpip\0" GUARD L"\0",                 L"Tcpip\0"           },
    {L"Tcpip\0Afd\0+TDI\0",       L"Tcpip\0Afd\0+TDI\0" GUARD L"\0",      L"Tcpip\0Afd\0+TDI\0"},
 /* there already: in any place, in any case of letters, more than once */
    {L"Tcpip\0" GUARD L"\0Afd\0", L"Tcpip\0" GUARD L"\0Afd\0",            L"Tcpip\0Afd\0"      },
    {L"HAVENMASTERguard\0Afd\0",  L"HAVENMASTERguard\0Afd\0",             L"Afd\0"             },
    {GUARD L"\0" GUARD L"\0",     GUARD L"\0" GUARD L"\0",                L""                  },
 /* another name that begins or ends like it, or a group of its name */
    {GUARD L"2\0My" GUARD L"\0",  GUARD L"2\0My" GUARD L"\0" GUARD L"\0",
     GUARD L"2\0My" GUARD L"\0"                                                                },
    {L"+" GUARD L"\0",            L"+" GUARD L"\0" GUARD L"\0",           L"+" GUARD L"\0"     },
 /* names of products have spaces, dollars and letters of other scripts */
    {L"MSSQL$A B\0\u00C4rzte\0",  L"MSSQL$A B\0\u00C4rzte\0" GUARD L"\0",
     L"MSSQL$A B\0\u00C4rzte\0"                                                                },
};

static void test_add_and_remove(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        wchar_t list[HM_NAMES_CHARS];

        print_message("case %u\n", (unsigned)i);
        assert_true(hm_names_add(cases[i].before, GUARD, list, HM_NAMES_CHARS));
        assert_true(hm_names_equal(list, cases[i].added));
        assert_true(hm_names_have(list, GUARD));
        (void)wmemcpy(list, cases[i].before, hm_names_chars(cases[i].before));
        hm_names_remove(list, GUARD);
        assert_true(hm_names_equal(list, cases[i].removed));
        assert_false(hm_names_have(list, GUARD));
        assert_int_equal(list[hm_names_chars(list) - 1], L'\0');
    }
}

static void test_in_place(void **state)
{
    wchar_t list[HM_NAMES_CHARS] = L"Tcpip\0";

    (void)state;
    assert_true(hm_names_add(list, GUARD, list, HM_NAMES_CHARS));
    assert_true(hm_names_equal(list, L"Tcpip\0" GUARD L"\0"));
    hm_names_remove(list, L"tcpip");
    assert_true(hm_names_equal(list, GUARD L"\0"));
}

static void test_no_room(void **state)
{
    wchar_t list[12] = L"untouched";

    (void)state;
    assert_false(hm_names_add(L"Tcpip\0", L"Guard", list, 12)); /* 6 + 6 + 1 */
    assert_int_equal(wcscmp(list, L"untouched"), 0);
    assert_true(hm_names_add(L"Tcpip\0", L"Guar", list, 12));
    assert_true(hm_names_equal(list, L"Tcpip\0Guar\0"));
    assert_false(hm_names_add(L"", L"", list, 1)); /* an empty name would end the list */
}

static void test_empty(void **state)
{
    (void)state;
    assert_int_equal(hm_names_chars(NULL), 1);
    assert_int_equal(hm_names_chars(L""), 1);
    assert_int_equal(hm_names_chars(L"a\0"), 3);
    assert_false(hm_names_have(NULL, GUARD));
    assert_true(hm_names_equal(NULL, L""));
    assert_false(hm_names_equal(L"a\0", L"A\0"));
    assert_false(hm_names_equal(L"a\0b\0", L"b\0a\0"));
    hm_names_remove(NULL, GUARD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_and_remove),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
