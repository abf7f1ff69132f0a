/* agent/platform/windows_guard.h — which services may be guarded, and what failed with the guard.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A guarded service starts after HavenmasterGuard, which waits for the agent's first pass. Whatever
 * the agent needs for that pass, or Windows starts before the agent, must not wait for it: the boot
 * would stand still until the guard gives up. Pure. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/ports/inventory.h"

/* One service or driver as the registry has it. */
struct hm_guard_service {
    const char *name;
    uint32_t type;           /* SERVICE_KERNEL_DRIVER …, bits */
    uint32_t start;          /* 0 boot, 1 system, 2 automatic, 3 manual, 4 disabled */
    const char *group;       /* load order group; "" none */
    struct hm_strings needs; /* services, and groups with a plus before them */
};

struct hm_guard_host {
    struct hm_guard_service *at; /* in any order */
    size_t count;
    struct hm_strings group_order; /* Control\ServiceGroupOrder, first to last */
};

/* NULL when there is none of this name, in either case of letters. */
const struct hm_guard_service *hm_guard_find(const struct hm_guard_host *host, const char *name);

/* May service depend on the guard? HM_ENOENT: there is no such service; HM_ECONFLICT: it may not,
 * and the text says why. */
enum hm_status hm_guard_check(const struct hm_guard_host *host, const char *service,
                              struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* The automatic services that need one of these, directly or through others, and these: what may
 * have failed because those did not start; each once. */
enum hm_status hm_guard_dependents(const struct hm_guard_host *host,
                                   const struct hm_strings *services, struct hm_arena *arena,
                                   struct hm_strings *out_names, struct hm_err *err) HM_MUST_CHECK;

/* The command that sets these dependencies (groups with their plus) and no other:
 * sc config "NAME" depend= "A/B", to be pasted into cmd.exe. NULL: no memory. */
const char *hm_guard_command(const char *service, const struct hm_strings *needs,
                             struct hm_arena *arena);

/* One argument of a command that is pasted into cmd.exe, whatever is in it. NULL: no memory. */
const char *hm_guard_quote(const char *text, struct hm_arena *arena);

/* Why these bytes cannot be hm-guard.exe, the whole file; "" they may be. Only the form is looked
 * at: that it runs, and is not of another version, only a run of it shows. */
const char *hm_guard_image_fault(const char *image, size_t len);
