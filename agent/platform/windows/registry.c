/* agent/platform/windows/registry.c — values of HKEY_LOCAL_MACHINE.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <string.h>

#include "agent/platform/windows_rules.h"
#include "common/base/limits.h"
#include "common/os/windows_text.h"

#ifndef KEY_WOW64_64KEY
#define KEY_WOW64_64KEY 0x0100
#endif

/* *out_bytes stays NULL when the value is not there or of another type. Two NULs follow it: a
 * value in the registry may lack its own. */
static enum hm_status read_value(const wchar_t *key, const wchar_t *name, DWORD wanted_type,
                                 struct hm_arena *arena, unsigned char **out_bytes, DWORD *out_len,
                                 struct hm_err *err)
{
    char what[128];
    unsigned char *bytes = NULL;
    DWORD type = 0;
    DWORD len = 0;
    LONG number;
    HKEY handle;

    *out_bytes = NULL;
    number = RegOpenKeyExW(HKEY_LOCAL_MACHINE, key, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, &handle);
    if (number == ERROR_FILE_NOT_FOUND) {
        return HM_OK;
    }
    (void)WideCharToMultiByte(CP_UTF8, 0, name, -1, what, sizeof(what), NULL, NULL);
    if (number != ERROR_SUCCESS) {
        return hm_windows_fail(err, what, (unsigned long)number);
    }
    number = RegQueryValueExW(handle, name, NULL, &type, NULL, &len);
    if (number == ERROR_SUCCESS && type == wanted_type && len <= HM_LIMIT_INPUT_FILE_BYTES) {
        bytes = hm_arena_alloc(arena, (size_t)len + 2 * sizeof(wchar_t), 1);
        number = bytes == NULL ? ERROR_NOT_ENOUGH_MEMORY
                               : RegQueryValueExW(handle, name, NULL, &type, bytes, &len);
    }
    (void)RegCloseKey(handle);
    if (number == ERROR_FILE_NOT_FOUND || (number == ERROR_SUCCESS && bytes == NULL)) {
        return HM_OK;
    }
    if (number != ERROR_SUCCESS) {
        return hm_windows_fail(err, what, (unsigned long)number);
    }
    *out_bytes = bytes;
    *out_len = len;
    return HM_OK;
}

static enum hm_reg_type type_of(DWORD type)
{
    switch (type) {
    case REG_SZ:
    case REG_EXPAND_SZ:
        return HM_REG_TEXT;
    case REG_DWORD:
        return HM_REG_DWORD;
    case REG_MULTI_SZ:
        return HM_REG_LINES;
    default:
        return HM_REG_BYTES;
    }
}

enum hm_status hm_registry_type(const wchar_t *key, const wchar_t *name, bool *out_found,
                                enum hm_reg_type *out_type, struct hm_err *err)
{
    char what[128] = "";
    DWORD type = 0;
    HKEY handle;
    LONG number =
        RegOpenKeyExW(HKEY_LOCAL_MACHINE, key, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, &handle);

    if (number == ERROR_SUCCESS) {
        number = RegQueryValueExW(handle, name, NULL, &type, NULL, NULL);
        (void)RegCloseKey(handle);
    }
    if (number != ERROR_SUCCESS && number != ERROR_FILE_NOT_FOUND) {
        (void)WideCharToMultiByte(CP_UTF8, 0, name, -1, what, sizeof(what), NULL, NULL);
        return hm_windows_fail(err, what, (unsigned long)number);
    }
    *out_found = number == ERROR_SUCCESS;
    *out_type = type_of(type);
    return HM_OK;
}

enum hm_status hm_registry_check_type(const wchar_t *key, const wchar_t *name,
                                      enum hm_reg_type must_be, struct hm_arena *arena,
                                      struct hm_registry *registry, struct hm_err *err)
{
    char what[128] = "";
    DWORD type = 0;
    LONG number;
    HKEY handle;

    number = RegOpenKeyExW(HKEY_LOCAL_MACHINE, key, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, &handle);
    if (number != ERROR_SUCCESS) {
        return HM_OK; /* reading the value says so */
    }
    number = RegQueryValueExW(handle, name, NULL, &type, NULL, NULL);
    (void)RegCloseKey(handle);
    if (number != ERROR_SUCCESS || type_of(type) == must_be) {
        return HM_OK;
    }
    (void)WideCharToMultiByte(CP_UTF8, 0, name, -1, what, sizeof(what), NULL, NULL);
    return hm_windows_wrong_type(what, type_of(type), must_be, arena, registry, err);
}

