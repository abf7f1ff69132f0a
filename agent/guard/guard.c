/* agent/guard/guard.c — hm-guard.exe, the service HavenmasterGuard: services that depend on it
 * start once the agent's first pass of the boot is done, or 20 seconds later.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whatever happens, it runs after those seconds: what it waits for is one value in a volatile key
 * of the registry, and nothing it does can wait longer than a read of the registry. It accepts no
 * stop: "net stop HavenmasterGuard" would stop the services that depend on it. It ends when
 * the remover has written "End" (guard_name.h); while it starts, it runs first, and for some
 * seconds: the start of a service that waits for it would fail (error 1068).
 *
 * Afterwards it watches that it could start again at the next boot. Where it could not (disabled,
 * deleted, its program gone), nothing may depend on it any longer: a service with a dependency
 * that fails does not start (error 1068). It takes itself out of the dependencies of all services
 * then, also where no agent is left to do it. Two threads: the dispatcher's and the service's. */
#include <windows.h>

#include <stdbool.h>

#include "agent/guard/depends.h"
#include "agent/guard/guard_name.h"
#include "agent/guard/own.h"

#define TURN_MS 200
#define TURNS (HM_GUARD_WAIT_MS / TURN_MS)
#define TURNS_A_CHECKPOINT 5
#define HINT_MORE_MS 10000 /* a checkpoint comes every second; a busy host may be slow */
#define REPORT_TRIES 10
#define WATCH_MS 600000  /* nothing tells us of a program that was renamed or deleted */
#define SETTLE_MS 5000   /* the service manager needs a moment to see that it runs */
#define RELEASE_MS 60000 /* until what could not be released is tried again */
#define PATH_CHARS 1024
#define TEXT_CHARS 768
#define EVENT_WARNING (0x80000000u | 900u) /* agent/platform/windows/messages.mc */

#ifndef KEY_WOW64_64KEY
#define KEY_WOW64_64KEY 0x0100
#endif

static SERVICE_STATUS_HANDLE service;
static DWORD checkpoint;

static void report(DWORD state, DWORD hint_ms)
{
    SERVICE_STATUS status = {
        .dwServiceType = SERVICE_WIN32_OWN_PROCESS,
        .dwCurrentState = state,
        .dwCheckPoint = state == SERVICE_START_PENDING ? ++checkpoint : 0,
        .dwWaitHint = hint_ms,
    };

    for (int i = 0; i < REPORT_TRIES && !SetServiceStatus(service, &status); i++) {
        Sleep(TURN_MS);
    }
}

static DWORD WINAPI handle_control(DWORD control, DWORD type, void *data, void *ctx)
{
    (void)type;
    (void)data;
    (void)ctx;
    return control == SERVICE_CONTROL_INTERROGATE ? NO_ERROR : ERROR_CALL_NOT_IMPLEMENTED;
}

/* ---- until the first pass is done ----------------------------------------------------------- */

static bool has_value(const wchar_t *path, const wchar_t *name)
{
    HKEY key;
    bool found;

    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_QUERY_VALUE | KEY_WOW64_64KEY, &key) !=
        ERROR_SUCCESS) {
        return false;
    }
    found = RegQueryValueExW(key, name, NULL, NULL, NULL, NULL) == ERROR_SUCCESS;
    (void)RegCloseKey(key);
    return found;
}

#define UNKNOWN_START SERVICE_NO_CHANGE /* the registry does not say */
#define NO_SERVICE (SERVICE_NO_CHANGE - 1)

/* 0: read, and it is a number; otherwise the system's error. */
static LONG read_number(const wchar_t *path, const wchar_t *name, DWORD *out)
{
    DWORD value = 0;
    DWORD bytes = sizeof(value);
    DWORD type = 0;
    HKEY key;
    LONG number = RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_QUERY_VALUE, &key);

    if (number != ERROR_SUCCESS) {
        return number;
    }
    number = RegQueryValueExW(key, name, NULL, &type, (BYTE *)&value, &bytes);
    (void)RegCloseKey(key);
    if (number != ERROR_SUCCESS || type != REG_DWORD) {
        return ERROR_INVALID_DATA;
    }
    *out = value;
    return ERROR_SUCCESS;
}

static DWORD start_type(const wchar_t *path)
{
    DWORD start = UNKNOWN_START;

    return read_number(path, L"Start", &start) == ERROR_FILE_NOT_FOUND ? NO_SERVICE : start;
}

static bool is_delayed(const wchar_t *path)
{
    DWORD delayed = 0;

    return read_number(path, L"DelayedAutostart", &delayed) == ERROR_SUCCESS && delayed != 0;
}

/* Also when none will come in time: the agent is not installed, does not start at boot or minutes
 * later (delayed), or not in this one, which is safe mode. */
static bool is_over(void)
{
    const DWORD agent = start_type(HM_GUARDED_BY_KEY);

    return hm_own_boot_passed() || (agent != SERVICE_AUTO_START && agent != UNKNOWN_START) ||
           is_delayed(HM_GUARDED_BY_KEY) ||
           has_value(HM_GUARD_SAFE_BOOT_KEY L"\\Option", L"OptionValue") ||
           has_value(HM_GUARD_OWN_KEY, HM_GUARD_END_VALUE);
}

/* Turns are counted beside the clock: neither alone can make it wait for ever. */
static void wait_for_first_pass(void)
{
    const DWORD began = GetTickCount();

    for (DWORD turn = 0; turn < TURNS && GetTickCount() - began < HM_GUARD_WAIT_MS && !is_over();
         turn++) {
        if (turn % TURNS_A_CHECKPOINT == 0) {
            report(SERVICE_START_PENDING, HM_GUARD_WAIT_MS - turn * TURN_MS + HINT_MORE_MS);
        }
        Sleep(TURN_MS);
    }
}

