/* tests/support/windows_services.c — a service as the service manager answers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/windows_services.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/platform/windows/windows.h"
#include "common/base/limits.h"

/* "a\0b\0" with one more at the end, as the service manager names what must run before. */
static wchar_t *wide_names(const struct hm_strings *names, struct hm_arena *arena)
{
    wchar_t *out =
        hm_arena_alloc(arena, names->count * (HM_LIMIT_NAME_BYTES + 1) + 1, sizeof(*out));
    wchar_t *at = out;

    assert_non_null(out);
    for (size_t i = 0; i < names->count; i++) {
        at += MultiByteToWideChar(CP_UTF8, 0, names->at[i], -1, at, HM_LIMIT_NAME_BYTES + 1);
    }
    return out;
}

struct hm_service_row hm_test_service_row(const struct hm_service *service, struct hm_arena *arena)
{
    const bool is_automatic =
        service->start == HM_START_AUTOMATIC || service->start == HM_START_DELAYED;
    const char *texts[] = {service->name, service->program};
    const struct hm_strings name = {&texts[0], 1};
    const struct hm_strings program = {&texts[1], 1};
    struct hm_service_trigger trigger = {.action = 1};
    const struct hm_service_triggers triggers = {.count = 1, .at = &trigger};
    ENUM_SERVICE_STATUS_PROCESSW entry = {
        .lpServiceName = wide_names(&name, arena),
        .ServiceStatusProcess = {.dwServiceType = SERVICE_WIN32_SHARE_PROCESS,
                                 .dwCurrentState =
                                     service->runs ? SERVICE_RUNNING : SERVICE_STOPPED,
                                 .dwWin32ExitCode = service->exit_code}
    };
    const QUERY_SERVICE_CONFIGW config = {
        .dwStartType = is_automatic                          ? SERVICE_AUTO_START
                       : service->start == HM_START_DISABLED ? SERVICE_DISABLED
                                                             : SERVICE_DEMAND_START,
        .lpBinaryPathName = wide_names(&program, arena),
        .lpDependencies = wide_names(&service->depends_on, arena),
    };
    const struct hm_service_answers answers = {
        .entry = &entry,
        .config = &config,
        .delayed = service->start == HM_START_DELAYED,
        .triggers = service->start == HM_START_TRIGGERED ? &triggers : NULL,
    };
    struct hm_service_row row;
    struct hm_err err;

    assert_true(service->has_runs && service->has_depends_on);
    assert_int_equal(hm_windows_service_row(&answers, arena, &row, &err), HM_OK);
    return row;
}
