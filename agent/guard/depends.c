/* agent/guard/depends.c — what a service depends on, and the guard taken out of it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/guard/depends.h"

#include <windows.h>

#include "agent/guard/guard_name.h"

#define KEY_CHARS 512   /* a service's name has at most 256 */
#define GROUP_MARK L'+' /* SC_GROUP_IDENTIFIERW */
#define PREFIX HM_GUARD_SERVICES_KEY L"\\"

static DWORD open_key(const wchar_t *service, HKEY *out_key)
{
    wchar_t path[KEY_CHARS] = PREFIX;

    if (wcslen(service) >= KEY_CHARS - wcslen(path)) {
        return ERROR_INVALID_NAME;
    }
    (void)wcscat(path, service);
    return (DWORD)RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_QUERY_VALUE, out_key);
}

/* A value that is not there, or not a list, is the empty list: so the service manager sees it. */
static DWORD read_list(HKEY key, const wchar_t *value, wchar_t out[HM_NAMES_CHARS])
{
    DWORD bytes = (HM_NAMES_CHARS - 2) * sizeof(*out);
    DWORD type = 0;
    LONG number = RegQueryValueExW(key, value, NULL, &type, (BYTE *)out, &bytes);

    if (number == ERROR_FILE_NOT_FOUND || (number == ERROR_SUCCESS && type != REG_MULTI_SZ)) {
        bytes = 0;
        number = ERROR_SUCCESS;
    }
    if (number == ERROR_SUCCESS) { /* a value in the registry may lack its own ends */
        out[bytes / sizeof(*out)] = L'\0';
        out[bytes / sizeof(*out) + 1] = L'\0';
    }
    return (DWORD)number;
}

/* Groups are written without their plus in a list of their own; one that stands there twice stays
 * so. */
static DWORD add_groups(const wchar_t *groups, wchar_t names[HM_NAMES_CHARS])
{
    size_t len = hm_names_chars(names) - 1;

    for (const wchar_t *at = groups; *at != L'\0'; at += wcslen(at) + 1) {
        const size_t chars = wcslen(at) + 1;

        if (len + 1 + chars + 1 > HM_NAMES_CHARS) {
            return ERROR_MORE_DATA;
        }
        names[len] = GROUP_MARK;
        (void)wcscpy(names + len + 1, at);
        len += 1 + chars;
    }
    names[len] = L'\0';
    return ERROR_SUCCESS;
}

/* The value as it stands, against the names that read_list finds in it. */
static DWORD check_list(HKEY key, const wchar_t *value)
{
    wchar_t stands[HM_NAMES_CHARS];
    DWORD bytes = (HM_NAMES_CHARS - 2) * sizeof(*stands);
    DWORD type = 0;
    LONG number = RegQueryValueExW(key, value, NULL, &type, (BYTE *)stands, &bytes);
    size_t chars = bytes / sizeof(*stands);

    if (number != ERROR_SUCCESS) {
        return number == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS : (DWORD)number;
    }
    if (bytes > 0 && (type != REG_MULTI_SZ || bytes % sizeof(*stands) != 0)) {
        return ERROR_INVALID_DATA;
    }
    while (chars > 0 && stands[chars - 1] == L'\0') {
        chars--; /* its ends say nothing */
    }
    stands[chars] = L'\0';
    stands[chars + 1] = L'\0';
    return chars == 0 || hm_names_chars(stands) == chars + 2 ? ERROR_SUCCESS : ERROR_INVALID_DATA;
}

unsigned long hm_depends_check(const wchar_t *service)
{
    HKEY key = NULL;
    DWORD number = open_key(service, &key);

    if (number != ERROR_SUCCESS) {
        return number;
    }
    number = check_list(key, L"DependOnService");
    if (number == ERROR_SUCCESS) {
        number = check_list(key, L"DependOnGroup");
    }
    (void)RegCloseKey(key);
    return number;
}

unsigned long hm_depends_read(const wchar_t *service, wchar_t out[HM_NAMES_CHARS])
{
    wchar_t groups[HM_NAMES_CHARS];
    HKEY key = NULL;
    DWORD number = open_key(service, &key);

    if (number != ERROR_SUCCESS) {
        return number;
    }
    number = read_list(key, L"DependOnService", out);
    if (number == ERROR_SUCCESS) {
        number = read_list(key, L"DependOnGroup", groups);
    }
    (void)RegCloseKey(key);
    return number == ERROR_SUCCESS ? add_groups(groups, out) : number;
}

unsigned long hm_depends_write(const wchar_t *service, const wchar_t *names)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE handle = NULL;
    DWORD number = ERROR_SUCCESS;

    if (manager != NULL) {
        handle = OpenServiceW(manager, service, SERVICE_CHANGE_CONFIG);
    }
    if (handle == NULL ||
        !ChangeServiceConfigW(handle, SERVICE_NO_CHANGE, SERVICE_NO_CHANGE, SERVICE_NO_CHANGE, NULL,
                              NULL, NULL, names, NULL, NULL, NULL)) {
        number = GetLastError();
    }
    if (handle != NULL) {
        (void)CloseServiceHandle(handle);
    }
    if (manager != NULL) {
        (void)CloseServiceHandle(manager);
    }
    return number;
}

unsigned long hm_depends_release(const wchar_t *service, bool *out_had_it)
{
    wchar_t names[HM_NAMES_CHARS];
    DWORD number = hm_depends_read(service, names);

    *out_had_it = number == ERROR_SUCCESS && hm_names_have(names, HM_GUARD_WIDE_NAME);
    if (!*out_had_it) {
        return number == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS : number;
    }
    hm_names_remove(names, HM_GUARD_WIDE_NAME);
    if (names[0] == L'\0') {
        names[1] = L'\0'; /* the empty list has two */
    }
    number = hm_depends_write(service, names);
    if (number == ERROR_SERVICE_DOES_NOT_EXIST || number == ERROR_SERVICE_MARKED_FOR_DELETE) {
        return ERROR_SUCCESS;
    }
    if (number == ERROR_SUCCESS) {
        number = hm_depends_read(service, names);
    }
    return number == ERROR_SUCCESS && hm_names_have(names, HM_GUARD_WIDE_NAME)
               ? ERROR_CANT_ACCESS_FILE /* accepted, and yet it stands there */
               : number;
}

size_t hm_depends_release_all(hm_depends_told *told, void *ctx)
{
    wchar_t name[KEY_CHARS];
    size_t left = 0;
    DWORD chars = KEY_CHARS;
    HKEY key;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, HM_GUARD_SERVICES_KEY, 0, KEY_ENUMERATE_SUB_KEYS, &key) !=
        ERROR_SUCCESS) {
        return 1;
    }
    for (DWORD i = 0; RegEnumKeyExW(key, i, name, &chars, NULL, NULL, NULL, NULL) == ERROR_SUCCESS;
         i++) {
        bool had_it = false;
        const DWORD number = hm_depends_release(name, &had_it);

        if (had_it) {
            left += number != ERROR_SUCCESS;
            told(ctx, name, number);
        }
        chars = KEY_CHARS;
    }
    (void)RegCloseKey(key);
    return left;
}
