/* agent/platform/linux/server_command.c — what the command line of a server says of ports and
 * files. SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/server_settings.h"

#include <stdio.h>
#include <string.h>

#include "agent/platform/linux/linux.h"
#include "common/base/str.h"

bool hm_linux_server_word(const struct hm_linux_server *server, const char **inout,
                          char out[HM_LINUX_WORD_BYTES], bool *out_known)
{
    const char *at = *inout + strspn(*inout, " \t\"'");
    const size_t len = strcspn(at, " \t\"'");

    *inout = at + len;
    out[0] = '\0';
    *out_known = hm_linux_unit_expand(server->unit->name, (struct hm_span){at, len}, out) &&
                 strchr(out, '$') == NULL;
    return len > 0;
}

/* "--port=N", "--port N", "-p N", "-pN"; *out NULL: it is another word. false: the value is not
 * known. */
static bool option_value(const struct hm_linux_server *server, const char *word, const char *option,
                         const char **inout, char buffer[HM_LINUX_WORD_BYTES], const char **out)
{
    const size_t len = strlen(option);
    bool known;

    *out = NULL;
    if (strncmp(word, option, len) != 0) {
        return true;
    }
    if (word[len] == '\0') {
        *out = buffer;
        return hm_linux_server_word(server, inout, buffer, &known) && known;
    }
    if (option[1] == '-' && word[len] != '=') {
        return true;
    }
    *out = word + len + (option[1] == '-');
    return true;
}

static bool is_harmless(const struct hm_linux_server_options *options, const char *word)
{
    for (size_t i = 0; i < HM_COUNT(options->variables) && options->variables[i] != NULL; i++) {
        if (strncmp(word, options->variables[i], strlen(options->variables[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Does the unit give this variable options, "$MYSQLD_OPTS"? Then they are not read. */
static bool has_options(struct hm_linux_server *server, const char *word)
{
    const char *at = word + strspn(word, "${");
    char name[HM_LINUX_WORD_BYTES];
    enum hm_linux_variable found;
    const char *value;

    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, "}"), at);
    if (!hm_linux_unit_variable(server->root, server->unit, name, server->arena, &found, &value)) {
        server->no_memory = true;
        return true;
    }
    return found == HM_LINUX_VARIABLE_UNCLEAR || strchr(value, '-') != NULL;
}

/* "-Dp" becomes "-p". false: a letter that is not known may have the rest as its value, or be one
 * of several. */
static bool drop_flags(const struct hm_linux_server_options *options, char *word)
{
    if (options->flags == NULL || word[0] != '-' || word[1] == '-') {
        return true;
    }
    while (word[1] != '\0' && word[2] != '\0' && strchr(options->flags, word[1]) != NULL) {
        memmove(word + 1, word + 2, strlen(word + 1));
    }
    for (size_t i = 0; i < 2 && options->port[i] != NULL; i++) {
        const char letter = options->port[i][1];

        if (letter != '-' && word[1] != letter && strchr(word + 1, letter) != NULL &&
            (options->file[0][1] != word[1])) {
            return false;
        }
    }
    return true;
}

/* Of the command line the last one counts. */
static void take_data(struct hm_linux_server *server, const char *path)
{
    server->settings.data_fixed = false;
    hm_server_settings_data(&server->settings, (struct hm_span){path, strlen(path)});
    server->settings.data_fixed = true;
    server->skips = server->skips || server->settings.doubt != NULL;
}

void hm_linux_server_command(struct hm_linux_server *server,
                             const struct hm_linux_server_options *options, const char **out_file)
{
    const char *rest = server->unit->arguments;
    char word[HM_LINUX_WORD_BYTES];
    char buffer[HM_LINUX_WORD_BYTES];
    bool known;

    *out_file = NULL;
    server->skips = server->skips || server->unit->options_unread;
    while (!server->skips && hm_linux_server_word(server, &rest, word, &known)) {
        const char *value = NULL;

        if (!known &&
            (!is_harmless(options, word) || (server->doubt == NULL && has_options(server, word)))) {
            server->skips = true;
            return;
        }
        server->skips = !drop_flags(options, word);
        for (size_t i = 0; i < HM_COUNT(options->others) && options->others[i] != NULL; i++) {
            server->skips =
                server->skips || strncmp(word, options->others[i], strlen(options->others[i])) == 0;
        }
        for (size_t i = 0; i < 2 && options->port[i] != NULL && value == NULL; i++) {
            if (!option_value(server, word, options->port[i], &rest, buffer, &value) ||
                (value != NULL && !hm_server_settings_fix(
                                      &server->settings, (struct hm_span){value, strlen(value)}))) {
                server->skips = true;
                return;
            }
        }
        for (size_t i = 0; i < 2 && options->file[i] != NULL && value == NULL; i++) {
            if (!option_value(server, word, options->file[i], &rest, buffer, &value)) {
                server->skips = true;
                return;
            }
            if (value != NULL) {
                *out_file = hm_arena_strdup(server->arena, value);
                server->no_memory = *out_file == NULL;
            }
        }
        for (size_t i = 0; i < 2 && options->data[i] != NULL && value == NULL; i++) {
            if (!option_value(server, word, options->data[i], &rest, buffer, &value)) {
                server->skips = true;
                return;
            }
            if (value != NULL) {
                take_data(server, value);
            }
        }
        if (value == NULL && options->bare_file && word[0] == '/' && *out_file == NULL) {
            *out_file = hm_arena_strdup(server->arena, word);
            server->no_memory = *out_file == NULL;
        }
    }
}
