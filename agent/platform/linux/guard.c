/* agent/platform/linux/guard.c — guard.h where nothing has to wait for the agent.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What policies reserve is added by havenmaster-reserve.service before
 * sysinit.target, so before every service that does not ask for the contrary. */
#include "agent/platform/guard.h"

static enum hm_status refuse(struct hm_err *err)
{
    return hm_fail(err, HM_EUNSUPPORTED,
                   "guards exist on Windows only; here nothing has to wait for the agent: what "
                   "policies reserve is in force before any service starts. A "
                   "service that must start after the agent all the same: \"systemctl edit "
                   "SERVICE\", and there [Unit] with After=hm-agent.service");
}

enum hm_status hm_guard_add(const char *service, struct hm_arena *arena,
                            struct hm_guarded_list *out_rows, struct hm_err *err)
{
    (void)service;
    (void)arena;
    (void)out_rows;
    return refuse(err);
}

enum hm_status hm_guard_remove(const char *service, struct hm_arena *arena, bool *out_had_it,
                               struct hm_err *err)
{
    (void)service;
    (void)arena;
    (void)out_had_it;
    return refuse(err);
}

enum hm_status hm_guard_remove_all(struct hm_arena *arena, struct hm_strings *out_names,
                                   struct hm_err *err)
{
    (void)arena;
    (void)err;
    *out_names = (struct hm_strings){NULL, 0};
    return HM_OK;
}

enum hm_status hm_guard_left(struct hm_arena *arena, struct hm_guard_leftovers *out_left,
                             struct hm_err *err)
{
    (void)arena;
    (void)err;
    *out_left = (struct hm_guard_leftovers){
        {NULL, 0},
        {NULL, 0},
        false
    };
    return HM_OK;
}

enum hm_status hm_guard_list(struct hm_arena *arena, struct hm_guarded_list *out_rows,
                             struct hm_err *err)
{
    (void)arena;
    (void)out_rows;
    return refuse(err);
}

enum hm_status hm_guard_passed(struct hm_err *err)
{
    (void)err;
    return HM_OK;
}

enum hm_status hm_guard_keep(struct hm_arena *arena, struct hm_guard_kept *out_kept,
                             struct hm_err *err)
{
    (void)arena;
    (void)err;
    *out_kept = (struct hm_guard_kept){.fault = ""};
    return HM_OK;
}
