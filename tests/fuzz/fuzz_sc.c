/* tests/fuzz/fuzz_sc.c — sc: what is accepted is sorted, whole and UTF-8, and is found again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/str.h"
#include "common/readers/sc_text.h"

#define ARENA_BYTES (64u * 1024u * 1024u)

static int is_text(const char *text)
{
    return text != NULL && hm_str_is_utf8(text, strlen(text));
}

static void check_states(const struct hm_sc_states *states)
{
    for (size_t i = 0; i < states->count; i++) {
        const struct hm_sc_state *row = &states->at[i];

        HM_MUST(row->name[0] != '\0' && is_text(row->name) && is_text(row->display));
        HM_MUST(row->state >= 1 && row->state <= 7);
        HM_MUST(i == 0 || hm_str_compare_nocase(states->at[i - 1].name, row->name) < 0);
        HM_MUST(hm_sc_states_find(states, row->name) == row);
    }
}

static void check_rows(const struct hm_service_rows *rows, struct hm_arena *arena)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct hm_service_row *row = &rows->at[i];
        const char *program = hm_service_program(row->image, arena);

        HM_MUST(row->name[0] != '\0' && is_text(row->name) && is_text(row->display));
        HM_MUST(program == NULL || strlen(program) <= 255);
        HM_MUST(hm_service_rows_find(rows, row->name) == row);
        for (size_t k = 0; k < row->depends_on.count; k++) {
            HM_MUST(is_text(row->depends_on.at[k]));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_err err = {0};
    struct hm_sc_states states;
    struct hm_service_rows rows;
    struct hm_arena arena;

    hm_arena_init(&arena, ARENA_BYTES);
    if (hm_sc_query_parse((const char *)data, size, &arena, &states, &err) == HM_OK) {
        check_states(&states);
    } else {
        HM_MUST(err.status != HM_OK && err.text[0] != '\0');
    }
    if (hm_sc_config_parse((const char *)data, size, &arena, &rows, &err) == HM_OK) {
        check_rows(&rows, &arena);
    } else {
        HM_MUST(err.status != HM_OK && err.text[0] != '\0');
    }
    hm_arena_fini(&arena);
    return 0;
}
