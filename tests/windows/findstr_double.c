/* tests/windows/findstr_double.c — findstr for Wine 8, whose own prints nothing.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   findstr [/i] [/b] {/c:TEXT [/c:TEXT ...] | TEXT} FILE
 * prints the lines that hold one of the texts, with /b at their beginning; exit status 1 when there
 * is none. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#define LINE_CHARS 4096
#define TEXTS_MAX 8

int wmain(int argc, wchar_t **argv);

static bool holds(const char *line, const wchar_t *text, bool fold, bool first)
{
    char wanted[LINE_CHARS];
    const size_t len = wcslen(text);

    (void)snprintf(wanted, sizeof(wanted), "%ls", text);
    for (; *line != '\0'; line++) {
        if ((fold ? _strnicmp(line, wanted, len) : strncmp(line, wanted, len)) == 0) {
            return true;
        }
        if (first) {
            break;
        }
    }
    return false;
}

int wmain(int argc, wchar_t **argv)
{
    const wchar_t *texts[TEXTS_MAX];
    char line[LINE_CHARS];
    size_t count = 0;
    bool fold = false;
    bool first = false;
    bool found = false;
    FILE *file;

    for (int i = 1; i < argc - 1; i++) {
        fold = fold || wcscmp(argv[i], L"/i") == 0;
        first = first || wcscmp(argv[i], L"/b") == 0;
        if (count < TEXTS_MAX && (wcsncmp(argv[i], L"/c:", 3) == 0 || argv[i][0] != L'/')) {
            texts[count++] = argv[i] + (argv[i][0] == L'/' ? 3 : 0);
        }
    }
    file = argc < 3 ? NULL : _wfopen(argv[argc - 1], L"r");
    if (file == NULL) {
        return 2;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        for (size_t i = 0; i < count; i++) {
            if (holds(line, texts[i], fold, first)) {
                (void)fputs(line, stdout);
                found = true;
                break;
            }
        }
    }
    (void)fclose(file);
    return found ? 0 : 1;
}
