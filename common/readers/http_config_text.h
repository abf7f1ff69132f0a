/* common/readers/http_config_text.h — "netsh http show urlacl" and "netsh http show sslcert" in any
 * language: which ports HTTP.sys is set up to serve.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Labels are translated and are never looked at: of the first only URLs count
 * ("http://+:8443/app/", "https://+:443:10.0.0.5/"), of the second the last word of a line that is
 * an address or a host name with a port ("0.0.0.0:443", "[::]:443", "www.example.com:443"), and in
 * the first line of a binding a port alone ("Central Certificate Store : 443", all addresses). What
 * is neither is skipped.
 *
 * text is any bytes, len of them, borrowed for the call; time grows with len only. Rows go into
 * *make, each with a copy of its subject in make's arena, cut at HM_LIMIT_SUBJECT_BYTES; over
 * HM_LIMIT_CONFIGURED_READ rows make->cut is set. A text without any row is no error. HM_ENOMEM is
 * the only one: then *make has some of the rows. Threads: pure. */
#pragma once

#include "common/ports/configured.h"

/* "netsh http show urlacl": HM_BY_URL_RESERVATION, and of HTTPS for UDP, too, where make->http3. */
enum hm_status hm_urlacl_parse(const char *text, size_t len, struct hm_configured_make *make,
                               struct hm_err *err) HM_MUST_CHECK;

/* "netsh http show sslcert": HM_BY_SSL_BINDING, always HTTPS. */
enum hm_status hm_sslcert_parse(const char *text, size_t len, struct hm_configured_make *make,
                                struct hm_err *err) HM_MUST_CHECK;
