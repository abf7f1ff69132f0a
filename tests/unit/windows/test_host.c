/* tests/unit/windows/test_host.c — registry policy, the administrators' folder, and what is
 * compiled into hm-agent.exe: event messages, version, manifest.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/host.h"

#include <windows.h>

#include <aclapi.h>
#include <sddl.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/events.h"
#include "common/base/version.h"
#include "common/os/os.h"
#include "common/os/windows_text.h"
#include "tests/support/temp_folder.h"

#define POLICY_KEY L"SOFTWARE\\Policies\\Havenmaster"
#define MESSAGE_CHARS 1024

static void put_value(HKEY key, const wchar_t *name, DWORD type, const void *bytes, size_t len)
{
    assert_int_equal(RegSetValueExW(key, name, 0, type, bytes, (DWORD)len), ERROR_SUCCESS);
}

static void test_policy(void **state)
{
    static const struct hm_host_setting wanted[] = {
        {"ca_file",   "C:\\ca.pem"           },
        {"collector", "https://ключ:5830"},
        {"interval",  "300"                  },
        {"labels",    "site=paris,role=a"    },
        {"odd",       ""                     },
    };
    static const wchar_t address[] = L"https://ключ:5830";
    static const wchar_t labels[] = L"site=paris\0role=a\0";
    static const wchar_t ca[] = L"%SystemDrive%\\ca.pem";
    const DWORD interval = 300;
    struct hm_host_settings policy = {NULL, 9};
    struct hm_arena arena;
    HKEY key;

    (void)state;
    hm_arena_init(&arena, 4u << 20);
    (void)RegDeleteKeyW(HKEY_LOCAL_MACHINE, POLICY_KEY);
    assert_int_equal(hm_host_policy(&arena, &policy, NULL), HM_OK);
    assert_int_equal(policy.count, 0);
    assert_int_equal(RegCreateKeyExW(HKEY_LOCAL_MACHINE, POLICY_KEY, 0, NULL, 0, KEY_ALL_ACCESS,
                                     NULL, &key, NULL),
                     ERROR_SUCCESS);
    put_value(key, L"labels", REG_MULTI_SZ, labels, sizeof(labels));
    put_value(key, L"interval", REG_DWORD, &interval, sizeof(interval));
    put_value(key, L"collector", REG_SZ, address, sizeof(address) - sizeof(*address)); /* no NUL */
    put_value(key, L"ca_file", REG_EXPAND_SZ, ca, sizeof(ca));
    put_value(key, L"odd", REG_BINARY, &interval, sizeof(interval));
    (void)RegCloseKey(key);
    assert_int_equal(hm_host_policy(&arena, &policy, NULL), HM_OK);
    assert_int_equal(RegDeleteKeyW(HKEY_LOCAL_MACHINE, POLICY_KEY), ERROR_SUCCESS);
    assert_int_equal(policy.count, HM_COUNT(wanted));
    for (size_t i = 0; i < HM_COUNT(wanted); i++) {
        assert_string_equal(policy.at[i].key, wanted[i].key);
        assert_string_equal(policy.at[i].value, wanted[i].value);
    }
    hm_arena_fini(&arena);
}

static void test_own_folder(void **state)
{
    char folder[64];
    char inner[96];

    (void)state;
    temp_folder_make(folder, sizeof(folder));
    (void)snprintf(inner, sizeof(inner), "%s/Havenmaster", folder);
    for (int i = 0; i < 2; i++) { /* the second time it is there */
        assert_int_equal(hm_host_own_folder(inner, NULL), HM_OK);
        assert_true(hm_os_exists(inner));
    }
    assert_int_equal(hm_host_own_folder("", NULL), HM_EINVAL);
    assert_int_equal(hm_os_remove_folder(inner, NULL), HM_OK);
    assert_int_equal(hm_os_remove_folder(inner, NULL), HM_OK);
    temp_folder_remove(folder);
}

