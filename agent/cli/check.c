/* agent/cli/check.c — "hm-agent check": the verdict of this host, or of files collected on one.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/catalogue.h"
#include "agent/cli/check_text.h"
#include "agent/cli/verbs.h"
#include "agent/config.h"
#include "agent/judge.h"
#include "agent/port_book.h"
#include "agent/run_memory.h"
#include "agent/tcpip_memory.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"
#include "common/plan/marks.h"
#include "common/wire/records.h"

/* Scripts depend on these. What is unknown is not safe: it is "at risk" here. */
#define EXIT_SAFE 0
#define EXIT_AT_RISK 1
#define EXIT_UNREADABLE 3

static const struct hm_cli_option options[] = {
    {"from",        "FOLDER", "judge the files that collect.cmd gathered on a host, not this machine"},
    {"json",        NULL,     "print one JSON document for programs"                                 },
    {"catalogue",   "FOLDER", "products of your own, over the shipped ones"                          },
    {"product-dir", "FOLDER", "shipped products, where they are not installed"                       },
};

static enum hm_status load_catalogue(const struct hm_cli *cli, const struct hm_agent_config *config,
                                     struct hm_arena *arena, struct hm_catalogue *out_catalogue,
                                     struct hm_err *err)
{
    const char *product_dir = hm_cli_value(cli, "product-dir");
    const char *catalogue_dir = hm_cli_value(cli, "catalogue");

    struct hm_strings names;

    if (catalogue_dir != NULL && hm_os_list_folder(catalogue_dir, arena, &names, NULL) != HM_OK) {
        return hm_fail(err, HM_ENOENT,
                       "%s: no folder that can be read; give --catalogue one of your products",
                       catalogue_dir);
    }
    return hm_catalogue_load_local(product_dir != NULL ? product_dir : config->product_dir,
                                   catalogue_dir != NULL ? catalogue_dir : config->catalogue_dir,
                                   arena, out_catalogue, err);
}

static struct hm_catalogue_release
release_of(const struct hm_cli *cli, const struct hm_agent_config *config, struct hm_arena *arena)
{
    const char *product_dir = hm_cli_value(cli, "product-dir");

    return hm_catalogue_release_of(product_dir != NULL ? product_dir : config->product_dir, arena);
}

static enum hm_status add_unknown(struct hm_observation *observation, const char *text,
                                  struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_strings *old = &observation->unknown;
    const char **all = (const char **)hm_arena_alloc(arena, old->count + 1, sizeof(*all));

    if (all == NULL || text == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a judgement");
    }
    for (size_t i = 0; i < old->count; i++) {
        all[i] = old->at[i];
    }
    all[old->count] = text;
    observation->unknown = (struct hm_strings){all, old->count + 1};
    return HM_OK;
}

/* What the agent of this host remembers, where this account may read it. Without it an exclusion
 * may be printed that the agent would refuse. */
static enum hm_status add_port_book(const struct hm_agent_config *config, struct hm_arena *arena,
                                    struct hm_observation *observation,
                                    struct hm_port_hazards *out_hazards, struct hm_err *err)
{
    struct hm_inventory *inventory = &observation->inventory;
    struct hm_err why;
    enum hm_status st =
        hm_agent_port_book_read(config->state_dir, arena, &inventory->port_book, out_hazards, &why);

    inventory->has_port_book = st == HM_OK;
    if (st == HM_ENOMEM) {
        return hm_fail(err, st, "%s", why.text);
    }
    if (st == HM_OK || st == HM_ENOENT || inventory->os.family != HM_OS_WINDOWS) {
        return HM_OK;
    }
    return add_unknown(
        observation,
        hm_arena_printf(arena,
                        "The agent's memory of ports that must not be excluded was not read (%s). "
                        "%s before you follow a step that excludes a port.",
                        why.text,
                        st == HM_EDENIED ? "Run this as an administrator"
                                         : "See what is wrong with that file"),
        arena, err);
}

static enum hm_status observe(const struct hm_agent_config *config, const char *folder,
                              struct hm_arena *arena, struct hm_observation *out_observation,
                              struct hm_err *err)
{
    struct hm_tcpip_memory memory;
    const struct hm_platform_ops *ops =
        folder == NULL ? &hm_platform_native : &hm_platform_recorded;
    struct hm_platform *platform;
    enum hm_status st = ops->open(folder == NULL ? "" : folder, &platform, err);

    if (st != HM_OK) {
        return st;
    }
    if (folder == NULL && ops->remember != NULL &&
        hm_agent_tcpip_read(config->state_dir, arena, &memory, NULL) == HM_OK) {
        ops->remember(platform, &memory);
    }
    st = ops->observe(platform, arena, out_observation, err);
    ops->close(platform);
    return st == HM_OK ? hm_agent_runs_check(arena, out_observation, err) : st;
}

