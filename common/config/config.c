/* common/config/config.c — "key = value" files into a struct, through a table.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/config/config.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/encoding.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/ports/inventory.h"

#define QUOTED_BYTES 80 /* of a foreign text that an error repeats */

struct setting {
    const struct hm_config_row *row;
    const char *value;
    size_t len;
    const char *source;
    struct hm_arena *arena;
    void *at;
    struct hm_err *err;
};

static int quoted(size_t len)
{
    return len < QUOTED_BYTES ? (int)len : QUOTED_BYTES;
}

static enum hm_status refuse(const struct setting *set, const char *wanted)
{
    return hm_fail(set->err, HM_EINVAL, "%s: %s = \"%.*s\": give %s", set->source, set->row->key,
                   quoted(set->len), set->value, wanted);
}

static enum hm_status no_memory(const struct setting *set)
{
    return hm_fail(set->err, HM_ENOMEM, "%s: no memory left for %s", set->source, set->row->key);
}

static enum hm_status check_range(const struct setting *set, uint32_t number, const char *unit)
{
    char wanted[96];

    if (number >= set->row->min && number <= set->row->max) {
        *(uint32_t *)set->at = number;
        return HM_OK;
    }
    (void)snprintf(wanted, sizeof(wanted), "%u to %u%s", (unsigned)set->row->min,
                   (unsigned)set->row->max, unit);
    return refuse(set, wanted);
}

static enum hm_status set_string(const struct setting *set)
{
    const char *copy;

    if (set->len > HM_LIMIT_TEXT_BYTES || (set->row->max > 0 && set->len > set->row->max)) {
        return hm_fail(set->err, HM_ETOOBIG, "%s: %s has %zu bytes, at most %u are taken",
                       set->source, set->row->key, set->len,
                       set->row->max > 0 ? (unsigned)set->row->max : HM_LIMIT_TEXT_BYTES);
    }
    if (set->len < set->row->min) {
        return refuse(set, "a value, it may not be empty");
    }
    copy = hm_arena_strndup(set->arena, set->value, set->len);
    if (copy == NULL) {
        return no_memory(set);
    }
    *(const char **)set->at = copy;
    return HM_OK;
}

static enum hm_status set_u32(const struct setting *set)
{
    uint32_t number;

    if (!hm_str_parse_u32(set->value, set->len, UINT32_MAX, &number)) {
        return refuse(set, "a whole number");
    }
    return check_range(set, number, "");
}

static enum hm_status set_bool(const struct setting *set)
{
    static const struct {
        const char *name;
        bool value;
    } names[] = {
        {"on",    true },
        {"yes",   true },
        {"true",  true },
        {"off",   false},
        {"no",    false},
        {"false", false}
    };

    for (size_t i = 0; i < HM_COUNT(names); i++) {
        if (hm_str_equal(set->value, names[i].name)) {
            *(bool *)set->at = names[i].value;
            return HM_OK;
        }
    }
    return refuse(set, "on or off");
}

static enum hm_status set_duration(const struct setting *set)
{
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = {
        {'s', 1    },
        {'m', 60   },
        {'h', 3600 },
        {'d', 86400}
    };
    size_t digits = set->len;
    uint32_t scale = 1;
    uint32_t number;

    for (size_t i = 0; i < HM_COUNT(units) && set->len > 0; i++) {
        if (set->value[set->len - 1] == units[i].unit) {
            scale = units[i].seconds;
            digits = set->len - 1;
        }
    }
    if (!hm_str_parse_u32(set->value, digits, UINT32_MAX / scale, &number)) {
        return refuse(set, "seconds, or a number with s, m, h or d: 300, 5m, 1h");
    }
    return check_range(set, number * scale, " seconds");
}

static enum hm_status set_enum(const struct setting *set)
{
    char wanted[256] = "one of";
    size_t len = strlen(wanted);

