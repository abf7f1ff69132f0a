/* common/wire/signed.c — policy statements and trust roots: from an envelope to a trusted struct.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/signed.h"

#include <inttypes.h>
#include <string.h>

#include "common/crypto/digest.h"
#include "common/crypto/id.h"
#include "common/wire/records.h"

static enum hm_status malformed(struct hm_err *err, const char *what)
{
    return hm_fail_code(err, HM_EINVAL, HM_REFUSED_MALFORMED, "policy statement: %s", what);
}

/* What a field table cannot say. */
static enum hm_status check_form(const struct hm_statement *statement, struct hm_err *err)
{
    if (!hm_id_is_valid(statement->fleet)) {
        return malformed(err, "its fleet is no identifier of 26 characters");
    }
    if (!hm_digest_text_is_valid(statement->digest)) {
        return malformed(err, "its digest is none");
    }
    if (statement->author_key_id[0] != '\0' && !hm_key_id_is_valid(statement->author_key_id)) {
        return malformed(err, "its author's key id is none");
    }
    return HM_OK;
}

/* A body that was signed, or shall be shown, as a record. */
static enum hm_status read_body(const struct hm_record *record, const struct hm_span *body,
                                struct hm_arena *arena, void *out, struct hm_err *err)
{
    struct hm_err why = {.text = ""};
    enum hm_status st = hm_record_decode(record, body->at, body->len, true, arena, out, NULL, &why);

    if (st == HM_OK || st == HM_ENOMEM) {
        return st == HM_OK ? st : hm_fail(err, st, "%s", why.text);
    }
    return hm_fail_code(err, HM_EINVAL, HM_REFUSED_MALFORMED, "%s: %s", record->name, why.text);
}

/* Writes a record and puts it into an envelope; reads it again, so that nothing is ever signed
 * that no agent would read. */
static enum hm_status enclose(const struct hm_record *record, const void *in, const char *type,
                              void *again, struct hm_arena *arena, struct hm_envelope *out_envelope,
                              struct hm_err *err)
{
    struct hm_buf json;
    enum hm_status st;

    hm_buf_init(&json, HM_LIMIT_SIGNED_BODY_BYTES);
    st = hm_record_encode(record, in, &json, err);
    if (st == HM_OK) {
        const struct hm_span body = {json.data, json.len};

        st = read_body(record, &body, arena, again, err);
    }
    if (st == HM_OK) {
        st = hm_envelope_new(type, json.data, json.len, arena, out_envelope, err);
    }
    hm_buf_fini(&json);
    return st;
}

static enum hm_status read_envelope(const struct hm_record *record, const char *type,
                                    const struct hm_envelope *envelope, struct hm_arena *arena,
                                    void *out, struct hm_err *err)
{
    struct hm_span body;
    enum hm_status st;

    if (strcmp(envelope->type, type) != 0) {
        return hm_fail_code(err, HM_EDENIED, HM_REFUSED_WRONG_TYPE,
                            "the envelope holds another kind of document than %s", type);
    }
    st = hm_envelope_body(envelope, arena, &body, err);
    return st == HM_OK ? read_body(record, &body, arena, out, err) : st;
}

enum hm_status hm_statement_encode(const struct hm_statement *statement, struct hm_arena *arena,
                                   struct hm_envelope *out_envelope, struct hm_err *err)
{
    struct hm_statement again;
    enum hm_status st = check_form(statement, err);

    if (st == HM_OK && statement->content[0] != '\0') {
        st = hm_statement_check_content(statement, statement->content, strlen(statement->content),
                                        err);
    }
    if (st == HM_OK) {
        st = enclose(&hm_record_statement, statement, HM_SIGNED_STATEMENT, &again, arena,
                     out_envelope, err);
    }
    return st;
}

enum hm_status hm_trust_root_encode(const struct hm_trust_root *root, struct hm_arena *arena,
                                    struct hm_envelope *out_envelope, struct hm_err *err)
{
    struct hm_trust_root again;
    enum hm_status st = hm_trust_root_check(root, err);

    if (st == HM_OK) {
        st = enclose(&hm_record_trust_root, root, HM_SIGNED_TRUST_ROOT, &again, arena, out_envelope,
                     err);
    }
    return st;
}

enum hm_status hm_statement_decode(const struct hm_envelope *envelope, struct hm_arena *arena,
                                   struct hm_statement *out_statement, struct hm_err *err)
{
    struct hm_statement statement;
    enum hm_status st =
        read_envelope(&hm_record_statement, HM_SIGNED_STATEMENT, envelope, arena, &statement, err);

    if (st == HM_OK) {
        st = check_form(&statement, err);
    }
    if (st == HM_OK) {
        *out_statement = statement;
    }
    return st;
}

