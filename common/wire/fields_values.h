/* common/wire/fields_values.h — one value of a record out of its JSON, and how errors name it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to common/wire. Threads: all are pure besides their arguments. */
#pragma once

#include <stdbool.h>

#include "common/wire/fields.h"

struct json_t;

/* Where we are, innermost first; text is only made of it when something is wrong. */
struct hm_member_path {
    const struct hm_member_path *up; /* NULL: this is the document */
    const char *name;                /* NULL: a row of a list */
    size_t row;
};

struct hm_member_reader {
    struct hm_arena *arena;
    bool strict;
    uint32_t unknown_members;
    struct hm_err *err;
};

/* Fails with the path before the text. */
enum hm_status hm_member_refuse(const struct hm_member_reader *reader, enum hm_status status,
                                const struct hm_member_path *path, const char *fmt, ...)
    HM_PRINTF(4, 5);
enum hm_status hm_member_no_memory(const struct hm_member_reader *reader,
                                   const struct hm_member_path *path);
enum hm_status hm_member_wrong_type(const struct hm_member_reader *reader, struct json_t *value,
                                    const char *wanted, const struct hm_member_path *path);

/* A text of min to max bytes, copied into the reader's arena. */
enum hm_status hm_member_text(struct hm_member_reader *reader, struct json_t *value, double min,
                              double max, const char **out_text, const struct hm_member_path *path);

/* What is neither a record nor a list: from value into the struct's member at. */
enum hm_status hm_member_read(struct hm_member_reader *reader, const struct hm_field *field,
                              struct json_t *value, void *at, const struct hm_member_path *path);
