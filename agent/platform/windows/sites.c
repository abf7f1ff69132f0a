/* agent/platform/windows/sites.c — web sites of IIS: of applicationHost.config, its own or that of
 * a shared configuration, the agent keeps ports and names of sites and nothing else.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/configured.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/os/os.h"
#include "common/os/windows_text.h"
#include "common/readers/iis_bindings_text.h"

#define FOLDER L"\\inetsrv\\config"
#define FILE_NAME L"\\applicationHost.config"
#define REDIRECTION_NAME L"\\redirection.config"
#define REDIRECTION_BYTES 65536u
#define SOURCE "applicationHost.config"
#define REDIRECTION "redirection.config of IIS"
#define SHARED "applicationHost.config of the shared configuration"

void hm_sites_init(struct hm_sites *sites)
{
    *sites = (struct hm_sites){.known = false};
    hm_arena_init(&sites->arena, HM_SITES_BYTES);
}

void hm_sites_fini(struct hm_sites *sites)
{
    hm_arena_fini(&sites->arena);
}

static void forget_sites(struct hm_sites *sites)
{
    hm_arena_reset(&sites->arena);
    sites->known = false;
    sites->rows = (struct hm_configured_list){NULL, 0};
}

/* ---- files --------------------------------------------------------------------------------- */

/* INVALID_HANDLE_VALUE and *out_number: why. Whoever serves the file learns who asks, no more. */
static HANDLE open_file(const wchar_t *path, BY_HANDLE_FILE_INFORMATION *out_info,
                        DWORD *out_number)
{
    HANDLE file =
        CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                    NULL, OPEN_EXISTING,
                    FILE_ATTRIBUTE_NORMAL | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);

    if (file != INVALID_HANDLE_VALUE && GetFileType(file) == FILE_TYPE_DISK &&
        GetFileInformationByHandle(file, out_info)) {
        return file;
    }
    *out_number = GetLastError();
    if (file != INVALID_HANDLE_VALUE) {
        *out_number = *out_number == 0 ? ERROR_BAD_FILE_TYPE : *out_number;
        (void)CloseHandle(file);
    }
    return INVALID_HANDLE_VALUE;
}

static bool is_absent(DWORD number)
{
    return number == ERROR_FILE_NOT_FOUND || number == ERROR_PATH_NOT_FOUND;
}

/* All of it, or up to where it ends by now. 0 and *out_len: read. */
static DWORD read_bytes(HANDLE file, char *bytes, DWORD size, DWORD *out_len)
{
    DWORD len = 0;
    DWORD got = 1;

    while (len < size && got > 0) {
        if (!ReadFile(file, bytes + len, size - len, &got, NULL)) {
            return GetLastError();
        }
        len += got;
    }
    *out_len = len;
    return 0;
}

/* Both files hold passwords. */
static void wipe(char *bytes, DWORD size)
{
    if (bytes != NULL) {
        SecureZeroMemory(bytes, size);
        free(bytes);
    }
}

static enum hm_status unreadable(struct hm_gathering *gathering, const char *source, DWORD number)
{
    struct hm_err why;
    const enum hm_status st = hm_windows_fail(&why, "it could not be read", number);

    return hm_gathering_fault(gathering, st, source, why.text);
}

/* ---- the sites ----------------------------------------------------------------------------- */

static bool is_unchanged(const struct hm_sites *sites, const BY_HANDLE_FILE_INFORMATION *info)
{
    return sites->known && CompareFileTime(&sites->written, &info->ftLastWriteTime) == 0 &&
           sites->size_low == info->nFileSizeLow && sites->size_high == info->nFileSizeHigh;
}

/* The rows into the list: texts are copied. */
static enum hm_status put_rows(const struct hm_sites *sites, struct hm_gathering *gathering)
{
    enum hm_status st = HM_OK;

    gathering->any = true;
    gathering->make.cut = gathering->make.cut || sites->cut;
    for (size_t i = 0; i < sites->rows.count && st == HM_OK; i++) {
        const struct hm_configured *row = &sites->rows.at[i];

        st =
            hm_configured_put(&gathering->make, row,
                              (struct hm_span){row->subject, strlen(row->subject)}, gathering->err);
    }
    gathering->make.bindings = st == HM_OK && sites->doubt == NULL;
    return st == HM_OK && sites->doubt != NULL
               ? hm_gathering_fault(gathering, HM_EINVAL, SOURCE, sites->doubt)
               : st;
}

