/* common/readers/sysctl_name.c — names and patterns of kernel settings.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/sysctl_name.h"

#include <string.h>

#include "common/base/err.h"
#include "common/base/limits.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

static bool is_separator(char c)
{
    return c == '.' || c == '/';
}

/* The characters of a class as "[:alpha:]", of those that stand in the two names. */
static const struct {
    const char *name;
    const char *members;
} classes[] = {
    {"alnum",  LETTERS DIGITS    },
    {"alpha",  LETTERS           },
    {"digit",  DIGITS            },
    {"graph",  LETTERS DIGITS "_"},
    {"lower",  LETTERS           },
    {"print",  LETTERS DIGITS "_"},
    {"punct",  "_"               },
    {"xdigit", "abcdef" DIGITS   },
};

static bool class_has(struct hm_span name, char c)
{
    for (size_t i = 0; i < HM_COUNT(classes); i++) {
        if (strlen(classes[i].name) == name.len &&
            memcmp(classes[i].name, name.at, name.len) == 0) {
            return strchr(classes[i].members, c) != NULL;
        }
    }
    return false;
}

/* The length of "[:alpha:]" at the beginning; 0 when none stands there. "[=a=]" and "[.a.]" cannot
 * be in a name: '=' ends it, and '.' its part. */
static size_t class_length(struct hm_span text)
{
    if (text.len < 4 || text.at[0] != '[' || text.at[1] != ':') {
        return 0;
    }
    for (size_t i = 2; i + 1 < text.len; i++) {
        if (text.at[i] == ':' && text.at[i + 1] == ']') {
            return i + 2;
        }
    }
    return 0;
}

/* "[a-z]", "[!a]", "[[:alpha:]_]" at the beginning of the pattern: its length, and whether c is in
 * it; 0 when it does not end before the next part of the name: then '[' is a character. */
static size_t bracket(struct hm_span pattern, char c, bool *out_has)
{
    const bool negated = pattern.len > 1 && (pattern.at[1] == '!' || pattern.at[1] == '^');
    const size_t first = negated ? 2 : 1;
    bool has = false;
    size_t at = first;

    while (at < pattern.len && (pattern.at[at] != ']' || at == first)) {
        const struct hm_span rest = {pattern.at + at, pattern.len - at};
        const size_t named = class_length(rest);

        if (named > 0) {
            has = has || class_has((struct hm_span){rest.at + 2, named - 4}, c);
            at += named;
        } else if (is_separator(rest.at[0])) {
            return 0;
        } else if (rest.len > 2 && rest.at[1] == '-' && rest.at[2] != ']') {
            has = has || (c >= rest.at[0] && c <= rest.at[2]);
            at += 3;
        } else {
            has = has || c == rest.at[0];
            at++;
        }
    }
    if (at >= pattern.len) {
        return 0;
    }
    *out_has = has != negated;
    return at + 1;
}

/* The length of what stands for one character at the beginning of the pattern, if it takes c;
 * otherwise 0. */
static size_t one_matches(struct hm_span pattern, char c)
{
    bool has = false;
    size_t len;

    if (pattern.len == 0 || c == '\0') {
        return 0;
    }
    if (pattern.at[0] == '?') {
        return c == '.' ? 0 : 1;
    }
    if (pattern.at[0] == '[' && (len = bracket(pattern, c, &has)) > 0) {
        return has && c != '.' ? len : 0;
    }
    if (pattern.at[0] == '\\' && pattern.len > 1) {
        return pattern.at[1] == c ? 2 : 0;
    }
    return (pattern.at[0] == '/' ? '.' : pattern.at[0]) == c ? 1 : 0;
}

bool hm_sysctl_name_matches(struct hm_span pattern, const char *name)
{
    struct hm_span behind = {NULL, 0}; /* the last "*" */
    const char *taken = NULL;          /* where what it takes ends */

    if (pattern.len > HM_LIMIT_SYSCTL_NAME_BYTES) {
        return false;
    }
    while (pattern.len > 0 || *name != '\0') {
        size_t len;

        if (pattern.len > 0 && pattern.at[0] == '*') {
            pattern = (struct hm_span){pattern.at + 1, pattern.len - 1};
            behind = pattern;
            taken = name;
        } else if ((len = one_matches(pattern, *name)) > 0) {
            pattern = (struct hm_span){pattern.at + len, pattern.len - len};
            name++;
        } else if (taken != NULL && *taken != '\0' && *taken != '.') {
            pattern = behind;
            name = ++taken;
        } else {
            return false;
        }
    }
    return true;
}

bool hm_sysctl_name_is_pattern(struct hm_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '*' || name.at[i] == '?' || name.at[i] == '[') {
            return true;
        }
    }
    return false;
}
