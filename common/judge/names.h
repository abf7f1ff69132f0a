/* common/judge/names.h — sets of names of services and programs, which patterns search.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to judging. Names are borrowed, the tables live in the arena. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/ports/inventory.h"

/* Distinct names, ASCII case folded. */
struct hm_names {
    const char **slots;
    size_t room;     /* power of two */
    const char **at; /* the same names in a row, room for half of the slots */
    size_t count;
};

/* NULL and "" are no names. false: no memory. */
bool hm_names_put(struct hm_names *names, const char *name, struct hm_arena *arena);

/* Is one of the names among those that the patterns match? "*" and "?" as in file names. */
bool hm_names_match(const struct hm_names *names, const struct hm_strings *patterns);

/* As hm_names_match, of programs: a longer name may be there as Linux cuts it. */
bool hm_programs_match(const struct hm_names *names, const struct hm_strings *patterns);
