/* tests/fuzz/fuzz_filter.c — filters: every text compiles or is refused with a position; what
 * compiles has balanced SQL, one value a placeholder, and nothing of the text in it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/limits.h"
#include "server/store/filter.h"

#define NOW_MS INT64_C(1795345200000)

static void check_sql(const struct hm_where *where)
{
    size_t open = 0;
    size_t placeholders = 0;
    const char *at;

    for (at = where->sql; *at != '\0'; at++) {
        open += *at == '(';
        HM_MUST(*at != ')' || open > 0);
        open -= *at == ')';
        placeholders += *at == '$';
        HM_MUST(*at != ';' && *at != '"' && *at != '-' && (unsigned char)*at < 0x80u);
    }
    HM_MUST(open == 0);
    HM_MUST(placeholders == where->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[HM_LIMIT_FILTER_BYTES + 16];
    size_t i;

    if (size >= sizeof(text)) {
        size = sizeof(text) - 1;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    for (i = 0; i < hm_filter_lists_count; i++) {
        struct hm_arena arena;
        struct hm_where where;
        struct hm_err err;
        enum hm_status st;

        hm_arena_init(&arena, 4u << 20);
        st = hm_filter_compile(hm_filter_lists[i], text, NOW_MS, &arena, &where, &err);
        HM_MUST(st == HM_OK || strcmp(hm_err_code(&err), "bad_filter") == 0);
        if (st == HM_OK) {
            check_sql(&where);
        }
        hm_arena_fini(&arena);
    }
    return 0;
}
