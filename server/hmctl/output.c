/* server/hmctl/output.c — what people read: tables that fit the terminal, ages, wrapped text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/output.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"
#include "common/wire/fields.h"

#define GAP 2u

void hm_output_init(struct hm_output *output, int64_t now_ms)
{
    const char *columns = getenv("COLUMNS");
    const char *no_color = getenv("NO_COLOR");
    uint32_t given = 0;

    output->out = stdout;
    output->columns = hm_os_terminal_columns();
    output->colours = hm_os_is_terminal(stdout) && (no_color == NULL || no_color[0] == '\0');
    output->now_ms = now_ms;
    if (columns != NULL && hm_str_parse_u32(columns, strlen(columns), 10000, &given)) {
        output->columns = given;
    }
}

/* ---- widths --------------------------------------------------------------------------------- */

/* Takes one code point; a broken byte is one '?' of its own. */
static size_t take_point(const char *text, uint32_t *out_point)
{
    unsigned char c = (unsigned char)text[0];
    size_t len = c < 0x80u ? 1 : c >= 0xf0u ? 4 : c >= 0xe0u ? 3 : 2;
    uint32_t point = c < 0x80u ? c : c & (0xffu >> (len + 1));
    size_t i;

    if (strnlen(text, len) < len || !hm_str_is_utf8(text, len)) {
        *out_point = '?';
        return 1;
    }
    for (i = 1; i < len; i++) {
        point = point << 6 | ((unsigned char)text[i] & 0x3fu);
    }
    *out_point = point;
    return len;
}

static const struct {
    uint32_t first;
    uint32_t last;
    unsigned cells;
} special[] = {
    {0x0300,  0x036f,  0},
    {0x200b,  0x200f,  0},
    {0xfe00,  0xfe0f,  0},
    {0x1100,  0x115f,  2},
    {0x2e80,  0xa4cf,  2},
    {0xac00,  0xd7a3,  2},
    {0xf900,  0xfaff,  2},
    {0xfe30,  0xfe6f,  2},
    {0xff00,  0xff60,  2},
    {0xffe0,  0xffe6,  2},
    {0x1f300, 0x1faff, 2},
    {0x20000, 0x3fffd, 2},
};

static unsigned cells_of(uint32_t point)
{
    size_t i;

    for (i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        if (point >= special[i].first && point <= special[i].last) {
            return special[i].cells;
        }
    }
    return 1;
}

static bool is_control(uint32_t point)
{
    return point < 0x20u || (point >= 0x7fu && point < 0xa0u) ||
           (point >= 0x202au && point <= 0x202eu) || (point >= 0x2066u && point <= 0x2069u);
}

unsigned hm_output_width(const char *text)
{
    unsigned width = 0;

    while (*text != '\0') {
        uint32_t point;

        text += take_point(text, &point);
        width += cells_of(point);
    }
    return width;
}

/* Prints at most width cells of len bytes of text; returns the cells used. */
static unsigned put_cells(FILE *out, const char *text, size_t len, unsigned width)
{
    const char *end = text + len;
    unsigned used = 0;

    while (text < end) {
        uint32_t point;
        size_t bytes = take_point(text, &point);
        unsigned cells = cells_of(point);

        if (used + cells > width) {
            break;
        }
        if (is_control(point) || (bytes == 1 && (unsigned char)*text >= 0x80u)) {
            (void)fputc('?', out);
        } else {
            (void)fwrite(text, 1, bytes, out);
        }
        used += cells;
        text += bytes;
    }
    return used;
}

