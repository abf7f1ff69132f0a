/* server/api/records.h — rows of the store as records of the API.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Texts are borrowed from the rows. is_past: the answer is about an earlier time, so what the
 * fleet knows of now is left out. Threads: pure but for asking the fleet. */
#pragma once

#include "common/wire/records_policies.h"
#include "server/app.h"
#include "server/http/http.h"
#include "server/store/entities_policy.h"

struct hm_api_host hm_api_host_of(const struct hm_app *app, const struct hm_host_row *row,
                                  int64_t now_ms, bool is_past);
struct hm_api_verdict hm_api_verdict_of(const struct hm_app *app, const struct hm_verdict_row *row,
                                        int64_t now_ms, bool is_past);
struct hm_api_finding hm_api_finding_of(const struct hm_app *app, const struct hm_finding_row *row,
                                        int64_t now_ms, bool is_past);
struct hm_api_document hm_api_document_of(const struct hm_document_row *row);
struct hm_api_event hm_api_event_of(const struct hm_event *row);
struct hm_api_token hm_api_token_of(const struct hm_token_row *row);
/* Notes are decoded into the arena. */
enum hm_status hm_api_host_policy_of(const struct hm_app *app, const struct hm_host_policy_row *row,
                                     int64_t now_ms, struct hm_arena *arena,
                                     struct hm_api_host_policy *out_policy,
                                     struct hm_err *err) HM_MUST_CHECK;

/* An event of what this request does: who, from where, when, why; copies in the arena. The rest
 * is "". why may be NULL. */
struct hm_event hm_api_event_by(const struct hm_req *req, struct hm_arena *arena, const char *kind,
                                const char *why);
