/* tests/windows/not_elevated.c — runs a program as a member of Administrators does without
 * elevation: the group is in the token for refusals only, and no privilege is left.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   not_elevated PROGRAM ARGUMENT…     the exit status is that of the program; 254: it did not run
 */
#include <windows.h>

#include <stdio.h>
#include <wchar.h>

#define LINE_CHARS 8192

int wmain(int argc, wchar_t **argv);
int wmain(int argc, wchar_t **argv)
{
    static wchar_t line[LINE_CHARS];
    BYTE group[SECURITY_MAX_SID_SIZE];
    DWORD len = sizeof(group);
    SID_AND_ATTRIBUTES administrators = {.Sid = group};
    STARTUPINFOW startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION process;
    HANDLE token;
    HANDLE limited;
    DWORD status = 254;

    for (int i = 1; i < argc && wcslen(line) + wcslen(argv[i]) + 4 < LINE_CHARS; i++) {
        (void)wcscat(wcscat(wcscat(line, L"\""), argv[i]), L"\" ");
    }
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &token) ||
        !CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, group, &len) ||
        !CreateRestrictedToken(token, DISABLE_MAX_PRIVILEGE, 1, &administrators, 0, NULL, 0, NULL,
                               &limited) ||
        !CreateProcessAsUserW(limited, NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup,
                              &process)) {
        (void)fprintf(stderr, "not_elevated: error %lu\n", GetLastError());
        return 254;
    }
    (void)WaitForSingleObject(process.hProcess, INFINITE);
    (void)GetExitCodeProcess(process.hProcess, &status);
    return (int)status;
}
