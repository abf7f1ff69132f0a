/* agent/platform/windows/host.c — registry policy, and the folder only administrators may enter.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/host.h"

#include <windows.h>

#include <aclapi.h>
#include <sddl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/os/os.h"
#include "common/os/windows_text.h"

#define POLICY_KEY L"SOFTWARE\\Policies\\Havenmaster"
#define NAME_CHARS 128
#define VALUES_MOST 256
#define TOKEN_USER_BYTES 256

const char hm_host_line_end[] = "\r\n"; /* older editors show the file as one line else */
const char hm_host_policy_source[] = "policy HKLM\\SOFTWARE\\Policies\\Havenmaster";

/* Several texts become one, with commas between. */
static void join_texts(wchar_t *text, size_t count)
{
    size_t end = count;

    while (end > 0 && text[end - 1] == L'\0') {
        end--;
    }
    for (size_t i = 0; i < end; i++) {
        if (text[i] == L'\0') {
            text[i] = L',';
        }
    }
}

static const char *value_text(DWORD type, wchar_t *value, DWORD bytes, struct hm_arena *arena)
{
    wchar_t expanded[HM_LIMIT_TEXT_BYTES];
    DWORD number;

    switch (type) {
    case REG_DWORD:
        number = 0;
        memcpy(&number, value, bytes < sizeof(number) ? bytes : sizeof(number));
        return hm_arena_printf(arena, "%lu", (unsigned long)number);
    case REG_MULTI_SZ:
        join_texts(value, bytes / sizeof(*value));
        return hm_windows_utf8(arena, value);
    case REG_EXPAND_SZ:
        if (ExpandEnvironmentStringsW(value, expanded, (DWORD)HM_COUNT(expanded)) == 0) {
            return hm_windows_utf8(arena, value);
        }
        expanded[HM_COUNT(expanded) - 1] = L'\0';
        return hm_windows_utf8(arena, expanded);
    case REG_SZ:
        return hm_windows_utf8(arena, value);
    default: /* "**del.name" and its like are no settings */
        return "";
    }
}

static enum hm_status read_value(HKEY key, DWORD at, struct hm_arena *arena, bool *out_end,
                                 struct hm_host_setting *out, struct hm_err *err)
{
    const DWORD room = (HM_LIMIT_TEXT_BYTES + 1) * sizeof(wchar_t);
    wchar_t *value = hm_arena_alloc(arena, HM_LIMIT_TEXT_BYTES + 2, sizeof(*value));
    wchar_t name[NAME_CHARS];
    DWORD name_len = NAME_CHARS;
    DWORD bytes = room;
    DWORD type = 0;
    LONG number;

    if (value == NULL) {
        return hm_fail(err, HM_ENOMEM, "%s: no memory to read it", hm_host_policy_source);
    }
    number = RegEnumValueW(key, at, name, &name_len, NULL, &type, (BYTE *)value, &bytes);
    *out_end = number == ERROR_NO_MORE_ITEMS;
    if (*out_end) {
        return HM_OK;
    }
    if (number == ERROR_MORE_DATA) {
        return hm_fail(err, HM_ETOOBIG, "%s: a value is longer than %u characters",
                       hm_host_policy_source, HM_LIMIT_TEXT_BYTES);
    }
    if (number != ERROR_SUCCESS) {
        return hm_windows_fail(err, hm_host_policy_source, (unsigned long)number);
    }
    value[bytes / sizeof(*value)] = L'\0'; /* a value in the registry may lack its NUL */
    out->key = hm_windows_utf8(arena, name);
    out->value = value_text(type, value, bytes, arena);
    return out->key != NULL && out->value != NULL
               ? HM_OK
               : hm_fail(err, HM_ENOMEM, "%s: no memory to read it", hm_host_policy_source);
}

static int compare_settings(const void *a, const void *b)
{
    return strcmp(((const struct hm_host_setting *)a)->key,
                  ((const struct hm_host_setting *)b)->key);
}

