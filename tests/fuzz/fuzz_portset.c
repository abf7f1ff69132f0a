/* tests/fuzz/fuzz_portset.c — port lists: what is read is printed and read again the same, and
 * the set operations agree with each other.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/ports/portset.h"

#define ARENA_BYTES (64u * 1024u * 1024u)

static int is_set(struct hm_ports ports)
{
    for (size_t i = 1; i < ports.count; i++) {
        if ((uint32_t)ports.at[i].first <= (uint32_t)ports.at[i - 1].last + 1) {
            return 0;
        }
    }
    return 1;
}

static void check_text(struct hm_ports ports, struct hm_arena *arena)
{
    const char *text = hm_ports_text(ports, arena);
    struct hm_ports again;

    HM_MUST(text != NULL);
    HM_MUST(hm_ports_parse_kept(text, strlen(text), arena, &again, NULL) == HM_OK);
    HM_MUST(hm_ports_equal(ports, again));
}

static void check_pair(struct hm_ports a, struct hm_ports b, struct hm_arena *arena)
{
    struct hm_ports all;
    struct hm_ports both;
    struct hm_ports only_a;
    struct hm_ports again;

    HM_MUST(hm_ports_union(a, b, arena, &all, NULL) == HM_OK);
    HM_MUST(hm_ports_intersect(a, b, arena, &both, NULL) == HM_OK);
    HM_MUST(hm_ports_subtract(a, b, arena, &only_a, NULL) == HM_OK);
    HM_MUST(is_set(all) && is_set(both) && is_set(only_a));
    HM_MUST(hm_ports_count(all) + hm_ports_count(both) == hm_ports_count(a) + hm_ports_count(b));
    HM_MUST(hm_ports_count(only_a) + hm_ports_count(both) == hm_ports_count(a));
    HM_MUST(hm_ports_covers(all, a) && hm_ports_covers(all, b) && hm_ports_covers(a, both));
    HM_MUST(!hm_ports_overlap(only_a, b));
    HM_MUST(hm_ports_overlap(a, b) == (both.count > 0));
    HM_MUST(hm_ports_union(only_a, both, arena, &again, NULL) == HM_OK);
    HM_MUST(hm_ports_covers(again, a) && hm_ports_covers(a, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *cut = size == 0 ? NULL : memchr(text, '\n', size);
    size_t first_len = cut == NULL ? size : (size_t)(cut - text);
    struct hm_arena arena;
    struct hm_err err;
    struct hm_ports set;
    struct hm_ports kept;
    struct hm_ports other;

    hm_arena_init(&arena, ARENA_BYTES);
    if (hm_ports_parse(text, first_len, &arena, &set, &err) == HM_OK) {
        HM_MUST(is_set(set));
        check_text(set, &arena);
        if (cut != NULL &&
            hm_ports_parse_kept(cut + 1, size - first_len - 1, &arena, &other, &err) == HM_OK) {
            check_pair(set, other, &arena);
            check_pair(other, set, &arena);
        }
    }
    if (hm_ports_parse_kept(text, first_len, &arena, &kept, &err) == HM_OK) {
        check_text(kept, &arena);
        HM_MUST(hm_ports_count(kept) == hm_ports_count(set));
    }
    hm_arena_fini(&arena);
    return 0;
}
