/* common/readers/reg_find.c — registry exports: a value or a key by the end of its path.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/reg_text.h"

#include <string.h>

#include "common/base/str.h"

static char fold_ascii(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The last component of a path of len bytes. */
static struct hm_span last_component(const char *path, size_t len)
{
    size_t start = len;

    while (start > 0 && path[start - 1] != '\\') {
        start--;
    }
    return (struct hm_span){path + start, len - start};
}

static bool span_is_nocase(struct hm_span a, const char *b, size_t len)
{
    bool same = a.len == len;

    for (size_t i = 0; same && i < len; i++) {
        same = fold_ascii(a.at[i]) == fold_ascii(b[i]);
    }
    return same;
}

/* CurrentControlSet, or ControlSet and three digits. */
static bool is_control_set(struct hm_span name)
{
    uint32_t number;

    return span_is_nocase(name, "CurrentControlSet", strlen("CurrentControlSet")) ||
           (name.len == strlen("ControlSet001") &&
            span_is_nocase((struct hm_span){name.at, name.len - 3}, "ControlSet", 10) &&
            hm_str_parse_u32(name.at + name.len - 3, 3, 999, &number));
}

static bool key_ends_with(const char *key, const char *tail)
{
    size_t key_len = strlen(key);
    size_t tail_len = strlen(tail);

    while (tail_len > 0) {
        struct hm_span k = last_component(key, key_len);
        struct hm_span t = last_component(tail, tail_len);

        if (key_len == 0 ||
            (!span_is_nocase(k, t.at, t.len) && !(is_control_set(k) && is_control_set(t)))) {
            return false;
        }
        key_len -= k.len < key_len ? k.len + 1 : k.len;
        tail_len -= t.len < tail_len ? t.len + 1 : t.len;
    }
    return true;
}

/* The component of the path that is "ControlSet" and three digits; at NULL: there is none. */
static struct hm_span numbered_set(const char *key)
{
    size_t len = strlen(key);

    while (len > 0) {
        struct hm_span name = last_component(key, len);

        if (is_control_set(name) && name.len == strlen("ControlSet001")) {
            return name;
        }
        len -= name.len < len ? name.len + 1 : name.len;
    }
    return (struct hm_span){NULL, 0};
}

/* Is the key the one of CurrentControlSet, or not of a control set at all? */
static bool has_current(const struct hm_reg *reg, const char *key_tail)
{
    for (size_t i = 0; i < reg->keys.count; i++) {
        if (key_ends_with(reg->keys.at[i], key_tail) && numbered_set(reg->keys.at[i]).at == NULL) {
            return true;
        }
    }
    return false;
}

/* Values of Select say which number is the current one. */
static bool is_selected(const struct hm_reg *reg, struct hm_span set)
{
    uint32_t number = 0;

    for (size_t i = 0; i < reg->count; i++) {
        const struct hm_reg_value *value = &reg->at[i];

        if (value->type == HM_REG_DWORD && hm_str_equal_nocase(value->name, "Current") &&
            key_ends_with(value->key, "SYSTEM\\Select")) {
            return hm_str_parse_u32(set.at + set.len - 3, 3, 999, &number) &&
                   number == value->dword;
        }
    }
    return false;
}

const char *hm_reg_other_set(const struct hm_reg *reg, const char *key_tail)
{
    const char *other = NULL;

    if (has_current(reg, key_tail)) {
        return NULL;
    }
    for (size_t i = 0; i < reg->keys.count; i++) {
        if (!key_ends_with(reg->keys.at[i], key_tail)) {
            continue;
        }
        if (is_selected(reg, numbered_set(reg->keys.at[i]))) {
            return NULL;
        }
        other = reg->keys.at[i];
    }
    return other;
}

/* Of several control sets in one text the current one counts. */
static bool counts(const struct hm_reg *reg, const char *key, bool current, bool selected)
{
    const struct hm_span set = numbered_set(key);

    return set.at == NULL ? true : !current && (!selected || is_selected(reg, set));
}

const struct hm_reg_value *hm_reg_find(const struct hm_reg *reg, const char *key_tail,
                                       const char *name)
{
    const bool current = has_current(reg, key_tail);
    const bool selected = !current && hm_reg_other_set(reg, key_tail) == NULL;
    const struct hm_reg_value *found = NULL;

    for (size_t i = 0; i < reg->count; i++) { /* the last one wins, as when it is imported */
        const struct hm_reg_value *value = &reg->at[i];

        if (hm_str_equal_nocase(value->name, name) && key_ends_with(value->key, key_tail) &&
            counts(reg, value->key, current, selected)) {
            found = value;
        }
    }
    return found;
}

bool hm_reg_has_key(const struct hm_reg *reg, const char *key_tail)
{
    for (size_t i = 0; i < reg->keys.count; i++) {
        if (key_ends_with(reg->keys.at[i], key_tail)) {
            return true;
        }
    }
    return false;
}
