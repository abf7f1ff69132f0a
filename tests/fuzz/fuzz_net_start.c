/* tests/fuzz/fuzz_net_start.c — net start: only a line that a name fits makes a service run.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/readers/net_start_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_service_row at[] = {
        {.name = "DNS",      .display = "DNS-Server",                  .image = ""},
        {.name = "Storage",  .display = "Gesch\xc3\xbctzter Speicher", .image = ""},
        {.name = "Schedule", .display = "\xe4\xba\x88\xe5\xae\x9a",    .image = ""},
        {.name = "Kana",     .display = "\xef\xbd\xb1\xef\xbe\x9f",    .image = ""},
        {.name = "nameless", .display = "",                            .image = ""},
    };
    struct hm_service_rows rows = {at, HM_COUNT(at)};
    struct hm_err err = {0};
    size_t lines = 0;
    size_t running = 0;

    if (hm_net_start_apply((const char *)data, size, &rows, &lines, &err) != HM_OK) {
        HM_MUST(err.status != HM_OK && err.text[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < rows.count; i++) {
        HM_MUST(!at[i].runs || at[i].has_runs);
        running += at[i].runs;
    }
    HM_MUST(running <= lines);
    HM_MUST(lines > 0 || !at[0].has_runs);
    return 0;
}
