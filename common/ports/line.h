/* common/ports/line.h — one sentence in the making; what does not fit is cut with "...".
 * SPDX-License-Identifier: Apache-2.0
 *
 * For text to people only: verdicts, findings, evidence. Commands are refused when cut. */
#pragma once

#include "common/ports/portset.h"

#define HM_LINE_BYTES 1600 /* under HM_LIMIT_TEXT_BYTES; names of 255 bytes fit several times */

struct hm_line {
    size_t len;
    bool cut;
    char text[HM_LINE_BYTES];
};

void hm_line_init(struct hm_line *line);
void hm_line_put(struct hm_line *line, const char *text);
void hm_line_put_u32(struct hm_line *line, uint32_t number);
void hm_line_put_range(struct hm_line *line, struct hm_range range); /* "80" or "80-90" */
void hm_line_put_ports(struct hm_line *line, struct hm_ports ports); /* long lists are cut */
void hm_line_put_odds(struct hm_line *line, double odds);            /* "0.6 %" */

/* "ipv4 and ipv6": the names, joined. */
void hm_line_put_names(struct hm_line *line, const char *const *names, size_t count);

/* A copy in the arena, NULL when there is no memory. Never ends inside a UTF-8 sequence. */
const char *hm_line_text(struct hm_line *line, struct hm_arena *arena);
