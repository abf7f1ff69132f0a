/* tests/fuzz/configured.c — what every reader of configured ports must keep.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/configured.h"

#include "tests/fuzz/fuzz.h"

#define ARENA_BYTES (64u * 1024u * 1024u)

void configured_check(configured_reader *reader, const uint8_t *data, size_t size)
{
    const struct hm_os os = {.family = HM_OS_WINDOWS, .version = "10.0.20348"};
    struct hm_inventory inventory = {.os = os};
    struct hm_configured_make make;
    struct hm_arena arena;
    struct hm_err err = {0};

    hm_arena_init(&arena, ARENA_BYTES);
    hm_configured_begin(&make, &os, &arena);
    if (reader((const char *)data, size, &make, &err) != HM_OK) {
        HM_MUST(err.status != HM_OK && err.text[0] != '\0');
    }
    hm_configured_finish(&make, false, &inventory);
    for (size_t i = 0; i < inventory.configured.count; i++) {
        const struct hm_configured *row = &inventory.configured.at[i];

        const bool socket = row->by == HM_BY_FTP_BINDING || row->by == HM_BY_NET_TCP_BINDING;

        HM_MUST(row->port != 0 && hm_kind_forbids_exclusion(row->kind) == !socket);
        for (const char *at = row->subject; *at != '\0'; at++) {
            HM_MUST(*at >= ' ' && *at <= '~');
        }
    }
    hm_arena_fini(&arena);
}
