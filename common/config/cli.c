/* common/config/cli.c — verbs and options from tables; usage text from the same rows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/config/cli.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/limits.h"
#include "common/base/str.h"

#define EXIT_USAGE 2
#define HELP_COLUMN 28

enum outcome { GO_ON, DONE_OK, DONE_WRONG };

struct parse {
    const struct hm_cli_program *program;
    const struct hm_cli_verb *verb;
    const char **values; /* the verb's rows, then the program's */
    char **arguments;
    int argument_count;
    struct hm_arena arena; /* for values that were given several times */
};

static size_t row_count(const struct parse *parse)
{
    return parse->verb->option_count + parse->program->option_count;
}

static const struct hm_cli_option *row_at(const struct parse *parse, size_t row)
{
    return row < parse->verb->option_count
               ? &parse->verb->options[row]
               : &parse->program->options[row - parse->verb->option_count];
}

static void wrong(const struct parse *parse, const char *what, const char *which, size_t which_len)
{
    (void)fprintf(stderr, "%s: %s \"%.*s\"; see \"%s %s%s--help\"\n", parse->program->name, what,
                  which_len < 80 ? (int)which_len : 80, which, parse->program->name,
                  parse->verb != NULL ? parse->verb->name : "", parse->verb != NULL ? " " : "");
}

static bool may_repeat(const struct hm_cli_option *option)
{
    static const char dots[] = "…";
    const size_t len = option->argument == NULL ? 0 : strlen(option->argument);

    return len >= sizeof(dots) - 1 &&
           strcmp(option->argument + len - (sizeof(dots) - 1), dots) == 0;
}

/* Takes one "--name", "--name=value" or "--name value"; *at moves past what was used. */
static enum outcome take_option(struct parse *parse, int argc, char **argv, int *at)
{
    const char *text = argv[*at] + 2;
    size_t len = strcspn(text, "=");
    const char *value = text[len] == '=' ? text + len + 1 : NULL;

    for (size_t row = 0; row < row_count(parse); row++) {
        const struct hm_cli_option *option = row_at(parse, row);

        if (strlen(option->name) != len || strncmp(option->name, text, len) != 0) {
            continue;
        }
        if (parse->values[row] != NULL && !may_repeat(option)) {
            wrong(parse, "option given twice:", argv[*at], len + 2);
            return DONE_WRONG;
        }
        if (option->argument == NULL && value != NULL) {
            wrong(parse, "option takes no value:", argv[*at], len + 2);
            return DONE_WRONG;
        }
        if (option->argument != NULL && value == NULL) {
            if (*at + 1 >= argc) {
                wrong(parse, "option needs a value:", argv[*at], len + 2);
                return DONE_WRONG;
            }
            value = argv[++*at];
        }
        if (option->argument == NULL) {
            value = "";
        } else if (parse->values[row] != NULL) {
            value = hm_arena_printf(&parse->arena, "%s,%s", parse->values[row], value);
        }
        if (value == NULL) {
            wrong(parse, "no memory for one more", option->name, len);
            return DONE_WRONG;
        }
        parse->values[row] = value;
        ++*at;
        return GO_ON;
    }
    wrong(parse, "no such option:", argv[*at], len + 2);
    return DONE_WRONG;
}

/* -h, --help and --version, wherever they stand. */
static bool take_built_in(const struct parse *parse, const char *text)
{
    if (strcmp(text, "-h") == 0 || strcmp(text, "--help") == 0) {
        hm_cli_usage(parse->program, parse->verb, stdout);
        return true;
    }
    if (strcmp(text, "--version") == 0) {
        (void)printf("%s %s\n", parse->program->name, parse->program->version);
        return true;
    }
    return false;
}

static enum outcome take_rest(struct parse *parse, int argc, char **argv, int at)
{
    bool options_over = false;

    while (at < argc) {
        enum outcome outcome;

        if (options_over || argv[at][0] != '-' || argv[at][1] == '\0') {
            parse->arguments[parse->argument_count++] = argv[at++];
            continue;
        }
        if (strcmp(argv[at], "--") == 0) {
            options_over = true;
            at++;
            continue;
        }
        if (take_built_in(parse, argv[at])) {
            return DONE_OK;
        }
        if (argv[at][1] != '-') {
            wrong(parse, "options are long ones, not", argv[at], strlen(argv[at]));
            return DONE_WRONG;
        }
        outcome = take_option(parse, argc, argv, &at);
        if (outcome != GO_ON) {
            return outcome;
        }
    }
    return GO_ON;
}