    for (unsigned i = 0; i < set->row->name_count; i++) {
        if (hm_str_equal(set->value, set->row->names[i])) {
            memcpy(set->at, &i, sizeof(i));
            return HM_OK;
        }
    }
    for (unsigned i = 0; i < set->row->name_count && len < sizeof(wanted); i++) {
        int more = snprintf(wanted + len, sizeof(wanted) - len, "%s %s", i > 0 ? "," : "",
                            set->row->names[i]);

        len += more > 0 ? (size_t)more : 0;
    }
    return refuse(set, wanted);
}

/* Adds the pieces to what the list has: the key may be repeated. */
static enum hm_status set_list(const struct setting *set)
{
    struct hm_strings *list = set->at;
    size_t most = set->row->max > 0 ? set->row->max : HM_LIMIT_PAGE_ROWS;
    size_t pieces = 1;
    size_t count = list->count;
    const char **grown;
    const char *at = set->value;

    for (const char *c = at; *c != '\0'; c++) {
        pieces += *c == ',' ? 1 : 0;
    }
    grown = hm_arena_alloc(set->arena, count + pieces, sizeof(*grown));
    if (grown == NULL) {
        return no_memory(set);
    }
    if (count > 0) {
        memcpy(grown, list->at, count * sizeof(*grown));
    }
    for (size_t i = 0; i < pieces && set->len > 0; i++) {
        size_t len = strcspn(at, ",");
        struct hm_span piece = hm_str_trim(at, len);

        if (piece.len == 0) {
            return refuse(set, "values parted by single commas");
        }
        grown[count] = hm_arena_strndup(set->arena, piece.at, piece.len);
        if (grown[count++] == NULL) {
            return no_memory(set);
        }
        at += len + 1;
    }
    if (count > most) {
        return hm_fail(set->err, HM_ETOOBIG, "%s: %s has %zu values, at most %zu are taken",
                       set->source, set->row->key, count, most);
    }
    *list = (struct hm_strings){grown, count};
    return HM_OK;
}

static enum hm_status (*const setters[])(const struct setting *set) = {
    [HM_CONFIG_STRING] = set_string,     [HM_CONFIG_U32] = set_u32,   [HM_CONFIG_BOOL] = set_bool,
    [HM_CONFIG_DURATION] = set_duration, [HM_CONFIG_ENUM] = set_enum, [HM_CONFIG_LIST] = set_list,
};

static enum hm_status set_row(const struct hm_config_row *row, const char *value,
                              const char *source, struct hm_arena *arena, void *out,
                              struct hm_err *err)
{
    struct setting set = {row, value, strlen(value), source, arena, NULL, err};

    set.at = (unsigned char *)out + row->offset;
    if (!hm_str_is_utf8(value, set.len)) {
        return hm_fail(err, HM_EINVAL, "%s: %s is not UTF-8 text; save the file as UTF-8", source,
                       row->key);
    }
    return setters[row->type](&set);
}

static const struct hm_config_row *find_row(const struct hm_config_row *rows, size_t count,
                                            const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].key, key) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

enum hm_status hm_config_defaults(const struct hm_config_row *rows, size_t count,
                                  struct hm_arena *arena, void *out, struct hm_err *err)
{
    for (size_t i = 0; i < count; i++) {
        unsigned char *at = (unsigned char *)out + rows[i].offset;
        enum hm_status st;

        if (rows[i].type == HM_CONFIG_STRING) {
            *(const char **)(void *)at = "";
        }
        if (rows[i].type == HM_CONFIG_LIST) {
            *(struct hm_strings *)(void *)at = (struct hm_strings){NULL, 0};
        }
        if (rows[i].standard == NULL || rows[i].standard[0] == '\0') {
            continue; /* "" is a good default even where a given value may not be empty */
        }
        st = set_row(&rows[i], rows[i].standard, "default", arena, out, err);
        if (st != HM_OK) {
            return st;
        }
    }
    return HM_OK;
}

