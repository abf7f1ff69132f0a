/* tests/support/encodings.c — an ASCII text in each encoding that editors and consoles write.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/encodings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

const struct test_encoding test_encodings[TEST_ENCODINGS] = {
    {"UTF-8 with a mark",    "\xef\xbb\xbf", 3, 1, false, false},
    {"UTF-16LE with a mark", "\xff\xfe",     2, 2, false, false},
    {"UTF-16BE with a mark", "\xfe\xff",     2, 2, true,  false},
    {"UTF-16LE",             "",             0, 2, false, false},
    {"UTF-16BE",             "",             0, 2, true,  false},
    {"UTF-8 with Ctrl-Z",    "",             0, 1, false, true },
};

static void put_unit(char c, const struct test_encoding *encoding, struct hm_buf *out)
{
    if (encoding->unit_bytes == 2 && encoding->swapped) {
        (void)hm_buf_putc(out, '\0');
    }
    (void)hm_buf_putc(out, c);
    if (encoding->unit_bytes == 2 && !encoding->swapped) {
        (void)hm_buf_putc(out, '\0');
    }
}

void test_encode(struct hm_span text, const struct test_encoding *encoding, struct hm_buf *out)
{
    (void)hm_buf_put(out, encoding->mark, encoding->mark_len);
    for (size_t i = 0; i < text.len; i++) {
        assert_true((unsigned char)text.at[i] < 0x80);
        put_unit(text.at[i], encoding, out);
    }
    if (encoding->end_mark) {
        put_unit('\x1a', encoding, out);
    }
    assert_int_equal(hm_buf_status(out, NULL), HM_OK);
}
