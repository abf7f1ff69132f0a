/* server/store/filter.c — the filter language: lexer, descent, SQL with bound values.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/filter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/str.h"

enum token { TOKEN_END, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_WORD, TOKEN_QUOTED, TOKEN_OP };

enum op { OP_EQUAL, OP_UNEQUAL, OP_LIKE, OP_UNLIKE, OP_BELOW, OP_AT_MOST, OP_ABOVE, OP_AT_LEAST };

struct op_row {
    const char *text;
    const char *sql;
    enum op op;
    bool negated;
    bool ordered;
};

/* Longer spellings first. */
static const struct op_row ops[] = {
    {"!=", "=",    OP_UNEQUAL,  true,  false},
    {"!~", "like", OP_UNLIKE,   true,  false},
    {"<=", "<=",   OP_AT_MOST,  false, true },
    {">=", ">=",   OP_AT_LEAST, false, true },
    {"=",  "=",    OP_EQUAL,    false, false},
    {"~",  "like", OP_LIKE,     false, false},
    {"<",  "<",    OP_BELOW,    false, true },
    {">",  ">",    OP_ABOVE,    false, true },
};

struct parser {
    const struct hm_filter_list *list;
    const char *text;
    size_t at;    /* behind the current token */
    size_t start; /* of the current token */
    enum token token;
    const char *word;        /* TOKEN_WORD, TOKEN_QUOTED: unescaped */
    const struct op_row *op; /* TOKEN_OP */
    unsigned depth;
    unsigned terms;
    int64_t now_ms;
    struct hm_arena *arena;
    struct hm_buf sql;
    struct hm_value *values;
    size_t value_count;
    bool overflow; /* of values */
    struct hm_err *err;
};

/* Room for the longest SQL that HM_LIMIT_FILTER_TERMS terms can give. */
#define SQL_BYTES (64u * 1024u)

static unsigned position(const char *text, size_t at)
{
    unsigned characters = 1;
    size_t i;

    for (i = 0; i < at; i++) {
        characters += ((unsigned char)text[i] & 0xc0u) != 0x80u;
    }
    return characters;
}

static enum hm_status bad(struct parser *p, const char *what)
{
    char known[320];
    size_t len = 0;
    size_t i;

    known[0] = '\0';
    for (i = 0; i < p->list->count; i++) {
        const char *name = p->list->fields[i].name;

        if (len + strlen(name) + 3 >= sizeof(known)) {
            break;
        }
        if (i > 0) {
            known[len++] = ',';
            known[len++] = ' ';
        }
        memcpy(known + len, name, strlen(name) + 1);
        len += strlen(name);
    }
    return hm_fail_code(p->err, HM_EINVAL, "bad_filter",
                        "filter, position %u: %s. Fields of %s: %s; example: %s",
                        position(p->text, p->start), what, p->list->name, known,
                        "name~\"web*\" and not silent=true");
}

static enum hm_status bad_value(struct parser *p, const char *value, const char *want)
{
    const char *what = hm_arena_printf(p->arena, "\"%.40s\" is not %s", value, want);

    return bad(p, what == NULL ? "wrong value" : what);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word(char c)
{
    return c != '\0' && !is_space(c) && strchr("\"()=!~<>", c) == NULL;
}

static enum hm_status read_quoted(struct parser *p)
{
    char *out = hm_arena_alloc(p->arena, strlen(p->text + p->at) + 1, 1);
    size_t len = 0;

    if (out == NULL) {
        return hm_fail(p->err, HM_ENOMEM, "no memory for the filter");
    }
    p->at++;
    while (p->text[p->at] != '"') {
        if (p->text[p->at] == '\\' && (p->text[p->at + 1] == '"' || p->text[p->at + 1] == '\\')) {
            p->at++;
        }
        if (p->text[p->at] == '\0') {
            return bad(p, "the quote is not closed");
        }
        out[len++] = p->text[p->at++];
    }
    p->at++;
    out[len] = '\0';
    p->word = out;
    p->token = TOKEN_QUOTED;
    return HM_OK;
}

static enum hm_status advance(struct parser *p)
{
    const char *s;
    size_t i;

