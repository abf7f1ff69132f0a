/* tests/fuzz/fuzz_http_config.c — URL reservations and SSL bindings of HTTP.sys.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/http_config_text.h"
#include "tests/fuzz/configured.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    configured_check(hm_urlacl_parse, data, size);
    configured_check(hm_sslcert_parse, data, size);
    return 0;
}
