/* common/os/passphrase.c — a passphrase from a file, the environment or a person.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/os/passphrase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"
#include "common/os/os.h"

/* One line, its end taken off. */
static enum hm_status read_line(FILE *in, const char *where, char out[HM_PASSPHRASE_ROOM],
                                struct hm_err *err)
{
    size_t len = 0;
    int got;

    while ((got = fgetc(in)) != EOF && got != '\n') {
        if (len == HM_LIMIT_PASSPHRASE_BYTES) {
            return hm_fail(err, HM_ETOOBIG, "%s: the passphrase is longer than %u bytes", where,
                           HM_LIMIT_PASSPHRASE_BYTES);
        }
        out[len++] = (char)got;
    }
    if (len > 0 && out[len - 1] == '\r') {
        len--;
    }
    out[len] = '\0';
    return memchr(out, '\0', len) == NULL
               ? HM_OK
               : hm_fail(err, HM_EINVAL, "%s: the passphrase has a NUL byte in it", where);
}

static bool starts_with(const char *text, const char *mark)
{
    return strncmp(text, mark, strlen(mark)) == 0;
}

static enum hm_status read_file(const char *path, char out[HM_PASSPHRASE_ROOM], struct hm_err *err)
{
    FILE *in = fopen(path, "rb");
    enum hm_status st;

    if (in == NULL) {
        return hm_fail(err, HM_EINVAL,
                       "%s: cannot be read; --passphrase-file names a file whose "
                       "first line is the passphrase",
                       path);
    }
    (void)setvbuf(in, NULL, _IONBF, 0); /* so that no copy stays behind */
    st = read_line(in, path, out, err);
    if (starts_with(out, "\xef\xbb\xbf")) { /* what Notepad puts in front; nobody types it */
        memmove(out, out + 3, strlen(out + 3) + 1);
    } else if (starts_with(out, "\xff\xfe") || starts_with(out, "\xfe\xff")) {
        st = hm_fail(err, HM_EINVAL, "%s: the file is UTF-16; save it as UTF-8", path);
    }
    (void)fclose(in);
    return st;
}

static enum hm_status ask(const char *prompt, char out[HM_PASSPHRASE_ROOM], struct hm_err *err)
{
    enum hm_status st;

    (void)fputs(prompt, stderr);
    (void)fflush(stderr);
    hm_os_terminal_echo(false);
    st = read_line(stdin, "terminal", out, err);
    hm_os_terminal_echo(true);
    (void)fputc('\n', stderr);
    return st;
}

static enum hm_status ask_person(const char *prompt, bool repeat, char out[HM_PASSPHRASE_ROOM],
                                 struct hm_err *err)
{
    char again[HM_PASSPHRASE_ROOM];
    volatile char *wipe = again;
    enum hm_status st = ask(prompt, out, err);
    size_t i;

    if (st != HM_OK || !repeat) {
        return st;
    }
    st = ask("once more: ", again, err);
    if (st == HM_OK && strcmp(out, again) != 0) {
        st = hm_fail(err, HM_EINVAL, "the two passphrases are not the same; try again");
    }
    for (i = 0; i < sizeof(again); i++) {
        wipe[i] = '\0';
    }
    return st;
}

enum hm_status hm_passphrase_read(const char *file, const char *prompt, bool repeat,
                                  char out[HM_PASSPHRASE_ROOM], struct hm_err *err)
{
    const char *variable = getenv(HM_PASSPHRASE_VARIABLE);
    enum hm_status st = HM_OK;

    out[0] = '\0';
    if (file != NULL) {
        st = strcmp(file, "-") == 0 ? read_line(stdin, "standard input", out, err)
                                    : read_file(file, out, err);
    } else if (variable != NULL && variable[0] != '\0') {
        if (!hm_str_copy(out, HM_PASSPHRASE_ROOM, variable)) {
            st = hm_fail(err, HM_ETOOBIG, HM_PASSPHRASE_VARIABLE " is longer than %u bytes",
                         HM_LIMIT_PASSPHRASE_BYTES);
        }
    } else if (hm_os_is_terminal(stdin)) {
        st = ask_person(prompt, repeat, out, err);
    }
    if (st == HM_OK && out[0] == '\0') {
        st = hm_fail(err, HM_EINVAL,
                     "no passphrase: give --passphrase-file FILE, set " HM_PASSPHRASE_VARIABLE
                     ", or type it at a terminal");
    }
    return st;
}
