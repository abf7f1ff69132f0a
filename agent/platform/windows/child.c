/* agent/platform/windows/child.c — one program with an argument list, no shell, no window.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/os/os.h"
#include "common/os/windows_text.h"

#define COMMAND_LINE_CHARS 2048
#define READ_BYTES 4096
#define POLL_MS 10

struct child {
    HANDLE process;
    HANDLE job;    /* ends with everything the child started; NULL when jobs are refused */
    HANDLE output; /* our end of its standard output */
};

static bool put(wchar_t *out, size_t room, size_t *len, wchar_t c)
{
    if (*len + 1 >= room) {
        return false;
    }
    out[(*len)++] = c;
    out[*len] = L'\0';
    return true;
}

static bool put_quoted(wchar_t *out, size_t room, size_t *len, const wchar_t *argument)
{
    bool ok = put(out, room, len, L'"');
    size_t slashes = 0;

    for (const wchar_t *at = argument; ok && *at != L'\0'; at++) {
        if (*at == L'"') { /* slashes before a quote are doubled, the quote is escaped */
            for (; ok && slashes > 0; slashes--) {
                ok = put(out, room, len, L'\\');
            }
            ok = ok && put(out, room, len, L'\\');
        }
        slashes = *at == L'\\' ? slashes + 1 : 0;
        ok = ok && put(out, room, len, *at);
    }
    for (; ok && slashes > 0; slashes--) {
        ok = put(out, room, len, L'\\');
    }
    return ok && put(out, room, len, L'"');
}

enum hm_status hm_child_command_line(const wchar_t *program, const wchar_t *const *arguments,
                                     size_t argument_count, wchar_t *out, size_t room,
                                     struct hm_err *err)
{
    size_t len = 0;
    bool ok = put_quoted(out, room, &len, program);

    for (size_t i = 0; ok && i < argument_count; i++) {
        const wchar_t *argument = arguments[i];

        ok = put(out, room, &len, L' ');
        if (argument[0] != L'\0' && wcspbrk(argument, L" \t\"") == NULL) {
            for (; ok && *argument != L'\0'; argument++) {
                ok = put(out, room, &len, *argument);
            }
        } else {
            ok = ok && put_quoted(out, room, &len, argument);
        }
    }
    return ok ? HM_OK
              : hm_fail(err, HM_ETOOBIG, "command line is longer than %zu characters", room);
}

/* Ends with the job's handle, even when this program is killed. */
static HANDLE make_job(void)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {
        .BasicLimitInformation = {.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE}};
    HANDLE job = CreateJobObjectW(NULL, NULL);

    if (job != NULL &&
        !SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof(limits))) {
        (void)CloseHandle(job);
        job = NULL;
    }
    return job;
}

static DWORD launch(const wchar_t *program, wchar_t *command_line, HANDLE write_end,
                    struct child *child)
{
    STARTUPINFOW start = {.cb = sizeof(start),
                          .dwFlags = STARTF_USESTDHANDLES,
                          .hStdOutput = write_end,
                          .hStdError = write_end};
    PROCESS_INFORMATION made;
    DWORD number = 0;

    start.hStdInput = CreateFileW(
        L"NUL", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE,
        &(SECURITY_ATTRIBUTES){.nLength = sizeof(SECURITY_ATTRIBUTES), .bInheritHandle = TRUE},
        OPEN_EXISTING, 0, NULL);
    if (!CreateProcessW(program, command_line, NULL, NULL, TRUE,
                        CREATE_NO_WINDOW | CREATE_SUSPENDED, NULL, NULL, &start, &made)) {
        number = GetLastError();
    } else {
        child->process = made.hProcess;
        child->job = make_job();
        if (child->job != NULL && !AssignProcessToJobObject(child->job, made.hProcess)) {
            (void)CloseHandle(child->job); /* before Windows 8 jobs cannot be nested */
            child->job = NULL;
        }
        (void)ResumeThread(made.hThread);
        (void)CloseHandle(made.hThread);
    }
    if (start.hStdInput != INVALID_HANDLE_VALUE) {
        (void)CloseHandle(start.hStdInput);
    }
    return number;
}

