/* common/readers/http_config_text.h — "netsh http show urlacl" and "netsh http show sslcert" in any
 * language: which ports HTTP.sys is set up to serve.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Labels are translated and are never looked at: of the first only URLs count
 * ("http://+:8443/app/", "https://+:443:10.0.0.5/"), of the second the last word of a line that is
 * an address or a host name with a port ("0.0.0.0:443", "[::]:443", "www.example.com:443"). What
 * is neither is skipped. Threads: pure. */
#pragma once

#include "common/ports/configured.h"

enum hm_status hm_urlacl_parse(const char *text, size_t len, struct hm_configured_make *make,
                               struct hm_err *err) HM_MUST_CHECK;

enum hm_status hm_sslcert_parse(const char *text, size_t len, struct hm_configured_make *make,
                                struct hm_err *err) HM_MUST_CHECK;