    while (is_space(p->text[p->at])) {
        p->at++;
    }
    p->start = p->at;
    s = p->text + p->at;
    if (*s == '\0') {
        p->token = TOKEN_END;
        return HM_OK;
    }
    if (*s == '(' || *s == ')') {
        p->token = *s == '(' ? TOKEN_OPEN : TOKEN_CLOSE;
        p->at++;
        return HM_OK;
    }
    if (*s == '"') {
        return read_quoted(p);
    }
    for (i = 0; i < HM_COUNT(ops); i++) {
        if (strncmp(s, ops[i].text, strlen(ops[i].text)) == 0) {
            p->token = TOKEN_OP;
            p->op = &ops[i];
            p->at += strlen(ops[i].text);
            return HM_OK;
        }
    }
    for (i = 0; is_word(s[i]); i++) {
    }
    if (i == 0) {
        return bad(p, "a lone '!'; write != or !~ or not");
    }
    p->token = TOKEN_WORD;
    p->word = hm_arena_strndup(p->arena, s, i);
    p->at += i;
    return p->word == NULL ? hm_fail(p->err, HM_ENOMEM, "no memory for the filter") : HM_OK;
}

/* ASCII only, so that bytes are characters for SQL too. */
static bool is_label_name(const char *name)
{
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/") ==
           strlen(name);
}

/* Binds a value and answers its number for the placeholder. */
static unsigned bind(struct parser *p, struct hm_value value)
{
    if (p->value_count == HM_LIMIT_FILTER_VALUES) {
        p->overflow = true;
        return 1;
    }
    p->values[p->value_count++] = value;
    return (unsigned)p->value_count;
}

/* Our pattern as one of LIKE, folded to lower case, with '\' before what LIKE would take. */
static const char *like_pattern(struct parser *p, const char *pattern)
{
    char *out = hm_arena_alloc(p->arena, 2 * strlen(pattern) + 1, 1);
    char *to = out;

    if (out == NULL) {
        return NULL;
    }
    for (; *pattern != '\0'; pattern++) {
        char c = *pattern;

        if (c == '*' || c == '?') {
            *to++ = c == '*' ? '%' : '_';
            continue;
        }
        if (c == '%' || c == '_' || c == '\\') {
            *to++ = '\\';
        }
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        *to++ = c;
    }
    *to = '\0';
    return out;
}

static enum hm_status put_text(struct parser *p, const char *sql, const char *value)
{
    if (p->op->ordered) {
        return bad(p, "texts are compared by = != ~ !~ only");
    }
    if (p->op->op == OP_LIKE || p->op->op == OP_UNLIKE) {
        value = like_pattern(p, value);
        hm_buf_printf(&p->sql, "coalesce(lower(%s) LIKE $%u ESCAPE '\\',false)", sql,
                      bind(p, hm_value_text(value)));
    } else {
        hm_buf_printf(&p->sql, "coalesce(%s=$%u,false)", sql, bind(p, hm_value_text(value)));
    }
    return value == NULL ? hm_fail(p->err, HM_ENOMEM, "no memory for the filter") : HM_OK;
}

static bool holds(enum op op, unsigned row, unsigned given)
{
    switch (op) {
    case OP_BELOW:
        return row < given;
    case OP_AT_MOST:
        return row <= given;
    case OP_ABOVE:
        return row > given;
    case OP_AT_LEAST:
        return row >= given;
    default:
        return row == given;
    }
}

/* Names of a set are kept as text; an order becomes the list of names on that side. */
static enum hm_status put_name(struct parser *p, const struct hm_filter_field *field,
                               const char *value)
{
    unsigned given = 0;
    unsigned row;
    const char *comma = "";

    if (p->op->op == OP_LIKE || p->op->op == OP_UNLIKE) {
        return put_text(p, field->sql, value);
    }
    while (given < field->names->count && strcmp(field->names->names[given], value) != 0) {
        given++;
    }
    if (given == field->names->count) {
        const char *want = "one of";

        for (row = 0; row < field->names->count && want != NULL; row++) {
            want = hm_arena_printf(p->arena, "%s %s", want, field->names->names[row]);
        }
        return bad_value(p, value, want == NULL ? field->help : want);
    }
    hm_buf_printf(&p->sql, "coalesce(%s IN (", field->sql);
    for (row = 0; row < field->names->count; row++) {
        if (holds(p->op->op, row, given)) {
            hm_buf_printf(&p->sql, "%s$%u", comma,
                          bind(p, hm_value_text(field->names->names[row])));
            comma = ",";
        }
    }
    if (*comma == '\0') {
        hm_buf_puts(&p->sql, "NULL"); /* nothing is above the last name */
    }
    hm_buf_puts(&p->sql, "),false)");
    return HM_OK;
}

static enum hm_status put_number(struct parser *p, const char *sql, const char *value)
{
    char *end = NULL;
    double number;
    struct hm_value bound;

