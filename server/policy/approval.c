/* server/policy/approval.c — statements and signatures of a revision, measured by the trust root.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/policy/approval.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/wire/records.h"

/* What we stored ourselves is no input: somebody else's hand, or the disk's. */
static enum hm_status damaged(enum hm_status st, const struct hm_err *why, const char *what,
                              struct hm_err *err)
{
    return hm_fail(err, st == HM_ENOMEM ? st : HM_EIO, "%s in the database is damaged: %s", what,
                   why->text);
}

static enum hm_status read_stored(const struct hm_record *record, const char *text,
                                  struct hm_arena *arena, void *out, struct hm_err *err)
{
    struct hm_err why = {.status = HM_OK};
    enum hm_status st = hm_record_decode(record, text, strlen(text), false, arena, out, NULL, &why);

    return st == HM_OK ? st : damaged(st, &why, record->name, err);
}

enum hm_status hm_envelope_read(const char *text, struct hm_arena *arena,
                                struct hm_envelope *out_envelope, struct hm_err *err)
{
    return read_stored(&hm_record_envelope, text, arena, out_envelope, err);
}

enum hm_status hm_revision_document(const struct hm_revision_row *row, struct hm_arena *arena,
                                    struct hm_policy *out_policy, struct hm_err *err)
{
    return read_stored(&hm_record_policy, row->document, arena, out_policy, err);
}

/* Any record as JSON in the arena. */
static enum hm_status encode(const struct hm_record *record, const void *in, size_t cap,
                             struct hm_arena *arena, const char **out_text, struct hm_err *err)
{
    struct hm_buf json;
    const char *text;
    enum hm_status st;

    hm_buf_init(&json, cap);
    st = hm_record_encode(record, in, &json, err);
    if (st == HM_OK) {
        text = hm_arena_strndup(arena, hm_buf_text(&json), json.len);
        if (text == NULL) {
            st = hm_fail(err, HM_ENOMEM, "no memory for a %s", record->name);
        } else {
            *out_text = text;
        }
    }
    hm_buf_fini(&json);
    return st;
}

enum hm_status hm_envelope_text(const struct hm_envelope *envelope, struct hm_arena *arena,
                                const char **out_text, struct hm_err *err)
{
    return encode(&hm_record_envelope, envelope, HM_LIMIT_SIGNED_BYTES, arena, out_text, err);
}

enum hm_status hm_trust_now(struct hm_session *s, int64_t now_ms, struct hm_arena *arena,
                            struct hm_trust_now *out_trust, struct hm_err *err)
{
    struct hm_trust_now trust = {.has_root = false};
    struct hm_err why = {.status = HM_OK};
    struct hm_envelope envelope;
    enum hm_status st = hm_fleet_id_ensure(s, now_ms, arena, &trust.fleet, err);

    if (st == HM_OK) {
        st = hm_trust_list(s, arena, &trust.rows, err);
    }
    if (st == HM_OK && trust.rows.count > 0) {
        trust.has_root = true;
        st = hm_envelope_read(trust.rows.at[trust.rows.count - 1].envelope, arena, &envelope, err);
        if (st == HM_OK && hm_trust_root_decode(&envelope, arena, &trust.root, &why) != HM_OK) {
            st = damaged(why.status, &why, "trust root", err);
        }
    }
    if (st == HM_OK) {
        *out_trust = trust;
    }
    return st;
}

enum hm_status hm_revision_state_it(struct hm_revision_row *row, const struct hm_policy *policy,
                                    const char *fleet, uint32_t valid_s, int64_t now_ms,
                                    struct hm_arena *arena, struct hm_err *err)
{
    const uint32_t seconds =
        valid_s == 0 || valid_s > HM_LIMIT_STATEMENT_VALID_S ? HM_LIMIT_STATEMENT_VALID_S : valid_s;
    struct hm_statement statement = {
        .fleet = fleet,
        .policy = row->policy,
        .revision = row->revision,
        .digest = row->digest,
        .content = row->document,
        .author = row->author,
        .author_key_id = "",
        .expires = now_ms + (int64_t)seconds * 1000,
    };
    struct hm_envelope envelope;
    const char *text;
    enum hm_status st;

    if (policy->has_expires && policy->expires < statement.expires) {
        statement.expires = policy->expires;
    }
    st = encode(&hm_record_match, &policy->match, HM_LIMIT_MATCH_BYTES, arena, &statement.match,
                err);
    if (st == HM_OK) {
        st = hm_statement_encode(&statement, arena, &envelope, err);
    }
    if (st == HM_OK) {
        st = hm_envelope_text(&envelope, arena, &text, err);
    }
    if (st == HM_OK) {
        row->envelope = text;
        row->expires_ms = statement.expires;
    }
    return st;
}

