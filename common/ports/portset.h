/* common/ports/portset.h — port lists: "1433", "9933,9955", "6005-65534"; a sorted set of ranges.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The one notation for ports everywhere. In memory ascending, disjoint ranges of ports 0 to
 * 65535, both ends included; a count may be 65,536 and so never fits 16 bits.
 * Two forms share the type: a *kept* list has its ranges as a system showed them (neighbours
 * unmerged: a delete needs the exact start and count); a *set* has neighbours merged. Every
 * operation below that makes a list makes a set, except where it says "kept".
 * Memory: lists live in the caller's arena; a struct hm_ports is a borrowed view and is copied
 * freely. {NULL, 0} is the empty list, its text is "". Threads: all are pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"

#define HM_PORT_COUNT 65536u

struct hm_range {
    uint16_t first;
    uint16_t last; /* included; never below first */
};

struct hm_ports {
    const struct hm_range *at;
    size_t count; /* ranges, not ports */
};

/* Ports in the range: 1 to 65536. */
uint32_t hm_range_count(struct hm_range range);
bool hm_range_contains(struct hm_range range, uint16_t port);

/* Reads the notation: decimal ports and first-last ranges, parted by single commas, no spaces,
 * no empty pieces; ascending and disjoint is required of a kept list (hm_ports_parse_kept),
 * while hm_ports_parse takes any order and overlap and answers the merged set.
 * HM_EINVAL names the piece that is wrong; HM_ETOOBIG past HM_LIMIT_RANGES. */
enum hm_status hm_ports_parse(const char *text, size_t len, struct hm_arena *arena,
                              struct hm_ports *out_ports, struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_ports_parse_kept(const char *text, size_t len, struct hm_arena *arena,
                                   struct hm_ports *out_ports, struct hm_err *err) HM_MUST_CHECK;

/* One "first-last" or "port". */
enum hm_status hm_range_parse(const char *text, size_t len, struct hm_range *out_range,
                              struct hm_err *err) HM_MUST_CHECK;

/* Appends the notation; hm_ports_text returns it in the arena (NULL on no memory). */
bool hm_ports_format(struct hm_ports ports, struct hm_buf *out);
const char *hm_ports_text(struct hm_ports ports, struct hm_arena *arena);

/* Builds from ranges in any order, overlapping or not. */
enum hm_status hm_ports_from_ranges(const struct hm_range *ranges, size_t count,
                                    struct hm_arena *arena, struct hm_ports *out_ports,
                                    struct hm_err *err) HM_MUST_CHECK;

enum hm_status hm_ports_union(struct hm_ports a, struct hm_ports b, struct hm_arena *arena,
                              struct hm_ports *out_ports, struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_ports_intersect(struct hm_ports a, struct hm_ports b, struct hm_arena *arena,
                                  struct hm_ports *out_ports, struct hm_err *err) HM_MUST_CHECK;
/* a without b. */
enum hm_status hm_ports_subtract(struct hm_ports a, struct hm_ports b, struct hm_arena *arena,
                                 struct hm_ports *out_ports, struct hm_err *err) HM_MUST_CHECK;

/* These take kept lists too. hm_ports_covers: every port of part is in whole. */
bool hm_ports_contains(struct hm_ports ports, uint16_t port);
bool hm_ports_covers(struct hm_ports whole, struct hm_ports part);
bool hm_ports_overlap(struct hm_ports a, struct hm_ports b);
bool hm_ports_equal(struct hm_ports a, struct hm_ports b); /* same ranges, kept or not */
uint32_t hm_ports_count(struct hm_ports ports);            /* 0 to 65536 */

/* The range of the list that holds port, or NULL. */
const struct hm_range *hm_ports_find(struct hm_ports ports, uint16_t port);