enum hm_status hm_registry_u32(const wchar_t *key, const wchar_t *name, bool *out_found,
                               uint32_t *out_value, struct hm_err *err)
{
    struct hm_arena arena;
    unsigned char *bytes;
    enum hm_status st;
    DWORD len;

    hm_arena_init(&arena, 65536);
    st = read_value(key, name, REG_DWORD, &arena, &bytes, &len, err);
    if (st == HM_OK) {
        *out_found = bytes != NULL && len == sizeof(*out_value);
        if (*out_found) {
            memcpy(out_value, bytes, sizeof(*out_value));
        }
    }
    hm_arena_fini(&arena);
    return st;
}

static enum hm_status read_text(const wchar_t *key, const wchar_t *name, DWORD type,
                                struct hm_arena *arena, bool *out_found, const char **out_text,
                                struct hm_err *err)
{
    unsigned char *bytes;
    DWORD len;
    enum hm_status st = read_value(key, name, type, arena, &bytes, &len, err);

    if (st != HM_OK) {
        return st;
    }
    *out_found = bytes != NULL;
    if (bytes != NULL) {
        const char *text = hm_windows_utf8(arena, (const wchar_t *)(const void *)bytes);

        if (text == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for a registry value");
        }
        *out_text = text;
    }
    return HM_OK;
}

enum hm_status hm_registry_text(const wchar_t *key, const wchar_t *name, struct hm_arena *arena,
                                bool *out_found, const char **out_text, struct hm_err *err)
{
    return read_text(key, name, REG_SZ, arena, out_found, out_text, err);
}

enum hm_status hm_registry_path(const wchar_t *key, const wchar_t *name, struct hm_arena *arena,
                                bool *out_found, const char **out_text, struct hm_err *err)
{
    enum hm_status st = read_text(key, name, REG_EXPAND_SZ, arena, out_found, out_text, err);

    return st == HM_OK && !*out_found
               ? read_text(key, name, REG_SZ, arena, out_found, out_text, err)
               : st;
}

enum hm_status hm_registry_lines(const wchar_t *key, const wchar_t *name, struct hm_arena *arena,
                                 bool *out_found, struct hm_strings *out_lines, struct hm_err *err)
{
    struct hm_strings lines = {NULL, 0};
    size_t cap = 0;
    unsigned char *bytes;
    DWORD len;
    enum hm_status st = read_value(key, name, REG_MULTI_SZ, arena, &bytes, &len, err);

    if (st != HM_OK || bytes == NULL) {
        *out_found = false;
        return st;
    }
    for (const wchar_t *at = (const wchar_t *)(const void *)bytes; *at != L'\0';
         at += wcslen(at) + 1) {
        void *items = (void *)lines.at;

        if (lines.count == HM_LIMIT_RESERVED_LINES) {
            return hm_fail(err, HM_ETOOBIG, "a registry list has more than %u lines",
                           HM_LIMIT_RESERVED_LINES);
        }
        if (hm_arena_grow(arena, &items, lines.count, &cap, sizeof(*lines.at)) != 0) {
            return hm_fail(err, HM_ENOMEM, "no memory for a registry list");
        }
        lines.at = items;
        lines.at[lines.count] = hm_windows_utf8(arena, at);
        if (lines.at[lines.count] == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for a registry list");
        }
        lines.count++;
    }
    *out_found = true;
    *out_lines = lines;
    return HM_OK;
}

#define NAME_CHARS 16384 /* documented as the longest of a value; of a key it is 255 */

typedef LONG WINAPI list_names(HKEY key, DWORD index, wchar_t *name, DWORD *chars);

static LONG WINAPI list_values(HKEY key, DWORD index, wchar_t *name, DWORD *chars)
{
    return RegEnumValueW(key, index, name, chars, NULL, NULL, NULL, NULL);
}

static LONG WINAPI list_keys(HKEY key, DWORD index, wchar_t *name, DWORD *chars)
{
    return RegEnumKeyExW(key, index, name, chars, NULL, NULL, NULL, NULL);
}

static enum hm_status names_of(const wchar_t *key, REGSAM access, list_names *next,
                               struct hm_arena *arena, struct hm_strings *out_names,
                               struct hm_err *err)
{
    wchar_t *name = hm_arena_alloc(arena, NAME_CHARS, sizeof(*name));
    struct hm_strings names = {NULL, 0};
    enum hm_status st = HM_OK;
    size_t cap = 0;
    LONG number;
    HKEY handle;

