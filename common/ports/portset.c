/* common/ports/portset.c — port lists: notation, set operations, searches.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/portset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"

#define RANGE_TEXT_BYTES 12 /* "65535-65535" and NUL */
#define PIECE_SHOWN_BYTES 40

/* A list in the making; the storage is large enough from the start. */
struct builder {
    struct hm_range *at;
    size_t count;
};

static enum hm_status no_memory(struct hm_err *err, size_t ranges)
{
    return hm_fail(err, HM_ENOMEM, "no memory for a port list of %zu ranges", ranges);
}

static bool builder_init(struct builder *list, struct hm_arena *arena, size_t room)
{
    list->count = 0;
    list->at = hm_arena_alloc(arena, room, sizeof(*list->at));
    return list->at != NULL;
}

/* Appends first-last, whose first is not below that of the last one; neighbours become one. */
static void add_merged(struct builder *list, uint16_t first, uint16_t last)
{
    if (list->count > 0) {
        struct hm_range *top = &list->at[list->count - 1];

        if ((uint32_t)first <= (uint32_t)top->last + 1) {
            top->last = last > top->last ? last : top->last;
            return;
        }
    }
    list->at[list->count++] = (struct hm_range){first, last};
}

static struct hm_ports finished(const struct builder *list)
{
    return (struct hm_ports){list->count == 0 ? NULL : list->at, list->count};
}

uint32_t hm_range_count(struct hm_range range)
{
    return (uint32_t)range.last - range.first + 1;
}

bool hm_range_contains(struct hm_range range, uint16_t port)
{
    return port >= range.first && port <= range.last;
}

/* One port: digits only, no leading zero (one port has one spelling). */
static bool parse_port(const char *text, size_t len, uint16_t *out_port)
{
    uint32_t value;

    if ((len > 1 && text[0] == '0') || !hm_str_parse_u32(text, len, HM_PORT_COUNT - 1, &value)) {
        return false;
    }
    *out_port = (uint16_t)value;
    return true;
}

/* The piece as an error text may show it: short, printable ASCII. */
static const char *shown(const char *text, size_t len, char out[PIECE_SHOWN_BYTES])
{
    size_t keep = len < PIECE_SHOWN_BYTES - 1 ? len : PIECE_SHOWN_BYTES - 1;

    for (size_t i = 0; i < keep; i++) {
        out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    }
    out[keep] = '\0';
    return out;
}

enum hm_status hm_range_parse(const char *text, size_t len, struct hm_range *out_range,
                              struct hm_err *err)
{
    const char *dash = len == 0 ? NULL : memchr(text, '-', len);
    size_t first_len = dash == NULL ? len : (size_t)(dash - text);
    char piece[PIECE_SHOWN_BYTES];
    struct hm_range range;

    if (len == 0) {
        return hm_fail(err, HM_EINVAL, "a port is missing: write 1433 or 6005-6010");
    }
    if (!parse_port(text, first_len, &range.first)) {
        return hm_fail(err, HM_EINVAL,
                       "'%s' is no port or range: write 1433 or 6005-6010, ports 0 to 65535",
                       shown(text, len, piece));
    }
    range.last = range.first;
    if (dash != NULL && !parse_port(dash + 1, len - first_len - 1, &range.last)) {
        return hm_fail(err, HM_EINVAL, "'%s' is no range: write 6005-6010, ports 0 to 65535",
                       shown(text, len, piece));
    }
    if (range.last < range.first) {
        return hm_fail(err, HM_EINVAL, "range '%s' ends below its start", shown(text, len, piece));
    }
    *out_range = range;
    return HM_OK;
}

/* The pieces between commas as they stand; out->at has room for all of them. */
static enum hm_status parse_pieces(const char *text, size_t len, struct hm_arena *arena,
                                   struct builder *out, struct hm_err *err)
{
    size_t pieces = 1;
    size_t start = 0;

