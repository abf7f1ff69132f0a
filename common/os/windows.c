/* common/os/windows.c — os.h on Windows: files and folders.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/os/os.h"

#include <windows.h>

#include <sddl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/os/windows_text.h"

static enum hm_status read_open_file(HANDLE file, const char *path, size_t cap_bytes,
                                     struct hm_arena *arena, char **out_text, size_t *out_len,
                                     struct hm_err *err)
{
    LARGE_INTEGER size;
    size_t len = 0;
    char *text;

    if (!GetFileSizeEx(file, &size)) {
        return hm_windows_fail(err, path, GetLastError());
    }
    if ((uint64_t)size.QuadPart > cap_bytes) {
        return hm_fail(err, HM_ETOOBIG, "%s: longer than %zu bytes", path, cap_bytes);
    }
    text = hm_arena_alloc(arena, (size_t)size.QuadPart + 1, 1);
    if (text == NULL) {
        return hm_fail(err, HM_ENOMEM, "%s: no memory to read it", path);
    }
    while (len < (size_t)size.QuadPart) {
        DWORD got = 0;

        if (!ReadFile(file, text + len, (DWORD)((size_t)size.QuadPart - len), &got, NULL)) {
            return hm_windows_fail(err, path, GetLastError());
        }
        if (got == 0) {
            break; /* made shorter meanwhile */
        }
        len += got;
    }
    text[len] = '\0';
    *out_text = text;
    *out_len = len;
    return HM_OK;
}

enum hm_status hm_os_read_file(const char *path, size_t cap_bytes, struct hm_arena *arena,
                               char **out_text, size_t *out_len, struct hm_err *err)
{
    wchar_t wide[HM_WINDOWS_PATH_CHARS];
    enum hm_status st = hm_windows_path(path, wide, err);
    HANDLE file;

    if (st != HM_OK) {
        return st;
    }
    file = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                       NULL, OPEN_EXISTING, FILE_FLAG_SEQUENTIAL_SCAN, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        return hm_windows_fail(err, path, GetLastError());
    }
    st = read_open_file(file, path, cap_bytes, arena, out_text, out_len, err);
    (void)CloseHandle(file);
    return st;
}

/* 0, or the system's error number. */
static DWORD write_temporary(const wchar_t *path, const char *bytes, size_t len, bool private_file)
{
    SECURITY_ATTRIBUTES security = {.nLength = sizeof(security)};
    DWORD number = 0;
    HANDLE file;

    if (private_file &&
        !ConvertStringSecurityDescriptorToSecurityDescriptorW(
            HM_WINDOWS_PRIVATE, SDDL_REVISION_1, &security.lpSecurityDescriptor, NULL)) {
        return GetLastError();
    }
    (void)DeleteFileW(path); /* left by a crash; its rights must not be inherited */
    file = CreateFileW(path, GENERIC_WRITE, 0, private_file ? &security : NULL, CREATE_NEW,
                       FILE_ATTRIBUTE_NORMAL, NULL);
    number = file == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    while (number == 0 && len > 0) {
        DWORD put = 0;

        if (!WriteFile(file, bytes, (DWORD)len, &put, NULL) || put == 0) {
            number = put == 0 && GetLastError() == 0 ? ERROR_WRITE_FAULT : GetLastError();
        }
        bytes += put;
        len -= put;
    }
    if (number == 0 && !FlushFileBuffers(file)) {
        number = GetLastError();
    }
    if (file != INVALID_HANDLE_VALUE) {
        (void)CloseHandle(file);
    }
    if (security.lpSecurityDescriptor != NULL) {
        (void)LocalFree(security.lpSecurityDescriptor);
    }
    return number;
}

