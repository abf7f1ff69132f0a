/* agent/platform/windows/sites.c — web sites of IIS: of applicationHost.config the agent keeps
 * ports and names of sites and nothing else. SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/configured.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/os/windows_text.h"
#include "common/readers/iis_bindings_text.h"

#define SITES_FILE L"\\inetsrv\\config\\applicationHost.config"
#define SOURCE "applicationHost.config"

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
    return st == HM_OK && sites->doubt != NULL
               ? hm_gathering_fault(gathering, HM_EINVAL, SOURCE, sites->doubt)
               : st;
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

static enum hm_status parse_sites(struct hm_sites *sites, const char *bytes, size_t len,
                                  const struct hm_configured_make *like, struct hm_err *err)
{
    struct hm_configured_make make = {.arena = &sites->arena, .http3 = like->http3};
    enum hm_status st = hm_iis_bindings_parse(bytes, len, &make, err);

    if (st == HM_OK) {
        sites->rows = make.list;
        sites->cut = make.cut;
        sites->doubt = make.doubt;
    }
    return st;
}

static enum hm_status unreadable(struct hm_gathering *gathering, DWORD number)
{
    struct hm_err why;
    const enum hm_status st = hm_windows_fail(&why, "it could not be read", number);

    return hm_gathering_fault(gathering, st, SOURCE, why.text);
}

static enum hm_status read_sites(struct hm_sites *sites, HANDLE file,
                                 const BY_HANDLE_FILE_INFORMATION *info,
                                 struct hm_gathering *gathering)
{
    const DWORD size = info->nFileSizeLow;
    enum hm_status st = HM_OK;
    DWORD number;
    DWORD len = 0;
    char *bytes;

    forget_sites(sites);
    if (info->nFileSizeHigh != 0 || size > HM_LIMIT_INPUT_FILE_BYTES) {
        return hm_gathering_fault(gathering, HM_ETOOBIG, SOURCE, "it is too large");
    }
    bytes = malloc((size_t)size + 1);
    if (bytes == NULL) {
        return hm_gathering_fault(gathering, HM_ENOMEM, SOURCE, "");
    }
    number = read_bytes(file, bytes, size, &len);
    if (number == 0) {
        st = parse_sites(sites, bytes, len, &gathering->make, gathering->err);
    }
    SecureZeroMemory(bytes, (size_t)size + 1); /* passwords of application pools */
    free(bytes);
    if (st != HM_OK) {
        return st;
    }
    if (number != 0) {
        return unreadable(gathering, number);
    }
    sites->known = true;
    sites->written = info->ftLastWriteTime;
    sites->size_low = info->nFileSizeLow;
    sites->size_high = info->nFileSizeHigh;
    return put_rows(sites, gathering);
}

enum hm_status hm_sites_take(struct hm_sites *sites, struct hm_gathering *gathering)
{
    wchar_t path[MAX_PATH + HM_COUNT(SITES_FILE)];
    const UINT room = GetSystemDirectoryW(path, MAX_PATH);
    BY_HANDLE_FILE_INFORMATION info;
    enum hm_status st;
    HANDLE file;

    if (room == 0 || room >= MAX_PATH) {
        return hm_gathering_fault(gathering, HM_EINVAL, SOURCE, "the system directory is unknown");
    }
    memcpy(path + room, SITES_FILE, sizeof(SITES_FILE));
    file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                       NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        const DWORD number = GetLastError();

        forget_sites(sites);
        return number == ERROR_FILE_NOT_FOUND || number == ERROR_PATH_NOT_FOUND
                   ? HM_OK /* no IIS */
                   : unreadable(gathering, number);
    }
    if (!GetFileInformationByHandle(file, &info)) {
        st = unreadable(gathering, GetLastError());
    } else if (is_unchanged(sites, &info)) {
        st = put_rows(sites, gathering);
    } else {
        st = read_sites(sites, file, &info, gathering);
    }
    (void)CloseHandle(file);
    return st;
}
