/* common/ports/line.c — one sentence in the making; what does not fit is cut with "...".
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/line.h"

#include <stdio.h>
#include <string.h>

#define ELLIPSIS "..."
#define PORTS_SHOWN_BYTES 160u

void hm_line_init(struct hm_line *line)
{
    line->len = 0;
    line->cut = false;
}

void hm_line_put(struct hm_line *line, const char *text)
{
    const size_t room = sizeof(line->text) - sizeof(ELLIPSIS);
    size_t len = text == NULL ? 0 : strlen(text);

    if (line->cut || len == 0) {
        return;
    }
    if (len > room - line->len) {
        len = room - line->len;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
            len--; /* not inside a character */
        }
        line->cut = true;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

void hm_line_put_u32(struct hm_line *line, uint32_t number)
{
    char digits[11];
    size_t at = sizeof(digits) - 1;

    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    hm_line_put(line, digits + at);
}

void hm_line_put_range(struct hm_line *line, struct hm_range range)
{
    hm_line_put_u32(line, range.first);
    if (range.last != range.first) {
        hm_line_put(line, "-");
        hm_line_put_u32(line, range.last);
    }
}

void hm_line_put_ports(struct hm_line *line, struct hm_ports ports)
{
    size_t start = line->len;

    for (size_t i = 0; i < ports.count; i++) {
        if (i > 0) {
            hm_line_put(line, ",");
        }
        if (line->len - start > PORTS_SHOWN_BYTES) {
            hm_line_put(line, "... (");
            hm_line_put_u32(line, hm_ports_count(ports));
            hm_line_put(line, " ports)");
            return;
        }
        hm_line_put_range(line, ports.at[i]);
    }
}

void hm_line_put_odds(struct hm_line *line, double odds)
{
    double percent = odds * 100.0;
    char text[32];

    if (percent < 0.1) {
        hm_line_put(line, percent > 0.0 ? "under 0.1 %" : "0 %");
    } else if (percent > 99.0 && percent < 100.0) {
        hm_line_put(line, "over 99 %");
    } else {
        (void)snprintf(text, sizeof(text), "%.*f %%", percent < 9.95 ? 1 : 0, percent);
        hm_line_put(line, text);
    }
}

void hm_line_put_names(struct hm_line *line, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            hm_line_put(line, i + 1 == count ? " and " : ", ");
        }
        hm_line_put(line, names[i]);
    }
}

const char *hm_line_text(struct hm_line *line, struct hm_arena *arena)
{
    if (line->cut) {
        memcpy(line->text + line->len, ELLIPSIS, sizeof(ELLIPSIS));
        return hm_arena_strdup(arena, line->text);
    }
    return hm_arena_strndup(arena, line->text, line->len);
}