    if (name == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a registry key");
    }
    number = RegOpenKeyExW(HKEY_LOCAL_MACHINE, key, 0, access | KEY_WOW64_64KEY, &handle);
    if (number != ERROR_SUCCESS) {
        return hm_windows_fail(err, "a registry key", (unsigned long)number);
    }
    for (DWORD i = 0; st == HM_OK; i++) {
        void *items = (void *)names.at;
        DWORD len = NAME_CHARS;

        if (next(handle, i, name, &len) != ERROR_SUCCESS) {
            break;
        }
        if (names.count >= HM_LIMIT_REG_VALUES) {
            st = hm_fail(err, HM_ETOOBIG, "a registry key has more than %u names in it",
                         HM_LIMIT_REG_VALUES);
        } else if (hm_arena_grow(arena, &items, names.count, &cap, sizeof(*names.at)) != 0) {
            st = hm_fail(err, HM_ENOMEM, "no memory for a registry key");
        } else {
            names.at = items;
            names.at[names.count] = hm_windows_utf8(arena, name);
            st = names.at[names.count] != NULL
                     ? HM_OK
                     : hm_fail(err, HM_ENOMEM, "no memory for a registry key");
            names.count++;
        }
    }
    (void)RegCloseKey(handle);
    if (st == HM_OK) {
        *out_names = names;
    }
    return st;
}

enum hm_status hm_registry_names(const wchar_t *key, struct hm_arena *arena,
                                 struct hm_strings *out_names, struct hm_err *err)
{
    return names_of(key, KEY_QUERY_VALUE, list_values, arena, out_names, err);
}

enum hm_status hm_registry_keys(const wchar_t *key, struct hm_arena *arena,
                                struct hm_strings *out_names, struct hm_err *err)
{
    return names_of(key, KEY_ENUMERATE_SUB_KEYS, list_keys, arena, out_names, err);
}

bool hm_registry_has_key(const wchar_t *key)
{
    HKEY handle;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, key, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, &handle) !=
        ERROR_SUCCESS) {
        return false;
    }
    (void)RegCloseKey(handle);
    return true;
}

bool hm_registry_last_write(const wchar_t *key, int64_t *out_ms)
{
    FILETIME time;
    HKEY handle;
    LONG number;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, key, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, &handle) !=
        ERROR_SUCCESS) {
        return false;
    }
    number =
        RegQueryInfoKeyW(handle, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, &time);
    (void)RegCloseKey(handle);
    if (number != ERROR_SUCCESS) {
        return false;
    }
    *out_ms = hm_windows_unix_ms((int64_t)time.dwHighDateTime << 32 | time.dwLowDateTime);
    return *out_ms > 0;
}

/* ---- writing ------------------------------------------------------------------------------- */

static enum hm_status fail_value(struct hm_err *err, const wchar_t *name, LONG number)
{
    char what[128] = "";

    (void)WideCharToMultiByte(CP_UTF8, 0, name, -1, what, sizeof(what), NULL, NULL);
    return hm_windows_fail(err, what, (unsigned long)number);
}

/* As the registry has it: each line with its NUL, one more at the end. */
static enum hm_status encode_lines(const struct hm_strings *lines, struct hm_arena *arena,
                                   wchar_t **out_text, size_t *out_chars, struct hm_err *err)
{
    size_t room = 2;
    size_t len = 0;
    wchar_t *text;

    for (size_t i = 0; i < lines->count; i++) {
        room += strlen(lines->at[i]) + 1; /* UTF-16 never takes more units than UTF-8 bytes */
    }
    text = hm_arena_alloc(arena, room, sizeof(*text));
    if (text == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a registry list");
    }
    for (size_t i = 0; i < lines->count; i++) {
        int chars =
            MultiByteToWideChar(CP_UTF8, 0, lines->at[i], -1, text + len, (int)(room - len));

        if (chars <= 1) {
            return hm_fail(err, HM_EINVAL, "a line of a registry list may not be empty");
        }
        len += (size_t)chars;
    }
    *out_text = text;
    *out_chars = len + 1; /* the memory is zeroed */
    return HM_OK;
}

static size_t without_end(const wchar_t *text, size_t chars)
{
    while (chars > 0 && text[chars - 1] == L'\0') {
        chars--;
    }
    return chars;
}

/* Is the list that stands there no more than its lines? Else writing it back would not restore
 * it. */
