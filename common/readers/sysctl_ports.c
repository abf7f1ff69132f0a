/* common/readers/sysctl_ports.c — Linux ip_local_port_range and ip_local_reserved_ports.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/sysctl_ports.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/readers/input_text.h"

#define INPUT_ARENA_BYTES (4u * HM_LIMIT_INPUT_FILE_BYTES)
#define PORT_MAX (HM_PORT_COUNT - 1)
#define KERNEL_FIRST 32768u
#define KERNEL_LAST 60999u

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A port as the kernel reads it: a leading zero would make it octal. */
static bool parse_port(const char *text, size_t len, uint32_t *out_port)
{
    return len > 0 && text[0] != '0' && hm_str_parse_u32(text, len, PORT_MAX, out_port);
}

enum hm_status hm_sysctl_parse_range(const char *text, size_t len, struct hm_range *out_range,
                                     struct hm_err *err)
{
    struct hm_span both = hm_str_trim(text, len);
    size_t first_len = 0;
    struct hm_span second;
    uint32_t first;
    uint32_t last;

    while (first_len < both.len && !is_space(both.at[first_len])) {
        first_len++;
    }
    second = hm_str_trim(both.at + first_len, both.len - first_len);
    if (!parse_port(both.at, first_len, &first) || !parse_port(second.at, second.len, &last)) {
        return hm_fail(err, HM_EINVAL,
                       "ip_local_port_range must be two ports, 1 to 65535: \"32768 60999\"");
    }
    if (last < first) {
        return hm_fail(err, HM_EINVAL, "ip_local_port_range %u %u ends below its start", first,
                       last);
    }
    *out_range = (struct hm_range){(uint16_t)first, (uint16_t)last};
    return HM_OK;
}

enum hm_status hm_sysctl_parse_reserved(const char *text, size_t len, struct hm_arena *arena,
                                        struct hm_ports *out_ports, struct hm_err *err)
{
    struct hm_span list = hm_str_trim(text, len);
    enum hm_status st = hm_ports_parse(list.at, list.len, arena, out_ports, err);

    if (st != HM_OK) {
        hm_err_prefix(err, "ip_local_reserved_ports");
    }
    return st;
}

#define RANGE_NAME "net.ipv4.ip_local_port_range"
#define RESERVED_NAME "net.ipv4.ip_local_reserved_ports"
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

/* Does the pattern match? As glob(7) on the files below /proc/sys: a "*" is within one part of the
 * name, so that only the last one can take more. sysctl takes '/' for '.' too. A pattern over the
 * limit is no name. */
static bool matches(struct hm_span pattern, const char *name)
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

static bool is_pattern(struct hm_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '*' || name.at[i] == '?' || name.at[i] == '[') {
            return true;
        }
    }
    return false;
}

/* A '-' before the name: do not complain. */
static struct hm_span without_dash(struct hm_span name)
{
    return name.len > 0 && name.at[0] == '-' ? (struct hm_span){name.at + 1, name.len - 1} : name;
}

/* "sysctl: permission denied on key 'fs.protected_fifos'", among the values of sysctl -a. */
static bool is_complaint(struct hm_span line)
{
    static const char mark[] = "sysctl: ";

    return line.len >= sizeof(mark) - 1 && memcmp(line.at, mark, sizeof(mark) - 1) == 0;
}

/* Gives the value to each of the two that the name matches. The kernel takes it for one of them and
 * refuses it for the other where a pattern matches both: an error only when neither takes it. */
static enum hm_status set_both(struct hm_span name, struct hm_span value, struct hm_arena *arena,
                               struct hm_sysctl_ports *ports, struct hm_err *err)
{
    enum hm_status range_st = HM_ENOENT;
    enum hm_status reserved_st = HM_ENOENT;
    struct hm_err why;

    if (matches(name, RANGE_NAME)) {
        range_st = hm_sysctl_parse_range(value.at, value.len, &ports->range, &why);
    }
    if (matches(name, RESERVED_NAME)) {
        reserved_st = hm_sysctl_parse_reserved(value.at, value.len, arena, &ports->reserved, &why);
    }
    if (range_st == HM_OK) {
        ports->has_range = true;
        ports->range_named = !is_pattern(name);
    }
    if (reserved_st == HM_OK) {
        ports->has_reserved = true;
        ports->reserved_named = !is_pattern(name);
    }
    if (reserved_st == HM_ENOMEM || (range_st != HM_OK && reserved_st != HM_OK &&
                                     (range_st == HM_EINVAL || reserved_st == HM_EINVAL))) {
        if (err != NULL) {
            *err = why;
        }
        return reserved_st == HM_ENOMEM ? HM_ENOMEM : HM_EINVAL;
    }
    return HM_OK;
}

static enum hm_status take_line(struct hm_span line, struct hm_arena *arena,
                                struct hm_sysctl_ports *ports, struct hm_err *err)
{
    const char *equals = line.len == 0 ? NULL : memchr(line.at, '=', line.len);
    struct hm_span name;
    struct hm_span value;

    if (line.len == 0 || line.at[0] == '#' || line.at[0] == ';' || is_complaint(line)) {
        return HM_OK;
    }
    if (equals == NULL) {
        /* "-name" alone takes a name out of a pattern in sysctl.d; anything else is damage */
        if (line.at[0] != '-' || line.len == 1) {
            return hm_fail(err, HM_EINVAL, "no 'name = value' and no comment");
        }
        name = without_dash(line);
        ports->range_named = matches(name, RANGE_NAME);
        ports->reserved_named = matches(name, RESERVED_NAME);
        return HM_OK;
    }
    name = without_dash(hm_str_trim(line.at, (size_t)(equals - line.at)));
    value = hm_str_trim(equals + 1, line.len - (size_t)(equals - line.at) - 1);
    if (name.len > HM_LIMIT_SYSCTL_NAME_BYTES) {
        return hm_fail(err, HM_EINVAL, "the name is longer than %u bytes",
                       HM_LIMIT_SYSCTL_NAME_BYTES);
    }
    return set_both(name, value, arena, ports, err);
}

