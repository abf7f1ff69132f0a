/* common/wire/records_signed.c — envelopes, what they hold, and the keys that sign.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/crypto/digest.h"
#include "common/crypto/id.h"
#include "common/wire/records_shared.h"
#include "common/wire/signed.h"

#define DIGEST_CHARS (HM_DIGEST_TEXT_BYTES - 1)
#define FLEET_CHARS (HM_ID_TEXT_BYTES - 1)
#define PUBLIC_KEY_CHARS (HM_PUBLIC_KEY_TEXT_BYTES - 1)
#define KEY_ID_CHARS (HM_KEY_ID_TEXT_BYTES - 1)
enum { PAYLOAD_CHARS = HM_LIMIT_SIGNED_BODY_BYTES / 3 * 4 };

/* A text whose JSON name is not the member's: DSSE names its own. */
#define HM_F_NAMED(n, s, m, fl, hi, h)                                                             \
    {                                                                                              \
        n, HM_TYPE_STRING, fl, offsetof(struct s, m), 0, 0, hi, NULL, NULL, h                      \
    }

static const struct hm_field signature_fields[] = {
    HM_F_NAMED("keyid", hm_signature, key_id, HM_FIELD_DEFAULT, HM_LIMIT_NAME_BYTES,
               "whose signature: a hint, not signed itself"),
    HM_F_NAMED("sig", hm_signature, signature, HM_FIELD_REQUIRED, HM_LIMIT_NAME_BYTES,
               "base64 of the signature"),
};
static const struct hm_record record_signature =
    HM_RECORD("signature", hm_signature, signature_fields);

static const struct hm_field envelope_fields[] = {
    HM_F_NAMED("payload", hm_envelope, payload, HM_FIELD_REQUIRED, PAYLOAD_CHARS,
               "base64 of the exact bytes that are signed"),
    HM_F_NAMED("payloadType", hm_envelope, type, HM_FIELD_REQUIRED, HM_LIMIT_NAME_BYTES,
               "what the payload is; signed too"),
    HM_F_RECORDS(hm_envelope, signatures, HM_FIELD_REQUIRED, HM_LIMIT_SIGNATURES, &record_signature,
                 "each counts once a key"),
};
const struct hm_record hm_record_envelope = HM_RECORD("envelope", hm_envelope, envelope_fields);

static const struct hm_field signing_key_fields[] = {
    HM_F(hm_signing_key, version, HM_TYPE_U32, HM_FIELD_REQUIRED, HM_KEY_VERSION, HM_KEY_VERSION,
         "of this form: 1 is Argon2id and XChaCha20-Poly1305"),
    HM_F(hm_signing_key, name, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "whose key it is"),
    HM_F(hm_signing_key, public_key, HM_TYPE_STRING, HM_FIELD_REQUIRED, PUBLIC_KEY_CHARS,
         PUBLIC_KEY_CHARS, "the half that others may know"),
    HM_F(hm_signing_key, key_id, HM_TYPE_STRING, HM_FIELD_REQUIRED, KEY_ID_CHARS, KEY_ID_CHARS,
         "short name of the key"),
    HM_F(hm_signing_key, created, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "when it was made"),
    HM_F(hm_signing_key, ops, HM_TYPE_U32, HM_FIELD_REQUIRED, 1, HM_LIMIT_KDF_OPS,
         "Argon2id: passes over the memory"),
    HM_F(hm_signing_key, memory_kib, HM_TYPE_U32, HM_FIELD_REQUIRED, HM_LIMIT_KDF_KIB_MIN,
         HM_LIMIT_KDF_KIB, "Argon2id: memory that one try takes"),
    HM_F(hm_signing_key, salt, HM_TYPE_STRING, HM_FIELD_REQUIRED, 24, 24, "base64 of 16 bytes"),
    HM_F(hm_signing_key, nonce, HM_TYPE_STRING, HM_FIELD_REQUIRED, 32, 32, "base64 of 24 bytes"),
    HM_F(hm_signing_key, sealed, HM_TYPE_STRING, HM_FIELD_REQUIRED, 64, 64,
         "base64 of the sealed seed, 48 bytes"),
    HM_F(hm_signing_key, check, HM_TYPE_STRING, HM_FIELD_REQUIRED, DIGEST_CHARS, DIGEST_CHARS,
         "digest of all of the above: tells damage from a wrong passphrase"),
};
const struct hm_record hm_record_signing_key =
    HM_RECORD("signing_key", hm_signing_key, signing_key_fields);

static const struct hm_field approver_fields[] = {
    HM_F(hm_approver, name, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "unique, letter case aside"),
    HM_F(hm_approver, public_key, HM_TYPE_STRING, HM_FIELD_REQUIRED, PUBLIC_KEY_CHARS,
         PUBLIC_KEY_CHARS, "unique, too"),
};
const struct hm_record hm_record_approver = HM_RECORD("approver", hm_approver, approver_fields);

static const struct hm_field trust_root_fields[] = {
    HM_F(hm_trust_root, version, HM_TYPE_U64, HM_FIELD_REQUIRED, 1, 0,
         "one higher with each root that follows"),
    HM_F(hm_trust_root, fleet, HM_TYPE_STRING, HM_FIELD_REQUIRED, FLEET_CHARS, FLEET_CHARS,
         "whose policies may be approved"),
    HM_F(hm_trust_root, threshold, HM_TYPE_U32, HM_FIELD_REQUIRED, 1, HM_LIMIT_APPROVERS,
         "how many approvers must sign"),
    HM_F(hm_trust_root, single_operator, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "the only approver may approve what they wrote"),
    HM_F_RECORDS(hm_trust_root, approvers, HM_FIELD_REQUIRED, HM_LIMIT_APPROVERS,
                 &hm_record_approver, "whose signatures count"),
};
const struct hm_record hm_record_trust_root =
    HM_RECORD("trust_root", hm_trust_root, trust_root_fields);

static const struct hm_field statement_fields[] = {
    HM_F(hm_statement, fleet, HM_TYPE_STRING, HM_FIELD_REQUIRED, FLEET_CHARS, FLEET_CHARS,
         "the only fleet it is for"),
    HM_F(hm_statement, policy, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "name of the policy"),
    HM_F(hm_statement, revision, HM_TYPE_U64, HM_FIELD_REQUIRED, 1, 0,
         "of the policy; a lower one than was seen is refused"),
    HM_F(hm_statement, digest, HM_TYPE_STRING, HM_FIELD_REQUIRED, DIGEST_CHARS, DIGEST_CHARS,
         "over exactly the bytes of the policy document"),
    HM_F(hm_statement, content, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_POLICY_BYTES,
         "the policy document; absent: it travels beside"),
    HM_F(hm_statement, match, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_MATCH_BYTES,
         "whom it is for"),
    HM_F(hm_statement, author, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "who wrote it, and cannot be its only approver"),
    HM_F(hm_statement, author_key_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "the author's own key; absent: has none"),
    HM_F(hm_statement, expires, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0,
         "from then on nobody takes it"),
};
const struct hm_record hm_record_statement = HM_RECORD("statement", hm_statement, statement_fields);
