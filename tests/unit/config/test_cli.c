/* tests/unit/config/test_cli.c — command lines: what reaches a verb, and exit status 2.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/config/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST_WORDS 8

/* What the verb was given, as one line. */
struct seen {
    int runs;
    char text[256];
};

static void add(struct seen *seen, const char *name, const char *value)
{
    size_t len = strlen(seen->text);

    (void)snprintf(seen->text + len, sizeof(seen->text) - len, "%s=%s ", name,
                   value == NULL ? "(none)" : value);
}

static int run(const struct hm_cli *cli)
{
    struct seen *seen = cli->app;

    seen->runs++;
    add(seen, "verb", cli->verb->name);
    if (strcmp(cli->verb->name, "check") == 0) {
        add(seen, "from", hm_cli_value(cli, "from"));
        add(seen, "json", hm_cli_value(cli, "json"));
        add(seen, "set", hm_cli_value(cli, "set"));
    }
    add(seen, "config", hm_cli_value(cli, "config"));
    for (int i = 0; i < cli->argument_count; i++) {
        add(seen, "argument", cli->arguments[i]);
    }
    return 7;
}

static const struct hm_cli_option check_options[] = {
    {"from", "FOLDER",       "files collected on a host"},
    {"json", NULL,           "for programs"             },
    {"set",  "KEY=VALUE…", "one setting"              },
};
static const struct hm_cli_option common_options[] = {
    {"config", "FILE", "configuration"},
};
static const struct hm_cli_verb check = {
    .name = "check",
    .arguments = "[HOST]",
    .max_arguments = 1,
    .options = check_options,
    .option_count = HM_COUNT(check_options),
    .help = "will every service get its ports?",
    .run = run,
};
static const struct hm_cli_verb token = {
    .name = "token", .arguments = "", .help = "lists", .run = run};
static const struct hm_cli_verb token_new = {.name = "token new",
                                             .arguments = "NAME",
                                             .min_arguments = 1,
                                             .max_arguments = 1,
                                             .help = "makes one",
                                             .run = run};
static const struct hm_cli_verb group_one = {.name = "group one",
                                             .arguments = "",
                                             .help = "of a group",
                                             .details = "Two words.\n",
                                             .run = run};
static const struct hm_cli_verb *const verbs[] = {&check, &token, &token_new, &group_one};
static const struct hm_cli_program program = {
    "hm-test", "9.9.9", "tests", verbs, HM_COUNT(verbs), common_options, HM_COUNT(common_options)};

/* Words parted by single blanks. */
static int call(const char *line, struct seen *seen)
{
    char copy[128];
    char *argv[MOST_WORDS + 2] = {"hm-test"};
    int argc = 1;

    (void)snprintf(copy, sizeof(copy), "%s", line);
    for (char *at = copy; *at != '\0' && argc <= MOST_WORDS; argc++) {
        size_t len = strcspn(at, " ");

        argv[argc] = at;
        at += len;
        if (*at == ' ') {
            *at++ = '\0';
        }
    }
    return hm_cli_main(&program, seen, argc, argv);
}

static void test_taken(void **state)
{
    static const struct {
        const char *line;
        const char *text;
    } rows[] = {
        {"check",                       "verb=check from=(none) json=(none) set=(none) config=(none) "           },
        {"check --from x --json",       "verb=check from=x json= set=(none) config=(none) "                      },
        {"check --from=x=y --config=c", "verb=check from=x=y json=(none) set=(none) config=c "                   },
        {"check --from=",               "verb=check from= json=(none) set=(none) config=(none) "                 },
        {"check --from --json",         "verb=check from=--json json=(none) set=(none) config=(none) "           },
        {"check host --json",
         "verb=check from=(none) json= set=(none) config=(none) argument=host "                                  },
        {"check -- --json",
         "verb=check from=(none) json=(none) set=(none) config=(none) argument=--json "                          },
        {"check -",                     "verb=check from=(none) json=(none) set=(none) config=(none) argument=- "},
        {"check --set a=1 --set=b=2,3",
         "verb=check from=(none) json=(none) set=a=1,b=2,3 config=(none) "                                       },
        {"token",                       "verb=token config=(none) "                                              },
        {"token new x",                 "verb=token new config=(none) argument=x "                               },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct seen seen = {0, ""};

        assert_int_equal(call(rows[i].line, &seen), 7);
        assert_int_equal(seen.runs, 1);
        assert_string_equal(seen.text, rows[i].text);
    }
}

static void test_wrong_usage(void **state)
{
    static const char *const rows[] = {
        "",
        "chek",
        "new",
        "check --form x",
        "check --from",
        "check --json=1",
        "check --json --json",
        "check --from a --from=b",
        "check -j",
        "check --=x",
        "check a b",
        "token old",
        "token new",
        "token new a b",
        "token --from x",
        "--config x check",
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct seen seen = {0, ""};

        assert_int_equal(call(rows[i], &seen), 2);
        assert_int_equal(seen.runs, 0);
    }
}

static void test_built_in(void **state)
{
    static const char *const rows[] = {
        "-h",           "--help",           "--version",           "check -h",
        "check --help", "token new --help", "token new --version", "help",
        "help check",   "help token new",   "help group",          "group --help",
        "group -h",
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct seen seen = {0, ""};

        assert_int_equal(call(rows[i], &seen), 0);
        assert_int_equal(seen.runs, 0);
    }
}

static void usage_text(const struct hm_cli_verb *verb, char *out, size_t size)
{
    FILE *file = tmpfile();
    size_t len;

    assert_non_null(file);
    hm_cli_usage(&program, verb, file);
    rewind(file);
    len = fread(out, 1, size - 1, file);
    out[len] = '\0';
    (void)fclose(file);
}

static void test_usage(void **state)
{
    char text[2048];

    (void)state;
    usage_text(NULL, text, sizeof(text));
    assert_string_equal(text,
                        "usage: hm-test VERB [options] [arguments]\n"
                        "\n"
                        "tests\n"
                        "\n"
                        "verbs:\n"
                        "  check [HOST]              will every service get its ports?\n"
                        "  token                     lists\n"
                        "  token new NAME            makes one\n"
                        "  group one                 of a group\n"
                        "\n"
                        "options of every verb:\n"
                        "  --config FILE             configuration\n"
                        "  -h, --help                this text, or that of the verb before it; so "
                        "\"help [VERB]\"\n"
                        "  --version                 name and version\n");
    usage_text(&group_one, text, sizeof(text));
    assert_string_equal(text, "usage: hm-test group one [options]\n"
                              "\n"
                              "of a group\n"
                              "\n"
                              "Two words.\n"
                              "\n"
                              "options:\n"
                              "  --config FILE             configuration\n");
    usage_text(&check, text, sizeof(text));
    assert_string_equal(text, "usage: hm-test check [options] [HOST]\n"
                              "\n"
                              "will every service get its ports?\n"
                              "\n"
                              "options:\n"
                              "  --from FOLDER             files collected on a host\n"
                              "  --json                    for programs\n"
                              "  --set KEY=VALUE…          one setting\n"
                              "  --config FILE             configuration\n");
}

static void test_fail(void **state)
{
    struct hm_cli cli = {.program = "hm-test"};
    struct hm_err err;

    (void)state;
    (void)hm_fail(&err, HM_EIO, "the disk is full: free some space");
    assert_int_equal(hm_cli_fail(&cli, 3, &err), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),    cmocka_unit_test(test_wrong_usage),
        cmocka_unit_test(test_built_in), cmocka_unit_test(test_usage),
        cmocka_unit_test(test_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
