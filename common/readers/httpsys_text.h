/* common/readers/httpsys_text.h — "netsh http show servicestate" in any language.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only URLs are looked at ("HTTP://+:5985/WSMAN/", "HTTPS://(any):443:10.0.0.5/"): they are the
 * same in every language. What is no such URL is skipped: this listing only adds to what is known.
 */
#pragma once

#include "common/ports/portset.h"

/* The port of the URL whose host begins at text[at]; 0 when there is none. */
uint16_t hm_http_url_port(const char *text, size_t len, size_t at);

/* The ports of all URLs, as a set; empty when there is none. */
enum hm_status hm_httpsys_parse(const char *text, size_t len, struct hm_arena *arena,
                                struct hm_ports *out_ports, struct hm_err *err) HM_MUST_CHECK;