static enum hm_status read_keys(const struct hm_trust_root *root,
                                struct hm_public_key keys[HM_LIMIT_APPROVERS], struct hm_err *err)
{
    enum hm_status st = hm_trust_root_check(root, err); /* the count is within its cap */

    for (size_t i = 0; st == HM_OK && i < root->approvers.count; i++) {
        st = hm_public_key_parse(root->approvers.at[i].public_key, &keys[i], err);
    }
    return st;
}

/* One signature by itself: whose it is. */
static enum hm_status find_signer(const struct hm_envelope *given, size_t at,
                                  const struct hm_trust_root *root,
                                  const struct hm_public_key *keys, struct hm_arena *arena,
                                  size_t *out_by, struct hm_err *err)
{
    struct hm_envelope one = {
        given->payload, given->type, {&given->signatures.at[at], 1}
    };
    struct hm_envelope_signers signers;
    enum hm_status st = hm_envelope_verify(&one, HM_SIGNED_STATEMENT, keys, root->approvers.count,
                                           arena, &signers, err);

    if (st != HM_OK) {
        return st;
    }
    for (size_t i = 0; i < root->approvers.count; i++) {
        if (signers.by[i]) {
            *out_by = i;
            return HM_OK;
        }
    }
    return signers.wrong > 0
               ? hm_fail_code(err, HM_EDENIED, HM_REFUSED_ALTERED,
                              "signature %zu names an approver's key, but is none of it over "
                              "this statement",
                              at + 1)
               : hm_fail_code(err, HM_EDENIED, HM_REFUSED_UNKNOWN_KEY,
                              "signature %zu was made by no approver of this fleet: \"hmctl trust "
                              "show\" lists them",
                              at + 1);
}

static bool has_signature(const struct hm_envelope *envelope, const struct hm_signature *signature)
{
    for (size_t i = 0; i < envelope->signatures.count; i++) {
        if (strcmp(envelope->signatures.at[i].signature, signature->signature) == 0) {
            return true;
        }
    }
    return false;
}

/* The signature under the key's own id, whatever it came with. */
static enum hm_status add_signature(struct hm_envelope *into, const char *signature,
                                    const struct hm_public_key *key, struct hm_arena *arena,
                                    struct hm_err *err)
{
    struct hm_signature *at;
    char *key_id = hm_arena_alloc(arena, 1, HM_KEY_ID_TEXT_BYTES);

    if (into->signatures.count >= HM_LIMIT_SIGNATURES) {
        return hm_fail(err, HM_ETOOBIG, "this statement has %u signatures already",
                       HM_LIMIT_SIGNATURES);
    }
    at = hm_arena_alloc(arena, into->signatures.count + 1, sizeof(*at));
    if (at == NULL || key_id == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a signature");
    }
    if (into->signatures.count > 0) {
        memcpy(at, into->signatures.at, into->signatures.count * sizeof(*at));
    }
    hm_public_key_id(key, key_id);
    at[into->signatures.count] = (struct hm_signature){key_id, signature};
    into->signatures.at = at;
    into->signatures.count++;
    return HM_OK;
}

static enum hm_status merge(struct hm_envelope *into, const struct hm_envelope *given,
                            const struct hm_trust_root *root, const struct hm_public_key *keys,
                            struct hm_arena *arena, struct hm_approval_taken *taken,
                            struct hm_err *err)
{
    enum hm_status st = HM_OK;
    size_t by = 0;

    for (size_t i = 0; st == HM_OK && i < given->signatures.count; i++) {
        const struct hm_signature *signature = &given->signatures.at[i];

        if (has_signature(into, signature)) {
            continue;
        }
        st = find_signer(given, i, root, keys, arena, &by, err);
        if (st == HM_OK) {
            st = add_signature(into, signature->signature, &keys[by], arena, err);
        }
        if (st == HM_OK) {
            taken->by[taken->count++] = by;
        }
    }
    return st;
}

static enum hm_status check_given(const struct hm_revision_row *row,
                                  const struct hm_envelope *stored, const struct hm_envelope *given,
                                  const struct hm_trust_now *trust, int64_t now_ms,
                                  struct hm_err *err)
{
    if (!trust->has_root) {
        return hm_fail_code(err, HM_EDENIED, "no_trust_root",
                            "this fleet has no approvers yet: \"hmctl trust\" enrols the first");
    }
    if (strcmp(stored->payload, given->payload) != 0 || strcmp(stored->type, given->type) != 0) {
        return hm_fail_code(err, HM_EDENIED, HM_REFUSED_ALTERED,
                            "what was signed is not what was submitted: fetch revision %u of "
                            "policy \"%s\" again, look at it, and sign that",
                            row->revision, row->policy);
    }
    if (row->expires_ms <= now_ms) {
        return hm_fail_code(err, HM_EDENIED, HM_REFUSED_EXPIRED,
                            "the statement has expired: edit the policy and submit it again");
    }
    return HM_OK;
}