/* As wide as the terminal, within reason; files and pipes always get the same. */
static void choose_look(struct hm_check_look *look)
{
    const char *no_color = getenv("NO_COLOR");
    const char *columns = getenv("COLUMNS");
    uint32_t width = hm_os_terminal_columns();

    if (columns != NULL) {
        (void)hm_str_parse_u32(columns, strlen(columns), 10000, &width);
    }
    look->colour = (no_color == NULL || no_color[0] == '\0') && hm_os_is_terminal(stdout);
    look->columns = width == 0 || width > HM_CHECK_TEXT_COLUMNS ? HM_CHECK_TEXT_COLUMNS
                    : width < HM_CHECK_TEXT_COLUMNS_MIN         ? HM_CHECK_TEXT_COLUMNS_MIN
                                                                : width;
}

static enum hm_status format(const struct hm_cli *cli, const struct hm_observation *observation,
                             const struct hm_judgement *judgement,
                             struct hm_catalogue_release release, struct hm_buf *out,
                             struct hm_err *err)
{
    const struct hm_check check = {
        .catalogue = release,
        .inventory = observation->inventory,
        .verdicts = judgement->verdicts,
        .findings = judgement->findings,
        .observed = judgement->observed,
        .incomplete = judgement->incomplete,
        .unknown = judgement->unknown,
    };
    struct hm_check_look look;

    if (hm_cli_value(cli, "json") != NULL) {
        return hm_record_encode_pretty(&hm_record_check, &check, out, err);
    }
    choose_look(&look);
    look.release = release;
    return hm_check_text(observation, judgement, &look, out, err);
}

/* What the agent of this host last told of its policies; nothing where that cannot be read: then
 * the advice is that for a host without policies. */
static enum hm_status read_marks(const char *state_dir, struct hm_arena *arena,
                                 struct hm_policy_marks *out_marks, struct hm_err *err)
{
    const char *path = hm_arena_printf(arena, "%s/outcome.json", state_dir);
    struct hm_outcome_report *report = hm_arena_alloc(arena, 1, sizeof(*report));
    char *text;
    size_t len;

    if (path == NULL || report == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for what policies have set");
    }
    if (hm_os_read_file(path, HM_LIMIT_DOCUMENT_BYTES, arena, &text, &len, NULL) != HM_OK ||
        hm_record_decode(&hm_record_outcome, text, len, false, arena, report, NULL, NULL) !=
            HM_OK) {
        return HM_OK;
    }
    return hm_plan_marks(report, arena, out_marks, err);
}

static enum hm_status check(const struct hm_cli *cli, const struct hm_agent_config *config,
                            struct hm_arena *arena, struct hm_buf *out, bool *out_safe,
                            struct hm_err *err)
{
    struct hm_observation observation;
    struct hm_policy_marks marks = {NULL, 0};
    struct hm_port_hazards hazards = {NULL, 0};
    struct hm_judgement judgement;
    struct hm_catalogue catalogue;
    enum hm_status st = observe(config, hm_cli_value(cli, "from"), arena, &observation, err);

    if (st == HM_OK) {
        st = load_catalogue(cli, config, arena, &catalogue, err);
    }
    if (st == HM_OK && hm_cli_value(cli, "from") == NULL) {
        st = read_marks(config->state_dir, arena, &marks, err);
    }
    if (st == HM_OK && hm_cli_value(cli, "from") == NULL) {
        st = add_port_book(config, arena, &observation, &hazards, err);
    }
    if (st == HM_OK) {
        hm_agent_port_book_mark(&observation);
        st = hm_judge_observation(&observation, &catalogue, NULL, &marks, &hazards, arena,
                                  &judgement, err);
    }
    if (st == HM_OK) {
        st = format(cli, &observation, &judgement, release_of(cli, config, arena), out, err);
    }
    if (st == HM_OK) {
        *out_safe = hm_judgement_is_safe(&judgement);
    }
    return st;
}

static int run(const struct hm_cli *cli)
{
    struct hm_agent_config config;
    struct hm_arena arena;
    struct hm_buf out;
    struct hm_err err;
    bool safe = false;
    int status = EXIT_UNREADABLE;

    hm_arena_init(&arena, HM_LIMIT_CHECK_ARENA_BYTES);
    hm_buf_init(&out, HM_LIMIT_REPLY_BYTES);
    if (hm_agent_config_load(cli, &arena, &config, &err) != HM_OK) {
        status = hm_cli_fail(cli, HM_EXIT_USAGE, &err);
        goto done;
    }
    if (check(cli, &config, &arena, &out, &safe, &err) != HM_OK) {
        status = hm_cli_fail(cli, EXIT_UNREADABLE, &err);
        goto done;
    }
    if (fwrite(hm_buf_text(&out), 1, out.len, stdout) != out.len || fflush(stdout) != 0) {
        (void)hm_fail(&err, HM_EIO, "the result could not be written to standard output");
        status = hm_cli_fail(cli, EXIT_UNREADABLE, &err);
        goto done;
    }
    status = safe ? EXIT_SAFE : EXIT_AT_RISK;
done:
    hm_buf_fini(&out);
    hm_arena_fini(&arena);
    return status;
}

const struct hm_cli_verb hm_verb_check = {
    .name = "check",
    .arguments = "",
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "judge this host without a collector; exit status 0 all safe, 1 not all safe, 3 "
            "unreadable input",
    .run = run,
};
