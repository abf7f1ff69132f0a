/* agent/platform/windows/os_facts.c — version, revision, locale, boot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include "agent/guard/guard_name.h"
#include "agent/guard/own.h"
#include "agent/platform/windows_rules.h"
#include "common/base/clock.h"
#include "common/os/windows_text.h"

#define VERSION_KEY L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
#define BOOT_ID_CHARS 17 /* 64 bits in hexadecimal */
#define BOOT_KEY HM_GUARD_BOOT_KEY
#define BOOT_KEY_NAME L"HavenmasterBoot"
#define KEY_CHARS 256

#ifndef KEY_WOW64_64KEY
#define KEY_WOW64_64KEY 0x0100
#endif

typedef LONG WINAPI rtl_get_version(OSVERSIONINFOW *info);

/* GetVersionEx tells a program without a manifest that it runs on Windows 8 for ever. */
static bool get_version(OSVERSIONINFOW *out)
{
    rtl_get_version *get = (rtl_get_version *)hm_windows_lookup(L"ntdll.dll", "RtlGetVersion");

    out->dwOSVersionInfoSize = sizeof(*out);
    return get != NULL && get(out) == 0;
}

static const char *architecture(void)
{
    SYSTEM_INFO info;

    GetNativeSystemInfo(&info);
    switch (info.wProcessorArchitecture) {
    case PROCESSOR_ARCHITECTURE_AMD64:
        return "x86_64";
    case PROCESSOR_ARCHITECTURE_INTEL:
        return "x86";
    case 12: /* PROCESSOR_ARCHITECTURE_ARM64 */
        return "arm64";
    default:
        return "";
    }
}

/* "fr-FR". Not GetSystemDefaultLocaleName: Server 2003 has none. */
static const char *locale(struct hm_arena *arena)
{
    wchar_t language[16] = L"";
    wchar_t country[16] = L"";
    const char *a;
    const char *b;

    (void)GetLocaleInfoW(LOCALE_SYSTEM_DEFAULT, LOCALE_SISO639LANGNAME, language, 16);
    (void)GetLocaleInfoW(LOCALE_SYSTEM_DEFAULT, LOCALE_SISO3166CTRYNAME, country, 16);
    a = hm_windows_utf8(arena, language);
    b = hm_windows_utf8(arena, country);
    if (a == NULL || b == NULL || a[0] == '\0') {
        return "";
    }
    return b[0] == '\0' ? a : hm_arena_printf(arena, "%s-%s", a, b);
}

enum hm_status hm_windows_os(struct hm_arena *arena, struct hm_os *out_os, struct hm_err *err)
{
    OSVERSIONINFOW version = {0};
    const char *name = "";
    bool found = false;
    struct hm_os os = {.family = HM_OS_WINDOWS};
    enum hm_status st;

    if (!get_version(&version)) {
        return hm_fail(err, HM_EUNSUPPORTED, "the version of Windows cannot be read");
    }
    os.version = hm_arena_printf(arena, "%lu.%lu.%lu", version.dwMajorVersion,
                                 version.dwMinorVersion, version.dwBuildNumber);
    st = hm_registry_text(VERSION_KEY, L"ProductName", arena, &found, &name, err);
    if (st == HM_OK) {
        st = hm_registry_u32(VERSION_KEY, L"UBR", &found, &os.revision, err);
    }
    if (st != HM_OK) {
        return st;
    }
    os.name = name;
    os.arch = architecture();
    os.locale = locale(arena);
    if (os.version == NULL || os.locale == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the facts of the system");
    }
    *out_os = os;
    return HM_OK;
}

/* SYSTEM_TIMEOFDAY_INFORMATION of winternl.h: the boot first, in the system's own clock. */
struct time_of_day {
    LARGE_INTEGER boot;
    unsigned char rest[40];
};

#define TIME_OF_DAY_CLASS 3 /* SystemTimeOfDayInformation */