static enum hm_status parse_sites(struct hm_sites *sites, const char *bytes, size_t len,
                                  const struct hm_configured_make *like, struct hm_err *err)
{
    struct hm_configured_make make = {.arena = &sites->arena, .http3 = like->http3};
    enum hm_status st = hm_iis_bindings_parse(bytes, len, &make, err);

    if (st == HM_OK) {
        sites->rows = make.list;
        sites->cut = make.cut;
        sites->doubt = make.doubt;
        if (memchr(bytes, '\0', len) != NULL) {
            sites->doubt = "it is not in UTF-8";
        }
    }
    return st;
}

/* 0 and *out_st: read, as far as it can be; otherwise the system's error. */
static DWORD read_sites(struct hm_sites *sites, HANDLE file, const BY_HANDLE_FILE_INFORMATION *info,
                        struct hm_gathering *gathering, enum hm_status *out_st)
{
    const DWORD size = info->nFileSizeLow;
    DWORD number;
    DWORD len = 0;
    char *bytes;

    if (info->nFileSizeHigh != 0 || size > HM_LIMIT_INPUT_FILE_BYTES) {
        forget_sites(sites);
        *out_st = hm_gathering_fault(gathering, HM_ETOOBIG, SOURCE, "it is too large");
        return 0;
    }
    bytes = malloc((size_t)size + 1);
    if (bytes == NULL) {
        *out_st = hm_gathering_fault(gathering, HM_ENOMEM, SOURCE, "");
        return 0;
    }
    number = read_bytes(file, bytes, size, &len);
    if (number == 0) {
        forget_sites(sites);
        *out_st = parse_sites(sites, bytes, len, &gathering->make, gathering->err);
    }
    wipe(bytes, size + 1);
    if (number == 0 && *out_st == HM_OK) {
        sites->known = true;
        sites->written = info->ftLastWriteTime;
        sites->size_low = info->nFileSizeLow;
        sites->size_high = info->nFileSizeHigh;
        *out_st = put_rows(sites, gathering);
    }
    return number;
}

/* Likewise, of the file at path. */
static DWORD take_file(struct hm_sites *sites, const wchar_t *path, struct hm_gathering *gathering,
                       enum hm_status *out_st)
{
    BY_HANDLE_FILE_INFORMATION info;
    DWORD number = 0;
    HANDLE file = open_file(path, &info, &number);

    *out_st = HM_OK;
    if (file == INVALID_HANDLE_VALUE) {
        return number;
    }
    if (is_unchanged(sites, &info)) {
        *out_st = put_rows(sites, gathering);
    } else {
        number = read_sites(sites, file, &info, gathering, out_st);
    }
    (void)CloseHandle(file);
    return number;
}

/* ---- shared configuration ------------------------------------------------------------------ */

static bool is_remote(const wchar_t *path)
{
    return (path[0] == L'\\' || path[0] == L'/') && (path[1] == L'\\' || path[1] == L'/');
}

/* Another computer that does not answer keeps the caller waiting: it is asked again later, and
 * never while something urgent waits. What was read of it before still counts. */
static enum hm_status take_shared(struct hm_sites *sites, struct hm_gathering *gathering)
{
    const int64_t now_ms = hm_os_monotonic_ms();
    const bool waits = is_remote(sites->path) &&
                       (sites->hurried || (sites->failure != 0 &&
                                           now_ms - sites->failed_ms < HM_LISTS_RETRY_MOST_MS));
    enum hm_status st = HM_OK;

    if (!waits) {
        sites->failure = take_file(sites, sites->path, gathering, &st);
        sites->failed_ms = now_ms;
    }
    if (sites->failure == 0 && !waits) {
        return st;
    }
    if (sites->known) {
        st = put_rows(sites, gathering);
    }
    if (st != HM_OK) {
        return st;
    }
    return sites->failure == 0
               ? hm_gathering_fault(gathering, HM_EINVAL, SHARED, "it is not asked for yet")
               : unreadable(gathering, SHARED, sites->failure);
}

