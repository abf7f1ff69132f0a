/* tests/fuzz/fuzz_reg_query.c — listings of the registry, and the services that are in them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/str.h"
#include "common/readers/reg_query_text.h"
#include "common/readers/service_rows.h"

#define ARENA_BYTES (64u * 1024u * 1024u)

static int is_text(const char *text)
{
    return text != NULL && hm_str_is_utf8(text, strlen(text));
}

static void check_value(const struct hm_reg_value *value)
{
    HM_MUST(is_text(value->key) && is_text(value->name));
    HM_MUST(value->type != HM_REG_TEXT || is_text(value->text));
    for (size_t i = 0; value->type == HM_REG_LINES && i < value->lines.count; i++) {
        HM_MUST(is_text(value->lines.at[i]));
    }
}

static void check_services(const struct hm_reg *reg, struct hm_arena *arena)
{
    struct hm_service_rows rows;
    struct hm_strings names;
    struct hm_err err = {0};

    if (hm_service_rows_from_reg(reg, arena, &rows, &err) == HM_OK) {
        for (size_t i = 0; i < rows.count; i++) {
            HM_MUST(rows.at[i].name[0] != '\0' && is_text(rows.at[i].name));
            HM_MUST(hm_service_rows_find(&rows, rows.at[i].name) == &rows.at[i]);
            HM_MUST(hm_service_start_of(&rows.at[i]) < HM_SERVICE_START_COUNT);
            (void)hm_service_program(rows.at[i].image, arena);
        }
    } else {
        HM_MUST(err.status != HM_OK);
    }
    if (hm_service_names_from_cluster(reg, arena, &names, &err) == HM_OK) {
        for (size_t i = 0; i < names.count; i++) {
            HM_MUST(names.at[i][0] != '\0');
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_err err = {0};
    struct hm_arena arena;
    struct hm_reg reg;

    hm_arena_init(&arena, ARENA_BYTES);
    if (hm_reg_query_parse((const char *)data, size, &arena, &reg, &err) == HM_OK) {
        for (size_t i = 0; i < reg.count; i++) {
            check_value(&reg.at[i]);
        }
        check_services(&reg, &arena);
    } else {
        HM_MUST(err.status != HM_OK && err.text[0] != '\0');
    }
    if (hm_reg_parse((const char *)data, size, &arena, &reg, &err) == HM_OK) {
        check_services(&reg, &arena);
    }
    hm_arena_fini(&arena);
    return 0;
}