/* ---- colours -------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    const char *on;
} styles[] = {
    {"safe",    "\033[32m"  },
    {"exposed", "\033[33m"  },
    {"blocked", "\033[1;31m"},
    {"unknown", "\033[2m"   },
    {"high",    "\033[1;31m"},
    {"medium",  "\033[33m"  },
    {"low",     "\033[2m"   },
    {"silent",  "\033[35m"  },
    {"cloned",  "\033[35m"  },
    {"revoked", "\033[2m"   },
    {"expired", "\033[2m"   },
};

static const char *style_of(const struct hm_output *output, const char *word)
{
    size_t i;

    for (i = 0; output->colours && i < sizeof(styles) / sizeof(styles[0]); i++) {
        if (strncmp(word, styles[i].word, strlen(styles[i].word)) == 0) {
            return styles[i].on;
        }
    }
    return NULL;
}

void hm_output_state(const struct hm_output *output, const char *word)
{
    const char *on = style_of(output, word);

    (void)fputs(on != NULL ? on : "", output->out);
    (void)put_cells(output->out, word, strlen(word), 80);
    (void)fputs(on != NULL ? "\033[0m" : "", output->out);
}

/* ---- tables --------------------------------------------------------------------------------- */

void hm_table_init(struct hm_table *table, const struct hm_table_column *columns,
                   size_t column_count, struct hm_arena *arena)
{
    memset(table, 0, sizeof(*table));
    table->columns = columns;
    table->column_count = column_count;
    table->arena = arena;
}

enum hm_status hm_table_put(struct hm_table *table, const char *const *cells, struct hm_err *err)
{
    void *rows = table->rows;
    size_t i;

