/* tests/windows/service_tool.c — a service to be guarded, and the part of Windows' service manager
 * that Wine's lacks: dependencies.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   service_tool create NAME START [DEPENDENCY…]   START as in the registry: 2 automatic, 3 manual
 *   service_tool start NAME                        as Windows does, see below; prints one line
 *   service_tool stop NAME | kill NAME | delete NAME
 *   service_tool config NAME START
 *   service_tool process NAME                      prints its id, 0 when it does not run
 *   service_tool depend NAME [DEPENDENCY…]         sets them; groups with a plus
 *   service_tool depends NAME                      prints them, services then groups
 *   service_tool serve NAME                        what the service manager runs
 *   service_tool hold FILE                         has it open: nobody can delete or rename it
 *   service_tool seize FILE                        likewise, and nobody can read it
 *   service_tool later FILE [OVER]                 has Windows delete it with the next boot, or put
 *                                                  it in the place of OVER
 *   service_tool later-short FILE                  the first, by a path of short names
 *
 * "start" follows the documents of StartService, QueryServiceStatusEx and events 7000 to 7003:
 * dependencies first, in their order, each waited for until it runs. One that does not exist: 1075.
 * One that cannot be started, ends, or reports no progress within its wait hint: 1068. Either
 * becomes the exit code of the service that was to start. */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#define CHARS 4096
#define POLL_MS 50
#define LONGEST_MS 60000
#define CONNECT_MS 30000 /* until a process is a service: ServicesPipeTimeout */

static SERVICE_STATUS_HANDLE handle;
static HANDLE ending;
static wchar_t own_name[256];
static SC_HANDLE manager;

/* ---- serve ---------------------------------------------------------------------------------- */

static void report(DWORD state, DWORD exit_code)
{
    SERVICE_STATUS status = {.dwServiceType = SERVICE_WIN32_OWN_PROCESS,
                             .dwCurrentState = state,
                             .dwControlsAccepted = SERVICE_ACCEPT_STOP,
                             .dwWin32ExitCode = exit_code};

    (void)SetServiceStatus(handle, &status);
}

static DWORD WINAPI control(DWORD code, DWORD type, void *data, void *ctx)
{
    (void)type;
    (void)data;
    (void)ctx;
    if (code == SERVICE_CONTROL_STOP) {
        (void)SetEvent(ending);
    }
    return NO_ERROR;
}

static void WINAPI service_main(DWORD argc, wchar_t **argv)
{
    ending = CreateEventW(NULL, TRUE, FALSE, NULL);
    handle = RegisterServiceCtrlHandlerExW(own_name, control, NULL);
    if (argc > 1) {
        report(SERVICE_STOPPED, wcstoul(argv[1], NULL, 10));
        return;
    }
    report(SERVICE_RUNNING, 0);
    (void)WaitForSingleObject(ending, INFINITE);
    report(SERVICE_STOPPED, 0);
}

static int serve(const wchar_t *name)
{
    const SERVICE_TABLE_ENTRYW table[] = {
        {own_name, service_main},
        {NULL,     NULL        }
    };

    (void)wcsncpy(own_name, name, 255);
    return StartServiceCtrlDispatcherW(table) ? 0 : 1;
}

/* ---- what the registry and the service manager say ------------------------------------------ */

static void read_list(const wchar_t *name, const wchar_t *value, wchar_t out[CHARS])
{
    wchar_t path[512] = L"SYSTEM\\CurrentControlSet\\Services\\";
    DWORD bytes = (CHARS - 2) * sizeof(*out);
    HKEY key;

    (void)wcsncat(path, name, 256);
    (void)wmemset(out, L'\0', CHARS);
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_QUERY_VALUE, &key) == ERROR_SUCCESS) {
        if (RegQueryValueExW(key, value, NULL, NULL, (BYTE *)out, &bytes) != ERROR_SUCCESS) {
            out[0] = L'\0';
        }
        (void)RegCloseKey(key);
    }
}

static void join(int argc, wchar_t **argv, wchar_t out[CHARS])
{
    size_t len = 0;

    (void)wmemset(out, L'\0', CHARS);
    for (int i = 0; i < argc; i++) {
        (void)wcscpy(out + len, argv[i]);
        len += wcslen(argv[i]) + 1;
    }
}

static SC_HANDLE open_service(const wchar_t *name)
{
    return OpenServiceW(manager, name, SERVICE_ALL_ACCESS);
}

static DWORD start_type(SC_HANDLE service)
{
    static union {
        QUERY_SERVICE_CONFIGW config;
        BYTE bytes[8192];
    } answer;
    DWORD needed;

    return QueryServiceConfigW(service, &answer.config, sizeof(answer), &needed)
               ? answer.config.dwStartType
               : SERVICE_DISABLED;
}

/* ---- start ---------------------------------------------------------------------------------- */