    for (size_t i = 0; i < len; i++) {
        pieces += text[i] == ',' ? 1 : 0;
    }
    if (pieces > HM_LIMIT_RANGES) {
        return hm_fail(err, HM_ETOOBIG, "a port list has %zu ranges; the most is %u", pieces,
                       HM_LIMIT_RANGES);
    }
    if (!builder_init(out, arena, pieces)) {
        return no_memory(err, pieces);
    }
    while (len > 0 && start <= len) {
        size_t end = start;
        enum hm_status st;

        while (end < len && text[end] != ',') {
            end++;
        }
        st = hm_range_parse(text + start, end - start, &out->at[out->count], err);
        if (st != HM_OK) {
            return st;
        }
        out->count++;
        start = end + 1;
    }
    return HM_OK;
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

/* Sorts and merges in place. */
static struct hm_ports settle(struct builder *raw)
{
    struct builder set = {raw->at, 0};

    if (raw->count > 1) {
        qsort(raw->at, raw->count, sizeof(*raw->at), compare_ranges);
    }
    for (size_t i = 0; i < raw->count; i++) {
        add_merged(&set, raw->at[i].first, raw->at[i].last);
    }
    return finished(&set);
}

enum hm_status hm_ports_parse(const char *text, size_t len, struct hm_arena *arena,
                              struct hm_ports *out_ports, struct hm_err *err)
{
    struct builder raw;
    enum hm_status st = parse_pieces(text, len, arena, &raw, err);

    if (st == HM_OK) {
        *out_ports = settle(&raw);
    }
    return st;
}

enum hm_status hm_ports_parse_kept(const char *text, size_t len, struct hm_arena *arena,
                                   struct hm_ports *out_ports, struct hm_err *err)
{
    struct builder raw;
    enum hm_status st = parse_pieces(text, len, arena, &raw, err);

    if (st != HM_OK) {
        return st;
    }
    for (size_t i = 1; i < raw.count; i++) {
        if (raw.at[i].first <= raw.at[i - 1].last) {
            return hm_fail(err, HM_EINVAL, "ranges %u-%u and %u-%u overlap or do not ascend",
                           raw.at[i - 1].first, raw.at[i - 1].last, raw.at[i].first,
                           raw.at[i].last);
        }
    }
    *out_ports = finished(&raw);
    return HM_OK;
}

static size_t range_text(struct hm_range range, char out[RANGE_TEXT_BYTES])
{
    int len =
        range.first == range.last
            ? snprintf(out, RANGE_TEXT_BYTES, "%u", (unsigned)range.first)
            : snprintf(out, RANGE_TEXT_BYTES, "%u-%u", (unsigned)range.first, (unsigned)range.last);

    return (size_t)len;
}

bool hm_ports_format(struct hm_ports ports, struct hm_buf *out)
{
    bool fine = true;

    for (size_t i = 0; i < ports.count && fine; i++) {
        char text[RANGE_TEXT_BYTES];
        size_t len = range_text(ports.at[i], text);

        fine = (i == 0 || hm_buf_putc(out, ',')) && hm_buf_put(out, text, len);
    }
    return fine;
}

const char *hm_ports_text(struct hm_ports ports, struct hm_arena *arena)
{
    char *text = hm_arena_alloc(arena, ports.count + 1, RANGE_TEXT_BYTES);
    size_t len = 0;

    for (size_t i = 0; text != NULL && i < ports.count; i++) {
        if (i > 0) {
            text[len++] = ',';
        }
        len += range_text(ports.at[i], text + len);
    }
    return text;
}

enum hm_status hm_ports_from_ranges(const struct hm_range *ranges, size_t count,
                                    struct hm_arena *arena, struct hm_ports *out_ports,
                                    struct hm_err *err)
{
    struct builder raw;

    if (!builder_init(&raw, arena, count)) {
        return no_memory(err, count);
    }
    if (count > 0) {
        memcpy(raw.at, ranges, count * sizeof(*ranges));
        raw.count = count;
    }
    *out_ports = settle(&raw);
    return HM_OK;
}

enum hm_status hm_ports_union(struct hm_ports a, struct hm_ports b, struct hm_arena *arena,
                              struct hm_ports *out_ports, struct hm_err *err)
{
    struct builder set;
    size_t i = 0;
    size_t j = 0;

