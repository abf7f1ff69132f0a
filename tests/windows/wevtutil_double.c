/* tests/windows/wevtutil_double.c — wevtutil for Wine, whose own prints nothing.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The folder C:\wevtutil is what it knows: LOG.xml is printed for "qe LOG", as it is; a log without
 * a file does not exist (exit status 15007, as of Windows), and neither does any when the folder
 * has the file refuse (5). Each call is a line in calls.txt. */
#include <windows.h>

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <wchar.h>

#define FOLDER L"C:\\wevtutil\\"
#define NO_CHANNEL 15007
#define DENIED 5
#define PATH_CHARS 260

static void note_call(void)
{
    FILE *calls = _wfopen(FOLDER L"calls.txt", L"ab");

    if (calls != NULL) {
        (void)fprintf(calls, "%ls\n", GetCommandLineW());
        (void)fclose(calls);
    }
}

static int print_file(const wchar_t *path)
{
    FILE *file = _wfopen(path, L"rb");
    int c;

    if (file == NULL) {
        return NO_CHANNEL;
    }
    (void)_setmode(_fileno(stdout), _O_BINARY);
    while ((c = fgetc(file)) != EOF) {
        (void)putchar(c);
    }
    (void)fclose(file);
    return 0;
}

int wmain(int argc, wchar_t **argv);

int wmain(int argc, wchar_t **argv)
{
    wchar_t path[PATH_CHARS];

    note_call();
    if (argc < 3 || wcslen(argv[2]) > PATH_CHARS / 2) {
        return ERROR_INVALID_PARAMETER;
    }
    (void)swprintf(path, PATH_CHARS, FOLDER L"%ls.xml", argv[2]);
    if (GetFileAttributesW(FOLDER L"refuse") != INVALID_FILE_ATTRIBUTES) {
        (void)fputs("Access is denied.\r\n", stderr);
        return DENIED;
    }
    if (wcscmp(argv[1], L"gl") == 0) {
        return GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES ? 0 : NO_CHANNEL;
    }
    return wcscmp(argv[1], L"qe") == 0 ? print_file(path) : ERROR_INVALID_PARAMETER;
}
