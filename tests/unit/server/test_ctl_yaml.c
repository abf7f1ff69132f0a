/* tests/unit/server/test_ctl_yaml.c — policies as people write them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/wire/records.h"
#include "tests/support/encodings.h"

struct pair {
    const char *yaml;
    const char *json;
};

static const struct pair pairs[] = {
    {"reservations: [{ports: \"9955,9933,9934\"}]\n",
     "{\"reservations\":[{\"ports\":\"9933-9934,9955\"}]}"                                                  },
    {"reservations: [{ports: many}]\n",                      "{\"reservations\":[{\"ports\":\"many\"}]}"    },
    {"name: a\n",                                            "{\"name\":\"a\"}"                             },
    {"{\"name\": \"a\"}",                                    "{\"name\":\"a\"}"                             },
    {"watch_s: 300\n",                                       "{\"watch_s\":300}"                            },
    {"watch_s: \"300\"\n",                                   "{\"watch_s\":\"300\"}"                        },
    {"watch_s: 1-2\n",                                       "{\"watch_s\":\"1-2\"}"                        },
    {"watch_s: 010\n",                                       "{\"watch_s\":\"010\"}"                        },
    {"watch_s: -0.5\n",                                      "{\"watch_s\":-0.5}"                           },
    {"watch_s: 0x10\n",                                      "{\"watch_s\":\"0x10\"}"                       },
    {"review: 2027-01-31\n",                                 "{\"review\":\"2027-01-31T00:00:00Z\"}"        },
    {"review: 2027-01-31T08:00:00Z\n",                       "{\"review\":\"2027-01-31T08:00:00Z\"}"        },
    {"match: {version_min: 10.0}\n",                         "{\"match\":{\"version_min\":\"10.0\"}}"       },
    {"match: {not: [{hosts: [yes]}]}\n",                     "{\"match\":{\"not\":[{\"hosts\":[\"yes\"]}]}}"},
    {"reservations:\n- ports: 9955\n",                       "{\"reservations\":\n[{\"ports\":\"9955\"}]}"  },
    {"reservations:\n- ports: 9933,9955\n  protocol: tcp\n",
     "{\"reservations\":\n[{\"ports\":\"9933,9955\",\n\"protocol\":\"tcp\"}]}"                              },
    {"# why\n\nname: a\n",                                   "\n\n{\"name\":\"a\"}"                         },
    {"reason: >\n  two\n  lines\n",                          "{\"reason\":\"two lines\\n\"}"                },
};

static void test_to_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(pairs); i++) {
        struct hm_err err = {0};
        struct hm_buf out;

        hm_buf_init(&out, HM_LIMIT_DOCUMENT_BYTES);
        if (hm_yaml_to_json(&hm_record_policy, pairs[i].yaml, strlen(pairs[i].yaml), &out, &err) !=
            HM_OK) {
            fail_msg("%s: %s", pairs[i].yaml, err.text);
        }
        assert_string_equal(hm_buf_text(&out), pairs[i].json);
        hm_buf_fini(&out);
    }
}

struct refused {
    const char *yaml;
    unsigned line;
    const char *says;
};

static const struct refused refusals[] = {
    {"",                                       1, "there is nothing in it"},
    {"name: a\n---\nname: b\n",                2, "a second document"     },
    {"name: &x a\nowner: *x\n",                1, "aliases"               },
    {"name: [a\n",                             2, "line 2"                },
    {"name: a\n? [b]\n: c\n",                  2, "plain word"            },
    {"name: a\nname: b\n",                     2, "name"                  },
    {"name: a\n\n\nreson: because\n",          4, "reson"                 },
    {"name: a\nwatch_s: soon\n",               2, "watch_s"               },
    {"name: a\nreservations:\n- port: 9955\n", 3, "port"                  },
    {"name: a\nreason: \"a\\0b\"\n",           2, "NUL"                   },
    {"name: a\n\"rea\\0son\": b\n",            2, "NUL"                   },
    {"name: &x a\n",                           1, "anchors"               },
    {"name: !!binary a\n",                     1, "tags"                  },
    {"name: a\nmatch: !x {hosts: [a]}\n",      2, "tags"                  },
    {"name: a\nwatch_s: 1.2.3\n",              2, "watch_s"               },
    {"name: a\nwatch_s: 007\n",                2, "watch_s"               },
};

/* The line is the YAML text's, whoever noticed. */
static void test_refused(void **state)
{
    struct hm_policy policy;
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    for (size_t i = 0; i < HM_COUNT(refusals); i++) {
        struct hm_err err = {0};

        assert_int_equal(hm_yaml_decode(&hm_record_policy, refusals[i].yaml,
                                        strlen(refusals[i].yaml), &arena, &policy, &err),
                         HM_EINVAL);
        if (strstr(err.text, refusals[i].says) == NULL) {
            fail_msg("%s: %s", refusals[i].yaml, err.text);
        }
        if (strstr(refusals[i].says, "reson") == NULL && err.line != 0) {
            assert_int_equal(err.line, refusals[i].line);
        }
    }
    hm_arena_fini(&arena);
}

