/* agent/platform/windows/guard_program.c — the guard's program and service: put there, seen to run,
 * checked, removed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/guard.h"

#include <string.h>

#include "agent/guard/depends.h"
#include "agent/guard/guard_name.h"
#include "common/base/str.h"
#include "common/crypto/digest.h"
#include "common/os/os.h"
#include "common/os/windows_text.h"

#define PROGRAM_BYTES (4u * 1024u * 1024u)
#define PROGRAMS_KEY L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion"
#define COMMAND_CHARS (HM_WINDOWS_PATH_CHARS + 2)
#define POLL_MS 100
#define FIRST_RUN_MS (HM_GUARD_WAIT_MS + 10000)
#define END_MS 15000
#define LEVEL_DESCRIPTION 1

enum hm_status hm_guard_find_paths(struct hm_arena *arena, struct hm_guard_paths *out_paths,
                                   struct hm_err *err)
{
    wchar_t own[HM_WINDOWS_PATH_CHARS];
    const DWORD len = GetModuleFileNameW(NULL, own, HM_WINDOWS_PATH_CHARS);
    wchar_t *name = len == 0 || len == HM_WINDOWS_PATH_CHARS ? NULL : wcsrchr(own, L'\\');
    struct hm_guard_paths paths;
    const char *programs = NULL;
    const char *beside;
    bool found = false;
    enum hm_status st;

    if (name == NULL) {
        return hm_windows_fail(err, "the path of this program", GetLastError());
    }
    *name = L'\0';
    beside = hm_windows_utf8(arena, own);
    /* Not the environment: that is anybody's to set. */
    st = hm_registry_text(PROGRAMS_KEY, L"ProgramFilesDir", arena, &found, &programs, err);
    if (st == HM_OK && !found) {
        st = hm_fail(err, HM_EUNSUPPORTED, "the registry names no folder of programs");
    }
    if (st != HM_OK) {
        return st;
    }
    paths.source = beside == NULL ? NULL : hm_arena_printf(arena, "%s\\hm-guard.exe", beside);
    paths.folder = hm_arena_printf(arena, "%s\\Havenmaster Guard", programs);
    paths.program = hm_arena_printf(arena, "%s\\Havenmaster Guard\\hm-guard.exe", programs);
    paths.old = hm_arena_printf(arena, "%s\\Havenmaster Guard\\hm-guard.old", programs);
    paths.lock = hm_arena_printf(arena, "%s\\Havenmaster Guard\\lock", programs);
    if (paths.source == NULL || paths.folder == NULL || paths.program == NULL ||
        paths.old == NULL || paths.lock == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the guard");
    }
    *out_paths = paths;
    return HM_OK;
}

/* ---- program -------------------------------------------------------------------------------- */

/* One that runs can be renamed, not replaced. */
static enum hm_status replace_program(const struct hm_guard_paths *paths, const char *bytes,
                                      size_t len, struct hm_err *err)
{
    wchar_t program[HM_WINDOWS_PATH_CHARS];
    wchar_t old[HM_WINDOWS_PATH_CHARS];
    enum hm_status st = hm_os_replace_file(paths->program, bytes, len, false, err);

    if (st == HM_OK || !hm_os_exists(paths->program) ||
        hm_windows_path(paths->program, program, NULL) != HM_OK ||
        hm_windows_path(paths->old, old, NULL) != HM_OK ||
        !MoveFileExW(program, old, MOVEFILE_REPLACE_EXISTING)) {
        return st;
    }
    st = hm_os_replace_file(paths->program, bytes, len, false, err);
    if (st != HM_OK) {
        (void)MoveFileExW(old, program, MOVEFILE_REPLACE_EXISTING);
    }
    return st;
}

/* What the record says is the right program: until the new one is there, the one that stands there,
 * too, so that a kill or a full disk in between makes no fault of it. */
static enum hm_status record_program(const char *stands, size_t stands_len, const char *digest,
                                     struct hm_arena *arena, struct hm_err *err)
{
    char old[HM_DIGEST_TEXT_BYTES];
    const char *recorded = "";
    const char *both;
    enum hm_status st = hm_guard_record_digest(arena, &recorded, err);

    if (st != HM_OK || stands == NULL) {
        return st == HM_OK ? hm_guard_record_put_digest(digest, err) : st;
    }
    hm_digest_text(stands, stands_len, old);
    both = strstr(recorded, old) != NULL ? hm_arena_printf(arena, "%s %s", old, digest) : digest;
    return both == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the guard")
                        : hm_guard_record_put_digest(both, err);
}

static enum hm_status put_program(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                  struct hm_err *err)
{
    char digest[HM_DIGEST_TEXT_BYTES];
    char *stands = NULL;
    size_t stands_len = 0;
    char *bytes;
    size_t len;
    enum hm_status st = hm_os_read_file(paths->source, PROGRAM_BYTES, arena, &bytes, &len, err);

