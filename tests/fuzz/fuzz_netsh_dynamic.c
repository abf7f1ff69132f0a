/* tests/fuzz/fuzz_netsh_dynamic.c — netsh show dynamicport: what is accepted is a real range.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "common/readers/netsh_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_err err = {0};
    struct hm_range range;

    if (hm_netsh_parse_dynamic((const char *)data, size, &range, &err) == HM_OK) {
        HM_MUST(range.first > 0 && range.first <= range.last);
    } else {
        HM_MUST(err.status != HM_OK && err.text[0] != '\0');
    }
    return 0;
}
