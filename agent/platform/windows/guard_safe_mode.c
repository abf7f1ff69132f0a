/* agent/platform/windows/guard_safe_mode.c — the guard among what Windows starts in safe mode.
 * SPDX-License-Identifier: Apache-2.0
 *
 * In safe mode Windows starts only what is listed there (otherwise error 1084), and with the guard
 * would fail what is listed and guarded. Source: Microsoft Learn, "Safe Mode Boot Options". */
#include "agent/platform/windows/guard.h"

#include "agent/guard/guard_name.h"
#include "common/os/windows_text.h"

#define SAFE_KIND L"Service"
#define KIND_CHARS 16

static const wchar_t *const safe_modes[] = {HM_GUARD_SAFE_BOOT_KEY L"\\Minimal",
                                            HM_GUARD_SAFE_BOOT_KEY L"\\Network"};

enum hm_status hm_guard_put_safe_modes(struct hm_err *err)
{
    static const wchar_t kind[] = SAFE_KIND;

    for (size_t i = 0; i < HM_COUNT(safe_modes); i++) {
        HKEY mode;
        HKEY key;
        LONG number =
            RegOpenKeyExW(HKEY_LOCAL_MACHINE, safe_modes[i], 0, KEY_CREATE_SUB_KEY, &mode);

        if (number == ERROR_FILE_NOT_FOUND) {
            continue; /* this system has no such mode */
        }
        if (number == ERROR_SUCCESS) {
            number = RegCreateKeyExW(mode, HM_GUARD_WIDE_NAME, 0, NULL, 0, KEY_SET_VALUE, NULL,
                                     &key, NULL);
            (void)RegCloseKey(mode);
        }
        if (number == ERROR_SUCCESS) {
            number = RegSetValueExW(key, NULL, 0, REG_SZ, (const BYTE *)kind, sizeof(kind));
            (void)RegCloseKey(key);
        }
        if (number != ERROR_SUCCESS) {
            return hm_windows_fail(err, "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SafeBoot",
                                   (unsigned long)number);
        }
    }
    return HM_OK;
}

/* What is in a key of our name there: nothing that "guard add" did not write? */
static bool is_ours(HKEY key, bool *out_listed)
{
    wchar_t kind[KIND_CHARS] = L"";
    DWORD bytes = sizeof(kind) - sizeof(*kind);
    DWORD type = 0;
    DWORD values = 0;
    DWORD keys = 0;
    const LONG number = RegQueryValueExW(key, NULL, NULL, &type, (BYTE *)kind, &bytes);

    *out_listed = number == ERROR_SUCCESS && type == REG_SZ && lstrcmpiW(kind, SAFE_KIND) == 0;
    return RegQueryInfoKeyW(key, NULL, NULL, NULL, &keys, NULL, NULL, &values, NULL, NULL, NULL,
                            NULL) == ERROR_SUCCESS &&
           keys == 0 && values == (*out_listed ? 1u : 0u);
}

static LONG open_safe_mode(size_t at, REGSAM access, HKEY *out_key)
{
    HKEY mode;
    LONG number = RegOpenKeyExW(HKEY_LOCAL_MACHINE, safe_modes[at], 0, KEY_READ, &mode);

    if (number == ERROR_SUCCESS) {
        number = RegOpenKeyExW(mode, HM_GUARD_WIDE_NAME, 0, access, out_key);
        (void)RegCloseKey(mode);
    }
    return number;
}

enum hm_status hm_guard_check_safe_modes(struct hm_err *err)
{
    for (size_t i = 0; i < HM_COUNT(safe_modes); i++) {
        bool listed = false;
        bool ours = true;
        HKEY key;

        if (open_safe_mode(i, KEY_READ, &key) == ERROR_SUCCESS) {
            ours = is_ours(key, &listed) || listed;
            (void)RegCloseKey(key);
        }
        if (!ours) {
            return hm_fail(err, HM_ECONFLICT,
                           "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SafeBoot has a key %s that "
                           "another program made; nothing was changed. Look whose it is, and "
                           "remove it with \"reg delete\"",
                           HM_GUARD_NAME);
        }
    }
    return HM_OK;
}

static bool has_mode(size_t at)
{
    HKEY mode;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, safe_modes[at], 0, KEY_QUERY_VALUE, &mode) !=
        ERROR_SUCCESS) {
        return false;
    }
    (void)RegCloseKey(mode);
    return true;
}

bool hm_guard_lacks_safe_mode(void)
{
    bool lacks = false;

    for (size_t i = 0; i < HM_COUNT(safe_modes); i++) {
        bool listed = false;
        HKEY key;
        const LONG number = open_safe_mode(i, KEY_READ, &key);

        if (number == ERROR_SUCCESS) {
            (void)is_ours(key, &listed);
            (void)RegCloseKey(key);
        }
        /* What cannot be read is not known to be missing. */
        lacks = lacks || (has_mode(i) && !listed &&
                          (number == ERROR_SUCCESS || number == ERROR_FILE_NOT_FOUND));
    }
    return lacks;
}

/* What others wrote there stays. */
void hm_guard_remove_safe_modes(void)
{
    for (size_t i = 0; i < HM_COUNT(safe_modes); i++) {
        bool listed = false;
        bool ours = false;
        HKEY key;

        if (open_safe_mode(i, KEY_READ, &key) == ERROR_SUCCESS) {
            ours = is_ours(key, &listed);
            (void)RegCloseKey(key);
        }
        if (ours &&
            RegOpenKeyExW(HKEY_LOCAL_MACHINE, safe_modes[i], 0, KEY_WRITE, &key) == ERROR_SUCCESS) {
            (void)RegDeleteKeyW(key, HM_GUARD_WIDE_NAME);
            (void)RegCloseKey(key);
        }
    }
}
