/* common/readers/sysctl_ports.c — Linux ip_local_port_range and ip_local_reserved_ports.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/sysctl_ports.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/readers/input_text.h"
#include "common/readers/sysctl_name.h"

#define INPUT_ARENA_BYTES (4u * HM_LIMIT_INPUT_FILE_BYTES)
#define PORT_MAX (HM_PORT_COUNT - 1)

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

    if (hm_sysctl_name_matches(name, RANGE_NAME)) {
        range_st = hm_sysctl_parse_range(value.at, value.len, &ports->range, &why);
    }
    if (hm_sysctl_name_matches(name, RESERVED_NAME)) {
        reserved_st = hm_sysctl_parse_reserved(value.at, value.len, arena, &ports->reserved, &why);
    }
    ports->has_range = ports->has_range || range_st == HM_OK;
    ports->has_reserved = ports->has_reserved || reserved_st == HM_OK;
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
        return line.at[0] == '-' && line.len > 1
                   ? HM_OK
                   : hm_fail(err, HM_EINVAL, "no 'name = value' and no comment");
    }
    name = without_dash(hm_str_trim(line.at, (size_t)(equals - line.at)));
    value = hm_str_trim(equals + 1, line.len - (size_t)(equals - line.at) - 1);
    if (name.len > HM_LIMIT_SYSCTL_NAME_BYTES) {
        return hm_fail(err, HM_EINVAL, "the name is longer than %u bytes",
                       HM_LIMIT_SYSCTL_NAME_BYTES);
    }
    return set_both(name, value, arena, ports, err);
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