/* A policy that Notepad or PowerShell saved; and one of an old code page. */
static void test_every_encoding(void **state)
{
    static const char text[] = "# why\r\nname: mail\r\nowner: web\r\nreason: late\r\n"
                               "review: 2027-01-01\r\nmatch:\r\n  hosts: [\"*\"]\r\n"
                               "mode: audit\r\n";
    struct hm_arena arena;
    struct hm_err err;
    struct hm_policy policy;

    (void)state;
    hm_arena_init(&arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    for (size_t i = 0; i < TEST_ENCODINGS; i++) {
        struct hm_buf coded;

        hm_buf_init(&coded, 4096);
        test_encode((struct hm_span){text, strlen(text)}, &test_encodings[i], &coded);
        if (hm_yaml_decode(&hm_record_policy, hm_buf_text(&coded), coded.len, &arena, &policy,
                           &err) != HM_OK) {
            fail_msg("%s: %s", test_encodings[i].name, err.text);
        }
        assert_string_equal(policy.reason, "late");
        hm_buf_fini(&coded);
    }
    assert_int_equal(
        hm_yaml_decode(&hm_record_policy, "name: a\nowner: M\xfcller\n", 22, &arena, &policy, &err),
        HM_EINVAL);
    assert_int_equal(err.line, 2);
    assert_non_null(strstr(err.text, "line 2 holds the byte 0xFC"));
    hm_arena_fini(&arena);
}

static void test_depth(void **state)
{
    struct hm_err err = {0};
    struct hm_buf deep;
    struct hm_buf out;

    (void)state;
    hm_buf_init(&deep, HM_LIMIT_DOCUMENT_BYTES);
    hm_buf_init(&out, HM_LIMIT_DOCUMENT_BYTES);
    for (unsigned i = 0; i < 2 * HM_LIMIT_JSON_DEPTH; i++) {
        (void)hm_buf_putc(&deep, '[');
    }
    assert_int_equal(hm_yaml_to_json(&hm_record_policy, deep.data, deep.len, &out, &err),
                     HM_EINVAL);
    hm_buf_fini(&deep);
    hm_buf_fini(&out);
}

static const struct pair written[] = {
    {"name: a\nwatch_s: 300\nreservations:\n- protocol: tcp\n  ports: \"9955\"\n",
     "{\"name\":\"a\",\"watch_s\":300,\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"9955\"}]"
     "}"                                                                                                                           },
    {"reason: \"it's: 5 o'clock\"\n",                                              "{\"reason\":\"it's: 5 o'clock\"}"              },
    {"reason: \"a\\x7Fb\\N\\uFFFE\"\n",                                            "{\"reason\":\"a\x7f\x62\xc2\x85\xef\xbf\xbe\"}"},
    {"owner: \"No\"\n",                                                            "{\"owner\":\"No\"}"                            },
};

static void test_to_yaml(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(written); i++) {
        struct hm_err err = {0};
        struct hm_buf out;

        hm_buf_init(&out, HM_LIMIT_DOCUMENT_BYTES);
        assert_int_equal(hm_json_to_yaml(written[i].json, strlen(written[i].json), &out, &err),
                         HM_OK);
        assert_string_equal(hm_buf_text(&out), written[i].yaml);
        hm_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_json),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_every_encoding), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_to_yaml),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
