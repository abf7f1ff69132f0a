/* tests/fuzz/fuzz_server_settings.c — settings files of servers, of each kind.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "common/readers/server_settings.h"

static bool include(void *with, enum hm_server_include how, struct hm_span path)
{
    (void)with;
    (void)how;
    HM_MUST(path.len > 0);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (unsigned kind = 0; kind < HM_SERVER_KINDS; kind++) {
        struct hm_server_settings settings;
        struct hm_server_ports ports;

        hm_server_settings_init(&settings, (enum hm_server_kind)kind);
        settings.instance = "blue";
        settings.include = include;
        HM_MUST(hm_server_settings_take(&settings, (struct hm_span){(const char *)data, size}));
        hm_server_settings_finish(&settings, &ports);
        for (size_t i = 0; i < ports.count; i++) {
            HM_MUST(ports.at[i] != 0);
        }
    }
    return 0;
}
