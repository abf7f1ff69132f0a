/* agent/platform/windows/service_install.c — entering the agent as a service, and taking it out.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Start order. "Automatically Starting Services" (Microsoft Learn, ms681957) gives it as: the
 * groups in the order of Control\ServiceGroupOrder, then groups that are not in that list, then
 * services without a group; dependencies come first everywhere. DNS, Exchange and SQL Server have
 * no group, so any listed group is started before them. This is an order of starts only: Windows
 * does not wait until the agent has looked or reserved anything. TDI is the first group whose
 * members are ordinary programs that need TCP/IP only (DHCP and DNS client). Dependencies are no
 * more than what the port lists live in: a longer list would only let the agent start later. */
#include "agent/platform/service.h"

#include "agent/platform/windows/windows.h"

#include <tlhelp32.h>

#include <stdbool.h>
#include <string.h>

#include "agent/platform/windows/service_name.h"
#include "common/os/os.h"
#include "common/os/windows_text.h"

/* Newer than the headers of a build for Server 2003. */
#define LEVEL_DESCRIPTION 1
#define LEVEL_FAILURE_ACTIONS 2
#define LEVEL_DELAYED_START 3
#define LEVEL_FAILURE_FLAG 4
#define LEVEL_SID 5
#define SID_UNRESTRICTED 1

#define COMMAND_CHARS (2 * HM_WINDOWS_PATH_CHARS + 64)
#define STOP_WAIT_MS 60000
#define END_WAIT_MS 20000
#define STOP_POLL_MS 100
#define RESET_FAILURES_S 86400
#define EVENT_KEY L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\" HM_EVENT_SOURCE
#define EVENT_TYPES 7 /* error, warning, information */

static const wchar_t display_name[] = L"Havenmaster Agent";
static const wchar_t load_group[] = L"TDI";
static const wchar_t *const dependencies[] = {L"Tcpip", L"nsi"}; /* those that this system has */
#define DEPENDENCY_CHARS 64

struct service_plan {
    wchar_t program[HM_WINDOWS_PATH_CHARS];
    wchar_t command[COMMAND_CHARS];
    wchar_t dependencies[DEPENDENCY_CHARS]; /* each ended by NUL, one more at the end */
};

static enum hm_status make_command(const char *config, struct service_plan *plan,
                                   struct hm_err *err)
{
    wchar_t path[HM_WINDOWS_PATH_CHARS];
    DWORD len = GetModuleFileNameW(NULL, plan->program, HM_WINDOWS_PATH_CHARS);

    if (len == 0 || len == HM_WINDOWS_PATH_CHARS) {
        return hm_windows_fail(err, "the path of this program", GetLastError());
    }
    (void)wcscpy(plan->command, L"\"");
    (void)wcscat(plan->command, plan->program);
    (void)wcscat(plan->command, L"\" service run");
    if (config != NULL) {
        enum hm_status st = hm_windows_path(config, path, err);

        if (st != HM_OK) {
            return st;
        }
        if (wcschr(path, L'"') != NULL ||
            GetFullPathNameW(path, HM_WINDOWS_PATH_CHARS, path, NULL) >= HM_WINDOWS_PATH_CHARS) {
            return hm_fail(err, HM_EINVAL, "%s: not a path that a service can be given", config);
        }
        (void)wcscat(plan->command, L" --config \"");
        (void)wcscat(plan->command, path);
        (void)wcscat(plan->command, L"\"");
    }
    return HM_OK;
}

static void find_dependencies(SC_HANDLE manager, struct service_plan *plan)
{
    size_t len = 0;

    for (size_t i = 0; i < HM_COUNT(dependencies); i++) {
        SC_HANDLE other = OpenServiceW(manager, dependencies[i], SERVICE_QUERY_STATUS);

        if (other != NULL) {
            (void)wcscpy(plan->dependencies + len, dependencies[i]);
            len += wcslen(dependencies[i]) + 1;
            (void)CloseServiceHandle(other);
        }
    }
    plan->dependencies[len] = L'\0';
}

enum hm_status hm_windows_open_manager(DWORD access, SC_HANDLE *out_manager, struct hm_err *err)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, access);

    if (manager == NULL) {
        enum hm_status st =
            hm_windows_fail(err, "the Service Control Manager cannot be opened", GetLastError());

        if (st == HM_EDENIED) {
            return hm_fail(err, st,
                           "services are changed by administrators only: run this from an "
                           "elevated command prompt");
        }
        return st;
    }
    *out_manager = manager;
    return HM_OK;
}