    if (st != HM_OK) {
        hm_err_prefix(err, "the guard's program must be beside hm-agent.exe: install the agent "
                           "again, or copy hm-guard.exe there");
        return st;
    }
    hm_digest_text(bytes, len, digest);
    if (hm_os_read_file(paths->program, PROGRAM_BYTES, arena, &stands, &stands_len, NULL) !=
        HM_OK) {
        stands = NULL;
    }
    if (stands == NULL || stands_len != len || memcmp(stands, bytes, len) != 0) {
        st = record_program(stands, stands_len, digest, arena, err);
        if (st == HM_OK) {
            st = replace_program(paths, bytes, len, err);
        }
    }
    return st == HM_OK ? hm_guard_record_put_digest(digest, err) : st;
}

/* ---- safe mode ------------------------------------------------------------------------------ */

static const wchar_t *const safe_modes[] = {HM_GUARD_SAFE_BOOT_KEY L"\\Minimal",
                                            HM_GUARD_SAFE_BOOT_KEY L"\\Network"};

/* In safe mode Windows starts only what is listed there (otherwise error 1084), and with the guard
 * would fail what is listed and guarded. Source: Microsoft Learn, "Safe Mode Boot Options". */
static enum hm_status put_safe_modes(struct hm_err *err)
{
    static const wchar_t kind[] = L"Service";

    for (size_t i = 0; i < HM_COUNT(safe_modes); i++) {
        HKEY mode;
        HKEY key;
        LONG number =
            RegOpenKeyExW(HKEY_LOCAL_MACHINE, safe_modes[i], 0, KEY_CREATE_SUB_KEY, &mode);

        if (number == ERROR_FILE_NOT_FOUND) {
            continue; /* this system has no such mode */
        }
        if (number == ERROR_SUCCESS) {
            number = RegCreateKeyExW(mode, HM_GUARD_WIDE_NAME, 0, NULL, 0, KEY_SET_VALUE, NULL,
                                     &key, NULL);
            (void)RegCloseKey(mode);
        }
        if (number == ERROR_SUCCESS) {
            number = RegSetValueExW(key, NULL, 0, REG_SZ, (const BYTE *)kind, sizeof(kind));
            (void)RegCloseKey(key);
        }
        if (number != ERROR_SUCCESS) {
            return hm_windows_fail(err, "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SafeBoot",
                                   (unsigned long)number);
        }
    }
    return HM_OK;
}

static void remove_safe_modes(void)
{
    for (size_t i = 0; i < HM_COUNT(safe_modes); i++) {
        HKEY mode;

        if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, safe_modes[i], 0, KEY_WRITE, &mode) ==
            ERROR_SUCCESS) {
            (void)RegDeleteKeyW(mode, HM_GUARD_WIDE_NAME);
            (void)RegCloseKey(mode);
        }
    }
}

/* ---- service -------------------------------------------------------------------------------- */

static enum hm_status make_command(const struct hm_guard_paths *paths, wchar_t out[COMMAND_CHARS],
                                   struct hm_err *err)
{
    wchar_t program[HM_WINDOWS_PATH_CHARS];
    enum hm_status st = hm_windows_path(paths->program, program, err);

    if (st == HM_OK) {
        (void)wcscpy(out, L"\"");
        (void)wcscat(out, program);
        (void)wcscat(out, L"\"");
    }
    return st;
}

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
    static const wchar_t display[] = L"Havenmaster Guard";
    SERVICE_DESCRIPTIONW about = {description};
    wchar_t command[COMMAND_CHARS];
    SC_HANDLE manager = NULL;
    SC_HANDLE service;
    enum hm_status st = make_command(paths, command, err);

    if (st == HM_OK) {
        st = hm_windows_open_manager(SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE, &manager, err);
    }
    if (st != HM_OK) {
        return st;
    }
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
    enum hm_status st = put_program(paths, arena, err);

    if (st == HM_OK) {
        st = put_safe_modes(err);
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

/* It may not end in time: then its program goes with the next boot. */
static void await_end(SC_HANDLE service)
{
    SERVICE_STATUS status = {0};

    for (DWORD waited_ms = 0; waited_ms < END_MS; waited_ms += POLL_MS) {
        if (!QueryServiceStatus(service, &status) || status.dwCurrentState == SERVICE_STOPPED) {
            return;
        }
        Sleep(POLL_MS);
    }
}

static enum hm_status remove_service(struct hm_err *err)
{
    SC_HANDLE manager = NULL;
    SC_HANDLE service;
    enum hm_status st = hm_windows_open_manager(SC_MANAGER_CONNECT, &manager, err);

    if (st != HM_OK) {
        return st;
    }
    service = OpenServiceW(manager, HM_GUARD_WIDE_NAME, SERVICE_QUERY_STATUS | DELETE);
    if (service != NULL) {
        ask_to_end();
        await_end(service);
        if (!DeleteService(service) && GetLastError() != ERROR_SERVICE_MARKED_FOR_DELETE) {
            st = hm_windows_fail(err, HM_GUARD_NAME, GetLastError());
        }
        (void)CloseServiceHandle(service);
    } else if (GetLastError() != ERROR_SERVICE_DOES_NOT_EXIST) {
        st = hm_windows_fail(err, HM_GUARD_NAME, GetLastError());
    }
    (void)CloseServiceHandle(manager);
    return st;
}

/* A process ends a moment after its service. */
static void remove_file(const char *path)
{
    wchar_t wide[HM_WINDOWS_PATH_CHARS];

    if (hm_windows_path(path, wide, NULL) != HM_OK) {
        return;
    }
    for (DWORD waited_ms = 0; waited_ms < END_MS / 5; waited_ms += POLL_MS) {
        if (DeleteFileW(wide) || GetLastError() == ERROR_FILE_NOT_FOUND ||
            GetLastError() == ERROR_PATH_NOT_FOUND) {
            return;
        }
        Sleep(POLL_MS);
    }
    (void)MoveFileExW(wide, NULL, MOVEFILE_DELAY_UNTIL_REBOOT);
}

enum hm_status hm_guard_uninstall(const struct hm_guard_paths *paths, struct hm_err *err)
{
    enum hm_status st = remove_service(err);

    if (st == HM_OK) {
        remove_safe_modes();
        remove_file(paths->program);
        remove_file(paths->old);
        hm_guard_record_remove();
    }
    return st;
}

/* ---- can it work? --------------------------------------------------------------------------- */

/* Of a value that may be REG_SZ or REG_EXPAND_SZ; "" when it is not there. */
static void read_text(const wchar_t *name, wchar_t *out, DWORD chars)
{
    DWORD bytes = (chars - 1) * sizeof(*out);
    DWORD type = 0;
    HKEY key;

    out[0] = L'\0';
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, HM_GUARD_OWN_KEY, 0, KEY_QUERY_VALUE, &key) ==
        ERROR_SUCCESS) {
        if (RegQueryValueExW(key, name, NULL, &type, (BYTE *)out, &bytes) == ERROR_SUCCESS &&
            (type == REG_SZ || type == REG_EXPAND_SZ)) {
            out[bytes / sizeof(*out)] = L'\0';
        } else {
            out[0] = L'\0';
        }
        (void)RegCloseKey(key);
    }
}

