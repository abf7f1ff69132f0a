/* common/os/windows_text.c — UTF-8 to UTF-16 and system errors to text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/os/windows_text.h"

#include <windows.h>

#include <string.h>

#define REASON_CHARS 256

enum hm_status hm_windows_path(const char *path, wchar_t out[HM_WINDOWS_PATH_CHARS],
                               struct hm_err *err)
{
    int count =
        MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, out, HM_WINDOWS_PATH_CHARS);

    if (count <= 1) {
        return hm_fail(err, HM_EINVAL,
                       "%s: not a path that can be used (empty, longer than %d "
                       "characters, or not UTF-8)",
                       path, HM_WINDOWS_PATH_CHARS - 1);
    }
    for (wchar_t *at = out; *at != L'\0'; at++) {
        if (*at == L'/') {
            *at = L'\\';
        }
    }
    return HM_OK;
}

char *hm_windows_utf8(struct hm_arena *arena, const wchar_t *text)
{
    int bytes = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *copy = bytes > 0 ? hm_arena_alloc(arena, (size_t)bytes, 1) : NULL;

    if (copy != NULL && WideCharToMultiByte(CP_UTF8, 0, text, -1, copy, bytes, NULL, NULL) == 0) {
        return NULL;
    }
    return copy;
}

static enum hm_status status_of(unsigned long number)
{
    switch (number) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return HM_ENOENT;
    case ERROR_ACCESS_DENIED:
    case ERROR_PRIVILEGE_NOT_HELD:
        return HM_EDENIED;
    case ERROR_ALREADY_EXISTS:
    case ERROR_FILE_EXISTS:
        return HM_ECONFLICT;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
        return HM_EBUSY;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
        return HM_ENOMEM;
    default:
        return HM_EIO;
    }
}

enum hm_status hm_windows_fail(struct hm_err *err, const char *what, unsigned long number)
{
    wchar_t wide[REASON_CHARS] = L"";
    char reason[REASON_CHARS * 3] = "";
    DWORD len = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS |
                                   FORMAT_MESSAGE_MAX_WIDTH_MASK,
                               NULL, number, 0, wide, REASON_CHARS, NULL);

    if (len == 0 ||
        WideCharToMultiByte(CP_UTF8, 0, wide, -1, reason, sizeof(reason), NULL, NULL) == 0) {
        reason[0] = '\0';
    }
    for (size_t end = strlen(reason); end > 0 && reason[end - 1] == ' '; end--) {
        reason[end - 1] = '\0';
    }
    return hm_fail(err, status_of(number), "%s: %s%s(error %lu)", what, reason,
                   reason[0] != '\0' ? " " : "", number);
}
