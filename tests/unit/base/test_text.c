/* tests/unit/base/test_text.c — str, clock, and what the log does to foreign text.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/str.h"

static void test_parse_numbers(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool ok;
        uint64_t value;
    } rows[] = {
        {"0",                    65535,      true,  0         },
        {"007",                  65535,      true,  7         },
        {"65535",                65535,      true,  65535     },
        {"65536",                65535,      false, 0         },
        {"18446744073709551615", UINT64_MAX, true,  UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0         },
        {"99999999999999999999", UINT64_MAX, false, 0         },
        {"",                     10,         false, 0         },
        {"-1",                   10,         false, 0         },
        {"+1",                   10,         false, 0         },
        {" 1",                   10,         false, 0         },
        {"1 ",                   10,         false, 0         },
        {"1a",                   10,         false, 0         },
        {"5",                    3,          false, 0         },
        {"3",                    3,          true,  3         },
        {"0x1",                  100,        false, 0         },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        uint64_t value = 0;

        assert_int_equal(hm_str_parse_u64(rows[i].text, strlen(rows[i].text), rows[i].max, &value),
                         rows[i].ok);
        assert_int_equal(value, rows[i].value);
    }
}

static void test_globs(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool match;
    } rows[] = {
        {"QuickBooksDB*", "quickbooksdb34", true },
        {"*",             "",               true },
        {"",              "",               true },
        {"",              "a",              false},
        {"a?c",           "ABC",            true },
        {"a?c",           "ac",             false},
        {"*.exe",         "dns.EXE",        true },
        {"*a*b*",         "xxaxxbxx",       true },
        {"*a*b*",         "xxbxxaxx",       false},
        {"a*",            "b",              false},
        {"***a",          "bba",            true },
        {"dns.exe",       "dns.exe2",       false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(hm_str_glob_nocase(rows[i].pattern, rows[i].text), rows[i].match);
    }
}

static void test_lines_and_trim(void **state)
{
    const char text[] = "one\r\ntwo\rthree\n\nlast";
    static const char *const want[] = {"one", "two", "three", "", "last"};
    struct hm_span rest = {text, sizeof(text) - 1};
    struct hm_span line;
    struct hm_span trimmed = hm_str_trim(" \t a b \r\n", 9);

    (void)state;
    for (size_t i = 0; i < HM_COUNT(want); i++) {
        assert_true(hm_str_next_line(&rest, &line));
        assert_int_equal(line.len, strlen(want[i]));
        assert_memory_equal(line.at, want[i], line.len);
    }
    assert_false(hm_str_next_line(&rest, &line));
    assert_int_equal(trimmed.len, 3);
    assert_memory_equal(trimmed.at, "a b", 3);
    assert_int_equal(hm_str_trim("  ", 2).len, 0);
}

static void test_copy_and_compare(void **state)
{
    char small[4];

    (void)state;
    assert_true(hm_str_copy(small, sizeof(small), "abc"));
    assert_false(hm_str_copy(small, sizeof(small), "abcd"));
    assert_string_equal(small, "abc");
    assert_true(hm_str_equal(NULL, ""));
    assert_true(hm_str_equal_nocase("DNS", "dns"));
    assert_false(hm_str_equal_nocase("dns", "dnsx"));
    assert_true(hm_str_compare_nocase("a", "B") < 0);
    assert_int_equal(hm_str_hash_nocase(HM_HASH_START, "ABC"),
                     hm_str_hash(HM_HASH_START, "abc", 3));
}

static void test_utf8(void **state)
{
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        {"plain",            true },
        {"\xc3\xa9",         true },
        {"\xe2\x82\xac",     true },
        {"\xf0\x9f\x98\x80", true },
        {"\xc0\x80",         false},
        {"\xed\xa0\x80",     false},
        {"\xf4\x90\x80\x80", false},
        {"\xe2\x82",         false},
        {"\x80",             false},
        {"\xff",             false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(hm_str_is_utf8(rows[i].text, strlen(rows[i].text)), rows[i].ok);
    }
    assert_false(hm_str_is_utf8("a\0b", 3));
}

static void test_show(void **state)
{
    static const struct {
        const char *text;
        const char *shown;
    } rows[] = {
        {"",                              ""                                },
        {"plain (text) 1-2 \xe2\x80\xa6", "plain (text) 1-2 \xe2\x80\xa6"   },
        {"\xef\xbb\xbf{}",                "<U+FEFF>{}"                      },
        {"a\xc2\xa0"
         "b\xe2\x80\xae"
         "c",                    "a<U+00A0>b<U+202E>c"             },
        {"\t\n\x7f\xc2\x9b",              "<U+0009><U+000A><U+007F><U+009B>"},
        {"\xf3\xa0\x80\xa1"
         "\xf0\x9f\x9a\xa2",     "<U+E0021>\xf0\x9f\x9a\xa2"       },
        {"f\x81r \xc3",                   "f<0x81>r <0xC3>"                 },
    };
    char out[80];

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        hm_str_show(rows[i].text, out, sizeof(out));
        assert_string_equal(out, rows[i].shown);
    }
    hm_str_show("ab\xc3\xa4", out, 4); /* no half character, no half mark */
    assert_string_equal(out, "ab");
    hm_str_show("ab\x01", out, 8);
    assert_string_equal(out, "ab");
    hm_str_show("ab", out, 1);
    assert_string_equal(out, "");
}

