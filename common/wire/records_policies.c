/* common/wire/records_policies.c — field tables of policies, trust, and how far hosts are.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/records_policies.h"

#include "common/crypto/digest.h"
#include "common/wire/records_shared.h"

static const struct hm_field lint_problem_fields[] = {
    HM_F_TEXT(hm_api_lint_problem, code, REQUIRED, HM_LIMIT_NAME_BYTES, "stable"),
    HM_F_TEXT(hm_api_lint_problem, severity, REQUIRED, HM_LIMIT_NAME_BYTES,
              "note, warning, or error: that keeps it from being submitted"),
    HM_F_TEXT(hm_api_lint_problem, other, DEFAULT, HM_LIMIT_NAME_BYTES,
              "policy that it is about too"),
    HM_F_TEXT(hm_api_lint_problem, text, REQUIRED, HM_LIMIT_TEXT_BYTES,
              "what is wrong and what to do"),
};
static const struct hm_record record_lint_problem =
    HM_RECORD("lint_problem", hm_api_lint_problem, lint_problem_fields);

static const struct hm_field lint_fields[] = {
    HM_F_RECORDS(hm_api_lint, problems, HM_FIELD_WRITTEN, HM_LIMIT_PAGE_ROWS, &record_lint_problem,
                 "severest first"),
};
const struct hm_record hm_record_api_lint = HM_RECORD("lint", hm_api_lint, lint_fields);

static const struct hm_field policy_fields[] = {
    HM_F_TEXT(hm_api_policy, name, REQUIRED, HM_LIMIT_ID_BYTES, "of the policy"),
    HM_F_TEXT(hm_api_policy, owner, WRITTEN, HM_LIMIT_NAME_BYTES, "who answers for it"),
    HM_F_TEXT(hm_api_policy, reason, WRITTEN, HM_LIMIT_TEXT_BYTES, "why it is there"),
    HM_F_TEXT(hm_api_policy, mode, REQUIRED, HM_LIMIT_NAME_BYTES, "audit, enforce or retire"),
    HM_F(hm_api_policy, review, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0,
         "by when somebody looks at it again"),
    HM_F(hm_api_policy, newest, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, 0, "highest revision"),
    HM_F_TEXT(hm_api_policy, state, REQUIRED, HM_LIMIT_NAME_BYTES,
              "of the newest: draft, submitted, rejected, approved, active, paused, retired, "
              "superseded, withdrawn"),
    HM_F(hm_api_policy, live, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0,
         "revision that hosts are offered; absent: none"),
    HM_F_TEXT(hm_api_policy, live_state, DEFAULT, HM_LIMIT_NAME_BYTES, "active, paused, retired"),
    HM_F(hm_api_policy, created, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "first revision"),
    HM_F(hm_api_policy, changed, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "last act on it"),
    HM_F(hm_api_policy, ends, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0,
         "when the live revision's approval ends: hosts then take it back"),
};
const struct hm_record hm_record_api_policy =
    HM_RECORD("policy_summary", hm_api_policy, policy_fields);

static const struct hm_field policies_fields[] = {
    HM_F_RECORDS(hm_api_policies, items, HM_FIELD_REQUIRED, HM_LIMIT_PAGE_ROWS,
                 &hm_record_api_policy, "by name"),
    HM_F_NEXT(hm_api_policies),
};
const struct hm_record hm_record_api_policies =
    HM_RECORD("policies", hm_api_policies, policies_fields);

static const struct hm_field approval_fields[] = {
    HM_F_TEXT(hm_api_approval, approver, REQUIRED, HM_LIMIT_NAME_BYTES, "name in the trust root"),
    HM_F_TEXT(hm_api_approval, key_id, REQUIRED, HM_LIMIT_NAME_BYTES, "of the key that signed"),
    HM_F_TEXT(hm_api_approval, actor, WRITTEN, HM_LIMIT_NAME_BYTES, "whose token brought it"),
    HM_F_TEXT(hm_api_approval, comment, DEFAULT, HM_LIMIT_TEXT_BYTES, "that came with it"),
    HM_F(hm_api_approval, at, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "when it came"),
};
static const struct hm_record record_approval =
    HM_RECORD("approval", hm_api_approval, approval_fields);

static const struct hm_field revision_fields[] = {
    HM_F_TEXT(hm_api_revision, policy, REQUIRED, HM_LIMIT_ID_BYTES, "name of the policy"),
    HM_F(hm_api_revision, revision, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, 0, "1, 2, 3 …"),
    HM_F_TEXT(hm_api_revision, state, REQUIRED, HM_LIMIT_NAME_BYTES,
              "draft, submitted, rejected, approved, active, paused, retired, superseded, "
              "withdrawn"),
    HM_F_TEXT(hm_api_revision, mode, REQUIRED, HM_LIMIT_NAME_BYTES, "audit, enforce or retire"),
    HM_F_TEXT(hm_api_revision, author, REQUIRED, HM_LIMIT_NAME_BYTES, "who wrote it"),
    HM_F_TEXT(hm_api_revision, digest, REQUIRED, HM_LIMIT_NAME_BYTES, "of the document's bytes"),
    HM_F_TEXT(hm_api_revision, why, DEFAULT, HM_LIMIT_TEXT_BYTES, "the last comment"),
    HM_F(hm_api_revision, created, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "when it was written"),
    HM_F(hm_api_revision, changed, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "last act on it"),
    HM_F(hm_api_revision, submitted, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0,
         "when its statement was made"),
    HM_F(hm_api_revision, approved, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0,
         "when the last signature that was needed came"),
    HM_F(hm_api_revision, activated, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0,
         "since when hosts are offered it"),
    HM_F(hm_api_revision, expires, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0,
         "from then on no host takes the statement"),
    HM_F(hm_api_revision, threshold, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0,
         "signatures that are needed now; absent: there is no trust root yet"),
    HM_F_RECORDS(hm_api_revision, approvals, HM_FIELD_WRITTEN, HM_LIMIT_SIGNATURES,
                 &record_approval, "signatures so far"),
    HM_F_TEXT(hm_api_revision, document, DEFAULT, HM_LIMIT_POLICY_BYTES,
              "the policy as JSON: exactly the bytes that are signed; absent in lists"),
    HM_F_RECORD_OPT(hm_api_revision, envelope, &hm_record_envelope,
                    "from submission on: what approvers sign"),
};
const struct hm_record hm_record_api_revision =
    HM_RECORD("policy_revision", hm_api_revision, revision_fields);

static const struct hm_field revisions_fields[] = {
    HM_F_RECORDS(hm_api_revisions, items, HM_FIELD_REQUIRED, HM_LIMIT_PAGE_ROWS,
                 &hm_record_api_revision, "newest first, without documents and envelopes"),
    HM_F_NEXT(hm_api_revisions),
};
const struct hm_record hm_record_api_revisions =
    HM_RECORD("policy_revisions", hm_api_revisions, revisions_fields);

static const struct hm_field policy_detail_fields[] = {
    HM_F_RECORD(hm_api_policy_detail, policy, HM_FIELD_REQUIRED, &hm_record_api_policy,
                "as in the list"),
    HM_F_RECORD(hm_api_policy_detail, newest, HM_FIELD_REQUIRED, &hm_record_api_revision,
                "highest revision"),
    HM_F_RECORD_OPT(hm_api_policy_detail, live, &hm_record_api_revision,
                    "what hosts are offered, when it is another revision"),
    HM_F_RECORDS(hm_api_policy_detail, problems, HM_FIELD_WRITTEN, HM_LIMIT_PAGE_ROWS,
                 &record_lint_problem, "of the newest, as things stand now"),
};
const struct hm_record hm_record_api_policy_detail =
    HM_RECORD("policy_detail", hm_api_policy_detail, policy_detail_fields);

static const struct hm_field policy_act_fields[] = {
    HM_F(hm_api_policy_act, revision, HM_TYPE_U32, HM_FIELD_REQUIRED, 1, 0,
         "that you have looked at; when another one is newest, nothing is done"),
    HM_F_TEXT(hm_api_policy_act, comment, DEFAULT, HM_LIMIT_TEXT_BYTES,
              "kept in the event; reject and retire need one"),
    HM_F_RECORD_OPT(hm_api_policy_act, envelope, &hm_record_envelope,
                    "approve: the revision's own, with your signature added"),
    HM_F(hm_api_policy_act, valid_s, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, HM_LIMIT_STATEMENT_VALID_S,
         "submit and retire: how long hosts may take it; absent: 400 days"),
};
const struct hm_record hm_record_api_policy_act =
    HM_RECORD("policy_act", hm_api_policy_act, policy_act_fields);

static const struct hm_field trust_fields[] = {
    HM_F_TEXT(hm_api_trust, fleet, REQUIRED, HM_LIMIT_ID_BYTES, "id of this fleet"),
    HM_F(hm_api_trust, version, HM_TYPE_U64, HM_FIELD_WRITTEN, 0, 0,
         "of the newest trust root; 0: there is none yet"),
    HM_F(hm_api_trust, threshold, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "signatures that it needs"),
    HM_F(hm_api_trust, single_operator, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "the only approver may approve what they wrote"),
    HM_F_RECORDS(hm_api_trust, approvers, HM_FIELD_WRITTEN, HM_LIMIT_APPROVERS, &hm_record_approver,
                 "whose signatures count"),
    HM_F_RECORDS(hm_api_trust, roots, HM_FIELD_WRITTEN, HM_LIMIT_TRUST_ROOTS, &hm_record_envelope,
                 "oldest first"),
};
const struct hm_record hm_record_api_trust = HM_RECORD("trust", hm_api_trust, trust_fields);

static const struct hm_field host_policy_fields[] = {
    HM_F(hm_api_host_policy, id, HM_TYPE_U64, HM_FIELD_REQUIRED, 0, 0, "key of the row"),
    HM_F_TEXT(hm_api_host_policy, host_id, REQUIRED, HM_LIMIT_NAME_BYTES, "agent id"),
    HM_F_TEXT(hm_api_host_policy, host, REQUIRED, HM_LIMIT_NAME_BYTES, "host name"),
    HM_F(hm_api_host_policy, silent, HM_TYPE_BOOL, HM_FIELD_WRITTEN, 0, 0,
         "the host no longer reports: its state is not known"),
    HM_F_TEXT(hm_api_host_policy, policy, REQUIRED, HM_LIMIT_NAME_BYTES, "name of the policy"),
    HM_F(hm_api_host_policy, revision, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, 0, "of the policy"),
    HM_F_TEXT(hm_api_host_policy, mode, REQUIRED, HM_LIMIT_NAME_BYTES, "audit, enforce or retire"),
    HM_F_TEXT(hm_api_host_policy, state, REQUIRED, HM_LIMIT_NAME_BYTES,
              "offered, waiting, applied, verified, repaired, failed, refused, retired"),
    HM_F_TEXT(hm_api_host_policy, why, DEFAULT, HM_LIMIT_NAME_BYTES,
              "what a waiting one waits for"),
    HM_F_TEXT(hm_api_host_policy, code, DEFAULT, HM_LIMIT_NAME_BYTES,
              "why a refused one was refused"),
    HM_F_TEXT(hm_api_host_policy, text, DEFAULT, HM_LIMIT_TEXT_BYTES, "one sentence of the agent"),
    HM_F(hm_api_host_policy, excepted, HM_TYPE_BOOL, HM_FIELD_WRITTEN, 0, 0,
         "an exception counts now"),
    HM_F(hm_api_host_policy, repairs, HM_TYPE_U32, HM_FIELD_WRITTEN, 0, 0,
         "times that somebody's change of it was undone"),
    HM_F(hm_api_host_policy, offered, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0,
         "of this revision, as all below"),
    HM_F(hm_api_host_policy, received, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0, "first told by it"),
    HM_F(hm_api_host_policy, applied, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0, "first applied"),
    HM_F(hm_api_host_policy, verified, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0,
         "first read again from the system"),
    HM_F(hm_api_host_policy, repaired, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0, "last repair"),
    HM_F(hm_api_host_policy, retired, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0, "taken back"),
    HM_F(hm_api_host_policy, failing_since, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0,
         "start of the unbroken run of failed and waiting states"),
    HM_F(hm_api_host_policy, changed, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "start of the state"),
    HM_F_RECORDS(hm_api_host_policy, notes, HM_FIELD_DEFAULT, HM_LIMIT_PAGE_ROWS,
                 &hm_record_plan_note, "what was not done, and why; taken, busy: with the holder"),
};
static const struct hm_record record_host_policy =
    HM_RECORD("host_policy", hm_api_host_policy, host_policy_fields);

static const struct hm_field host_policies_fields[] = {
    HM_F_RECORDS(hm_api_host_policies, items, HM_FIELD_REQUIRED, HM_LIMIT_PAGE_ROWS,
                 &record_host_policy, "in the order of their keys"),
    HM_F_NEXT(hm_api_host_policies),
};
const struct hm_record hm_record_api_host_policies =
    HM_RECORD("host_policies", hm_api_host_policies, host_policies_fields);

static const struct hm_field compliance_row_fields[] = {
    HM_F_TEXT(hm_api_compliance_row, policy, DEFAULT, HM_LIMIT_NAME_BYTES,
              "absent: all policies together, a host by its worst"),
    HM_F_TEXT(hm_api_compliance_row, group, DEFAULT, HM_LIMIT_NAME_BYTES,
              "value of the label; absent: without grouping, or the host lacks it"),
    HM_F(hm_api_compliance_row, hosts, HM_TYPE_U64, HM_FIELD_WRITTEN, 0, 0, "all of the below"),
    HM_F(hm_api_compliance_row, compliant, HM_TYPE_U64, HM_FIELD_WRITTEN, 0, 0,
         "verified or repaired, and heard of lately"),
    HM_F(hm_api_compliance_row, pending, HM_TYPE_U64, HM_FIELD_WRITTEN, 0, 0,
         "offered, waiting, applied"),
    HM_F(hm_api_compliance_row, noncompliant, HM_TYPE_U64, HM_FIELD_WRITTEN, 0, 0,
         "failed, refused"),
    HM_F(hm_api_compliance_row, unknown, HM_TYPE_U64, HM_FIELD_WRITTEN, 0, 0, "silent, cloned"),
    HM_F(hm_api_compliance_row, excepted, HM_TYPE_U64, HM_FIELD_WRITTEN, 0, 0,
         "would be pending or noncompliant, and somebody answers for it"),
    HM_F(hm_api_compliance_row, audit, HM_TYPE_U64, HM_FIELD_WRITTEN, 0, 0,
         "mode audit: would be changed in mode enforce"),
    HM_F(hm_api_compliance_row, failing_since, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0,
         "the oldest of the noncompliant and pending"),
};
static const struct hm_record record_compliance_row =
    HM_RECORD("compliance_row", hm_api_compliance_row, compliance_row_fields);

static const struct hm_field compliance_fields[] = {
    HM_F(hm_api_compliance, at, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "when it was counted"),
    HM_F_RECORD(hm_api_compliance, fleet, HM_FIELD_REQUIRED, &record_compliance_row,
                "a host counts once, by its worst"),
    HM_F_RECORDS(hm_api_compliance, items, HM_FIELD_REQUIRED, HM_LIMIT_PAGE_ROWS,
                 &record_compliance_row, "by policy, group"),
};
const struct hm_record hm_record_api_compliance =
    HM_RECORD("compliance", hm_api_compliance, compliance_fields);

static const struct hm_field exception_fields[] = {
    HM_F_TEXT(hm_api_exception, id, REQUIRED, HM_LIMIT_ID_BYTES, "of the exception"),
    HM_F_TEXT(hm_api_exception, policy, DEFAULT, HM_LIMIT_NAME_BYTES, "absent: every policy"),
    HM_F_TEXT(hm_api_exception, host_id, REQUIRED, HM_LIMIT_NAME_BYTES, "agent id"),
    HM_F_TEXT(hm_api_exception, host, WRITTEN, HM_LIMIT_NAME_BYTES, "host name"),
    HM_F_TEXT(hm_api_exception, reason, REQUIRED, HM_LIMIT_TEXT_BYTES, "why"),
    HM_F_TEXT(hm_api_exception, approver, REQUIRED, HM_LIMIT_NAME_BYTES, "who answers for it"),
    HM_F(hm_api_exception, created, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "when it was made"),
    HM_F(hm_api_exception, expires, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0,
         "from then on it counts no more"),
    HM_F(hm_api_exception, revoked, HM_TYPE_BOOL, HM_FIELD_WRITTEN, 0, 0, "counts no more"),
};
const struct hm_record hm_record_api_exception =
    HM_RECORD("exception", hm_api_exception, exception_fields);

static const struct hm_field exceptions_fields[] = {
    HM_F_RECORDS(hm_api_exceptions, items, HM_FIELD_REQUIRED, HM_LIMIT_PAGE_ROWS,
                 &hm_record_api_exception, "by id"),
    HM_F_NEXT(hm_api_exceptions),
};
const struct hm_record hm_record_api_exceptions =
    HM_RECORD("exceptions", hm_api_exceptions, exceptions_fields);

static const struct hm_field exception_new_fields[] = {
    HM_F_TEXT(hm_api_exception_new, policy, DEFAULT, HM_LIMIT_NAME_BYTES, "absent: every policy"),
    HM_F(hm_api_exception_new, host, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "agent id or host name"),
    HM_F(hm_api_exception_new, reason, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_TEXT_BYTES,
         "why"),
    HM_F(hm_api_exception_new, expires, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0,
         "from then on it counts no more"),
};
const struct hm_record hm_record_api_exception_new =
    HM_RECORD("exception_new", hm_api_exception_new, exception_new_fields);
