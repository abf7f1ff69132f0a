/* tests/fuzz/fuzz_netsh_excluded.c — netsh show excludedportrange: accepted rows ascend, do not
 * overlap, and come out again the same when they are printed as netsh prints them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "common/readers/netsh_text.h"

#define ARENA_BYTES (64u * 1024u * 1024u)
#define BUF_BYTES (8u * 1024u * 1024u)

static void check_kept(struct hm_ports ports)
{
    for (size_t i = 0; i < ports.count; i++) {
        HM_MUST(ports.at[i].first > 0 && ports.at[i].first <= ports.at[i].last);
        HM_MUST(i == 0 || ports.at[i].first > ports.at[i - 1].last);
    }
}

/* Both lists as one listing. */
static void print(struct hm_ports starred, struct hm_ports plain, struct hm_buf *out)
{
    size_t i = 0;
    size_t j = 0;

    HM_MUST(hm_buf_puts(out, "----------    --------\r\n"));
    while (i < starred.count || j < plain.count) {
        int star =
            j == plain.count || (i < starred.count && starred.at[i].first < plain.at[j].first);
        struct hm_range row = star ? starred.at[i++] : plain.at[j++];

        HM_MUST(hm_buf_printf(out, "%10u%12u%s\r\n", (unsigned)row.first, (unsigned)row.last,
                              star ? "     *" : "      "));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_err err = {0};
    struct hm_arena arena;
    struct hm_ports starred;
    struct hm_ports plain;

    hm_arena_init(&arena, ARENA_BYTES);
    if (hm_netsh_parse_excluded((const char *)data, size, &arena, &starred, &plain, &err) ==
        HM_OK) {
        struct hm_ports starred_again;
        struct hm_ports plain_again;
        struct hm_buf text;

        check_kept(starred);
        check_kept(plain);
        HM_MUST(!hm_ports_overlap(starred, plain));
        hm_buf_init(&text, BUF_BYTES);
        print(starred, plain, &text);
        HM_MUST(hm_netsh_parse_excluded(text.data, text.len, &arena, &starred_again, &plain_again,
                                        &err) == HM_OK);
        HM_MUST(hm_ports_equal(starred, starred_again) && hm_ports_equal(plain, plain_again));
        hm_buf_fini(&text);
    } else {
        HM_MUST(err.status != HM_OK && err.text[0] != '\0');
    }
    hm_arena_fini(&arena);
    return 0;
}