/* Made, or brought up to date. */
static enum hm_status put_service(SC_HANDLE manager, const struct service_plan *plan,
                                  SC_HANDLE *out_service, struct hm_err *err)
{
    SC_HANDLE service;

    service = CreateServiceW(manager, HM_SERVICE_WIDE_NAME, display_name, SERVICE_ALL_ACCESS,
                             SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START, SERVICE_ERROR_NORMAL,
                             plan->command, load_group, NULL, plan->dependencies, NULL, NULL);
    if (service == NULL && GetLastError() == ERROR_SERVICE_EXISTS) {
        service = OpenServiceW(manager, HM_SERVICE_WIDE_NAME, SERVICE_ALL_ACCESS);
        if (service != NULL &&
            !ChangeServiceConfigW(service, SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START,
                                  SERVICE_ERROR_NORMAL, plan->command, load_group, NULL,
                                  plan->dependencies, L"LocalSystem", L"", display_name)) {
            DWORD number = GetLastError();

            (void)CloseServiceHandle(service);
            return hm_windows_fail(err, HM_SERVICE_NAME, number);
        }
    }
    if (service == NULL) {
        return hm_windows_fail(err, HM_SERVICE_NAME, GetLastError());
    }
    *out_service = service;
    return HM_OK;
}

/* What a service can do without. A setting that this system refuses becomes a warning. */
static enum hm_status put_options(SC_HANDLE service, struct hm_arena *arena,
                                  struct hm_strings *out_warnings, struct hm_err *err)
{
    static wchar_t description[] =
        L"Tells whether this server's services will get their network ports at their next start, "
        L"and reports it to the Havenmaster collector.";
    static SC_ACTION actions[] = {
        {SC_ACTION_RESTART, 5000  },
        {SC_ACTION_RESTART, 30000 },
        {SC_ACTION_RESTART, 300000},
    };
    SERVICE_DESCRIPTIONW about = {description};
    SERVICE_FAILURE_ACTIONSW failure = {
        .dwResetPeriod = RESET_FAILURES_S, .cActions = HM_COUNT(actions), .lpsaActions = actions};
    BOOL not_delayed = FALSE;
    BOOL also_on_error = TRUE;
    DWORD sid = SID_UNRESTRICTED;
    const struct {
        DWORD level;
        void *info;
        const char *what;
    } options[] = {
        {LEVEL_DESCRIPTION,     &about,         "its description"                           },
        {LEVEL_FAILURE_ACTIONS, &failure,       "restart when it crashes"                   },
        {LEVEL_DELAYED_START,   &not_delayed,   "start without delay"                       },
        {LEVEL_FAILURE_FLAG,    &also_on_error, "restart when it ends with an error"        },
        {LEVEL_SID,             &sid,           "a security identifier of the service's own"},
    };
    const char **warnings = hm_arena_alloc(arena, HM_COUNT(options), sizeof(*warnings));
    size_t count = 0;

    for (size_t i = 0; warnings != NULL && i < HM_COUNT(options); i++) {
        struct hm_err why;

        if (ChangeServiceConfig2W(service, options[i].level, options[i].info)) {
            continue;
        }
        (void)hm_windows_fail(&why, options[i].what, GetLastError());
        warnings[count] =
            hm_arena_printf(arena, "a setting that this system does not take: %s", why.text);
        if (warnings[count++] == NULL) {
            warnings = NULL;
        }
    }
    if (warnings == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to set up the service");
    }
    *out_warnings = (struct hm_strings){warnings, count};
    return HM_OK;
}

static enum hm_status put_event_source(const wchar_t *program, struct hm_err *err)
{
    const DWORD types = EVENT_TYPES;
    LONG number;
    HKEY key;

    number =
        RegCreateKeyExW(HKEY_LOCAL_MACHINE, EVENT_KEY, 0, NULL, 0, KEY_SET_VALUE, NULL, &key, NULL);
    if (number == ERROR_SUCCESS) {
        number = RegSetValueExW(key, L"EventMessageFile", 0, REG_EXPAND_SZ, (const BYTE *)program,
                                (DWORD)((wcslen(program) + 1) * sizeof(*program)));
        if (number == ERROR_SUCCESS) {
            number = RegSetValueExW(key, L"TypesSupported", 0, REG_DWORD, (const BYTE *)&types,
                                    sizeof(types));
        }
        (void)RegCloseKey(key);
    }
    return number == ERROR_SUCCESS ? HM_OK
                                   : hm_windows_fail(err, "the event source cannot be registered",
                                                     (unsigned long)number);
}

enum hm_status hm_service_install(const char *config, struct hm_arena *arena,
                                  struct hm_strings *out_warnings, struct hm_err *err)
{
    struct service_plan *plan = hm_arena_alloc(arena, 1, sizeof(*plan));
    SC_HANDLE manager = NULL;
    SC_HANDLE service = NULL;
    enum hm_status st;

    st = plan != NULL ? HM_OK : hm_fail(err, HM_ENOMEM, "no memory to set up the service");
    if (st == HM_OK) {
        st = make_command(config, plan, err);
    }
    if (st == HM_OK) {
        st = hm_windows_open_manager(SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE, &manager, err);
    }
    if (st == HM_OK) {
        find_dependencies(manager, plan);
        st = put_service(manager, plan, &service, err);
    }
    if (st == HM_OK) {
        st = put_options(service, arena, out_warnings, err);
    }
    if (st == HM_OK) {
        st = put_event_source(plan->program, err);
    }
    if (service != NULL) {
        (void)CloseServiceHandle(service);
    }
    if (manager != NULL) {
        (void)CloseServiceHandle(manager);
    }
    return st;
}

