/* agent/platform/windows/guard_program.c — the guard's service: put there, seen to run, checked,
 * removed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/guard.h"

#include <string.h>

#include "agent/guard/guard_name.h"
#include "agent/guard/own.h"
#include "common/os/windows_text.h"

#define POLL_MS 100
#define FIRST_RUN_MS (HM_GUARD_WAIT_MS + 10000)
#define END_MS 20000 /* it runs for 5 s before it ends */
#define LEVEL_DESCRIPTION 1
#define DISPLAY L"Havenmaster Guard"

/* ---- service -------------------------------------------------------------------------------- */

/* "End" of a removal that was cut short would end it at once. */
static void clear_end(void)
{
    HKEY key;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, HM_GUARD_OWN_KEY, 0, KEY_SET_VALUE, &key) ==
        ERROR_SUCCESS) {
        (void)RegDeleteValueW(key, HM_GUARD_END_VALUE);
        (void)RegCloseKey(key);
    }
}

static enum hm_status put_service(const struct hm_guard_paths *paths, struct hm_err *err)
{
    static wchar_t description[] =
        L"Lets the services that depend on it start once the Havenmaster Agent has reserved its "
        L"ports after a boot, or 20 seconds later in every case. Do not disable or delete it: "
        L"\"hm-agent guard remove\" first.";
    static const wchar_t display[] = DISPLAY;
    SERVICE_DESCRIPTIONW about = {description};
    wchar_t program[HM_WINDOWS_PATH_CHARS];
    wchar_t command[HM_OWN_COMMAND_CHARS];
    SC_HANDLE manager = NULL;
    SC_HANDLE service;
    enum hm_status st = hm_windows_path(paths->program, program, err);

    if (st == HM_OK) {
        st = hm_windows_open_manager(SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE, &manager, err);
    }
    if (st != HM_OK) {
        return st;
    }
    hm_own_command(program, command);
    service = CreateServiceW(manager, HM_GUARD_WIDE_NAME, display, SERVICE_CHANGE_CONFIG,
                             SERVICE_WIN32_OWN_PROCESS, SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL,
                             command, NULL, NULL, NULL, NULL, NULL);
    if (service == NULL && GetLastError() == ERROR_SERVICE_EXISTS) {
        service = OpenServiceW(manager, HM_GUARD_WIDE_NAME, SERVICE_CHANGE_CONFIG);
        if (service != NULL &&
            !ChangeServiceConfigW(service, SERVICE_WIN32_OWN_PROCESS, SERVICE_DEMAND_START,
                                  SERVICE_ERROR_NORMAL, command, L"", NULL, L"\0", L"LocalSystem",
                                  L"", display)) {
            st = hm_windows_fail(err, HM_GUARD_NAME, GetLastError());
        }
    }
    if (service == NULL) {
        st = GetLastError() == ERROR_SERVICE_MARKED_FOR_DELETE
                 ? hm_fail(err, HM_EBUSY,
                           "%s was just deleted, and some program still has it open (services.msc, "
                           "for example): close it, or restart this host, then try again",
                           HM_GUARD_NAME)
                 : hm_windows_fail(err, HM_GUARD_NAME, GetLastError());
    } else {
        (void)ChangeServiceConfig2W(service, LEVEL_DESCRIPTION, &about);
        (void)CloseServiceHandle(service);
    }
    (void)CloseServiceHandle(manager);
    if (st == HM_OK) {
        clear_end();
    }
    return st;
}

/* Until it runs, has ended, or wait_ms are over. */
static enum hm_status await_running(SC_HANDLE service, DWORD wait_ms, struct hm_err *err)
{
    SERVICE_STATUS status = {0};

