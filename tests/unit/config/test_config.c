/* tests/unit/config/test_config.c — "key = value" files: what is taken, what is refused, where.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/ports/inventory.h"
#include "tests/support/encodings.h"

#define ARENA_BYTES (4u * 1024u * 1024u)

struct config {
    const char *collector;
    uint32_t workers;
    bool enforce;
    uint32_t interval_s;
    unsigned level;
    struct hm_strings labels;
};

static const char *const levels[] = {"error", "warning", "info"};

static const struct hm_config_row rows[] = {
    {"collector", HM_CONFIG_STRING,   offsetof(struct config, collector),  1,  32,    NULL,       NULL,   0,
     "where to report"                                                                                                },
    {"workers",   HM_CONFIG_U32,      offsetof(struct config, workers),    1,  64,    "2",        NULL,   0, "threads"},
    {"enforce",   HM_CONFIG_BOOL,     offsetof(struct config, enforce),    0,  0,     "off",      NULL,   0,
     "change this host"                                                                                               },
    {"interval",  HM_CONFIG_DURATION, offsetof(struct config, interval_s), 10, 86400, "5m",       NULL,   0,
     "between reports"                                                                                                },
    {"level",     HM_CONFIG_ENUM,     offsetof(struct config, level),      0,  0,     "info",     levels, 3,
     "of the log"                                                                                                     },
    {"labels",    HM_CONFIG_LIST,     offsetof(struct config, labels),     0,  3,     "a=1, b=2", NULL,   0,
     "of this host"                                                                                                   },
};

static enum hm_status parse(const char *text, struct hm_arena *arena, struct config *out,
                            struct hm_err *err)
{
    memset(out, 0, sizeof(*out));
    assert_int_equal(hm_config_defaults(rows, HM_COUNT(rows), arena, out, err), HM_OK);
    return hm_config_parse(rows, HM_COUNT(rows), "agent.conf", text, strlen(text), arena, out, err);
}

static void test_defaults(void **state)
{
    struct hm_arena arena;
    struct config config;
    struct hm_err err = {.text = ""};

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(parse("", &arena, &config, &err), HM_OK);
    assert_string_equal(config.collector, "");
    assert_int_equal(config.workers, 2);
    assert_int_equal(config.enforce, false);
    assert_int_equal(config.interval_s, 300);
    assert_int_equal(config.level, 2);
    assert_int_equal(config.labels.count, 2);
    assert_string_equal(config.labels.at[1], "b=2");
    hm_arena_fini(&arena);
}

static void test_file_in_every_encoding(void **state)
{
    static const char text[] = "collector = https://a\r\nworkers = 64\r\n";

    (void)state;
    for (size_t i = 0; i < TEST_ENCODINGS; i++) {
        struct config config;
        struct hm_arena arena;
        struct hm_err err;
        struct hm_buf coded;

        hm_arena_init(&arena, ARENA_BYTES);
        hm_buf_init(&coded, 4096);
        test_encode((struct hm_span){text, strlen(text)}, &test_encodings[i], &coded);
        assert_int_equal(hm_config_defaults(rows, HM_COUNT(rows), &arena, &config, NULL), HM_OK);
        if (hm_config_parse(rows, HM_COUNT(rows), "a.conf", hm_buf_text(&coded), coded.len, &arena,
                            &config, &err) != HM_OK) {
            fail_msg("%s: %s", test_encodings[i].name, err.text);
        }
        assert_string_equal(config.collector, "https://a");
        assert_int_equal(config.workers, 64);
        hm_buf_fini(&coded);
        hm_arena_fini(&arena);
    }
}

static void test_file(void **state)
{
    static const char *const text = "\xef\xbb\xbf# comment = 1\r\n"
                                    "\r\n"
                                    "collector=https://a?b=c\r\n"
                                    "  workers\t =  64  \n"
                                    "enforce = yes\n"
                                    "interval = 2h\n"
                                    "level = error\n"
                                    "labels = x=1\n"
                                    "labels = y=2 ,z=3";
    struct hm_arena arena;
    struct config config;
    struct hm_err err = {.text = ""};

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(parse(text, &arena, &config, &err), HM_OK);
    assert_string_equal(config.collector, "https://a?b=c");
    assert_int_equal(config.workers, 64);
    assert_int_equal(config.enforce, true);
    assert_int_equal(config.interval_s, 7200);
    assert_int_equal(config.level, 0);
    assert_int_equal(config.labels.count, 3);
    assert_string_equal(config.labels.at[0], "x=1");
    assert_string_equal(config.labels.at[1], "y=2");
    assert_string_equal(config.labels.at[2], "z=3");
    hm_arena_fini(&arena);
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        uint32_t seconds;
    } cases[] = {
        {"10",  10   },
        {"10s", 10   },
        {"1m",  60   },
        {"24h", 86400},
        {"1d",  86400}
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_arena arena;
        struct config config = {.collector = ""};
        struct hm_err err = {.text = ""};

        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(hm_config_set(rows, HM_COUNT(rows), "interval", cases[i].text,
                                       "--interval", &arena, &config, &err),
                         HM_OK);
        assert_int_equal(config.interval_s, cases[i].seconds);
        hm_arena_fini(&arena);
    }
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *says;
    } cases[] = {
        {"\nwokers = 2",                                  2, "agent.conf:2: there is no key \"wokers\""           },
        {"workers",                                       1, "agent.conf:1: \"workers\" is not \"key = value\""   },
        {"= 2",                                           1, "agent.conf:1: there is no key \"\""                 },
        {"workers = 2\nworkers = 3",                      2,
         "agent.conf:2: workers was given in line 1 already; remove one"                                          },
        {"workers = 0",                                   1, "agent.conf:1: workers = \"0\": give 1 to 64"        },
        {"workers = 65",                                  1, "agent.conf:1: workers = \"65\": give 1 to 64"       },
        {"workers = 2 # two",                             1, "give a whole number"                                },
        {"workers = -1",                                  1, "give a whole number"                                },
        {"workers = 4294967297",                          1, "give a whole number"                                },
        {"workers =",                                     1, "give a whole number"                                },
        {"Workers = 2",                                   1, "there is no key \"Workers\""                        },
        {"enforce = 1",                                   1, "give on or off"                                     },
        {"enforce =",                                     1, "give on or off"                                     },
        {"interval = 9",                                  1, "give 10 to 86400 seconds"                           },
        {"interval = 5 m",                                1, "give seconds, or a number with s, m, h or d"        },
        {"interval = h",                                  1, "give seconds"                                       },
        {"interval =",                                    1, "give seconds"                                       },
        {"interval = 99999999h",                          1, "give seconds"                                       },
        {"interval = 1M",                                 1, "give seconds"                                       },
        {"level = debug",                                 1, "level = \"debug\": give one of error, warning, info"},
        {"labels = a,,b",                                 1, "give values parted by single commas"                },
        {"labels = a,",                                   1, "give values parted by single commas"                },
        {"labels = a,b\nlabels = c,d",                    2, "labels has 4 values, at most 3 are taken"           },
        {"collector =",                                   1, "collector = \"\": give a value"                     },
        {"collector = 012345678901234567890123456789012", 1, "33 bytes, at most 32"                               },
        {"collector = caf\xe9",                           1, "collector is not UTF-8 text"                        },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_arena arena;
        struct config config;
        struct hm_err err = {.text = ""};

        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_not_equal(parse(cases[i].text, &arena, &config, &err), HM_OK);
        assert_int_equal(err.line, cases[i].line);
        if (strstr(err.text, cases[i].says) == NULL) {
            fail_msg("%s gives \"%s\", not \"%s\"", cases[i].text, err.text, cases[i].says);
        }
        hm_arena_fini(&arena);
    }
}

static void test_file_too_big(void **state)
{
    static char text[HM_LIMIT_CONFIG_BYTES + 2];
    struct hm_arena arena;
    struct config config;
    struct hm_err err = {.text = ""};

    (void)state;
    memset(text, '\n', sizeof(text) - 1);
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(parse(text, &arena, &config, &err), HM_ETOOBIG);
    hm_arena_fini(&arena);
}

/* A value that is set later replaces what a file said; the source is named in errors. */
static void test_set(void **state)
{
    struct hm_arena arena;
    struct config config;
    struct hm_err err = {.text = ""};

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(parse("labels = x\nworkers = 3\n", &arena, &config, &err), HM_OK);
    assert_int_equal(
        hm_config_set(rows, HM_COUNT(rows), "labels", "y,z", "--set", &arena, &config, &err),
        HM_OK);
    assert_int_equal(config.labels.count, 2);
    assert_string_equal(config.labels.at[0], "y");
    assert_int_equal(
        hm_config_set(rows, HM_COUNT(rows), "labels", "y,,z", "--set", &arena, &config, &err),
        HM_EINVAL);
    assert_int_equal(config.labels.count, 2);
    assert_int_equal(
        hm_config_set(rows, HM_COUNT(rows), "workers", "x", "HM_WORKERS", &arena, &config, &err),
        HM_EINVAL);
    assert_string_equal(err.text, "HM_WORKERS: workers = \"x\": give a whole number");
    assert_int_equal(config.workers, 3);
    hm_arena_fini(&arena);
}

