/* tests/windows/idle.c — loads the system libraries that hm-agent.exe ends up with, and sleeps.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What Wine needs for itself in such a process: soak.py takes it off. */
#include <windows.h>

#include <stdio.h>

static const wchar_t *const libraries[] = {L"advapi32.dll", L"ws2_32.dll",  L"iphlpapi.dll",
                                           L"bcrypt.dll",   L"crypt32.dll", L"secur32.dll",
                                           L"user32.dll"};

int wmain(void);
int wmain(void)
{
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
        if (LoadLibraryW(libraries[i]) == NULL) {
            return 1;
        }
    }
    (void)printf("idle\n");
    (void)fflush(stdout);
    Sleep(600000);
    return 0;
}