/* Waits until it has ended: a program that runs can neither be replaced nor removed. Asked again
 * and again: a service on its way up takes no stop yet. */
static enum hm_status ask_to_stop(SC_HANDLE service, struct hm_err *err)
{
    for (DWORD waited_ms = 0; waited_ms < STOP_WAIT_MS; waited_ms += STOP_POLL_MS) {
        SERVICE_STATUS status;

        if (!ControlService(service, SERVICE_CONTROL_STOP, &status)) {
            DWORD number = GetLastError();

            if (number == ERROR_SERVICE_NOT_ACTIVE) {
                return HM_OK;
            }
            if (number != ERROR_SERVICE_CANNOT_ACCEPT_CTRL &&
                number != ERROR_SERVICE_REQUEST_TIMEOUT) {
                return hm_windows_fail(err, HM_SERVICE_NAME " cannot be stopped", number);
            }
        }
        Sleep(STOP_POLL_MS);
    }
    return hm_fail(err, HM_EBUSY, "%s does not stop; end its process, then try again",
                   HM_SERVICE_NAME);
}

/* Other processes that run a program of this one's name. */
static bool has_others(void)
{
    PROCESSENTRY32W entry = {.dwSize = sizeof(entry)};
    wchar_t program[HM_WINDOWS_PATH_CHARS] = L"";
    const wchar_t *name = program;
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    bool found = false;

    if (snapshot == INVALID_HANDLE_VALUE) {
        return false;
    }
    (void)GetModuleFileNameW(NULL, program, HM_WINDOWS_PATH_CHARS - 1);
    if (wcsrchr(program, L'\\') != NULL) {
        name = wcsrchr(program, L'\\') + 1;
    }
    for (BOOL more = Process32FirstW(snapshot, &entry); more && !found;
         more = Process32NextW(snapshot, &entry)) {
        found =
            entry.th32ProcessID != GetCurrentProcessId() && lstrcmpiW(entry.szExeFile, name) == 0;
    }
    (void)CloseHandle(snapshot);
    return found;
}

/* A service is "stopped" a moment before its process has ended. */
static enum hm_status wait_for_others(struct hm_err *err)
{
    for (DWORD waited_ms = 0; has_others(); waited_ms += STOP_POLL_MS) {
        if (waited_ms >= END_WAIT_MS) {
            return hm_fail(err, HM_EBUSY,
                           "another process of this program does not end; look for hm-agent.exe");
        }
        Sleep(STOP_POLL_MS);
    }
    return HM_OK;
}

enum hm_status hm_service_stop(struct hm_err *err)
{
    SC_HANDLE manager = NULL;
    SC_HANDLE service;
    enum hm_status st = hm_windows_open_manager(SC_MANAGER_CONNECT, &manager, err);

    if (st != HM_OK) {
        return st;
    }
    service = OpenServiceW(manager, HM_SERVICE_WIDE_NAME, SERVICE_STOP | SERVICE_QUERY_STATUS);
    if (service != NULL) {
        st = ask_to_stop(service, err);
        (void)CloseServiceHandle(service);
    } else if (GetLastError() != ERROR_SERVICE_DOES_NOT_EXIST) {
        st = hm_windows_fail(err, HM_SERVICE_NAME, GetLastError());
    }
    (void)CloseServiceHandle(manager);
    return st == HM_OK ? wait_for_others(err) : st;
}

enum hm_status hm_service_remove(struct hm_err *err)
{
    SC_HANDLE manager = NULL;
    SC_HANDLE service;
    enum hm_status st = hm_windows_open_manager(SC_MANAGER_CONNECT, &manager, err);

    if (st != HM_OK) {
        return st;
    }
    service =
        OpenServiceW(manager, HM_SERVICE_WIDE_NAME, SERVICE_STOP | SERVICE_QUERY_STATUS | DELETE);
    if (service != NULL) {
        st = ask_to_stop(service, err);
        if (st == HM_OK && !DeleteService(service) &&
            GetLastError() != ERROR_SERVICE_MARKED_FOR_DELETE) {
            st = hm_windows_fail(err, HM_SERVICE_NAME, GetLastError());
        }
        (void)CloseServiceHandle(service);
    } else if (GetLastError() != ERROR_SERVICE_DOES_NOT_EXIST) {
        st = hm_windows_fail(err, HM_SERVICE_NAME, GetLastError());
    }
    if (st == HM_OK) {
        (void)RegDeleteKeyW(HKEY_LOCAL_MACHINE, EVENT_KEY);
    }
    (void)CloseServiceHandle(manager);
    return st;
}
