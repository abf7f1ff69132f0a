/* tests/windows/handle_count.c — how many handles the programs of one name have open.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   handle_count hm-agent.exe */
#include <windows.h>

#include <winternl.h>

#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#define BYTES (1024u * 1024u)

int wmain(int argc, wchar_t **argv);
int wmain(int argc, wchar_t **argv)
{
    unsigned char *bytes = malloc(BYTES);
    unsigned long count = 0;
    const SYSTEM_PROCESS_INFORMATION *at;

    if (argc != 2 || bytes == NULL ||
        NtQuerySystemInformation(SystemProcessInformation, bytes, BYTES, NULL) != 0) {
        return 2;
    }
    at = (const SYSTEM_PROCESS_INFORMATION *)(const void *)bytes;
    for (;;) {
        if (at->ImageName.Buffer != NULL && _wcsicmp(at->ImageName.Buffer, argv[1]) == 0) {
            count += at->HandleCount;
        }
        if (at->NextEntryOffset == 0) {
            break;
        }
        at = (const SYSTEM_PROCESS_INFORMATION *)(const void *)((const unsigned char *)at +
                                                                at->NextEntryOffset);
    }
    free(bytes);
    (void)printf("%lu\n", count);
    return 0;
}
