/* tests/unit/base/test_encoding.c — one text in every encoding that editors and consoles write.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_BYTES 65536u
#define BYTES(literal) literal, sizeof(literal) - 1

/* "{\r\n\"é€🚢\"}" */
#define PLAIN "{\r\n\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\xa2\"}"
#define LE "{\0\r\0\n\0\"\0\xe9\0\xac\x20\x3d\xd8\xa2\xde\"\0}\0"
#define BE "\0{\0\r\0\n\0\"\0\xe9\x20\xac\xd8\x3d\xde\xa2\0\"\0}"

struct good_case {
    const char *name;
    const char *bytes;
    size_t len;
    const char *text;
};

/* clang-format off */
static const struct good_case good_cases[] = {
    {"UTF-8", BYTES(PLAIN), PLAIN},
    {"UTF-8 with a mark", BYTES("\xef\xbb\xbf" PLAIN), PLAIN},
    {"UTF-16LE with a mark", BYTES("\xff\xfe" LE), PLAIN},
    {"UTF-16BE with a mark", BYTES("\xfe\xff" BE), PLAIN},
    {"UTF-16LE without", BYTES(LE), PLAIN},
    {"UTF-16BE without", BYTES(BE), PLAIN},
    {"half Chinese, no mark", BYTES("\x4f\x53\xae\x8b \0t\0c\0p\0 \0\0\x4e\xef\x7a\r\0\n\0"),
     "\xe5\x8d\x8f\xe8\xae\xae tcp \xe4\xb8\x80\xe7\xab\xaf\r\n"},
    {"Ctrl-Z at the end", BYTES("a\r\n\x1a"), "a\r\n"},
    {"Ctrl-Z in UTF-16", BYTES("\xff\xfe" "a\0\x1a\0"), "a"},
    {"nothing", BYTES(""), ""},
    {"nothing but a mark", BYTES("\xef\xbb\xbf"), ""},
    {"nothing but a UTF-16 mark", BYTES("\xff\xfe"), ""},
};
/* clang-format on */

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(good_cases); i++) {
        const struct good_case *row = &good_cases[i];
        struct hm_arena arena;
        struct hm_err err;
        struct hm_span text;

        hm_arena_init(&arena, ARENA_BYTES);
        for (int strict = 0; strict < 2; strict++) {
            enum hm_status st = strict != 0
                                    ? hm_text_decode_utf8(row->bytes, row->len, &arena, &text, &err)
                                    : hm_text_decode(row->bytes, row->len, &arena, &text, &err);

            if (st != HM_OK) {
                fail_msg("%s: %s", row->name, err.text);
            }
            if (text.len != strlen(row->text) || memcmp(text.at, row->text, text.len) != 0) {
                fail_msg("%s: \"%.*s\"", row->name, (int)text.len, text.at);
            }
        }
        hm_arena_fini(&arena);
    }
}

struct bad_case {
    const char *bytes;
    size_t len;
    bool always; /* refused by hm_text_decode, too */
    unsigned line;
    const char *part; /* of the error */
};

/* clang-format off */
static const struct bad_case bad_cases[] = {
    {BYTES("a\nf\x81r\n"), false, 2, "line 2 holds the byte 0x81"},
    {BYTES("a\nb\xc3"), false, 2, "0xC3"},
    {BYTES("\xff\xfe" "a\0\n\0\x3d\xd8" "b\0"), false, 2, "line 2 holds half of a UTF-16"},
    {BYTES("\xff\xfe" "a\0b"), true, 0, "it was cut"},
    {BYTES("a\0b\0c"), true, 0, "it was cut"},
    {BYTES("plain text\nb\0\n"), true, 2, "line 2 holds a NUL byte"},
    {BYTES("\xff\xfe" "a\0\0\0"), true, 1, "NUL"},
    {BYTES("\xff\xfe\0\0a\0\0\0"), true, 0, "UTF-32"},
    {BYTES("\0\0\xfe\xff\0\0\0a"), true, 0, "UTF-32"},
    {BYTES("PK\x03\x04\x14\0\0\0"), true, 0, "archive"},
};
/* clang-format on */

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(bad_cases); i++) {
        const struct bad_case *row = &bad_cases[i];
        struct hm_span text = {"untouched", 9};
        struct hm_arena arena;
        struct hm_err err = {0};

        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(hm_text_decode_utf8(row->bytes, row->len, &arena, &text, &err), HM_EINVAL);
        assert_int_equal(err.line, row->line);
        if (strstr(err.text, row->part) == NULL) {
            fail_msg("\"%s\" says nothing of \"%s\"", err.text, row->part);
        }
        assert_string_equal(text.at, "untouched");
        assert_int_equal(hm_text_decode(row->bytes, row->len, &arena, &text, &err),
                         row->always ? HM_EINVAL : HM_OK);
        hm_arena_fini(&arena);
    }
}

static void test_utf16_pieces(void **state)
{
    struct hm_arena arena;
    struct hm_span text;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_true(hm_text_from_utf16le((const unsigned char *)"a\0\0\xd8", 2, &arena, &text));
    assert_string_equal(text.at, "a\xef\xbf\xbd");
    assert_int_equal(text.len, 4);
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_utf16_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
