/* common/wire/json.h — JSON text to trees: the checks that no record needs to repeat.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to common/wire: no other folder sees the tree. Threads: all are pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

struct json_t;

/* Refuses nesting over HM_LIMIT_JSON_DEPTH, before anything recurses; HM_EINVAL and the line. Of
 * broken JSON it may see a part only. */
enum hm_status hm_json_check_depth(const char *text, size_t len, struct hm_err *err) HM_MUST_CHECK;

/* Parses text, all of it and of a depth that was checked, into a tree that the caller gives to
 * hm_json_free. Refused with HM_EINVAL and the line: broken JSON, duplicate members, NUL, bytes
 * that are not UTF-8. */
enum hm_status hm_json_parse(const char *text, size_t len, struct json_t **out_tree,
                             struct hm_err *err) HM_MUST_CHECK;

void hm_json_free(struct json_t *tree); /* NULL is fine */

/* A text of which one value after the other is read: a tree takes six times its text or more, and
 * of a large document only that of one value has to exist at a time. */
struct hm_json_cursor {
    const char *at;
    const char *end;
    bool broken; /* not valid JSON, or no memory: hm_json_parse of the whole text says which */
};

/* The name of an object's next member, as a string to give to hm_json_free; its value is next.
 * is_first: the object begins here. NULL after the last one, and where the text is broken. */
struct json_t *hm_json_next_name(struct hm_json_cursor *cursor, bool is_first);

/* The next value, of an object or a list, to give to hm_json_free; the caller has checked the depth
 * of the text. NULL: broken. */
struct json_t *hm_json_next_value(struct hm_json_cursor *cursor);

/* Steps over white space and this character; false, and nothing done, where another one follows. */
bool hm_json_step(struct hm_json_cursor *cursor, char mark);

/* Whether white space is all that follows. */
bool hm_json_at_end(struct hm_json_cursor *cursor);

/* How many rows follow up to the end of the list whose "[" was stepped over; any number where the
 * list is broken. */
size_t hm_json_count_rows(const struct hm_json_cursor *cursor);