    if (p->op->op == OP_LIKE || p->op->op == OP_UNLIKE) {
        return bad(p, "numbers know no ~");
    }
    if (strspn(value, "-.0123456789") != strlen(value)) {
        return bad_value(p, value, "a number");
    }
    number = strtod(value, &end);
    if (end == value || *end != '\0' || !isfinite(number) || fabs(number) > 9e15) {
        return bad_value(p, value, "a number");
    }
    bound = number == floor(number) ? hm_value_int((int64_t)number) : hm_value_real(number);
    hm_buf_printf(&p->sql, "coalesce(%s%s$%u,false)", sql, p->op->sql, bind(p, bound));
    return HM_OK;
}

static enum hm_status put_bool(struct parser *p, const char *sql, const char *value)
{
    bool yes = strcmp(value, "true") == 0;

    if (p->op->op != OP_EQUAL && p->op->op != OP_UNEQUAL) {
        return bad(p, "true and false are compared by = and != only");
    }
    if (!yes && strcmp(value, "false") != 0) {
        return bad_value(p, value, "true or false");
    }
    hm_buf_printf(&p->sql, "%scoalesce(%s,false)", yes ? "" : "NOT ", sql);
    return HM_OK;
}

/* "-2h": so long ago. */
static bool parse_ago(const char *text, int64_t now_ms, int64_t *out_ms)
{
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = {
        {'s', 1     },
        {'m', 60    },
        {'h', 3600  },
        {'d', 86400 },
        {'w', 604800},
    };
    size_t len = strlen(text);
    uint32_t count;
    size_t i;

    if (len < 3 || text[0] != '-' || !hm_str_parse_u32(text + 1, len - 2, 1000000, &count)) {
        return false;
    }
    for (i = 0; i < HM_COUNT(units); i++) {
        if (units[i].unit == text[len - 1]) {
            *out_ms = now_ms - (int64_t)count * units[i].seconds * 1000;
            return true;
        }
    }
    return false;
}

static enum hm_status put_time(struct parser *p, const char *sql, const char *value)
{
    int64_t at_ms;

