/* agent/platform/windows/services.c — Win32 services that run or start by themselves.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <stdlib.h>

#include "common/base/limits.h"
#include "common/os/windows_text.h"

#define LIST_BYTES (256u * 1024u) /* documented as the most that is given at once */
#define CONFIG_BYTES 8192u        /* likewise */
#define USER_INSTANCE 0x80u       /* SERVICE_USERSERVICE_INSTANCE, Windows 10 */

static bool starts_by_itself(SC_HANDLE manager, const wchar_t *name, QUERY_SERVICE_CONFIGW *config)
{
    SC_HANDLE service = OpenServiceW(manager, name, SERVICE_QUERY_CONFIG);
    DWORD needed = 0;
    bool starts = false;

    if (service != NULL) {
        starts = QueryServiceConfigW(service, config, CONFIG_BYTES, &needed) &&
                 config->dwStartType == SERVICE_AUTO_START;
        (void)CloseServiceHandle(service);
    }
    return starts;
}

struct list {
    SC_HANDLE manager;
    ENUM_SERVICE_STATUS_PROCESSW *rows; /* LIST_BYTES */
    QUERY_SERVICE_CONFIGW *config;      /* CONFIG_BYTES */
    struct hm_arena *arena;
    struct hm_windows_services services;
    size_t room;
};

static enum hm_status add(struct list *list, const ENUM_SERVICE_STATUS_PROCESSW *row,
                          struct hm_err *err)
{
    const bool runs = row->ServiceStatusProcess.dwCurrentState != SERVICE_STOPPED;
    struct hm_windows_service *service;
    void *items = list->services.at;

    /* A service of one log-on carries a new name each time: "cbdhsvc_3f2a1". */
    if ((row->ServiceStatusProcess.dwServiceType & USER_INSTANCE) != 0 ||
        (!runs && !starts_by_itself(list->manager, row->lpServiceName, list->config))) {
        return HM_OK;
    }
    if (list->services.count >= HM_LIMIT_SERVICES) {
        return hm_fail(err, HM_ETOOBIG, "more than %u services", HM_LIMIT_SERVICES);
    }
    if (hm_arena_grow(list->arena, &items, list->services.count, &list->room,
                      sizeof(*list->services.at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
    }
    list->services.at = items;
    service = &list->services.at[list->services.count];
    service->pid = runs ? (uint32_t)row->ServiceStatusProcess.dwProcessId : 0;
    service->name = hm_windows_utf8(list->arena, row->lpServiceName);
    if (service->name == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
    }
    list->services.count++;
    return HM_OK;
}

static enum hm_status read_all(struct list *list, struct hm_err *err)
{
    enum hm_status st = HM_OK;
    DWORD resume = 0;
    bool more = true;

    while (st == HM_OK && more) {
        DWORD needed = 0;
        DWORD count = 0;

        more = !EnumServicesStatusExW(list->manager, SC_ENUM_PROCESS_INFO, SERVICE_WIN32,
                                      SERVICE_STATE_ALL, (unsigned char *)list->rows, LIST_BYTES,
                                      &needed, &count, &resume, NULL);
        if (more && (GetLastError() != ERROR_MORE_DATA || count == 0)) {
            return hm_windows_fail(err, "services cannot be listed", GetLastError());
        }
        for (DWORD i = 0; st == HM_OK && i < count; i++) {
            st = add(list, &list->rows[i], err);
        }
    }
    return st;
}

enum hm_status hm_windows_services(struct hm_arena *arena, struct hm_windows_services *out_services,
                                   struct hm_err *err)
{
    struct list list = {.arena = arena};
    enum hm_status st;

    list.manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_ENUMERATE_SERVICE);
    if (list.manager == NULL) {
        return hm_windows_fail(err, "services cannot be listed", GetLastError());
    }
    list.rows = malloc(LIST_BYTES);
    list.config = malloc(CONFIG_BYTES);
    st = list.rows == NULL || list.config == NULL
             ? hm_fail(err, HM_ENOMEM, "no memory for the list of services")
             : read_all(&list, err);
    if (st == HM_OK) {
        *out_services = list.services;
    }
    free(list.config);
    free(list.rows);
    (void)CloseServiceHandle(list.manager);
    return st;
}
