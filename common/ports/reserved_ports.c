/* common/ports/reserved_ports.c — the ReservedPorts value: lines to sets and back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/reserved_ports.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"

#define PORT_MAX (HM_PORT_COUNT - 1)

/* Reads "x-y"; *out_empty when the line has only white space. */
#define LINE_SHOWN 60 /* characters of a line that is named */

/* Several ranges on one line are what people write who know it from another system. */
static enum hm_status no_range(struct hm_span line, unsigned number, struct hm_err *err)
{
    const int len = line.len > LINE_SHOWN ? LINE_SHOWN : (int)line.len;

    return hm_fail_line(err, HM_EINVAL, number,
                        "ReservedPorts line %u, \"%.*s\", is no range of ports: each range stands "
                        "on a line of its own, as first port, \"-\" and last port, without spaces",
                        number, len, line.at);
}

static enum hm_status parse_line(const char *line, unsigned number, bool *out_empty,
                                 struct hm_range *out_range, struct hm_err *err)
{
    struct hm_span text = hm_str_trim(line, strlen(line));
    const char *dash = memchr(text.at, '-', text.len);
    size_t first_len = dash == NULL ? text.len : (size_t)(dash - text.at);
    uint32_t first;
    uint32_t last;

    *out_empty = text.len == 0;
    if (text.len == 0) {
        return HM_OK;
    }
    if (!hm_str_parse_u32(text.at, first_len, PORT_MAX, &first)) {
        return no_range(text, number, err);
    }
    if (dash == NULL) {
        return hm_fail_line(err, HM_EINVAL, number,
                            "ReservedPorts line %u is a lone port, which Windows ignores: "
                            "write %u-%u",
                            number, first, first);
    }
    if (!hm_str_parse_u32(dash + 1, text.len - first_len - 1, PORT_MAX, &last)) {
        return no_range(text, number, err);
    }
    if (last < first) {
        return hm_fail_line(err, HM_EINVAL, number,
                            "ReservedPorts line %u: range %u-%u ends below its start", number,
                            first, last);
    }
    *out_range = (struct hm_range){(uint16_t)first, (uint16_t)last};
    return HM_OK;
}

enum hm_status hm_reserved_ports_check_line(const char *line, unsigned number, struct hm_err *err)
{
    struct hm_range range;
    bool empty;

    return parse_line(line, number, &empty, &range, err);
}

static int compare_ranges(const void *a, const void *b)
{
    const struct hm_range *x = a;
    const struct hm_range *y = b;

    if (x->first != y->first) {
        return x->first < y->first ? -1 : 1;
    }
    return (x->last > y->last) - (x->last < y->last);
}

/* Keeps the lowest line of each run of lines that touch; in place, returns how many are left. */
static size_t drop_unsure(struct hm_range *ranges, size_t count)
{
    uint32_t run_end = 0; /* highest port of the run so far */
    size_t left = 0;

    qsort(ranges, count, sizeof(*ranges), compare_ranges);
    for (size_t i = 0; i < count; i++) {
        struct hm_range range = ranges[i];

        if (i == 0 || range.first > run_end + 1) {
            ranges[left++] = range;
            run_end = range.last;
        } else if (range.last > run_end) {
            run_end = range.last;
        }
    }
    return left;
}

enum hm_status hm_reserved_ports_parse(const struct hm_strings *lines, struct hm_arena *arena,
                                       struct hm_ports *out_listed, struct hm_ports *out_effective,
                                       struct hm_err *err)
{
    struct hm_range *ranges;
    struct hm_ports listed;
    struct hm_ports effective;
    size_t count = 0;
    enum hm_status st;

    if (lines->count > HM_LIMIT_RESERVED_LINES) {
        return hm_fail(err, HM_ETOOBIG, "ReservedPorts has %zu lines; the most is %u", lines->count,
                       HM_LIMIT_RESERVED_LINES);
    }
    ranges = hm_arena_alloc(arena, lines->count, sizeof(*ranges));
    if (ranges == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for %zu ReservedPorts lines", lines->count);
    }
    for (size_t i = 0; i < lines->count; i++) {
        bool empty;

        st = parse_line(lines->at[i], (unsigned)i + 1, &empty, &ranges[count], err);
        if (st != HM_OK) {
            return st;
        }
        count += empty ? 0 : 1;
    }
    st = hm_ports_from_ranges(ranges, count, arena, &listed, err);
    if (st == HM_OK) {
        count = drop_unsure(ranges, count);
        st = hm_ports_from_ranges(ranges, count, arena, &effective, err);
    }
    if (st == HM_OK) {
        *out_listed = listed;
        *out_effective = effective;
    }
    return st;
}

enum hm_status hm_reserved_ports_format(struct hm_ports ports, struct hm_arena *arena,
                                        struct hm_strings *out_lines, struct hm_err *err)
{
    struct hm_strings lines = {NULL, 0};
    struct hm_ports set;
    enum hm_status st;

    st = hm_ports_from_ranges(ports.at, ports.count, arena, &set, err);
    if (st != HM_OK) {
        return st;
    }
    lines.at = hm_arena_alloc(arena, set.count, sizeof(*lines.at));
    for (size_t i = 0; lines.at != NULL && i < set.count; i++) {
        lines.at[i] =
            hm_arena_printf(arena, "%u-%u", (unsigned)set.at[i].first, (unsigned)set.at[i].last);
        if (lines.at[i] == NULL) {
            lines.at = NULL;
        }
    }
    if (lines.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for %zu ReservedPorts lines", set.count);
    }
    lines.count = set.count;
    *out_lines = lines;
    return HM_OK;
}
