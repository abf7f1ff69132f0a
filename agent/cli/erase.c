/* agent/cli/erase.c — hm-agent erase: what an agent leaves on its host, gone.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/cli/guard.h"
#include "agent/cli/take_back.h"
#include "agent/cli/verbs.h"
#include "agent/config.h"
#include "agent/enforce/enforce_state.h"
#include "agent/platform/platform.h"
#include "common/base/log.h"
#include "common/os/os.h"

#define ARENA_BYTES (32u * 1024u * 1024u)

static const struct hm_cli_option options[] = {
    {"keep-reservations", NULL,
     "leave what policies added to this host; nobody will know any more that it was this agent"},
    {"yes",               NULL, "do it; without this nothing is removed"                       },
};

/* A folder is the agent's own when its lock is in it; the wrong state_dir costs nobody's files. */
static enum hm_status check_free(const char *lock_path, const char *state_dir, struct hm_err *err)
{
    struct hm_os_lock *lock = NULL;
    enum hm_status st;

    if (!hm_os_exists(lock_path)) {
        return hm_fail(err, HM_ECONFLICT,
                       "%s: no agent has kept its state there (no file \"lock\"); remove it "
                       "yourself if it is not needed",
                       state_dir);
    }
    st = hm_os_lock(lock_path, &lock, err);
    if (st == HM_EBUSY) {
        hm_err_prefix(err, "an agent with this state is running; stop it first");
    }
    hm_os_unlock(lock);
    return st;
}

/* ---- what policies added ------------------------------------------------------------------- */

/* Damaged counts as something: what was added is not known then. */
static bool has_reservations(const char *state_dir, struct hm_arena *arena)
{
    struct hm_enforce_state state;
    struct hm_ledger ledger;

    return hm_enforce_state_load(state_dir, arena, &state, NULL) != HM_OK ||
           hm_ledger_load(state_dir, state.ledger, arena, &ledger, NULL) != HM_OK ||
           !hm_ledger_is_empty(&ledger);
}

/* Where it cannot, the agent goes on as before: what was taken back comes again with its start. */
static int take_back(void *app)
{
    struct hm_agent *agent = app;
    const bool held = hm_enforcer_is_held(agent->enforcer);
    struct hm_taken_back taken = {.changed = false};
    struct hm_err err;
    struct hm_err why;
    bool began;
    enum hm_status st = hm_take_back(agent, &taken, &err);

    if (st == HM_OK) {
        if (taken.needs_reboot) {
            (void)printf("restart this host: what was removed stays in force until then\n");
        }
        return HM_EXIT_OK;
    }
    if (!held && hm_enforcer_is_held(agent->enforcer) &&
        hm_enforcer_resume(agent->enforcer, &began, &why) != HM_OK) {
        hm_log_failure(HM_LOG_ERROR, "still_held", &why);
    }
    hm_err_prefix(&err,
                  "nothing was erased, as its record would be lost: remove what policies added "
                  "first (\"hm-agent restore\"), or leave it there with "
                  "--keep-reservations");
    return hm_cli_fail(agent->cli, HM_EXIT_FAILED, &err);
}

/* They stay for good: not by a unit that goes with the program. */
static enum hm_status leave(const struct hm_agent_config *config, struct hm_arena *arena,
                            struct hm_err *err)
{
    const struct hm_platform_ops *ops = &hm_platform_native;
    struct hm_platform *platform = NULL;
    enum hm_status st;

    if (config->host[0] != '\0' || ops->leave == NULL) {
        return HM_OK;
    }
    st = ops->open("", &platform, err);
    if (st == HM_OK) {
        st = ops->leave(platform, arena, err);
        ops->close(platform);
    }
    if (st != HM_OK) {
        hm_err_prefix(err, "nothing was erased, as the reservations would end with the next boot");
    }
    return st;
}

/* ---- state --------------------------------------------------------------------------------- */

static enum hm_status erase_state(const char *state_dir, struct hm_arena *arena, struct hm_err *err)
{
    struct hm_strings names;
    enum hm_status st;

