/* tests/fuzz/fuzz_iis_bindings.c — web sites of IIS; the path of a redirection is a piece of the
 * text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/iis_bindings_text.h"
#include "tests/fuzz/configured.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct hm_iis_redirection redirection;

    configured_check(hm_iis_bindings_parse, data, size);
    hm_iis_redirection_parse(text, size, &redirection);
    HM_MUST(redirection.path.len == 0 ||
            (redirection.enabled && redirection.path.at > text &&
             redirection.path.at + redirection.path.len <= text + size));
    return 0;
}