/* Whoever may read the file could open it alone, and so keep the lock for ever. */
static void test_lock_is_private(void **state)
{
    struct hm_os_lock *lock = NULL;
    PSECURITY_DESCRIPTOR rights = NULL;
    wchar_t path[HM_WINDOWS_PATH_CHARS];
    wchar_t *text = NULL;
    char folder[64];
    char inner[96];

    (void)state;
    temp_folder_make(folder, sizeof(folder));
    (void)snprintf(inner, sizeof(inner), "%s/lock", folder);
    assert_int_equal(hm_os_lock(inner, &lock, NULL), HM_OK);
    hm_os_unlock(lock);
    assert_int_equal(hm_windows_path(inner, path, NULL), HM_OK);
    assert_int_equal(GetNamedSecurityInfoW(path, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, NULL,
                                           NULL, NULL, NULL, &rights),
                     ERROR_SUCCESS);
    assert_true(ConvertSecurityDescriptorToStringSecurityDescriptorW(
        rights, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &text, NULL));
    assert_null(wcsstr(text, L";WD)")); /* everybody */
    assert_null(wcsstr(text, L";BU)")); /* users */
    (void)LocalFree(text);
    (void)LocalFree(rights);
    temp_folder_remove(folder);
}

static HMODULE load_agent(void)
{
    wchar_t path[HM_WINDOWS_PATH_CHARS];
    HMODULE module;

    assert_int_equal(hm_windows_path(HM_AGENT_EXE, path, NULL), HM_OK);
    module = LoadLibraryExW(path, NULL, LOAD_LIBRARY_AS_DATAFILE);
    assert_non_null(module);
    return module;
}

/* What the event viewer does. */
static void test_event_messages(void **state)
{
    static const DWORD severity[] = {
        [HM_LOG_ERROR] = 0xC0000000u,
        [HM_LOG_WARNING] = 0x80000000u,
        [HM_LOG_INFO] = 0x40000000u,
    };
    HMODULE module = load_agent();
    wchar_t details[] = L"key=value";
    DWORD_PTR texts[] = {(DWORD_PTR)details};

    (void)state;
    for (size_t i = 0; i < hm_event_count; i++) {
        const struct hm_event_row *row = &hm_event_rows[i];
        wchar_t text[MESSAGE_CHARS] = L"";

        if (row->id == 0) {
            continue;
        }
        assert_true(FormatMessageW(FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ARGUMENT_ARRAY,
                                   module, severity[row->level] | row->id, 0, text, MESSAGE_CHARS,
                                   (va_list *)(void *)texts) > 0);
        assert_non_null(wcsstr(text, details));
        assert_true(wcslen(text) > wcslen(details) + 10);
    }
    (void)FreeLibrary(module);
}

static const void *find_resource(HMODULE module, const wchar_t *name, const wchar_t *type,
                                 DWORD *out_len)
{
    HRSRC found = FindResourceW(module, name, type);

    assert_non_null(found);
    *out_len = SizeofResource(module, found);
    return LockResource(LoadResource(module, found));
}

static bool has_bytes(const void *in, size_t in_len, const void *bytes, size_t len)
{
    for (size_t i = 0; i + len <= in_len; i++) {
        if (memcmp((const char *)in + i, bytes, len) == 0) {
            return true;
        }
    }
    return false;
}

static void test_version_and_manifest(void **state)
{
    static const char windows_10[] = "{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}";
    static const char level[] = "level=\"asInvoker\"";
    HMODULE module = load_agent();
    wchar_t version[64];
    const void *bytes;
    DWORD len = 0;

    (void)state;
    (void)MultiByteToWideChar(CP_UTF8, 0, hm_version, -1, version, 64);
    bytes = find_resource(module, MAKEINTRESOURCEW(1), MAKEINTRESOURCEW(16), &len);
    assert_true(has_bytes(bytes, len, version, wcslen(version) * sizeof(*version)));
    bytes = find_resource(module, MAKEINTRESOURCEW(1), MAKEINTRESOURCEW(24), &len);
    assert_true(has_bytes(bytes, len, windows_10, sizeof(windows_10) - 1));
    assert_true(has_bytes(bytes, len, level, sizeof(level) - 1));
    (void)FreeLibrary(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_own_folder),
        cmocka_unit_test(test_lock_is_private),
        cmocka_unit_test(test_event_messages),
        cmocka_unit_test(test_version_and_manifest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