    if (!hm_os_exists(state_dir)) {
        return HM_OK;
    }
    st = hm_os_list_folder(state_dir, arena, &names, err);
    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        const char *path = hm_arena_printf(arena, "%s/%s", state_dir, names.at[i]);

        st = path == NULL ? hm_fail(err, HM_ENOMEM, "no memory to remove the state")
                          : hm_os_remove_file(path, err);
    }
    return st == HM_OK ? hm_os_remove_folder(state_dir, err) : st;
}

/* It stays where others keep things in it. */
static enum hm_status erase_folder_of(const char *path, struct hm_arena *arena, struct hm_err *err)
{
    const char *folder;
    enum hm_status st = hm_agent_config_folder(path, arena, &folder, err);

    if (st == HM_OK && strcmp(folder, ".") != 0) {
        st = hm_os_remove_folder(folder, err);
    }
    return st == HM_ECONFLICT ? HM_OK : st;
}

static enum hm_status erase(const struct hm_cli *cli, const struct hm_agent_config *config,
                            struct hm_arena *arena, struct hm_err *err)
{
    const char *named = hm_cli_value(cli, "config");
    const char *path = named != NULL ? named : HM_AGENT_CONFIG_PATH;
    enum hm_status st = erase_state(config->state_dir, arena, err);

    if (st == HM_OK && config->token_file[0] != '\0') {
        st = hm_os_remove_file(config->token_file, err);
    }
    if (st == HM_OK) {
        st = hm_os_remove_file(path, err);
    }
    return st == HM_OK ? erase_folder_of(path, arena, err) : st;
}

static enum hm_status check(const struct hm_cli *cli, struct hm_arena *arena,
                            struct hm_agent_config *config, struct hm_err *err)
{
    const char *lock_path;
    enum hm_status st;

    if (hm_cli_value(cli, "yes") == NULL) {
        return hm_fail(err, HM_EINVAL,
                       "this host's identity, configuration and state would be removed for good; "
                       "confirm with --yes");
    }
    st = hm_agent_config_load(cli, arena, config, err);
    if (st == HM_OK && hm_os_exists(config->state_dir)) {
        lock_path = hm_arena_printf(arena, "%s/lock", config->state_dir);
        st = lock_path == NULL ? hm_fail(err, HM_ENOMEM, "no memory to remove the state")
                               : check_free(lock_path, config->state_dir, err);
    }
    return st;
}

static int run(const struct hm_cli *cli)
{
    struct hm_agent agent = {.cli = cli, .clock = &hm_agent_real_clock, .tried = hm_take_back_show};
    struct hm_agent_config config;
    struct hm_arena arena;
    struct hm_err err;
    enum hm_status st;
    int status = HM_EXIT_OK;

    hm_arena_init(&arena, ARENA_BYTES);
    st = check(cli, &arena, &config, &err);
    if (st == HM_OK) {
        st = hm_cli_remove_guards(&err);
    }
    if (st == HM_OK && hm_cli_value(cli, "keep-reservations") != NULL) {
        st = leave(&config, &arena, &err);
    } else if (st == HM_OK && has_reservations(config.state_dir, &arena)) {
        status = hm_lifecycle_run(hm_agent_steps, HM_AGENT_STEPS_TO_RESTORE, &agent, take_back);
    }
    if (st == HM_OK && status == HM_EXIT_OK) {
        st = erase(cli, &config, &arena, &err);
    }
    if (st != HM_OK) {
        status = hm_cli_fail(cli, st == HM_EINVAL ? HM_EXIT_USAGE : HM_EXIT_FAILED, &err);
    }
    hm_arena_fini(&arena);
    return status;
}

const struct hm_cli_verb hm_verb_erase = {
    .name = "erase",
    .arguments = "",
    .options = options,
    .option_count = HM_COUNT(options),
    .help =
        "remove this host's identity, state, token, configuration, and what policies added to it",
    .run = run,
};
