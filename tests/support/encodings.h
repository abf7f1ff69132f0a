/* tests/support/encodings.h — an ASCII text in each encoding that editors and consoles write.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/base/buf.h"
#include "common/base/str.h"

struct test_encoding {
    const char *name;
    const char *mark;
    size_t mark_len;
    int unit_bytes; /* 1 or 2 */
    bool swapped;   /* most significant byte first */
    bool end_mark;  /* Ctrl-Z */
};

#define TEST_ENCODINGS 6
extern const struct test_encoding test_encodings[TEST_ENCODINGS];

/* Appends; fails the running test when the text is not ASCII. */
void test_encode(struct hm_span text, const struct test_encoding *encoding, struct hm_buf *out);
