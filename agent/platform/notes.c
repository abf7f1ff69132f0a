/* agent/platform/notes.c — the sentences of an observation's unknown list.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/notes.h"

#include <stdio.h>

#include "common/base/limits.h"

void hm_notes_init(struct hm_notes *notes, struct hm_arena *arena)
{
    *notes = (struct hm_notes){.arena = arena};
}

enum hm_status hm_notes_add(struct hm_notes *notes, struct hm_err *err, const char *fmt, ...)
{
    char text[HM_LIMIT_TEXT_BYTES];
    void *items = (void *)notes->list.at;
    char *copy;
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    copy = hm_arena_strdup(notes->arena, text);
    if (copy == NULL || hm_arena_grow(notes->arena, &items, notes->list.count, &notes->room,
                                      sizeof(*notes->list.at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of unknown facts");
    }
    notes->list.at = (const char **)items;
    notes->list.at[notes->list.count++] = copy;
    return HM_OK;
}
