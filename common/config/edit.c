/* common/config/edit.c — changes keys of a "key = value" text and leaves the rest as it is.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/config/edit.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/str.h"

struct edit {
    const struct hm_config_change *change;
    const char *line_end;
    bool has_line; /* the text sets the key somewhere */
    bool put;
};

/* The key of a line "key = value", or of its commented form; len 0 = none. */
static struct hm_span key_of(struct hm_span line, bool commented)
{
    struct hm_span text = hm_str_trim(line.at, line.len);
    const char *equals;

    if ((text.len > 0 && text.at[0] == '#') != commented) {
        return (struct hm_span){"", 0};
    }
    if (commented) {
        text.at++;
        text.len--;
    }
    equals = memchr(text.at, '=', text.len);
    return equals == NULL ? (struct hm_span){"", 0}
                          : hm_str_trim(text.at, (size_t)(equals - text.at));
}

static bool sets(struct hm_span line, bool commented, const char *key)
{
    struct hm_span found = key_of(line, commented);

    return found.len == strlen(key) && memcmp(found.at, key, found.len) == 0;
}

static bool is_set(struct hm_span text, const char *key)
{
    struct hm_span line;

    while (hm_str_next_line(&text, &line)) {
        if (sets(line, false, key)) {
            return true;
        }
    }
    return false;
}

static void put_change(struct edit *edit, struct hm_buf *out)
{
    if (!edit->put && edit->change->value != NULL) {
        (void)hm_buf_printf(out, "%s = %s%s", edit->change->key, edit->change->value,
                            edit->line_end);
    }
    edit->put = true;
}

/* One key; the next one works on what this one made. */
static void change_key(struct hm_span text, const struct hm_config_change *change,
                       struct hm_buf *out)
{
    struct edit edit = {.change = change, .line_end = "\n"};
    struct hm_span rest = text;
    struct hm_span line;

    if (text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0) { /* what Notepad puts in front */
        (void)hm_buf_put(out, text.at, 3);
        rest.at += 3;
        rest.len -= 3;
    }
    edit.line_end = text.len > 1 && strstr(text.at, "\r\n") != NULL ? "\r\n" : "\n";
    edit.has_line = is_set(rest, change->key);
    while (hm_str_next_line(&rest, &line)) {
        if (sets(line, false, change->key)) {
            put_change(&edit, out);
            continue;
        }
        (void)hm_buf_put(out, line.at, line.len);
        (void)hm_buf_puts(out, edit.line_end);
        if (!edit.has_line && sets(line, true, change->key)) {
            put_change(&edit, out);
        }
    }
    put_change(&edit, out);
}

enum hm_status hm_config_edit(const char *text, size_t len, const struct hm_config_change *changes,
                              size_t count, struct hm_buf *out, struct hm_err *err)
{
    struct hm_buf before;
    enum hm_status st;

    for (size_t i = 0; i < count; i++) {
        if (changes[i].value != NULL && strpbrk(changes[i].value, "\r\n") != NULL) {
            return hm_fail(err, HM_EINVAL, "the value of %s has a line end in it; give one line",
                           changes[i].key);
        }
    }
    hm_buf_init(&before, out->cap_bytes);
    hm_buf_reset(out);
    (void)hm_buf_put(out, text, len);
    for (size_t i = 0; i < count; i++) {
        struct hm_buf swap = before;

        before = *out;
        *out = swap;
        hm_buf_reset(out);
        change_key((struct hm_span){hm_buf_text(&before), before.len}, &changes[i], out);
    }
    st = hm_buf_status(&before, err);
    if (st == HM_OK) {
        st = hm_buf_status(out, err);
    }
    hm_buf_fini(&before);
    return st;
}
