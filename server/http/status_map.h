/* server/http/status_map.h — from a handler's failure to an HTTP status.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/http/http.h"

/* HM_OK: reply->status. A failure: reply->status when a handler set it to 4xx or 5xx, else what
 * http.h says of hm_handler. */
unsigned hm_http_status(const struct hm_reply *reply, enum hm_status st, const struct hm_err *err);

/* "Not Found"; for the titles of problem documents. Never NULL. */
const char *hm_http_reason(unsigned status);
