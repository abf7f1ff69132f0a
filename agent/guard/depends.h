/* agent/guard/depends.h — what a service depends on, and the guard taken out of it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Windows only; of the guard and of the agent, so without any library of ours. Read from the
 * registry, where the service manager keeps it and reads it at boot; written by the service
 * manager, which must know of a change at once. Numbers are those of the system, 0 = done. */
#pragma once

#include <stdbool.h>

#include "agent/guard/names.h"

/* Services, then groups with a plus before them. 2 (file not found): no such service. 234 (more
 * data): longer than HM_NAMES_CHARS. */
unsigned long hm_depends_read(const wchar_t *service, wchar_t out[HM_NAMES_CHARS]);

/* Do the values hold these names and nothing else, so that writing them again keeps everything? 13
 * (invalid data): another type of value, or an empty name with more behind it. */
unsigned long hm_depends_check(const wchar_t *service);

/* Replaces the list. Only what hm_depends_read shows afterwards counts. */
unsigned long hm_depends_write(const wchar_t *service, const wchar_t *names);

/* Takes the guard out of one service's list and looks whether it is gone. 0 also when it was not
 * there, or when there is no such service. */
unsigned long hm_depends_release(const wchar_t *service, bool *out_had_it);

/* The same for every service of this system that has it, also if added by hand: a dependency on a
 * guard that cannot start keeps the service from starting. told: once for each, number 0 = gone.
 * Answers how many still depend on the guard. */
typedef void hm_depends_told(void *ctx, const wchar_t *service, unsigned long number);
size_t hm_depends_release_all(hm_depends_told *told, void *ctx);
