/* agent/platform/windows/guard_record.c — what hm_guard_add added, in the registry.
 * SPDX-License-Identifier: Apache-2.0
 *
 * HKLM\SOFTWARE\HavenmasterGuard: "Digest" of the program (while it is replaced, of both); in the
 * key "Services" below it one list a guarded service, named as it: its dependencies before. */
#include "agent/platform/windows/guard.h"

#include "common/crypto/digest.h"
#include "common/os/windows_text.h"

#define KEY L"SOFTWARE\\HavenmasterGuard"
#define SERVICES L"Services"
#define SERVICES_KEY KEY L"\\" SERVICES
#define WHAT "HKLM\\SOFTWARE\\HavenmasterGuard"
#define DIGEST_CHARS (2 * HM_DIGEST_TEXT_BYTES)

#ifndef KEY_WOW64_64KEY
#define KEY_WOW64_64KEY 0x0100
#endif

static enum hm_status write_value(const wchar_t *path, const wchar_t *name, DWORD type,
                                  const void *bytes, size_t len, struct hm_err *err)
{
    HKEY key;
    LONG number = RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, 0,
                                  KEY_SET_VALUE | KEY_WOW64_64KEY, NULL, &key, NULL);

    if (number == ERROR_SUCCESS) {
        number = RegSetValueExW(key, name, 0, type, bytes, (DWORD)len);
        if (number == ERROR_SUCCESS) {
            number = RegFlushKey(key);
        }
        (void)RegCloseKey(key);
    }
    return number == ERROR_SUCCESS ? HM_OK : hm_windows_fail(err, WHAT, (unsigned long)number);
}

enum hm_status hm_guard_record_put(const wchar_t *service, const wchar_t *before,
                                   struct hm_err *err)
{
    static const wchar_t none[] = L"\0";
    const size_t chars = hm_names_chars(before);

    return write_value(SERVICES_KEY, service, REG_MULTI_SZ, chars == 1 ? none : before,
                       (chars == 1 ? 2 : chars) * sizeof(*before), err);
}

enum hm_status hm_guard_record_drop(const wchar_t *service, struct hm_err *err)
{
    HKEY key;
    LONG number =
        RegOpenKeyExW(HKEY_LOCAL_MACHINE, SERVICES_KEY, 0, KEY_SET_VALUE | KEY_WOW64_64KEY, &key);

    if (number == ERROR_SUCCESS) {
        number = RegDeleteValueW(key, service);
        (void)RegCloseKey(key);
    }
    return number == ERROR_SUCCESS || number == ERROR_FILE_NOT_FOUND
               ? HM_OK
               : hm_windows_fail(err, WHAT, (unsigned long)number);
}

bool hm_guard_record_has(const wchar_t *service)
{
    HKEY key;
    bool found = false;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, SERVICES_KEY, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY,
                      &key) == ERROR_SUCCESS) {
        found = RegQueryValueExW(key, service, NULL, NULL, NULL, NULL) == ERROR_SUCCESS;
        (void)RegCloseKey(key);
    }
    return found;
}

/* The value without a name, which somebody else wrote, is no service. */
static void drop_unnamed(struct hm_strings *services)
{
    size_t count = 0;

    for (size_t i = 0; i < services->count; i++) {
        if (services->at[i][0] != '\0') {
            services->at[count++] = services->at[i];
        }
    }
    services->count = count;
}

enum hm_status hm_guard_record_services(struct hm_arena *arena, struct hm_strings *out_services,
                                        struct hm_err *err)
{
    enum hm_status st;

    *out_services = (struct hm_strings){NULL, 0};
    st = hm_registry_names(SERVICES_KEY, arena, out_services, err);
    if (st == HM_OK) {
        drop_unnamed(out_services);
    }
    return st == HM_ENOENT ? HM_OK : st;
}

enum hm_status hm_guard_record_put_digest(const char *digest, struct hm_err *err)
{
    wchar_t wide[DIGEST_CHARS];
    const int chars = MultiByteToWideChar(CP_UTF8, 0, digest, -1, wide, DIGEST_CHARS);

    return write_value(KEY, L"Digest", REG_SZ, wide, (size_t)chars * sizeof(*wide), err);
}

enum hm_status hm_guard_record_digest(struct hm_arena *arena, const char **out_digest,
                                      struct hm_err *err)
{
    bool found;

    *out_digest = "";
    return hm_registry_text(KEY, L"Digest", arena, &found, out_digest, err);
}

bool hm_guard_record_exists(void)
{
    return hm_registry_has_key(KEY);
}

void hm_guard_record_remove(void)
{
    HKEY key;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, KEY, 0, KEY_ALL_ACCESS | KEY_WOW64_64KEY, &key) ==
        ERROR_SUCCESS) {
        (void)RegDeleteKeyW(key, SERVICES);
        (void)RegCloseKey(key);
    }
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, L"SOFTWARE", 0, KEY_WRITE | KEY_WOW64_64KEY, &key) ==
        ERROR_SUCCESS) {
        (void)RegDeleteKeyW(key, L"HavenmasterGuard");
        (void)RegCloseKey(key);
    }
}
