/* agent/platform/linux/unit_environment.c — variables that a unit sets for its processes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * systemd.exec(5): Environment= has assignments, each in quotes or not; files of EnvironmentFile=
 * are read when the service starts, and outrank it; PassEnvironment= takes variables of the
 * manager, which are not read. Of a name the last assignment counts. */
#include "agent/platform/linux/units.h"

#include <string.h>
#include <sys/stat.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"

static bool add(struct hm_strings *list, size_t *room, const char *text, struct hm_arena *arena)
{
    void *items = (void *)list->at;

    if (text == NULL || hm_arena_grow(arena, &items, list->count, room, sizeof(*list->at)) != 0) {
        return false;
    }
    list->at = (const char **)items;
    list->at[list->count++] = text;
    return true;
}

bool hm_linux_unit_put_environment(struct hm_linux_unit *unit, enum hm_linux_environment kind,
                                   struct hm_span value, struct hm_arena *arena)
{
    static const char suffix[] = "OPTS=";
    struct hm_strings *list = &unit->environment[kind];

    if (value.len == 0) {
        list->count = 0;
        return true;
    }
    /* "MYSQLD_OPTS=--port=3307": what a command line with the variable says is not known. */
    for (size_t i = 0; kind == HM_LINUX_ENVIRONMENT && i + sizeof(suffix) - 1 < value.len; i++) {
        unit->options_unread =
            unit->options_unread || (memcmp(value.at + i, suffix, sizeof(suffix) - 1) == 0 &&
                                     memchr(value.at + i, '-', value.len - i) != NULL);
    }
    return add(list, &unit->environment_room[kind], hm_arena_strndup(arena, value.at, value.len),
               arena);
}

/* ---- one variable ---------------------------------------------------------------------------- */

struct search {
    const char *name;
    struct hm_arena *arena;
    enum hm_linux_variable found;
    const char *value;
    bool no_memory;
};

static void find(struct search *search, struct hm_span value)
{
    search->found = HM_LINUX_VARIABLE_SET;
    search->value = hm_arena_strndup(search->arena, value.at, value.len);
    search->no_memory = search->no_memory || search->value == NULL;
}

/* "A=1 \"B=2 3\" 'C=4'" */
static void search_words(struct search *search, const char *text)
{
    const size_t len = strlen(search->name);
    const char *at = text;

    while (*(at += strspn(at, " \t")) != '\0') {
        const char quote = *at == '"' || *at == '\'' ? *at : '\0';
        const char *begin = at + (quote != '\0');
        const char *end = quote == '\0' ? begin + strcspn(begin, " \t") : strchr(begin, quote);

        end = end == NULL ? begin + strlen(begin) : end;
        if ((size_t)(end - begin) > len && memcmp(begin, search->name, len) == 0 &&
            begin[len] == '=') {
            find(search, (struct hm_span){begin + len + 1, (size_t)(end - begin) - len - 1});
        }
        at = end + (quote != '\0' && *end != '\0');
    }
}

/* "A=1", "A='2 3'"; a comment begins with '#' or ';'. */
static void search_lines(struct search *search, struct hm_span text)
{
    const size_t len = strlen(search->name);
    struct hm_span line;

    while (hm_str_next_line(&text, &line)) {
        struct hm_span one = hm_str_trim(line.at, line.len);

        if (one.len <= len || memcmp(one.at, search->name, len) != 0) {
            continue;
        }
        one = hm_str_trim(one.at + len, one.len - len);
        if (one.len == 0 || one.at[0] != '=') {
            continue;
        }
        one = hm_str_trim(one.at + 1, one.len - 1);
        if (one.len > 1 && (one.at[0] == '"' || one.at[0] == '\'') &&
            one.at[one.len - 1] == one.at[0]) {
            one = (struct hm_span){one.at + 1, one.len - 2};
        }
        find(search, one);
    }
}

/* A file that is not there says nothing. */
static void search_file(struct search *search, const char *root, const struct hm_linux_unit *unit,
                        const char *file)
{
    const struct hm_span path = {file + (file[0] == '-'), strlen(file + (file[0] == '-'))};
    char expanded[HM_LINUX_WORD_BYTES];
    struct stat info;
    const char *full;
    char *text;
    size_t len;
    enum hm_status st;

    if (!hm_linux_unit_expand(unit->name, path, expanded) || expanded[0] != '/' ||
        strpbrk(expanded, "*?[") != NULL) {
        search->found = HM_LINUX_VARIABLE_UNCLEAR;
        return;
    }
    full = hm_arena_printf(search->arena, "%s%s", root, expanded);
    search->no_memory = search->no_memory || full == NULL;
    if (full == NULL || (stat(full, &info) == 0 && !S_ISREG(info.st_mode))) {
        search->found = HM_LINUX_VARIABLE_UNCLEAR;
        return;
    }
    st = hm_os_read_file(full, HM_LIMIT_CONFIG_BYTES, search->arena, &text, &len, NULL);
    search->no_memory = search->no_memory || st == HM_ENOMEM;
    if (st == HM_OK) {
        search_lines(search, (struct hm_span){text, len});
    } else if (st != HM_ENOENT) {
        search->found = HM_LINUX_VARIABLE_UNCLEAR;
    }
}

bool hm_linux_unit_variable(const char *root, const struct hm_linux_unit *unit, const char *name,
                            struct hm_arena *arena, enum hm_linux_variable *out,
                            const char **out_value)
{
    const struct hm_strings *passed = &unit->environment[HM_LINUX_ENVIRONMENT_PASSED];
    const struct hm_strings *words = &unit->environment[HM_LINUX_ENVIRONMENT];
    const struct hm_strings *files = &unit->environment[HM_LINUX_ENVIRONMENT_FILE];
    struct search search = {name, arena, HM_LINUX_VARIABLE_UNSET, "", false};

    for (size_t i = 0; i < passed->count; i++) {
        if (strstr(passed->at[i], name) != NULL) {
            search.found = HM_LINUX_VARIABLE_UNCLEAR;
        }
    }
    for (size_t i = 0; i < words->count; i++) {
        search_words(&search, words->at[i]);
    }
    for (size_t i = 0; i < files->count; i++) {
        search_file(&search, root, unit, files->at[i]);
    }
    *out = search.found;
    *out_value = search.found == HM_LINUX_VARIABLE_SET ? search.value : "";
    return !search.no_memory;
}