/* Does the line set one of the two, whatever else is in it? */
static bool is_about_ports(struct hm_span line)
{
    static const char mark[] = "ip_local_";
    const size_t len = sizeof(mark) - 1;
    const char *equals = line.len == 0 ? NULL : memchr(line.at, '=', line.len);
    const size_t name_len = equals == NULL ? line.len : (size_t)(equals - line.at);
    const struct hm_span name = without_dash(hm_str_trim(line.at, name_len));

    if (is_pattern(name) && (matches(name, RANGE_NAME) || matches(name, RESERVED_NAME))) {
        return true;
    }

    for (size_t i = 0; i + len <= line.len; i++) {
        if (memcmp(line.at + i, mark, len) == 0) {
            return true;
        }
    }
    return false;
}

/* A name that stands alone, as "-name", is taken out of patterns: what they have set is undone. */
static void take_setting(const struct hm_sysctl_ports *one, struct hm_sysctl_ports *ports)
{
    if (one->reserved_named || (one->has_reserved && !ports->reserved_named)) {
        if (one->has_reserved || !ports->reserved_named) {
            ports->has_reserved = one->has_reserved;
            ports->reserved = one->reserved;
        }
        ports->reserved_named = ports->reserved_named || one->reserved_named;
    }
    if (one->range_named || (one->has_range && !ports->range_named)) {
        if (one->has_range || !ports->range_named) {
            ports->has_range = one->has_range;
            ports->range = one->range;
        }
        ports->range_named = ports->range_named || one->range_named;
    }
}

enum hm_status hm_sysctl_take_settings(struct hm_span text, struct hm_arena *arena,
                                       struct hm_sysctl_ports *ports, struct hm_err *err)
{
    struct hm_span line;

    while (hm_str_next_line(&text, &line)) {
        struct hm_sysctl_ports one = {0};
        struct hm_span whole;
        struct hm_err why;
        enum hm_status st;

        line = hm_str_trim(line.at, line.len);
        if (!is_about_ports(line)) {
            continue;
        }
        whole = line;
        while (line.len > 0 && line.at[line.len - 1] == ',') {
            line.len--;
        }
        st = take_line(line, arena, &one, &why);
        if (st == HM_EINVAL) {
            const char *text_of_line = hm_input_clean(whole.at, whole.len, arena);

            ports->refused = text_of_line == NULL
                                 ? NULL
                                 : hm_arena_printf(arena, "\"%s\" (%s)", text_of_line, why.text);
            st = ports->refused == NULL ? HM_ENOMEM : HM_EINVAL;
        }
        if (st == HM_ENOMEM) {
            return hm_fail(err, st, "no memory for the settings of sysctl");
        }
        if (st == HM_OK) {
            take_setting(&one, ports);
        }
    }
    return HM_OK;
}

/* 61000 was the end before 60999. */
static bool is_kernel_default(struct hm_range range)
{
    return range.first == KERNEL_FIRST && (range.last == KERNEL_LAST || range.last == 61000);
}

void hm_sysctl_doubt_next(struct hm_stack *stack)
{
    stack->next_unknown = (stack->has_administered && stack->administered.count > 0) ||
                          (stack->has_dynamic && !is_kernel_default(stack->dynamic));
}

enum hm_status hm_sysctl_set_next(const struct hm_sysctl_ports *settings, struct hm_arena *arena,
                                  struct hm_stack *stack, struct hm_err *err)
{
    const struct hm_ports none = {NULL, 0};
    struct hm_range range = {KERNEL_FIRST, KERNEL_LAST};
    struct hm_ports now = none;
    enum hm_status st = hm_ports_union(stack->administered, none, arena, &now, err);

    if (settings->has_range) {
        range = settings->range;
    } else if (is_kernel_default(stack->dynamic)) {
        range = stack->dynamic;
    }
    stack->has_next_dynamic = stack->has_dynamic && (range.first != stack->dynamic.first ||
                                                     range.last != stack->dynamic.last);
    stack->next_dynamic = stack->has_next_dynamic ? range : (struct hm_range){0, 0};
    if (st == HM_OK && stack->has_administered) {
        struct hm_ports next = settings->has_reserved ? settings->reserved : none;

        st = hm_ports_union(next, none, arena, &next, err);
        stack->has_next_administered = st == HM_OK && !hm_ports_equal(now, next);
        stack->next_administered = stack->has_next_administered ? next : none;
    }
    return st;
}

enum hm_status hm_sysctl_parse(const char *text, size_t len, struct hm_arena *arena,
                               struct hm_sysctl_ports *out_ports, struct hm_err *err)
{
    struct hm_sysctl_ports ports = {0};
    struct hm_arena input;
    struct hm_span rest;
    struct hm_span line_text;
    unsigned line = 0;
    enum hm_status st;

    hm_arena_init(&input, INPUT_ARENA_BYTES);
    st = hm_input_text(text, len, &input, &rest, err);
    while (st == HM_OK && hm_str_next_line(&rest, &line_text)) {
        line++;
        st = take_line(hm_str_trim(line_text.at, line_text.len), arena, &ports, err);
        if (st != HM_OK && err != NULL) {
            hm_err_prefix(err, "line %u", line);
            err->line = line;
        }
    }
    if (st == HM_OK) {
        *out_ports = ports;
    }
    hm_arena_fini(&input);
    return st;
}
