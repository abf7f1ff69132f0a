/* common/base/buf.h — a growing run of bytes that cannot exist without a cap.
 * SPDX-License-Identifier: Apache-2.0
 *
 * data is always NUL-terminated once anything was put (the NUL is not counted in len).
 * The put functions keep the first failure (sticky): a writer may put many pieces and ask
 * hm_buf_status once. Threads: one buffer, one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

struct hm_buf {
    char *data; /* NULL while empty */
    size_t len;
    size_t room;
    size_t cap_bytes;
    enum hm_status status; /* HM_OK, HM_ETOOBIG or HM_ENOMEM; private, see hm_buf_status */
};

void hm_buf_init(struct hm_buf *buf, size_t cap_bytes);
void hm_buf_fini(struct hm_buf *buf);

/* Empties the buffer and its failure, keeps the memory. */
void hm_buf_reset(struct hm_buf *buf);

/* Appends; false once the buffer has failed. */
bool hm_buf_put(struct hm_buf *buf, const void *bytes, size_t len);
bool hm_buf_puts(struct hm_buf *buf, const char *text);
bool hm_buf_putc(struct hm_buf *buf, char c);
bool hm_buf_printf(struct hm_buf *buf, const char *fmt, ...) HM_PRINTF(2, 3);

/* HM_OK, or the first failure of a put with text in err. */
enum hm_status hm_buf_status(const struct hm_buf *buf, struct hm_err *err) HM_MUST_CHECK;

/* The text; "" while empty. Borrowed until the next put or fini. */
const char *hm_buf_text(const struct hm_buf *buf);