    if (hm_arena_grow(table->arena, &rows, table->count, &table->room, sizeof(*table->rows)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the table; ask for less with --limit");
    }
    table->rows = rows;
    for (i = 0; i < HM_TABLE_COLUMNS; i++) {
        table->rows[table->count][i] = i >= table->column_count || cells[i] == NULL ? "" : cells[i];
    }
    table->count++;
    return HM_OK;
}

/* Worst first; words that are not here come last. */
static size_t rank_of(const char *word)
{
    static const char *const words[] = {"blocked", "exposed", "unknown", "silent",
                                        "safe",    "high",    "medium",  "low"};
    size_t i = 0;

    while (i < sizeof(words) / sizeof(words[0]) && strcmp(word, words[i]) != 0) {
        i++;
    }
    return i;
}

/* The number in a cell of a right-aligned column: "≥12 %", "<0.01 %" (less than that), "none yet".
 * One that is not known comes after all that are, and before none. */
static double number_of(const char *cell)
{
    double number = 0;
    double digit = 1;
    const char *at = cell + strcspn(cell, "0123456789");

    if (*at == '\0') {
        return cell[0] == '\0' ? -1 : strcmp(cell, "?") == 0 ? 1e-9 : 0;
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (*at - '0');
    }
    for (at += *at == '.'; *at >= '0' && *at <= '9'; at++) {
        digit /= 10;
        number += (*at - '0') * digit;
    }
    return cell[0] == '<' ? number / 2 : number;
}

static bool comes_before(const struct hm_table *table, const char *const *a, const char *const *b)
{
    size_t state = 0;
    size_t i;

    while (state < table->column_count && !table->columns[state].is_state) {
        state++;
    }
    if (state < table->column_count && rank_of(a[state]) != rank_of(b[state])) {
        return rank_of(a[state]) < rank_of(b[state]);
    }
    for (i = 0; i < table->column_count; i++) {
        int order = strcmp(a[i], b[i]);

        if (table->columns[i].right && number_of(a[i]) != number_of(b[i])) {
            return number_of(a[i]) > number_of(b[i]); /* the most is the worst */
        }
        if (order != 0) {
            return order < 0;
        }
    }
    return false;
}

/* Shell sort: no row of a page knows its table, which qsort's comparison would need. */
void hm_table_sort(struct hm_table *table)
{
    const char *row[HM_TABLE_COLUMNS];
    size_t gap;
    size_t i;
    size_t at;

    for (gap = table->count / 2; gap > 0; gap /= 2) {
        for (i = gap; i < table->count; i++) {
            memcpy(row, table->rows[i], sizeof(row));
            for (at = i; at >= gap && comes_before(table, row, table->rows[at - gap]); at -= gap) {
                memcpy(table->rows[at], table->rows[at - gap], sizeof(row));
            }
            memcpy(table->rows[at], row, sizeof(row));
        }
    }
}

static unsigned total_width(const struct hm_table *table)
{
    unsigned total = 0;
    size_t i;

    for (i = 0; i < table->column_count; i++) {
        if (!table->gone[i]) {
            total += table->widths[i] + (total > 0 ? GAP : 0);
        }
    }
    return total;
}

/* Takes cells, one by one, from the column that has most above its share of keep, until the row
 * fits or none has any. */
static void cut(struct hm_table *table, unsigned columns, unsigned share, unsigned of)
{
    while (total_width(table) > columns) {
        unsigned most = 0;
        size_t chosen = 0;
        size_t i;

        for (i = 0; i < table->column_count; i++) {
            unsigned keep = table->columns[i].keep * share / of;

            if (keep > 0 && !table->gone[i] && table->widths[i] > keep &&
                table->widths[i] - keep > most) {
                most = table->widths[i] - keep;
                chosen = i;
            }
        }
        if (most == 0) {
            return;
        }
        table->widths[chosen]--;
    }
}

/* Drops the column that is missed least; false when all that are left must stay. */
static bool shed(struct hm_table *table)
{
    size_t chosen = table->column_count;
    size_t i;

    for (i = 0; i < table->column_count; i++) {
        if (table->columns[i].shed > 0 && !table->gone[i] &&
            (chosen == table->column_count ||
             table->columns[i].shed < table->columns[chosen].shed)) {
            chosen = i;
        }
    }
    if (chosen == table->column_count) {
        return false;
    }
    table->gone[chosen] = true;
    return true;
}

static void measure(struct hm_table *table)
{
    size_t column;
    size_t row;

    for (column = 0; column < table->column_count; column++) {
        table->widths[column] = hm_output_width(table->columns[column].title);
        for (row = 0; row < table->count; row++) {
            unsigned width = hm_output_width(table->rows[row][column]);

            if (width > table->widths[column]) {
                table->widths[column] = width;
            }
        }
    }
}

static void fit(struct hm_table *table, unsigned columns)
{
    bool shed_one;

    do {
        measure(table);
        if (columns == 0) {
            return;
        }
        cut(table, columns, 1, 1);
        shed_one = total_width(table) > columns && shed(table);
    } while (shed_one);
    cut(table, columns, 1, 2);
}

/* What stands after the last ": " of text, when it leaves room for a few cells before it. */
static const char *last_part(const char *text, unsigned room)
{
    const char *part = NULL;
    const char *at;

    for (at = strstr(text, ": "); at != NULL; at = strstr(at + 1, ": ")) {
        part = at;
    }
    return part != NULL && hm_output_width(part) + 5 <= room ? part : text + strlen(text);
}

static void put_cut(FILE *out, const char *text, unsigned room, bool both_ends)
{
    const char *end = both_ends ? last_part(text, room) : text + strlen(text);
    unsigned head = room - 1 - hm_output_width(end);
    unsigned used = put_cells(out, text, strlen(text), head);

    (void)fputs("…", out);
    (void)put_cells(out, end, strlen(end), room);
    (void)fprintf(out, "%*s", (int)(head - used), "");
}

static void put_cell(const struct hm_table *table, const struct hm_output *output, size_t column,
                     const char *text, bool is_head, bool last)
{
    const struct hm_table_column *about = &table->columns[column];
    const char *on = about->is_state && !is_head ? style_of(output, text) : NULL;
    unsigned width = hm_output_width(text);
    unsigned room = table->widths[column];
    bool cut = width > room && (output->columns > 0 && about->keep > 0);
    unsigned shown = cut ? room : width;
    unsigned pad = shown < room ? room - shown : 0;

    if (about->right) {
        (void)fprintf(output->out, "%*s", (int)pad, "");
    }
    (void)fputs(on != NULL ? on : "", output->out);
    if (cut) {
        put_cut(output->out, text, room, about->both_ends);
    } else {
        (void)put_cells(output->out, text, strlen(text), width);
    }
    (void)fputs(on != NULL ? "\033[0m" : "", output->out);
    if (!last) {
        (void)fprintf(output->out, "%*s", (int)(GAP + (about->right ? 0 : pad)), "");
    }
}

static void put_row(const struct hm_table *table, const struct hm_output *output,
                    const char *const *cells)
{
    size_t last = table->column_count - 1;
    size_t column;

    while (table->gone[last]) {
        last--;
    }
    for (column = 0; column <= last; column++) {
        if (!table->gone[column]) {
            put_cell(table, output, column,
                     cells != NULL ? cells[column] : table->columns[column].title, cells == NULL,
                     column == last);
        }
    }
    (void)fputc('\n', output->out);
}

void hm_table_print(struct hm_table *table, const struct hm_output *output)
{
    size_t row;

    if (!table->headed) {
        fit(table, output->columns);
        (void)fputs(output->colours ? "\033[1m" : "", output->out);
        put_row(table, output, NULL);
        (void)fputs(output->colours ? "\033[0m" : "", output->out);
        table->headed = true;
    }
    for (row = 0; row < table->count; row++) {
        put_row(table, output, table->rows[row]);
    }
    table->count = 0;
}

/* ---- ages and prose ------------------------------------------------------------------------- */

const char *hm_output_age(const struct hm_output *output, int64_t time_ms, struct hm_arena *arena)
{
    static const struct {
        int64_t below_s;
        int64_t unit_s;
        char unit;
    } steps[] = {
        {60,        1,     's'},
        {3600,      60,    'm'},
        {86400,     3600,  'h'},
        {INT64_MAX, 86400, 'd'},
    };
    int64_t away_s = (output->now_ms - time_ms) / 1000;
    bool ahead = away_s < 0;
    const char *text;
    size_t i = 0;

    if (time_ms == 0) {
        return "never";
    }
    away_s = ahead ? -away_s : away_s;
    if (away_s == 0) {
        return "now";
    }
    while (away_s >= steps[i].below_s) {
        i++;
    }
    text = hm_arena_printf(arena, ahead ? "in %lld%c" : "%lld%c ago",
                           (long long)(away_s / steps[i].unit_s), steps[i].unit);
    return text == NULL ? "" : text;
}

void hm_output_plain(const struct hm_output *output, const char *text)
{
    (void)put_cells(output->out, text, strlen(text), hm_output_width(text));
    (void)fputc('\n', output->out);
}

void hm_output_body(const char *body, size_t len)
{
    (void)fwrite(body, 1, len, stdout);
    if (len == 0 || body[len - 1] != '\n') {
        (void)fputc('\n', stdout);
    }
}

void hm_output_member(const char *member, const char *text)
{
    struct hm_buf json;

    hm_buf_init(&json, HM_LIMIT_API_BODY_BYTES);
    (void)hm_buf_printf(&json, "{\"%s\":", member);
    (void)hm_json_put_string(&json, text);
    (void)hm_buf_putc(&json, '}');
    hm_output_body(hm_buf_text(&json), json.len);
    hm_buf_fini(&json);
}

/* Bytes of the next word, and the cells it takes. */
static size_t next_word(const char *text, unsigned *out_cells)
{
    size_t len = strcspn(text, " \n");
    size_t at = 0;

    *out_cells = 0;
    while (at < len) {
        uint32_t point;

        at += take_point(text + at, &point);
        *out_cells += cells_of(point);
    }
    return len;
}

void hm_output_wrap(const struct hm_output *output, unsigned indent, const char *text)
{
    unsigned width = output->columns > 0 ? output->columns : 0;
    unsigned used = 0;

    while (*text != '\0') {
        unsigned cells;
        size_t len = next_word(text, &cells);

        if (used > 0 && width > 0 && indent + used + 1 + cells > width) {
            (void)fputc('\n', output->out);
            used = 0;
        }
        if (len > 0) {
            (void)fprintf(output->out, "%*s", used == 0 ? (int)indent : 1, "");
            (void)put_cells(output->out, text, len, cells);
            used += cells + (used > 0);
        }
        text += len;
        text += *text != '\0';
    }
    (void)fputc('\n', output->out);
}
