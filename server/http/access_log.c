/* server/http/access_log.c — one line for each answer that is a failure.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"
#include "server/http/exchange.h"

void hm_access_log(const struct hm_exchange *exchange, const struct hm_err *err)
{
    const struct hm_req *req = &exchange->req;
    struct hm_log_line line;

    hm_log_begin(&line, exchange->reply.status >= 500 ? HM_LOG_WARNING : HM_LOG_INFO,
                 "request_failed");
    hm_log_u64(&line, "status", exchange->reply.status);
    hm_log_str(&line, "method", req->method);
    hm_log_str(&line, "path", req->path);
    hm_log_str(&line, "peer", req->peer);
    if (req->who.name[0] != '\0') {
        hm_log_str(&line, "who", req->who.name);
    }
    hm_log_str(&line, "request_id", req->request_id);
    if (err != NULL && err->status != HM_OK) {
        hm_log_err(&line, err);
    }
    hm_log_end(&line);
}
