/* server/http/status_map.c — from a handler's failure to an HTTP status.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/http/status_map.h"

#include <microhttpd.h>
#include <string.h>

static const unsigned statuses[] = {
    [HM_OK] = 200,     [HM_ENOMEM] = 500,       [HM_EINVAL] = 400,  [HM_EDENIED] = 403,
    [HM_ENOENT] = 404, [HM_ECONFLICT] = 409,    [HM_ETOOBIG] = 413, [HM_EBUSY] = 503,
    [HM_EIO] = 500,    [HM_EUNSUPPORTED] = 501,
};

unsigned hm_http_status(const struct hm_reply *reply, enum hm_status st, const struct hm_err *err)
{
    if (st == HM_OK || reply->status >= 400) {
        return reply->status;
    }
    if (st == HM_EDENIED && err != NULL && strcmp(err->code, "unauthenticated") == 0) {
        return 401;
    }
    return (size_t)st < HM_COUNT(statuses) ? statuses[st] : 500;
}

const char *hm_http_reason(unsigned status)
{
    return MHD_get_reason_phrase_for(status);
}
