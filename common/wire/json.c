/* common/wire/json.c — JSON text to trees: the checks that no record needs to repeat.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/json.h"

#include <jansson.h>

#include "common/base/limits.h"

/* The parser below recurses up to 2,048 levels, more than a worker's stack may hold. This pass
 * does not judge the text; on broken JSON it may stop anywhere, and the parser says why. */
enum hm_status hm_json_check_depth(const char *text, size_t len, struct hm_err *err)
{
    unsigned depth = 0;
    unsigned line = 1;

    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '"':
            for (i++; i < len && text[i] != '"'; i++) {
                if (text[i] == '\\') {
                    i++;
                }
            }
            break;
        case '{':
        case '[':
            if (++depth > HM_LIMIT_JSON_DEPTH) {
                return hm_fail_line(err, HM_EINVAL, line,
                                    "line %u: JSON nested deeper than %u levels; no document "
                                    "needs that, look at what wrote it",
                                    line, HM_LIMIT_JSON_DEPTH);
            }
            break;
        case '}':
        case ']':
            depth -= depth > 0 ? 1 : 0;
            break;
        case '\n':
            line++;
            break;
        default:
            break;
        }
    }
    return HM_OK;
}

enum hm_status hm_json_parse(const char *text, size_t len, struct json_t **out_tree,
                             struct hm_err *err)
{
    json_error_t why;
    json_t *tree;
    unsigned line;

    tree = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (tree == NULL && json_error_code(&why) == json_error_out_of_memory) {
        return hm_fail(err, HM_ENOMEM, "no memory to read %zu bytes of JSON", len);
    }
    if (tree == NULL) {
        line = why.line > 0 ? (unsigned)why.line : 1;
        return hm_fail_line(err, HM_EINVAL, line, "line %u, column %d: not valid JSON: %s", line,
                            why.column, why.text);
    }
    *out_tree = tree;
    return HM_OK;
}

void hm_json_free(struct json_t *tree)
{
    json_decref(tree);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool hm_json_at_end(struct hm_json_cursor *cursor)
{
    while (cursor->at < cursor->end && is_space(*cursor->at)) {
        cursor->at++;
    }
    return cursor->at == cursor->end;
}

bool hm_json_step(struct hm_json_cursor *cursor, char mark)
{
    if (hm_json_at_end(cursor) || *cursor->at != mark) {
        return false;
    }
    cursor->at++;
    return true;
}

json_t *hm_json_next_value(struct hm_json_cursor *cursor)
{
    json_error_t why;
    json_t *value =
        json_loadb(cursor->at, (size_t)(cursor->end - cursor->at),
                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &why);

    if (value == NULL) {
        cursor->broken = true;
        return NULL;
    }
    cursor->at += why.position; /* the bytes that it took */
    return value;
}

json_t *hm_json_next_name(struct hm_json_cursor *cursor, bool is_first)
{
    json_t *name;

    if (cursor->broken || (!is_first && hm_json_step(cursor, '}'))) {
        return NULL;
    }
    cursor->broken = !hm_json_step(cursor, is_first ? '{' : ',');
    if (cursor->broken || (is_first && hm_json_step(cursor, '}'))) {
        return NULL;
    }
    name = hm_json_next_value(cursor);
    if (!json_is_string(name) || !hm_json_step(cursor, ':')) {
        cursor->broken = true;
        json_decref(name);
        return NULL;
    }
    return name;
}

size_t hm_json_count_rows(const struct hm_json_cursor *cursor)
{
    const char *text = cursor->at;
    const size_t len = (size_t)(cursor->end - cursor->at);
    bool any = false;
    size_t commas = 0;
    unsigned depth = 0;

    for (size_t i = 0; i < len && (text[i] != ']' || depth > 0); i++) {
        const char c = text[i];

        any = any || !is_space(c);
        commas += c == ',' && depth == 0 ? 1 : 0;
        depth += c == '{' || c == '[' ? 1 : 0;
        depth -= (c == '}' || c == ']') && depth > 0 ? 1 : 0;
        if (c == '"') {
            for (i++; i < len && text[i] != '"'; i++) {
                i += text[i] == '\\' ? 1 : 0; /* past the end at most, and i is a number */
            }
        }
    }
    return any ? commas + 1 : 0;
}