/* Does the verb's name, one word or two, stand at argv? Returns its words. */
static int verb_words(const char *name, int left, char **argv)
{
    const char *space = strchr(name, ' ');
    size_t first = space == NULL ? strlen(name) : (size_t)(space - name);

    if (left < 1 || strlen(argv[0]) != first || strncmp(name, argv[0], first) != 0) {
        return 0;
    }
    if (space == NULL) {
        return 1;
    }
    return left >= 2 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

static int find_verb(const struct hm_cli_program *program, int left, char **argv,
                     const struct hm_cli_verb **out_verb)
{
    int best = 0;

    for (size_t i = 0; i < program->verb_count; i++) {
        int words = verb_words(program->verbs[i]->name, left, argv);

        if (words > best) {
            best = words;
            *out_verb = program->verbs[i];
        }
    }
    return best;
}

/* A first word without its second is told what may follow. */
static void no_verb(const struct parse *parse, const char *word)
{
    const struct hm_cli_program *program = parse->program;
    const size_t len = strlen(word);
    bool any = false;

    for (size_t i = 0; i < program->verb_count; i++) {
        const char *name = program->verbs[i]->name;

        if (strncmp(name, word, len) == 0 && name[len] == ' ') {
            if (!any) {
                (void)fprintf(stderr, "%s: after \"%s\" comes one more word:", program->name, word);
            }
            (void)fprintf(stderr, "%s \"%s\"", any ? "," : "", name);
            any = true;
        }
    }
    if (any) {
        (void)fputc('\n', stderr);
    } else {
        wrong(parse, "no such verb:", word, len);
    }
}

static void put_row(FILE *out, const char *name, const char *argument, const char *help)
{
    int used = fprintf(out, "  %s%s%s", name, argument[0] != '\0' ? " " : "", argument);

    for (const char *at = argument; *at != '\0'; at++) {
        used -= ((unsigned char)*at & 0xc0) == 0x80 ? 1 : 0; /* columns, not bytes of UTF-8 */
    }
    if (used >= HELP_COLUMN) {
        (void)fprintf(out, "\n");
        used = 0;
    }
    (void)fprintf(out, "%*s%s\n", HELP_COLUMN - used, "", help);
}

/* The verbs whose first word this is; false where there is none. */
static bool put_group(const struct hm_cli_program *program, const char *word, FILE *out)
{
    const size_t len = strlen(word);
    bool any = false;

    for (size_t i = 0; i < program->verb_count; i++) {
        const struct hm_cli_verb *verb = program->verbs[i];

        if (strncmp(verb->name, word, len) == 0 && verb->name[len] == ' ') {
            if (!any) {
                (void)fprintf(out, "usage: %s %s VERB [options] [arguments]\n\nverbs:\n",
                              program->name, word);
            }
            put_row(out, verb->name, verb->arguments, verb->help);
            any = true;
        }
    }
    return any;
}

/* "help", "help VERB", and "--help" behind the first word of verbs that have two. */
static bool take_help(const struct hm_cli_program *program, int argc, char **argv)
{
    const bool first = strcmp(argv[1], "help") == 0;
    const struct hm_cli_verb *verb = NULL;

    if (first && argc == 2) {
        hm_cli_usage(program, NULL, stdout);
        return true;
    }
    if (first && find_verb(program, argc - 2, argv + 2, &verb) > 0) {
        hm_cli_usage(program, verb, stdout);
        return true;
    }
    if (first) {
        return put_group(program, argv[2], stdout);
    }
    return argc == 3 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0) &&
           find_verb(program, argc - 1, argv + 1, &verb) == 0 &&
           put_group(program, argv[1], stdout);
}

