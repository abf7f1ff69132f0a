/* agent/platform/windows/guard_remove.c — files of the guard that may be in use when they must go.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Windows remembers what it is to delete with the next boot by its path alone. The path of the
 * guard's program must never be remembered: "guard add" may put a good program there before that
 * boot, and the services that depend on it would not start. */
#include "agent/platform/windows/guard.h"

#include "common/base/str.h"
#include "common/os/os.h"

#define POLL_MS 100
#define GONE_MS 3000
#define NAME_TRIES 16
#define NAME_CHARS 40
#define PENDING_KEY L"SYSTEM\\CurrentControlSet\\Control\\Session Manager"
#define PENDING_BYTES_MOST (4u * 1024u * 1024u)
#define READ_TRIES 4
#define NT_PREFIX L"\\??\\"
#define REPLACES L'!'

/* ---- moved away ----------------------------------------------------------------------------- */

bool hm_guard_move_away(const wchar_t *path, wchar_t out_old[HM_WINDOWS_PATH_CHARS])
{
    const wchar_t *end = wcsrchr(path, L'\\');
    const size_t folder = end == NULL ? 0 : (size_t)(end - path) + 1;

    if (end == NULL || folder + NAME_CHARS > HM_WINDOWS_PATH_CHARS) {
        return false;
    }
    for (unsigned i = 0; i < NAME_TRIES; i++) {
        (void)wcscpy(out_old, path);
        (void)swprintf(out_old + folder, NAME_CHARS, L"hm-guard-%08lx-%lx.old",
                       (unsigned long)(GetTickCount() + i), (unsigned long)GetCurrentProcessId());
        if (MoveFileExW(path, out_old, MOVEFILE_WRITE_THROUGH)) {
            return true;
        }
        if (GetLastError() != ERROR_ALREADY_EXISTS && GetLastError() != ERROR_FILE_EXISTS) {
            break;
        }
    }
    return false;
}

