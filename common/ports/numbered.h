/* common/ports/numbered.h — ports that the number in the name of a service makes: SAPPRD_07 has
 * 50713. SPDX-License-Identifier: Apache-2.0
 *
 * Pure: memory from the caller's arena. */
#pragma once

#include "common/base/arena.h"
#include "common/ports/requirement.h"

/* Is the service an instance of the rule? out_number: its two digits. */
bool hm_numbered_fits(const struct hm_numbered *rule, const char *service, char out_number[3]);

/* The ports of the instance with this number. HM_EINVAL: the rule makes no ports. */
enum hm_status hm_numbered_ports(const struct hm_numbered *rule, const char number[3],
                                 struct hm_arena *arena, struct hm_ports *out_ports,
                                 struct hm_err *err) HM_MUST_CHECK;