static enum hm_status check_lines(const wchar_t *key, const wchar_t *name, struct hm_arena *arena,
                                  struct hm_err *err)
{
    struct hm_strings lines = {NULL, 0};
    unsigned char *bytes = NULL;
    const wchar_t *stands;
    wchar_t *again = NULL;
    size_t chars = 0;
    bool found = false;
    DWORD len = 0;
    enum hm_status st = read_value(key, name, REG_MULTI_SZ, arena, &bytes, &len, err);

    if (st == HM_OK) {
        st = hm_registry_lines(key, name, arena, &found, &lines, err);
    }
    if (st == HM_OK && found) {
        st = encode_lines(&lines, arena, &again, &chars, err);
    }
    if (st != HM_OK || !found || bytes == NULL) {
        return st;
    }
    stands = (const wchar_t *)(const void *)bytes;
    chars = without_end(again, chars);
    if (without_end(stands, len / sizeof(*stands)) != chars ||
        memcmp(stands, again, chars * sizeof(*stands)) != 0) {
        return hm_fail(err, HM_EUNSUPPORTED,
                       "the registry list holds more than lines of text (an empty line, or "
                       "characters that are none); this agent could not bring it back, so it "
                       "leaves it: correct it with regedit");
    }
    return HM_OK;
}

/* *out_key may be written to, and what stands there is of this type or not there. */
static enum hm_status open_for(const wchar_t *key, const wchar_t *name, DWORD wanted_type,
                               HKEY *out_key, struct hm_err *err)
{
    DWORD type = wanted_type;
    HKEY handle;
    LONG number = RegOpenKeyExW(HKEY_LOCAL_MACHINE, key, 0,
                                KEY_QUERY_VALUE | KEY_SET_VALUE | KEY_WOW64_64KEY, &handle);

    if (number != ERROR_SUCCESS) {
        return fail_value(err, name, number);
    }
    number = RegQueryValueExW(handle, name, NULL, &type, NULL, NULL);
    if (number != ERROR_SUCCESS && number != ERROR_FILE_NOT_FOUND) {
        (void)RegCloseKey(handle);
        return fail_value(err, name, number);
    }
    if (number == ERROR_SUCCESS && type != wanted_type) {
        (void)RegCloseKey(handle);
        return hm_fail(err, HM_EUNSUPPORTED,
                       "the registry value is of type %lu, not %lu, so the system ignores it; "
                       "this agent leaves it: remove it with regedit",
                       (unsigned long)type, (unsigned long)wanted_type);
    }
    *out_key = handle;
    return HM_OK;
}

/* bytes NULL = without the value. */
static enum hm_status write_value(const wchar_t *key, const wchar_t *name, DWORD type,
                                  const void *bytes, size_t len, struct hm_err *err)
{
    HKEY handle = NULL;
    LONG number;
    enum hm_status st = open_for(key, name, type, &handle, err);

    if (st != HM_OK) {
        return st;
    }
    number = bytes != NULL ? RegSetValueExW(handle, name, 0, type, bytes, (DWORD)len)
                           : RegDeleteValueW(handle, name);
    if (number == ERROR_FILE_NOT_FOUND && bytes == NULL) {
        number = ERROR_SUCCESS;
    }
    if (number == ERROR_SUCCESS) {
        number = RegFlushKey(handle);
    }
    (void)RegCloseKey(handle);
    return number == ERROR_SUCCESS ? HM_OK : fail_value(err, name, number);
}

enum hm_status hm_registry_set_u32(const wchar_t *key, const wchar_t *name, uint32_t value,
                                   struct hm_err *err)
{
    return write_value(key, name, REG_DWORD, &value, sizeof(value), err);
}

enum hm_status hm_registry_remove_u32(const wchar_t *key, const wchar_t *name, struct hm_err *err)
{
    return write_value(key, name, REG_DWORD, NULL, 0, err);
}

enum hm_status hm_registry_set_lines(const wchar_t *key, const wchar_t *name,
                                     const struct hm_strings *lines, struct hm_arena *arena,
                                     struct hm_err *err)
{
    wchar_t *text = NULL;
    size_t chars = 0;
    enum hm_status st = check_lines(key, name, arena, err);

    if (st == HM_OK) {
        st = encode_lines(lines, arena, &text, &chars, err);
    }
    return st == HM_OK ? write_value(key, name, REG_MULTI_SZ, text, chars * sizeof(*text), err)
                       : st;
}

enum hm_status hm_registry_remove_lines(const wchar_t *key, const wchar_t *name,
                                        struct hm_arena *arena, struct hm_err *err)
{
    enum hm_status st = check_lines(key, name, arena, err);

    return st == HM_OK ? write_value(key, name, REG_MULTI_SZ, NULL, 0, err) : st;
}
