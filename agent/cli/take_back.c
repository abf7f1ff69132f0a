/* agent/cli/take_back.c — what policies added to this host, taken back by a verb that says so.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/take_back.h"

#include <stdio.h>

#include "agent/cycle.h"
#include "agent/enforce/action_facts.h"

#define TEXT_ARENA_BYTES (1024u * 1024u)

void hm_take_back_show(const struct hm_action *action, const char *failed, void *arg)
{
    struct hm_arena arena;
    const char *text;

    (void)arg;
    hm_arena_init(&arena, TEXT_ARENA_BYTES);
    text = hm_action_text(action, &arena);
    (void)printf("%s (policy %s): %s\n", text != NULL ? text : "a change",
                 action->policy[0] != '\0' ? action->policy : "-",
                 failed[0] != '\0' ? failed : "done");
    (void)fflush(stdout);
    hm_arena_fini(&arena);
}

enum hm_status hm_take_back(struct hm_agent *agent, struct hm_taken_back *out_taken,
                            struct hm_err *err)
{
    struct hm_taken_back taken = {.changed = false};
    enum hm_status st = HM_EBUSY;

    while (st == HM_EBUSY) {
        struct hm_enforce_pass pass = {.desired_error = ""};

        st = hm_cycle_observe(agent, err);
        if (st != HM_OK) {
            break;
        }
        pass.host = agent->name;
        pass.catalogue = &agent->catalogue;
        pass.observation = &agent->observation;
        pass.arena = &agent->cycle_arena;
        st = hm_enforcer_restore(agent->enforcer, &pass, err);
        taken.changed = taken.changed || pass.changed;
        taken.needs_reboot = taken.needs_reboot || pass.needs_reboot;
    }
    if (st == HM_OK) {
        *out_taken = taken;
    }
    return st;
}
