/* agent/cli/check_rows.h — lines, paragraphs and tables of what "hm-agent check" prints.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to check_text.c and its parts. Text comes from files of other hosts: control characters
 * are printed as "?". A failure is remembered by the buffer. */
#pragma once

#include "agent/cli/check_text.h"

#define HM_CHECK_GAP 2 /* columns between two cells */

/* One column of a table. */
struct hm_check_cell {
    const char *text;
    size_t width;
};

/* Code points: wider scripts are not lined up. */
size_t hm_check_columns(const char *text, size_t len);

void hm_check_put_spaces(struct hm_buf *out, size_t count);
void hm_check_put_text(struct hm_buf *out, const char *text, size_t len);
void hm_check_put_line(struct hm_buf *out, const char *text);

/* escape may be NULL: as it is. */
void hm_check_put_coloured(struct hm_buf *out, const struct hm_check_look *look, const char *escape,
                           const char *text, size_t len);
void hm_check_put_heading(struct hm_buf *out, const struct hm_check_look *look, const char *text);

/* Paragraph, indented, broken at the last column. */
void hm_check_put_wrapped(struct hm_buf *out, const struct hm_check_look *look, size_t indent,
                          const char *text);

/* One row of cells, each wrapped in its column; the first is coloured. */
void hm_check_put_row(struct hm_buf *out, struct hm_check_cell *cells, size_t count,
                      const struct hm_check_look *look, const char *escape);

/* "tcp 1433,5022", cut at size. */
enum hm_status hm_check_ports_text(enum hm_protocol protocol, struct hm_ports list, char *out,
                                   size_t size, struct hm_err *err) HM_MUST_CHECK;
