/* server/api/policy_detail.h — policies of the store as records of the API.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Texts are borrowed from the rows, or live in the request's arena. */
#pragma once

#include "common/plan/policy_lint.h"
#include "common/wire/records_policies.h"
#include "server/http/http.h"
#include "server/policy/acts.h"
#include "server/policy/approval.h"

struct hm_api_policy hm_api_policy_of(const struct hm_policy_row *row);

/* Inside a session, with its approvals. whole: with document and envelope. */
enum hm_status hm_api_revision_read(struct hm_session *session, const struct hm_revision_row *row,
                                    const struct hm_trust_now *trust, bool whole,
                                    struct hm_arena *arena, struct hm_api_revision *out_revision,
                                    struct hm_err *err) HM_MUST_CHECK;

/* As many as a list may have, severest first. */
enum hm_status hm_api_lint_of(const struct hm_lint_problems *problems, struct hm_arena *arena,
                              struct hm_api_lint_list *out_list, struct hm_err *err) HM_MUST_CHECK;

/* Answers with the policy as it stands now. */
enum hm_status hm_api_policy_answer(struct hm_req *req, struct hm_reply *reply, const char *name,
                                    struct hm_err *err) HM_MUST_CHECK;

/* Who acts, from a request. Everything is copied into the arena; why may be NULL. policy_acts.c */
enum hm_status hm_api_act_by(const struct hm_req *req, struct hm_arena *arena, const char *why,
                             bool *out_live, struct hm_act_by *out_by,
                             struct hm_err *err) HM_MUST_CHECK;
