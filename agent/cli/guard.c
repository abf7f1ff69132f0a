/* agent/cli/guard.c — hm-agent guard add, remove, list: services that start only after the agent's
 * first pass of the boot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/guard.h"

#include <stdio.h>

#include "agent/cli/guard.h"
#include "agent/cli/verbs.h"

#define ARENA_BYTES (64u * 1024u * 1024u)

/* Not on this system: the wrong verb, which is not "a guard does not work". */
static int fail_guard(const struct hm_cli *cli, const struct hm_err *err)
{
    return hm_cli_fail(cli, err->status == HM_EUNSUPPORTED ? HM_EXIT_USAGE : HM_EXIT_FAILED, err);
}

/* What a person must know before anything happens to the guard, with the command that helps. */
static void print_added(const struct hm_guarded *row)
{
    (void)printf(
        "%s now starts once the agent has enforced the policies after a boot, or 20 seconds after "
        "the guard was started, in every case. It depends on the service HavenmasterGuard.\n"
        "The guard must stay: do not delete or disable that service, or the folder \"Havenmaster "
        "Guard\" below the folder of programs. While the agent or the guard runs, it notices and "
        "removes the dependency. If neither runs, %s does not start at the next boot:\n"
        "  error 1068, event 7001  the guard is disabled (1058), or its program is gone (2)\n"
        "  error 1075, event 7003  the service HavenmasterGuard is deleted\n"
        "This command, pasted into an elevated command prompt (cmd.exe), then heals it at once "
        "(dependencies as of now):\n"
        "  %s\n"
        "and this starts it: sc start %s\n"
        "To remove the guard: hm-agent guard remove %s\n",
        row->service, row->service, row->cure, row->quoted, row->quoted);
}

/* What does not hinder a guard, but leaves it without use. */
static void print_doubts(const struct hm_guarded_list *rows)
{
    if (rows->no_pass[0] != '\0') {
        (void)printf("not in this boot: %s\n", rows->no_pass);
    }
    if (rows->unlisted) {
        (void)printf("in safe mode, guarded services do not start: the entry HavenmasterGuard is "
                     "missing, or another's, below HKLM\\SYSTEM\\CurrentControlSet\\Control\\"
                     "SafeBoot. The agent, while it runs, adds it again, and so does \"hm-agent "
                     "guard add\"\n");
    }
}

static int add(const struct hm_cli *cli)
{
    struct hm_guarded_list rows;
    struct hm_arena arena;
    struct hm_err err;
    int status = HM_EXIT_OK;

    hm_arena_init(&arena, ARENA_BYTES);
    if (hm_guard_add(cli->arguments[0], &arena, &rows, &err) != HM_OK) {
        status = fail_guard(cli, &err);
    } else {
        for (size_t i = 0; i < rows.count; i++) {
            print_added(&rows.at[i]);
        }
        print_doubts(&rows);
    }
    hm_arena_fini(&arena);
    return status;
}

/* ---- remove --------------------------------------------------------------------------------- */

/* It harms nobody, so it is no failure. */
static void print_left(struct hm_arena *arena)
{
    struct hm_guard_leftovers left;
    struct hm_err err;

    if (hm_guard_left(arena, &left, &err) != HM_OK) {
        (void)printf("what of the guard is left cannot be seen: %s\n", err.text);
        return;
    }
    if (left.unused) {
        (void)printf(
            "stays: the service HavenmasterGuard, or its record. A command was cut short "
            "or runs at this moment, or the service goes with the next restart; \"hm-agent "
            "guard remove --all\" removes them, or says so\n");
    }
    for (size_t i = 0; i < left.going.count; i++) {
        (void)printf("in use, goes with the next restart: %s\n", left.going.at[i]);
    }
    for (size_t i = 0; i < left.staying.count; i++) {
        (void)printf(
            "stays: %s (\"hm-agent guard remove --all\" removes it once no program uses it; "
            "what is still there then is not ours, and yours to remove)\n",
            left.staying.at[i]);
    }
}

enum hm_status hm_cli_remove_guards(struct hm_err *err)
{
    struct hm_strings names;
    struct hm_arena arena;
    enum hm_status st;

    hm_arena_init(&arena, ARENA_BYTES);
    st = hm_guard_remove_all(&arena, &names, err);
    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        (void)printf("%s no longer depends on the guard\n", names.at[i]);
    }
    if (st == HM_OK) {
        print_left(&arena);
    }
    hm_arena_fini(&arena);
    return st;
}

static int remove_all(const struct hm_cli *cli)
{
    struct hm_err err;

    if (hm_cli_remove_guards(&err) != HM_OK) {
        return fail_guard(cli, &err);
    }
    (void)printf("no service has a guard\n");
    return HM_EXIT_OK;
}

