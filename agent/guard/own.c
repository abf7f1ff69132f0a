/* agent/guard/own.c — what the registry says of the guard itself.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/guard/own.h"

#include <windows.h>

#include "agent/guard/depends.h"
#include "agent/guard/guard_name.h"

#define TYPE_INTERACTIVE 0x100u /* it may show windows: it starts all the same */
#define PROBE L"Probe"

#ifndef KEY_WOW64_64KEY
#define KEY_WOW64_64KEY 0x0100
#endif

void hm_own_command(const wchar_t *program, wchar_t out[HM_OWN_COMMAND_CHARS])
{
    (void)wcscpy(out, L"\"");
    (void)wcsncat(out, program, HM_OWN_COMMAND_CHARS - 3);
    (void)wcscat(out, L"\"");
}

/* "" where there is no text of this name. */
static void read_text(HKEY key, const wchar_t *name, wchar_t out[HM_OWN_COMMAND_CHARS])
{
    DWORD bytes = (HM_OWN_COMMAND_CHARS - 1) * sizeof(*out);
    DWORD type = 0;

    if (RegQueryValueExW(key, name, NULL, &type, (BYTE *)out, &bytes) == ERROR_SUCCESS &&
        (type == REG_SZ || type == REG_EXPAND_SZ)) {
        out[bytes / sizeof(*out)] = L'\0';
    } else {
        out[0] = L'\0';
    }
}

void hm_own_read_command(wchar_t out[HM_OWN_COMMAND_CHARS])
{
    HKEY key;

    out[0] = L'\0';
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, HM_GUARD_OWN_KEY, 0, KEY_QUERY_VALUE, &key) ==
        ERROR_SUCCESS) {
        read_text(key, L"ImagePath", out);
        (void)RegCloseKey(key);
    }
}

/* missing: when there is no such number. */
static DWORD read_number(HKEY key, const wchar_t *name, DWORD missing)
{
    DWORD value = 0;
    DWORD bytes = sizeof(value);
    DWORD type = 0;

    return RegQueryValueExW(key, name, NULL, &type, (BYTE *)&value, &bytes) == ERROR_SUCCESS &&
                   type == REG_DWORD
               ? value
               : missing;
}

static bool has_value(HKEY key, const wchar_t *name)
{
    return RegQueryValueExW(key, name, NULL, NULL, NULL, NULL) == ERROR_SUCCESS;
}

/* Letters of either case are the same: so Windows compares paths and accounts. */
static bool is_same(const wchar_t *a, const wchar_t *b)
{
    return lstrcmpiW(a, b) == 0;
}

static const wchar_t *fault_of(HKEY key, const wchar_t *program)
{
    const DWORD start = read_number(key, L"Start", SERVICE_NO_CHANGE);
    const DWORD type = read_number(key, L"Type", SERVICE_NO_CHANGE);
    wchar_t command[HM_OWN_COMMAND_CHARS];
    wchar_t stands[HM_OWN_COMMAND_CHARS];
    wchar_t needs[HM_NAMES_CHARS];

    if (has_value(key, L"DeleteFlag")) {
        return L"is marked for deletion, and goes with the next restart of this host";
    }
    if (start == SERVICE_DISABLED) {
        return L"is disabled";
    }
    if (start != SERVICE_DEMAND_START && start != SERVICE_AUTO_START) {
        return L"was given another start type";
    }
    if ((type & ~TYPE_INTERACTIVE) != SERVICE_WIN32_OWN_PROCESS) {
        return L"was given another type of service";
    }
    hm_own_command(program, command);
    read_text(key, L"ImagePath", stands);
    if (!is_same(command, stands)) {
        return L"runs another program";
    }
    read_text(key, L"ObjectName", stands);
    if (stands[0] != L'\0' && !is_same(stands, L"LocalSystem")) {
        return L"was given another account";
    }
    if (has_value(key, L"RequiredPrivileges") || read_number(key, L"LaunchProtected", 0) != 0) {
        return L"was given limits that it may not start with (RequiredPrivileges, LaunchProtected)";
    }
    if (hm_depends_read(HM_GUARD_WIDE_NAME, needs) != ERROR_SUCCESS || needs[0] != L'\0') {
        return L"was made to depend on others";
    }
    return NULL;
}

const wchar_t *hm_own_fault(const wchar_t *program)
{
    const wchar_t *fault;
    HKEY key;
    const LONG number =
        RegOpenKeyExW(HKEY_LOCAL_MACHINE, HM_GUARD_OWN_KEY, 0, KEY_QUERY_VALUE, &key);

    if (number != ERROR_SUCCESS) {
        return number == ERROR_FILE_NOT_FOUND ? L"is deleted" : NULL;
    }
    fault = fault_of(key, program);
    (void)RegCloseKey(key);
    return fault;
}

/* ---- this boot ------------------------------------------------------------------------------ */

enum boot_key { NO_BOOT_KEY, VOLATILE, STALE };

/* A key says nowhere whether it is volatile; but only in one that is, no lasting key can be made.
 */
static enum boot_key probe(void)
{
    DWORD made = 0;
    HKEY key;
    HKEY child;
    LONG number;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, HM_GUARD_BOOT_KEY, 0,
                      KEY_QUERY_VALUE | KEY_CREATE_SUB_KEY | KEY_WOW64_64KEY,
                      &key) != ERROR_SUCCESS) {
        return NO_BOOT_KEY;
    }
    (void)RegDeleteKeyW(key, PROBE);
    number = RegCreateKeyExW(key, PROBE, 0, NULL, 0, KEY_QUERY_VALUE, NULL, &child, &made);
    if (number == ERROR_SUCCESS) {
        (void)RegCloseKey(child);
        (void)RegDeleteKeyW(key, PROBE);
    }
    (void)RegCloseKey(key);
    if (number == ERROR_SUCCESS) {
        return made == REG_CREATED_NEW_KEY ? STALE : NO_BOOT_KEY;
    }
    return number == ERROR_CHILD_MUST_BE_VOLATILE ? VOLATILE : NO_BOOT_KEY;
}

bool hm_own_boot_is_stale(void)
{
    return probe() == STALE;
}

bool hm_own_boot_passed(void)
{
    DWORD passed = 0;
    HKEY key;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, HM_GUARD_BOOT_KEY, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY,
                      &key) == ERROR_SUCCESS) {
        passed = read_number(key, HM_GUARD_BOOT_VALUE, 0);
        (void)RegCloseKey(key);
    }
    return passed == 1 && probe() == VOLATILE;
}
