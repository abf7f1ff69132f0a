/* tests/windows/service_double.c — a service that does nothing until it is stopped: stands in for
 * those whose start and stop the agent watches (W3SVC and its like).
 * SPDX-License-Identifier: Apache-2.0
 *
 *   make_services create W3SVC=service_double.exe     (its own process: any name fits) */
#include <windows.h>

static SERVICE_STATUS_HANDLE handle;
static HANDLE stopped;

static void tell(DWORD state)
{
    SERVICE_STATUS status = {.dwServiceType = SERVICE_WIN32_OWN_PROCESS,
                             .dwCurrentState = state,
                             .dwControlsAccepted = SERVICE_ACCEPT_STOP};

    (void)SetServiceStatus(handle, &status);
}

static void WINAPI control(DWORD code)
{
    if (code == SERVICE_CONTROL_STOP) {
        tell(SERVICE_STOP_PENDING);
        (void)SetEvent(stopped);
    }
}

static void WINAPI serve(DWORD argc, wchar_t **argv)
{
    handle = RegisterServiceCtrlHandlerW(argc > 0 ? argv[0] : L"", control);
    tell(SERVICE_RUNNING);
    (void)WaitForSingleObject(stopped, INFINITE);
    tell(SERVICE_STOPPED);
}

int wmain(void);
int wmain(void)
{
    wchar_t name[] = L"";
    const SERVICE_TABLE_ENTRYW table[] = {
        {name, serve},
        {NULL, NULL }
    };

    stopped = CreateEventW(NULL, TRUE, FALSE, NULL);
    return stopped != NULL && StartServiceCtrlDispatcherW(table) ? 0 : 1;
}