/* The folder as a path of the file in it; false: it is none. */
static bool make_path(struct hm_span folder, wchar_t out[HM_SITES_PATH_CHARS])
{
    wchar_t wide[HM_SITES_PATH_CHARS];
    const int len = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, folder.at,
                                        folder.len < HM_SITES_PATH_CHARS ? (int)folder.len : 0,
                                        wide, HM_SITES_PATH_CHARS - 1);
    DWORD used;

    if (len <= 0) {
        return false;
    }
    wide[len] = L'\0';
    used = ExpandEnvironmentStringsW(wide, out, HM_SITES_PATH_CHARS);
    if (used == 0 || used + HM_COUNT(FILE_NAME) > HM_SITES_PATH_CHARS) {
        return false;
    }
    memcpy(out + used - 1, FILE_NAME, sizeof(FILE_NAME));
    return true;
}

static void go_to(struct hm_sites *sites, const wchar_t *path)
{
    if (wcscmp(sites->path, path) != 0) {
        forget_sites(sites);
        (void)wcscpy(sites->path, path);
        sites->failure = 0;
    }
}

/* What redirection.config comes to. */
struct redirection {
    bool enabled;
    bool named; /* by this path */
    wchar_t path[HM_SITES_PATH_CHARS];
    const char *doubt; /* it says nothing certain; NULL: it does */
    DWORD number;      /* or it could not be read */
};

static void read_redirection(const wchar_t *path, struct redirection *out)
{
    struct hm_iis_redirection found;
    BY_HANDLE_FILE_INFORMATION info;
    HANDLE file = open_file(path, &info, &out->number);
    char *bytes = NULL;
    DWORD len = 0;

    if (file == INVALID_HANDLE_VALUE) {
        out->number = is_absent(out->number) ? 0 : out->number;
        return;
    }
    if (info.nFileSizeHigh != 0 || info.nFileSizeLow > REDIRECTION_BYTES) {
        out->doubt = "it is too large";
    } else {
        bytes = malloc((size_t)info.nFileSizeLow + 1);
        out->number = bytes == NULL ? ERROR_NOT_ENOUGH_MEMORY
                                    : read_bytes(file, bytes, info.nFileSizeLow, &len);
    }
    (void)CloseHandle(file);
    if (bytes != NULL && out->number == 0) {
        hm_iis_redirection_parse(bytes, len, &found);
        out->enabled = found.enabled;
        out->doubt = found.doubt;
        out->named = found.enabled && make_path(found.path, out->path);
    }
    wipe(bytes, info.nFileSizeLow + 1);
}

enum hm_status hm_sites_take(struct hm_sites *sites, struct hm_gathering *gathering)
{
    wchar_t folder[MAX_PATH];
    wchar_t path[HM_SITES_PATH_CHARS];
    const UINT room = GetSystemDirectoryW(folder, MAX_PATH);
    struct redirection redirection = {.enabled = false};
    enum hm_status st = HM_OK;
    DWORD number;

    if (room == 0 || room >= MAX_PATH) {
        return hm_gathering_fault(gathering, HM_EINVAL, SOURCE, "the system directory is unknown");
    }
    (void)swprintf(path, HM_SITES_PATH_CHARS, L"%ls" FOLDER REDIRECTION_NAME, folder);
    read_redirection(path, &redirection);
    if (redirection.doubt != NULL) {
        st = hm_gathering_fault(gathering, HM_EINVAL, REDIRECTION, redirection.doubt);
    } else if (redirection.number != 0) {
        st = unreadable(gathering, REDIRECTION, redirection.number);
    } else if (redirection.enabled && !redirection.named) {
        st = hm_gathering_fault(gathering, HM_EINVAL, REDIRECTION,
                                "the path of the shared configuration could not be read");
    }
    if (st != HM_OK) {
        return st;
    }
    if (redirection.enabled) { /* the sites of the file here are not served */
        go_to(sites, redirection.named ? redirection.path : L"");
        return redirection.named ? take_shared(sites, gathering) : HM_OK;
    }
    (void)swprintf(path, HM_SITES_PATH_CHARS, L"%ls" FOLDER FILE_NAME, folder);
    go_to(sites, path);
    number = take_file(sites, path, gathering, &st);
    if (number == 0 || is_absent(number)) { /* absent: no IIS */
        if (number != 0) {
            forget_sites(sites);
        }
        return st;
    }
    forget_sites(sites);
    return number == redirection.number ? HM_OK : unreadable(gathering, SOURCE, number);
}
