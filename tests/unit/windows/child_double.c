/* tests/unit/windows/child_double.c — a program that test_child.c starts.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   child_double echo WORD…    each argument in brackets, as the C library took them apart
 *   child_double exit N        ends with that status
 *   child_double sleep MS      does nothing for so long
 *   child_double flood BYTES   prints so much
 *   child_double input         prints how many bytes of standard input there were */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int flood(unsigned long bytes)
{
    for (unsigned long i = 0; i < bytes; i++) {
        if (fputc('x', stdout) == EOF) {
            return 1;
        }
    }
    return 0;
}

static int count_input(void)
{
    unsigned count = 0;

    while (fgetc(stdin) != EOF) {
        count++;
    }
    (void)printf("%u", count);
    return 0;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    const unsigned long number = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

    if (strcmp(verb, "exit") == 0) {
        (void)fputs("on standard error", stderr);
        return (int)number;
    }
    if (strcmp(verb, "sleep") == 0) {
        Sleep(number);
        return 0;
    }
    if (strcmp(verb, "flood") == 0) {
        return flood(number);
    }
    if (strcmp(verb, "input") == 0) {
        return count_input();
    }
    for (int i = 2; i < argc; i++) {
        (void)printf("[%s]", argv[i]);
    }
    return 0;
}
