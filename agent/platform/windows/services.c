/* agent/platform/windows/services.c — Win32 services as the service manager knows them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <stdlib.h>
#include <string.h>

#include "agent/platform/windows_services.h"
#include "common/base/limits.h"
#include "common/os/windows_text.h"

#define LIST_BYTES (256u * 1024u) /* documented as the most that is given at once */
#define CONFIG_BYTES 8192u        /* likewise, of both queries */
#define KEY_CHARS 512             /* a name has at most 256 */
#define SERVICES_KEY L"SYSTEM\\CurrentControlSet\\Services\\"

/* Levels of QueryServiceConfig2W: of Vista and 2008, of 7 and 2008 R2. An older system refuses
 * them, and has no such services. */
#define DELAYED_LEVEL 3u
#define TRIGGER_LEVEL 8u

struct list {
    SC_HANDLE manager;
    ENUM_SERVICE_STATUS_PROCESSW *entries; /* LIST_BYTES */
    QUERY_SERVICE_CONFIGW *config;         /* CONFIG_BYTES */
    struct hm_service_triggers *triggers;  /* CONFIG_BYTES */
    struct hm_arena *arena;
    struct hm_windows_services services;
    size_t room;
    size_t rows_room;
    size_t unread_room;
};

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
}

/* Only a manual or automatic service is started by anything but a person. */
static void ask_more(SC_HANDLE service, const struct list *list, struct hm_service_answers *answers)
{
    const DWORD start = list->config->dwStartType;
    BOOL delayed = FALSE; /* SERVICE_DELAYED_AUTO_START_INFO */
    DWORD needed = 0;

    if (start == SERVICE_AUTO_START) {
        answers->delayed = QueryServiceConfig2W(service, DELAYED_LEVEL, (unsigned char *)&delayed,
                                                sizeof(delayed), &needed) &&
                           delayed != FALSE;
    }
    if ((start == SERVICE_AUTO_START || start == SERVICE_DEMAND_START) &&
        QueryServiceConfig2W(service, TRIGGER_LEVEL, (unsigned char *)list->triggers, CONFIG_BYTES,
                             &needed)) {
        answers->triggers = list->triggers;
    }
}

/* The registry tells the start type of a service that not even an administrator may ask about. */
static bool ask_registry(const wchar_t *name, struct hm_service_answers *answers)
{
    wchar_t key[KEY_CHARS] = SERVICES_KEY;
    uint32_t start = 0;
    uint32_t delayed = 0;
    bool found = false;

    if (wcslen(key) + wcslen(name) >= KEY_CHARS) {
        return false;
    }
    wcscat(key, name);
    if (hm_registry_u32(key, L"Start", &found, &start, NULL) != HM_OK || !found) {
        return false;
    }
    answers->start = start;
    answers->delayed = hm_registry_u32(key, L"DelayedAutostart", &found, &delayed, NULL) == HM_OK &&
                       found && delayed != 0;
    return true;
}

/* false: nobody says how it starts. */
static bool ask(const struct list *list, struct hm_service_answers *answers)
{
    const wchar_t *name = answers->entry->lpServiceName;
    SC_HANDLE service = OpenServiceW(list->manager, name, SERVICE_QUERY_CONFIG);
    DWORD needed = 0;

    if (service != NULL) {
        if (QueryServiceConfigW(service, list->config, CONFIG_BYTES, &needed)) {
            answers->config = list->config;
            ask_more(service, list, answers);
        }
        (void)CloseServiceHandle(service);
    }
    return answers->config != NULL || ask_registry(name, answers);
}

static enum hm_status put_process(struct list *list, const char *name, uint32_t pid,
                                  struct hm_err *err)
{
    void *grown = list->services.at;

    if (pid == 0) {
        return HM_OK;
    }
    if (hm_arena_grow(list->arena, &grown, list->services.count, &list->room,
                      sizeof(*list->services.at)) != 0) {
        return no_memory(err);
    }
    list->services.at = grown;
    list->services.at[list->services.count++] = (struct hm_windows_service){name, pid};
    return HM_OK;
}

static enum hm_status put_unread(struct list *list, const char *name, struct hm_err *err)
{
    struct hm_strings *unread = &list->services.unread;
    void *grown = (void *)unread->at;

    if (hm_arena_grow(list->arena, &grown, unread->count, &list->unread_room,
                      sizeof(const char *)) != 0) {
        return no_memory(err);
    }
    unread->at = (const char **)grown;
    unread->at[unread->count++] = name;
    return HM_OK;
}

static enum hm_status put_row(struct list *list, const struct hm_service_row *row,
                              struct hm_err *err)
{
    struct hm_service_rows *rows = &list->services.rows;
    void *grown = rows->at;

    if (hm_arena_grow(list->arena, &grown, rows->count, &list->rows_room, sizeof(*rows->at)) != 0) {
        return no_memory(err);
    }
    rows->at = grown;
    rows->at[rows->count++] = *row;
    return HM_OK;
}

static enum hm_status add(struct list *list, const ENUM_SERVICE_STATUS_PROCESSW *entry,
                          struct hm_err *err)
{
    struct hm_service_answers answers = {.entry = entry};
    struct hm_service_row row;
    enum hm_status st;
    bool known;

    if (hm_windows_is_user_service((uint32_t)entry->ServiceStatusProcess.dwServiceType)) {
        return HM_OK;
    }
    if (list->services.rows.count + list->services.unread.count >= HM_LIMIT_SERVICES) {
        return hm_fail(err, HM_ETOOBIG, "more than %u services", HM_LIMIT_SERVICES);
    }
    known = ask(list, &answers);
    st = hm_windows_service_row(&answers, list->arena, &row, err);
    if (st != HM_OK || strlen(row.name) > HM_LIMIT_NAME_BYTES) {
        return st;
    }
    st = put_process(list, row.name, (uint32_t)entry->ServiceStatusProcess.dwProcessId, err);
    if (st == HM_OK) {
        st = known ? put_row(list, &row, err) : put_unread(list, row.name, err);
    }
    return st;
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
                                      SERVICE_STATE_ALL, (unsigned char *)list->entries, LIST_BYTES,
                                      &needed, &count, &resume, NULL);
        if (more && (GetLastError() != ERROR_MORE_DATA || count == 0)) {
            return hm_windows_fail(err, "services cannot be listed", GetLastError());
        }
        for (DWORD i = 0; st == HM_OK && i < count; i++) {
            st = add(list, &list->entries[i], err);
        }
    }
    hm_service_rows_settle(&list->services.rows);
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
    list.entries = malloc(LIST_BYTES);
    list.config = malloc(CONFIG_BYTES);
    list.triggers = malloc(CONFIG_BYTES);
    st = list.entries == NULL || list.config == NULL || list.triggers == NULL
             ? no_memory(err)
             : read_all(&list, err);
    if (st == HM_OK) {
        *out_services = list.services;
    }
    free(list.triggers);
    free(list.config);
    free(list.entries);
    (void)CloseServiceHandle(list.manager);
    return st;
}
