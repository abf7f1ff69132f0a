/* common/wire/json.c — JSON text to a tree: the checks that no record needs to repeat.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/json.h"

#include <jansson.h>

#include "common/base/limits.h"

/* The parser below recurses up to 2,048 levels, more than a worker's stack may hold. This pass
 * does not judge the text; on broken JSON it may stop anywhere, and the parser says why. */
static enum hm_status check_depth(const char *text, size_t len, struct hm_err *err)
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
    enum hm_status st = check_depth(text, len, err);

    if (st != HM_OK) {
        return st;
    }
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