    for (DWORD waited_ms = 0; waited_ms <= wait_ms; waited_ms += POLL_MS) {
        if (!QueryServiceStatus(service, &status)) {
            return hm_windows_fail(err, HM_GUARD_NAME, GetLastError());
        }
        if (status.dwCurrentState == SERVICE_RUNNING) {
            return HM_OK;
        }
        if (status.dwCurrentState == SERVICE_STOPPED) {
            return hm_windows_fail(err, HM_GUARD_NAME " ends as soon as it is started",
                                   status.dwWin32ExitCode);
        }
        Sleep(POLL_MS);
    }
    return hm_fail(err, HM_EBUSY, "%s is still starting after %lu s", HM_GUARD_NAME,
                   wait_ms / 1000);
}

enum hm_status hm_guard_start(DWORD wait_ms, struct hm_err *err)
{
    SC_HANDLE manager = NULL;
    SC_HANDLE service;
    enum hm_status st = hm_windows_open_manager(SC_MANAGER_CONNECT, &manager, err);

    if (st != HM_OK) {
        return st;
    }
    service = OpenServiceW(manager, HM_GUARD_WIDE_NAME, SERVICE_START | SERVICE_QUERY_STATUS);
    if (service == NULL ||
        (!StartServiceW(service, 0, NULL) && GetLastError() != ERROR_SERVICE_ALREADY_RUNNING)) {
        st = hm_windows_fail(err, HM_GUARD_NAME " does not start", GetLastError());
    } else {
        st = await_running(service, wait_ms, err);
    }
    if (service != NULL) {
        (void)CloseServiceHandle(service);
    }
    (void)CloseServiceHandle(manager);
    return st;
}

enum hm_status hm_guard_install(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (hm_guard_is_foreign(paths, arena)) {
        return hm_fail(err, HM_ECONFLICT,
                       "this host has a service %s that another program made; nothing was changed. "
                       "\"sc qc %s\" shows whose it is: remove that service, or leave this host "
                       "without guards",
                       HM_GUARD_NAME, HM_GUARD_NAME);
    }
    st = hm_guard_check_safe_modes(err);
    if (st == HM_OK) {
        st = hm_guard_put_program(paths, arena, err);
    }
    if (st == HM_OK) {
        st = hm_guard_put_safe_modes(err);
    }
    if (st == HM_OK) {
        st = put_service(paths, err);
    }
    return st == HM_OK ? hm_guard_start(FIRST_RUN_MS, err) : st;
}

/* ---- removal -------------------------------------------------------------------------------- */

static void ask_to_end(void)
{
    const DWORD one = 1;
    HKEY key;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, HM_GUARD_OWN_KEY, 0, KEY_SET_VALUE, &key) ==
        ERROR_SUCCESS) {
        (void)RegSetValueExW(key, HM_GUARD_END_VALUE, 0, REG_DWORD, (const BYTE *)&one,
                             sizeof(one));
        (void)RegCloseKey(key);
    }
}

/* The state that it is in when it has ended, or END_MS are over. */
static DWORD await_end(SC_HANDLE service)
{
    SERVICE_STATUS status = {0};

    for (DWORD waited_ms = 0; waited_ms < END_MS; waited_ms += POLL_MS) {
        if (!QueryServiceStatus(service, &status) || status.dwCurrentState == SERVICE_STOPPED) {
            return SERVICE_STOPPED;
        }
        Sleep(POLL_MS);
    }
    return status.dwCurrentState;
}

/* Deleted while it starts, it would take down the start of a service that waits for it. */
static enum hm_status end_and_delete(SC_HANDLE service, bool *out_lingers, struct hm_err *err)
{
    DWORD state;

    ask_to_end();
    state = await_end(service);
    if (state == SERVICE_START_PENDING) {
        return hm_fail(err, HM_EBUSY,
                       "no service depends on %s any longer, but it is still starting, and stays; "
                       "run this command again in a minute, or after a restart of this host",
                       HM_GUARD_NAME);
    }
    if (!DeleteService(service) && GetLastError() != ERROR_SERVICE_MARKED_FOR_DELETE) {
        return hm_windows_fail(err, HM_GUARD_NAME, GetLastError());
    }
    *out_lingers = state != SERVICE_STOPPED;
    return HM_OK;
}

