/* tests/fuzz/fuzz_hns_endpoints.c — endpoints of HNS.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/hns_endpoints_text.h"
#include "tests/fuzz/configured.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    configured_check(hm_hns_endpoints_parse, data, size);
    return 0;
}
