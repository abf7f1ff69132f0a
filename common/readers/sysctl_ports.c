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

/* Does the pattern match? As glob(7) on the files below /proc/sys: a "*" is within one part of the
 * name. sysctl takes '/' for '.' too. */
static bool matches(struct hm_span pattern, const char *name)
{
    while (pattern.len > 0 && pattern.at[0] != '*') {
        const char c = pattern.at[0] == '/' ? '.' : pattern.at[0];

        if (*name == '\0' || (c == '?' ? *name == '.' : *name != c)) {
            return false;
        }
        pattern = (struct hm_span){pattern.at + 1, pattern.len - 1};
        name++;
    }
    if (pattern.len == 0) {
        return *name == '\0';
    }
    pattern = (struct hm_span){pattern.at + 1, pattern.len - 1};
    for (;; name++) {
        if (matches(pattern, name)) {
            return true;
        }
        if (*name == '\0' || *name == '.') {
            return false;
        }
    }
}

static bool is_pattern(struct hm_span name)
{
    return name.len > 0 &&
           (memchr(name.at, '*', name.len) != NULL || memchr(name.at, '?', name.len) != NULL);
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

static enum hm_status take_line(struct hm_span line, struct hm_arena *arena,
                                struct hm_sysctl_ports *ports, struct hm_err *err)
{
    const char *equals = line.len == 0 ? NULL : memchr(line.at, '=', line.len);
    struct hm_span name;
    struct hm_span value;
    enum hm_status st = HM_OK;

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
    if (matches(name, RANGE_NAME)) {
        st = hm_sysctl_parse_range(value.at, value.len, &ports->range, err);
        ports->has_range = st == HM_OK;
        ports->range_named = !is_pattern(name);
    }
    if (matches(name, RESERVED_NAME) && st != HM_ENOMEM) {
        st = hm_sysctl_parse_reserved(value.at, value.len, arena, &ports->reserved, err);
        ports->has_reserved = st == HM_OK;
        ports->reserved_named = !is_pattern(name);
    }
    return st == HM_EINVAL && ports->has_range ? HM_OK : st;
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