enum hm_status hm_config_set(const struct hm_config_row *rows, size_t count, const char *key,
                             const char *value, const char *source, struct hm_arena *arena,
                             void *out, struct hm_err *err)
{
    const struct hm_config_row *row = find_row(rows, count, key);

    if (row == NULL) {
        return hm_fail(err, HM_EINVAL, "%s: there is no key \"%.*s\"; look at its spelling", source,
                       quoted(strlen(key)), key);
    }
    if (row->type == HM_CONFIG_LIST) { /* what is set here replaces the default or the file */
        struct hm_strings *list = (void *)((unsigned char *)out + row->offset);
        struct hm_strings before = *list;
        enum hm_status st;

        *list = (struct hm_strings){NULL, 0};
        st = set_row(row, value, source, arena, out, err);
        if (st != HM_OK) {
            *list = before;
        }
        return st;
    }
    return set_row(row, value, source, arena, out, err);
}

static size_t setting_len(const struct hm_config_row *rows, size_t count, const char *text)
{
    size_t len = strcspn(text, ",");

    while (text[len] == ',') {
        const char *next = text + len + 1;
        const size_t key_len = strcspn(next, "=,");

        for (size_t i = 0; next[key_len] == '=' && i < count; i++) {
            if (strlen(rows[i].key) == key_len && memcmp(rows[i].key, next, key_len) == 0) {
                return len;
            }
        }
        len += 1 + strcspn(next, ",");
    }
    return len;
}

enum hm_status hm_config_next_setting(const struct hm_config_row *rows, size_t count,
                                      const char **settings, const char *source,
                                      struct hm_arena *arena, const char **out_key,
                                      const char **out_value, struct hm_err *err)
{
    const size_t len = setting_len(rows, count, *settings);
    char *setting = hm_arena_strndup(arena, *settings, len);
    char *equals;

    if (setting == NULL) {
        return hm_fail(err, HM_ENOMEM, "%s: no memory left", source);
    }
    equals = strchr(setting, '=');
    if (equals == NULL) {
        return hm_fail(err, HM_EINVAL, "%s %.*s: give KEY=VALUE", source, quoted(len), *settings);
    }
    *equals = '\0';
    *out_key = setting;
    *out_value = equals + 1;
    *settings += len + ((*settings)[len] == ',' ? 1 : 0);
    return HM_OK;
}

enum hm_status hm_config_set_all(const struct hm_config_row *rows, size_t count,
                                 const char *settings, const char *source, struct hm_arena *arena,
                                 void *out, struct hm_err *err)
{
    enum hm_status st = HM_OK;
    const char *value;
    const char *key;

    while (st == HM_OK && *settings != '\0') {
        st = hm_config_next_setting(rows, count, &settings, source, arena, &key, &value, err);
        if (st == HM_OK) {
            st = hm_config_set(rows, count, key, value, source, arena, out, err);
        }
    }
    return st;
}

struct file {
    const struct hm_config_row *rows;
    size_t count;
    const char *path;
    unsigned line;
    unsigned *first_line; /* by row: where the key was seen first, 0 = not yet */
    struct hm_arena *arena;
    void *out;
    struct hm_err *err;
};

/* A list's first line replaces the default, the next ones add to it. */
static enum hm_status apply(struct file *file, const char *key, const char *value)
{
    const struct hm_config_row *row = find_row(file->rows, file->count, key);
    const char *source = hm_arena_printf(file->arena, "%s:%u", file->path, file->line);
    unsigned *first_line;
    bool again;

    if (source == NULL) {
        return hm_fail(file->err, HM_ENOMEM, "%s: no memory left", file->path);
    }
    if (row == NULL) {
        return hm_config_set(file->rows, file->count, key, value, source, file->arena, file->out,
                             file->err);
    }
    first_line = &file->first_line[row - file->rows];
    again = *first_line != 0;
    if (again && row->type != HM_CONFIG_LIST) {
        return hm_fail(file->err, HM_EINVAL, "%s: %s was given in line %u already; remove one",
                       source, key, *first_line);
    }
    *first_line = again ? *first_line : file->line;
    if (again) {
        return set_row(row, value, source, file->arena, file->out, file->err);
    }
    return hm_config_set(file->rows, file->count, key, value, source, file->arena, file->out,
                         file->err);
}

