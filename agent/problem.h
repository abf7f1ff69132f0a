/* agent/problem.h — what an answer of the collector that is no success means to an agent.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/net/http_client.h"

#define HM_PROBLEM_TOKEN_BYTES 192

/* Fills err from status and problem document and returns
 * HM_EDENIED (401, 403), HM_ECONFLICT (409), HM_EBUSY (429, 503), HM_EINVAL (other 4xx) or HM_EIO.
 * err's code is the problem's. out_reenroll_token, when not NULL, takes the problem's one-use
 * join token, "" when there is none. */
enum hm_status hm_problem_fail(const char *what, const struct hm_http_reply *reply,
                               struct hm_arena *arena,
                               char out_reenroll_token[HM_PROBLEM_TOKEN_BYTES], struct hm_err *err);