static void close_child(struct child *child)
{
    HANDLE *handles[] = {&child->process, &child->job, &child->output};

    for (size_t i = 0; i < HM_COUNT(handles); i++) {
        if (*handles[i] != NULL) {
            (void)CloseHandle(*handles[i]);
        }
    }
}

/* Takes what is in the pipe now, without waiting. false at its end. */
static bool drain(struct child *child, struct hm_buf *output)
{
    char bytes[READ_BYTES];
    DWORD waiting = 0;
    DWORD got = 0;

    while (PeekNamedPipe(child->output, NULL, 0, NULL, &waiting, NULL)) {
        if (waiting == 0) {
            return true;
        }
        if (!ReadFile(child->output, bytes, waiting < READ_BYTES ? waiting : READ_BYTES, &got,
                      NULL)) {
            return false;
        }
        (void)hm_buf_put(output, bytes, got);
    }
    return false;
}

static enum hm_status wait_for(struct child *child, DWORD timeout_ms, struct hm_buf *output,
                               unsigned long *out_status, struct hm_err *err)
{
    const int64_t end_ms = hm_os_monotonic_ms() + timeout_ms;
    DWORD status = 0;

    while (WaitForSingleObject(child->process, POLL_MS) == WAIT_TIMEOUT) {
        (void)drain(child, output);
        if (hm_os_monotonic_ms() > end_ms || output->status != HM_OK) {
            (void)TerminateProcess(child->process, 1);
            return output->status != HM_OK
                       ? hm_buf_status(output, err)
                       : hm_fail_code(err, HM_EBUSY, "timed_out",
                                      "gave no answer within %lu ms and was ended", timeout_ms);
        }
    }
    (void)drain(child, output);
    if (!GetExitCodeProcess(child->process, &status)) {
        return hm_windows_fail(err, "its exit status cannot be read", GetLastError());
    }
    *out_status = status;
    return hm_buf_status(output, err);
}

enum hm_status hm_child_run(const wchar_t *program, const wchar_t *const *arguments,
                            size_t argument_count, DWORD timeout_ms, struct hm_arena *arena,
                            struct hm_child_result *out_result, struct hm_err *err)
{
    SECURITY_ATTRIBUTES inherit = {.nLength = sizeof(inherit), .bInheritHandle = TRUE};
    wchar_t command_line[COMMAND_LINE_CHARS];
    struct child child = {NULL, NULL, NULL};
    HANDLE write_end = NULL;
    unsigned long status = 0;
    struct hm_buf output;
    enum hm_status st;
    DWORD number;

    hm_buf_init(&output, HM_CHILD_OUTPUT_BYTES);
    st = hm_child_command_line(program, arguments, argument_count, command_line, COMMAND_LINE_CHARS,
                               err);
    if (st != HM_OK) {
        goto done;
    }
    if (!CreatePipe(&child.output, &write_end, &inherit, 0) ||
        !SetHandleInformation(child.output, HANDLE_FLAG_INHERIT, 0)) {
        st = hm_windows_fail(err, "no pipe", GetLastError());
        goto done;
    }
    number = launch(program, command_line, write_end, &child);
    (void)CloseHandle(write_end); /* else the pipe never ends */
    write_end = NULL;
    st = number != 0 ? hm_windows_fail(err, "cannot be started", number)
                     : wait_for(&child, timeout_ms, &output, &status, err);
    if (st == HM_OK) {
        out_result->output = hm_arena_strndup(arena, hm_buf_text(&output), output.len);
        out_result->len = output.len;
        out_result->exit_status = status;
        st = out_result->output != NULL ? HM_OK : hm_fail(err, HM_ENOMEM, "no memory for output");
    }
done:
    if (write_end != NULL) {
        (void)CloseHandle(write_end);
    }
    close_child(&child);
    hm_buf_fini(&output);
    return st;
}
