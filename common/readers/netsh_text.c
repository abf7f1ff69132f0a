/* common/readers/netsh_text.c — netsh's port listings: every number must have its place.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A line is cut into words at white space. Words with letters are text, whatever they say; a
 * number that stands alone must be part of a row ("start end [*]") or be the value of a label.
 * So a title is never taken for a row, and a damaged row is never taken for a title. */
#include "common/readers/netsh_text.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/readers/input_text.h"

#define COUNT_MIN 255u /* of a dynamic range (KB929851) */
#define INPUT_ARENA_BYTES (4u * HM_LIMIT_INPUT_FILE_BYTES)
#define PORT_DIGITS_MAX 5
#define DASHES_MIN 3 /* in one group of the row under the labels */

/* What a line is made of. */
struct words {
    bool starts_with_digit;
    bool has_letter;  /* a letter of any language, or a byte over 0x7f */
    bool has_dot;     /* "." and its like */
    bool is_cut;      /* "..." or its like: something was left out */
    unsigned numbers; /* words of digits only */
    unsigned stars;
    unsigned dashes; /* groups of dashes */
    unsigned odd;    /* words with digits and no letters that are no numbers */
    unsigned marks;  /* words without digits and letters */
    bool star_last;
    struct hm_span number[2];
};

/* Characters that show nothing, in UTF-8: white space and the marks of right-to-left text. */
static const char *const invisible[] = {
    "\xc2\xa0",                     /* U+00A0 no-break space */
    "\xe2\x80\xaf",                 /* U+202F narrow no-break space */
    "\xe3\x80\x80",                 /* U+3000 ideographic space */
    "\xef\xbb\xbf",                 /* U+FEFF byte order mark */
    "\xd8\x9c",                     /* U+061C, and the direction marks that follow */
    "\xe2\x80\x8e", "\xe2\x80\x8f", /* U+200E, U+200F */
    "\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac", "\xe2\x80\xad", "\xe2\x80\xae", /* U+202A on */
    "\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8", "\xe2\x81\xa9",                 /* U+2066 on */
};

/* The ellipsis, alone on a line, in code pages where it is no three dots. */
static const char *const cut_marks[] = {
    "\x85",     /* 1250 to 1258 */
    "\x81\x63", /* 932 */
    "\xa1\xad", /* 936 */
    "\xa1\xa6", /* 949 */
    "\xa1\x4b", /* 950 */
};

/* How many bytes of white space the text starts with; 0 = none. */
static size_t space_at(const char *at, size_t len, bool utf8)
{
    if (*at == ' ' || (*at >= '\t' && *at <= '\r')) {
        return 1;
    }
    if (utf8 && (unsigned char)*at > 0x7f) {
        for (size_t i = 0; i < HM_COUNT(invisible); i++) {
            size_t mark_len = strlen(invisible[i]);

            if (mark_len <= len && memcmp(at, invisible[i], mark_len) == 0) {
                return mark_len;
            }
        }
    }
    return 0;
}