/* 0 once it runs. */
static DWORD await_running(SC_HANDLE service)
{
    DWORD checkpoint = 0;
    DWORD since = GetTickCount();
    DWORD began = since;
    SERVICE_STATUS status = {0};

    while (GetTickCount() - began < LONGEST_MS) {
        DWORD patience_ms;

        if (!QueryServiceStatus(service, &status)) {
            return GetLastError();
        }
        if (status.dwCurrentState == SERVICE_RUNNING) {
            return 0;
        }
        if (status.dwCurrentState == SERVICE_STOPPED) {
            return status.dwWin32ExitCode != 0 ? status.dwWin32ExitCode : ERROR_PROCESS_ABORTED;
        }
        if (status.dwCheckPoint != checkpoint) {
            checkpoint = status.dwCheckPoint;
            since = GetTickCount();
        }
        patience_ms = status.dwWaitHint > 0 ? status.dwWaitHint : CONNECT_MS;
        if (GetTickCount() - since > patience_ms) {
            return ERROR_SERVICE_START_HANG;
        }
        Sleep(POLL_MS);
    }
    return ERROR_SERVICE_START_HANG;
}

static DWORD start_one(const wchar_t *name, wchar_t why[CHARS]);

static DWORD start_dependencies(const wchar_t *name, wchar_t why[CHARS])
{
    wchar_t names[CHARS];

    read_list(name, L"DependOnService", names);
    for (const wchar_t *at = names; *at != L'\0'; at += wcslen(at) + 1) {
        SC_HANDLE other = open_service(at);
        DWORD number;

        if (other == NULL) {
            (void)swprintf(why, CHARS, L"%ls does not exist", at);
            return ERROR_SERVICE_DEPENDENCY_DELETED;
        }
        (void)CloseServiceHandle(other);
        number = start_one(at, why);
        if (number != 0) {
            (void)swprintf(why, CHARS, L"%ls: error %lu", at, number);
            return ERROR_SERVICE_DEPENDENCY_FAIL;
        }
    }
    return 0;
}

static DWORD start_one(const wchar_t *name, wchar_t why[CHARS])
{
    SC_HANDLE service = open_service(name);
    DWORD number = service == NULL ? GetLastError() : 0;

    if (number == 0 && start_type(service) == SERVICE_DISABLED) {
        number = ERROR_SERVICE_DISABLED;
    }
    if (number == 0) {
        number = start_dependencies(name, why);
    }
    if (number == 0 && !StartServiceW(service, 0, NULL) &&
        GetLastError() != ERROR_SERVICE_ALREADY_RUNNING) {
        number = GetLastError();
    }
    if (number == 0) {
        number = await_running(service);
    }
    if (service != NULL) {
        (void)CloseServiceHandle(service);
    }
    return number;
}

/* Windows notes the error as the exit code of the service that it did not start. */
static void note_failure(const wchar_t *name, DWORD number)
{
    SC_HANDLE service = open_service(name);
    wchar_t text[16];
    const wchar_t *texts[] = {text};

    (void)swprintf(text, 16, L"%lu", number);
    if (service != NULL) {
        (void)StartServiceW(service, 1, texts);
        (void)await_running(service);
        (void)CloseServiceHandle(service);
    }
}

static int start(const wchar_t *name)
{
    wchar_t why[CHARS] = L"";
    const DWORD began = GetTickCount();
    const DWORD number = start_one(name, why);

    if (number == 0) {
        (void)printf("RUNNING after %lu ms\n", GetTickCount() - began);
        return 0;
    }
    if (number == ERROR_SERVICE_DEPENDENCY_FAIL || number == ERROR_SERVICE_DEPENDENCY_DELETED) {
        note_failure(name, number);
    }
    (void)printf("error %lu %ls\n", number, why);
    return 1;
}

/* ---- the rest ------------------------------------------------------------------------------- */

static int create(int argc, wchar_t **argv)
{
    wchar_t program[512];
    wchar_t command[1024];
    wchar_t names[CHARS];
    SC_HANDLE service;

    (void)GetModuleFileNameW(NULL, program, 512);
    (void)swprintf(command, 1024, L"\"%ls\" serve %ls", program, argv[0]);
    join(argc - 2, argv + 2, names);
    service = CreateServiceW(manager, argv[0], argv[0], SERVICE_ALL_ACCESS,
                             SERVICE_WIN32_OWN_PROCESS, wcstoul(argv[1], NULL, 10),
                             SERVICE_ERROR_NORMAL, command, NULL, NULL, names, NULL, NULL);
    return service != NULL ? 0 : 1;
}

static int stop(SC_HANDLE service)
{
    SERVICE_STATUS status = {0};

    (void)ControlService(service, SERVICE_CONTROL_STOP, &status);
    for (int i = 0; i < 200 && QueryServiceStatus(service, &status) &&
                    status.dwCurrentState != SERVICE_STOPPED;
         i++) {
        Sleep(POLL_MS);
    }
    return status.dwCurrentState == SERVICE_STOPPED ? 0 : 1;
}

