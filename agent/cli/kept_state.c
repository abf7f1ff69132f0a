/* agent/cli/kept_state.c — the state folder of an agent that does not run.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/kept_state.h"

#include "agent/agent.h"

#define LOCK_TRIES 5 /* "status" takes the lock for a moment */
#define LOCK_PAUSE_MS 100

/* A folder that this account may not read is not one without state. */
static enum hm_status check_kept(const char *state_dir, const char *lock_path,
                                 struct hm_arena *arena, struct hm_err *err)
{
    struct hm_strings names;
    enum hm_status st;

    if (hm_os_exists(lock_path)) {
        return HM_OK;
    }
    st = hm_os_list_folder(state_dir, arena, &names, err);
    return st == HM_OK || st == HM_ENOENT
               ? hm_fail(err, HM_ENOENT,
                         "%s: no agent has kept its state there; name the right folder with --set "
                         "state_dir=FOLDER",
                         state_dir)
               : st;
}

enum hm_status hm_cli_take_state(const char *state_dir, struct hm_arena *arena,
                                 struct hm_os_lock **out_lock, struct hm_err *err)
{
    const char *path = hm_arena_printf(arena, "%s/lock", state_dir);
    enum hm_status st;

    if (path == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the agent's state");
    }
    st = check_kept(state_dir, path, arena, err);
    if (st == HM_OK) {
        st = hm_os_lock(path, out_lock, err);
    }
    for (int i = 0;
         st == HM_EBUSY && i < LOCK_TRIES && !hm_agent_real_clock.sleep_ms(LOCK_PAUSE_MS); i++) {
        st = hm_os_lock(path, out_lock, err);
    }
    if (st == HM_EBUSY) {
        hm_err_prefix(err, "an agent with this state is running; stop it first");
    }
    return st;
}
