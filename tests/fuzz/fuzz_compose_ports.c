/* tests/fuzz/fuzz_compose_ports.c — files of compose.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "common/readers/compose_ports_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_compose compose;
    struct hm_arena arena;

    hm_arena_init(&arena, 64u * 1024u * 1024u);
    HM_MUST(hm_compose_ports_parse((struct hm_span){(const char *)data, size}, &arena, &compose,
                                   NULL) == HM_OK);
    for (size_t i = 0; i < compose.ports_count; i++) {
        HM_MUST(compose.ports[i].value != NULL);
        HM_MUST(compose.ports[i].service < compose.services_count);
    }
    hm_arena_fini(&arena);
    return 0;
}
