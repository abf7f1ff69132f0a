/* tests/unit/base/test_err.c — statuses and error text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/err.h"

#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_fail_fills_and_returns(void **state)
{
    struct hm_err err = {.line = 7, .code = "old"};

    (void)state;
    assert_int_equal(hm_fail(&err, HM_EINVAL, "%s:%d", "a", 1), HM_EINVAL);
    assert_int_equal(err.status, HM_EINVAL);
    assert_int_equal(err.line, 0);
    assert_string_equal(err.text, "a:1");
    assert_string_equal(hm_err_code(&err), "invalid");
    assert_int_equal(hm_fail_line(&err, HM_ETOOBIG, 12, "long"), HM_ETOOBIG);
    assert_int_equal(err.line, 12);
    assert_int_equal(hm_fail_code(&err, HM_EDENIED, "expired_token", "no"), HM_EDENIED);
    assert_string_equal(hm_err_code(&err), "expired_token");
    assert_int_equal(hm_fail(NULL, HM_EIO, "nobody reads it"), HM_EIO);
}

static void test_text_may_come_from_itself(void **state)
{
    struct hm_err err;

    (void)state;
    (void)hm_fail(&err, HM_EIO, "disk full");
    (void)hm_fail(&err, HM_EBUSY, "later: %s", err.text);
    assert_string_equal(err.text, "later: disk full");
}

static void test_prefix_keeps_the_rest(void **state)
{
    struct hm_err err;
    char big[HM_ERR_TEXT_MAX * 2];

    (void)state;
    (void)hm_fail_code(&err, HM_EINVAL, "c", "text");
    err.line = 3;
    hm_err_prefix(&err, "%s", "file");
    assert_string_equal(err.text, "file: text");
    assert_string_equal(err.code, "c");
    assert_int_equal(err.line, 3);
    hm_err_prefix(NULL, "nothing");
    memset(big, 'x', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    hm_err_prefix(&err, "%s", big);
    assert_int_equal(strlen(err.text), HM_ERR_TEXT_MAX - 1);
}

static void test_long_text_is_cut(void **state)
{
    struct hm_err err;

    (void)state;
    (void)hm_fail(&err, HM_EIO, "%01000d", 5);
    assert_int_equal(strlen(err.text), HM_ERR_TEXT_MAX - 1);
}

/* Foreign text in a message: a byte order mark that a terminal does not show, an escape sequence
 * that it obeys, a byte of an old code page. */
static void test_nothing_in_the_text_is_invisible(void **state)
{
    struct hm_err err;

    (void)state;
    (void)hm_fail(&err, HM_EINVAL, "expected near '%s'", "\xef\xbb\xbf{");
    assert_string_equal(err.text, "expected near '<U+FEFF>{'");
    hm_err_prefix(&err, "%s", "a\x1b[2J.json");
    assert_string_equal(err.text, "a<U+001B>[2J.json: expected near '<U+FEFF>{'");
    (void)hm_fail(&err, HM_EINVAL, "p\xe4");
    assert_string_equal(err.text, "p<0xE4>");
    (void)hm_fail(&err, HM_EINVAL, "%0510d\xe2\x80\xa6", 5); /* 510 bytes and a character of 3 */
    assert_int_equal(strlen(err.text), 510);
}

static void test_every_status_has_a_name(void **state)
{
    (void)state;
    for (int i = HM_OK; i <= HM_EUNSUPPORTED; i++) {
        assert_string_not_equal(hm_status_name((enum hm_status)i), "unknown_status");
    }
    assert_string_equal(hm_status_name((enum hm_status)99), "unknown_status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_fills_and_returns),
        cmocka_unit_test(test_text_may_come_from_itself),
        cmocka_unit_test(test_prefix_keeps_the_rest),
        cmocka_unit_test(test_long_text_is_cut),
        cmocka_unit_test(test_nothing_in_the_text_is_invisible),
        cmocka_unit_test(test_every_status_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