typedef LONG WINAPI nt_query_system_information(ULONG information, void *out, ULONG len,
                                                ULONG *out_len);

bool hm_windows_boot_time(int64_t *out_ms)
{
    nt_query_system_information *query =
        (nt_query_system_information *)hm_windows_lookup(L"ntdll.dll", "NtQuerySystemInformation");
    struct time_of_day time = {0};

    if (query == NULL || query(TIME_OF_DAY_CLASS, &time, sizeof(time), NULL) < 0) {
        return false;
    }
    *out_ms = hm_windows_unix_ms(time.boot.QuadPart);
    return *out_ms > 0;
}

/* The value there; else, in a boot without one, a new one. */
static LONG take_boot_id(HKEY key, wchar_t value[BOOT_ID_CHARS])
{
    DWORD len = BOOT_ID_CHARS * sizeof(*value);
    DWORD type = 0;
    uint64_t now_ms;

    if (RegQueryValueExW(key, L"BootId", NULL, &type, (unsigned char *)value, &len) ==
            ERROR_SUCCESS &&
        type == REG_SZ && len == BOOT_ID_CHARS * sizeof(*value)) {
        value[BOOT_ID_CHARS - 1] = L'\0';
        return ERROR_SUCCESS;
    }
    now_ms = (uint64_t)hm_clock_now_ms();
    for (size_t i = BOOT_ID_CHARS - 1; i > 0; i--) {
        value[i - 1] = L"0123456789abcdef"[now_ms & 15];
        now_ms >>= 4;
    }
    value[BOOT_ID_CHARS - 1] = L'\0';
    return RegSetValueExW(key, L"BootId", 0, REG_SZ, (const unsigned char *)value,
                          BOOT_ID_CHARS * sizeof(*value));
}

/* Of an earlier boot, with whatever somebody put below it. */
static void remove_boot_key(void)
{
    wchar_t name[KEY_CHARS];
    DWORD chars = KEY_CHARS;
    HKEY software;
    HKEY key;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, L"SOFTWARE", 0, KEY_WRITE | KEY_WOW64_64KEY, &software) !=
        ERROR_SUCCESS) {
        return;
    }
    if (RegOpenKeyExW(software, BOOT_KEY_NAME, 0, KEY_ALL_ACCESS | KEY_WOW64_64KEY, &key) ==
        ERROR_SUCCESS) {
        while (RegEnumKeyExW(key, 0, name, &chars, NULL, NULL, NULL, NULL) == ERROR_SUCCESS &&
               RegDeleteKeyW(key, name) == ERROR_SUCCESS) {
            chars = KEY_CHARS;
        }
        (void)RegCloseKey(key);
    }
    (void)RegDeleteKeyW(software, BOOT_KEY_NAME);
    (void)RegCloseKey(software);
}

long hm_windows_open_boot_key(HKEY *out_key)
{
    if (hm_own_boot_is_stale()) {
        remove_boot_key();
    }
    return RegCreateKeyExW(HKEY_LOCAL_MACHINE, BOOT_KEY, 0, NULL, REG_OPTION_VOLATILE,
                           KEY_QUERY_VALUE | KEY_SET_VALUE | KEY_WOW64_64KEY, NULL, out_key, NULL);
}

enum hm_status hm_windows_boot_id(struct hm_arena *arena, const char **out_boot_id,
                                  struct hm_err *err)
{
    wchar_t value[BOOT_ID_CHARS] = L"";
    const char *copy;
    LONG number;
    HKEY key;

    number = hm_windows_open_boot_key(&key);
    if (number == ERROR_SUCCESS) {
        number = take_boot_id(key, value);
        (void)RegCloseKey(key);
    }
    if (number != ERROR_SUCCESS) {
        return hm_windows_fail(err, "HKLM\\SOFTWARE\\HavenmasterBoot", (unsigned long)number);
    }
    copy = hm_windows_utf8(arena, value);
    if (copy == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the boot id");
    }
    *out_boot_id = copy;
    return HM_OK;
}
