/* common/config/config.h — "key = value" files into a struct, through a table.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One row says key, type, place, range, default and help; the sample file and the manual are
 * printed from the same rows. '#' starts a comment line. Unknown keys, doubles and values out of
 * range are refused with file and line; nothing is ignored. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"

enum hm_config_type {
    HM_CONFIG_STRING,   /* const char * */
    HM_CONFIG_U32,      /* uint32_t */
    HM_CONFIG_BOOL,     /* bool: on, off, yes, no, true, false */
    HM_CONFIG_DURATION, /* uint32_t seconds: "300", "5m", "1h" */
    HM_CONFIG_ENUM,     /* unsigned int, through names */
    HM_CONFIG_LIST,     /* struct hm_strings: comma separated; the key may be repeated */
};

struct hm_config_row {
    const char *key;
    enum hm_config_type type;
    size_t offset;
    uint32_t min;
    uint32_t max;
    const char *standard;     /* default, as text; NULL = must be given by someone */
    const char *const *names; /* HM_CONFIG_ENUM */
    unsigned name_count;
    const char *help;
};

/* Sets every row's default. */
enum hm_status hm_config_defaults(const struct hm_config_row *rows, size_t count,
                                  struct hm_arena *arena, void *out,
                                  struct hm_err *err) HM_MUST_CHECK;

/* Applies one value; source ("agent.conf:12", "--interval", "COLLECTOR") goes into errors. */
enum hm_status hm_config_set(const struct hm_config_row *rows, size_t count, const char *key,
                             const char *value, const char *source, struct hm_arena *arena,
                             void *out, struct hm_err *err) HM_MUST_CHECK;

/* Takes the first setting off "key=value,key=value", which is what --set options give. A comma
 * that no known key and '=' follow belongs to the value. HM_EINVAL when it has no '='. */
enum hm_status hm_config_next_setting(const struct hm_config_row *rows, size_t count,
                                      const char **settings, const char *source,
                                      struct hm_arena *arena, const char **out_key,
                                      const char **out_value, struct hm_err *err) HM_MUST_CHECK;

/* Applies all of them. */
enum hm_status hm_config_set_all(const struct hm_config_row *rows, size_t count,
                                 const char *settings, const char *source, struct hm_arena *arena,
                                 void *out, struct hm_err *err) HM_MUST_CHECK;

/* Reads text of a file named path (for errors). */
enum hm_status hm_config_parse(const struct hm_config_row *rows, size_t count, const char *path,
                               const char *text, size_t len, struct hm_arena *arena, void *out,
                               struct hm_err *err) HM_MUST_CHECK;

/* A commented sample file with every key and its default. */
void hm_config_sample(const struct hm_config_row *rows, size_t count, struct hm_buf *out);