/* A folder of that name is somebody else's. */
static bool is_folder(const wchar_t *path)
{
    const DWORD attributes = GetFileAttributesW(path);

    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

void hm_guard_make_writable(const wchar_t *path)
{
    const DWORD attributes = GetFileAttributesW(path);
    const DWORD wanted = attributes & ~(DWORD)FILE_ATTRIBUTE_READONLY;

    if (attributes != INVALID_FILE_ATTRIBUTES && wanted != attributes &&
        (attributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
        (void)SetFileAttributesW(path, wanted == 0 ? FILE_ATTRIBUTE_NORMAL : wanted);
    }
}

bool hm_guard_is_link(const struct hm_guard_paths *paths)
{
    wchar_t folder[HM_WINDOWS_PATH_CHARS];
    DWORD attributes;

    if (hm_windows_path(paths->folder, folder, NULL) != HM_OK) {
        return false;
    }
    attributes = GetFileAttributesW(folder);
    return attributes != INVALID_FILE_ATTRIBUTES &&
           (attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
}

/* A process ends a moment after its service. */
void hm_guard_remove_file(const char *path)
{
    wchar_t wide[HM_WINDOWS_PATH_CHARS];
    wchar_t old[HM_WINDOWS_PATH_CHARS];

    if (hm_windows_path(path, wide, NULL) != HM_OK || is_folder(wide)) {
        return;
    }
    hm_guard_make_writable(wide);
    for (DWORD waited_ms = 0; waited_ms < GONE_MS; waited_ms += POLL_MS) {
        if (DeleteFileW(wide) || GetLastError() == ERROR_FILE_NOT_FOUND ||
            GetLastError() == ERROR_PATH_NOT_FOUND) {
            return;
        }
        Sleep(POLL_MS);
    }
    if (hm_guard_move_away(wide, old)) {
        (void)MoveFileExW(old, NULL, MOVEFILE_DELAY_UNTIL_REBOOT);
    }
}

static bool is_old(const char *name)
{
    return hm_str_glob_nocase("hm-guard*.old", name);
}

void hm_guard_remove_old(const struct hm_guard_paths *paths, struct hm_arena *arena)
{
    struct hm_strings names;
    wchar_t wide[HM_WINDOWS_PATH_CHARS];

    if (hm_os_list_folder(paths->folder, arena, &names, NULL) != HM_OK) {
        return;
    }
    for (size_t i = 0; i < names.count; i++) {
        const char *path = is_old(names.at[i])
                               ? hm_arena_printf(arena, "%s\\%s", paths->folder, names.at[i])
                               : NULL;

        if (path != NULL && hm_windows_path(path, wide, NULL) == HM_OK) {
            hm_guard_make_writable(wide);
            (void)DeleteFileW(wide);
        }
    }
}

/* ---- with the next boot --------------------------------------------------------------------- */

/* Windows' own setup adds to it while we read. out_chars: of all texts with their ends. */
static enum hm_status read_list(const wchar_t *name, struct hm_arena *arena,
                                const wchar_t **out_texts, size_t *out_chars, struct hm_err *err)
{
    LONG number = ERROR_MORE_DATA;
    HKEY key;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, PENDING_KEY, 0, KEY_QUERY_VALUE, &key) != ERROR_SUCCESS) {
        return HM_OK;
    }
    for (unsigned i = 0; i < READ_TRIES && number == ERROR_MORE_DATA; i++) {
        wchar_t *texts;
        DWORD bytes = 0;
        DWORD type = 0;

        number = RegQueryValueExW(key, name, NULL, &type, NULL, &bytes);
        if (number != ERROR_SUCCESS || type != REG_MULTI_SZ) {
            number = ERROR_SUCCESS; /* no such list: nothing was asked for */
            break;
        }
        texts = bytes > PENDING_BYTES_MOST
                    ? NULL
                    : hm_arena_alloc(arena, bytes / sizeof(*texts) + 1, sizeof(*texts));
        if (texts == NULL) {
            number = ERROR_OUTOFMEMORY;
            break;
        }
        number = RegQueryValueExW(key, name, NULL, &type, (BYTE *)texts, &bytes);
        if (number == ERROR_SUCCESS) {
            *out_chars = bytes / sizeof(*texts);
            texts[*out_chars] = L'\0';
            *out_texts = texts;
        }
    }
    (void)RegCloseKey(key);
    return number == ERROR_SUCCESS ? HM_OK
                                   : hm_windows_fail(err,
                                                     "HKLM\\SYSTEM\\CurrentControlSet\\Control"
                                                     "\\Session Manager",
                                                     (unsigned long)number);
}

enum hm_status hm_guard_read_pending(struct hm_arena *arena, struct hm_guard_pending *out_pending,
                                     struct hm_err *err)
{
    static const wchar_t *const names[HM_GUARD_PENDING_LISTS] = {L"PendingFileRenameOperations",
                                                                 L"PendingFileRenameOperations2"};
    struct hm_guard_pending pending = {{NULL}, {0}};
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < HM_GUARD_PENDING_LISTS; i++) {
        st = read_list(names[i], arena, &pending.texts[i], &pending.chars[i], err);
    }
    if (st == HM_OK) {
        *out_pending = pending;
    }
    return st;
}

/* The path itself, or a folder that it is in. */
static bool contains(const wchar_t *name, const wchar_t *path)
{
    const size_t chars = wcslen(name);

    return _wcsnicmp(name, path, chars) == 0 && (path[chars] == L'\0' || path[chars] == L'\\');
}

/* Pairs of texts: a path with NT_PREFIX, then its new one, empty when it is to be deleted, with
 * REPLACES in front when it may replace what stands there. So an empty text does not end the list.
 * A path may have short names (PROGRA~1). Source: Microsoft Learn, MoveFileExW, Remarks. */
static bool is_named(const wchar_t *texts, size_t chars, const wchar_t *path)
{
    const size_t prefix = wcslen(NT_PREFIX);
    wchar_t full[HM_WINDOWS_PATH_CHARS];

    for (size_t at = 0; at < chars; at += wcslen(texts + at) + 1) {
        const wchar_t *text = texts + at + (texts[at] == REPLACES ? 1 : 0);
        DWORD count;

        if (wcsncmp(text, NT_PREFIX, prefix) != 0) {
            continue;
        }
        count = wcschr(text, L'~') == NULL
                    ? 0
                    : GetLongPathNameW(text + prefix, full, HM_WINDOWS_PATH_CHARS);
        if (contains(count > 0 && count < HM_WINDOWS_PATH_CHARS ? full : text + prefix, path)) {
            return true;
        }
    }
    return false;
}

bool hm_guard_goes(const struct hm_guard_pending *pending, const char *path)
{
    wchar_t wide[HM_WINDOWS_PATH_CHARS];

    for (size_t i = 0; i < HM_GUARD_PENDING_LISTS && hm_windows_path(path, wide, NULL) == HM_OK;
         i++) {
        if (pending->texts[i] != NULL && is_named(pending->texts[i], pending->chars[i], wide)) {
            return true;
        }
    }
    return false;
}