enum hm_status hm_trust_root_decode(const struct hm_envelope *envelope, struct hm_arena *arena,
                                    struct hm_trust_root *out_root, struct hm_err *err)
{
    struct hm_trust_root root;
    enum hm_status st =
        read_envelope(&hm_record_trust_root, HM_SIGNED_TRUST_ROOT, envelope, arena, &root, err);

    if (st == HM_OK) {
        st = hm_trust_root_check(&root, err);
    }
    if (st == HM_OK) {
        *out_root = root;
    }
    return st;
}

static enum hm_status check_revision(const struct hm_statement *statement,
                                     const struct hm_statement_ctx *ctx, struct hm_err *err)
{
    for (size_t i = 0; i < ctx->seen_count; i++) {
        const struct hm_policy_seen *seen = &ctx->seen[i];

        if (strcmp(seen->policy, statement->policy) != 0) {
            continue;
        }
        if (statement->revision < seen->revision) {
            return hm_fail_code(err, HM_EDENIED, HM_REFUSED_REPLAYED,
                                "revision %" PRIu64 " of a policy whose revision %" PRIu64
                                " was accepted already",
                                statement->revision, seen->revision);
        }
        if (statement->revision == seen->revision && strcmp(seen->digest, statement->digest) != 0) {
            return hm_fail_code(err, HM_EDENIED, HM_REFUSED_REPLAYED,
                                "revision %" PRIu64 " was accepted already, with another content",
                                statement->revision);
        }
    }
    return HM_OK;
}

static enum hm_status check_place_and_time(const struct hm_statement *statement,
                                           const struct hm_statement_ctx *ctx, struct hm_err *err)
{
    enum hm_status st;

    if (strcmp(statement->fleet, ctx->fleet) != 0 || strcmp(ctx->root->fleet, ctx->fleet) != 0) {
        return hm_fail_code(err, HM_EDENIED, HM_REFUSED_WRONG_FLEET,
                            "this policy was signed for another fleet");
    }
    st = check_revision(statement, ctx, err);
    if (st != HM_OK) {
        return st;
    }
    if (ctx->now_ms >= statement->expires) {
        return hm_fail_code(err, HM_EDENIED, HM_REFUSED_EXPIRED,
                            "this policy has expired; is the clock right? if so, have it reviewed "
                            "and signed again");
    }
    return HM_OK;
}

enum hm_status hm_statement_check(const struct hm_envelope *envelope,
                                  const struct hm_statement_ctx *ctx, struct hm_arena *arena,
                                  struct hm_statement *out_statement,
                                  struct hm_envelope_signers *out_signers, struct hm_err *err)
{
    struct hm_envelope_signers signers;
    struct hm_statement statement;
    enum hm_status st =
        hm_trust_root_verify(ctx->root, envelope, HM_SIGNED_STATEMENT, arena, &signers, err);

    if (st == HM_OK) {
        st = read_body(&hm_record_statement, &signers.body, arena, &statement, err);
    }
    if (st == HM_OK) {
        st = check_form(&statement, err);
    }
    if (st == HM_OK) {
        st = hm_trust_root_check_author(ctx->root, &signers, statement.author,
                                        statement.author_key_id, err);
    }
    if (st == HM_OK) {
        st = check_place_and_time(&statement, ctx, err);
    }
    if (st == HM_OK && statement.content[0] != '\0') {
        st = hm_statement_check_content(&statement, statement.content, strlen(statement.content),
                                        err);
    }
    if (st != HM_OK) {
        return st;
    }
    *out_statement = statement;
    if (out_signers != NULL) {
        *out_signers = signers;
    }
    return HM_OK;
}

enum hm_status hm_statement_check_content(const struct hm_statement *statement, const void *content,
                                          size_t len, struct hm_err *err)
{
    char digest[HM_DIGEST_TEXT_BYTES];

    hm_digest_text(content, len, digest);
    if (strcmp(digest, statement->digest) != 0) {
        return hm_fail_code(err, HM_EDENIED, HM_REFUSED_ALTERED,
                            "the policy document is not the one that was signed");
    }
    return HM_OK;
}

enum hm_status hm_trust_root_accept(const struct hm_trust_root *root,
                                    const struct hm_envelope *envelope, struct hm_arena *arena,
                                    struct hm_trust_root *out_root, struct hm_err *err)
{
    struct hm_trust_root next;
    enum hm_status st = HM_OK;

    if (root != NULL) { /* nothing is read of it before those whom we trust have signed it */
        st = hm_trust_root_verify(root, envelope, HM_SIGNED_TRUST_ROOT, arena, NULL, err);
    }
    if (st == HM_OK) {
        st = hm_trust_root_decode(envelope, arena, &next, err);
    }
    if (st == HM_OK) {
        st = hm_trust_root_verify(&next, envelope, HM_SIGNED_TRUST_ROOT, arena, NULL, err);
    }
    if (st == HM_OK && root != NULL) {
        st = hm_trust_root_follows(root, &next, err);
    }
    if (st == HM_OK) {
        *out_root = next;
    }
    return st;
}
