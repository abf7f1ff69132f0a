/* tests/windows/make_services.c — registers services that start by themselves, or removes them.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   make_services create NAME[=PROGRAM]…
 *   make_services delete NAME…
 * They are never started: a host's list of services is about what would start at boot. One that
 * is there already is made to start by itself and keeps its program; one that is gone already need
 * not be removed. */
#include <windows.h>

#include <stdio.h>
#include <wchar.h>

#define FOLDER L"C:\\windows\\system32\\"
#define PATH_CHARS 512

static int make_automatic(SC_HANDLE manager, const wchar_t *name)
{
    SC_HANDLE service = OpenServiceW(manager, name, SERVICE_CHANGE_CONFIG);
    int status;

    if (service == NULL) {
        return 1;
    }
    status = ChangeServiceConfigW(service, SERVICE_NO_CHANGE, SERVICE_AUTO_START, SERVICE_NO_CHANGE,
                                  NULL, NULL, NULL, NULL, NULL, NULL, NULL)
                 ? 0
                 : 1;
    (void)CloseServiceHandle(service);
    return status;
}

#define TRIES 50 /* whoever lists services holds one that was removed for a moment */
#define PAUSE_MS 200

static int create(SC_HANDLE manager, wchar_t *name)
{
    SC_HANDLE service = NULL;
    wchar_t *program = wcschr(name, L'=');
    wchar_t path[PATH_CHARS] = FOLDER;

    if (program != NULL) {
        *program++ = L'\0';
    }
    (void)wcsncat(path, program == NULL ? L"absent.exe" : program, PATH_CHARS - wcslen(path) - 1);

    for (int i = 0; i < TRIES && service == NULL; i++) {
        service = CreateServiceW(manager, name, name, SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS,
                                 SERVICE_AUTO_START, SERVICE_ERROR_NORMAL, path, NULL, NULL, NULL,
                                 NULL, NULL);
        if (service == NULL && GetLastError() != ERROR_SERVICE_MARKED_FOR_DELETE) {
            break;
        }
        if (service == NULL) {
            Sleep(PAUSE_MS);
        }
    }
    if (service == NULL) {
        return GetLastError() == ERROR_SERVICE_EXISTS ? make_automatic(manager, name) : 1;
    }
    (void)CloseServiceHandle(service);
    return 0;
}

static int remove_one(SC_HANDLE manager, const wchar_t *name)
{
    SC_HANDLE service = OpenServiceW(manager, name, DELETE);
    int status;

    if (service == NULL) {
        return GetLastError() == ERROR_SERVICE_DOES_NOT_EXIST ? 0 : 1;
    }
    status = DeleteService(service) ? 0 : 1;
    (void)CloseServiceHandle(service);
    return status;
}

int wmain(int argc, wchar_t **argv);
int wmain(int argc, wchar_t **argv)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_ALL_ACCESS);
    int status = argc < 3 || manager == NULL ? 2 : 0;

    for (int i = 2; status == 0 && i < argc; i++) {
        status = wcscmp(argv[1], L"create") == 0 ? create(manager, argv[i])
                                                 : remove_one(manager, argv[i]);
        if (status != 0) {
            (void)fprintf(stderr, "%ls %ls: error %lu\n", argv[1], argv[i], GetLastError());
        }
    }
    if (manager != NULL) {
        (void)CloseServiceHandle(manager);
    }
    return status;
}
