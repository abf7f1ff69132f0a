/* tests/fuzz/fuzz_sysctl.c — Linux sysctl texts, whole files and single values.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/readers/sysctl_ports.h"

#define ARENA_BYTES (64u * 1024u * 1024u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct hm_err err = {0};
    struct hm_arena arena;
    struct hm_sysctl_ports ports;
    struct hm_range range;
    struct hm_ports reserved;

    hm_arena_init(&arena, ARENA_BYTES);
    if (hm_sysctl_parse(text, size, &arena, &ports, &err) == HM_OK) {
        HM_MUST(!ports.has_range || ports.range.first <= ports.range.last);
    } else {
        HM_MUST(err.status != HM_OK && err.text[0] != '\0');
    }
    ports = (struct hm_sysctl_ports){.refused = NULL};
    if (hm_sysctl_take_settings((struct hm_span){text, size}, &arena, &ports, &err) == HM_OK) {
        HM_MUST(!ports.has_range || ports.range.first <= ports.range.last);
    }
    if (hm_sysctl_parse_range(text, size, &range, &err) == HM_OK) {
        HM_MUST(range.first > 0 && range.first <= range.last);
    }
    if (hm_sysctl_parse_reserved(text, size, &arena, &reserved, &err) == HM_OK) {
        const char *printed = hm_ports_text(reserved, &arena);
        struct hm_ports again;

        HM_MUST(hm_sysctl_parse_reserved(printed, strlen(printed), &arena, &again, &err) == HM_OK);
        HM_MUST(hm_ports_equal(reserved, again));
    }
    hm_arena_fini(&arena);
    return 0;
}
