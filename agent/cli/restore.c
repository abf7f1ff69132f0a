/* agent/cli/restore.c — hm-agent restore: what this agent added to the host, taken back.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "agent/cli/kept_state.h"
#include "agent/cli/take_back.h"
#include "agent/cli/verbs.h"
#include "agent/config.h"

#define ARENA_BYTES (1024u * 1024u)

static const struct hm_cli_option options[] = {
    {"resume", NULL, "end it: policies are enforced again from the agent's next start on"},
};

static enum hm_status take_back(struct hm_agent *agent, struct hm_err *err)
{
    const bool held = hm_enforcer_is_held(agent->enforcer);
    struct hm_taken_back taken = {.changed = false};
    enum hm_status st = hm_take_back(agent, &taken, err);

    if (st == HM_OK) {
        (void)printf("%s; nothing is enforced here until \"hm-agent restore --resume\"\n",
                     taken.needs_reboot
                         ? "restart this host: what was removed stays in force until "
                           "then"
                     : taken.changed ? "this host is as it was before"
                     : held          ? "there was nothing left to remove"
                                     : "this agent had added nothing");
    }
    return st;
}

static int restore(void *app)
{
    struct hm_agent *agent = app;
    struct hm_err err;
    enum hm_status st;

    if (hm_cli_value(agent->cli, "resume") != NULL) {
        const bool held = hm_enforcer_is_held(agent->enforcer);
        bool began = false;

        st = hm_enforcer_resume(agent->enforcer, &began, &err);
        if (st == HM_OK) {
            (void)printf("%s%s\n",
                         began ? "enforce.json is a new one: policies that were turned off here "
                                 "count again; "
                               : "",
                         held || began
                             ? "policies are enforced again from the agent's next start on"
                             : "nothing was held");
        }
    } else {
        st = take_back(agent, &err);
    }
    return st == HM_OK ? HM_EXIT_OK : hm_cli_fail(agent->cli, HM_EXIT_FAILED, &err);
}

/* The agent's own steps would make the folder, and log why they fail. */
static enum hm_status check_state(const struct hm_cli *cli, struct hm_arena *arena,
                                  struct hm_err *err)
{
    struct hm_os_lock *lock = NULL;
    struct hm_agent_config config;
    enum hm_status st = hm_agent_config_load(cli, arena, &config, err);

    if (st == HM_OK) {
        st = hm_cli_take_state(config.state_dir, arena, &lock, err);
    }
    hm_os_unlock(lock);
    return st;
}

static int run(const struct hm_cli *cli)
{
    struct hm_agent agent = {.cli = cli, .clock = &hm_agent_real_clock, .tried = hm_take_back_show};
    struct hm_arena arena;
    struct hm_err err;
    enum hm_status st;

    hm_arena_init(&arena, ARENA_BYTES);
    st = check_state(cli, &arena, &err);
    hm_arena_fini(&arena);
    if (st != HM_OK) {
        return hm_cli_fail(cli, st == HM_EINVAL ? HM_EXIT_USAGE : HM_EXIT_FAILED, &err);
    }
    return hm_lifecycle_run(hm_agent_steps, HM_AGENT_STEPS_TO_RESTORE, &agent, restore);
}

const struct hm_cli_verb hm_verb_restore = {
    .name = "restore",
    .arguments = "",
    .options = options,
    .option_count = HM_COUNT(options),
    .help =
        "remove everything that policies added to this host, and enforce no policy from then on",
    .run = run,
};
