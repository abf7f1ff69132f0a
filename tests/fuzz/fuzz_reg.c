/* tests/fuzz/fuzz_reg.c — registry exports: every value that comes out is whole and UTF-8, and is
 * found by its own key and name.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/str.h"
#include "common/readers/reg_text.h"

#define ARENA_BYTES (64u * 1024u * 1024u)
#define LOOKED_UP_MAX 64 /* each look-up walks all values */

static int is_text(const char *text)
{
    return text != NULL && hm_str_is_utf8(text, strlen(text));
}

static void check_value(const struct hm_reg *reg, const struct hm_reg_value *value, int look_up)
{
    HM_MUST(is_text(value->key) && is_text(value->name));
    HM_MUST(value->type != HM_REG_TEXT || is_text(value->text));
    for (size_t i = 0; value->type == HM_REG_LINES && i < value->lines.count; i++) {
        HM_MUST(is_text(value->lines.at[i]));
    }
    HM_MUST(!look_up || hm_reg_find(reg, value->key, value->name) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_err err = {0};
    struct hm_arena arena;
    struct hm_reg reg;

    hm_arena_init(&arena, ARENA_BYTES);
    if (hm_reg_parse((const char *)data, size, &arena, &reg, &err) == HM_OK) {
        for (size_t i = 0; i < reg.count; i++) {
            check_value(&reg, &reg.at[i], i < LOOKED_UP_MAX);
        }
        (void)hm_reg_find(&reg, "Services\\Tcpip\\Parameters", "ReservedPorts");
    } else {
        HM_MUST(err.status != HM_OK && err.text[0] != '\0');
    }
    hm_arena_fini(&arena);
    return 0;
}
