/* agent/cli/check_rows.c — lines, paragraphs and tables of what "hm-agent check" prints.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/check_rows.h"

#include <stdio.h>
#include <string.h>

#include "common/base/str.h"

static const char plain[] = "\033[0m";

/* Bytes of text that fill at most width columns, broken after a space or comma where there is
 * one. A column is a code point: wider scripts are not lined up. */
static size_t fit(const char *text, size_t width)
{
    size_t columns = 0;
    size_t good = 0;
    size_t i = 0;

    for (; text[i] != '\0'; i++) {
        bool starts = ((unsigned char)text[i] & 0xc0) != 0x80;

        if (starts && columns == width) {
            return text[i] == ' ' || good == 0 ? i : good;
        }
        columns += starts;
        if (text[i] == ' ' || text[i] == ',') {
            good = i + 1;
        }
    }
    return i;
}

size_t hm_check_columns(const char *text, size_t len)
{
    size_t columns = 0;

    for (size_t i = 0; i < len; i++) {
        columns += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return columns;
}

void hm_check_put_spaces(struct hm_buf *out, size_t count)
{
    (void)hm_buf_printf(out, "%*s", (int)count, "");
}

/* Names come from files of other hosts: a terminal must not obey them. */
void hm_check_put_text(struct hm_buf *out, const char *text, size_t len)
{
    size_t done = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool c1 = c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] < 0xa0;

        if (c < 0x20 || c == 0x7f || c1) {
            (void)hm_buf_put(out, text + done, i - done);
            (void)hm_buf_putc(out, '?');
            i += c1;
            done = i + 1;
        }
    }
    (void)hm_buf_put(out, text + done, len - done);
}

void hm_check_put_line(struct hm_buf *out, const char *text)
{
    hm_check_put_text(out, text, strlen(text));
    (void)hm_buf_putc(out, '\n');
}

/* escape may be NULL: as it is. */
void hm_check_put_coloured(struct hm_buf *out, const struct hm_check_look *look, const char *escape,
                           const char *text, size_t len)
{
    if (look->colour && escape != NULL) {
        (void)hm_buf_puts(out, escape);
    }
    hm_check_put_text(out, text, len);
    if (look->colour && escape != NULL) {
        (void)hm_buf_puts(out, plain);
    }
}

void hm_check_put_heading(struct hm_buf *out, const struct hm_check_look *look, const char *text)
{
    hm_check_put_coloured(out, look, "\033[1m", text, strlen(text));
    (void)hm_buf_putc(out, '\n');
}

/* Paragraph, indented, broken at the last column. */
void hm_check_put_wrapped(struct hm_buf *out, const struct hm_check_look *look, size_t indent,
                          const char *text)
{
    do {
        size_t len = fit(text, look->columns - indent);
        size_t shown = hm_str_trim(text, len).len;

        hm_check_put_spaces(out, indent);
        hm_check_put_text(out, text, shown);
        (void)hm_buf_putc(out, '\n');
        text += len;
        text += strspn(text, " ");
    } while (*text != '\0');
}

/* One row of cells, each wrapped in its column; the first is coloured. */
void hm_check_put_row(struct hm_buf *out, struct hm_check_cell *cells, size_t count,
                      const struct hm_check_look *look, const char *escape)
{
    bool more = true;
    bool first_line = true;

    while (more) {
        size_t pending = 0; /* spaces that are only due when something follows */

        more = false;
        for (size_t i = 0; i < count; i++) {
            size_t len = fit(cells[i].text, cells[i].width);
            size_t shown = hm_str_trim(cells[i].text, len).len;

            if (shown > 0) {
                hm_check_put_spaces(out, pending);
                hm_check_put_coloured(out, look, i == 0 && first_line ? escape : NULL,
                                      cells[i].text, shown);
                pending = 0;
            }
            pending += cells[i].width + HM_CHECK_GAP - hm_check_columns(cells[i].text, shown);
            cells[i].text += len;
            cells[i].text += strspn(cells[i].text, " ");
            more = more || *cells[i].text != '\0';
        }
        (void)hm_buf_putc(out, '\n');
        first_line = false;
    }
}

enum hm_status hm_check_ports_text(enum hm_protocol protocol, struct hm_ports list, char *out,
                                   size_t size, struct hm_err *err)
{
    struct hm_buf ports;
    enum hm_status st;

    hm_buf_init(&ports, 1024u * 1024u);
    (void)hm_ports_format(list, &ports);
    st = hm_buf_status(&ports, err);
    if (st == HM_OK) {
        (void)snprintf(out, size, "%s %s", hm_protocol_names[protocol],
                       list.count == 0 ? "not known" : hm_buf_text(&ports));
    }
    hm_buf_fini(&ports);
    return st;
}
