/* tests/unit/config/test_edit.c — keys change, everything else stays as it was.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/config/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_one_key(void **state)
{
    static const struct {
        const char *before;
        const char *value;
        const char *after;
    } rows[] = {
        {"",                                  "x",     "name = x\n"                                   },
        {"#name = \na = 1\nname = old\n",     "x",     "#name = \na = 1\nname = x\n"                  },
        {"a = 1\n",                           "x",     "a = 1\nname = x\n"                            },
        {"a = 1",                             "x",     "a = 1\nname = x\n"                            },
        {"name = old\na = 1\n",               "x",     "name = x\na = 1\n"                            },
        {"  name=old  \n",                    "x",     "name = x\n"                                   },
        {"name = a\n# mine\nname = b\n",      "x",     "name = x\n# mine\n"                           },
        {"# help\n#name = \n\n#b = 2\n",      "x",     "# help\n#name = \nname = x\n\n#b = 2\n"       },
        {"#name = \nname = old\n",            "x",     "#name = \nname = x\n"                         },
        {"#name = \r\n# é\r\n",              "x",     "#name = \r\nname = x\r\n# é\r\n"             },
        {"names = 1\nmyname = 2\n# name: no", "x",     "names = 1\nmyname = 2\n# name: no\nname = x\n"},
        {"\xef\xbb\xbfname = old\n",          "x",     "\xef\xbb\xbfname = x\n"                       },
        {"not a setting\n",                   "x",     "not a setting\nname = x\n"                    },
        {"name = old\na = 1\n",               "",      "name = \na = 1\n"                             },
        {"name = old\na = 1\nname = b\n",     NULL,    "a = 1\n"                                      },
        {"a = 1\n",                           NULL,    "a = 1\n"                                      },
        {"a = 1\n",                           "a=b,c", "a = 1\nname = a=b,c\n"                        },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const struct hm_config_change change = {"name", rows[i].value};
        struct hm_buf out;

        hm_buf_init(&out, 4096);
        assert_int_equal(
            hm_config_edit(rows[i].before, strlen(rows[i].before), &change, 1, &out, NULL), HM_OK);
        assert_string_equal(hm_buf_text(&out), rows[i].after);
        /* A second time changes nothing more. */
        hm_buf_reset(&out);
        assert_int_equal(
            hm_config_edit(rows[i].after, strlen(rows[i].after), &change, 1, &out, NULL), HM_OK);
        assert_string_equal(hm_buf_text(&out), rows[i].after);
        hm_buf_fini(&out);
    }
}

static void test_several_keys(void **state)
{
    static const struct hm_config_change changes[] = {
        {"a", "1" },
        {"b", NULL},
        {"c", "3" },
    };
    static const char before[] = "# top\nb = 2\na = 0\n";
    struct hm_buf out;

    (void)state;
    hm_buf_init(&out, 4096);
    assert_int_equal(
        hm_config_edit(before, sizeof(before) - 1, changes, HM_COUNT(changes), &out, NULL), HM_OK);
    assert_string_equal(hm_buf_text(&out), "# top\na = 1\nc = 3\n");
    assert_int_equal(hm_config_edit(before, sizeof(before) - 1, NULL, 0, &out, NULL), HM_OK);
    assert_string_equal(hm_buf_text(&out), before);
    hm_buf_fini(&out);
}

static void test_refused(void **state)
{
    static const struct hm_config_change bad = {"a", "1\nb = 2"};
    static const struct hm_config_change good = {"a", "1234567890"};
    struct hm_buf out;
    struct hm_err err;

    (void)state;
    hm_buf_init(&out, 8);
    assert_int_equal(hm_config_edit("", 0, &bad, 1, &out, &err), HM_EINVAL);
    assert_non_null(strstr(err.text, "line end"));
    assert_int_equal(hm_config_edit("", 0, &good, 1, &out, &err), HM_ETOOBIG);
    hm_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_key),
        cmocka_unit_test(test_several_keys),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
