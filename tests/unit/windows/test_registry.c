/* tests/unit/windows/test_registry.c — values as they stand, of any type and any damage.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/limits.h"

#define KEY L"SOFTWARE\\HavenmasterTest"
#define ARENA_BYTES (16u * 1024u * 1024u)

#ifndef KEY_WOW64_64KEY
#define KEY_WOW64_64KEY 0x0100
#endif

struct fixture {
    struct hm_arena arena;
    HKEY key;
    struct hm_err err;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    memset(&fixture, 0, sizeof(fixture));
    hm_arena_init(&fixture.arena, ARENA_BYTES);
    (void)RegDeleteKeyW(HKEY_LOCAL_MACHINE, KEY);
    if (RegCreateKeyExW(HKEY_LOCAL_MACHINE, KEY, 0, NULL, 0, KEY_ALL_ACCESS | KEY_WOW64_64KEY, NULL,
                        &fixture.key, NULL) != ERROR_SUCCESS) {
        return -1;
    }
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    (void)RegCloseKey(fixture->key);
    (void)RegDeleteKeyW(HKEY_LOCAL_MACHINE, KEY);
    hm_arena_fini(&fixture->arena);
    return 0;
}

static void set(struct fixture *fixture, DWORD type, const void *bytes, DWORD len)
{
    assert_int_equal(RegSetValueExW(fixture->key, L"Value", 0, type, bytes, len), ERROR_SUCCESS);
}

static void test_u32(void **state)
{
    struct fixture *fixture = *state;
    uint32_t value = 7;
    bool found = true;

    assert_int_equal(hm_registry_u32(KEY, L"None", &found, &value, &fixture->err), HM_OK);
    assert_false(found);
    assert_int_equal(hm_registry_u32(KEY L"\\None", L"None", &found, &value, &fixture->err), HM_OK);
    assert_false(found);
    set(fixture, REG_DWORD, "\xfe\xff\x00\x00", 4);
    assert_int_equal(hm_registry_u32(KEY, L"Value", &found, &value, &fixture->err), HM_OK);
    assert_true(found);
    assert_int_equal(value, 0xfffe);
    set(fixture, REG_SZ, L"5", 4);
    assert_int_equal(hm_registry_u32(KEY, L"Value", &found, &value, &fixture->err), HM_OK);
    assert_false(found);
}

static void test_text(void **state)
{
    struct fixture *fixture = *state;
    const char *text = "";
    bool found = false;

    set(fixture, REG_SZ, L"Server \u00e9", 18);
    assert_int_equal(hm_registry_text(KEY, L"Value", &fixture->arena, &found, &text, &fixture->err),
                     HM_OK);
    assert_true(found);
    assert_string_equal(text, "Server \xc3\xa9");
    set(fixture, REG_SZ, L"ab", 3); /* neither an end nor whole characters */
    assert_int_equal(hm_registry_text(KEY, L"Value", &fixture->arena, &found, &text, &fixture->err),
                     HM_OK);
    assert_int_equal(text[0], 'a');
}

struct lines_case {
    const wchar_t *bytes;
    DWORD chars;
    size_t count;
    const char *lines[3];
};

static const struct lines_case lines_cases[] = {
    {L"9506-9507\0003015-3015\0", 21, 2, {"9506-9507", "3015-3015"}},
    {L"9506-9507\0",              11, 1, {"9506-9507"}             },
    {L"9506-9507",                10, 1, {"9506-9507"}             }, /* the list has no end */
    {L"9506-9507",                9,  1, {"9506-9507"}             }, /* the line has none, too */
    {L"\0",                       2,  0, {NULL}                    },
    {L"",                         0,  0, {NULL}                    },
};

static void test_lines(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(lines_cases); i++) {
        const struct lines_case *row = &lines_cases[i];
        struct hm_strings lines = {NULL, 9};
        bool found = false;

        set(fixture, REG_MULTI_SZ, row->bytes, row->chars * (DWORD)sizeof(wchar_t));
        assert_int_equal(
            hm_registry_lines(KEY, L"Value", &fixture->arena, &found, &lines, &fixture->err),
            HM_OK);
        assert_true(found);
        assert_int_equal(lines.count, row->count);
        for (size_t j = 0; j < row->count; j++) {
            assert_string_equal(lines.at[j], row->lines[j]);
        }
    }
}

static void test_names(void **state)
{
    struct fixture *fixture = *state;
    struct hm_strings names;

    assert_int_equal(hm_registry_names(KEY L"\\None", &fixture->arena, &names, &fixture->err),
                     HM_ENOENT);
    assert_false(hm_registry_has_key(KEY L"\\None"));
    assert_true(hm_registry_has_key(KEY));
    set(fixture, REG_BINARY, "\x12\x00\xff\xff", 4);
    assert_int_equal(
        RegSetValueExW(fixture->key, L"cc570100", 0, REG_BINARY, (const unsigned char *)"\x12", 1),
        ERROR_SUCCESS);
    assert_int_equal(hm_registry_names(KEY, &fixture->arena, &names, &fixture->err), HM_OK);
    assert_int_equal(names.count, 2);
}

/* The key of this test was made after the boot, and no value of it is older than a moment. */
static void test_times(void **state)
{
    struct fixture *fixture = *state;
    int64_t now_ms = hm_clock_now_ms();
    int64_t boot_ms = 0;
    int64_t written_ms = 0;

    assert_false(hm_registry_last_write(KEY L"\\None", &written_ms));
    set(fixture, REG_DWORD, "\x01\x00\x00\x00", 4);
    assert_true(hm_registry_last_write(KEY, &written_ms));
    assert_true(written_ms > now_ms - 60000 && written_ms <= now_ms + 60000);
    assert_true(hm_windows_boot_time(&boot_ms));
    assert_true(boot_ms > 0 && boot_ms < written_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_u32, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_times, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
