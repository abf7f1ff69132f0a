/* server/api/openapi.c — GET /v1/openapi.json: the description of this surface.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/openapi.h"

#include "server/api/api.h"
#include "server/api/listing.h"

enum hm_status hm_api_openapi_get(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    enum hm_status st = hm_params_only(req, NULL, 0, err);

    if (st != HM_OK) {
        return st;
    }
    hm_buf_reset(&reply->body);
    (void)hm_buf_put(&reply->body, hm_openapi_json, hm_openapi_json_len);
    return hm_buf_status(&reply->body, err);
}
