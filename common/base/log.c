/* common/base/log.c — one line an event: "time level event key=value …" on standard error.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"

const char *const hm_log_level_names[4] = {"error", "warning", "info", "debug"};

static enum hm_log_level lowest = HM_LOG_INFO;
static hm_log_sink second_reader;
static void *second_reader_ctx;

void hm_log_set_level(enum hm_log_level level)
{
    lowest = level;
}

void hm_log_set_sink(hm_log_sink sink, void *ctx)
{
    second_reader = sink;
    second_reader_ctx = ctx;
}

static void put(struct hm_log_line *line, const char *text)
{
    while (*text != '\0' && line->len < sizeof(line->text) - 2) {
        line->text[line->len++] = *text++;
    }
    line->text[line->len] = '\0';
}

static void put_escaped(struct hm_log_line *line, const char *value)
{
    static const char hex[] = "0123456789abcdef";
    bool plain = *value != '\0' && strpbrk(value, " =\"\\") == NULL;

    put(line, plain ? "" : "\"");
    for (const char *at = value; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        char piece[5] = {(char)c, '\0', '\0', '\0', '\0'};

        if (c < 0x20 || c == 0x7f) {
            piece[0] = '\\';
            piece[1] = 'x';
            piece[2] = hex[c >> 4];
            piece[3] = hex[c & 15];
        } else if (c == '"' || c == '\\') {
            piece[0] = '\\';
            piece[1] = (char)c;
        }
        put(line, piece);
    }
    put(line, plain ? "" : "\"");
}

void hm_log_begin(struct hm_log_line *line, enum hm_log_level level, const char *event)
{
    static const char *const syslog_prefix[] = {"<3>", "<4>", "<6>", "<7>"};
    char time[HM_TIME_TEXT_BYTES];

    line->level = level;
    line->event = event;
    line->len = 0;
    if (getenv("JOURNAL_STREAM") != NULL) {
        put(line, syslog_prefix[level]);
    } else {
        put(line, hm_clock_format(hm_clock_now_ms(), time));
        put(line, " ");
        put(line, hm_log_level_names[level]);
        put(line, " ");
    }
    put(line, event);
    line->details_at = line->len;
}

void hm_log_str(struct hm_log_line *line, const char *key, const char *value)
{
    put(line, " ");
    put(line, key);
    put(line, "=");
    put_escaped(line, value == NULL ? "" : value);
}

void hm_log_u64(struct hm_log_line *line, const char *key, uint64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    hm_log_str(line, key, text);
}

void hm_log_i64(struct hm_log_line *line, const char *key, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    hm_log_str(line, key, text);
}

void hm_log_err(struct hm_log_line *line, const struct hm_err *err)
{
    hm_log_str(line, "code", hm_err_code(err));
    if (err->line != 0) {
        hm_log_u64(line, "line", err->line);
    }
    hm_log_str(line, "text", err->text);
}

void hm_log_end(struct hm_log_line *line)
{
    if (second_reader != NULL) {
        const char *details = line->text + line->details_at;

        second_reader(second_reader_ctx, line->level, line->event,
                      details[0] == ' ' ? details + 1 : "");
    }
    if (line->level > lowest) {
        return;
    }
    line->text[line->len++] = '\n';
    (void)fwrite(line->text, 1, line->len, stderr);
    (void)fflush(stderr); /* Windows buffers it where it is redirected */
}

void hm_log_event(enum hm_log_level level, const char *event)
{
    struct hm_log_line line;

    hm_log_begin(&line, level, event);
    hm_log_end(&line);
}

void hm_log_failure(enum hm_log_level level, const char *event, const struct hm_err *err)
{
    struct hm_log_line line;

    hm_log_begin(&line, level, event);
    hm_log_err(&line, err);
    hm_log_end(&line);
}
