/* agent/platform/linux/server_settings.h — the settings files of one server in the reading; private
 * to server_settings.c, server_files.c and server_command.c.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/platform/linux/units.h"
#include "common/readers/server_settings.h"

struct hm_linux_server {
    const char *root;
    const struct hm_linux_unit *unit;
    const char *service; /* the unit's name without ".service" */
    struct hm_arena *arena;
    struct hm_server_settings settings;
    const char *file;  /* that is read now, without the root */
    const char *first; /* the first that was read; NULL none */
    const char *doubt; /* why the port is not known, and by which file; NULL: it is */
    const char *doubt_file;
    size_t files;
    size_t depth;
    bool skips; /* nothing is said of this service */
    bool no_memory;
};

/* The first doubt counts. why: static text. */
void hm_linux_server_doubt(struct hm_linux_server *server, const char *file, const char *why);

/* Reads and takes the file if there is one. *out_there false: there is none. What cannot be read is
 * a doubt. false: no memory. */
bool hm_linux_server_file(struct hm_linux_server *server, const char *path, bool *out_there);

/* The text of a regular file beside the settings; *out_len 0: there is none. One that cannot be
 * read is a doubt. false: no memory. */
bool hm_linux_server_read(struct hm_linux_server *server, const char *path, char **out_text,
                          size_t *out_len);

/* The callback of struct hm_server_settings, with a struct hm_linux_server. */
bool hm_linux_server_include(void *with, enum hm_server_include how, struct hm_span span);

/* ---- server_command.c ------------------------------------------------------------------------ */

/* Options of a server's command line; unused ones are NULL. */
struct hm_linux_server_options {
    const char *port[2];
    const char *file[2];
    const char *flags;        /* letters without a value; NULL: each stands alone */
    const char *data[2];      /* the folder of data */
    const char *others[8];    /* that say something of ports or files, and are not read */
    const char *variables[3]; /* that are empty, or read elsewhere */
    bool bare_file;           /* the first word that is no option is the file */
};

/* The next word of the unit's arguments with its specifiers filled in; false at the end. *out_known
 * false: it has a variable, quotes, or a specifier that is not known here. */
bool hm_linux_server_word(const struct hm_linux_server *server, const char **inout,
                          char out[HM_LINUX_WORD_BYTES], bool *out_known);

/* What the command line says of ports and files; server->skips where it is not understood.
 * *out_file NULL: it names none. */
void hm_linux_server_command(struct hm_linux_server *server,
                             const struct hm_linux_server_options *options, const char **out_file);
