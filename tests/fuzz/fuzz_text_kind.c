/* tests/fuzz/fuzz_text_kind.c — what a text is, and what the title of a listing says, for any
 * bytes that can be decoded.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "common/readers/input_text.h"
#include "common/readers/netsh_title.h"
#include "common/readers/text_kind.h"

#define ARENA_BYTES (64u * 1024u * 1024u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_span text;
    struct hm_arena arena;
    struct hm_err err = {0};

    hm_arena_init(&arena, ARENA_BYTES);
    if (hm_input_text((const char *)data, size, &arena, &text, &err) == HM_OK) {
        enum hm_text_kind kind = hm_text_kind(text);
        struct hm_netsh_title title = hm_netsh_read_title(text);

        HM_MUST(kind < HM_TEXT_KIND_COUNT);
        HM_MUST(size > 0 || (kind == HM_TEXT_UNKNOWN && !title.has_protocol && !title.has_family));
    } else {
        HM_MUST(err.text[0] != '\0');
    }
    hm_arena_fini(&arena);
    return 0;
}
