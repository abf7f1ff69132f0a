/* common/config/cli.h — verbs and options from tables; usage text from the same rows.
 * SPDX-License-Identifier: Apache-2.0
 *
 * "program verb [options] [arguments]". Long options only, "--name value" and "--name=value";
 * "-h", "--help", "help [VERB]" and "--version" are built in; "--" ends the options. Exit statuses:
 * a verb's own, or 2 for wrong usage with one line on standard error that says what to do. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/base/err.h"

struct hm_cli_option {
    const char *name;     /* "from" */
    const char *argument; /* "FOLDER"; NULL = a switch; "KEY=VALUE…": may be given several times,
                             the values come with commas between */
    const char *help;
};

struct hm_cli_program;

/* What was given. Values are borrowed from argv. */
struct hm_cli {
    const char *program;
    const struct hm_cli_verb *verb;
    const char *const *values; /* by option row; NULL = not given; "" for a switch that was */
    char **arguments;
    int argument_count;
    void *app;                          /* what hm_cli_main was given */
    const struct hm_cli_program *about; /* the program's own table */
};

struct hm_cli_verb {
    const char *name;      /* "check"; or two words: "token new" */
    const char *arguments; /* "HOST" for the usage line; "" none */
    int min_arguments;
    int max_arguments;
    const struct hm_cli_option *options;
    size_t option_count;
    const char *help;    /* one line */
    const char *details; /* below it in the help of the verb alone, whole lines; NULL none */
    int (*run)(const struct hm_cli *cli);
};

struct hm_cli_program {
    const char *name;                       /* "hm-agent" */
    const char *version;                    /* "0.1.0" */
    const char *summary;                    /* one line */
    const struct hm_cli_verb *const *verbs; /* sorted as they shall be listed */
    size_t verb_count;
    const struct hm_cli_option *options; /* taken by every verb, after its own rows in values */
    size_t option_count;
};

int hm_cli_main(const struct hm_cli_program *program, void *app, int argc, char **argv);

/* Value of an option by name, NULL when not given. Asserts that the verb has it. */
const char *hm_cli_value(const struct hm_cli *cli, const char *name);

/* Prints usage; for the manual page test too. */
void hm_cli_usage(const struct hm_cli_program *program, const struct hm_cli_verb *verb, FILE *out);

/* "hm-agent: text" and what to do, on standard error; returns exit_status. */
int hm_cli_fail(const struct hm_cli *cli, int exit_status, const struct hm_err *err);