/* What several --set options give together: a comma may belong to a value. */
static void test_set_all(void **state)
{
    struct hm_arena arena;
    struct config config;
    struct hm_err err = {.text = ""};

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(parse("", &arena, &config, &err), HM_OK);
    assert_int_equal(hm_config_set_all(rows, HM_COUNT(rows), "labels=x=1,y=2,workers=9,level=error",
                                       "--set", &arena, &config, &err),
                     HM_OK);
    assert_int_equal(config.labels.count, 2);
    assert_string_equal(config.labels.at[1], "y=2");
    assert_int_equal(config.workers, 9);
    assert_int_equal(config.level, 0);
    assert_int_equal(
        hm_config_set_all(rows, HM_COUNT(rows), "workers", "--set", &arena, &config, &err),
        HM_EINVAL);
    assert_string_equal(err.text, "--set workers: give KEY=VALUE");
    assert_int_equal(
        hm_config_set_all(rows, HM_COUNT(rows), "wokers=1", "--set", &arena, &config, &err),
        HM_EINVAL);
    hm_arena_fini(&arena);
}

/* The sample names every key; without its comment signs it reads as the defaults. */
static void test_sample(void **state)
{
    struct hm_buf sample;

    (void)state;
    hm_buf_init(&sample, 65536);
    hm_config_sample(rows, HM_COUNT(rows), &sample);
    assert_string_equal(hm_buf_text(&sample), "# where to report\n"
                                              "# Must be given.\n"
                                              "#collector =\n"
                                              "\n"
                                              "# threads\n"
                                              "# A number, 1 to 64.\n"
                                              "#workers = 2\n"
                                              "\n"
                                              "# change this host\n"
                                              "# on or off.\n"
                                              "#enforce = off\n"
                                              "\n"
                                              "# between reports\n"
                                              "# A duration (300, 5m, 1h), 10 to 86400 seconds.\n"
                                              "#interval = 5m\n"
                                              "\n"
                                              "# of the log\n"
                                              "# One of error, warning, info.\n"
                                              "#level = info\n"
                                              "\n"
                                              "# of this host\n"
                                              "# A list: commas between, or the key again.\n"
                                              "#labels = a=1, b=2\n");
    hm_buf_fini(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_file_in_every_encoding),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_file_too_big),
        cmocka_unit_test(test_set_all),
        cmocka_unit_test(test_sample),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
