/* common/os/windows_process.c — os.h on Windows: time, locks, host name, stop requests, sleep.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/os/os.h"

#include <winsock2.h>

#include <windows.h>

#include <sddl.h>

#include <io.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/os/windows_text.h"

#define HOST_NAME_CHARS 256
#define LONGEST_WAIT_MS 3600000

struct hm_os_lock {
    HANDLE file;
};

static atomic_bool stop_requested;
static HANDLE stop_event;                   /* manual reset; set once */
static SOCKET stop_socket = INVALID_SOCKET; /* readable once stop was requested */

/* Not GetTickCount64: Server 2003 has none. */
int64_t hm_os_monotonic_ms(void)
{
    LARGE_INTEGER frequency;
    LARGE_INTEGER now;

    (void)QueryPerformanceFrequency(&frequency);
    (void)QueryPerformanceCounter(&now);
    return now.QuadPart / frequency.QuadPart * 1000 +
           now.QuadPart % frequency.QuadPart * 1000 / frequency.QuadPart;
}

int64_t hm_clock_now_ms(void)
{
    FILETIME now; /* 100 ns since 1601-01-01 */

    GetSystemTimeAsFileTime(&now);
    return (int64_t)(((uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime) / 10000) -
           INT64_C(11644473600000);
}

void hm_os_trim_memory(void)
{
    (void)_heapmin();
}

bool hm_os_is_terminal(FILE *stream)
{
    DWORD mode;

    return GetConsoleMode((HANDLE)_get_osfhandle(_fileno(stream)), &mode) != 0;
}

unsigned hm_os_terminal_columns(void)
{
    CONSOLE_SCREEN_BUFFER_INFO info;

    if (!GetConsoleScreenBufferInfo(GetStdHandle(STD_OUTPUT_HANDLE), &info)) {
        return 0;
    }
    return (unsigned)(info.srWindow.Right - info.srWindow.Left + 1);
}

void hm_os_terminal_echo(bool on)
{
    HANDLE console = GetStdHandle(STD_INPUT_HANDLE);
    DWORD mode;

    if (GetConsoleMode(console, &mode)) {
        mode = on ? mode | ENABLE_ECHO_INPUT : mode & ~(DWORD)ENABLE_ECHO_INPUT;
        (void)SetConsoleMode(console, mode);
    }
}

/* The open file itself is the lock: nobody else may open it, and it goes with the process. Only
 * the system and administrators may read it: whoever may read it could keep it open. */
enum hm_status hm_os_lock(const char *path, struct hm_os_lock **out_lock, struct hm_err *err)
{
    SECURITY_ATTRIBUTES security = {.nLength = sizeof(security)};
    wchar_t wide[HM_WINDOWS_PATH_CHARS];
    enum hm_status st = hm_windows_path(path, wide, err);
    struct hm_os_lock *lock;
    HANDLE file;
    DWORD number;

    if (st != HM_OK) {
        return st;
    }
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
            HM_WINDOWS_PRIVATE, SDDL_REVISION_1, &security.lpSecurityDescriptor, NULL)) {
        return hm_windows_fail(err, path, GetLastError());
    }
    file = CreateFileW(wide, GENERIC_READ | GENERIC_WRITE, 0, &security, OPEN_ALWAYS,
                       FILE_ATTRIBUTE_NORMAL, NULL);
    number = file == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    (void)LocalFree(security.lpSecurityDescriptor);
    if (number == ERROR_SHARING_VIOLATION) {
        return hm_fail(err, HM_EBUSY, "%s: another process has it", path);
    }
    if (number != ERROR_SUCCESS) {
        return hm_windows_fail(err, path, number);
    }
    lock = malloc(sizeof(*lock));
    if (lock == NULL) {
        (void)CloseHandle(file);
        return hm_fail(err, HM_ENOMEM, "%s: no memory to lock it", path);
    }
    lock->file = file;
    *out_lock = lock;
    return HM_OK;
}

void hm_os_unlock(struct hm_os_lock *lock)
{
    if (lock != NULL) {
        (void)CloseHandle(lock->file);
        free(lock);
    }
}

const char *hm_os_host_name(struct hm_arena *arena)
{
    wchar_t name[HOST_NAME_CHARS];
    DWORD len = HOST_NAME_CHARS;
    const char *copy = NULL;

    if (GetComputerNameExW(ComputerNameDnsHostname, name, &len) && name[0] != L'\0') {
        copy = hm_windows_utf8(arena, name);
    }
    return copy != NULL ? copy : "localhost";
}