/* Are they enough? Signatures of people who are no approvers any more do not count. */
static enum hm_status count_signers(const struct hm_envelope *envelope,
                                    const struct hm_trust_now *trust,
                                    const struct hm_public_key *keys, int64_t now_ms,
                                    struct hm_arena *arena, struct hm_approval_taken *taken,
                                    struct hm_err *err)
{
    const struct hm_statement_ctx ctx = {
        .root = &trust->root, .fleet = trust->fleet, .now_ms = now_ms};
    struct hm_envelope_signers signers;
    struct hm_statement statement;
    enum hm_status st = hm_envelope_verify(envelope, HM_SIGNED_STATEMENT, keys,
                                           trust->root.approvers.count, arena, &signers, err);

    if (st != HM_OK) {
        return st;
    }
    taken->signed_by = signers.count;
    if (signers.count < trust->root.threshold) {
        return HM_OK;
    }
    st = hm_statement_check(envelope, &ctx, arena, &statement, NULL, err);
    taken->enough = st == HM_OK;
    return st;
}

enum hm_status hm_revision_sign(struct hm_revision_row *row, const struct hm_envelope *given,
                                const struct hm_trust_now *trust, int64_t now_ms,
                                struct hm_arena *arena, struct hm_approval_taken *out_taken,
                                struct hm_err *err)
{
    struct hm_public_key keys[HM_LIMIT_APPROVERS];
    struct hm_approval_taken taken = {.count = 0};
    struct hm_envelope stored;
    const char *text;
    enum hm_status st = hm_envelope_read(row->envelope, arena, &stored, err);

    if (st == HM_OK) {
        st = check_given(row, &stored, given, trust, now_ms, err);
    }
    if (st == HM_OK) {
        st = read_keys(&trust->root, keys, err);
    }
    if (st == HM_OK) {
        st = merge(&stored, given, &trust->root, keys, arena, &taken, err);
    }
    if (st == HM_OK) {
        st = count_signers(&stored, trust, keys, now_ms, arena, &taken, err);
    }
    if (st == HM_OK && taken.count == 0 && (!taken.enough || row->state != HM_REVISION_SUBMITTED)) {
        st = hm_fail_code(err, HM_ECONFLICT, "signed_already",
                          "there is no new signature in the envelope: %zu of %u are here",
                          taken.signed_by, trust->root.threshold);
    }
    if (st == HM_OK) {
        st = hm_envelope_text(&stored, arena, &text, err);
    }
    if (st == HM_OK) {
        row->envelope = text;
        *out_taken = taken;
    }
    return st;
}

enum hm_status hm_revision_check(const struct hm_revision_row *row,
                                 const struct hm_trust_now *trust, int64_t now_ms,
                                 struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_statement_ctx ctx = {
        .root = &trust->root, .fleet = trust->fleet, .now_ms = now_ms};
    struct hm_err why = {.status = HM_OK};
    struct hm_statement statement;
    struct hm_envelope envelope;
    enum hm_status st;

    if (!trust->has_root) {
        return hm_fail_code(err, HM_ECONFLICT, "no_trust_root",
                            "this fleet has no approvers yet: \"hmctl trust\" enrols the first");
    }
    st = hm_envelope_read(row->envelope, arena, &envelope, &why);
    if (st == HM_OK) {
        st = hm_statement_check(&envelope, &ctx, arena, &statement, NULL, &why);
    }
    if (st == HM_OK &&
        (strcmp(statement.policy, row->policy) != 0 || statement.revision != row->revision ||
         strcmp(statement.digest, row->digest) != 0)) {
        st = hm_fail_code(&why, HM_EDENIED, HM_REFUSED_ALTERED,
                          "the statement is about another revision than the database says");
    }
    if (st == HM_EDENIED || st == HM_EINVAL || st == HM_EIO) {
        return hm_fail_code(err, HM_ECONFLICT, hm_err_code(&why),
                            "hosts would refuse revision %u of \"%s\": %s", row->revision,
                            row->policy, why.text);
    }
    return st == HM_OK ? st : hm_fail(err, st, "%s", why.text);
}
