/* common/base/buf.c — a growing run of bytes that cannot exist without a cap.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM_BYTES 256u

void hm_buf_init(struct hm_buf *buf, size_t cap_bytes)
{
    buf->data = NULL;
    buf->len = 0;
    buf->room = 0;
    buf->cap_bytes = cap_bytes;
    buf->status = HM_OK;
}

void hm_buf_fini(struct hm_buf *buf)
{
    if (buf == NULL) {
        return;
    }
    free(buf->data);
    hm_buf_init(buf, buf->cap_bytes);
}

void hm_buf_reset(struct hm_buf *buf)
{
    buf->len = 0;
    buf->status = HM_OK;
    if (buf->data != NULL) {
        buf->data[0] = '\0';
    }
}

static bool reserve(struct hm_buf *buf, size_t more)
{
    size_t room = buf->room == 0 ? FIRST_ROOM_BYTES : buf->room;
    char *larger;

    if (buf->status != HM_OK) {
        return false;
    }
    if (more > buf->cap_bytes - buf->len) {
        buf->status = HM_ETOOBIG;
        return false;
    }
    if (buf->len + more + 1 <= buf->room) {
        return true;
    }
    while (room < buf->len + more + 1) {
        room *= 2;
    }
    larger = realloc(buf->data, room);
    if (larger == NULL) {
        buf->status = HM_ENOMEM;
        return false;
    }
    buf->data = larger;
    buf->room = room;
    return true;
}

bool hm_buf_put(struct hm_buf *buf, const void *bytes, size_t len)
{
    if (!reserve(buf, len)) {
        return false;
    }
    if (len > 0) {
        memcpy(buf->data + buf->len, bytes, len);
    }
    buf->len += len;
    buf->data[buf->len] = '\0';
    return true;
}

bool hm_buf_puts(struct hm_buf *buf, const char *text)
{
    return hm_buf_put(buf, text, strlen(text));
}

bool hm_buf_putc(struct hm_buf *buf, char c)
{
    return hm_buf_put(buf, &c, 1);
}

bool hm_buf_printf(struct hm_buf *buf, const char *fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0 || !reserve(buf, (size_t)len)) {
        return false;
    }
    va_start(args, fmt);
    (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
    va_end(args);
    buf->len += (size_t)len;
    return true;
}

enum hm_status hm_buf_status(const struct hm_buf *buf, struct hm_err *err)
{
    if (buf->status == HM_ETOOBIG) {
        return hm_fail(err, HM_ETOOBIG, "text is longer than its cap of %zu bytes", buf->cap_bytes);
    }
    if (buf->status != HM_OK) {
        return hm_fail(err, buf->status, "no memory for a buffer of %zu bytes", buf->len);
    }
    return HM_OK;
}

const char *hm_buf_text(const struct hm_buf *buf)
{
    return buf->data != NULL ? buf->data : "";
}
