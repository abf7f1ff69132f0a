/* common/wire/records_agent.c — what agent and collector say to each other, and problems.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/records_shared.h"

#define DIGEST_BYTES 76 /* "blake2b-256:" and 64 hex digits */

static const struct hm_field enroll_fields[] = {
    HM_F(hm_enroll, token, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_TOKEN_BYTES,
         "join token"),
    HM_F(hm_enroll, name, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES, "host name"),
    HM_F(hm_enroll, labels, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_LABELS, "site=paris"),
    HM_F(hm_enroll, version, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "of the agent"),
};
const struct hm_record hm_record_enroll = HM_RECORD("enroll", hm_enroll, enroll_fields);

static const struct hm_field enrolled_fields[] = {
    HM_F(hm_enrolled, agent_id, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_ID_BYTES,
         "name of this agent for ever"),
    HM_F(hm_enrolled, secret, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_TOKEN_BYTES,
         "bearer token of this agent; shown once"),
    HM_F(hm_enrolled, interval_s, HM_TYPE_U32, HM_FIELD_REQUIRED, 1, HM_LIMIT_INTERVAL_S,
         "seconds between check-ins"),
    HM_F_RECORD_OPT(hm_enrolled, trust_root, &hm_record_envelope,
                    "whose signatures count; the agent pins it; absent: the fleet has none"),
};
const struct hm_record hm_record_enrolled = HM_RECORD("enrolled", hm_enrolled, enrolled_fields);

static const struct hm_field document_ref_fields[] = {
    HM_F(hm_document_ref, digest, HM_TYPE_STRING, HM_FIELD_REQUIRED, DIGEST_BYTES, DIGEST_BYTES,
         "over exactly the bytes of the body"),
    HM_F_OPT(hm_document_ref, bytes, HM_TYPE_U32, 1, HM_LIMIT_DOCUMENT_BYTES,
             "length of the body that follows; absent: none follows"),
};
static const struct hm_record record_document_ref =
    HM_RECORD("document_ref", hm_document_ref, document_ref_fields);

static const struct hm_field documents_fields[] = {
    HM_F_RECORD_OPT(hm_documents, inventory, &record_document_ref, "the inventory of now"),
    HM_F_RECORD_OPT(hm_documents, findings, &record_document_ref, "the agent's own judgement"),
    HM_F_RECORD_OPT(hm_documents, outcome, &record_document_ref, "what became of the policies"),
};
static const struct hm_record record_documents =
    HM_RECORD("documents", hm_documents, documents_fields);

static const struct hm_field checkin_fields[] = {
    HM_F(hm_checkin, boot_id, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_ID_BYTES,
         "changes with every boot"),
    HM_F(hm_checkin, seq, HM_TYPE_U64, HM_FIELD_REQUIRED, 0, 0,
         "one higher with each check-in of a boot; a retry repeats it"),
    HM_F(hm_checkin, version, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_ID_BYTES,
         "of the agent"),
    HM_F(hm_checkin, name, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "host name now"),
    HM_F_RECORD(hm_checkin, documents, HM_FIELD_REQUIRED, &record_documents,
                "what the agent holds now"),
    HM_F_RECORD_OPT(hm_checkin, sample, &hm_record_sample, "counters of now"),
    HM_F(hm_checkin, unsent_dropped, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0,
         "reports given up since the last answer"),
};
const struct hm_record hm_record_checkin = HM_RECORD("checkin", hm_checkin, checkin_fields);

static const struct hm_field checked_in_fields[] = {
    HM_F(hm_checked_in, interval_s, HM_TYPE_U32, HM_FIELD_REQUIRED, 1, HM_LIMIT_INTERVAL_S,
         "seconds until the next check-in"),
    HM_F(hm_checked_in, etag, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_TOKEN_BYTES,
         "of the desired state"),
    HM_F(hm_checked_in, need, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, 3,
         "documents whose bodies the collector lacks"),
};
const struct hm_record hm_record_checked_in =
    HM_RECORD("checked_in", hm_checked_in, checked_in_fields);

static const struct hm_field settings_fields[] = {
    HM_F(hm_settings, interval_s, HM_TYPE_U32, HM_FIELD_REQUIRED, 1, HM_LIMIT_INTERVAL_S,
         "seconds between check-ins"),
};
static const struct hm_record record_settings = HM_RECORD("settings", hm_settings, settings_fields);

static const struct hm_field desired_fields[] = {
    HM_F_RECORD(hm_desired, settings, HM_FIELD_REQUIRED, &record_settings, "how to run"),
    HM_F(hm_desired, catalogue_tag, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "names the catalogue; the agent says it next time"),
    HM_F_RECORDS_OPT(hm_desired, catalogue, HM_LIMIT_PRODUCTS, &hm_record_product,
                     "products and the ports they need, sorted by id; absent: as before"),
    HM_F(hm_desired, labels, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_LABELS,
         "of this host, as the collector knows them"),
    HM_F_RECORDS(hm_desired, trust, HM_FIELD_DEFAULT, HM_LIMIT_TRUST_ROOTS, &hm_record_envelope,
                 "trust roots, oldest first"),
    HM_F_RECORDS(hm_desired, policies, HM_FIELD_DEFAULT, HM_LIMIT_POLICIES, &hm_record_envelope,
                 "signed statements for this host; a missing one changes nothing"),
};
const struct hm_record hm_record_desired = HM_RECORD("desired", hm_desired, desired_fields);

static const struct hm_field problem_fields[] = {
    HM_F(hm_problem, type, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_NAME_BYTES,
         "urn:havenmaster:problem: and the code"),
    HM_F(hm_problem, title, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_TEXT_BYTES,
         "what the code means"),
    HM_F(hm_problem, status, HM_TYPE_U32, HM_FIELD_REQUIRED, 100, 599, "HTTP status"),
    HM_F(hm_problem, code, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "stable, for programs"),
    HM_F(hm_problem, detail, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_TEXT_BYTES,
         "what happened this time, and what to do"),
    HM_F(hm_problem, request_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "to find it in the collector's log"),
    HM_F(hm_problem, reenroll_token, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_TOKEN_BYTES,
         "one-use join token, with code clone_detected only"),
};
const struct hm_record hm_record_problem = HM_RECORD("problem", hm_problem, problem_fields);
