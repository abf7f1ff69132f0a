/* agent/platform/notes.c — what an observation could not tell: sentences and refused listings.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/notes.h"

#include <stdio.h>
#include <string.h>

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
    for (size_t i = 0; i < notes->list.count; i++) {
        if (strcmp(notes->list.at[i], text) == 0) {
            return HM_OK; /* said already */
        }
    }
    copy = hm_arena_strdup(notes->arena, text);
    if (copy == NULL || hm_arena_grow(notes->arena, &items, notes->list.count, &notes->room,
                                      sizeof(*notes->list.at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of unknown facts");
    }
    notes->list.at = (const char **)items;
    notes->list.at[notes->list.count++] = copy;
    return HM_OK;
}

enum hm_status hm_notes_add_refusal(struct hm_notes *notes, const struct hm_refusal *refusal,
                                    struct hm_err *err)
{
    size_t kept = refusal->len < HM_REFUSAL_BYTES ? refusal->len : HM_REFUSAL_BYTES;
    char *bytes = hm_arena_strndup(notes->arena, refusal->bytes, kept);
    void *items = notes->refusals.at;

    if (bytes == NULL || hm_arena_grow(notes->arena, &items, notes->refusals.count,
                                       &notes->refusals_room, sizeof(*notes->refusals.at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of refused listings");
    }
    notes->refusals.at = items;
    notes->refusals.at[notes->refusals.count] = *refusal;
    notes->refusals.at[notes->refusals.count++].bytes = bytes;
    return HM_OK;
}