/* A digit of another script starts here (UTF-8): full-width, Arabic-Indic, Persian, Devanagari. */
static bool foreign_digit_at(const char *at, size_t len)
{
    const unsigned char *byte = (const unsigned char *)at;

    return (len >= 3 && byte[0] == 0xef && byte[1] == 0xbc && byte[2] >= 0x90 && byte[2] <= 0x99) ||
           (len >= 2 && byte[0] == 0xd9 && byte[1] >= 0xa0 && byte[1] <= 0xa9) ||
           (len >= 2 && byte[0] == 0xdb && byte[1] >= 0xb0 && byte[1] <= 0xb9) ||
           (len >= 3 && byte[0] == 0xe0 && byte[1] == 0xa5 && byte[2] >= 0xa6 && byte[2] <= 0xaf);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Is the line a run of one cut mark of an old code page? */
static bool is_cut_mark(struct hm_span line)
{
    for (size_t i = 0; i < HM_COUNT(cut_marks); i++) {
        size_t mark_len = strlen(cut_marks[i]);
        size_t at = 0;

        while (line.len - at >= mark_len && memcmp(line.at + at, cut_marks[i], mark_len) == 0) {
            at += mark_len;
        }
        if (line.len > 0 && at == line.len) {
            return true;
        }
    }
    return false;
}

static bool holds(struct hm_span text, const char *part)
{
    size_t part_len = strlen(part);

    for (size_t i = 0; i + part_len <= text.len; i++) {
        if (memcmp(text.at + i, part, part_len) == 0) {
            return true;
        }
    }
    return false;
}

/* Counts one word that has no white space and no '*'. */
static void count_word(struct words *line, struct hm_span word, bool utf8)
{
    size_t digits = 0;
    size_t dashes = 0;
    bool letter = false;
    bool high = false;
    bool foreign = false;

    for (size_t i = 0; i < word.len; i++) {
        digits += is_digit(word.at[i]) ? 1 : 0;
        dashes += word.at[i] == '-' ? 1 : 0;
        letter = letter || is_letter(word.at[i]);
        high = high || (unsigned char)word.at[i] > 0x7f;
        foreign = foreign || (utf8 && foreign_digit_at(word.at + i, word.len - i));
        line->has_dot = line->has_dot || word.at[i] == '.';
    }
    line->has_letter = line->has_letter || letter || high;
    if (digits == word.len) {
        if (line->numbers < HM_COUNT(line->number)) {
            line->number[line->numbers] = word;
        }
        line->numbers++;
    } else if (dashes == word.len) {
        line->dashes += dashes >= DASHES_MIN ? 1 : 0;
        line->marks += dashes >= DASHES_MIN ? 0 : 1;
    } else if (foreign || (digits > 0 && !letter)) {
        line->odd++;
    } else if (digits == 0 && !letter && !high) {
        line->marks++;
    }
    line->star_last = false;
}

/* Takes the line apart. */
static struct words read_words(struct hm_span line, bool utf8)
{
    struct words found = {0};
    size_t at = 0;

    found.is_cut =
        holds(line, "...") || (utf8 && holds(line, "\xe2\x80\xa6")) || (!utf8 && is_cut_mark(line));
    found.starts_with_digit = line.len > 0 && is_digit(line.at[0]);
    while (at < line.len) {
        size_t space = space_at(line.at + at, line.len - at, utf8);
        size_t end = at;

        if (space > 0) {
            at += space;
            continue;
        }
        if (line.at[at] == '*') {
            found.stars++;
            found.star_last = true;
            at++;
            continue;
        }
        while (end < line.len && line.at[end] != '*' &&
               space_at(line.at + end, line.len - end, utf8) == 0) {
            end++;
        }
        count_word(&found, (struct hm_span){line.at + at, end - at}, utf8);
        at = end;
    }
    return found;
}

static enum hm_status refuse(struct hm_err *err, unsigned line, const char *why)
{
    return hm_fail_line(err, HM_EINVAL, line, "line %u: %s", line, why);
}

/* A port as netsh prints it: one to five digits, no leading zero, 1 to max. */
static bool parse_number(struct hm_span digits, uint32_t max, uint32_t *out_value)
{
    return digits.len <= PORT_DIGITS_MAX && digits.len > 0 && digits.at[0] != '0' &&
           hm_str_parse_u32(digits.at, digits.len, max, out_value);
}

static bool is_row(const struct words *line)
{
    return line->starts_with_digit && line->numbers == 2 && !line->has_letter && line->odd == 0 &&
           line->dashes == 0 && line->marks == 0 &&
           (line->stars == 0 || (line->stars == 1 && line->star_last));
}

/* The list in the making. */
struct excluded {
    struct hm_range *rows[2]; /* 0 = runtime, 1 = administered */
    size_t count[2];
    size_t room[2];
    uint32_t highest;    /* last port of the row before; 0 = no row yet */
    unsigned dash_rows;  /* rows of dashes under the labels */
    unsigned text_after; /* line of the first text behind a row; 0 = none */
};

static enum hm_status add_row(struct excluded *list, const struct words *words, unsigned line,
                              struct hm_arena *arena, struct hm_err *err)
{
    size_t which = words->stars;
    void *rows = list->rows[which];
    uint32_t first;
    uint32_t last;

    if (list->text_after != 0) {
        return refuse(err, list->text_after,
                      "text between rows: the list is cut, or these are two lists");
    }
    if (!parse_number(words->number[0], HM_PORT_COUNT - 1, &first) ||
        !parse_number(words->number[1], HM_PORT_COUNT - 1, &last)) {
        return refuse(err, line, "a row needs two ports, 1 to 65535, without leading zeros");
    }
    if (last < first) {
        return refuse(err, line, "the row's end port is below its start port");
    }
    if (first <= list->highest) {
        return refuse(err, line, "the row overlaps the one before, or rows do not ascend");
    }
    if (list->count[0] + list->count[1] >= HM_LIMIT_RANGES) {
        return hm_fail_line(err, HM_ETOOBIG, line, "line %u: more than %u rows", line,
                            HM_LIMIT_RANGES);
    }
    if (hm_arena_grow(arena, &rows, list->count[which], &list->room[which],
                      sizeof(*list->rows[which])) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the rows of an exclusion list");
    }
    list->rows[which] = rows;
    list->rows[which][list->count[which]++] = (struct hm_range){(uint16_t)first, (uint16_t)last};
    list->highest = last;
    return HM_OK;
}

/* One line of an exclusion list, without its quotation marks. */
static enum hm_status take_excluded_line(struct excluded *list, struct hm_span text, unsigned line,
                                         bool utf8, struct hm_arena *arena, struct hm_err *err)
{
    struct words words = read_words(text, utf8);

    if (words.is_cut || (!words.has_letter && words.has_dot && words.numbers == 0)) {
        return refuse(err, line, "something was left out of the list here");
    }
    if (is_row(&words)) {
        return add_row(list, &words, line, arena, err);
    }
    if (words.starts_with_digit || words.numbers > 0 || words.odd > 0) {
        return refuse(err, line,
                      "neither text nor a row: a row is a start port, an end port, at most one "
                      "'*', and nothing else");
    }
    if (!words.has_letter && words.dashes == 2 && words.stars == 0) {
        list->dash_rows++;
        if (list->dash_rows > 1) {
            return refuse(err, line, "a second list starts here: give one file a list");
        }
    }
    if (text.len > 0 && list->highest > 0 && list->text_after == 0) {
        list->text_after = line;
    }
    return HM_OK;
}

/* Where the visible text of a line starts: quotation marks and invisible marks mixed. */
static struct hm_span visible(struct hm_span line, bool utf8)
{
    struct hm_span rest = hm_input_unquote(line);
    size_t space = rest.len > 0 ? space_at(rest.at, rest.len, utf8) : 0;

    while (space > 0) {
        rest = hm_input_unquote((struct hm_span){rest.at + space, rest.len - space});
        space = rest.len > 0 ? space_at(rest.at, rest.len, utf8) : 0;
    }
    return rest;
}

static enum hm_status read_excluded(struct hm_span rest, struct hm_arena *arena,
                                    struct excluded *list, struct hm_err *err)
{
    bool utf8 = hm_str_is_utf8(rest.at, rest.len);
    struct hm_span text;
    unsigned line = 0;
    enum hm_status st = HM_OK;

    while (st == HM_OK && hm_str_next_line(&rest, &text)) {
        line++;
        st = take_excluded_line(list, visible(text, utf8), line, utf8, arena, err);
    }
    if (st == HM_OK && list->highest == 0 && list->dash_rows == 0) {
        return refuse(err, line,
                      "no row and no line of dashes up to here: this is no output of netsh "
                      "interface {ipv4|ipv6} show excludedportrange");
    }
    return st;
}

enum hm_status hm_netsh_parse_excluded(const char *text, size_t len, struct hm_arena *arena,
                                       struct hm_ports *out_administered,
                                       struct hm_ports *out_runtime, struct hm_err *err)
{
    struct excluded list = {0};
    struct hm_arena input;
    struct hm_span plain;
    enum hm_status st;

    hm_arena_init(&input, INPUT_ARENA_BYTES);
    st = hm_input_text(text, len, &input, &plain, err);
    if (st == HM_OK) {
        st = read_excluded(plain, arena, &list, err);
    }
    if (st == HM_OK) {
        *out_runtime = (struct hm_ports){list.rows[0], list.count[0]};
        *out_administered = (struct hm_ports){list.rows[1], list.count[1]};
    }
    hm_arena_fini(&input);
    return st;
}

enum hm_status hm_netsh_ends_with_row(struct hm_span text, bool *out_ends, struct hm_err *err)
{
    struct hm_arena input;
    struct hm_span rest;
    struct hm_span line;
    bool ends = false;
    enum hm_status st;

    hm_arena_init(&input, INPUT_ARENA_BYTES);
    st = hm_input_text(text.at, text.len, &input, &rest, err);
    if (st == HM_OK) {
        const bool utf8 = hm_str_is_utf8(rest.at, rest.len);

        while (hm_str_next_line(&rest, &line)) {
            const struct hm_span shown = visible(line, utf8);
            const struct words words = read_words(shown, utf8);

            ends = shown.len > 0 ? is_row(&words) : ends;
        }
        *out_ends = ends;
    }
    hm_arena_fini(&input);
    return st;
}

/* The number that ends a "label : value" line. */
enum value_line { VALUE_NONE, VALUE_FOUND, VALUE_BROKEN };

static enum value_line find_value(struct hm_span text, bool utf8, struct hm_span *out_digits)
{
    struct words words;
    struct hm_span label = text;
    size_t digits = 0;

    while (digits < text.len && is_digit(text.at[text.len - 1 - digits])) {
        digits++;
    }
    label.len -= digits;
    words = read_words(label, utf8);
    if (words.starts_with_digit || words.numbers > 0 || words.odd > 0) {
        return VALUE_BROKEN; /* a number where only a label may be */
    }
    if (digits == 0 || (label.len > 0 && is_letter(label.at[label.len - 1]))) {
        return VALUE_NONE; /* text, perhaps a name such as "ipv4" */
    }
    if (label.len == 0 || !words.has_letter ||
        (strchr(": \t", label.at[label.len - 1]) == NULL &&
         (unsigned char)label.at[label.len - 1] <= 0x7f)) {
        return VALUE_BROKEN;
    }
    *out_digits = (struct hm_span){text.at + label.len, digits};
    return VALUE_FOUND;
}

/* The line without invisible marks at its end. */
static struct hm_span trim_end(struct hm_span text, bool utf8)
{
    size_t end = 0;
    size_t at = 0;

    while (at < text.len) {
        size_t space = space_at(text.at + at, text.len - at, utf8);

        at += space > 0 ? space : 1;
        end = space > 0 ? end : at;
    }
    return (struct hm_span){text.at, end};
}

/* Collects the values of a dynamic port listing, at most two. */
static enum hm_status read_values(struct hm_span rest, struct hm_span values[2], unsigned *out_line,
                                  struct hm_err *err)
{
    bool utf8 = hm_str_is_utf8(rest.at, rest.len);
    struct hm_span text;
    unsigned line = 0;
    unsigned count = 0;

    while (hm_str_next_line(&rest, &text)) {
        struct hm_span shown = trim_end(visible(text, utf8), utf8);
        struct hm_span digits;
        enum value_line kind = find_value(shown, utf8, &digits);

        line++;
        if (read_words(shown, utf8).is_cut) {
            return refuse(err, line, "something was left out here");
        }
        if (kind == VALUE_BROKEN) {
            return refuse(err, line, "a number that is not the value of a 'label : value' line");
        }
        if (kind == VALUE_FOUND && rest.len == 0 && text.at + text.len == rest.at) {
            return refuse(err, line,
                          "the text ends behind this number, without the end of the "
                          "line that netsh writes: it was cut");
        }
        if (kind == VALUE_FOUND && count == 2) {
            return refuse(err, line, "a third value; netsh shows a start port and a count");
        }
        if (kind == VALUE_FOUND) {
            values[count++] = digits;
            *out_line = line;
        }
    }
    if (count != 2) {
        return refuse(err, line,
                      "fewer than two 'label : value' lines up to here: this is no output of "
                      "netsh interface {ipv4|ipv6} show dynamicport");
    }
    return HM_OK;
}

enum hm_status hm_netsh_parse_dynamic(const char *text, size_t len, struct hm_range *out_range,
                                      struct hm_err *err)
{
    struct hm_span values[2];
    struct hm_span plain;
    struct hm_arena input;
    uint32_t start;
    uint32_t count;
    unsigned line = 0;
    enum hm_status st;

    hm_arena_init(&input, INPUT_ARENA_BYTES);
    st = hm_input_text(text, len, &input, &plain, err);
    if (st == HM_OK) {
        st = read_values(plain, values, &line, err);
    }
    if (st == HM_OK && (!parse_number(values[0], HM_PORT_COUNT - 1, &start) ||
                        !parse_number(values[1], HM_PORT_COUNT - 1, &count))) {
        st = refuse(err, line, "start port and count must be 1 to 65535, without leading zeros");
    }
    if (st == HM_OK && count < COUNT_MIN) {
        st = hm_fail_line(err, HM_EINVAL, line,
                          "line %u: a count of %u; netsh sets no range below %u ports", line, count,
                          COUNT_MIN);
    }
    if (st == HM_OK && start + count > HM_PORT_COUNT) {
        st = hm_fail_line(err, HM_EINVAL, line,
                          "line %u: start port %u and count %u go beyond port 65535", line, start,
                          count);
    }
    if (st == HM_OK) {
        *out_range = (struct hm_range){(uint16_t)start, (uint16_t)(start + count - 1)};
    }
    hm_arena_fini(&input);
    return st;
}