/* ---- while it runs -------------------------------------------------------------------------- */

/* Why it would not start again, as the end of a sentence; NULL: it would. */
static const wchar_t *cannot_start(void)
{
    wchar_t program[PATH_CHARS];
    const DWORD chars = GetModuleFileNameW(NULL, program, PATH_CHARS);

    if (chars == 0 || chars >= PATH_CHARS) {
        return NULL; /* no path can be that long */
    }
    if (GetFileAttributesW(program) == INVALID_FILE_ATTRIBUTES &&
        (GetLastError() == ERROR_FILE_NOT_FOUND || GetLastError() == ERROR_PATH_NOT_FOUND)) {
        return L"lacks its program";
    }
    return hm_own_fault(program);
}

/* What has no room is left out. */
static void append(wchar_t text[TEXT_CHARS], const wchar_t *more)
{
    (void)wcsncat(text, more, TEXT_CHARS - 1 - wcslen(text));
}

static void write_release(void *why, const wchar_t *name, unsigned long number)
{
    wchar_t text[TEXT_CHARS] = HM_GUARD_WIDE_NAME L" could not start again (it ";
    const wchar_t *texts[] = {text};
    HANDLE log = RegisterEventSourceW(NULL, L"Havenmaster");

    append(text, why);
    append(text, L"): ");
    append(text, name);
    append(text, number == ERROR_SUCCESS
                     ? L" no longer depends on it, so that it starts. To guard it again: "
                       L"hm-agent guard add "
                     : L" could not be freed of it and does not start at the next boot. Do it "
                       L"by hand: sc qc shows the dependencies, sc config sets them: ");
    append(text, name);
    if (log != NULL) {
        (void)ReportEventW(log, EVENTLOG_WARNING_TYPE, 0, EVENT_WARNING, NULL, 1, 0, texts, NULL);
        (void)DeregisterEventSource(log);
    }
}

static bool asks(HKEY key, DWORD what, HANDLE changed)
{
    return changed != NULL && key != NULL &&
           RegNotifyChangeKeyValue(key, FALSE, what, changed, TRUE) == ERROR_SUCCESS;
}

/* Until "End". Each round asks to be told of changes before it reads, so that none is missed; of
 * the removal of a key only the one above it tells. */
static void watch(void)
{
    HANDLE changed = CreateEventW(NULL, FALSE, FALSE, NULL);
    HKEY key = NULL;
    HKEY services = NULL;

    (void)RegOpenKeyExW(HKEY_LOCAL_MACHINE, HM_GUARD_OWN_KEY, 0, KEY_NOTIFY, &key);
    (void)RegOpenKeyExW(HKEY_LOCAL_MACHINE, HM_GUARD_SERVICES_KEY, 0, KEY_NOTIFY, &services);
    for (;;) {
        DWORD pause_ms = WATCH_MS;
        const wchar_t *why;

        if (!asks(key, REG_NOTIFY_CHANGE_LAST_SET, changed) ||
            !asks(services, REG_NOTIFY_CHANGE_NAME, changed)) {
            pause_ms = RELEASE_MS;
        }
        if (has_value(HM_GUARD_OWN_KEY, HM_GUARD_END_VALUE)) {
            break;
        }
        why = cannot_start();
        if (why != NULL && hm_depends_release_all(write_release, (void *)why) > 0) {
            pause_ms = RELEASE_MS;
        }
        if (changed != NULL) {
            (void)WaitForSingleObject(changed, pause_ms);
        } else {
            Sleep(pause_ms);
        }
    }
    if (key != NULL) {
        (void)RegCloseKey(key);
    }
    if (services != NULL) {
        (void)RegCloseKey(services);
    }
    if (changed != NULL) {
        (void)CloseHandle(changed);
    }
}

/* Until it has run that long. */
static void settle(DWORD since)
{
    while (GetTickCount() - since < SETTLE_MS) {
        Sleep(TURN_MS);
    }
}

static void WINAPI service_main(DWORD argc, wchar_t **argv)
{
    DWORD since;

    (void)argc;
    (void)argv;
    service = RegisterServiceCtrlHandlerExW(HM_GUARD_WIDE_NAME, handle_control, NULL);
    if (service == NULL) {
        return;
    }
    wait_for_first_pass();
    report(SERVICE_RUNNING, 0);
    since = GetTickCount();
    watch();
    settle(since);
    report(SERVICE_STOPPED, 0);
}

/* ---- proof ---------------------------------------------------------------------------------- */

static bool is_word(const char *given, const wchar_t *word)
{
    while (*given != '\0' && (wchar_t)*given == *word) {
        given++;
        word++;
    }
    return *given == '\0' && *word == L'\0';
}

/* What agent/guard/guard_name.h asks for; 1: no such number. */
static int answer(const char *digits)
{
    DWORD number = 0;
    DWORD count = 0;

    for (; digits[count] >= '0' && digits[count] <= '9' && count < HM_GUARD_PROOF_DIGITS; count++) {
        number = number * 10 + (DWORD)(digits[count] - '0');
    }
    return digits[count] == '\0' && count == HM_GUARD_PROOF_DIGITS
               ? (int)HM_GUARD_PROOF_ANSWER(number)
               : 1;
}

int main(int argc, char **argv)
{
    wchar_t name[] = HM_GUARD_WIDE_NAME;
    const SERVICE_TABLE_ENTRYW table[] = {
        {name, service_main},
        {NULL, NULL        }
    };

    if (argc == 3 && is_word(argv[1], HM_GUARD_PROOF_WORD)) {
        return answer(argv[2]);
    }
    return StartServiceCtrlDispatcherW(table) ? 0 : 1; /* 1: a person started it */
}
