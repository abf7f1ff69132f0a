/* common/readers/sysctl_settings.c — what the settings files of sysctl.d set at a boot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/sysctl_ports.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/readers/input_text.h"
#include "common/readers/sysctl_name.h"

#define PORT_MAX (HM_PORT_COUNT - 1)
#define KERNEL_FIRST 32768u
#define KERNEL_LAST 60999u
#define KERNEL_UNPRIVILEGED 1024u /* ip_unprivileged_port_start, while no file sets it */

enum { RANGE, RESERVED, UNPRIVILEGED, TARGETS };
static const char *const targets[TARGETS] = {
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
};

struct hm_sysctl_setting {
    struct hm_span name; /* with dots between its parts */
    const char *value;   /* NULL: the name stands alone, with a "-" */
    const char *line;    /* for people */
    bool pattern;
};

/* ---- one line ------------------------------------------------------------------------------- */

/* The name with dots between its parts; false when it has another separator in a part, as no name
 * that counts here has, or is too long. */
static bool normalize(struct hm_span name, char out[HM_LIMIT_SYSCTL_NAME_BYTES], size_t *out_len)
{
    char separator = '\0';
    size_t len = 0;

    for (size_t i = 0; i < name.len; i++) {
        const char c = name.at[i];
        const bool is_separator = c == '.' || c == '/';

        if (is_separator && separator == '\0') {
            separator = c;
        }
        if (is_separator && c != separator) {
            return false;
        }
        if (is_separator && (len == 0 || out[len - 1] == '.')) {
            continue; /* "/net//ipv4" */
        }
        if (len >= HM_LIMIT_SYSCTL_NAME_BYTES) {
            return false;
        }
        out[len++] = is_separator ? '.' : c;
    }
    *out_len = len;
    return len > 0;
}

static bool is_any_target(struct hm_span name)
{
    for (unsigned i = 0; i < TARGETS; i++) {
        if (hm_sysctl_name_matches(name, targets[i])) {
            return true;
        }
    }
    return false;
}

/* Is a line that is no setting about the ports, so that somebody may count on it? */
static bool mentions_ports(struct hm_span line)
{
    static const char mark[] = "ip_local_";
    const size_t len = sizeof(mark) - 1;

    for (size_t i = 0; i + len <= line.len; i++) {
        if (memcmp(line.at + i, mark, len) == 0) {
            return true;
        }
    }
    return false;
}

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the settings of sysctl");
}

static enum hm_status put_damaged(struct hm_sysctl_ports *ports, struct hm_span line,
                                  const char *why, struct hm_arena *arena, struct hm_err *err)
{
    const char *text = hm_input_clean(line.at, line.len, arena);

    ports->damaged = text == NULL ? NULL : hm_arena_printf(arena, "\"%s\" (%s)", text, why);
    return ports->damaged == NULL ? no_memory(err) : HM_OK;
}

