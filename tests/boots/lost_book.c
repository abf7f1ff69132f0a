/* tests/boots/lost_book.c — an agent whose memory is gone, as after a power loss.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/boots/boots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/os/os.h"

#define WHOLE_S 1200 /* policies.md, "What the agent does", 3: twenty minutes, in two boots */
#define WHOLE_BOOTS 2u

void boots_lose_book(struct boots_sequence *sequence, uint64_t how)
{
    static const char *const names[] = {"portbook.json", "portbook.json.copy"};
    static const char *const texts[] = {"", "{\"boot_id\":", NULL};
    char path[BOOTS_PATH + 32];
    struct hm_err err;
    size_t had = 0;

    for (size_t i = 0; i < HM_COUNT(names); i++) {
        const char *text = texts[how % HM_COUNT(texts)];

        (void)snprintf(path, sizeof(path), "%s/%s", sequence->state, names[i]);
        had += hm_os_exists(path) ? 1u : 0u;
        if (had > 0 && (text != NULL ? hm_os_replace_file(path, text, strlen(text), true, &err)
                                     : hm_os_remove_file(path, &err)) != HM_OK) {
            (void)fprintf(stderr, "boot_proof: %s\n", err.text);
            exit(2);
        }
    }
    if (had > 0) {
        sequence->lost_boots = WHOLE_BOOTS;
        sequence->whole_boot = 0;
        memset(&sequence->shown, 0, sizeof(sequence->shown)); /* nobody knows that any more */
    }
}

/* The last scan of a boot counts, too, after which the agent does not sleep any more. */
void boots_note_whole(struct boots_sequence *sequence)
{
    if (sequence->lost_boots > 0 && sequence->number != sequence->whole_boot &&
        !sequence->is_unread && sequence->agent->observation.has_uptime &&
        sequence->agent->observation.uptime_s >= WHOLE_S) {
        sequence->whole_boot = sequence->number;
        sequence->lost_boots--;
    }
}