static void test_clock_there_and_back(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t time_ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z",        true,  0            },
        {"2026-11-22T11:05:00Z",        true,  1795345500000},
        {"2024-02-29T23:59:59Z",        true,  1709251199000},
        {"2026-11-22T12:05:00+01:00",   true,  1795345500000},
        {"2026-11-22T11:05:00.123456Z", true,  1795345500123},
        {"2023-02-29T00:00:00Z",        false, 0            },
        {"2026-13-01T00:00:00Z",        false, 0            },
        {"2026-11-22T24:00:00Z",        false, 0            },
        {"2026-11-22 11:05:00",         false, 0            },
        {"2026-11-22T11:05:00",         false, 0            },
        {"",                            false, 0            },
    };
    char text[HM_TIME_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        int64_t time_ms = 0;

        assert_int_equal(hm_clock_parse(rows[i].text, strlen(rows[i].text), &time_ms), rows[i].ok);
        assert_int_equal(time_ms, rows[i].time_ms);
    }
    assert_string_equal(hm_clock_format(1795345500999, text), "2026-11-22T11:05:00Z");
    assert_string_equal(hm_clock_format(-1, text), "1970-01-01T00:00:00Z");
    for (int64_t time_ms = 0; time_ms < 4000000000000; time_ms += 86399000) {
        int64_t back = 0;

        (void)hm_clock_format(time_ms, text);
        assert_true(hm_clock_parse(text, strlen(text), &back));
        assert_int_equal(back, time_ms);
    }
}

static void test_log_escapes_what_is_foreign(void **state)
{
    struct hm_log_line line;
    struct hm_err err;
    char big[4 * HM_LOG_LINE_BYTES];

    (void)state;
    hm_log_begin(&line, HM_LOG_INFO, "event");
    hm_log_str(&line, "plain", "value");
    hm_log_str(&line, "forged", "a\nerror fake=1 \"q\"\\\x7f\x1b[2J");
    hm_log_str(&line, "none", NULL);
    hm_log_u64(&line, "n", UINT64_MAX);
    hm_log_i64(&line, "i", -5);
    assert_non_null(strstr(line.text, "event plain=value "
                                      "forged=\"a\\x0aerror fake=1 \\\"q\\\"\\\\\\x7f\\x1b[2J\" "
                                      "none=\"\" n=18446744073709551615 i=-5"));
    assert_null(strchr(line.text, '\n'));
    (void)hm_fail_line(&err, HM_EINVAL, 4, "bad");
    hm_log_begin(&line, HM_LOG_ERROR, "e");
    hm_log_err(&line, &err);
    assert_non_null(strstr(line.text, "e code=invalid line=4 text=bad"));
    memset(big, 'x', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    hm_log_str(&line, "big", big);
    assert_true(line.len < HM_LOG_LINE_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_numbers),
        cmocka_unit_test(test_globs),
        cmocka_unit_test(test_lines_and_trim),
        cmocka_unit_test(test_copy_and_compare),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_show),
        cmocka_unit_test(test_clock_there_and_back),
        cmocka_unit_test(test_log_escapes_what_is_foreign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