    if (!builder_init(&set, arena, a.count + b.count)) {
        return no_memory(err, a.count + b.count);
    }
    while (i < a.count || j < b.count) {
        bool take_a = j == b.count || (i < a.count && a.at[i].first <= b.at[j].first);
        struct hm_range next = take_a ? a.at[i++] : b.at[j++];

        add_merged(&set, next.first, next.last);
    }
    *out_ports = finished(&set);
    return HM_OK;
}

enum hm_status hm_ports_intersect(struct hm_ports a, struct hm_ports b, struct hm_arena *arena,
                                  struct hm_ports *out_ports, struct hm_err *err)
{
    struct builder set;
    size_t i = 0;
    size_t j = 0;

    if (!builder_init(&set, arena, a.count + b.count)) {
        return no_memory(err, a.count + b.count);
    }
    while (i < a.count && j < b.count) {
        uint16_t first = a.at[i].first > b.at[j].first ? a.at[i].first : b.at[j].first;
        uint16_t last = a.at[i].last < b.at[j].last ? a.at[i].last : b.at[j].last;

        if (first <= last) {
            add_merged(&set, first, last);
        }
        if (a.at[i].last < b.at[j].last) {
            i++;
        } else {
            j++;
        }
    }
    *out_ports = finished(&set);
    return HM_OK;
}

enum hm_status hm_ports_subtract(struct hm_ports a, struct hm_ports b, struct hm_arena *arena,
                                 struct hm_ports *out_ports, struct hm_err *err)
{
    struct builder set;
    size_t j = 0;

    if (!builder_init(&set, arena, a.count + b.count)) {
        return no_memory(err, a.count + b.count);
    }
    for (size_t i = 0; i < a.count; i++) {
        uint32_t from = a.at[i].first; /* what of a.at[i] is left starts here */

        while (j < b.count && b.at[j].last < from) {
            j++;
        }
        for (size_t k = j; k < b.count && b.at[k].first <= a.at[i].last; k++) {
            if (b.at[k].first > from) {
                add_merged(&set, (uint16_t)from, (uint16_t)(b.at[k].first - 1));
            }
            from = (uint32_t)b.at[k].last + 1;
        }
        if (from <= a.at[i].last) {
            add_merged(&set, (uint16_t)from, a.at[i].last);
        }
    }
    *out_ports = finished(&set);
    return HM_OK;
}

const struct hm_range *hm_ports_find(struct hm_ports ports, uint16_t port)
{
    size_t low = 0;
    size_t high = ports.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ports.at[middle].last < port) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ports.count && ports.at[low].first <= port ? &ports.at[low] : NULL;
}

bool hm_ports_contains(struct hm_ports ports, uint16_t port)
{
    return hm_ports_find(ports, port) != NULL;
}

bool hm_ports_covers(struct hm_ports whole, struct hm_ports part)
{
    size_t j = 0;

    for (size_t i = 0; i < part.count; i++) {
        uint32_t need = part.at[i].first;

        while (need <= part.at[i].last) { /* unmerged neighbours cover it together */
            while (j < whole.count && whole.at[j].last < need) {
                j++;
            }
            if (j == whole.count || whole.at[j].first > need) {
                return false;
            }
            need = (uint32_t)whole.at[j].last + 1;
        }
    }
    return true;
}

bool hm_ports_overlap(struct hm_ports a, struct hm_ports b)
{
    size_t i = 0;
    size_t j = 0;

    while (i < a.count && j < b.count) {
        if (a.at[i].last < b.at[j].first) {
            i++;
        } else if (b.at[j].last < a.at[i].first) {
            j++;
        } else {
            return true;
        }
    }
    return false;
}

bool hm_ports_equal(struct hm_ports a, struct hm_ports b)
{
    bool same = a.count == b.count;

    for (size_t i = 0; same && i < a.count; i++) {
        same = a.at[i].first == b.at[i].first && a.at[i].last == b.at[i].last;
    }
    return same;
}

uint32_t hm_ports_count(struct hm_ports ports)
{
    uint32_t count = 0;

    for (size_t i = 0; i < ports.count; i++) {
        count += hm_range_count(ports.at[i]);
    }
    return count;
}
