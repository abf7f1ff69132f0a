/* tests/unit/os/test_passphrase.c — passphrases from files, the environment, standard input.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/os/passphrase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct {
    const char *content; /* of the file; NULL: there is none */
    size_t len;          /* 0 = strlen */
    const char *variable;
    bool no_file; /* none is named */
    enum hm_status want;
    const char *out;
} rows[] = {
    {"correct horse\n",    0, NULL,        false, HM_OK,     "correct horse"},
    {"correct horse",      0, NULL,        false, HM_OK,     "correct horse"},
    {"correct horse\r\n",  0, NULL,        false, HM_OK,     "correct horse"},
    {" spaces stay \nx\n", 0, NULL,        false, HM_OK,     " spaces stay "},
    {"\xef\xbb\xbf"
     "a mark\r\n",    0, NULL,        false, HM_OK,     "a mark"       },
    {"\xff\xfe"
     "a\0",           4, NULL,        false, HM_EINVAL, NULL           },
    {"the file wins\n",    0, "variable",  false, HM_OK,     "the file wins"},
    {NULL,                 0, "variable!", true,  HM_OK,     "variable!"    },
    {NULL,                 0, "variable!", false, HM_EINVAL, NULL           }, /* no such file */
    {"",                   0, NULL,        false, HM_EINVAL, NULL           },
    {"\n",                 0, "variable",  false, HM_EINVAL, NULL           },
    {"a\0b\n",             4, NULL,        false, HM_EINVAL, NULL           },
    {NULL,                 0, NULL,        true,  HM_EINVAL, NULL           }, /* nobody to ask */
    {NULL,                 0, "",          true,  HM_EINVAL, NULL           },
};

static void write_file(const char *path, const char *text, size_t len)
{
    FILE *out = fopen(path, "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

static void test_sources(void **state)
{
    char path[] = "/tmp/hm-test-passphrase-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    assert_non_null(freopen("/dev/null", "r", stdin));
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_err err = {.status = HM_OK};
        char out[HM_PASSPHRASE_ROOM];

        (void)remove(path);
        if (rows[i].content != NULL) {
            write_file(path, rows[i].content,
                       rows[i].len > 0 ? rows[i].len : strlen(rows[i].content));
        }
        (void)unsetenv(HM_PASSPHRASE_VARIABLE);
        if (rows[i].variable != NULL) {
            (void)setenv(HM_PASSPHRASE_VARIABLE, rows[i].variable, 1);
        }
        if (hm_passphrase_read(rows[i].no_file ? NULL : path, "", false, out, &err) !=
            rows[i].want) {
            fail_msg("row %zu: %s", i, err.text);
        }
        if (rows[i].want == HM_OK) {
            assert_string_equal(out, rows[i].out);
        } else {
            assert_true(err.text[0] != '\0');
        }
    }
    (void)remove(path);
    (void)unsetenv(HM_PASSPHRASE_VARIABLE);
}

static void test_caps(void **state)
{
    char path[] = "/tmp/hm-test-passphrase-XXXXXX";
    char text[HM_LIMIT_PASSPHRASE_BYTES + 2];
    char out[HM_PASSPHRASE_ROOM];
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    memset(text, 'x', sizeof(text));
    write_file(path, text, HM_LIMIT_PASSPHRASE_BYTES);
    assert_int_equal(hm_passphrase_read(path, "", false, out, NULL), HM_OK);
    assert_int_equal(strlen(out), HM_LIMIT_PASSPHRASE_BYTES);
    write_file(path, text, HM_LIMIT_PASSPHRASE_BYTES + 1);
    assert_int_equal(hm_passphrase_read(path, "", false, out, NULL), HM_ETOOBIG);
    text[HM_LIMIT_PASSPHRASE_BYTES + 1] = '\0';
    (void)setenv(HM_PASSPHRASE_VARIABLE, text, 1);
    assert_int_equal(hm_passphrase_read(NULL, "", false, out, NULL), HM_ETOOBIG);
    (void)unsetenv(HM_PASSPHRASE_VARIABLE);
    (void)remove(path);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_caps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