static enum hm_status service_fault(const struct hm_guard_paths *paths, const char **out_fault,
                                    struct hm_err *err)
{
    wchar_t command[COMMAND_CHARS];
    wchar_t stands[COMMAND_CHARS];
    wchar_t needs[HM_NAMES_CHARS] = L"";
    uint32_t start = 0;
    uint32_t deleted = 0;
    bool has_start = false;
    bool is_deleted = false;
    enum hm_status st = make_command(paths, command, err);

    if (st == HM_OK) {
        st = hm_registry_u32(HM_GUARD_OWN_KEY, L"Start", &has_start, &start, err);
    }
    if (st == HM_OK) {
        st = hm_registry_u32(HM_GUARD_OWN_KEY, L"DeleteFlag", &is_deleted, &deleted, err);
    }
    if (st != HM_OK) {
        return st;
    }
    read_text(L"ImagePath", stands, COMMAND_CHARS);
    if (!has_start || is_deleted) {
        *out_fault = "the service " HM_GUARD_NAME " is deleted";
    } else if (start != SERVICE_DEMAND_START && start != SERVICE_AUTO_START) {
        *out_fault = "the service " HM_GUARD_NAME " is disabled";
    } else if (lstrcmpiW(command, stands) != 0) {
        *out_fault = "the service " HM_GUARD_NAME " runs another program";
    } else if (hm_depends_read(HM_GUARD_WIDE_NAME, needs) != ERROR_SUCCESS || needs[0] != L'\0') {
        *out_fault = "the service " HM_GUARD_NAME " was made to depend on others";
    }
    return HM_OK;
}

/* One that somebody reads at this very moment, so that we cannot, is no fault. */
static enum hm_status program_fault(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                    const char **out_fault, struct hm_err *err)
{
    char digest[HM_DIGEST_TEXT_BYTES];
    const char *wanted = "";
    struct hm_err why;
    char *bytes;
    size_t len;
    enum hm_status st = hm_guard_record_digest(arena, &wanted, err);

    if (st != HM_OK) {
        return st;
    }
    st = hm_os_read_file(paths->program, PROGRAM_BYTES, arena, &bytes, &len, &why);
    if (st == HM_OK) {
        hm_digest_text(bytes, len, digest);
        if (wanted[0] != '\0' && strstr(wanted, digest) == NULL) {
            *out_fault =
                hm_arena_printf(arena, "%s is not the program that was put there", paths->program);
        }
    } else if (st == HM_ENOENT) {
        *out_fault = hm_arena_printf(arena, "%s is gone", paths->program);
    } else if (st != HM_EBUSY && st != HM_ENOMEM) {
        *out_fault = hm_arena_printf(arena, "%s", why.text);
    }
    return *out_fault != NULL ? HM_OK : hm_fail(err, HM_ENOMEM, "no memory for the guard");
}

enum hm_status hm_guard_fault(const struct hm_guard_paths *paths, struct hm_arena *arena,
                              const char **out_fault, struct hm_err *err)
{
    enum hm_status st;

    *out_fault = "";
    st = service_fault(paths, out_fault, err);
    if (st == HM_OK && (*out_fault)[0] == '\0') {
        st = program_fault(paths, arena, out_fault, err);
    }
    return st;
}
