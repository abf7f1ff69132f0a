/* common/judge/names.c — sets of names of services and programs, which patterns search.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/names.h"

#include <string.h>

#include "common/base/str.h"
#include "common/ports/requirement.h"

#define NAMES_ROOM_FIRST 64u

/* The slot of name, or the empty one where it would go. */
static const char **find_slot(const struct hm_names *names, const char *name)
{
    size_t at = (size_t)hm_str_hash_nocase(HM_HASH_START, name) & (names->room - 1);

    while (names->slots[at] != NULL && !hm_str_equal_nocase(names->slots[at], name)) {
        at = (at + 1) & (names->room - 1);
    }
    return &names->slots[at];
}

static bool names_grow(struct hm_names *names, size_t room, struct hm_arena *arena)
{
    struct hm_names larger = {
        .slots = hm_arena_alloc(arena, room, sizeof(*larger.slots)),
        .room = room,
        .at = hm_arena_alloc(arena, room / 2, sizeof(*larger.at)),
        .count = names->count,
    };

    if (larger.slots == NULL || larger.at == NULL) {
        return false;
    }
    for (size_t i = 0; i < names->count; i++) {
        larger.at[i] = names->at[i];
        *find_slot(&larger, names->at[i]) = names->at[i];
    }
    *names = larger;
    return true;
}

bool hm_names_put(struct hm_names *names, const char *name, struct hm_arena *arena)
{
    const char **slot;

    if (name == NULL || name[0] == '\0') {
        return true;
    }
    if (names->count * 2 >= names->room &&
        !names_grow(names, names->room == 0 ? NAMES_ROOM_FIRST : names->room * 2, arena)) {
        return false;
    }
    slot = find_slot(names, name);
    if (*slot == NULL) {
        *slot = name;
        names->at[names->count++] = name;
    }
    return true;
}

/* Case apart, does the first letter rule the match out? Most patterns begin with a name. */
static bool may_match(const char *pattern, const char *name)
{
    return pattern[0] == '*' || pattern[0] == '?' || ((pattern[0] ^ name[0]) & ~0x20) == 0;
}

bool hm_names_match(const struct hm_names *names, const struct hm_strings *patterns)
{
    for (size_t i = 0; i < patterns->count && names->count > 0; i++) {
        const char *pattern = patterns->at[i];

        if (strpbrk(pattern, "*?") == NULL) {
            if (pattern[0] != '\0' && *find_slot(names, pattern) != NULL) {
                return true;
            }
            continue;
        }
        for (size_t at = 0; at < names->count; at++) {
            if (may_match(pattern, names->at[at]) && hm_str_glob_nocase(pattern, names->at[at])) {
                return true;
            }
        }
    }
    return false;
}

bool hm_programs_match(const struct hm_names *names, const struct hm_strings *patterns)
{
    char cut[HM_COMM_BYTES];

    for (size_t i = 0; i < patterns->count && names->count > 0; i++) {
        if (hm_program_cut(patterns->at[i], cut) && *find_slot(names, cut) != NULL) {
            return true;
        }
    }
    return hm_names_match(names, patterns);
}
