/* common/base/err.c — statuses and error text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/err.h"

#include <stdio.h>
#include <string.h>

static void fill(struct hm_err *err, enum hm_status status, unsigned line, const char *code,
                 const char *fmt, va_list args)
{
    char text[HM_ERR_TEXT_MAX]; /* args may point into err->text */

    if (err == NULL) {
        return;
    }
    (void)vsnprintf(text, sizeof(text), fmt, args);
    err->status = status;
    err->line = line;
    (void)snprintf(err->code, sizeof(err->code), "%s", code);
    memcpy(err->text, text, sizeof(text));
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
    char prefix[HM_ERR_TEXT_MAX];
    char text[HM_ERR_TEXT_MAX * 2 + 3];
    va_list args;

    if (err == NULL) {
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(prefix, sizeof(prefix), fmt, args);
    va_end(args);
    (void)snprintf(text, sizeof(text), "%s: %s", prefix, err->text);
    memcpy(err->text, text, sizeof(err->text) - 1);
    err->text[sizeof(err->text) - 1] = '\0';
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