static enum hm_status remove_service(bool *out_lingers, struct hm_err *err)
{
    SC_HANDLE manager = NULL;
    SC_HANDLE service;
    enum hm_status st = hm_windows_open_manager(SC_MANAGER_CONNECT, &manager, err);

    if (st != HM_OK) {
        return st;
    }
    service = OpenServiceW(manager, HM_GUARD_WIDE_NAME, SERVICE_QUERY_STATUS | DELETE);
    if (service != NULL) {
        st = end_and_delete(service, out_lingers, err);
        (void)CloseServiceHandle(service);
    } else if (GetLastError() != ERROR_SERVICE_DOES_NOT_EXIST) {
        st = hm_windows_fail(err, HM_GUARD_NAME, GetLastError());
    }
    (void)CloseServiceHandle(manager);
    return st;
}

enum hm_status hm_guard_uninstall(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                  struct hm_err *err)
{
    bool lingers = false;
    enum hm_status st = hm_guard_is_foreign(paths, arena) ? HM_OK : remove_service(&lingers, err);

    if (st != HM_OK) {
        return st;
    }
    hm_guard_remove_safe_modes();
    if (!hm_guard_is_link(paths)) {
        hm_guard_remove_file(paths->program);
        hm_guard_remove_file(paths->candidate);
        hm_guard_remove_old(paths, arena);
    }
    hm_guard_record_remove();
    return lingers ? hm_fail(err, HM_EBUSY,
                             "no service depends on %s any longer, but it does not end: it is "
                             "marked for deletion, and goes with the next restart of this host. "
                             "What is left in %s then: \"hm-agent guard remove --all\" removes it",
                             HM_GUARD_NAME, paths->folder)
                   : HM_OK;
}

/* ---- can it work? --------------------------------------------------------------------------- */

/* Never taken over, changed or deleted: one of this name that another program made. One that was
 * made here, and given another program since, is known by the record and its display name. */
bool hm_guard_is_foreign(const struct hm_guard_paths *paths, struct hm_arena *arena)
{
    wchar_t program[HM_WINDOWS_PATH_CHARS];
    wchar_t wanted[HM_OWN_COMMAND_CHARS];
    wchar_t stands[HM_OWN_COMMAND_CHARS];
    const char *display = "";
    bool found = false;

    hm_own_read_command(stands);
    if (stands[0] == L'\0' || hm_windows_path(paths->program, program, NULL) != HM_OK) {
        return false;
    }
    hm_own_command(program, wanted);
    if (lstrcmpiW(stands, wanted) == 0) {
        return false;
    }
    return !hm_guard_record_exists() ||
           hm_registry_text(HM_GUARD_OWN_KEY, L"DisplayName", arena, &found, &display, NULL) !=
               HM_OK ||
           strcmp(display, "Havenmaster Guard") != 0;
}

static enum hm_status service_fault(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                    const char **out_fault, struct hm_err *err)
{
    wchar_t program[HM_WINDOWS_PATH_CHARS];
    enum hm_status st = hm_windows_path(paths->program, program, err);
    const wchar_t *fault = NULL;

    if (st != HM_OK) {
        return st;
    }
    if (hm_guard_is_foreign(paths, arena)) {
        *out_fault = "the service " HM_GUARD_NAME " of this host is another program's";
        return HM_OK;
    }
    fault = hm_own_fault(program);
    if (fault != NULL) {
        const char *text = hm_windows_utf8(arena, fault);

        *out_fault =
            text == NULL ? NULL : hm_arena_printf(arena, "the service " HM_GUARD_NAME " %s", text);
    }
    return *out_fault != NULL ? HM_OK : hm_fail(err, HM_ENOMEM, "no memory for the guard");
}

enum hm_status hm_guard_fault(const struct hm_guard_paths *paths, struct hm_arena *arena,
                              const char **out_fault, struct hm_err *err)
{
    enum hm_status st;

    *out_fault = "";
    st = service_fault(paths, arena, out_fault, err);
    if (st == HM_OK && (*out_fault)[0] == '\0') {
        st = hm_guard_program_fault(paths, arena, out_fault, err);
    }
    return st;
}
