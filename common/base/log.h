/* common/base/log.h — one line an event: "time level event key=value …" on standard error.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Modules return errors; only loops, dispatchers and the janitor log, once. Values that came
 * from the wire or from a file are escaped (control bytes, quotes, spaces) by HM_LOG's %s-free
 * form: build a line with hm_log_begin, hm_log_str/u64/err, hm_log_end. Under systemd (the
 * environment has JOURNAL_STREAM) the time is left to the journal and the level is given as
 * "<n>" (sd-daemon(3)). Threads: safe; a line is written by one write call. */
#pragma once

#include <stdint.h>

#include "common/base/err.h"

enum hm_log_level { HM_LOG_ERROR, HM_LOG_WARNING, HM_LOG_INFO, HM_LOG_DEBUG };

#define HM_LOG_LINE_BYTES 2048

struct hm_log_line {
    enum hm_log_level level;
    const char *event; /* borrowed from hm_log_begin to hm_log_end */
    size_t details_at; /* where in text the values begin */
    size_t len;
    char text[HM_LOG_LINE_BYTES];
};

/* Lines above the level are dropped. Default HM_LOG_INFO. Call before threads start. */
void hm_log_set_level(enum hm_log_level level);

/* A second reader of every event, whatever the level that is logged: the event log of the system.
 * details: "key=value key=value", escaped, "" none. NULL = nobody. Call before threads start. */
typedef void (*hm_log_sink)(void *ctx, enum hm_log_level level, const char *event,
                            const char *details);
void hm_log_set_sink(hm_log_sink sink, void *ctx);

/* "error", "warning", "info", "debug". */
extern const char *const hm_log_level_names[4];

void hm_log_begin(struct hm_log_line *line, enum hm_log_level level, const char *event);
void hm_log_str(struct hm_log_line *line, const char *key, const char *value);
void hm_log_u64(struct hm_log_line *line, const char *key, uint64_t value);
void hm_log_i64(struct hm_log_line *line, const char *key, int64_t value);
void hm_log_err(struct hm_log_line *line, const struct hm_err *err); /* code= line= text= */
void hm_log_end(struct hm_log_line *line);

/* An event without values, and an event that is an error. */
void hm_log_event(enum hm_log_level level, const char *event);
void hm_log_failure(enum hm_log_level level, const char *event, const struct hm_err *err);
