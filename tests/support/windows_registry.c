/* tests/support/windows_registry.c — values of HKEY_LOCAL_MACHINE for a test.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/windows_registry.h"

#include <windows.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"

#ifndef KEY_WOW64_64KEY
#define KEY_WOW64_64KEY 0x0100
#endif

void hm_test_reg_set(const char *key, const char *name, unsigned long type, const void *bytes,
                     unsigned long len)
{
    HKEY handle;

    assert_int_equal(RegCreateKeyExA(HKEY_LOCAL_MACHINE, key, 0, NULL, 0,
                                     KEY_SET_VALUE | KEY_WOW64_64KEY, NULL, &handle, NULL),
                     ERROR_SUCCESS);
    assert_int_equal(RegSetValueExA(handle, name, 0, type, bytes, len), ERROR_SUCCESS);
    assert_int_equal(RegCloseKey(handle), ERROR_SUCCESS);
}

void hm_test_reg_text(const char *key, const char *name, const char *text)
{
    hm_test_reg_set(key, name, REG_SZ, text, (DWORD)strlen(text) + 1);
}

void hm_test_reg_u32(const char *key, const char *name, uint32_t value)
{
    hm_test_reg_set(key, name, REG_DWORD, &value, sizeof(value));
}

void hm_test_reg_lines(const char *key, const char *name, const struct hm_strings *lines)
{
    struct hm_buf text;

    hm_buf_init(&text, 65536);
    for (size_t i = 0; i < lines->count; i++) {
        (void)hm_buf_put(&text, lines->at[i], strlen(lines->at[i]) + 1);
    }
    (void)hm_buf_putc(&text, '\0');
    hm_test_reg_set(key, name, REG_MULTI_SZ, text.data, (DWORD)text.len);
    hm_buf_fini(&text);
}

void hm_test_reg_remove(const char *key, const char *name)
{
    HKEY handle;

    if (RegOpenKeyExA(HKEY_LOCAL_MACHINE, key, 0, KEY_SET_VALUE | KEY_WOW64_64KEY, &handle) ==
        ERROR_SUCCESS) {
        (void)RegDeleteValueA(handle, name);
        (void)RegCloseKey(handle);
    }
}

void hm_test_reg_get(const char *key, const char *name, unsigned long *out_type, void *out_bytes,
                     unsigned long room, unsigned long *out_len)
{
    DWORD len = room;
    DWORD type = 0;
    HKEY handle;

    *out_len = 0;
    *out_type = 0;
    if (RegOpenKeyExA(HKEY_LOCAL_MACHINE, key, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, &handle) !=
        ERROR_SUCCESS) {
        return;
    }
    if (RegQueryValueExA(handle, name, NULL, &type, out_bytes, &len) == ERROR_SUCCESS) {
        *out_len = len;
        *out_type = type;
    }
    (void)RegCloseKey(handle);
}
