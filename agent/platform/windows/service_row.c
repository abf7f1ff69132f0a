/* agent/platform/windows/service_row.c — what the service manager answers about a service, as a
 * row of common/readers/service_rows.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/windows_text.h"

#define GROUP_MARK L'+' /* SC_GROUP_IDENTIFIERW */
#define ACTION_START 1u /* SERVICE_TRIGGER_ACTION_SERVICE_START */

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
}

/* Names that end with an empty one; NULL is none. Groups begin with a plus. */
static enum hm_status take_depends(const wchar_t *names, struct hm_arena *arena,
                                   struct hm_strings *out, struct hm_err *err)
{
    void *grown = NULL;
    size_t room = 0;
    size_t count = 0;

    for (const wchar_t *at = names; at != NULL && *at != L'\0'; at += wcslen(at) + 1) {
        const char *name;

        if (*at == GROUP_MARK) {
            continue;
        }
        name = hm_windows_utf8(arena, at);
        if (name == NULL || hm_arena_grow(arena, &grown, count, &room, sizeof(const char *)) != 0) {
            return no_memory(err);
        }
        ((const char **)grown)[count++] = name;
    }
    *out = (struct hm_strings){grown, count};
    return HM_OK;
}

static bool starts_by_trigger(const struct hm_service_triggers *triggers)
{
    for (DWORD i = 0; triggers != NULL && triggers->at != NULL && i < triggers->count; i++) {
        if (triggers->at[i].action == ACTION_START) {
            return true;
        }
    }
    return false;
}

enum hm_status hm_windows_service_row(const struct hm_service_answers *answers,
                                      struct hm_arena *arena, struct hm_service_row *out_row,
                                      struct hm_err *err)
{
    const SERVICE_STATUS_PROCESS *status = &answers->entry->ServiceStatusProcess;
    const QUERY_SERVICE_CONFIGW *config = answers->config;
    struct hm_service_row row = {
        .name = hm_windows_utf8(arena, answers->entry->lpServiceName),
        .display = answers->entry->lpDisplayName == NULL
                       ? ""
                       : hm_windows_utf8(arena, answers->entry->lpDisplayName),
        .type = status->dwServiceType,
        .start = config == NULL ? answers->start : config->dwStartType,
        .delayed = answers->delayed,
        .triggered = starts_by_trigger(answers->triggers),
        .image = config == NULL || config->lpBinaryPathName == NULL
                     ? ""
                     : hm_windows_utf8(arena, config->lpBinaryPathName),
        .has_depends_on = config != NULL,
    };
    enum hm_status st = HM_OK;

    if (row.name == NULL || row.display == NULL || row.image == NULL) {
        return no_memory(err);
    }
    hm_service_row_set_state(&row, status->dwCurrentState,
                             status->dwWin32ExitCode == ERROR_SERVICE_SPECIFIC_ERROR
                                 ? status->dwServiceSpecificExitCode
                                 : status->dwWin32ExitCode);
    if (config != NULL) {
        st = take_depends(config->lpDependencies, arena, &row.depends_on, err);
    }
    if (st == HM_OK) {
        *out_row = row;
    }
    return st;
}