static DWORD process_of(SC_HANDLE service)
{
    SERVICE_STATUS_PROCESS status;
    DWORD needed;

    return QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (BYTE *)&status, sizeof(status),
                                &needed)
               ? status.dwProcessId
               : 0;
}

static int end_process(SC_HANDLE service)
{
    const DWORD id = process_of(service);
    HANDLE process = id == 0 ? NULL : OpenProcess(PROCESS_TERMINATE | SYNCHRONIZE, FALSE, id);
    int result = 1;

    if (process != NULL) {
        result = TerminateProcess(process, 1) ? 0 : 1;
        (void)WaitForSingleObject(process, 10000);
        (void)CloseHandle(process);
    }
    return result;
}

static int set(SC_HANDLE service, DWORD start_value, const wchar_t *names)
{
    return ChangeServiceConfigW(service, SERVICE_NO_CHANGE, start_value, SERVICE_NO_CHANGE, NULL,
                                NULL, NULL, names, NULL, NULL, NULL)
               ? 0
               : 1;
}

static int print_depends(const wchar_t *name)
{
    static const wchar_t *const values[] = {L"DependOnService", L"DependOnGroup"};
    wchar_t names[CHARS];

    for (int i = 0; i < 2; i++) {
        read_list(name, values[i], names);
        for (const wchar_t *at = names; *at != L'\0'; at += wcslen(at) + 1) {
            (void)printf("%s%ls\n", i == 1 ? "+" : "", at);
        }
    }
    return 0;
}

static int act(const wchar_t *verb, int argc, wchar_t **argv)
{
    wchar_t names[CHARS];
    SC_HANDLE service;
    int status = 2;

    if (wcscmp(verb, L"create") == 0 && argc > 1) {
        return create(argc, argv);
    }
    if (wcscmp(verb, L"start") == 0) {
        return start(argv[0]);
    }
    if (wcscmp(verb, L"depends") == 0) {
        return print_depends(argv[0]);
    }
    service = open_service(argv[0]);
    if (service == NULL) {
        return 1;
    }
    if (wcscmp(verb, L"stop") == 0) {
        status = stop(service);
    } else if (wcscmp(verb, L"kill") == 0) {
        status = end_process(service);
    } else if (wcscmp(verb, L"process") == 0) {
        (void)printf("%lu\n", process_of(service));
        status = 0;
    } else if (wcscmp(verb, L"delete") == 0) {
        status = DeleteService(service) ? 0 : 1;
    } else if (wcscmp(verb, L"config") == 0 && argc > 1) {
        status = set(service, wcstoul(argv[1], NULL, 10), NULL);
    } else if (wcscmp(verb, L"depend") == 0) {
        join(argc - 1, argv + 1, names);
        status = set(service, SERVICE_NO_CHANGE, names);
    }
    (void)CloseServiceHandle(service);
    return status;
}

static int hold(const wchar_t *path, DWORD share)
{
    HANDLE file = CreateFileW(path, GENERIC_READ, share, NULL, OPEN_EXISTING, 0, NULL);

    if (file == INVALID_HANDLE_VALUE) {
        return 1;
    }
    (void)printf("held\n");
    (void)fflush(stdout);
    Sleep(INFINITE);
    return 0;
}

int wmain(int argc, wchar_t **argv);
int wmain(int argc, wchar_t **argv)
{
    int status = 2;

    if (argc >= 3 && wcscmp(argv[1], L"serve") == 0) {
        return serve(argv[2]);
    }
    if (argc >= 3 && wcscmp(argv[1], L"hold") == 0) {
        return hold(argv[2], FILE_SHARE_READ);
    }
    if (argc >= 3 && wcscmp(argv[1], L"seize") == 0) {
        return hold(argv[2], 0);
    }
    if (argc >= 3 && wcscmp(argv[1], L"later") == 0) {
        return MoveFileExW(argv[2], argc > 3 ? argv[3] : NULL,
                           MOVEFILE_DELAY_UNTIL_REBOOT | MOVEFILE_REPLACE_EXISTING)
                   ? 0
                   : 1;
    }
    if (argc >= 3 && wcscmp(argv[1], L"later-short") == 0) {
        wchar_t path[MAX_PATH];
        const DWORD count = GetShortPathNameW(argv[2], path, MAX_PATH);

        return count > 0 && count < MAX_PATH && wcschr(path, L'~') != NULL &&
                       MoveFileExW(path, NULL, MOVEFILE_DELAY_UNTIL_REBOOT)
                   ? 0
                   : 1;
    }
    manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_ALL_ACCESS);
    if (argc >= 3 && manager != NULL) {
        status = act(argv[1], argc - 2, argv + 2);
    }
    if (status == 1) {
        (void)fprintf(stderr, "%ls %ls: error %lu\n", argv[1], argv[2], GetLastError());
    }
    return status;
}
