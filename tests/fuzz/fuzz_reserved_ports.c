/* tests/fuzz/fuzz_reserved_ports.c — ReservedPorts: each line of the input is a line of the value;
 * what surely works is part of what is listed, and what we write works whole.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "common/base/str.h"
#include "common/ports/reserved_ports.h"

#define ARENA_BYTES (64u * 1024u * 1024u)

static struct hm_strings split(const uint8_t *data, size_t size, struct hm_arena *arena)
{
    struct hm_span rest = {(const char *)data, size};
    struct hm_strings lines = {NULL, 0};
    struct hm_span line;
    size_t room = 0;

    while (hm_str_next_line(&rest, &line)) {
        void *grown = lines.at;

        HM_MUST(hm_arena_grow(arena, &grown, lines.count, &room, sizeof(*lines.at)) == 0);
        lines.at = grown;
        lines.at[lines.count] = hm_arena_strndup(arena, line.at, line.len);
        HM_MUST(lines.at[lines.count++] != NULL);
    }
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_err err = {0};
    struct hm_arena arena;
    struct hm_strings lines;
    struct hm_ports listed;
    struct hm_ports effective;

    hm_arena_init(&arena, ARENA_BYTES);
    lines = split(data, size, &arena);
    if (hm_reserved_ports_parse(&lines, &arena, &listed, &effective, &err) == HM_OK) {
        struct hm_ports again;

        HM_MUST(hm_ports_covers(listed, effective));
        HM_MUST((listed.count == 0) == (effective.count == 0));
        HM_MUST(hm_reserved_ports_format(listed, &arena, &lines, &err) == HM_OK);
        HM_MUST(hm_reserved_ports_parse(&lines, &arena, &again, &effective, &err) == HM_OK);
        HM_MUST(hm_ports_equal(listed, again) && hm_ports_equal(listed, effective));
    } else {
        HM_MUST(err.status != HM_OK && err.text[0] != '\0');
    }
    hm_arena_fini(&arena);
    return 0;
}
