/* server/http/request.h — where a request comes from: a connection, or a test's own hands.
 * SPDX-License-Identifier: Apache-2.0
 *
 * hm_req.http_private points to a struct whose first member is a
 * pointer to a struct hm_req_source. */
#pragma once

#include "server/http/held.h"

struct hm_req_source {
    const char *(*query)(const struct hm_req *req, const char *name);
    const char *(*query_name)(const struct hm_req *req, size_t at);
    const char *(*header)(const struct hm_req *req, const char *name);
    struct hm_ticket *(*hold)(struct hm_req *req, int64_t timeout_ms, hm_handler *resume);
};

/* "%41" becomes "A", in a copy. NULL for broken escapes, for NUL, for what is not UTF-8, and when
 * there is no memory. */
const char *hm_url_unescape(struct hm_arena *arena, const char *text, size_t len);
