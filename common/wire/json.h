/* common/wire/json.h — JSON text to a tree: the checks that no record needs to repeat.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to common/wire: no other folder sees the tree. Threads: all are pure. */
#pragma once

#include <stddef.h>

#include "common/base/err.h"

struct json_t;

/* Parses text, all of it, into a tree that the caller gives to hm_json_free. Refused with
 * HM_EINVAL and the line: broken JSON, duplicate members, NUL, bytes that are not UTF-8, and
 * nesting over HM_LIMIT_JSON_DEPTH (seen before anything recurses). */
enum hm_status hm_json_parse(const char *text, size_t len, struct json_t **out_tree,
                             struct hm_err *err) HM_MUST_CHECK;

void hm_json_free(struct json_t *tree); /* NULL is fine */