    if (p->op->op == OP_LIKE || p->op->op == OP_UNLIKE) {
        return bad(p, "times know no ~");
    }
    if (!parse_ago(value, p->now_ms, &at_ms) && !hm_clock_parse(value, strlen(value), &at_ms)) {
        const char *midnight = hm_arena_printf(p->arena, "%sT00:00:00Z", value);

        if (midnight == NULL || !hm_clock_parse(midnight, strlen(midnight), &at_ms)) {
            return bad_value(p, value, "a time (2026-11-22T11:05:00Z, 2026-11-22 or -2h)");
        }
    }
    hm_buf_printf(&p->sql, "(coalesce(%s,0)<>0 AND %s%s$%u)", sql, sql, p->op->sql,
                  bind(p, hm_value_int(at_ms)));
    return HM_OK;
}

/* sql is a JSON list of texts, "name=value". The name is no pattern: it must match as it is. */
static enum hm_status put_label(struct parser *p, const char *sql, const char *label,
                                const char *value)
{
    const char *named = hm_arena_printf(p->arena, "%s=", label);
    const char *whole = hm_arena_printf(p->arena, "%s=%s", label, value);
    const char *pattern = like_pattern(p, value);

    if (p->op->ordered) {
        return bad(p, "labels are compared by = != ~ !~ only");
    }
    if (named == NULL || whole == NULL || pattern == NULL) {
        return hm_fail(p->err, HM_ENOMEM, "no memory for the filter");
    }
    hm_buf_printf(&p->sql, "EXISTS (SELECT 1 FROM json_each(%s) AS label WHERE ", sql);
    if (p->op->op == OP_EQUAL || p->op->op == OP_UNEQUAL) {
        hm_buf_printf(&p->sql, "label.value=$%u)", bind(p, hm_value_text(whole)));
        return HM_OK;
    }
    hm_buf_printf(&p->sql, "substr(label.value,1,%zu)=$%u", strlen(named),
                  bind(p, hm_value_text(named)));
    hm_buf_printf(&p->sql, " AND lower(substr(label.value,%zu)) LIKE $%u ESCAPE '\\')",
                  strlen(named) + 1, bind(p, hm_value_text(pattern)));
    return HM_OK;
}

static const struct hm_filter_field *find_field(struct parser *p, const char *name,
                                                const char **out_label)
{
    size_t i;

    *out_label = "";
    for (i = 0; i < p->list->count; i++) {
        const struct hm_filter_field *field = &p->list->fields[i];
        size_t len = strlen(field->name);

        if (field->type != HM_FILTER_LABEL) {
            if (strcmp(field->name, name) == 0) {
                return field;
            }
        } else if (strncmp(field->name, name, len) == 0 && name[len] == '.' &&
                   name[len + 1] != '\0') {
            *out_label = name + len + 1;
            return is_label_name(*out_label) ? field : NULL;
        }
    }
    return NULL;
}

static enum hm_status put_term(struct parser *p, const struct hm_filter_field *field,
                               const char *label, const char *value)
{
    if (p->op->negated) {
        hm_buf_puts(&p->sql, "NOT ");
    }
    switch (field->type) {
    case HM_FILTER_TEXT:
        return put_text(p, field->sql, value);
    case HM_FILTER_NAME:
        return put_name(p, field, value);
    case HM_FILTER_NUMBER:
        return put_number(p, field->sql, value);
    case HM_FILTER_BOOL:
        return put_bool(p, field->sql, value);
    case HM_FILTER_TIME:
        return put_time(p, field->sql, value);
    case HM_FILTER_LABEL:
        break;
    }
    return put_label(p, field->sql, label, value);
}

static enum hm_status parse_term(struct parser *p)
{
    const struct hm_filter_field *field;
    const char *name = p->word;
    const char *label;
    enum hm_status st;

    if (p->token != TOKEN_WORD) {
        return bad(p, p->token == TOKEN_END ? "the filter ends where a term should be"
                                            : "a term begins with the name of a field");
    }
    field = find_field(p, name, &label);
    if (field == NULL) {
        return bad_value(p, name, "a field here");
    }
    if (++p->terms > HM_LIMIT_FILTER_TERMS) {
        return bad(p, "too many terms");
    }
    st = advance(p);
    if (st == HM_OK && p->token != TOKEN_OP) {
        st = bad(p, "after a field comes one of = != ~ !~ < <= > >=");
    }
    if (st == HM_OK) {
        const struct op_row *op = p->op;

        st = advance(p);
        p->op = op;
    }
    if (st == HM_OK && p->token != TOKEN_WORD && p->token != TOKEN_QUOTED) {
        st = bad(p, "after the operator comes a value; quote it when it has blanks");
    }
    if (st == HM_OK) {
        st = put_term(p, field, label, p->word);
    }
    return st == HM_OK ? advance(p) : st;
}

static bool at_word(const struct parser *p, const char *word)
{
    return p->token == TOKEN_WORD && strcmp(p->word, word) == 0;
}

static enum hm_status parse_either(struct parser *p);

static enum hm_status parse_one(struct parser *p)
{
    enum hm_status st;