static enum hm_status parse_line(struct file *file, struct hm_span line)
{
    struct hm_span text = hm_str_trim(line.at, line.len);
    struct hm_span key;
    struct hm_span value;
    const char *equals;
    const char *key_text;
    const char *value_text;

    if (text.len == 0 || text.at[0] == '#') {
        return HM_OK;
    }
    equals = memchr(text.at, '=', text.len);
    if (equals == NULL || memchr(text.at, '\0', text.len) != NULL) {
        return hm_fail(file->err, HM_EINVAL, "%s:%u: \"%.*s\" is not \"key = value\"", file->path,
                       file->line, quoted(text.len), text.at);
    }
    key = hm_str_trim(text.at, (size_t)(equals - text.at));
    value = hm_str_trim(equals + 1, text.len - (size_t)(equals - text.at) - 1);
    key_text = hm_arena_strndup(file->arena, key.at, key.len);
    value_text = hm_arena_strndup(file->arena, value.at, value.len);
    if (key_text == NULL || value_text == NULL) {
        return hm_fail(file->err, HM_ENOMEM, "%s: no memory left", file->path);
    }
    return apply(file, key_text, value_text);
}

enum hm_status hm_config_parse(const struct hm_config_row *rows, size_t count, const char *path,
                               const char *text, size_t len, struct hm_arena *arena, void *out,
                               struct hm_err *err)
{
    struct file file = {rows, count, path, 0, NULL, arena, out, err};
    struct hm_span rest;
    struct hm_span line;

    if (len > HM_LIMIT_CONFIG_BYTES) {
        return hm_fail(err, HM_ETOOBIG, "%s: %zu bytes, at most %u are taken", path, len,
                       HM_LIMIT_CONFIG_BYTES);
    }
    if (hm_text_decode(text, len, arena, &rest, err) != HM_OK) {
        hm_err_prefix(err, "%s", path);
        return HM_EINVAL;
    }
    file.first_line = hm_arena_alloc(arena, count, sizeof(*file.first_line));
    if (file.first_line == NULL) {
        return hm_fail(err, HM_ENOMEM, "%s: no memory left", path);
    }
    while (hm_str_next_line(&rest, &line)) {
        enum hm_status st;

        file.line++;
        st = parse_line(&file, line);
        if (st != HM_OK) {
            if (err != NULL) {
                err->line = file.line;
            }
            return st;
        }
    }
    return HM_OK;
}

static void put_range(const struct hm_config_row *row, struct hm_buf *out)
{
    if (row->type == HM_CONFIG_U32) {
        (void)hm_buf_printf(out, "# A number, %u to %u.\n", (unsigned)row->min, (unsigned)row->max);
    } else if (row->type == HM_CONFIG_DURATION) {
        (void)hm_buf_printf(out, "# A duration (300, 5m, 1h), %u to %u seconds.\n",
                            (unsigned)row->min, (unsigned)row->max);
    } else if (row->type == HM_CONFIG_BOOL) {
        (void)hm_buf_puts(out, "# on or off.\n");
    } else if (row->type == HM_CONFIG_LIST) {
        (void)hm_buf_puts(out, "# A list: commas between, or the key again.\n");
    } else if (row->type == HM_CONFIG_ENUM) {
        (void)hm_buf_puts(out, "# One of");
        for (unsigned i = 0; i < row->name_count; i++) {
            (void)hm_buf_printf(out, "%s %s", i > 0 ? "," : "", row->names[i]);
        }
        (void)hm_buf_puts(out, ".\n");
    }
}

void hm_config_sample(const struct hm_config_row *rows, size_t count, struct hm_buf *out)
{
    for (size_t i = 0; i < count; i++) {
        (void)hm_buf_printf(out, "%s# %s\n", i > 0 ? "\n" : "", rows[i].help);
        put_range(&rows[i], out);
        if (rows[i].standard == NULL) {
            (void)hm_buf_printf(out, "# Must be given.\n#%s =\n", rows[i].key);
        } else {
            (void)hm_buf_printf(out, "#%s = %s\n", rows[i].key, rows[i].standard);
        }
    }
}
