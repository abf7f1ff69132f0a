/* agent/problem.c — what an answer of the collector that is no success means to an agent.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/problem.h"

#include <string.h>

#include "common/base/str.h"
#include "common/wire/records.h"

static const struct {
    unsigned status;
    enum hm_status meaning;
    const char *text;
} rows[] = {
    {401, HM_EDENIED,   "the collector does not know us"             },
    {403, HM_EDENIED,   "the collector does not let us"              },
    {404, HM_EINVAL,    "is this address a collector's?"             },
    {409, HM_ECONFLICT, "the collector sees a conflict"              },
    {429, HM_EBUSY,     "the collector asks for fewer requests"      },
    {503, HM_EBUSY,     "the collector is too busy, or not yet ready"},
};

enum hm_status hm_problem_fail(const char *what, const struct hm_http_reply *reply,
                               struct hm_arena *arena,
                               char out_reenroll_token[HM_PROBLEM_TOKEN_BYTES], struct hm_err *err)
{
    struct hm_problem problem = {.code = "", .detail = "", .reenroll_token = ""};
    enum hm_status meaning = reply->status / 100 == 4 ? HM_EINVAL : HM_EIO;
    const char *text = "an answer that was not expected";

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        if (rows[i].status == reply->status) {
            meaning = rows[i].meaning;
            text = rows[i].text;
        }
    }
    /* A proxy's page is no problem document: its status must do. */
    if (hm_record_decode(&hm_record_problem, reply->body, reply->body_len, false, arena, &problem,
                         NULL, NULL) != HM_OK) {
        problem = (struct hm_problem){.code = "", .detail = "", .reenroll_token = ""};
    }
    if (out_reenroll_token != NULL &&
        !hm_str_copy(out_reenroll_token, HM_PROBLEM_TOKEN_BYTES, problem.reenroll_token)) {
        out_reenroll_token[0] = '\0';
    }
    if (problem.detail[0] != '\0') {
        text = problem.detail;
    }
    return hm_fail_code(err, meaning, problem.code, "%s: answered %u: %.300s", what, reply->status,
                        text);
}