static bool is_same_name(struct hm_span a, struct hm_span b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static bool is_same_value(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

/* A name that is there already goes to the end, unless its value is the same. */
static enum hm_status put_setting(struct hm_sysctl_ports *ports,
                                  const struct hm_sysctl_setting *one, struct hm_arena *arena,
                                  struct hm_err *err)
{
    size_t at = 0;

    while (at < ports->settings_count && !is_same_name(ports->settings[at].name, one->name)) {
        at++;
    }
    if (at < ports->settings_count) {
        if (is_same_value(ports->settings[at].value, one->value)) {
            return HM_OK;
        }
        ports->settings_count--;
        memmove(&ports->settings[at], &ports->settings[at + 1],
                (ports->settings_count - at) * sizeof(*ports->settings));
    }
    if (ports->settings_count >= HM_LIMIT_SYSCTL_SETTINGS) {
        return put_damaged(ports, one->name, "there are too many patterns", arena, err);
    }
    if (hm_arena_grow(arena, (void **)&ports->settings, ports->settings_count,
                      &ports->settings_room, sizeof(*ports->settings)) != 0) {
        return no_memory(err);
    }
    ports->settings[ports->settings_count++] = *one;
    return HM_OK;
}

/* A comma at the end is taken by the kernel. */
static struct hm_span without_commas(struct hm_span value)
{
    while (value.len > 0 && value.at[value.len - 1] == ',') {
        value.len--;
    }
    return value;
}

static enum hm_status take_line(struct hm_span line, struct hm_arena *arena,
                                struct hm_sysctl_ports *ports, struct hm_err *err)
{
    const char *equals = line.len == 0 ? NULL : memchr(line.at, '=', line.len);
    struct hm_span name =
        equals == NULL ? line : (struct hm_span){line.at, (size_t)(equals - line.at)};
    struct hm_sysctl_setting one = {.value = NULL};
    char text[HM_LIMIT_SYSCTL_NAME_BYTES];
    size_t len;

    if (line.len == 0 || line.at[0] == '#' || line.at[0] == ';') {
        return HM_OK;
    }
    if (line.at[0] == '-') {
        name = (struct hm_span){name.at + 1, name.len - 1};
    } else if (equals == NULL) {
        return mentions_ports(line)
                   ? put_damaged(ports, line, "no 'name = value' and no comment", arena, err)
                   : HM_OK;
    }
    name = hm_str_trim(name.at, name.len);
    if (!normalize(name, text, &len) || !is_any_target((struct hm_span){text, len})) {
        return name.len > HM_LIMIT_SYSCTL_NAME_BYTES && mentions_ports(line)
                   ? put_damaged(ports, line, "the name is too long", arena, err)
                   : HM_OK;
    }
    one.name = (struct hm_span){hm_arena_strndup(arena, text, len), len};
    one.pattern = hm_sysctl_name_is_pattern(one.name);
    one.line = hm_input_clean(line.at, line.len, arena);
    if (equals != NULL) {
        const struct hm_span value =
            without_commas(hm_str_trim(equals + 1, line.len - (size_t)(equals - line.at) - 1));

        one.value = hm_arena_strndup(arena, value.at, value.len);
    }
    if (one.name.at == NULL || one.line == NULL || (equals != NULL && one.value == NULL)) {
        return no_memory(err);
    }
    return put_setting(ports, &one, arena, err);
}

/* ---- what they set together ----------------------------------------------------------------- */

/* The kernel at the boot. */
struct kernel {
    struct hm_range range;
    uint32_t unprivileged; /* ip_unprivileged_port_start */
    struct hm_arena *arena;
    struct hm_sysctl_ports *ports;
};

static enum hm_status write_range(struct kernel *kernel, const char *value, struct hm_err *err)
{
    struct hm_range range = kernel->range;
    uint32_t first;
    enum hm_status st = HM_OK;

    if (value[0] != '0' && hm_str_parse_u32(value, strlen(value), PORT_MAX, &first)) {
        range.first = (uint16_t)first; /* one number: the end stays */
        if (range.last < range.first) {
            st = hm_fail(err, HM_EINVAL, "ip_local_port_range ends below its start");
        }
    } else {
        st = hm_sysctl_parse_range(value, strlen(value), &range, err);
    }
    if (st == HM_OK && range.first < kernel->unprivileged) {
        st = hm_fail(err, HM_EINVAL, "it begins below ip_unprivileged_port_start, %u",
                     (unsigned)kernel->unprivileged);
    }
    if (st == HM_OK) {
        kernel->range = range;
        kernel->ports->has_range = true;
        kernel->ports->range = range;
    }
    return st;
}

static enum hm_status write_reserved(struct kernel *kernel, const char *value, struct hm_err *err)
{
    struct hm_ports reserved;
    enum hm_status st =
        hm_sysctl_parse_reserved(value, strlen(value), kernel->arena, &reserved, err);

    if (st == HM_OK) {
        kernel->ports->has_reserved = true;
        kernel->ports->reserved = reserved;
    }
    return st;
}

static enum hm_status write_unprivileged(struct kernel *kernel, const char *value,
                                         struct hm_err *err)
{
    uint32_t start;

    if (!hm_str_parse_u32(value, strlen(value), PORT_MAX, &start) || kernel->range.first < start) {
        return hm_fail(err, HM_EINVAL, "no port that ip_local_port_range lies above");
    }
    kernel->unprivileged = start;
    return HM_OK;
}

/* Is there a line for just this name? Then no pattern sets it. */
static bool is_named(const struct hm_sysctl_ports *ports, const char *target)
{
    for (size_t i = 0; i < ports->settings_count; i++) {
        const struct hm_sysctl_setting *one = &ports->settings[i];

        if (!one->pattern && hm_sysctl_name_matches(one->name, target)) {
            return true;
        }
    }
    return false;
}

static enum hm_status apply(struct kernel *kernel, const struct hm_sysctl_setting *one,
                            const bool named[TARGETS], struct hm_err *err)
{
    enum hm_status (*const write[TARGETS])(struct kernel *, const char *, struct hm_err *) = {
        write_range, write_reserved, write_unprivileged};
    struct hm_err why = {0};
    bool taken = false;
    bool refused = false;

    for (unsigned i = 0; i < TARGETS; i++) {
        enum hm_status st;

        if (!hm_sysctl_name_matches(one->name, targets[i]) || (one->pattern && named[i])) {
            continue;
        }
        st = write[i](kernel, one->value, &why);
        if (st == HM_ENOMEM) {
            return no_memory(err);
        }
        taken = taken || st == HM_OK;
        refused = refused || st != HM_OK;
    }
    if (refused && !taken) { /* the other name that a pattern matches may not take it */
        kernel->ports->refused = hm_arena_printf(kernel->arena, "\"%s\" (%s)", one->line, why.text);
        return kernel->ports->refused == NULL ? no_memory(err) : HM_OK;
    }
    return HM_OK;
}

static enum hm_status apply_all(struct hm_sysctl_ports *ports, struct hm_arena *arena,
                                struct hm_err *err)
{
    struct kernel kernel = {
        {KERNEL_FIRST, KERNEL_LAST},
        KERNEL_UNPRIVILEGED, arena, ports
    };
    bool named[TARGETS];
    enum hm_status st = HM_OK;

    ports->has_range = false;
    ports->has_reserved = false;
    ports->reserved = (struct hm_ports){NULL, 0};
    ports->refused = ports->damaged;
    for (unsigned i = 0; i < TARGETS; i++) {
        named[i] = is_named(ports, targets[i]);
    }
    for (size_t i = 0; i < ports->settings_count && st == HM_OK; i++) {
        if (ports->settings[i].value != NULL) {
            st = apply(&kernel, &ports->settings[i], named, err);
        }
    }
    return st;
}

enum hm_status hm_sysctl_take_settings(struct hm_span text, struct hm_arena *arena,
                                       struct hm_sysctl_ports *ports, struct hm_err *err)
{
    struct hm_span line;
    enum hm_status st = HM_OK;

    while (st == HM_OK && hm_str_next_line(&text, &line)) {
        st = take_line(hm_str_trim(line.at, line.len), arena, ports, err);
    }
    return st == HM_OK ? apply_all(ports, arena, err) : st;
}

/* ---- the next boot -------------------------------------------------------------------------- */

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
