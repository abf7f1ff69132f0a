/* agent/platform/windows/service.c — running under the Service Control Manager.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two threads: the dispatcher's, in which hm_service_run waits and control codes arrive, and the
 * service's, in which body runs. What they share is behind one lock. */
#include "agent/platform/service.h"

#include <windows.h>

#include <stdbool.h>

#include "agent/platform/windows/service_name.h"
#include "common/os/os.h"
#include "common/os/windows_text.h"

#define PENDING_MS 60000 /* by then it is started, or stopped */

const char hm_service_name[] = HM_SERVICE_NAME;

/* The Service Control Manager hands nothing back to its callbacks' first call. */
static struct {
    CRITICAL_SECTION lock;
    SERVICE_STATUS_HANDLE handle;
    SERVICE_STATUS status;
    int (*body)(void *app);
    void *app;
    int exit_status;
} service;

/* A stop that was asked for is not taken back by "running". */
static void report(DWORD state)
{
    static const DWORD rank[] = {
        [SERVICE_START_PENDING] = 0,
        [SERVICE_RUNNING] = 1,
        [SERVICE_STOP_PENDING] = 2,
        [SERVICE_STOPPED] = 3,
    };
    SERVICE_STATUS *status = &service.status;

    EnterCriticalSection(&service.lock);
    if (rank[state] >= rank[status->dwCurrentState]) {
        const bool pending = state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING;

        status->dwCurrentState = state;
        status->dwControlsAccepted =
            state == SERVICE_STOPPED ? 0 : SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN;
        status->dwCheckPoint = pending ? status->dwCheckPoint + 1 : 0;
        status->dwWaitHint = pending ? PENDING_MS : 0;
        (void)SetServiceStatus(service.handle, status);
    }
    LeaveCriticalSection(&service.lock);
}

static DWORD WINAPI handle_control(DWORD control, DWORD type, void *data, void *ctx)
{
    (void)type;
    (void)data;
    (void)ctx;
    switch (control) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
        report(SERVICE_STOP_PENDING);
        hm_os_stop_request();
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
        return NO_ERROR;
    default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

static void WINAPI service_main(DWORD argc, wchar_t **argv)
{
    (void)argc;
    (void)argv;
    service.handle = RegisterServiceCtrlHandlerExW(HM_SERVICE_WIDE_NAME, handle_control, NULL);
    if (service.handle == NULL) {
        service.exit_status = 1;
        return;
    }
    report(SERVICE_START_PENDING);
    service.exit_status = service.body(service.app);
    if (service.exit_status != 0) { /* so that the recovery actions see a failure */
        service.status.dwWin32ExitCode = ERROR_SERVICE_SPECIFIC_ERROR;
        service.status.dwServiceSpecificExitCode = (DWORD)service.exit_status;
    }
    report(SERVICE_STOPPED);
}

void hm_service_started(void)
{
    if (service.handle != NULL) {
        report(SERVICE_RUNNING);
    }
}

enum hm_status hm_service_run(int (*body)(void *app), void *app, int *out_status,
                              struct hm_err *err)
{
    wchar_t name[] = HM_SERVICE_WIDE_NAME;
    const SERVICE_TABLE_ENTRYW table[] = {
        {name, service_main},
        {NULL, NULL        }
    };
    enum hm_status st = HM_OK;

    InitializeCriticalSection(&service.lock);
    service.body = body;
    service.app = app;
    service.status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
    service.status.dwCurrentState = SERVICE_START_PENDING;
    if (StartServiceCtrlDispatcherW(table)) {
        *out_status = service.exit_status;
    } else if (GetLastError() == ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) {
        st = hm_fail(err, HM_EUNSUPPORTED,
                     "only the system may start this (error 1063): use \"sc start %s\", or run the "
                     "agent in this window with \"hm-agent run\"",
                     HM_SERVICE_NAME);
    } else {
        st = hm_windows_fail(err, "the Service Control Manager does not answer", GetLastError());
    }
    DeleteCriticalSection(&service.lock);
    return st;
}

void hm_event_log_write(uint16_t id, enum hm_log_level level, const char *text)
{
    static const struct {
        DWORD severity; /* of the message file's ids */
        WORD type;
    } levels[] = {
        [HM_LOG_ERROR] = {0xC0000000u, EVENTLOG_ERROR_TYPE      },
        [HM_LOG_WARNING] = {0x80000000u, EVENTLOG_WARNING_TYPE    },
        [HM_LOG_INFO] = {0x40000000u, EVENTLOG_INFORMATION_TYPE},
        [HM_LOG_DEBUG] = {0x40000000u, EVENTLOG_INFORMATION_TYPE},
    };
    wchar_t wide[HM_LOG_LINE_BYTES];
    const wchar_t *texts[] = {wide};
    HANDLE log;

    if (MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, HM_LOG_LINE_BYTES) == 0) {
        return;
    }
    log = RegisterEventSourceW(NULL, HM_EVENT_SOURCE);
    if (log != NULL) {
        (void)ReportEventW(log, levels[level].type, 0, levels[level].severity | id, NULL, 1, 0,
                           texts, NULL);
        (void)DeregisterEventSource(log);
    }
}