/* The C library's own split of the command line (msvcrt.dll); no header of mingw-w64 has it. */
struct startup_info {
    int new_mode;
};
int __cdecl __wgetmainargs(int *argc, wchar_t ***argv, wchar_t ***environment, int wildcards,
                           struct startup_info *info);

static char *utf8_copy(const wchar_t *text)
{
    int bytes = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *copy = bytes > 0 ? malloc((size_t)bytes) : NULL;

    if (copy != NULL) {
        (void)WideCharToMultiByte(CP_UTF8, 0, text, -1, copy, bytes, NULL, NULL);
    }
    return copy;
}

void hm_os_arguments(int *argc, char ***argv)
{
    struct startup_info info = {0};
    wchar_t **environment = NULL;
    wchar_t **wide = NULL;
    char **texts;
    int count = 0;

    if (__wgetmainargs(&count, &wide, &environment, 0, &info) < 0 || count < 1) {
        return;
    }
    texts = calloc((size_t)count + 1, sizeof(*texts));
    for (int i = 0; texts != NULL && i < count; i++) {
        texts[i] = utf8_copy(wide[i]);
        if (texts[i] == NULL) {
            return; /* a moment before the end of a program without memory: nothing to free */
        }
    }
    if (texts != NULL) {
        *argc = count;
        *argv = texts;
    }
}

static BOOL WINAPI catch_stop(DWORD type)
{
    /* Only services hear of log-offs, and of anybody's; they live on. All else (Ctrl+C,
     * Ctrl+Break, close, shut-down) is for us. */
    if (type != CTRL_LOGOFF_EVENT) {
        hm_os_stop_request();
    }
    return TRUE;
}

/* libcurl waits on sockets only, so a stop request must be one: a UDP socket that is connected
 * to itself, on loopback, hears nobody else. */
static SOCKET open_stop_socket(void)
{
    struct sockaddr_in self = {.sin_family = AF_INET};
    int len = sizeof(self);
    SOCKET fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);

    self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd != INVALID_SOCKET && (bind(fd, (const struct sockaddr *)&self, sizeof(self)) != 0 ||
                                 getsockname(fd, (struct sockaddr *)&self, &len) != 0 ||
                                 connect(fd, (const struct sockaddr *)&self, sizeof(self)) != 0)) {
        (void)closesocket(fd);
        fd = INVALID_SOCKET;
    }
    return fd;
}

enum hm_status hm_os_stop_init(struct hm_err *err)
{
    WSADATA data;
    int number;

    if (stop_event != NULL) {
        return HM_OK;
    }
    number = WSAStartup(MAKEWORD(2, 2), &data);
    if (number != 0) {
        return hm_windows_fail(err, "Winsock cannot be started", (unsigned long)number);
    }
    stop_socket = open_stop_socket();
    if (stop_socket == INVALID_SOCKET) {
        return hm_windows_fail(err, "no loopback socket for stop requests",
                               (unsigned long)WSAGetLastError());
    }
    stop_event = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (stop_event == NULL || !SetConsoleCtrlHandler(catch_stop, TRUE)) {
        return hm_windows_fail(err, "stop requests cannot be caught", GetLastError());
    }
    return HM_OK;
}

bool hm_os_stop_requested(void)
{
    return atomic_load(&stop_requested);
}

int hm_os_stop_fd(void)
{
    return stop_socket == INVALID_SOCKET ? -1 : (int)stop_socket; /* handles fit 32 bits (MSDN) */
}

void hm_os_stop_request(void)
{
    atomic_store(&stop_requested, true);
    if (stop_event != NULL) {
        (void)SetEvent(stop_event);
    }
    if (stop_socket != INVALID_SOCKET) {
        (void)send(stop_socket, "x", 1, 0);
    }
}

void hm_os_meanwhile(int fd, void (*run)(void *arg), void *arg)
{
    (void)fd;
    (void)run;
    (void)arg;
}

int hm_os_meanwhile_fd(void)
{
    return -1;
}

bool hm_os_meanwhile_run(void)
{
    return false;
}

void hm_os_meanwhile_end(void)
{
}

bool hm_os_sleep_ms(int64_t ms)
{
    const int64_t end_ms = hm_os_monotonic_ms() + ms;

    while (!hm_os_stop_requested()) {
        int64_t left_ms = end_ms - hm_os_monotonic_ms();
        DWORD wait_ms;

        if (left_ms <= 0) {
            return false;
        }
        wait_ms = (DWORD)(left_ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : left_ms);
        if (stop_event != NULL) {
            (void)WaitForSingleObject(stop_event, wait_ms);
        } else {
            Sleep(wait_ms);
        }
    }
    return true;
}
