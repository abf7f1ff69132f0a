/* tests/fuzz/fuzz_iis_bindings.c — web sites of IIS: rows have a port and a printable subject; the
 * path of a redirection is a piece of the text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "common/readers/iis_bindings_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct hm_os os = {.family = HM_OS_WINDOWS, .version = "10.0.20348"};
    struct hm_inventory inventory = {.os = os};
    struct hm_iis_redirection redirection;
    struct hm_configured_make make;
    struct hm_arena arena;
    struct hm_err err = {0};

    hm_arena_init(&arena, 64u << 20);
    hm_configured_begin(&make, &os, &arena);
    if (hm_iis_bindings_parse((const char *)data, size, &make, &err) != HM_OK) {
        HM_MUST(err.status != HM_OK && err.text[0] != '\0');
    }
    hm_configured_finish(&make, false, &inventory);
    for (size_t i = 0; i < inventory.configured.count; i++) {
        const struct hm_configured *row = &inventory.configured.at[i];

        HM_MUST(row->port != 0 && hm_kind_forbids_exclusion(row->kind));
        for (const char *at = row->subject; *at != '\0'; at++) {
            HM_MUST(*at >= ' ' && *at <= '~');
        }
    }
    hm_iis_redirection_parse((const char *)data, size, &redirection);
    HM_MUST(redirection.path.len == 0 ||
            (redirection.enabled && redirection.path.at > (const char *)data &&
             redirection.path.at + redirection.path.len <= (const char *)data + size));
    hm_arena_fini(&arena);
    return 0;
}