enum hm_status hm_os_replace_file(const char *path, const void *bytes, size_t len,
                                  bool private_file, struct hm_err *err)
{
    wchar_t wide[HM_WINDOWS_PATH_CHARS];
    wchar_t temporary[HM_WINDOWS_PATH_CHARS + 4];
    enum hm_status st = hm_windows_path(path, wide, err);
    DWORD number;

    if (st != HM_OK) {
        return st;
    }
    (void)wcscpy(temporary, wide);
    (void)wcscat(temporary, L".tmp");
    number = write_temporary(temporary, bytes, len, private_file);
    if (number == 0 &&
        !MoveFileExW(temporary, wide, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
        number = GetLastError();
    }
    if (number != 0) {
        (void)DeleteFileW(temporary);
        return hm_windows_fail(err, path, number);
    }
    return HM_OK;
}

enum hm_status hm_os_remove_file(const char *path, struct hm_err *err)
{
    wchar_t wide[HM_WINDOWS_PATH_CHARS];
    enum hm_status st = hm_windows_path(path, wide, err);

    if (st != HM_OK) {
        return st;
    }
    if (!DeleteFileW(wide) && GetLastError() != ERROR_FILE_NOT_FOUND &&
        GetLastError() != ERROR_PATH_NOT_FOUND) {
        return hm_windows_fail(err, path, GetLastError());
    }
    return HM_OK;
}

static bool is_folder(const wchar_t *path)
{
    DWORD attributes = GetFileAttributesW(path);

    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

enum hm_status hm_os_make_folder(const char *path, unsigned mode, struct hm_err *err)
{
    wchar_t wide[HM_WINDOWS_PATH_CHARS];
    enum hm_status st = hm_windows_path(path, wide, err);
    SECURITY_ATTRIBUTES security = {.nLength = sizeof(security)};

    if (st != HM_OK) {
        return st;
    }
    /* A mode without rights for others (0700) is a private folder here. */
    if ((mode & 077) == 0 && !ConvertStringSecurityDescriptorToSecurityDescriptorW(
                                 L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)", SDDL_REVISION_1,
                                 &security.lpSecurityDescriptor, NULL)) {
        return hm_windows_fail(err, path, GetLastError());
    }
    for (wchar_t *at = wide + 1; st == HM_OK; at++) {
        wchar_t kept = *at;

        if (kept != L'\\' && kept != L'\0') {
            continue;
        }
        *at = L'\0';
        if (at[-1] != L':' && !is_folder(wide) &&
            !CreateDirectoryW(wide, kept == L'\0' ? &security : NULL) && !is_folder(wide)) {
            st = hm_windows_fail(err, path, GetLastError());
        }
        *at = kept;
        if (kept == L'\0') {
            break;
        }
    }
    if (security.lpSecurityDescriptor != NULL) {
        (void)LocalFree(security.lpSecurityDescriptor);
    }
    return st;
}

enum hm_status hm_os_remove_folder(const char *path, struct hm_err *err)
{
    wchar_t wide[HM_WINDOWS_PATH_CHARS];
    enum hm_status st = hm_windows_path(path, wide, err);

    if (st != HM_OK || RemoveDirectoryW(wide)) {
        return st;
    }
    switch (GetLastError()) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return HM_OK;
    case ERROR_DIR_NOT_EMPTY:
        return hm_fail(err, HM_ECONFLICT, "%s: not empty", path);
    default:
        return hm_windows_fail(err, path, GetLastError());
    }
}

bool hm_os_exists(const char *path)
{
    wchar_t wide[HM_WINDOWS_PATH_CHARS];

    return hm_windows_path(path, wide, NULL) == HM_OK &&
           GetFileAttributesW(wide) != INVALID_FILE_ATTRIBUTES;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum hm_status take_names(HANDLE find, WIN32_FIND_DATAW *entry, const char *path,
                                 struct hm_arena *arena, struct hm_strings *out, struct hm_err *err)
{
    struct hm_strings names = {NULL, 0};
    size_t cap = 0;

    do {
        void *items = (void *)names.at;

        if (wcscmp(entry->cFileName, L".") == 0 || wcscmp(entry->cFileName, L"..") == 0) {
            continue;
        }
        if (hm_arena_grow(arena, &items, names.count, &cap, sizeof(*names.at)) != 0) {
            return hm_fail(err, HM_ENOMEM, "%s: no memory to list it", path);
        }
        names.at = items;
        names.at[names.count] = hm_windows_utf8(arena, entry->cFileName);
        if (names.at[names.count] == NULL) {
            return hm_fail(err, HM_ENOMEM, "%s: no memory to list it", path);
        }
        names.count++;
    } while (FindNextFileW(find, entry));
    if (GetLastError() != ERROR_NO_MORE_FILES) {
        return hm_windows_fail(err, path, GetLastError());
    }
    if (names.count > 1) {
        qsort((void *)names.at, names.count, sizeof(*names.at), compare_names);
    }
    *out = names;
    return HM_OK;
}

enum hm_status hm_os_list_folder(const char *path, struct hm_arena *arena,
                                 struct hm_strings *out_names, struct hm_err *err)
{
    wchar_t wide[HM_WINDOWS_PATH_CHARS];
    wchar_t pattern[HM_WINDOWS_PATH_CHARS + 2];
    WIN32_FIND_DATAW entry;
    enum hm_status st = hm_windows_path(path, wide, err);
    HANDLE find;

    if (st != HM_OK) {
        return st;
    }
    (void)wcscpy(pattern, wide);
    (void)wcscat(pattern, L"\\*");
    find = FindFirstFileW(pattern, &entry);
    if (find == INVALID_HANDLE_VALUE) {
        return hm_windows_fail(err, path, GetLastError());
    }
    st = take_names(find, &entry, path, arena, out_names, err);
    (void)FindClose(find);
    return st;
}