    if (p->depth >= HM_LIMIT_FILTER_DEPTH) {
        return bad(p, "nested too deeply");
    }
    if (at_word(p, "not")) {
        st = advance(p);
        hm_buf_puts(&p->sql, "NOT (");
        p->depth++;
        st = st == HM_OK ? parse_one(p) : st;
        p->depth--;
        hm_buf_putc(&p->sql, ')');
        return st;
    }
    if (p->token != TOKEN_OPEN) {
        return parse_term(p);
    }
    st = advance(p);
    hm_buf_putc(&p->sql, '(');
    p->depth++;
    st = st == HM_OK ? parse_either(p) : st;
    p->depth--;
    hm_buf_putc(&p->sql, ')');
    if (st == HM_OK && p->token != TOKEN_CLOSE) {
        st = bad(p, "a parenthesis is not closed");
    }
    return st == HM_OK ? advance(p) : st;
}

static enum hm_status parse_all(struct parser *p)
{
    enum hm_status st = parse_one(p);

    while (st == HM_OK && p->token != TOKEN_END && p->token != TOKEN_CLOSE && !at_word(p, "or")) {
        hm_buf_puts(&p->sql, " AND ");
        if (at_word(p, "and")) {
            st = advance(p);
        }
        st = st == HM_OK ? parse_one(p) : st;
    }
    return st;
}

static enum hm_status parse_either(struct parser *p)
{
    enum hm_status st = parse_all(p);

    while (st == HM_OK && at_word(p, "or")) {
        hm_buf_puts(&p->sql, " OR ");
        st = advance(p);
        st = st == HM_OK ? parse_all(p) : st;
    }
    return st;
}

static enum hm_status parse_whole(struct parser *p)
{
    enum hm_status st = advance(p);

    if (st != HM_OK || p->token == TOKEN_END) {
        return st;
    }
    st = parse_either(p);
    if (st == HM_OK && p->token != TOKEN_END) {
        st = bad(p, "a ')' without its '('");
    }
    if (st == HM_OK && p->overflow) {
        st = bad(p, "too many values");
    }
    return st == HM_OK ? hm_buf_status(&p->sql, p->err) : st;
}

enum hm_status hm_filter_compile(const struct hm_filter_list *list, const char *text,
                                 int64_t now_ms, struct hm_arena *arena, struct hm_where *out_where,
                                 struct hm_err *err)
{
    struct parser p = {.list = list, .text = text, .now_ms = now_ms, .arena = arena, .err = err};
    const char *sql;
    enum hm_status st;

    if (text == NULL) {
        *out_where = (struct hm_where){.sql = ""};
        return HM_OK;
    }
    if (strlen(text) > HM_LIMIT_FILTER_BYTES) {
        return hm_fail_code(err, HM_ETOOBIG, "bad_filter", "the filter is over %u bytes",
                            HM_LIMIT_FILTER_BYTES);
    }
    if (!hm_str_is_utf8(text, strlen(text))) {
        return hm_fail_code(err, HM_EINVAL, "bad_filter", "the filter is not UTF-8 text");
    }
    hm_buf_init(&p.sql, SQL_BYTES);
    p.values = hm_arena_alloc(arena, HM_LIMIT_FILTER_VALUES, sizeof(*p.values));
    st = p.values == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the filter") : parse_whole(&p);
    if (st == HM_OK) {
        sql = p.sql.len == 0 ? "" : hm_arena_printf(arena, "(%s)", hm_buf_text(&p.sql));
        if (sql == NULL) {
            st = hm_fail(err, HM_ENOMEM, "no memory for the filter");
        } else {
            *out_where = (struct hm_where){sql, p.values, p.value_count};
        }
    }
    hm_buf_fini(&p.sql);
    return st;
}