static int run(struct parse *parse, void *app, int argc, char **argv, int at)
{
    struct hm_cli cli = {
        .program = parse->program->name, .verb = parse->verb, .app = app, .about = parse->program};
    enum outcome outcome = take_rest(parse, argc, argv, at);

    if (outcome != GO_ON) {
        return outcome == DONE_OK ? EXIT_SUCCESS : EXIT_USAGE;
    }
    if (parse->argument_count < parse->verb->min_arguments) {
        wrong(parse, "argument missing:", parse->verb->arguments, strlen(parse->verb->arguments));
        return EXIT_USAGE;
    }
    if (parse->argument_count > parse->verb->max_arguments) {
        const char *extra = parse->arguments[parse->verb->max_arguments];

        wrong(parse, "one argument too many:", extra, strlen(extra));
        return EXIT_USAGE;
    }
    cli.values = parse->values;
    cli.arguments = parse->arguments;
    cli.argument_count = parse->argument_count;
    return parse->verb->run(&cli);
}

int hm_cli_main(const struct hm_cli_program *program, void *app, int argc, char **argv)
{
    struct parse parse = {.program = program};
    int status = EXIT_USAGE;
    int words;

    hm_arena_init(&parse.arena, HM_LIMIT_CONFIG_BYTES);
    if (argc < 2) {
        hm_cli_usage(program, NULL, stderr);
        return EXIT_USAGE;
    }
    if (take_built_in(&parse, argv[1]) || take_help(program, argc, argv)) {
        return EXIT_SUCCESS;
    }
    words = find_verb(program, argc - 1, argv + 1, &parse.verb);
    if (words == 0) {
        no_verb(&parse, argv[1]);
        return EXIT_USAGE;
    }
    parse.values = calloc(row_count(&parse) + 1, sizeof(*parse.values));
    parse.arguments = calloc((size_t)argc, sizeof(*parse.arguments));
    if (parse.values == NULL || parse.arguments == NULL) {
        (void)fprintf(stderr, "%s: no memory for the command line\n", program->name);
        status = EXIT_FAILURE;
    } else {
        status = run(&parse, app, argc, argv, 1 + words);
    }
    hm_arena_fini(&parse.arena);
    free(parse.values);
    free(parse.arguments);
    return status;
}

static void put_options(FILE *out, const struct hm_cli_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[64];

        (void)snprintf(name, sizeof(name), "--%s", options[i].name);
        put_row(out, name, options[i].argument != NULL ? options[i].argument : "", options[i].help);
    }
}

static void put_verb(const struct hm_cli_program *program, const struct hm_cli_verb *verb,
                     FILE *out)
{
    bool has_options = verb->option_count + program->option_count > 0;

    (void)fprintf(out, "usage: %s %s%s%s%s\n\n%s\n", program->name, verb->name,
                  has_options ? " [options]" : "", verb->arguments[0] != '\0' ? " " : "",
                  verb->arguments, verb->help);
    if (verb->details != NULL) {
        (void)fprintf(out, "\n%s", verb->details);
    }
    if (has_options) {
        (void)fprintf(out, "\noptions:\n");
    }
    put_options(out, verb->options, verb->option_count);
    put_options(out, program->options, program->option_count);
}

void hm_cli_usage(const struct hm_cli_program *program, const struct hm_cli_verb *verb, FILE *out)
{
    if (verb != NULL) {
        put_verb(program, verb, out);
        return;
    }
    (void)fprintf(out, "usage: %s VERB [options] [arguments]\n\n%s\n\nverbs:\n", program->name,
                  program->summary);
    for (size_t i = 0; i < program->verb_count; i++) {
        put_row(out, program->verbs[i]->name, program->verbs[i]->arguments,
                program->verbs[i]->help);
    }
    (void)fprintf(out, "\noptions of every verb:\n");
    put_options(out, program->options, program->option_count);
    put_row(out, "-h, --help", "", "this text, or that of the verb before it; so \"help [VERB]\"");
    put_row(out, "--version", "", "name and version");
}

const char *hm_cli_value(const struct hm_cli *cli, const char *name)
{
    for (size_t i = 0; i < cli->verb->option_count; i++) {
        if (strcmp(cli->verb->options[i].name, name) == 0) {
            return cli->values[i];
        }
    }
    for (size_t i = 0; i < cli->about->option_count; i++) {
        if (strcmp(cli->about->options[i].name, name) == 0) {
            return cli->values[cli->verb->option_count + i];
        }
    }
    assert(false); /* an option that this verb has no row for */
    return NULL;
}

int hm_cli_fail(const struct hm_cli *cli, int exit_status, const struct hm_err *err)
{
    (void)fprintf(stderr, "%s: %s\n", cli->program, err->text);
    return exit_status;
}