static int remove_one(const struct hm_cli *cli)
{
    struct hm_arena arena;
    struct hm_err err;
    bool had_it = false;
    int status = HM_EXIT_OK;

    hm_arena_init(&arena, ARENA_BYTES);
    if (hm_guard_remove(cli->arguments[0], &arena, &had_it, &err) != HM_OK) {
        status = fail_guard(cli, &err);
    } else {
        (void)printf(had_it ? "%s no longer depends on the guard\n"
                            : "%s has no guard; what a command that was cut short had left of the "
                              "guard is removed\n",
                     cli->arguments[0]);
        print_left(&arena);
    }
    hm_arena_fini(&arena);
    return status;
}

static int remove_guard(const struct hm_cli *cli)
{
    const bool all = hm_cli_value(cli, "all") != NULL;
    struct hm_err err;

    if (all == (cli->argument_count > 0)) {
        (void)hm_fail(&err, HM_EINVAL, "name one service, or give --all");
        return hm_cli_fail(cli, HM_EXIT_USAGE, &err);
    }
    return all ? remove_all(cli) : remove_one(cli);
}

/* ---- list ----------------------------------------------------------------------------------- */

static const char *state_of(const struct hm_guarded *row, bool passed)
{
    if (row->cure[0] == '\0') {
        return "this service is gone; \"hm-agent guard remove\" with its name forgets it";
    }
    if (!row->in_force) {
        return "NOT guarded: the dependency was removed; \"hm-agent guard add\" adds it again";
    }
    if (row->useless[0] != '\0') {
        return "NOT guarded, though it depends on the guard";
    }
    if (!passed) {
        return "guarded, but not in this boot";
    }
    return row->added ? "guarded" : "guarded, by a dependency that somebody added by hand";
}

static int list(const struct hm_cli *cli)
{
    struct hm_guarded_list rows;
    struct hm_arena arena;
    struct hm_err err;
    int status = HM_EXIT_OK;

    hm_arena_init(&arena, ARENA_BYTES);
    if (hm_guard_list(&arena, &rows, &err) != HM_OK) {
        hm_arena_fini(&arena);
        return fail_guard(cli, &err);
    }
    for (size_t i = 0; i < rows.count; i++) {
        (void)printf("%s: %s\n", rows.at[i].service,
                     state_of(&rows.at[i], rows.no_pass[0] == '\0'));
        if (rows.fault[0] != '\0' && rows.at[i].in_force) {
            (void)printf("  it does not start at the next boot; this heals it: %s\n",
                         rows.at[i].cure);
        }
        if (rows.at[i].in_force && rows.at[i].useless[0] != '\0') {
            (void)printf("  %s\n  this removes the guard: hm-agent guard remove %s\n",
                         rows.at[i].useless, rows.at[i].quoted);
        }
        if (rows.fault[0] != '\0' || !rows.at[i].in_force || rows.at[i].useless[0] != '\0') {
            status = HM_EXIT_FAILED;
        }
    }
    if (rows.fault[0] != '\0') {
        (void)printf("the guard cannot work: %s\n"
                     "  \"hm-agent guard add\" for one of these services puts the guard right, "
                     "or says what to do\n",
                     rows.fault);
    }
    print_doubts(&rows);
    if (rows.no_pass[0] != '\0' || rows.unlisted) {
        status = HM_EXIT_FAILED;
    }
    if (rows.count == 0) {
        (void)printf("no service has a guard\n");
        print_left(&arena);
    }
    hm_arena_fini(&arena);
    return status;
}

static const struct hm_cli_option remove_options[] = {
    {"all", NULL, "every service that has one, also if added by hand"},
};

const struct hm_cli_verb hm_verb_guard_add = {
    .name = "guard add",
    .arguments = "SERVICE",
    .min_arguments = 1,
    .max_arguments = 1,
    .help = "Windows: let this service start only after the agent's first pass of a boot",
    .details =
        "From an elevated prompt. At each boot the service waits until the agent has enforced "
        "the\npolicies, or for 20 seconds, in every case. Refused for drivers, for what the "
        "agent or\nWindows itself needs to start, and for what starts before the agent.\n",
    .run = add,
};

const struct hm_cli_verb hm_verb_guard_remove = {
    .name = "guard remove",
    .arguments = "[SERVICE]",
    .max_arguments = 1,
    .options = remove_options,
    .option_count = HM_COUNT(remove_options),
    .help = "Windows: let it start as before",
    .run = remove_guard,
};

const struct hm_cli_verb hm_verb_guard_list = {
    .name = "guard list",
    .arguments = "",
    .help = "Windows: the services that have a guard, and whether it works; exit 1 it does not",
    .run = list,
};