enum hm_status hm_host_policy(struct hm_arena *arena, struct hm_host_settings *out_settings,
                              struct hm_err *err)
{
    struct hm_host_setting *settings = NULL;
    enum hm_status st = HM_OK;
    size_t count = 0;
    bool end = false;
    LONG number;
    HKEY key;

    number =
        RegOpenKeyExW(HKEY_LOCAL_MACHINE, POLICY_KEY, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, &key);
    if (number == ERROR_FILE_NOT_FOUND) {
        *out_settings = (struct hm_host_settings){NULL, 0};
        return HM_OK;
    }
    if (number != ERROR_SUCCESS) {
        return hm_windows_fail(err, hm_host_policy_source, (unsigned long)number);
    }
    settings = hm_arena_alloc(arena, VALUES_MOST, sizeof(*settings));
    if (settings == NULL) {
        st = hm_fail(err, HM_ENOMEM, "%s: no memory to read it", hm_host_policy_source);
    }
    while (st == HM_OK && count < VALUES_MOST) {
        st = read_value(key, (DWORD)count, arena, &end, &settings[count], err);
        if (st != HM_OK || end) {
            break;
        }
        count++;
    }
    (void)RegCloseKey(key);
    if (st == HM_OK) {
        qsort(settings, count, sizeof(*settings), compare_settings);
        *out_settings = (struct hm_host_settings){settings, count};
    }
    return st;
}

/* SYSTEM, Administrators, or whoever runs this: who may install may be trusted. */
static bool is_trusted(PSID owner)
{
    union {
        TOKEN_USER user;
        BYTE bytes[TOKEN_USER_BYTES];
    } who;
    DWORD len = sizeof(who);
    bool self = false;
    HANDLE token;

    if (IsWellKnownSid(owner, WinLocalSystemSid) ||
        IsWellKnownSid(owner, WinBuiltinAdministratorsSid)) {
        return true;
    }
    if (OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) {
        self = GetTokenInformation(token, TokenUser, &who, len, &len) &&
               EqualSid(owner, who.user.User.Sid);
        (void)CloseHandle(token);
    }
    return self;
}

static enum hm_status check_owner(const char *path, wchar_t *wide, struct hm_err *err)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    enum hm_status st = HM_OK;
    PSID owner = NULL;
    DWORD number;

    number = GetNamedSecurityInfoW(wide, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL,
                                   NULL, NULL, &descriptor);
    if (number != ERROR_SUCCESS) {
        return hm_windows_fail(err, path, number);
    }
    if (!is_trusted(owner)) {
        st = hm_fail(err, HM_EDENIED,
                     "%s: this folder was made by somebody who is no administrator, and may hold "
                     "anything; look into it, then remove it or take it over: takeown /a /r /f "
                     "\"%s\"",
                     path, path);
    }
    (void)LocalFree(descriptor);
    return st;
}

static enum hm_status make_private(const char *path, wchar_t *wide, struct hm_err *err)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    BOOL present = FALSE;
    BOOL defaulted = FALSE;
    DWORD number = ERROR_SUCCESS;
    PACL acl = NULL;

    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
            L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)", SDDL_REVISION_1, &descriptor, NULL) ||
        !GetSecurityDescriptorDacl(descriptor, &present, &acl, &defaulted)) {
        number = GetLastError();
    }
    if (number == ERROR_SUCCESS) {
        number = SetNamedSecurityInfoW(
            wide, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
            NULL, NULL, acl, NULL);
    }
    if (descriptor != NULL) {
        (void)LocalFree(descriptor);
    }
    return number == ERROR_SUCCESS ? HM_OK : hm_windows_fail(err, path, number);
}

enum hm_status hm_host_own_folder(const char *path, struct hm_err *err)
{
    wchar_t wide[HM_WINDOWS_PATH_CHARS];
    enum hm_status st = hm_windows_path(path, wide, err);

    if (st == HM_OK) {
        st = hm_os_make_folder(path, 0700, err);
    }
    if (st == HM_OK) {
        st = check_owner(path, wide, err);
    }
    if (st == HM_OK) {
        st = make_private(path, wide, err);
    }
    return st;
}
