/* common/base/err.c — statuses and error text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/err.h"

#include <stdio.h>
#include <string.h>

#include "common/base/str.h"

/* Room enough that the cut to HM_ERR_TEXT_MAX is made by hm_str_show, at a whole character. */
#define RAW_TEXT_BYTES (2 * HM_ERR_TEXT_MAX)

static void fill(struct hm_err *err, enum hm_status status, unsigned line, const char *code,
                 const char *fmt, va_list args)
{
    char text[RAW_TEXT_BYTES]; /* args may point into err->text */

    if (err == NULL) {
        return;
    }
    (void)vsnprintf(text, sizeof(text), fmt, args);
    err->status = status;
    err->line = line;
    (void)snprintf(err->code, sizeof(err->code), "%s", code);
    hm_str_show(text, err->text, sizeof(err->text));
}

enum hm_status(hm_fail)(struct hm_err *err, enum hm_status status, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fill(err, status, 0, "", fmt, args);
    va_end(args);
    return status;
}

enum hm_status(hm_fail_line)(struct hm_err *err, enum hm_status status, unsigned line,
                             const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fill(err, status, line, "", fmt, args);
    va_end(args);
    return status;
}

enum hm_status(hm_fail_code)(struct hm_err *err, enum hm_status status, const char *code,
                             const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fill(err, status, 0, code, fmt, args);
    va_end(args);
    return status;
}

void hm_err_prefix(struct hm_err *err, const char *fmt, ...)
{
    char prefix[RAW_TEXT_BYTES];
    char text[RAW_TEXT_BYTES + HM_ERR_TEXT_MAX + 2];
    va_list args;

    if (err == NULL) {
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(prefix, sizeof(prefix), fmt, args);
    va_end(args);
    (void)snprintf(text, sizeof(text), "%s: %s", prefix, err->text);
    hm_str_show(text, err->text, sizeof(err->text));
}

const char *hm_err_code(const struct hm_err *err)
{
    return err->code[0] != '\0' ? err->code : hm_status_name(err->status);
}

const char *hm_status_name(enum hm_status status)
{
    switch (status) {
#define HM_STATUS_CASE(id, name)                                                                   \
    case id:                                                                                       \
        return name;
        HM_STATUS_LIST(HM_STATUS_CASE)
#undef HM_STATUS_CASE
    }
    return "unknown_status";
}
